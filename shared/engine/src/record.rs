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
    /// A record that another record names is not there.
    #[error("the record {key} is missing")]
    Absent {
        /// The record's key.
        key: String,
    },
    /// A record would be larger than a store takes.
    #[error("the record {key} would have {bytes} bytes, more than a store takes")]
    Large {
        /// The record's key.
        key: String,
        /// Its size.
        bytes: usize,
    },
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

/// Encodes a list piece by piece, each piece a record of its own that [`decode`] reads as a `Vec`.
#[derive(Debug, Default)]
pub struct ListEncoder {
    bytes: Vec<u8>,
}

impl ListEncoder {
    /// Adds an item.
    pub fn push<T: Serialize>(&mut self, item: &T) {
        let before = self.bytes.len();
        if self.bytes.is_empty() {
            self.bytes
                .extend_from_slice(format!("{{\"v\":{FORMAT_VERSION},\"d\":[").as_bytes());
        } else {
            self.bytes.push(b',');
        }
        if serde_json::to_writer(&mut self.bytes, item).is_err() {
            self.bytes.truncate(before);
        }
    }

    /// How many bytes the piece has so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when nothing was added.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The piece, and an empty encoder in its place.
    pub fn take(&mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"]}");
        std::mem::take(&mut self.bytes)
    }
}

/// Size at which a list is cut into pieces, in bytes: half of what a store takes, so that the
/// last item of a piece may be large.
pub const PIECE_BYTES: usize = crate::ports::VALUE_BYTES_MAX / 2;

/// Encodes a list as few records as fit into a store's values.
pub fn pieces<T: Serialize>(items: &[T]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut encoder = ListEncoder::default();
    for item in items {
        encoder.push(item);
        if encoder.len() >= PIECE_BYTES {
            pieces.push(encoder.take());
        }
    }
    if !encoder.is_empty() {
        pieces.push(encoder.take());
    }
    pieces
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
    fn a_list_encoded_piece_by_piece_reads_back() {
        let mut list = ListEncoder::default();
        assert!(list.is_empty());
        list.push(&1);
        list.push(&2);
        assert_eq!(decode::<Vec<i32>>("k", &list.take()), Ok(vec![1, 2]));
        assert!(list.is_empty());
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
