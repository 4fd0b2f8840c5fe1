//! Who may read or change what in the directory.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::OrgUnitSlot;

/// A privilege of a custom admin role.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// Read and manage domains.
    Domains,
    /// Read groups and their members.
    GroupsRead,
    /// Change groups and their members.
    GroupsWrite,
    /// Read org units.
    OrgUnitsRead,
    /// Change org units.
    OrgUnitsWrite,
    /// Read users.
    UsersRead,
    /// Change users.
    UsersWrite,
}

/// A custom admin role as one user holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delegation {
    /// What it allows.
    pub privileges: BTreeSet<Privilege>,
    /// The org unit to which it is limited, with everything below.
    pub org_unit: Option<OrgUnitSlot>,
}

/// A user's place among the administrators.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AdminRole {
    /// A custom role.
    Delegated(Delegation),
    /// No administrator.
    None,
    /// Everything.
    Super,
}

impl AdminRole {
    /// Whether the role allows something.
    pub fn allows(&self, privilege: Privilege) -> bool {
        match self {
            Self::Delegated(delegation) => delegation.privileges.contains(&privilege),
            Self::None => false,
            Self::Super => true,
        }
    }

    /// The org unit to which the role is limited.
    pub fn limited_to(&self) -> Option<OrgUnitSlot> {
        match self {
            Self::Delegated(delegation) => delegation.org_unit,
            Self::None | Self::Super => None,
        }
    }
}
