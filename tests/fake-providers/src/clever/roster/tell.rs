//! The events that tell of a change.
//!
//! They come from comparing what the application saw of each record concerned before and after,
//! so that whatever a change does to what is shown is told, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Kind, Roster, Texts, Version, wire};
use crate::clever::events::{Event, Told, What};
use crate::clever::id::ObjectId;

/// The records that a change may change.
pub(super) type Touched = BTreeSet<(Kind, ObjectId)>;

/// What the application sees of a record.
pub(super) struct View {
    v30: Value,
    v31: Value,
    schools: BTreeSet<ObjectId>,
}

/// The records concerned with what was seen of each.
pub(super) type Views = Vec<(Kind, ObjectId, Option<View>)>;

impl Roster {
    /// What the application sees of some records.
    pub(super) fn views(&self, touched: &Touched) -> Views {
        let keys = touched.iter().copied();
        keys.map(|(kind, id)| (kind, id, self.view(kind, id)))
            .collect()
    }

    /// The events that tell what became of the records since, in the order in which they apply.
    pub(super) fn tell(&mut self, before: Views, now_ms: i64) -> Vec<Event> {
        for (kind, id, _) in &before {
            self.refresh(*kind, *id);
        }
        let mut told: Vec<_> = before
            .into_iter()
            .filter_map(|(kind, id, before)| self.tell_one(kind, id, before, now_ms))
            .collect();
        told.sort_by_key(order);
        told
    }

    /// Forgets the texts of a record, and finds out anew whether it is shown.
    fn refresh(&mut self, kind: Kind, id: ObjectId) {
        let texts = match kind {
            Kind::Schools => self.schools.get_mut(&id).map(|slot| &mut slot.texts),
            Kind::Sections => self.sections.get_mut(&id).map(|slot| &mut slot.texts),
            Kind::Users => self.users.get_mut(&id).map(|slot| &mut slot.texts),
            Kind::Courses | Kind::Districts | Kind::Resources | Kind::Terms => None,
        };
        if let Some(texts) = texts {
            *texts = Texts::default();
        }
        if kind == Kind::Users {
            self.show_user(id);
        }
    }

    fn set_modified(&mut self, kind: Kind, id: ObjectId, now_ms: i64) {
        let modified = match kind {
            Kind::Schools => self
                .schools
                .get_mut(&id)
                .map(|slot| &mut slot.record.modified_ms),
            Kind::Sections => self
                .sections
                .get_mut(&id)
                .map(|slot| &mut slot.record.modified_ms),
            Kind::Users => self
                .users
                .get_mut(&id)
                .map(|slot| &mut slot.record.modified_ms),
            Kind::Courses | Kind::Districts | Kind::Resources | Kind::Terms => None,
        };
        if let Some(modified) = modified {
            *modified = now_ms;
        }
        self.refresh(kind, id);
    }

    fn view(&self, kind: Kind, id: ObjectId) -> Option<View> {
        let schools = match kind {
            Kind::Schools => BTreeSet::from([id]),
            Kind::Sections => self
                .section(id)
                .map(|section| section.school)
                .into_iter()
                .collect(),
            Kind::Users => self.user(id)?.schools().collect(),
            Kind::Courses | Kind::Districts | Kind::Resources | Kind::Terms => BTreeSet::new(),
        };
        Some(View {
            v30: wire::value(self, kind, id, Version::V30)?,
            v31: wire::value(self, kind, id, Version::V31)?,
            schools,
        })
    }

    /// The event that tells how a record differs from before, if it does.
    fn tell_one(
        &mut self,
        kind: Kind,
        id: ObjectId,
        before: Option<View>,
        now_ms: i64,
    ) -> Option<Event> {
        let after = self.view(kind, id);
        let (what, view, previous) = match (before, after) {
            (None, None) => return None,
            (None, Some(after)) => (What::Created, after, (Map::new(), Map::new())),
            (Some(before), None) => (What::Deleted, before, (Map::new(), Map::new())),
            (Some(before), Some(after)) => {
                let previous = (
                    previous(&before.v30, &after.v30),
                    previous(&before.v31, &after.v31),
                );
                if previous.1.is_empty() {
                    return None;
                }
                self.set_modified(kind, id, now_ms);
                let mut after = self.view(kind, id)?;
                after.schools.extend(before.schools);
                (What::Updated, after, previous)
            }
        };
        let told = |object, previous| Told { object, previous };
        Some(Event {
            at_ms: now_ms,
            kind,
            what,
            schools: view.schools,
            v30: told(view.v30, previous.0),
            v31: told(view.v31, previous.1),
        })
    }
}

/// What is deleted goes first, and nothing names what is not there yet.
fn order(event: &Event) -> (bool, u8) {
    let is_deleted = event.what == What::Deleted;
    let place = match event.kind {
        Kind::Districts => 0,
        Kind::Schools => 1,
        Kind::Courses | Kind::Resources | Kind::Terms => 2,
        Kind::Users => 3,
        Kind::Sections => 4,
    };
    (!is_deleted, if is_deleted { 4 - place } else { place })
}

/// The fields that differ, as they were.
fn previous(before: &Value, after: &Value) -> Map<String, Value> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return Map::new();
    };
    let differs = |(name, value): &(&String, &Value)| {
        *name != "last_modified" && after.get(*name) != Some(*value)
    };
    let fields = before.iter().filter(differs);
    fields
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
