//! Rule sets: who is imported, as what, and into which organization (SPEC section 3).
//!
//! A [`RuleSet`] has four lists, and rules about schools.
//!
//! - **Links** tie an org unit to an organization with a role. **Assignments** give an account
//!   type to an org unit or a group. Only a person covered by one of them can be imported.
//! - **Filter rules** are ordered: the first that matches decides. Nobody whom no ALLOW rule
//!   reaches is imported.
//! - **Mapping sets** are ordered: every set that matches adds a membership.
//!
//! - **School rules** ([`SchoolRules`]) are for sources that state schools and roles themselves: which
//!   schools are taken over, and which organization stands for each. Whom they place needs no
//!   ALLOW rule; a BLOCK rule that matches first keeps them out.
//!
//! Every link and assignment owns one *default* filter rule, and every link and every assignment
//! with an organization owns one *default* mapping set. Defaults can be moved and nothing else:
//! their content always says what their owner says, and they match exactly the people whom the
//! owner covers, whatever characters stand in its path.
//!
//! **Invariant:** a rule set that went through an edit or [`RuleSet::validate`] satisfies every
//! limit of this module, has unique ids, exactly one default where one is due, and only
//! expressions that can be compiled.

mod defaults;
mod edit;
mod expression;
mod reach;
mod schools;
mod validate;

pub use defaults::DefaultIds;
pub use edit::FilterList;
pub use expression::{ExpressionError, ExpressionFault};
pub use reach::{GroupNeed, UnitScope, UnitScopes};
pub(crate) use reach::{covers_path, is_exact_address};
pub use schools::{SchoolChoice, SchoolLink, SchoolPlace, SchoolPlaces, SchoolRef, SchoolRules};
pub use validate::EditError;

use crate::account::{Email, Role, UserType};
use crate::ids::{OrganizationId, RuleId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most links, assignments, filter rules (those inside mapping sets counted) and mapping sets
/// together; defaults come with their owners and are not counted. Every person is compared with
/// every rule in the worst case.
pub const RULES_MAX: usize = 2_500;

/// Longest rule set, in bytes of JSON: the links of the largest districts, some 1,800 schools,
/// with all their defaults.
pub const RULE_SET_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Longest match expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 1_000;

/// Longest org-unit path in a link or assignment, in bytes; with `/**` behind it, it still fits
/// into an expression.
pub const UNIT_PATH_BYTES_MAX: usize = 900;

/// Longest id of an org unit at its provider, in bytes.
pub const UNIT_ID_BYTES_MAX: usize = 256;

/// Longest name of a mapping set, in bytes. A default set is named after its unit's path.
pub const NAME_BYTES_MAX: usize = UNIT_PATH_BYTES_MAX;

/// Longest grade, in bytes.
pub const GRADE_BYTES_MAX: usize = 64;

/// Counts the edits of a rule set. Base entries name the version that made them.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RuleSetVersion(pub u64);

impl fmt::Display for RuleSetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// All rules of one connection.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// How often it was edited.
    #[serde(default)]
    pub version: RuleSetVersion,
    /// Org units and their organizations.
    #[serde(default)]
    pub links: Vec<OrgUnitLink>,
    /// Org units and groups and their account types.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// The first rule that matches decides.
    #[serde(default)]
    pub filters: Vec<FilterRule>,
    /// Every set that matches adds a membership.
    #[serde(default)]
    pub mapping_sets: Vec<MappingSet>,
    /// What is taken over of a source that states schools and roles itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schools: SchoolRules,
    /// What happens to accounts whose people leave.
    #[serde(default)]
    pub leaving: Leaving,
}

/// An org unit as a rule names it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrgUnitRef {
    /// The provider's id of the unit, which stays when the unit is renamed or moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The full path, with a leading slash and without a trailing one; `/` is the top unit.
    pub path: String,
}

/// The people of an org unit belong to an organization.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrgUnitLink {
    /// Its id, given by the caller.
    pub id: RuleId,
    /// The unit.
    pub unit: OrgUnitRef,
    /// The organization its people belong to.
    pub organization: OrganizationId,
    /// True when the link covers the units below as well.
    #[serde(default)]
    pub include_sub_units: bool,
    /// The role there.
    pub role: Role,
    /// The kind of person, if the link states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_type: Option<UserType>,
}

