//! What one bucket of a snapshot shows beside people.

use super::SchoolingRow;
use mapping::ids::ExternalId;
use mapping::schooling::{ClassMember, Schooling};
use std::collections::{BTreeMap, BTreeSet};

/// Classes, courses and sessions of one bucket.
#[derive(Debug, Default)]
pub struct Shown {
    /// By the keys of their rows.
    rows: BTreeMap<String, Schooling>,
    /// Who is in which class, by the class's id, where the provider lists that beside the classes.
    members: BTreeMap<ExternalId, Vec<ClassMember>>,
}

impl Shown {
    /// Adds something; what is added later stands.
    pub fn put(&mut self, value: Schooling) {
        self.rows.insert(super::key_of(&value), value);
    }

    /// Adds somebody to a class that may come later.
    pub fn put_member(&mut self, class: ExternalId, member: ClassMember) {
        self.members.entry(class).or_default().push(member);
    }

    /// True when nothing is shown.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.members.is_empty()
    }

    /// The rows, everybody in their classes. Members of classes that are not shown are apart.
    pub(super) fn into_rows(mut self) -> (BTreeMap<String, Schooling>, Self) {
        for row in self.rows.values_mut() {
            if let Schooling::Class(class) = row
                && let Some(mut members) = self.members.remove(&class.id)
            {
                members.append(&mut std::mem::take(&mut class.members).into_iter().collect());
                class.members = members.into_iter().collect();
            }
        }
        let rows = std::mem::take(&mut self.rows);
        (rows, self)
    }

    /// What a read that takes nothing away makes of a row that it may not show: whoever it shows in
    /// the class is added, and nobody goes.
    pub(super) fn added_to(&mut self, old: &SchoolingRow) -> Option<Schooling> {
        let mut class = old.as_class()?.clone();
        let shown = self.members.remove(&class.id)?.into_iter().collect();
        class.members = merged(&class.members, shown);
        Some(Schooling::Class(class))
    }
}

/// A class as a read that takes nothing away shows it, with the members of last time who have no
/// other place in it now.
pub(super) fn keep_members(old: &Schooling, new: &mut Schooling) {
    if let (Schooling::Class(old), Schooling::Class(new)) = (old, new) {
        new.members = merged(&old.members, std::mem::take(&mut new.members));
    }
}

/// The members shown, and those of last time who are not shown in the same role.
fn merged(old: &BTreeSet<ClassMember>, shown: BTreeSet<ClassMember>) -> BTreeSet<ClassMember> {
    let places: BTreeSet<_> = shown
        .iter()
        .map(|member| (&member.person, member.role))
        .collect();
    let kept: Vec<ClassMember> = old
        .iter()
        .filter(|member| !places.contains(&(&member.person, member.role)))
        .cloned()
        .collect();
    shown.into_iter().chain(kept).collect()
}

#[cfg(test)]
pub(super) fn empty_class(id: &ExternalId) -> mapping::schooling::Class {
    mapping::schooling::Class {
        id: id.clone(),
        title: "Biology".to_owned(),
        code: None,
        school: None,
        course: None,
        sessions: [].into(),
        grades: [].into(),
        subjects: [].into(),
        periods: [].into(),
        members: [].into(),
    }
}
