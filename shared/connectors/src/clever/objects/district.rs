//! The district: is it ours, and is what Clever shows of it to be believed (C5)?

use super::Record;
use crate::clever::wire::{self, Field, Text};
use crate::fetch::{Doubt, FetchError, Malformation};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Deserialize;
use std::collections::BTreeSet;

/// How much earlier a day begins somewhere on Earth than in UTC.
const DAY_BEGINS_BEFORE: SignedDuration = SignedDuration::from_hours(14);

/// How much later a day ends somewhere on Earth than in UTC.
const DAY_ENDS_AFTER: SignedDuration = SignedDuration::from_hours(12);

#[derive(Debug, Deserialize)]
struct RawDistrict<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default)]
    name: Field<Text<'a>>,
    #[serde(borrow, default)]
    state: Field<Text<'a>>,
    #[serde(borrow, default)]
    error: Field<Text<'a>>,
    #[serde(borrow, default)]
    pause_start: Field<Text<'a>>,
    #[serde(borrow, default)]
    pause_end: Field<Text<'a>>,
}

impl<'a> Record<'a> for RawDistrict<'a> {
    fn id(&self) -> &Field<Text<'a>> {
        &self.id
    }
}

/// What a district says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::clever) struct District {
    /// Its name.
    pub(in crate::clever) name: String,
    /// Why nobody may count as absent.
    pub(in crate::clever) doubts: BTreeSet<Doubt>,
}

/// Why an answer about districts is not one about ours.
#[derive(Debug)]
pub(in crate::clever) enum NotOurs {
    Failed(FetchError),
    Malformed(Malformation),
}

/// Reads the answer of `/districts`, which has exactly the district that the token is for.
pub(in crate::clever) fn parse_districts(
    body: &[u8],
    wanted: &str,
    now: Timestamp,
) -> Result<District, NotOurs> {
    let text = wire::text(body);
    let page = wire::parse_page(&text).map_err(NotOurs::Malformed)?;
    let mut elements = page.elements.into_iter();
    let Some(raw) = elements.next() else {
        return Err(NotOurs::Failed(FetchError::DistrictNotShared));
    };
    let district: RawDistrict<'_> =
        wire::parse_envelope(raw.get()).map_err(|_| NotOurs::Malformed(Malformation::Shape))?;
    let (Ok(Some(id)), None) = (district.id.text("id"), elements.next()) else {
        return Err(NotOurs::Malformed(Malformation::Shape));
    };
    if id != wanted {
        return Err(NotOurs::Failed(FetchError::DistrictNotShared));
    }
    let name = district.name.text("name").ok().flatten();
    Ok(District {
        name: super::shorten(name.unwrap_or_default()).0,
        doubts: district.doubts(now),
    })
}

impl RawDistrict<'_> {
    /// Whatever is not known to be well is a doubt.
    fn doubts(&self, now: Timestamp) -> BTreeSet<Doubt> {
        let mut doubts = BTreeSet::new();
        match self.state.text("state") {
            Ok(Some("running" | "success")) => {}
            Ok(Some("paused")) => drop(doubts.insert(Doubt::Paused)),
            Ok(_) | Err(_) => drop(doubts.insert(Doubt::NotRunning)),
        }
        if !matches!(self.error.text("error"), Ok(None)) {
            doubts.insert(Doubt::NotRunning);
        }
        if self.is_paused(now) {
            doubts.insert(Doubt::Paused);
        }
        doubts
    }

    /// Whether it is between the two ends of a pause. One that can't be read may be any time.
    fn is_paused(&self, now: Timestamp) -> bool {
        let (Ok(start), Ok(end)) = (
            self.pause_start.text("pause_start"),
            self.pause_end.text("pause_end"),
        ) else {
            return true;
        };
        if start.is_none() && end.is_none() {
            return false;
        }
        let has_begun = start.is_none_or(|start| begin(start).is_none_or(|begin| begin <= now));
        let has_ended = end.is_some_and(|text| self::end(text).is_some_and(|end| end < now));
        has_begun && !has_ended
    }
}

/// When a pause begins, at the earliest.
fn begin(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let day: Date = text.parse().ok()?;
        let begin = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
        begin.checked_sub(DAY_BEGINS_BEFORE).ok()
    })
}

/// When a pause ends, at the latest. A day counts as a whole.
fn end(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let day: Date = text.parse().ok()?;
        let next = day.checked_add(1.day()).ok()?;
        let end = next.to_zoned(TimeZone::UTC).ok()?.timestamp();
        end.checked_add(DAY_ENDS_AFTER).ok()
    })
}
