//! Which rule sets are accepted, and why others are refused.

use super::expression::{self, ExpressionError};
use super::{
    FilterRule, GRADE_BYTES_MAX, MappingSet, NAME_BYTES_MAX, OrgUnitRef, RULE_SET_BYTES_MAX,
    RULES_MAX, RuleSet, UNIT_ID_BYTES_MAX, UNIT_PATH_BYTES_MAX,
};
use crate::ids::RuleId;
use std::collections::BTreeSet;

/// Why an edit, or a whole rule set, is refused. Nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EditError {
    /// A default rule or set does not say what its owner says, or was sent where none may be.
    #[error("the default {id} can be moved but not edited or deleted")]
    DefaultFixed {
        /// The default rule or set.
        id: RuleId,
    },
    /// A link or assignment has no default rule or set, or several.
    #[error(
        "{owner} needs exactly one default filter rule, and one default mapping set if it names an organization"
    )]
    DefaultMissing {
        /// The link or assignment.
        owner: RuleId,
    },
    /// Two things have this id.
    #[error("the id {id} is already in use in this rule set")]
    DuplicateId {
        /// The id.
        id: RuleId,
    },
    /// The match expression can't be used.
    #[error("the expression of rule {rule} can't be used: {error}")]
    Expression {
        /// The filter rule.
        rule: RuleId,
        /// What is wrong, and where.
        #[source]
        error: ExpressionError,
    },
    /// A name, grade or unit id is empty or too long.
    #[error("{field} of {id} must have 1 to {limit} bytes and no control characters")]
    Length {
        /// The rule or set.
        id: RuleId,
        /// The field.
        field: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The rule set has too much text.
    #[error("a rule set may have at most {RULE_SET_BYTES_MAX} bytes")]
    Large,
    /// A mapping set would have no filter rule.
    #[error("mapping set {id} needs at least one filter rule")]
    NoFilter {
        /// The set.
        id: RuleId,
    },
    /// The new order leaves something out or names something twice.
    #[error("a new order must name every entry of the list exactly once")]
    NotPermutation,
    /// Another link names the same school.
    #[error("another link names the same school as {id}")]
    SchoolTwice {
        /// The link.
        id: RuleId,
    },
    /// There is nothing with this id in the list.
    #[error("there is no {id} in this list")]
    Unknown {
        /// The id.
        id: RuleId,
    },
    /// The rule set is full.
    #[error("a rule set may have at most {RULES_MAX} rules")]
    TooMany,
    /// The path of an org unit has a bad form.
    #[error(
        "the org unit path of {id} must begin with / and have neither empty segments nor a \
         trailing / nor control characters, and at most {UNIT_PATH_BYTES_MAX} bytes"
    )]
    UnitPath {
        /// The link or assignment.
        id: RuleId,
    },
}

impl RuleSet {
    /// Checks a whole rule set, for instance one that a client sent.
    pub fn validate(&self) -> Result<(), EditError> {
        self.validate_size()?;
        self.validate_ids()?;
        for (id, unit) in self.units() {
            validate_unit(id, unit)?;
        }
        for rule in self.filters.iter().filter(|rule| rule.default_of.is_none()) {
            validate_filter(rule)?;
        }
        for set in self
            .mapping_sets
            .iter()
            .filter(|set| set.default_of.is_none())
        {
            validate_set(set)?;
        }
        self.validate_schools()?;
        self.validate_defaults()
    }

    fn validate_size(&self) -> Result<(), EditError> {
        let own_sets = self
            .mapping_sets
            .iter()
            .filter(|set| set.default_of.is_none());
        let own_filters = self.filters.iter().filter(|rule| rule.default_of.is_none());
        let rules = self.links.len()
            + self.assignments.len()
            + self.schools.links.len()
            + own_filters.count()
            + own_sets.map(|set| 1 + set.filters.len()).sum::<usize>();
        if rules > RULES_MAX {
            return Err(EditError::TooMany);
        }
        match serde_json::to_vec(self) {
            Ok(json) if json.len() <= RULE_SET_BYTES_MAX => Ok(()),
            _ => Err(EditError::Large),
        }
    }

