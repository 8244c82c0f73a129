//! `spin:key-value`, in the file and with the schema that Spin uses, so that either reads what the other wrote.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use super::sqlite::BUSY_TIMEOUT;
use super::stream::Batches;
use super::{Spin, View};

/// Stores that one instance may have open, as in Spin.
const MAX_OPEN: usize = 256;
/// Bytes of one value.
const MAX_VALUE: usize = 16 << 20;
/// Keys that are passed on at a time.
const KEYS_PER_BATCH: usize = 256;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
)";

/// The file that holds all key-value stores. One connection: every call holds it for one statement.
#[derive(Debug)]
pub struct KeyValueFile(Mutex<Connection>);

impl KeyValueFile {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute(SCHEMA, ())?;
        Ok(Self(Mutex::new(connection)))
    }

    fn with<R>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<R>) -> Result<R, Error> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(&connection).map_err(|error| {
            tracing::warn!(%error, "key-value store failed");
            Error::Other(error.to_string())
        })
    }

    fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                .query_row([store, key], |row| row.get(0))
                .optional()
        })
    }

    fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), Error> {
        if value.len() > MAX_VALUE {
            return Err(Error::Other(format!(
                "a value may have {MAX_VALUE} bytes, this one has {}",
                value.len()
            )));
        }
        self.with(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT (store, key) DO UPDATE SET value = excluded.value",
                )?
                .execute(params![store, key, value])
                .map(drop)
        })
    }

    fn delete(&self, store: &str, key: &str) -> Result<(), Error> {
        self.with(|connection| {
            connection
                .prepare_cached("DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                .execute([store, key])
                .map(drop)
        })
    }

    fn exists(&self, store: &str, key: &str) -> Result<bool, Error> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2")?
                .exists([store, key])
        })
    }

    /// One page of keys after `after`, in order. Pages, so that no reader holds the file while a guest takes its time.
    fn keys(&self, store: &str, after: Option<&str>) -> Result<Vec<String>, Error> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT key FROM spin_key_value WHERE store = ?1 AND (?2 IS NULL OR key > ?2) ORDER BY key LIMIT ?3",
                )?
                .query_map(params![store, after, KEYS_PER_BATCH as i64], |row| row.get(0))?
                .collect()
        })
    }
}

/// An open store.
#[derive(Clone, Debug)]
pub struct Store {
    label: Arc<str>,
    file: Arc<KeyValueFile>,
}

impl Store {
    /// Runs one statement on a blocking thread.
    async fn run<R: Send + 'static>(
        self,
        work: impl FnOnce(&KeyValueFile, &str) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        tokio::task::spawn_blocking(move || work(&self.file, &self.label))
            .await
            .unwrap_or_else(|error| Err(Error::Other(error.to_string())))
    }
}

fn find<T>(accessor: &Accessor<T, Spin>, store: &Resource<Store>) -> wasmtime::Result<Store> {
    accessor.with(|mut access| Ok(access.get().table.get(store)?.clone()))
}

impl<T> HostStoreWithStore<T> for Spin {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<Store>, Error>> {
        accessor.with(|mut access| {
            let view = access.get();
            let stores = &view.grants.stores;
            if !stores.key_value.contains(&label) {
                return Ok(Err(Error::AccessDenied));
            }
            let Some(file) = stores.key_value_file.clone() else { return Ok(Err(Error::NoSuchStore)) };
            if *view.open_stores >= MAX_OPEN {
                return Ok(Err(Error::StoreTableFull));
            }
            *view.open_stores += 1;
            Ok(Ok(view.table.push(Store { label: label.into(), file })?))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let store = find(accessor, &store)?;
        Ok(store.run(move |file, label| file.get(label, &key)).await)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let store = find(accessor, &store)?;
        Ok(store.run(move |file, label| file.set(label, &key, &value)).await)
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let store = find(accessor, &store)?;
        Ok(store.run(move |file, label| file.delete(label, &key)).await)
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let store = find(accessor, &store)?;
        Ok(store.run(move |file, label| file.exists(label, &key)).await)
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let store = find(accessor, &store)?;
        let (keys, later) = mpsc::channel(1);
        let (result, outcome) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _ = result.send(send_keys(&store, &keys));
        });
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, Batches::new(Vec::new(), Some(later)))?;
            let outcome = async { wasmtime::error::Ok(outcome.await.unwrap_or(Ok(()))) };
            Ok((keys, FutureReader::new(&mut access, outcome)?))
        })
    }
}

