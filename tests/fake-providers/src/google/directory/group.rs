//! Groups and who is in them (PROVIDERS 2.6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Directory, UserId};

/// A member's part in a group.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MemberRole {
    /// May manage members.
    Manager,
    /// Belongs to it.
    #[default]
    Member,
    /// Owns it.
    Owner,
}

impl MemberRole {
    /// Google's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "MANAGER",
            Self::Member => "MEMBER",
            Self::Owner => "OWNER",
        }
    }
}

/// Who is a member.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MemberKey {
    /// Everybody of the customer: has an id and no address.
    Customer,
    /// Somebody outside the customer.
    External(Arc<str>),
    /// Another group, by its id.
    Group(String),
    /// A user.
    User(UserId),
}

/// A membership.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// Who.
    pub key: MemberKey,
    /// As what.
    pub role: MemberRole,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Google's id.
    pub id: String,
    /// The address, in lower case.
    pub email: Arc<str>,
    /// The name shown.
    pub name: String,
    /// A sentence, possibly empty.
    pub description: String,
    /// Further addresses.
    pub aliases: Vec<Arc<str>>,
    /// Who is in it.
    pub members: BTreeMap<MemberKey, MemberRole>,
    /// Grows with every change.
    pub version: u32,
}

impl Directory {
    /// A group's members; with `derived`, those of nested groups too, mixed with the groups.
    ///
    /// Somebody who is in it several times appears once, with the part held most directly.
    pub(crate) fn members_of(&self, group: &Group, derived: bool) -> Vec<Member> {
        let mut seen = BTreeSet::new();
        let mut open = vec![group];
        let mut entered = BTreeSet::from([group.id.as_str()]);
        let mut members = Vec::new();
        while let Some(current) = open.pop() {
            for (key, role) in &current.members {
                if seen.insert(key) {
                    let (key, role) = (key.clone(), *role);
                    members.push(Member { key, role });
                }
                if let MemberKey::Group(id) = key
                    && derived
                    && entered.insert(id)
                    && let Some(nested) = self.group(id)
                {
                    open.push(nested);
                }
            }
        }
        members
    }

    /// Whether somebody is in a group, nested groups counted.
    pub(crate) fn is_member(&self, group: &Group, user: UserId) -> bool {
        let members = self.members_of(group, true);
        members.iter().any(|member| match &member.key {
            MemberKey::Customer => true,
            MemberKey::User(id) => *id == user,
            MemberKey::External(_) | MemberKey::Group(_) => false,
        })
    }

    /// Whether `inner` is `outer` or nested in it.
    pub(super) fn is_nested(&self, outer: &Group, inner: &str) -> bool {
        outer.id == inner
            || self
                .members_of(outer, true)
                .iter()
                .any(|member| member.key == MemberKey::Group(inner.to_owned()))
    }

    /// Who a member key names: an address, a user's id, a group's id or the customer's id.
    pub(crate) fn member_key(&self, key: &str) -> Option<MemberKey> {
        if key == super::CUSTOMER {
            return Some(MemberKey::Customer);
        }
        if let Some(user) = self.user(key) {
            return Some(MemberKey::User(user.id));
        }
        if let Some(group) = self.group(key) {
            return Some(MemberKey::Group(group.id.clone()));
        }
        let (_, domain) = key.split_once('@')?;
        let outside = !self
            .domains
            .iter()
            .any(|own| own.eq_ignore_ascii_case(domain));
        outside.then(|| MemberKey::External(Arc::from(key.to_lowercase())))
    }
}
