//! What a provider says when it is asked for one person.

use mapping::source::SourceRecord;
use serde::{Deserialize, Serialize};

/// What a provider says about a person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// There is no such person any more.
    Deleted,
    /// The person is there, perhaps elsewhere than before.
    Present(Box<SourceRecord>),
}
