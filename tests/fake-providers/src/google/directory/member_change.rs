//! Changes of groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::build::group_id;
use super::{ChangeRefused, Directory, Group, MemberKey, MemberRole, Owner};

impl Directory {
    pub(super) fn add_group(
        &mut self,
        email: &str,
        name: &str,
        now_ms: i64,
    ) -> Result<String, ChangeRefused> {
        let email = self.free_address(email, now_ms)?;
        let slot = self.groups.keys().next_back().map_or(0, |last| last + 1);
        let id = group_id(slot);
        self.addresses
            .insert(Arc::clone(&email), Owner::Group(slot));
        let group = Group {
            id: id.clone(),
            email,
            name: name.to_owned(),
            description: String::new(),
            aliases: Vec::new(),
            members: BTreeMap::new(),
            version: 1,
        };
        self.groups.insert(slot, group);
        Ok(id)
    }

    pub(super) fn delete_group(&mut self, key: &str) -> Result<String, ChangeRefused> {
        let slot = self.group_slot(key).ok_or(ChangeRefused::UnknownGroup)?;
        let group = self
            .groups
            .remove(&slot)
            .ok_or(ChangeRefused::UnknownGroup)?;
        self.addresses
            .retain(|_, owner| *owner != Owner::Group(slot));
        for other in self.groups.values_mut() {
            other.members.remove(&MemberKey::Group(group.id.clone()));
        }
        Ok(group.id)
    }

    pub(super) fn rename_group(
        &mut self,
        key: &str,
        email: Option<&str>,
        name: Option<&str>,
        now_ms: i64,
    ) -> Result<String, ChangeRefused> {
        let slot = self.group_slot(key).ok_or(ChangeRefused::UnknownGroup)?;
        let email = email
            .map(|email| self.free_address(email, now_ms))
            .transpose()?;
        if let Some(email) = &email {
            self.addresses.insert(Arc::clone(email), Owner::Group(slot));
        }
        let group = self
            .groups
            .get_mut(&slot)
            .ok_or(ChangeRefused::UnknownGroup)?;
        if let Some(email) = email {
            let old = std::mem::replace(&mut group.email, email);
            group.aliases.push(old);
        }
        if let Some(name) = name {
            name.clone_into(&mut group.name);
        }
        group.version += 1;
        Ok(group.id.clone())
    }

    pub(super) fn add_member(
        &mut self,
        key: &str,
        member: &str,
        role: MemberRole,
    ) -> Result<String, ChangeRefused> {
        let group = self.group(key).ok_or(ChangeRefused::UnknownGroup)?;
        let member = self
            .member_key(member)
            .ok_or(ChangeRefused::UnknownMember)?;
        if group.members.contains_key(&member) {
            return Err(ChangeRefused::MemberExists);
        }
        if let MemberKey::Group(inner) = &member
            && let Some(inner) = self.group(inner)
            && self.is_nested(inner, &group.id)
        {
            return Err(ChangeRefused::CyclicMembership);
        }
        self.edit_members(key, |members| {
            members.insert(member, role);
        })
    }

    pub(super) fn remove_member(
        &mut self,
        key: &str,
        member: &str,
    ) -> Result<String, ChangeRefused> {
        let member = self
            .member_key(member)
            .ok_or(ChangeRefused::UnknownMember)?;
        let group = self.group(key).ok_or(ChangeRefused::UnknownGroup)?;
        if !group.members.contains_key(&member) {
            return Err(ChangeRefused::UnknownMember);
        }
        self.edit_members(key, |members| {
            members.remove(&member);
        })
    }

    fn edit_members(
        &mut self,
        key: &str,
        edit: impl FnOnce(&mut BTreeMap<MemberKey, MemberRole>),
    ) -> Result<String, ChangeRefused> {
        let slot = self.group_slot(key).ok_or(ChangeRefused::UnknownGroup)?;
        let group = self
            .groups
            .get_mut(&slot)
            .ok_or(ChangeRefused::UnknownGroup)?;
        edit(&mut group.members);
        group.version += 1;
        Ok(group.id.clone())
    }
}
