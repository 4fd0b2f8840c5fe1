//! The order in which users are listed, and where a listing goes on.

use std::cmp::Ordering;

use super::{Directory, OrgUnitSlot, User, UserSlot};

/// By what a listing is ordered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum OrderBy {
    /// The primary address.
    #[default]
    Email,
    /// The family name, then the given name.
    FamilyName,
    /// The given name, then the family name.
    GivenName,
}

/// The order of a listing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct UserOrder {
    pub(crate) by: OrderBy,
    pub(crate) descending: bool,
}

impl UserOrder {
    /// What places a user in this order, apart from the id.
    pub(crate) fn key(self, user: &User) -> String {
        match self.by {
            OrderBy::Email => user.email.to_string(),
            OrderBy::FamilyName => format!("{}\0{}", user.family, user.given).to_lowercase(),
            OrderBy::GivenName => format!("{}\0{}", user.given, user.family).to_lowercase(),
        }
    }

    /// How a user stands to the place after which a page starts.
    pub(crate) fn compare(self, user: &User, key: &str, id: u64) -> Ordering {
        let order = match self.by {
            OrderBy::Email => user.email.as_ref().cmp(key),
            OrderBy::FamilyName | OrderBy::GivenName => self.key(user).as_str().cmp(key),
        };
        let order = order.then_with(|| user.id.number().cmp(&id));
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}

impl Directory {
    /// The live users for whom `keep` holds, in order; only those of some org units if given.
    pub(crate) fn listed(
        &self,
        within: Option<&[OrgUnitSlot]>,
        order: UserOrder,
        keep: impl Fn(&User) -> bool,
    ) -> Vec<UserSlot> {
        let kept = |slot: &UserSlot| self.user_at(*slot).is_some_and(&keep);
        let mut slots: Vec<UserSlot> = match within {
            Some(units) => {
                let inside = units.iter().flat_map(|unit| self.slots_in(*unit));
                inside.filter(kept).collect()
            }
            None => self.live_slots().filter(kept).collect(),
        };
        if within.is_some() || order.by != OrderBy::Email {
            let key = |slot: &UserSlot| {
                let user = self.user_at(*slot);
                user.map(|user| (order.key(user), user.id))
            };
            slots.sort_by_cached_key(key);
        }
        if order.descending {
            slots.reverse();
        }
        slots
    }
}
