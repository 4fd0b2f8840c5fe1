//! The form of everything that is stored: JSON in an envelope with a format version.
//!
//! `{"v":1,"d":…}`. A reader meets versions it knows and refuses others by name, so that an old
//! component never misreads what a newer one wrote.

use crate::ports::{Store, StoreError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The version written today.
pub const FORMAT_VERSION: u32 = 1;

/// Why a stored record could not be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// The bytes are not a record of the expected kind.
    #[error("the record {key} can't be read: {reason}")]
    Malformed {
        /// The record's key.
        key: String,
        /// What the parser said: a position and a kind, never a value.
        reason: String,
    },
    /// A newer Rollcall wrote it.
    #[error(
        "the record {key} has format version {version}; this Rollcall reads up to {FORMAT_VERSION}"
    )]
    Newer {
        /// The record's key.
        key: String,
        /// The version found.
        version: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Serialize)]
struct EnvelopeRef<'a, T> {
    v: u32,
    d: &'a T,
}

#[derive(Deserialize)]
struct Envelope<T> {
    v: u32,
    d: T,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// Encodes a record.
///
/// # Panics
/// Never: the types stored here have string keys and no failing serializers; if one had, the
/// record would be written empty and refused on reading.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(&EnvelopeRef {
        v: FORMAT_VERSION,
        d: value,
    })
    .unwrap_or_default()
}

/// Decodes a record; `key` only names it in errors.
pub fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, RecordError> {
    match serde_json::from_slice::<Envelope<T>>(bytes) {
        Ok(envelope) if envelope.v <= FORMAT_VERSION => Ok(envelope.d),
        Ok(Envelope { v: version, .. }) => Err(RecordError::Newer {
            key: key.to_owned(),
            version,
        }),
        Err(error) => match serde_json::from_slice::<Version>(bytes) {
            Ok(Version { v: version }) if version > FORMAT_VERSION => Err(RecordError::Newer {
                key: key.to_owned(),
                version,
            }),
            _ => Err(RecordError::Malformed {
                key: key.to_owned(),
                reason: format!(
                    "{:?} error at line {} column {}",
                    error.classify(),
                    error.line(),
                    error.column()
                ),
            }),
        },
    }
}

/// Reads and decodes a record.
pub async fn read<T: DeserializeOwned>(
    store: &impl Store,
    key: &str,
) -> Result<Option<T>, RecordError> {
    match store.get(key).await? {
        Some(bytes) => decode(key, &bytes).map(Some),
        None => Ok(None),
    }
}

/// Encodes and writes a record.
pub async fn write<T: Serialize>(
    store: &impl Store,
    key: &str,
    value: &T,
) -> Result<(), StoreError> {
    store.set(key, &encode(value)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        let bytes = encode(&vec![1, 2]);
        assert_eq!(decode::<Vec<i32>>("k", &bytes), Ok(vec![1, 2]));
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let error = decode::<Vec<i32>>("k", br#"{"v":9,"d":{"new":1}}"#).unwrap_err();
        assert_eq!(
            error,
            RecordError::Newer {
                key: "k".to_owned(),
                version: 9
            }
        );
    }

    #[test]
    fn the_error_of_a_malformed_record_has_no_value_of_it() {
        let error = decode::<Vec<i32>>("k", br#"{"v":1,"d":"dana@x"}"#).unwrap_err();
        assert!(!error.to_string().contains("dana"), "{error}");
    }
}
