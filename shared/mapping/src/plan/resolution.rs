//! What administrators say about people whom nobody else can tell apart.

use crate::ids::AccountId;
use serde::{Deserialize, Serialize};

/// What an administrator said about a person of a source whose account could not be found without
/// doubt. It counts until it is taken back.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "resolution", rename_all = "snake_case", deny_unknown_fields)]
pub enum Resolution {
    /// The person is not taken over from this source. An account that they have stays as it is.
    Ignore,
    /// The person is the one who has this account, whatever their addresses and roles.
    Link {
        /// The account.
        account: AccountId,
    },
    /// The person is nobody whom we know: they get an account of their own, without the address
    /// that another has.
    Separate,
}
