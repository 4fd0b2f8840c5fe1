//! The events of the last thirty days (PROVIDERS 4.5).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::id::ObjectId;
use super::roster::{Kind, Version, instant};

/// How long events are kept.
pub(crate) const EVENTS_KEPT_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// The first digits of every event's id; the rest counts.
const HEAD: u32 = 0x66b0_c0ff;

/// What happened to a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Created,
    Deleted,
    Updated,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Deleted => "deleted",
            Self::Updated => "updated",
        }
    }
}

/// One version of what an event tells.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The record as it is now; of a deleted one, as it was.
    pub(crate) object: Value,
    /// The fields that changed, as they were.
    pub(crate) previous: Map<String, Value>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at_ms: i64,
    pub(crate) kind: Kind,
    pub(crate) what: What,
    /// The schools it concerns.
    pub(crate) schools: BTreeSet<ObjectId>,
    pub(crate) v30: Told,
    pub(crate) v31: Told,
}

/// The events, the oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    kept: VecDeque<Event>,
    /// How many were forgotten.
    forgotten: u64,
}

impl Events {
    /// Adds an event.
    pub(crate) fn push(&mut self, event: Event) {
        self.kept.push_back(event);
    }

    /// Forgets what is too old.
    pub(crate) fn forget(&mut self, now_ms: i64) {
        while self
            .kept
            .front()
            .is_some_and(|event| event.at_ms < now_ms - EVENTS_KEPT_MS)
        {
            self.kept.pop_front();
            self.forgotten += 1;
        }
    }

    /// How many are kept.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The event of an id, if it is kept.
    pub(crate) fn get(&self, id: ObjectId) -> Option<&Event> {
        let number = id.tail_after(HEAD)?;
        let place = number.checked_sub(self.forgotten)?.checked_sub(1)?;
        self.kept.get(usize::try_from(place).ok()?)
    }

    /// The ids of the events of these kinds (of all, if none is given) and this school.
    pub(crate) fn ids(
        &self,
        kinds: &BTreeSet<Kind>,
        school: Option<ObjectId>,
    ) -> BTreeSet<ObjectId> {
        let numbered = (self.forgotten + 1..).zip(&self.kept);
        let matching = numbered.filter(|(_, event)| {
            (kinds.is_empty() || kinds.contains(&event.kind))
                && school.is_none_or(|school| event.schools.contains(&school))
        });
        matching
            .map(|(number, _)| ObjectId::new(HEAD, number))
            .collect()
    }

    /// How many events of each type are kept.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in &self.kept {
            *counts.entry(event.type_name()).or_default() += 1;
        }
        counts
    }
}

impl Event {
    fn type_name(&self) -> String {
        format!("{}.{}", self.kind.name(), self.what.name())
    }

    /// The event as Clever writes it.
    pub(crate) fn wire(&self, id: ObjectId, version: Version) -> Value {
        let told = match version {
            Version::V30 => &self.v30,
            Version::V31 => &self.v31,
        };
        let mut data = json!({ "object": told.object });
        if let (What::Updated, Some(fields)) = (self.what, data.as_object_mut()) {
            let previous = Value::Object(told.previous.clone());
            fields.insert("previous_attributes".to_owned(), previous);
        }
        json!({
            "id": id, "type": self.type_name(), "created": instant(self.at_ms), "data": data,
        })
    }
}
