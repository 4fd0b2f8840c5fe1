//! What edits of rules look like on the wire, and as rules.

use crate::ports::Random;
use crate::problem::Problem;
use crate::rules;
use mapping::account::{Role, UserType};
use mapping::ids::{OrganizationId, RuleId};
use mapping::rules::{
    AccountType, Attribute, Condition, FilterRule, FilterStatus, MappingSet, OrgUnitRef,
    SchoolChoice, SchoolRef, Subject,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewName {
    /// The name; the last segment of the unit's path when absent.
    #[serde(default)]
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkBody {
    #[serde(default)]
    pub(super) id: Option<RuleId>,
    pub(super) unit: OrgUnitRef,
    #[serde(default)]
    pub(super) organization: Option<OrganizationId>,
    #[serde(default)]
    pub(super) new_organization: Option<NewName>,
    #[serde(default)]
    pub(super) include_sub_units: bool,
    pub(super) role: Role,
    #[serde(default)]
    pub(super) user_type: Option<UserType>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignmentBody {
    #[serde(default)]
    pub(super) id: Option<RuleId>,
    pub(super) subject: Subject,
    pub(super) account_type: AccountType,
    #[serde(default)]
    pub(super) organization: Option<OrganizationId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilterBody {
    #[serde(default)]
    pub(super) id: Option<RuleId>,
    pub(super) attribute: Attribute,
    pub(super) condition: Condition,
    pub(super) expression: String,
    pub(super) status: FilterStatus,
    /// Where in the list; the end when absent.
    #[serde(default)]
    pub(super) at: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingSetBody {
    #[serde(default)]
    pub(super) id: Option<RuleId>,
    pub(super) name: String,
    pub(super) organization: OrganizationId,
    pub(super) role: Role,
    #[serde(default)]
    pub(super) user_type: Option<UserType>,
    #[serde(default)]
    pub(super) grade: Option<String>,
    pub(super) filters: Vec<FilterBody>,
    /// Where in the list; the end when absent.
    #[serde(default)]
    pub(super) at: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    pub(super) order: Vec<RuleId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchoolLinkBody {
    #[serde(default)]
    pub(super) id: Option<RuleId>,
    pub(super) school: SchoolRef,
    #[serde(default)]
    pub(super) organization: Option<OrganizationId>,
    /// The name of an organization that is made for the school.
    #[serde(default)]
    pub(super) new_organization: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Take {
    pub(super) take: SchoolChoice,
}

pub(super) fn filter(
    random: &impl Random,
    body: FilterBody,
    in_path: Option<RuleId>,
) -> Result<FilterRule, Problem> {
    Ok(FilterRule {
        id: id_of(random, in_path, body.id)?,
        attribute: body.attribute,
        condition: body.condition,
        expression: body.expression,
        status: body.status,
        default_of: None,
    })
}

pub(super) fn mapping_set(
    random: &impl Random,
    body: MappingSetBody,
    in_path: Option<RuleId>,
) -> Result<MappingSet, Problem> {
    let filters = body.filters.into_iter();
    Ok(MappingSet {
        id: id_of(random, in_path, body.id)?,
        name: body.name,
        organization: body.organization,
        role: body.role,
        user_type: body.user_type,
        grade: body.grade,
        filters: filters
            .map(|body| filter(random, body, None))
            .collect::<Result<_, _>>()?,
        default_of: None,
    })
}

pub(super) fn id_of(
    random: &impl Random,
    in_path: Option<RuleId>,
    in_body: Option<RuleId>,
) -> Result<RuleId, Problem> {
    match (in_path, in_body) {
        (Some(path), Some(body)) if path != body => {
            Err(Problem::field("id", "must be the one in the address"))
        }
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Ok(rules::random_id(random)?),
    }
}

/// The name of a unit: the last segment of its path.
pub(super) fn unit_name(path: &str) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = if last.is_empty() { path } else { last };
    name.to_owned()
}
