//! `spin:variables`.

use wasmtime::component::Accessor;

use super::{Guest, HasGuest};
use crate::bindings::imports::spin::variables::variables::{Error, Host, HostWithStore};
use crate::variables::VariableError;

impl Host for Guest {}

impl<T: Send> HostWithStore<T> for HasGuest {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        let (app, component) = accessor.with(|mut access| {
            let guest = access.get();
            (guest.app.upgrade(), guest.component.id.clone())
        });
        let Some(app) = app else {
            return Ok(Err(Error::Other("the host is shutting down".to_owned())));
        };
        Ok(app.variables.get(&component, &name).map_err(Error::from))
    }
}

impl From<VariableError> for Error {
    fn from(error: VariableError) -> Self {
        let text = error.to_string();
        match error {
            VariableError::Malformed(_) => Self::InvalidName(text),
            VariableError::Undefined { .. } => Self::Undefined(text),
            VariableError::Missing { .. } | VariableError::NotUnicode { .. } => {
                Self::Provider(text)
            }
            VariableError::Unknown { .. } | VariableError::UnknownOverride { .. } => {
                Self::Other(text)
            }
        }
    }
}
