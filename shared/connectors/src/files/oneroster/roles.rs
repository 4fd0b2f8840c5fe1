//! What the roles of OneRoster are among ours (PROVIDERS 10).

use crate::files::words;
use mapping::account::Role;
use mapping::schooling::SchoolKind;
use serde::{Deserialize, Serialize};

/// Where a role holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// In the whole district.
    District,
    /// Where the role is stated: in a school, or in the district if it is stated there.
    Place,
}

/// A role as OneRoster means it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RoleWord {
    /// Which of ours it is.
    #[serde(rename = "r")]
    pub role: Role,
    /// Where it holds.
    #[serde(rename = "w")]
    pub reach: Reach,
}

impl RoleWord {
    /// The role that a word means, in whatever case; `None` for an extension or a mistake.
    pub fn parse(word: &str) -> Option<Self> {
        let (role, reach) = match words::key(word).as_str() {
            "administrator" | "principal" | "siteadministrator" => (Role::Admin, Reach::Place),
            "districtadministrator" | "systemadministrator" => (Role::Admin, Reach::District),
            "aide" | "assistant" | "counselor" | "proctor" | "staff" | "teachingassistant" => {
                (Role::Staff, Reach::Place)
            }
            "faculty" | "professor" | "teacher" => (Role::Teacher, Reach::Place),
            "guardian" | "parent" | "relative" => (Role::Parent, Reach::District),
            "student" => (Role::Student, Reach::Place),
            _ => return None,
        };
        Some(Self { role, reach })
    }

    /// True for a role that holds in one school when it is stated in a place of this kind.
    pub fn is_placed_in(self, kind: SchoolKind) -> bool {
        self.reach == Reach::Place && matches!(kind, SchoolKind::Department | SchoolKind::School)
    }
}

/// What kind of place an org of this type is.
pub(super) fn school_kind(word: &str) -> SchoolKind {
    match words::key(word).as_str() {
        "department" => SchoolKind::Department,
        "district" | "local" => SchoolKind::District,
        "school" | "" => SchoolKind::School,
        _ => SchoolKind::Other,
    }
}
