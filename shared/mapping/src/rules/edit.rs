//! Edits of a rule set: each either happens whole and counts the version up, or changes nothing.

use super::{
    Assignment, DefaultIds, EditError, FilterRule, Leaving, MappingSet, OrgUnitLink, RuleSet,
    RuleSetVersion, Subject,
};
use crate::ids::RuleId;
use std::collections::{BTreeMap, BTreeSet};

/// Which ordered list of filter rules an edit concerns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FilterList {
    /// The rules inside this mapping set.
    MappingSet(RuleId),
    /// The rules that decide who is imported.
    Top,
}

impl RuleSet {
    /// Adds a link, or replaces the one with this id. New defaults go to the ends of their lists.
    pub fn put_link(&mut self, link: OrgUnitLink, ids: &DefaultIds) -> Result<(), EditError> {
        self.edit(|rules| {
            let owner = link.id.clone();
            match rules.links.iter_mut().find(|known| known.id == link.id) {
                Some(known) => *known = link,
                None => rules.links.push(link),
            }
            rules.renew_defaults(&owner, ids);
            Ok(())
        })
    }

    /// Removes a link with its defaults.
    pub fn remove_link(&mut self, id: &RuleId) -> Result<(), EditError> {
        self.edit(|rules| {
            take(&mut rules.links, id, |link| &link.id)?;
            rules.remove_defaults(id);
            Ok(())
        })
    }

    /// Adds an assignment, or replaces the one with this id. New defaults go to the ends of their
    /// lists.
    pub fn put_assignment(
        &mut self,
        assignment: Assignment,
        ids: &DefaultIds,
    ) -> Result<(), EditError> {
        self.edit(|rules| {
            let owner = assignment.id.clone();
            match rules.assignments.iter_mut().find(|known| known.id == owner) {
                Some(known) => *known = assignment,
                None => rules.assignments.push(assignment),
            }
            rules.renew_defaults(&owner, ids);
            Ok(())
        })
    }

    /// Removes an assignment with its defaults.
    pub fn remove_assignment(&mut self, id: &RuleId) -> Result<(), EditError> {
        self.edit(|rules| {
            take(&mut rules.assignments, id, |assignment| &assignment.id)?;
            rules.remove_defaults(id);
            Ok(())
        })
    }

    /// Adds a filter rule at an index of its list; at the end if `None` or beyond it.
    pub fn add_filter(
        &mut self,
        list: &FilterList,
        rule: FilterRule,
        at: Option<usize>,
    ) -> Result<(), EditError> {
        self.edit(|rules| {
            refuse_default(&rule.id, rule.default_of.as_ref())?;
            insert(rules.filter_list(list)?, rule, at);
            Ok(())
        })
    }

    /// Replaces the filter rule that has the same id, in its place.
    pub fn replace_filter(&mut self, list: &FilterList, rule: FilterRule) -> Result<(), EditError> {
        self.edit(|rules| {
            let known = find(rules.filter_list(list)?, &rule.id, |known| &known.id)?;
            refuse_default(
                &rule.id,
                known.default_of.as_ref().or(rule.default_of.as_ref()),
            )?;
            *known = rule;
            Ok(())
        })
    }

    /// Removes a filter rule.
    pub fn remove_filter(&mut self, list: &FilterList, id: &RuleId) -> Result<(), EditError> {
        self.edit(|rules| {
            let removed = take(rules.filter_list(list)?, id, |rule| &rule.id)?;
            refuse_default(id, removed.default_of.as_ref())
        })
    }

    /// Moves a filter rule to an index of its list, counted without the rule itself.
    pub fn move_filter(
        &mut self,
        list: &FilterList,
        id: &RuleId,
        to: usize,
    ) -> Result<(), EditError> {
        self.edit(|rules| {
            let filters = rules.filter_list(list)?;
            let rule = take(filters, id, |rule| &rule.id)?;
            insert(filters, rule, Some(to));
            Ok(())
        })
    }

    /// Puts a list of filter rules into a new order, which names each rule exactly once.
    pub fn reorder_filters(
        &mut self,
        list: &FilterList,
        order: &[RuleId],
    ) -> Result<(), EditError> {
        self.edit(|rules| reorder(rules.filter_list(list)?, order, |rule| &rule.id))
    }

    /// Adds a mapping set at an index; at the end if `None` or beyond it.
    pub fn add_mapping_set(&mut self, set: MappingSet, at: Option<usize>) -> Result<(), EditError> {
        self.edit(|rules| {
            refuse_default(&set.id, set.default_of.as_ref())?;
            insert(&mut rules.mapping_sets, set, at);
            Ok(())
        })
    }

    /// Replaces the mapping set that has the same id, in its place, with its filter rules.
    pub fn replace_mapping_set(&mut self, set: MappingSet) -> Result<(), EditError> {
        self.edit(|rules| {
            let known = find(&mut rules.mapping_sets, &set.id, |known| &known.id)?;
            refuse_default(
                &set.id,
                known.default_of.as_ref().or(set.default_of.as_ref()),
            )?;
            *known = set;
            Ok(())
        })
    }

