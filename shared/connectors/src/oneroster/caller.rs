//! Building requests of one conversation: each signed with a nonce of its own.

use super::access::Access;
use super::oauth1::{Signer, nonce};
use crate::fetch::ChainId;
use crate::request::{RequestError, get, get_authorized};
use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What nonces are made of, beside the chain and the time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Caller {
    seed: u64,
    /// Requests built so far.
    built: u64,
}

impl Caller {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, built: 0 }
    }

    pub(super) fn get(
        &mut self,
        address: &str,
        chain: ChainId,
        now: Timestamp,
        access: &Access,
    ) -> Result<Request<Bytes>, RequestError> {
        self.built += 1;
        match access {
            Access::Bearer(token) => get(address, token),
            Access::OAuth1 {
                key,
                secret,
                method,
                version_param,
            } => {
                let signer = Signer {
                    key,
                    secret,
                    method: *method,
                    version_param: *version_param,
                };
                let nonce = nonce(self.seed, chain, self.built, now);
                get_authorized(address, &signer.authorization(address, &nonce, now)?)
            }
        }
    }
}
