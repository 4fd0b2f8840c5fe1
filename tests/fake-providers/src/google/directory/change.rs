//! Changes of the directory, as administrators make them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Directory, MemberRole, OrgUnitSlot, Privilege, UserSlot};

/// A change. Users and groups are named by address or id, org units by path or id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Makes a group without members.
    AddGroup {
        /// The address.
        email: String,
        /// The name shown.
        name: String,
    },
    /// Puts somebody in a group: a user, a group, the customer's id, or any outside address.
    AddMember {
        /// The group.
        group: String,
        /// Who.
        member: String,
        /// As what.
        #[serde(default)]
        role: MemberRole,
    },
    /// Makes an org unit.
    AddOrgUnit {
        /// The unit above.
        parent: String,
        /// The last segment.
        name: String,
    },
    /// Makes a user.
    AddUser {
        /// The primary address.
        email: String,
        /// Given name.
        given_name: String,
        /// Family name.
        family_name: String,
        /// Where the user sits.
        org_unit: String,
    },
    /// Removes a group, and it from others.
    DeleteGroup {
        /// The group.
        group: String,
    },
    /// Removes an org unit without users and units.
    DeleteOrgUnit {
        /// The unit.
        org_unit: String,
    },
    /// Deletes a user, who can be restored for twenty days.
    DeleteUser {
        /// The user.
        user: String,
    },
    /// Puts an org unit under another.
    MoveOrgUnit {
        /// The unit.
        org_unit: String,
        /// The unit above from now on.
        parent: String,
    },
    /// Puts a user into another org unit.
    MoveUser {
        /// The user.
        user: String,
        /// Where the user sits from now on.
        org_unit: String,
    },
    /// Takes somebody out of a group.
    RemoveMember {
        /// The group.
        group: String,
        /// Who.
        member: String,
    },
    /// Gives a group another address or name.
    RenameGroup {
        /// The group.
        group: String,
        /// The new address.
        #[serde(default)]
        email: Option<String>,
        /// The new name.
        #[serde(default)]
        name: Option<String>,
    },
    /// Gives an org unit another last segment.
    RenameOrgUnit {
        /// The unit.
        org_unit: String,
        /// The new segment.
        name: String,
    },
    /// Gives a user another name or address; the old address becomes an alias.
    RenameUser {
        /// The user.
        user: String,
        /// The new address.
        #[serde(default)]
        email: Option<String>,
        /// The new given name.
        #[serde(default)]
        given_name: Option<String>,
        /// The new family name.
        #[serde(default)]
        family_name: Option<String>,
    },
    /// Archives a user, or brings the user back.
    SetArchived {
        /// The user.
        user: String,
        /// Whether archived from now on.
        archived: bool,
    },
    /// Makes a user an administrator, or takes that away.
    SetRole {
        /// The user.
        user: String,
        /// The new role.
        role: RoleChange,
    },
    /// Suspends a user, or lets the user in again.
    SetSuspended {
        /// The user.
        user: String,
        /// Whether suspended from now on.
        suspended: bool,
    },
    /// Restores a deleted user, named by id.
    UndeleteUser {
        /// The id.
        user: String,
        /// Where the user sits from now on.
        org_unit: String,
    },
}

/// A role to give.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RoleChange {
    /// A custom role.
    Delegated {
        /// What it allows.
        privileges: BTreeSet<Privilege>,
        /// The org unit to which it is limited.
        #[serde(default)]
        org_unit: Option<String>,
    },
    /// No administrator.
    None,
    /// Everything.
    Super,
}

/// What a change made.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Changed {
    /// Google's id of the user, group or org unit concerned.
    pub id: String,
}