    /// Removes a mapping set.
    pub fn remove_mapping_set(&mut self, id: &RuleId) -> Result<(), EditError> {
        self.edit(|rules| {
            let removed = take(&mut rules.mapping_sets, id, |set| &set.id)?;
            refuse_default(id, removed.default_of.as_ref())
        })
    }

    /// Moves a mapping set to an index, counted without the set itself.
    pub fn move_mapping_set(&mut self, id: &RuleId, to: usize) -> Result<(), EditError> {
        self.edit(|rules| {
            let set = take(&mut rules.mapping_sets, id, |set| &set.id)?;
            insert(&mut rules.mapping_sets, set, Some(to));
            Ok(())
        })
    }

    /// Puts the mapping sets into a new order, which names each set exactly once.
    pub fn reorder_mapping_sets(&mut self, order: &[RuleId]) -> Result<(), EditError> {
        self.edit(|rules| reorder(&mut rules.mapping_sets, order, |set| &set.id))
    }

    /// Says what happens to accounts whose people leave.
    pub fn set_leaving(&mut self, leaving: Leaving) -> Result<(), EditError> {
        self.edit(|rules| {
            rules.leaving = leaving;
            Ok(())
        })
    }

    /// Takes over a rule set that a client sent; the version goes on from this one's.
    pub fn replace(&mut self, with: RuleSet) -> Result<(), EditError> {
        self.edit(|rules| {
            *rules = with;
            Ok(())
        })
    }

    /// Follows org units that were renamed or moved at the source: `paths` has the present path
    /// by the provider's unit id. Says whether anything changed; only then the version counts up.
    /// Expressions written by hand stay as they are.
    pub fn follow_units(&mut self, paths: &BTreeMap<String, String>) -> Result<bool, EditError> {
        let moved: BTreeSet<RuleId> = self
            .units()
            .filter(|(_, unit)| {
                (unit.id.as_ref().and_then(|id| paths.get(id)))
                    .is_some_and(|path| *path != unit.path)
            })
            .map(|(id, _)| id.clone())
            .collect();
        if moved.is_empty() {
            return Ok(false);
        }
        self.edit(|rules| {
            let links = rules.links.iter_mut().map(|link| &mut link.unit);
            let assigned = rules.assignments.iter_mut().filter_map(|assignment| {
                match &mut assignment.subject {
                    Subject::Group { .. } => None,
                    Subject::OrgUnit { unit, .. } => Some(unit),
                }
            });
            for unit in links.chain(assigned) {
                if let Some(path) = unit.id.as_ref().and_then(|id| paths.get(id)) {
                    unit.path.clone_from(path);
                }
            }
            for owner in &moved {
                rules.refresh_defaults(owner);
            }
            Ok(())
        })?;
        Ok(true)
    }

    /// Edits a copy, checks it whole and only then takes it over.
    pub(super) fn edit(
        &mut self,
        change: impl FnOnce(&mut RuleSet) -> Result<(), EditError>,
    ) -> Result<(), EditError> {
        let mut edited = self.clone();
        change(&mut edited)?;
        edited.validate()?;
        edited.version = RuleSetVersion(self.version.0.saturating_add(1));
        *self = edited;
        Ok(())
    }

    fn filter_list(&mut self, list: &FilterList) -> Result<&mut Vec<FilterRule>, EditError> {
        match list {
            FilterList::MappingSet(id) => {
                let set = find(&mut self.mapping_sets, id, |set| &set.id)?;
                refuse_default(id, set.default_of.as_ref())?;
                Ok(&mut set.filters)
            }
            FilterList::Top => Ok(&mut self.filters),
        }
    }
}

fn refuse_default(id: &RuleId, default_of: Option<&RuleId>) -> Result<(), EditError> {
    match default_of {
        Some(_) => Err(EditError::DefaultFixed { id: id.clone() }),
        None => Ok(()),
    }
}

fn insert<T>(list: &mut Vec<T>, entry: T, at: Option<usize>) {
    let at = at.unwrap_or(list.len()).min(list.len());
    list.insert(at, entry);
}

fn find<'a, T>(
    list: &'a mut [T],
    id: &RuleId,
    id_of: impl Fn(&T) -> &RuleId,
) -> Result<&'a mut T, EditError> {
    list.iter_mut()
        .find(|entry| id_of(entry) == id)
        .ok_or_else(|| EditError::Unknown { id: id.clone() })
}

fn take<T>(list: &mut Vec<T>, id: &RuleId, id_of: impl Fn(&T) -> &RuleId) -> Result<T, EditError> {
    match list.iter().position(|entry| id_of(entry) == id) {
        Some(at) => Ok(list.remove(at)),
        None => Err(EditError::Unknown { id: id.clone() }),
    }
}

fn reorder<T>(
    list: &mut Vec<T>,
    order: &[RuleId],
    id_of: impl Fn(&T) -> &RuleId,
) -> Result<(), EditError> {
    if order.len() != list.len() {
        return Err(EditError::NotPermutation);
    }
    let mut by_id: BTreeMap<RuleId, T> = std::mem::take(list)
        .into_iter()
        .map(|entry| (id_of(&entry).clone(), entry))
        .collect();
    for id in order {
        list.push(by_id.remove(id).ok_or(EditError::NotPermutation)?);
    }
    Ok(())
}
