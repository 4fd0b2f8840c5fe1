//! Records that may be larger than one value of a store: cut into immutable pieces named by their
//! content, and a head that names the pieces. Pieces first, head last, so that a reader sees one
//! whole record or the one before.

use crate::error::Error;
use crate::keys;
use crate::ports::{BATCH_VALUES_MAX, Store};
use crate::record::{self, PIECE_BYTES, RecordError};
use crate::roster::blob;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Where the pieces of a large record are, in order.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    pieces: Vec<String>,
}

/// Reads a large record.
pub async fn read<T: DeserializeOwned>(store: &impl Store, key: &str) -> Result<Option<T>, Error> {
    let Some(head) = record::read::<Head>(store, key).await? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    for digest in &head.pieces {
        let piece = keys::piece(key, digest);
        match store.get(&piece).await? {
            Some(more) => bytes.extend(more),
            None => return Err(RecordError::Absent { key: piece }.into()),
        }
    }
    Ok(Some(record::decode(key, &bytes)?))
}

/// Writes a large record.
pub async fn write<T: Serialize>(store: &impl Store, key: &str, value: &T) -> Result<(), Error> {
    let bytes = record::encode(value);
    let (mut head, mut values) = (Head { pieces: Vec::new() }, Vec::new());
    for piece in bytes.chunks(PIECE_BYTES) {
        let digest = blob::digest(piece);
        values.push((keys::piece(key, &digest), piece.to_vec()));
        head.pieces.push(digest);
    }
    for batch in values.chunks(BATCH_VALUES_MAX) {
        store.set_many(batch).await?;
    }
    Ok(record::write(store, key, &head).await?)
}

/// Writes a large record over another and removes the pieces that only the other one had.
pub async fn replace<T: Serialize>(store: &impl Store, key: &str, value: &T) -> Result<(), Error> {
    let old = record::read::<Head>(store, key).await?;
    write(store, key, value).await?;
    let new = record::read::<Head>(store, key).await?;
    let kept = new.map_or_else(Vec::new, |head| head.pieces);
    let mut left = old.map_or_else(Vec::new, |head| head.pieces);
    left.retain(|digest| !kept.contains(digest));
    let left: Vec<String> = left.iter().map(|digest| keys::piece(key, digest)).collect();
    if !left.is_empty() {
        store.delete_many(&left).await?;
    }
    Ok(())
}

/// Removes a large record, its head first.
pub async fn delete(store: &impl Store, key: &str) -> Result<(), Error> {
    let head = record::read::<Head>(store, key).await?;
    store.delete(key).await?;
    let pieces = head.map_or_else(Vec::new, |head| head.pieces);
    let pieces: Vec<String> = pieces
        .iter()
        .map(|digest| keys::piece(key, digest))
        .collect();
    Ok(store.delete_many(&pieces).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{CrashPoint, MemoryPorts, block_on};

    #[test]
    fn a_record_larger_than_a_value_reads_back() {
        let ports = MemoryPorts::new();
        let value = vec!["é".repeat(1_000); 400];
        block_on(async {
            assert_eq!(read::<Vec<String>>(&ports, "k").await, Ok(None));
            write(&ports, "k", &value).await.unwrap();
            assert_eq!(read(&ports, "k").await, Ok(Some(value)));
            replace(&ports, "k", &["b"]).await.unwrap();
            assert_eq!(read(&ports, "k").await, Ok(Some(vec!["b".to_owned()])));
            assert_eq!(ports.dump().len(), 2);
            delete(&ports, "k").await.unwrap();
            assert!(ports.dump().is_empty());
        });
    }

    #[test]
    fn a_writer_killed_anywhere_leaves_the_old_record_or_the_new_one() {
        let (old, new) = ("a".repeat(PIECE_BYTES * 2), "b".repeat(PIECE_BYTES * 3));
        for operation in 1..=3 {
            for point in [CrashPoint::Before, CrashPoint::After] {
                let ports = MemoryPorts::new();
                block_on(async {
                    write(&ports, "k", &old).await.unwrap();
                    ports.crash_at(Some((operation, point)));
                    let _ = write(&ports, "k", &new).await;
                    ports.crash_at(None);
                    let found: String = read(&ports, "k").await.unwrap().unwrap();
                    assert!(found == old || found == new, "{operation} {point:?}");
                });
            }
        }
    }
}