fn send_keys(store: &Store, keys: &mpsc::Sender<Vec<String>>) -> Result<(), Error> {
    let mut last: Option<String> = None;
    loop {
        let page = store.file.keys(&store.label, last.as_deref())?;
        let full = page.len() == KEYS_PER_BATCH;
        last = page.last().cloned();
        // An error here means that the guest dropped the stream, and with it any interest in the rest.
        if page.is_empty() || keys.blocking_send(page).is_err() || !full {
            return Ok(());
        }
    }
}

impl HostStore for View<'_> {
    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        *self.open_stores = self.open_stores.saturating_sub(1);
        Ok(())
    }
}

impl Host for View<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_set_replaced_and_deleted() {
        let (file, _directory) = open();

        file.set("default", "k", b"1").unwrap();
        file.set("default", "k", b"22").unwrap();
        assert_eq!(file.get("default", "k").unwrap(), Some(b"22".to_vec()));
        assert!(file.exists("default", "k").unwrap());

        file.delete("default", "k").unwrap();
        file.delete("default", "k").unwrap();
        assert_eq!(file.get("default", "k").unwrap(), None);
        assert!(!file.exists("default", "k").unwrap());
    }

    #[test]
    fn stores_do_not_see_each_other() {
        let (file, _directory) = open();

        file.set("one", "k", b"1").unwrap();

        assert_eq!(file.get("two", "k").unwrap(), None);
        assert_eq!(file.keys("two", None).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn keys_come_in_pages_and_none_is_left_out() {
        let (file, _directory) = open();
        for number in 0..KEYS_PER_BATCH * 2 + 5 {
            file.set("default", &format!("{number:05}"), b"").unwrap();
        }
        let store = Store { label: "default".into(), file: Arc::new(file) };
        let (sender, mut receiver) = mpsc::channel(10);

        send_keys(&store, &sender).unwrap();

        drop(sender);
        let mut found = Vec::new();
        while let Some(page) = receiver.blocking_recv() {
            found.extend(page);
        }
        assert_eq!(found.len(), KEYS_PER_BATCH * 2 + 5);
        assert!(found.is_sorted());
    }

    #[test]
    fn a_file_that_spin_wrote_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sqlite_key_value.db");
        let spin = Connection::open(&path).unwrap();
        spin.execute(
            "CREATE TABLE IF NOT EXISTS spin_key_value (
                           store TEXT NOT NULL,
                           key   TEXT NOT NULL,
                           value BLOB NOT NULL,

                           PRIMARY KEY (store, key)
                        )",
            (),
        )
        .unwrap();
        spin.execute("INSERT INTO spin_key_value VALUES ('default', 'k', x'0102')", ()).unwrap();
        drop(spin);

        let file = KeyValueFile::open(&path).unwrap();

        assert_eq!(file.get("default", "k").unwrap(), Some(vec![1, 2]));
    }

    #[test]
    fn a_value_that_is_too_large_is_refused() {
        let (file, _directory) = open();

        let error = file.set("default", "k", &vec![0; MAX_VALUE + 1]).unwrap_err();

        assert!(matches!(error, Error::Other(text) if text.contains("a value may have")));
    }

    fn open() -> (KeyValueFile, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        (KeyValueFile::open(&directory.path().join("kv.db")).unwrap(), directory)
    }
}