    fn validate_ids(&self) -> Result<(), EditError> {
        let in_sets = self.mapping_sets.iter().flat_map(|set| &set.filters);
        let ids = (self.links.iter().map(|link| &link.id))
            .chain(self.assignments.iter().map(|assignment| &assignment.id))
            .chain(self.filters.iter().chain(in_sets).map(|rule| &rule.id))
            .chain(self.mapping_sets.iter().map(|set| &set.id))
            .chain(self.schools.links.iter().map(|link| &link.id));
        let mut seen = BTreeSet::new();
        for id in ids {
            if !seen.insert(id) {
                return Err(EditError::DuplicateId { id: id.clone() });
            }
        }
        Ok(())
    }

    fn validate_defaults(&self) -> Result<(), EditError> {
        let mut filters_due = 0;
        let mut sets_due = 0;
        for owner in self.owners() {
            filters_due += 1;
            let mut filters = self
                .filters
                .iter()
                .filter(|rule| rule.default_of.as_ref() == Some(owner.id));
            let mut sets = self
                .mapping_sets
                .iter()
                .filter(|set| set.default_of.as_ref() == Some(owner.id));
            let missing = || EditError::DefaultMissing {
                owner: owner.id.clone(),
            };
            let filter = filters.next().ok_or_else(missing)?;
            if *filter != owner.default_filter(filter.id.clone()) {
                return Err(EditError::DefaultFixed {
                    id: filter.id.clone(),
                });
            }
            let set = sets.next();
            if filters.next().is_some() || sets.next().is_some() {
                return Err(missing());
            }
            match set {
                Some(set) if owner.default_set(set.id.clone()).as_ref() != Some(set) => {
                    return Err(EditError::DefaultFixed { id: set.id.clone() });
                }
                Some(_) => sets_due += 1,
                None if owner.organization.is_some() => return Err(missing()),
                None => {}
            }
        }
        // Each owner has its one default by now: more of them than owners means strays.
        let filters = self.filters.iter().filter(|rule| rule.default_of.is_some());
        let sets = self
            .mapping_sets
            .iter()
            .filter(|set| set.default_of.is_some());
        let stray = if filters.clone().count() > filters_due {
            filters
                .map(|rule| (&rule.id, &rule.default_of))
                .find(|(_, owner)| !self.owns(owner.as_ref()))
        } else if sets.clone().count() > sets_due {
            sets.map(|set| (&set.id, &set.default_of))
                .find(|(_, owner)| !self.owns(owner.as_ref()))
        } else {
            None
        };
        stray.map_or(Ok(()), |(id, _)| {
            Err(EditError::DefaultFixed { id: id.clone() })
        })
    }

    fn owns(&self, owner: Option<&RuleId>) -> bool {
        self.owners().any(|known| Some(known.id) == owner)
    }
}

fn validate_unit(id: &RuleId, unit: &OrgUnitRef) -> Result<(), EditError> {
    let path = unit.path.as_str();
    let segments_fit = path
        .strip_prefix('/')
        .is_some_and(|rest| rest.is_empty() || rest.split('/').all(|segment| !segment.is_empty()));
    if !segments_fit || path.len() > UNIT_PATH_BYTES_MAX || path.chars().any(char::is_control) {
        return Err(EditError::UnitPath { id: id.clone() });
    }
    match &unit.id {
        Some(text) => validate_text(id, "unit id", text, UNIT_ID_BYTES_MAX),
        None => Ok(()),
    }
}

fn validate_filter(rule: &FilterRule) -> Result<(), EditError> {
    expression::check(rule.condition, &rule.expression).map_err(|error| EditError::Expression {
        rule: rule.id.clone(),
        error,
    })
}

fn validate_set(set: &MappingSet) -> Result<(), EditError> {
    validate_text(&set.id, "name", &set.name, NAME_BYTES_MAX)?;
    if let Some(grade) = &set.grade {
        validate_text(&set.id, "grade", grade, GRADE_BYTES_MAX)?;
    }
    if set.filters.is_empty() {
        return Err(EditError::NoFilter { id: set.id.clone() });
    }
    for rule in &set.filters {
        if rule.default_of.is_some() {
            return Err(EditError::DefaultFixed {
                id: rule.id.clone(),
            });
        }
        validate_filter(rule)?;
    }
    Ok(())
}

pub(super) fn validate_text(
    id: &RuleId,
    field: &'static str,
    text: &str,
    limit: usize,
) -> Result<(), EditError> {
    if text.trim().is_empty() || text.len() > limit || text.chars().any(char::is_control) {
        return Err(EditError::Length {
            id: id.clone(),
            field,
            limit,
        });
    }
    Ok(())
}
