//! Changes of the directory, as administrators make them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AdminRole, Delegation, Directory, MemberKey, MemberRole, OrgUnitSlot, Owner, Privilege,
    UNDELETE_WINDOW_MS, User, UserSlot,
};

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

/// The longest given or family name, in characters (PROVIDERS 2.3).
const NAME_MAX: usize = 60;

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

    fn known_user(&self, key: &str) -> Result<UserSlot, ChangeRefused> {
        self.user_slot(key).ok_or(ChangeRefused::UnknownUser)
    }

    /// The address in lower case, if nobody has it and the domain is ours.
    pub(super) fn free_address(
        &mut self,
        email: &str,
        now_ms: i64,
    ) -> Result<Arc<str>, ChangeRefused> {
        let email = email.to_lowercase();
        let Some((local, domain)) = email.split_once('@') else {
            return Err(ChangeRefused::Invalid("primary_user_email"));
        };
        let allowed = |c: char| c.is_alphanumeric() || ".-_'+".contains(c);
        if local.is_empty() || local.len() > 64 || !local.chars().all(allowed) {
            return Err(ChangeRefused::Invalid("primary_user_email"));
        }
        if !self.domains.iter().any(|own| own == domain) {
            return Err(ChangeRefused::DomainNotFound);
        }
        if let Some(Owner::Deleted(slot)) = self.owner(&email)
            && let Some(deleted_at_ms) = self.user_at(slot).and_then(|user| user.deleted_at_ms)
            && now_ms - deleted_at_ms > UNDELETE_WINDOW_MS
        {
            self.addresses.remove(email.as_str());
        }
        match self.owner(&email) {
            Some(_) => Err(ChangeRefused::AddressTaken),
            None => Ok(email.into()),
        }
    }

    fn add_user(
        &mut self,
        email: &str,
        given: &str,
        family: &str,
        org_unit: &str,
        now_ms: i64,
    ) -> Result<String, ChangeRefused> {
        let unit = self.unit(org_unit)?;
        let (given, family) = (name(given)?, name(family)?);
        let email = self.free_address(email, now_ms)?;
        let id = self.fresh_id();
        self.index(User {
            id,
            email,
            given,
            family,
            aliases: Vec::new(),
            org_unit: unit,
            suspended: false,
            archived: false,
            number: None,
            title: "",
            grade: None,
            schools: Vec::new(),
            created_at_s: now_ms / 1_000,
            last_login_at_s: None,
            deleted_at_ms: None,
            version: 1,
        });
        Ok(id.to_string())
    }

    fn delete_user(&mut self, key: &str, now_ms: i64) -> Result<String, ChangeRefused> {
        let slot = self.known_user(key)?;
        let user = self
            .user_at(slot)
            .ok_or(ChangeRefused::UnknownUser)?
            .clone();
        self.addresses
            .insert(Arc::clone(&user.email), Owner::Deleted(slot));
        for alias in &user.aliases {
            self.addresses.remove(alias);
        }
        self.leave_unit(slot, user.org_unit);
        self.roles.remove(&user.id);
        for group in self.groups.values_mut() {
            group.members.remove(&MemberKey::User(user.id));
        }
        self.edit(slot, |user| {
            user.deleted_at_ms = Some(now_ms);
            user.aliases.clear();
        })
    }

    fn undelete_user(
        &mut self,
        id: &str,
        org_unit: &str,
        now_ms: i64,
    ) -> Result<String, ChangeRefused> {
        let unit = self.unit(org_unit)?;
        let slot = self
            .deleted_users(now_ms)
            .find(|user| user.id.to_string() == id)
            .and_then(|user| self.by_id.get(&user.id).copied())
            .ok_or(ChangeRefused::UnknownDeletedUser)?;
        let email = self.user_at(slot).map(|user| Arc::clone(&user.email));
        let email = email.ok_or(ChangeRefused::UnknownDeletedUser)?;
        self.addresses.insert(email, Owner::User(slot));
        self.by_org_unit.entry(unit).or_default().insert(slot);
        self.edit(slot, |user| {
            user.deleted_at_ms = None;
            user.org_unit = unit;
        })
    }

    fn rename_user(
        &mut self,
        key: &str,
        email: Option<&str>,
        given: Option<&str>,
        family: Option<&str>,
        now_ms: i64,
    ) -> Result<String, ChangeRefused> {
        let slot = self.known_user(key)?;
        let given = given.map(name).transpose()?;
        let family = family.map(name).transpose()?;
        if let Some(email) = email {
            self.readdress(slot, email, now_ms)?;
        }
        self.edit(slot, |user| {
            if let Some(given) = given {
                user.given = given;
            }
            if let Some(family) = family {
                user.family = family;
            }
        })
    }

    /// Gives a user another primary address; the old one stays as an alias. An alias of the
    /// user's own can become the primary address.
    fn readdress(&mut self, slot: UserSlot, email: &str, now_ms: i64) -> Result<(), ChangeRefused> {
        let wanted = email.to_lowercase();
        let user = self.user_at(slot).ok_or(ChangeRefused::UnknownUser)?;
        let old = Arc::clone(&user.email);
        if *old == *wanted {
            return Ok(());
        }
        let new: Arc<str> = if self.owner(&wanted) == Some(Owner::Alias(slot)) {
            wanted.into()
        } else {
            self.free_address(&wanted, now_ms)?
        };
        self.addresses.insert(Arc::clone(&old), Owner::Alias(slot));
        self.addresses.insert(Arc::clone(&new), Owner::User(slot));
        self.edit(slot, |user| {
            user.aliases.retain(|alias| *alias != new);
            user.aliases.push(old);
            user.email = new;
        })?;
        Ok(())
    }

    fn set_role(&mut self, key: &str, change: &RoleChange) -> Result<String, ChangeRefused> {
        let slot = self.known_user(key)?;
        let id = self.user_at(slot).ok_or(ChangeRefused::UnknownUser)?.id;
        let role = match change {
            RoleChange::None => AdminRole::None,
            RoleChange::Super => AdminRole::Super,
            RoleChange::Delegated {
                privileges,
                org_unit,
            } => AdminRole::Delegated(Delegation {
                privileges: privileges.clone(),
                org_unit: org_unit
                    .as_deref()
                    .map(|unit| self.unit(unit))
                    .transpose()?,
            }),
        };
        self.roles.insert(id, role);
        self.edit(slot, |_| ())
    }

    fn place(&mut self, slot: UserSlot, unit: OrgUnitSlot) {
        if let Some(from) = self.user_at(slot).map(|user| user.org_unit) {
            self.leave_unit(slot, from);
        }
        self.by_org_unit.entry(unit).or_default().insert(slot);
    }

    fn leave_unit(&mut self, slot: UserSlot, unit: OrgUnitSlot) {
        if let Some(users) = self.by_org_unit.get_mut(&unit) {
            users.remove(&slot);
        }
    }

    fn edit(
        &mut self,
        slot: UserSlot,
        edit: impl FnOnce(&mut User),
    ) -> Result<String, ChangeRefused> {
        let place = usize::try_from(slot)
            .ok()
            .and_then(|index| self.users.get_mut(index));
        let user = place.ok_or(ChangeRefused::UnknownUser)?;
        edit(user);
        user.version += 1;
        Ok(user.id.to_string())
    }
}

fn name(text: &str) -> Result<Cow<'static, str>, ChangeRefused> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > NAME_MAX {
        return Err(ChangeRefused::Invalid("name"));
    }
    Ok(Cow::Owned(text.to_owned()))
}
