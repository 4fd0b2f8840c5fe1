//! Changes of users.

use std::borrow::Cow;
use std::sync::Arc;

use super::{
    AdminRole, ChangeRefused, Delegation, Directory, MemberKey, OrgUnitSlot, Owner, RoleChange,
    UNDELETE_WINDOW_MS, User, UserSlot,
};

/// The longest given or family name, in characters (PROVIDERS 2.3).
const NAME_MAX: usize = 60;

impl Directory {
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

    pub(super) fn add_user(
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

    pub(super) fn delete_user(&mut self, key: &str, now_ms: i64) -> Result<String, ChangeRefused> {
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

    pub(super) fn undelete_user(
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

    pub(super) fn rename_user(
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

    pub(super) fn set_role(
        &mut self,
        key: &str,
        change: &RoleChange,
    ) -> Result<String, ChangeRefused> {
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

    pub(super) fn place(&mut self, slot: UserSlot, unit: OrgUnitSlot) {
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

    pub(super) fn edit(
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
