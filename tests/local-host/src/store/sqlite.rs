//! Values in Spin's SQLite layout, so that Spin and this host go on with each other's files.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use super::backend::{Backend, StoreError, counter};

/// Spin's file name, in its `.spin` directory.
const FILE: &str = "sqlite_key_value.db";

const TABLE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
)";
const SELECT: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const SELECT_KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";
const UPSERT: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";
const REPLACE: &str =
    "UPDATE spin_key_value SET value = ?4 WHERE store = ?1 AND key = ?2 AND value = ?3";

pub(super) struct Sqlite {
    connection: Mutex<Connection>,
}

impl Sqlite {
    /// Opens or makes the file. Journaling and syncing stay SQLite's defaults, as in Spin.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let other =
            |error: std::io::Error| StoreError::Other(format!("{}: {error}", directory.display()));
        std::fs::create_dir_all(directory).map_err(other)?;
        let connection = Connection::open(directory.join(FILE))?;
        connection.execute(TABLE, [])?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction which a panic interrupted was rolled back when it was dropped.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn select(connection: &Connection, store: &str, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(SELECT)?
        .query_row([store, key], |row| row.get(0))
        .optional()
}

impl Backend for Sqlite {
    fn is_blocking(&self) -> bool {
        true
    }

    fn is_free(&self) -> bool {
        self.connection.try_lock().is_ok()
    }

    fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(select(&self.connection(), store, key)?)
    }

    fn keys(&self, store: &str) -> Result<Vec<String>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(SELECT_KEYS)?;
        let keys = statement.query_map([store], |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn set_many(&self, store: &str, pairs: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for (key, value) in pairs {
            transaction
                .prepare_cached(UPSERT)?
                .execute(params![store, key, value])?;
        }
        Ok(transaction.commit()?)
    }

    fn delete_many(&self, store: &str, keys: &[String]) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        for key in keys {
            transaction.prepare_cached(DELETE)?.execute([store, key])?;
        }
        Ok(transaction.commit()?)
    }

    fn increment(&self, store: &str, key: &str, delta: i64) -> Result<i64, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let current = select(&transaction, store, key)?;
        let next = counter(current.as_deref(), delta)?;
        transaction
            .prepare_cached(UPSERT)?
            .execute(params![store, key, next.to_le_bytes()])?;
        transaction.commit()?;
        Ok(next)
    }

    fn swap(
        &self,
        store: &str,
        key: &str,
        old: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let connection = self.connection();
        let changed = match old {
            Some(old) => connection
                .prepare_cached(REPLACE)?
                .execute(params![store, key, old, new])?,
            None => connection
                .prepare_cached(UPSERT)?
                .execute(params![store, key, new])?,
        };
        Ok(changed == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::MemoryStore;
    use super::*;

    /// What any backend must do.
    fn check(backend: &dyn Backend) {
        assert_eq!(backend.get("default", "a"), Ok(None));
        let pairs = [
            ("b".to_owned(), b"2".to_vec()),
            ("a".to_owned(), b"1".to_vec()),
        ];
        backend.set_many("default", &pairs).unwrap();
        backend
            .set_many("other", &[("a".to_owned(), b"x".to_vec())])
            .unwrap();
        assert_eq!(backend.get("default", "a"), Ok(Some(b"1".to_vec())));
        assert_eq!(backend.get("other", "a"), Ok(Some(b"x".to_vec())));

        let asked = ["b", "zzz", "a", "b"].map(str::to_owned);
        let found = backend.get_many("default", &asked).unwrap();
        assert_eq!(
            found,
            [
                ("a".to_owned(), Some(b"1".to_vec())),
                ("b".to_owned(), Some(b"2".to_vec()))
            ]
        );

        assert_eq!(backend.increment("default", "n", 5), Ok(5));
        assert_eq!(backend.increment("default", "n", -7), Ok(-2));
        assert_eq!(backend.increment("default", "n", 0), Ok(-2));
        assert_eq!(
            backend.get("default", "n"),
            Ok(Some((-2_i64).to_le_bytes().to_vec()))
        );
        assert_eq!(
            backend.increment("default", "a", 1),
            Err(StoreError::NotACounter)
        );

        assert_eq!(backend.swap("default", "a", Some(b"0"), b"9"), Ok(false));
        assert_eq!(backend.swap("default", "a", Some(b"1"), b"9"), Ok(true));
        assert_eq!(backend.get("default", "a"), Ok(Some(b"9".to_vec())));

        backend
            .delete_many("default", &["a".to_owned(), "zzz".to_owned()])
            .unwrap();
        let mut keys = backend.keys("default").unwrap();
        keys.sort();
        assert_eq!(keys, ["b", "n"]);
    }

    #[test]
    fn both_backends_agree() {
        let directory = tempfile::tempdir().unwrap();
        check(&Sqlite::open(directory.path()).unwrap());
        check(&MemoryStore::default());
    }

    #[test]
    fn the_file_has_the_layout_of_the_platform_and_survives() {
        let directory = tempfile::tempdir().unwrap();
        let pair = ("key".to_owned(), b"value".to_vec());
        Sqlite::open(directory.path())
            .unwrap()
            .set_many("default", &[pair])
            .unwrap();

        let raw = Connection::open(directory.path().join("sqlite_key_value.db")).unwrap();
        let row: (String, String, Vec<u8>) = raw
            .query_row("SELECT store, key, value FROM spin_key_value", [], |row| {
                row.try_into()
            })
            .unwrap();
        assert_eq!(
            row,
            ("default".to_owned(), "key".to_owned(), b"value".to_vec())
        );

        let again = Sqlite::open(directory.path()).unwrap();
        assert_eq!(again.get("default", "key"), Ok(Some(b"value".to_vec())));
    }
}
