//! What the fake Google knows of a district: users, org units, groups and admin roles.
//!
//! Addresses are kept in lower case and belong to one user, alias or group at a time. Deleted
//! users keep theirs for twenty days. Everything a listing needs is indexed: by id, by address,
//! by org unit.

mod build;
mod change;
mod group;
mod listing;
mod member_change;
mod org_unit;
mod role;
mod unit_change;
mod user;
mod user_change;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use change::{Change, ChangeRefused, Changed, RoleChange};
pub use group::{Group, Member, MemberKey, MemberRole};
pub(crate) use listing::{OrderBy, UserOrder};
pub use org_unit::{OrgUnit, OrgUnitSlot, OrgUnits};
pub use role::{AdminRole, Delegation, Privilege};
pub use user::{User, UserId};

/// Google's customer id of the district.
pub(crate) const CUSTOMER: &str = "C03demo01";

/// How long a deleted user can be restored and keeps the address: twenty days (PROVIDERS 2.10).
pub(crate) const UNDELETE_WINDOW_MS: i64 = 20 * 24 * 3_600 * 1_000;

/// A user's place in the table; stays the same for ever, even after deletion.
pub(crate) type UserSlot = u32;

/// To whom an address belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// A further address of a user.
    Alias(UserSlot),
    /// The primary address of a user deleted at most twenty days ago.
    Deleted(UserSlot),
    /// A group.
    Group(usize),
    /// The primary address of a user.
    User(UserSlot),
}

/// The directory of one customer.
#[derive(Clone, Debug)]
pub struct Directory {
    domains: Vec<String>,
    org_units: OrgUnits,
    users: Vec<User>,
    by_id: BTreeMap<UserId, UserSlot>,
    addresses: BTreeMap<Arc<str>, Owner>,
    by_org_unit: BTreeMap<OrgUnitSlot, BTreeSet<UserSlot>>,
    groups: BTreeMap<usize, Group>,
    roles: BTreeMap<UserId, AdminRole>,
    generation: u64,
    ids_given: u64,
    seed: u64,
}

impl Directory {
    /// The domains, the primary one first.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// The primary domain.
    pub fn primary_domain(&self) -> &str {
        self.domains.first().map_or("", String::as_str)
    }

    /// The tree of org units.
    pub fn org_units(&self) -> &OrgUnits {
        &self.org_units
    }

    /// The groups, in the order made.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// How many users there are, deleted ones left out.
    pub fn user_count(&self) -> usize {
        self.by_org_unit.values().map(BTreeSet::len).sum()
    }

    /// Grows with every change.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The users who are not deleted, by address.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.live_slots().filter_map(|slot| self.user_at(slot))
    }

    /// A live user by primary address, alias or id.
    pub fn user(&self, key: &str) -> Option<&User> {
        self.user_slot(key).and_then(|slot| self.user_at(slot))
    }

    /// A group by address or id.
    pub fn group(&self, key: &str) -> Option<&Group> {
        self.group_slot(key).and_then(|slot| self.groups.get(&slot))
    }

    /// The role of a user.
    pub fn role(&self, user: UserId) -> &AdminRole {
        self.roles.get(&user).unwrap_or(&AdminRole::None)
    }

    pub(crate) fn user_at(&self, slot: UserSlot) -> Option<&User> {
        self.users.get(usize::try_from(slot).ok()?)
    }

    pub(crate) fn user_by_id(&self, id: UserId) -> Option<&User> {
        let user = self.user_at(*self.by_id.get(&id)?)?;
        user.deleted_at_ms.is_none().then_some(user)
    }

    pub(crate) fn live_slots(&self) -> impl Iterator<Item = UserSlot> {
        self.addresses.values().filter_map(|owner| match owner {
            Owner::User(slot) => Some(*slot),
            Owner::Alias(_) | Owner::Deleted(_) | Owner::Group(_) => None,
        })
    }

    pub(crate) fn slots_in(&self, unit: OrgUnitSlot) -> impl Iterator<Item = UserSlot> {
        self.by_org_unit.get(&unit).into_iter().flatten().copied()
    }

    pub(crate) fn owner(&self, address: &str) -> Option<Owner> {
        self.addresses.get(address.to_lowercase().as_str()).copied()
    }

    pub(crate) fn user_slot(&self, key: &str) -> Option<UserSlot> {
        if let Some(id) = UserId::parse(key) {
            let slot = *self.by_id.get(&id)?;
            let live = self.user_at(slot)?.deleted_at_ms.is_none();
            return live.then_some(slot);
        }
        match self.owner(key)? {
            Owner::User(slot) | Owner::Alias(slot) => Some(slot),
            Owner::Deleted(_) | Owner::Group(_) => None,
        }
    }

    pub(crate) fn group_slot(&self, key: &str) -> Option<usize> {
        match self.owner(key) {
            Some(Owner::Group(slot)) => Some(slot),
            Some(Owner::Alias(_) | Owner::Deleted(_) | Owner::User(_)) => None,
            None => {
                let mut groups = self.groups.iter();
                groups
                    .find(|(_, group)| group.id == key)
                    .map(|(slot, _)| *slot)
            }
        }
    }

    /// The users deleted within the window before `now_ms`, by id.
    pub(crate) fn deleted_users(&self, now_ms: i64) -> impl Iterator<Item = &User> {
        let recently = move |user: &&User| {
            user.deleted_at_ms
                .is_some_and(|at_ms| now_ms - at_ms <= UNDELETE_WINDOW_MS)
        };
        let slots = self.by_id.values();
        slots
            .filter_map(|slot| self.user_at(*slot))
            .filter(recently)
    }
}
