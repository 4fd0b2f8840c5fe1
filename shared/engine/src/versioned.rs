//! Records that people edit: a version number, and a write that fails when somebody else was
//! faster.
//!
//! The stores have no compare-and-swap, so a writer first claims the next version by
//! `increment`. A claim whose writer died blocks that version only until the minute is over.

use crate::error::Error;
use crate::keys;
use crate::ports::{Clock, Store};
use crate::record;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// A value with its version. The version before the first write is 0.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Versioned<T> {
    /// Counts the writes.
    pub version: u64,
    /// The value.
    pub value: T,
}

/// Why a write did not happen.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReplaceError {
    /// Somebody else wrote since it was read.
    #[error("it was changed since it was read: read it again and repeat the change")]
    Changed,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Claims the right to write the version after `version`. Nothing is written yet, so that a
/// caller can record the change in the audit log between claim and write.
pub async fn claim(
    ports: &(impl Store + Clock),
    key: &str,
    version: u64,
) -> Result<(), ReplaceError> {
    let minute = ports.now().as_second() / 60;
    let claim = keys::claim(key, version.saturating_add(1), minute);
    match ports.increment(&claim, 1).await.map_err(Error::from)? {
        1 => Ok(()),
        _ => Err(ReplaceError::Changed),
    }
}

/// Claims the right to write the version after `version` of a [`Versioned`] record, and looks
/// whether that is still the newest: a claim of an earlier minute may have been used since the
/// record was read.
pub async fn claim_newest(
    ports: &(impl Store + Clock),
    key: &str,
    version: u64,
) -> Result<(), ReplaceError> {
    claim(ports, key, version).await?;
    let found: Option<Versioned<IgnoredAny>> = read(ports, key).await?;
    if found.map_or(0, |found| found.version) == version {
        Ok(())
    } else {
        Err(ReplaceError::Changed)
    }
}

/// Reads the record and its version.
pub async fn read<T: DeserializeOwned>(
    store: &impl Store,
    key: &str,
) -> Result<Option<Versioned<T>>, Error> {
    Ok(record::read(store, key).await?)
}

/// Writes the version after `version`, which the caller has claimed.
pub async fn write<T: Serialize>(
    store: &impl Store,
    key: &str,
    version: u64,
    value: T,
) -> Result<Versioned<T>, Error> {
    let next = Versioned {
        version: version.saturating_add(1),
        value,
    };
    record::write(store, key, &next).await?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};
    use std::time::Duration;

    #[test]
    fn of_two_writers_of_one_version_the_second_is_refused() {
        let ports = MemoryPorts::new();
        block_on(async {
            claim(&ports, "k", 0).await.unwrap();
            assert_eq!(claim(&ports, "k", 0).await, Err(ReplaceError::Changed));
            write(&ports, "k", 0, "a").await.unwrap();
            let read: Versioned<String> = read(&ports, "k").await.unwrap().unwrap();
            assert_eq!((read.version, read.value.as_str()), (1, "a"));
            claim(&ports, "k", 1).await.unwrap();
        });
    }

    #[test]
    fn a_writer_that_read_long_ago_is_refused_though_its_minute_is_free() {
        let ports = MemoryPorts::new();
        block_on(async {
            claim_newest(&ports, "k", 0).await.unwrap();
            write(&ports, "k", 0, "a").await.unwrap();
            ports.advance(Duration::from_mins(2));
            let refused = claim_newest(&ports, "k", 0).await;
            assert_eq!(refused, Err(ReplaceError::Changed));
            assert_eq!(claim_newest(&ports, "k", 1).await, Ok(()));
        });
    }

    #[test]
    fn a_claim_whose_writer_died_is_free_again_after_a_minute() {
        let ports = MemoryPorts::new();
        block_on(async {
            claim(&ports, "k", 0).await.unwrap();
            ports.advance(Duration::from_mins(1));
            assert_eq!(claim(&ports, "k", 0).await, Ok(()));
        });
    }
}
