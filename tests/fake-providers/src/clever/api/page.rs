//! Pages by range of ids, with links to the pages around (PROVIDERS 4.4).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::query::{Place, Query};
use super::{Context, no_events};
use crate::clever::exchange::Exchange;
use crate::clever::id::ObjectId;
use crate::clever::reply::{Reply, not_found};
use crate::clever::roster::{Kind, Version};
use crate::lock::lock;

/// What tests may change about pages.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Shape {
    /// The last page has a next one, which is empty.
    pub(in super::super) trailing_empty_page: bool,
}

/// A list: what it is of, and the ids in it.
pub(super) struct Listing<'a> {
    kind: Kind,
    ids: Cow<'a, BTreeSet<ObjectId>>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(kind: Kind, ids: Cow<'a, BTreeSet<ObjectId>>) -> Self {
        Self { kind, ids }
    }
}

type Address = (String, Vec<(String, String)>);

/// The numbers of the pages to which links were given, so that faults can name a page.
#[derive(Debug, Default)]
pub(in super::super) struct Pages {
    numbers: Mutex<BTreeMap<Address, u32>>,
}

impl Pages {
    /// The number of the page asked for, if it is the first or a link led here.
    pub(in super::super) fn number(&self, exchange: &Exchange) -> Option<u32> {
        let places = ["starting_after", "ending_before"];
        if places.iter().all(|name| exchange.parameter(name).is_none()) {
            return Some(1);
        }
        let address = address(&exchange.path, exchange.pairs.clone());
        lock(&self.numbers).get(&address).copied()
    }

    /// Forgets every link.
    pub(in super::super) fn clear(&self) {
        lock(&self.numbers).clear();
    }

    fn note_next(&self, exchange: &Exchange, after: ObjectId) {
        if let Some(number) = self.number(exchange) {
            let pairs = exchange.pairs_at(Some(("starting_after", after)));
            let address = address(&exchange.path, pairs);
            lock(&self.numbers).insert(address, number.saturating_add(1));
        }
    }
}

fn address(path: &str, mut pairs: Vec<(String, String)>) -> Address {
    pairs.sort_unstable();
    (path.to_owned(), pairs)
}

/// The ids of a page.
fn window(ids: &BTreeSet<ObjectId>, place: Place, limit: Option<usize>) -> Vec<ObjectId> {
    let limit = limit.unwrap_or(usize::MAX);
    let backwards = |ids: &mut dyn DoubleEndedIterator<Item = &ObjectId>| {
        let mut page: Vec<_> = ids.rev().take(limit).copied().collect();
        page.reverse();
        page
    };
    match place {
        Place::First => ids.iter().take(limit).copied().collect(),
        Place::After(id) => after(ids, id).take(limit).copied().collect(),
        Place::Before(id) => backwards(&mut ids.range(..id)),
        Place::Last => backwards(&mut ids.iter()),
    }
}

fn after(ids: &BTreeSet<ObjectId>, id: ObjectId) -> impl Iterator<Item = &ObjectId> {
    ids.range((Bound::Excluded(id), Bound::Unbounded))
}

/// The links of a page.
fn links(
    context: &Context<'_>,
    query: &Query,
    ids: &BTreeSet<ObjectId>,
    page: &[ObjectId],
) -> Value {
    let exchange = context.exchange;
    let mut links = vec![json!({ "rel": "self", "uri": exchange.own_uri() })];
    let (Some(first), Some(last), Some(_)) = (page.first(), page.last(), query.limit) else {
        return Value::Array(links);
    };
    let is_more = after(ids, *last).next().is_some();
    if is_more || context.shape.trailing_empty_page {
        context.pages.note_next(exchange, *last);
        let uri = exchange.uri_at(Some(("starting_after", *last)));
        links.push(json!({ "rel": "next", "uri": uri }));
    }
    if ids.range(..*first).next().is_some() {
        let uri = exchange.uri_at(Some(("ending_before", *first)));
        links.push(json!({ "rel": "prev", "uri": uri }));
    }
    Value::Array(links)
}

/// Joins records that are written, each with its address, to an answer.
fn envelope(
    page: &[ObjectId],
    base: &str,
    links: &Value,
    count: Option<usize>,
    mut write: impl FnMut(ObjectId, &mut Vec<u8>) -> bool,
) -> Reply {
    let mut out = b"{\"data\":[".to_vec();
    for id in page {
        let start = out.len();
        if out.last() != Some(&b'[') {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"data\":");
        if write(*id, &mut out) {
            out.extend_from_slice(format!(",\"uri\":\"{base}/{id}\"}}").as_bytes());
        } else {
            out.truncate(start);
        }
    }
    out.extend_from_slice(format!("],\"links\":{links}").as_bytes());
    if let Some(count) = count {
        out.extend_from_slice(format!(",\"count\":{count}").as_bytes());
    }
    out.push(b'}');
    Reply::bytes(200, out)
}

/// A page of records.
pub(super) fn answer(
    context: &Context<'_>,
    version: Version,
    query: &Query,
    listing: &Listing<'_>,
) -> Reply {
    let page = window(&listing.ids, query.place, query.limit);
    let base = format!("{}/{}", version.prefix(), listing.kind.name());
    let links = links(context, query, &listing.ids, &page);
    let count = query.count.then(|| listing.ids.len());
    let write = |id, out: &mut Vec<u8>| context.roster.write(listing.kind, id, version, out);
    envelope(&page, &base, &links, count, write)
}

/// One record.
pub(super) fn single(
    context: &Context<'_>,
    version: Version,
    kind: Kind,
    id: ObjectId,
) -> Result<Reply, Reply> {
    let mut out = b"{\"data\":".to_vec();
    if !context.roster.write(kind, id, version, &mut out) {
        return Err(not_found());
    }
    let uri = format!("{}/{}/{id}", version.prefix(), kind.name());
    let links = json!([{ "rel": "self", "uri": uri }]);
    out.extend_from_slice(format!(",\"links\":{links}}}").as_bytes());
    Ok(Reply::bytes(200, out))
}

/// A page of events. A place that is unknown or too old is refused with 404: who asks for it has
/// missed something and must read everything again.
pub(super) fn events(
    context: &Context<'_>,
    version: Version,
    query: &Query,
) -> Result<Reply, Reply> {
    let events = context.events.ok_or_else(no_events)?;
    if let Place::After(id) | Place::Before(id) = query.place {
        events.get(id).ok_or_else(not_found)?;
    }
    let ids = events.ids(&query.record_types, query.school);
    let page = window(&ids, query.place, query.limit);
    let base = format!("{}/events", version.prefix());
    let links = links(context, query, &ids, &page);
    let write = |id, out: &mut Vec<u8>| {
        let event = events.get(id);
        let text = event.map(|event| event.wire(id, version).to_string());
        out.extend_from_slice(text.as_deref().unwrap_or_default().as_bytes());
        text.is_some()
    };
    Ok(envelope(&page, &base, &links, None, write))
}

/// One event.
pub(super) fn event(
    context: &Context<'_>,
    version: Version,
    id: Option<ObjectId>,
) -> Result<Reply, Reply> {
    let events = context.events.ok_or_else(no_events)?;
    let id = id.ok_or_else(not_found)?;
    let event = events.get(id).ok_or_else(not_found)?;
    let links = json!([{ "rel": "self", "uri": format!("{}/events/{id}", version.prefix()) }]);
    let body = json!({ "data": event.wire(id, version), "links": links });
    Ok(Reply::json(200, &body))
}
