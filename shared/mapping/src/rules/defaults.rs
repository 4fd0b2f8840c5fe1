//! Links and assignments seen alike, and the default rules and sets that belong to them.

use super::{
    Attribute, Condition, FilterRule, FilterStatus, MappingSet, OrgUnitRef, RuleSet, Subject,
};
use crate::account::{Email, Role, UserType};
use crate::ids::{OrganizationId, RuleId};

/// Ids for the defaults of a link or assignment. Only used for defaults that are not there yet:
/// those that exist keep their ids and places.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DefaultIds {
    /// For the default filter rule.
    pub filter: RuleId,
    /// For the default mapping set.
    pub mapping_set: RuleId,
}

/// Whom a link or assignment covers.
#[derive(Clone, Copy)]
pub(super) enum Coverage<'a> {
    /// The members of the group with this address.
    Group(&'a Email),
    /// The people of this unit; with those of the units below if true.
    Unit(&'a OrgUnitRef, bool),
}

/// A link or an assignment: what owns a default rule and perhaps a default set.
pub(super) struct Owner<'a> {
    pub(super) id: &'a RuleId,
    pub(super) coverage: Coverage<'a>,
    pub(super) organization: Option<&'a OrganizationId>,
    role: Role,
    user_type: Option<UserType>,
}

impl Owner<'_> {
    /// The one form that this owner's default filter rule may have.
    pub(super) fn default_filter(&self, id: RuleId) -> FilterRule {
        let (attribute, condition, expression) = match self.coverage {
            Coverage::Group(address) => (
                Attribute::GroupsMembership,
                Condition::Is,
                address.as_str().to_owned(),
            ),
            Coverage::Unit(unit, false) => {
                (Attribute::OrgUnitPath, Condition::Is, unit.path.clone())
            }
            Coverage::Unit(unit, true) => (
                Attribute::OrgUnitPath,
                Condition::AntPath,
                format!("{}/**", unit.path.trim_end_matches('/')),
            ),
        };
        FilterRule {
            id,
            attribute,
            condition,
            expression,
            status: FilterStatus::Allow,
            default_of: Some(self.id.clone()),
        }
    }

    /// The one form that this owner's default mapping set may have, if it has one.
    pub(super) fn default_set(&self, id: RuleId) -> Option<MappingSet> {
        Some(MappingSet {
            id,
            name: match self.coverage {
                Coverage::Group(address) => address.as_str().to_owned(),
                Coverage::Unit(unit, _) => unit.path.clone(),
            },
            organization: self.organization?.clone(),
            role: self.role,
            user_type: self.user_type,
            grade: None,
            filters: Vec::new(),
            default_of: Some(self.id.clone()),
        })
    }
}

impl RuleSet {
    /// The links and assignments, in order, seen alike.
    pub(super) fn owners(&self) -> impl Iterator<Item = Owner<'_>> {
        let links = self.links.iter().map(|link| Owner {
            id: &link.id,
            coverage: Coverage::Unit(&link.unit, link.include_sub_units),
            organization: Some(&link.organization),
            role: link.role,
            user_type: link.user_type,
        });
        links.chain(self.assignments.iter().map(|assignment| Owner {
            id: &assignment.id,
            coverage: match &assignment.subject {
                Subject::Group { address } => Coverage::Group(address),
                Subject::OrgUnit {
                    unit,
                    include_sub_units,
                } => Coverage::Unit(unit, *include_sub_units),
            },
            organization: assignment.organization.as_ref(),
            role: assignment.account_type.role(),
            user_type: Some(assignment.account_type.user_type()),
        }))
    }

    /// The org units that links and assignments name, with the id of the link or assignment.
    pub(super) fn units(&self) -> impl Iterator<Item = (&RuleId, &OrgUnitRef)> {
        self.owners().filter_map(|owner| match owner.coverage {
            Coverage::Group(_) => None,
            Coverage::Unit(unit, _) => Some((owner.id, unit)),
        })
    }

    /// Brings an owner's defaults into line with it: adds, rewrites in place or removes.
    pub(super) fn renew_defaults(&mut self, owner_id: &RuleId, ids: &DefaultIds) {
        self.refresh_defaults(owner_id);
        let Some(owner) = self.owners().find(|owner| owner.id == owner_id) else {
            return;
        };
        let filter = owner.default_filter(ids.filter.clone());
        let set = owner.default_set(ids.mapping_set.clone());
        let is_default = |default_of: &Option<RuleId>| default_of.as_ref() == Some(owner_id);
        if !self.filters.iter().any(|rule| is_default(&rule.default_of)) {
            self.filters.push(filter);
        }
        if !self
            .mapping_sets
            .iter()
            .any(|set| is_default(&set.default_of))
        {
            self.mapping_sets.extend(set);
        }
    }

    /// Rewrites the defaults that an owner has; removes its set if none is due any more.
    pub(super) fn refresh_defaults(&mut self, owner_id: &RuleId) {
        let is_default = |default_of: &Option<RuleId>| default_of.as_ref() == Some(owner_id);
        let filter = self
            .filters
            .iter()
            .position(|rule| is_default(&rule.default_of));
        let set = self
            .mapping_sets
            .iter()
            .position(|set| is_default(&set.default_of));
        let Some(owner) = self.owners().find(|owner| owner.id == owner_id) else {
            return;
        };
        let new_filter = filter
            .and_then(|at| self.filters.get(at))
            .map(|rule| owner.default_filter(rule.id.clone()));
        let new_set = set
            .and_then(|at| self.mapping_sets.get(at))
            .and_then(|set| owner.default_set(set.id.clone()));
        if let (Some(rule), Some(new)) =
            (filter.and_then(|at| self.filters.get_mut(at)), new_filter)
        {
            *rule = new;
        }
        match (set.and_then(|at| self.mapping_sets.get_mut(at)), new_set) {
            (Some(set), Some(new)) => *set = new,
            (Some(_), None) => self.mapping_sets.retain(|set| !is_default(&set.default_of)),
            (None, _) => {}
        }
    }

    pub(super) fn remove_defaults(&mut self, owner_id: &RuleId) {
        self.filters
            .retain(|rule| rule.default_of.as_ref() != Some(owner_id));
        self.mapping_sets
            .retain(|set| set.default_of.as_ref() != Some(owner_id));
    }
}
