//! `spin:variables`: the variables that the manifest gives to the component.

use wasmtime::component::Accessor;

use super::bindings::spin::variables::variables::{Error, Host, HostWithStore};
use super::{Spin, View};
use crate::variables::check_name;

impl<T> HostWithStore<T> for Spin {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, Error>> {
        Ok(accessor.with(|mut access| {
            if let Err(reason) = check_name(&name) {
                return Err(Error::InvalidName(format!("{name:?}: {reason}")));
            }
            let grants = access.get().grants.clone();
            let undefined =
                || Error::Undefined(format!("no variable {name:?} for component {:?}", grants.component));
            grants.variables.get(&name).cloned().ok_or_else(undefined)
        }))
    }
}

impl Host for View<'_> {}
