//! "Why?": the same evaluation with every rule shown.

use super::compiled::{CompiledRules, Facts, Filter};
use super::{Cause, Evaluation, OutOfScope, evaluate};
use crate::account::Role;
use crate::ids::{ExternalId, RuleId};
use crate::issue::IssueKind;
use crate::rules::{FilterStatus, SchoolPlace};
use crate::source::SourceRecord;
use serde::{Deserialize, Serialize};

/// Every rule of a rule set in order, with what it says about one person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Links and assignments, links first, each in order.
    pub mappings: Vec<Coverage>,
    /// The filter rules that decide who is imported, in order.
    pub filters: Vec<FilterVerdict>,
    /// The mapping sets, in order.
    pub mapping_sets: Vec<SetVerdict>,
    /// What the source itself says that the person is in which school, and what became of that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placements: Vec<PlacementVerdict>,
    /// What follows.
    pub outcome: Outcome,
    /// The same as a sentence.
    pub sentence: String,
}

/// Whether a link or assignment covers the person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The link or assignment.
    pub id: RuleId,
    /// True when it covers the person.
    pub covers: bool,
}

/// What a filter rule says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FilterVerdict {
    /// The rule.
    pub id: RuleId,
    /// What it does with those it matches.
    pub status: FilterStatus,
    /// True when it matches the person.
    pub matches: bool,
    /// True for the first that matches: the one that counts.
    pub decides: bool,
}

/// What a mapping set says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SetVerdict {
    /// The set.
    pub id: RuleId,
    /// True when it adds its membership, provided that the person is imported at all.
    pub matches: bool,
    /// Its filter rules, in order; empty for a default set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<FilterVerdict>,
}

/// What became of a role that the source states.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PlacementVerdict {
    /// The provider's id of the school.
    pub school: ExternalId,
    /// The role there.
    pub role: Role,
    /// What became of the school; `None` when it is not taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<SchoolPlace>,
}

/// What follows from all rules together.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The person is imported; suspended people only if they have an account already.
    InScope(Cause),
    /// The person is not imported.
    OutOfScope(OutOfScope),
    /// The person would be imported, but the record is too bad.
    Unusable(IssueKind),
}

/// Applies the rules to one record and shows what each says.
pub fn explain(rules: &CompiledRules, record: &SourceRecord) -> Explanation {
    let facts = Facts::new(rules, record);
    let covering: Vec<&RuleId> = facts.covering().map(|owner| &owner.id).collect();
    let (outcome, sentence) = match evaluate(rules, record) {
        Evaluation::InScope(desired) if desired.suspended => {
            let sentence = format!("in scope, but suspended at the source: {}", desired.cause);
            (Outcome::InScope(desired.cause), sentence)
        }
        Evaluation::InScope(desired) => {
            let sentence = format!("imported: {}", desired.cause);
            (Outcome::InScope(desired.cause), sentence)
        }
        Evaluation::OutOfScope(why) => {
            let sentence = format!("not imported: {why}");
            (Outcome::OutOfScope(why), sentence)
        }
        Evaluation::Unusable(kind) => {
            let sentence = format!("in scope, but the record {kind}");
            (Outcome::Unusable(kind), sentence)
        }
    };
    Explanation {
        mappings: (rules.owners.iter())
            .map(|owner| Coverage {
                id: owner.id.clone(),
                covers: covering.contains(&&owner.id),
            })
            .collect(),
        filters: judge(&rules.filters, &facts),
        mapping_sets: (rules.sets.iter())
            .map(|set| SetVerdict {
                id: set.id.clone(),
                matches: set.matches(&facts),
                filters: judge(&set.filters, &facts),
            })
            .collect(),
        placements: (record.placements.iter())
            .map(|placement| PlacementVerdict {
                school: placement.school.clone(),
                role: placement.role,
                place: (rules.schools.as_ref())
                    .and_then(|places| places.schools.get(&placement.school))
                    .cloned(),
            })
            .collect(),
        outcome,
        sentence,
    }
}

fn judge(filters: &[Filter], facts: &Facts<'_>) -> Vec<FilterVerdict> {
    let mut found = false;
    filters
        .iter()
        .map(|filter| {
            let matches = facts.match_rule(filter);
            let decides = matches && !found;
            found |= matches;
            FilterVerdict {
                id: filter.id.clone(),
                status: filter.status,
                matches,
                decides,
            }
        })
        .collect()
}
