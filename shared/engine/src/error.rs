//! The failures any step can meet, whatever it does.

use crate::ports::{StoreError, VariableError};
use crate::record::RecordError;

/// A failure of the surroundings: the step did not happen or may be done again.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Somebody else writes the same at this moment.
    #[error("somebody else is changing the same at this moment: {0}")]
    Busy(String),
    /// A stored record can't be used.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An application variable is missing or unusable.
    #[error(transparent)]
    Variable(#[from] VariableError),
}

impl Error {
    /// True when another worker goes on instead of this one.
    pub fn is_lease_lost(&self) -> bool {
        let (Error::Store(error) | Error::Record(RecordError::Store(error))) = self else {
            return false;
        };
        *error == StoreError::LeaseLost
    }
}
