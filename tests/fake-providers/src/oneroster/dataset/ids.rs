//! What ids look like.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Kind;

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
    let digest = Sha256::digest(format!("{kind:?} {id} {generation}"));
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let (a, b, c, d, e) = (
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    );
    format!("{a}-{b}-{c}-{d}-{e}")
}
