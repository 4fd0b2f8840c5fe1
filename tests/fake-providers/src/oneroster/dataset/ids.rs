//! What ids look like.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Kind;
use crate::hmac::hex;

/// What ids look like.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdStyle {
    /// Short and readable: `u-100001`, `HS-01`.
    #[default]
    Plain,
    /// GUIDs.
    Guid,
    /// With everything that paths and queries stumble over.
    Odd,
}

impl IdStyle {
    /// A new id for a record with this one.
    pub(super) fn of(self, kind: Kind, id: &str, generation: u32) -> String {
        match self {
            Self::Plain => format!("g{generation}-{id}"),
            Self::Guid => guid(kind, id, generation),
            Self::Odd => format!("{generation}/{id}|a +b%41"),
        }
    }
}

fn guid(kind: Kind, id: &str, generation: u32) -> String {
    let digits = hex(&Sha256::digest(format!("{kind:?} {id} {generation}")));
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    groups
        .map(|group| digits.get(group).unwrap_or_default())
        .join("-")
}
