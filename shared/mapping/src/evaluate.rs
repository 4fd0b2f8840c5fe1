//! Evaluation: what a rule set makes of one source record (SPEC section 3).
//!
//! A person whom the source itself places in a school that is taken over, or to whom it gives a role in
//! the whole district, is in scope unless the first filter rule that matches is BLOCK. Anybody else
//! is in scope when a link or an assignment covers them **and** the first filter rule
//! that matches them is ALLOW. A link covers its own unit, compared without regard to case, and
//! the units below if it says so; an assignment covers its unit likewise, or the members of its
//! group. Every mapping set that matches then adds a membership; user type and grade come from
//! the first matching set that states them, the grade otherwise from the record.
//!
//! Rules are compiled once ([`CompiledRules`]); one record then costs a few string comparisons
//! per rule, no regular expressions.

mod compiled;
mod explain;
mod stated;

pub use compiled::CompiledRules;
pub use explain::{
    Coverage, Explanation, FilterVerdict, Outcome, PlacementVerdict, SetVerdict, explain,
};

use crate::account::{Email, Membership, Role, UserType};
use crate::ids::RuleId;
use crate::issue::IssueKind;
use crate::rules::FilterStatus;
use crate::source::SourceRecord;
use compiled::{Facts, first_match};
use serde::{Deserialize, Serialize};
use stated::Stated;
use std::collections::BTreeSet;
use std::fmt;

/// What the rules make of a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Evaluation {
    /// The person is imported like this.
    InScope(Box<Desired>),
    /// The person is not imported.
    OutOfScope(OutOfScope),
    /// The person would be imported, but the record is too bad.
    Unusable(IssueKind),
}

/// An account as the rules want it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The address; `None` only where a source that states schools itself has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Another name to sign in with, lower-cased; `None` where the source states none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Given name, trimmed.
    pub given_name: String,
    /// Family name, trimmed.
    pub family_name: String,
    /// The roles of all memberships and assignments; an admin is a teacher too.
    pub roles: BTreeSet<Role>,
    /// The kind of person, if a rule states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_type: Option<UserType>,
    /// The grade, if a rule or the source states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// One for every mapping set that matches.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub memberships: BTreeSet<Membership>,
    /// True when the source states only some of the person's roles.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// True when the provider shows the person as suspended or archived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// The rules that decided.
    pub cause: Cause,
}

/// The rules that put a person on the roster.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The links and assignments that cover the person, links first, each in order; then the school
    /// links.
    pub mappings: Vec<RuleId>,
    /// The filter rule that decided; `None` when none had to, because the source itself places the
    /// person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<RuleId>,
    /// The mapping sets that match, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mapping_sets: Vec<RuleId>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.filter, self.mappings.is_empty()) {
            (Some(filter), _) => {
                let mappings = list(&self.mappings);
                write!(f, "covered by {mappings}, allowed by filter rule {filter}")?;
            }
            (None, true) => f.write_str("as the source states it")?,
            (None, false) => write!(f, "as the source states it, by {}", list(&self.mappings))?,
        }
        if self.mapping_sets.is_empty() {
            Ok(())
        } else {
            write!(f, ", placed by mapping set {}", list(&self.mapping_sets))
        }
    }
}

fn list(ids: &[RuleId]) -> String {
    ids.iter()
        .map(RuleId::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Why a person is not imported.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum OutOfScope {
    /// The first filter rule that matches is BLOCK.
    Blocked {
        /// That rule.
        filter: RuleId,
    },
    /// No filter rule matches.
    NoFilterMatches,
    /// No link and no assignment covers the person.
    NotCovered,
}

impl fmt::Display for OutOfScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutOfScope::Blocked { filter } => write!(f, "blocked by filter rule {filter}"),
            OutOfScope::NoFilterMatches => f.write_str("no filter rule matches"),
            OutOfScope::NotCovered => f.write_str("no link and no assignment covers the person"),
        }
    }
}

/// Applies the rules to one record.
pub fn evaluate(rules: &CompiledRules, record: &SourceRecord) -> Evaluation {
    let facts = Facts::new(rules, record);
    let stated = Stated::new(rules, record);
    if !facts.is_covered() && !stated.is_covered() {
        return Evaluation::OutOfScope(OutOfScope::NotCovered);
    }
    let filter = match first_match(&rules.filters, &facts) {
        Some(rule) if rule.status == FilterStatus::Allow => Some(rule.id.clone()),
        Some(rule) => {
            let filter = rule.id.clone();
            return Evaluation::OutOfScope(OutOfScope::Blocked { filter });
        }
        None if stated.is_covered() => None,
        None => return Evaluation::OutOfScope(OutOfScope::NoFilterMatches),
    };
    if record.email.is_none() && !stated.is_covered() {
        return Evaluation::Unusable(IssueKind::MissingEmail);
    }
    Evaluation::InScope(Box::new(desire(rules, record, &facts, stated, filter)))
}

fn desire(
    compiled: &CompiledRules,
    record: &SourceRecord,
    facts: &Facts<'_>,
    stated: Stated,
    filter: Option<RuleId>,
) -> Desired {
    let own_grade = record
        .grade
        .as_deref()
        .map(str::trim)
        .filter(|grade| !grade.is_empty());
    let mut roles = BTreeSet::new();
    let mut memberships = BTreeSet::new();
    let mut mapping_sets = Vec::new();
    let mut user_type = None;
    let mut grade = None;
    for set in compiled.sets.iter().filter(|set| set.matches(facts)) {
        roles.insert(set.role);
        memberships.insert(Membership {
            organization: set.organization.clone(),
            role: set.role,
            grade: match set.role {
                Role::Student => set.grade.as_deref().or(own_grade).map(str::to_owned),
                Role::Admin | Role::Parent | Role::Staff | Role::Teacher => set.grade.clone(),
            },
        });
        user_type = user_type.or(set.user_type);
        grade = grade.or(set.grade.as_deref());
        mapping_sets.push(set.id.clone());
    }
    let mut mappings = Vec::new();
    for owner in facts.covering() {
        mappings.push(owner.id.clone());
        if let Some(account_type) = owner.account_type {
            roles.insert(account_type.role());
            user_type = user_type.or(Some(account_type.user_type()));
        }
    }
    if roles.contains(&Role::Admin) {
        roles.insert(Role::Teacher);
    }
    user_type = user_type.or_else(|| stated.user_type());
    let mut stated = stated;
    roles.append(&mut stated.roles);
    memberships.append(&mut stated.memberships);
    mappings.append(&mut stated.links);
    Desired {
        email: record.email.clone(),
        username: record
            .username
            .as_deref()
            .map(|name| name.trim().to_lowercase())
            .filter(|name| !name.is_empty()),
        given_name: record.given_name.trim().to_owned(),
        family_name: record.family_name.trim().to_owned(),
        roles,
        user_type,
        grade: grade.or(own_grade).map(str::to_owned),
        memberships,
        partial: record.partial,
        suspended: record.suspended,
        cause: Cause {
            mappings,
            filter,
            mapping_sets,
        },
    }
}