/// Why a change was not made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChangeRefused {
    /// A user, alias, group or recently deleted user has the address.
    #[error("the address is taken")]
    AddressTaken,
    /// A group would be in itself.
    #[error("cyclic memberships are not allowed")]
    CyclicMembership,
    /// The domain is none of the customer's.
    #[error("the domain is not one of the customer's")]
    DomainNotFound,
    /// The org unit would be below itself, or is the root.
    #[error("the org unit can't be there")]
    InvalidParent,
    /// Names or addresses that Google refuses.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// Already there.
    #[error("the member already exists")]
    MemberExists,
    /// The org unit still has users or units.
    #[error("the org unit is not empty")]
    NotEmpty,
    /// The parent has a unit of that name.
    #[error("an org unit of that name exists")]
    OrgUnitExists,
    /// Nobody deleted in the last twenty days has that id.
    #[error("no deleted user has that id")]
    UnknownDeletedUser,
    /// No such group.
    #[error("no such group")]
    UnknownGroup,
    /// Not in the group.
    #[error("no such member")]
    UnknownMember,
    /// No such org unit.
    #[error("no such org unit")]
    UnknownOrgUnit,
    /// No such user.
    #[error("no such user")]
    UnknownUser,
}

impl Directory {
    /// Makes a change at a time; all of it or nothing.
    pub fn change(&mut self, change: &Change, now_ms: i64) -> Result<Changed, ChangeRefused> {
        let changed = self.apply(change, now_ms)?;
        self.generation += 1;
        Ok(Changed { id: changed })
    }

    fn apply(&mut self, change: &Change, now_ms: i64) -> Result<String, ChangeRefused> {
        match change {
            Change::AddUser {
                email,
                given_name,
                family_name,
                org_unit,
            } => self.add_user(email, given_name, family_name, org_unit, now_ms),
            Change::DeleteUser { user } => self.delete_user(user, now_ms),
            Change::MoveUser { user, org_unit } => {
                let unit = self.unit(org_unit)?;
                let slot = self.known_user(user)?;
                self.place(slot, unit);
                self.edit(slot, |user| user.org_unit = unit)
            }
            Change::RenameUser {
                user,
                email,
                given_name,
                family_name,
            } => self.rename_user(
                user,
                email.as_deref(),
                given_name.as_deref(),
                family_name.as_deref(),
                now_ms,
            ),
            Change::SetArchived { user, archived } => {
                let slot = self.known_user(user)?;
                self.edit(slot, |user| user.archived = *archived)
            }
            Change::SetRole { user, role } => self.set_role(user, role),
            Change::SetSuspended { user, suspended } => {
                let slot = self.known_user(user)?;
                self.edit(slot, |user| user.suspended = *suspended)
            }
            Change::UndeleteUser { user, org_unit } => self.undelete_user(user, org_unit, now_ms),
            Change::AddOrgUnit { parent, name } => self.add_org_unit(parent, name),
            Change::DeleteOrgUnit { org_unit } => self.delete_org_unit(org_unit),
            Change::MoveOrgUnit { org_unit, parent } => self.move_org_unit(org_unit, parent),
            Change::RenameOrgUnit { org_unit, name } => self.rename_org_unit(org_unit, name),
            Change::AddGroup { email, name } => self.add_group(email, name, now_ms),
            Change::AddMember {
                group,
                member,
                role,
            } => self.add_member(group, member, *role),
            Change::DeleteGroup { group } => self.delete_group(group),
            Change::RemoveMember { group, member } => self.remove_member(group, member),
            Change::RenameGroup { group, email, name } => {
                self.rename_group(group, email.as_deref(), name.as_deref(), now_ms)
            }
        }
    }

    pub(super) fn unit(&self, path_or_id: &str) -> Result<OrgUnitSlot, ChangeRefused> {
        self.org_units
            .find(path_or_id)
            .ok_or(ChangeRefused::UnknownOrgUnit)
    }

    pub(super) fn known_user(&self, key: &str) -> Result<UserSlot, ChangeRefused> {
        self.user_slot(key).ok_or(ChangeRefused::UnknownUser)
    }
}