/// What an assignment makes of people.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountType {
    /// An administrator, who is a teacher too.
    Admin,
    /// A student.
    Student,
    /// A teacher.
    Teacher,
}

impl AccountType {
    /// The role that the type stands for.
    pub fn role(self) -> Role {
        match self {
            AccountType::Admin => Role::Admin,
            AccountType::Student => Role::Student,
            AccountType::Teacher => Role::Teacher,
        }
    }

    /// The kind of person that the type stands for.
    pub fn user_type(self) -> UserType {
        match self {
            AccountType::Admin | AccountType::Teacher => UserType::Staff,
            AccountType::Student => UserType::Student,
        }
    }
}

/// Whom an assignment covers.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// The members of a group, nested membership counted.
    Group {
        /// The group's address.
        address: Email,
    },
    /// The people of an org unit.
    OrgUnit {
        /// The unit.
        unit: OrgUnitRef,
        /// True when the units below are covered as well.
        #[serde(default)]
        include_sub_units: bool,
    },
}

/// The people of an org unit or group have an account type.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Its id, given by the caller.
    pub id: RuleId,
    /// Whom it covers.
    pub subject: Subject,
    /// What they become.
    pub account_type: AccountType,
    /// The organization they belong to, if the assignment names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
}

/// What a filter rule looks at.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Attribute {
    /// The address and the name of each of the person's groups.
    GroupsMembership,
    /// The full path of the person's org unit.
    OrgUnitPath,
}

/// How a filter rule compares. Comparison ignores case.
///
/// Among several values a positive condition holds if any value satisfies it, a negative one only
/// if all do; with no value at all, only the negative ones hold.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Condition {
    /// The value matches the Ant-style pattern; see [`crate::ant_path`].
    AntPath,
    /// The value has the expression in it.
    Contains,
    /// The value does not have the expression in it.
    DoesntContain,
    /// The value is the expression.
    Is,
    /// The value is not the expression.
    IsNot,
    /// The value starts with the expression, character by character.
    StartsWith,
}

/// What a filter rule says about the people it matches.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FilterStatus {
    /// They are imported.
    Allow,
    /// They are not.
    Block,
}

/// One line of an ordered list of filters.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterRule {
    /// Its id, given by the caller.
    pub id: RuleId,
    /// What it looks at.
    pub attribute: Attribute,
    /// How it compares.
    pub condition: Condition,
    /// What it compares with.
    pub expression: String,
    /// What follows from a match.
    pub status: FilterStatus,
    /// The link or assignment whose default this is. A default matches whom its owner covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_of: Option<RuleId>,
}

/// A membership for the people whom its filters allow.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingSet {
    /// Its id, given by the caller.
    pub id: RuleId,
    /// What administrators call it.
    pub name: String,
    /// The organization of the membership.
    pub organization: OrganizationId,
    /// The role there.
    pub role: Role,
    /// The kind of person, if the set states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_type: Option<UserType>,
    /// The grade, if the set states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// The first of these that matches decides whether the set applies. Empty in a default set,
    /// which applies to whom its owner covers; at least one elsewhere.
    #[serde(default)]
    pub filters: Vec<FilterRule>,
    /// The link or assignment whose default this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_of: Option<RuleId>,
}

/// What happens to an account whose person leaves.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum LeavingAction {
    /// Soft-deleted, restorable for 30 days.
    Delete,
    /// Left as it is.
    Keep,
    /// Suspended.
    #[default]
    Suspend,
}

/// What happens to accounts whose people leave, by the way they leave.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaving {
    /// The person was deleted at the source.
    #[serde(default)]
    pub deleted: LeavingAction,
    /// The person was moved at the source to where no rule reaches.
    #[serde(default)]
    pub moved: LeavingAction,
}

impl RuleSet {
    /// True when anybody could be imported at all. Without mappings a sync refuses.
    pub fn has_mappings(&self) -> bool {
        !self.links.is_empty() || !self.assignments.is_empty() || self.schools.is_in_use()
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
