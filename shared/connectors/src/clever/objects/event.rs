//! Events: which object changed. What it is now is not taken from them.

use super::{OnlyId, Record, external_id};
use crate::clever::changes::ChangedPage;
use crate::clever::wire::{self, Field, Object, Page, Text};
use crate::fetch::Malformation;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default, rename = "type")]
    kind: Field<Text<'a>>,
    #[serde(borrow, default)]
    created: Field<Text<'a>>,
    #[serde(borrow, default)]
    data: Field<Object<EventData<'a>>>,
}

#[derive(Deserialize)]
struct EventData<'a> {
    #[serde(borrow, default)]
    object: Field<Object<OnlyId<'a>>>,
}

/// Reads the answer about a single event: its id, and when it happened if that can be read.
pub(in crate::clever) fn parse_event(
    body: &[u8],
) -> Result<(String, Option<Timestamp>), Malformation> {
    let text = wire::text(body);
    let event: Event<'_> = wire::parse_envelope(&text)?;
    let id = external_id(&event.id).map_err(|_| Malformation::Shape)?;
    let created = event.created.text("created").ok().flatten();
    Ok((id.into(), created.and_then(|text| text.parse().ok())))
}

/// What the events of a page touch, and the events' ids; `None` when one can't be read.
pub(in crate::clever) fn read_events(page: &Page<'_>) -> Option<(ChangedPage, Vec<String>)> {
    let mut changed = ChangedPage::default();
    let mut ids = Vec::with_capacity(page.elements.len());
    for raw in &page.elements {
        let event: Event<'_> = wire::parse_envelope(raw.get()).ok()?;
        ids.push(String::from(external_id(&event.id).ok()?));
        let (record, _) = event.kind.text("type").ok()??.split_once('.')?;
        match record {
            "users" => {
                let object = event.data.value()?.object.value()?;
                changed.users.insert(external_id(object.id()).ok()?);
            }
            "schools" => changed.schools_changed = true,
            "sections" => changed.classes_changed = true,
            // Not asked for, and nothing that a person depends on.
            _ => {}
        }
        changed.events += 1;
    }
    Some((changed, ids))
}
