//! What Spin provides to guests beyond WASI: `spin:sqlite`, `spin:key-value` and `spin:variables`.

mod bindings;
mod key_value;
mod sqlite;
mod stream;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wasmtime::component::{HasData, Linker, ResourceTable};

use crate::guest::{Gone, Grants, Guest};

pub(crate) use key_value::KeyValueFile;
pub(crate) use sqlite::Database;

/// The stores that a component may open, by label.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    pub(crate) databases: BTreeMap<String, Arc<Database>>,
    pub(crate) key_value: BTreeSet<String>,
    pub(crate) key_value_file: Option<Arc<KeyValueFile>>,
}

/// What host functions see of a store.
pub(crate) struct View<'a> {
    table: &'a mut ResourceTable,
    grants: &'a Arc<Grants>,
    gone: &'a Gone,
    open_connections: &'a mut usize,
    open_stores: &'a mut usize,
}

/// Marks the data of the host functions here.
struct Spin;

impl HasData for Spin {
    type Data<'a> = View<'a>;
}

fn view(guest: &mut Guest) -> View<'_> {
    View {
        table: &mut guest.table,
        grants: &guest.grants,
        gone: &guest.gone,
        open_connections: &mut guest.open_connections,
        open_stores: &mut guest.open_stores,
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    bindings::spin::sqlite::sqlite::add_to_linker::<_, Spin>(linker, view)?;
    bindings::spin::key_value::key_value::add_to_linker::<_, Spin>(linker, view)?;
    bindings::spin::variables::variables::add_to_linker::<_, Spin>(linker, view)
}
