//! The platform behind the engine's ports, and the frame of a component.
//!
//! **Invariant:** this is the only shared crate that names `spin_sdk`, and no type of it leaves
//! here but the request and the response of a component's handler. It decides nothing: whatever
//! could be wrong about data is decided in `engine`, where it can be tested.

mod batch;
mod outbound;
mod serve;
mod store;

pub use outbound::send;
pub use serve::{Body, Handled, serve, serve_streaming};

use engine::ports::{Clock, Random, VariableError, Variables};
use jiff::Timestamp;
use spin_sdk::variables;
use std::time::Duration;

/// The ports of one request. Made anew for each: instances serve many requests, and nothing of
/// one may be seen by another.
#[derive(Default)]
pub struct Platform {
    store: store::Handles,
}

impl Platform {
    /// Ports that have not been used yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Clock for Platform {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the clock of the platform is read"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }
}

impl Random for Platform {
    fn fill(&self, buffer: &mut [u8]) {
        let mut filled = 0;
        while filled < buffer.len() {
            let wanted = (buffer.len() - filled) as u64;
            let bytes = spin_sdk::wasip3::random::random::get_random_bytes(wanted);
            for (to, from) in buffer.iter_mut().skip(filled).zip(&bytes) {
                *to = *from;
            }
            filled += bytes.len();
        }
    }
}

impl Variables for Platform {
    async fn variable(&self, name: &str) -> Result<String, VariableError> {
        match variables::get(name).await {
            Ok(value) if !value.is_empty() => Ok(value),
            Ok(_) | Err(variables::Error::Undefined(_)) => {
                Err(VariableError::Missing(name.to_owned()))
            }
            Err(
                variables::Error::InvalidName(reason)
                | variables::Error::Provider(reason)
                | variables::Error::Other(reason),
            ) => Err(VariableError::Unusable {
                name: name.to_owned(),
                reason,
            }),
        }
    }
}
