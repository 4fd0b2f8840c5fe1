//! Carrying out a plan in memory: the reference that the tests hold the engine against.

use super::Change;
use crate::account::Account;
use crate::ids::AccountId;
use std::collections::BTreeMap;

/// Carries out changes. There is nothing to decide any more: every account becomes what its
/// change says, so doing it twice is the same as doing it once.
pub fn apply<'a>(
    changes: impl IntoIterator<Item = &'a Change>,
    accounts: &mut BTreeMap<AccountId, Account>,
) {
    for change in changes {
        accounts.insert(change.account.clone(), change.after.clone());
    }
}
