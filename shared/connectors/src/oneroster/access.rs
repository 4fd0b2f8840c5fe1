//! What each request is made with.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How requests are signed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum SignatureMethod {
    /// What most servers of version 1.1 want.
    #[serde(rename = "HMAC-SHA1")]
    HmacSha1,
    /// What ClassLink wants.
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
}

impl SignatureMethod {
    /// The name as it stands in a request.
    pub fn name(self) -> &'static str {
        match self {
            SignatureMethod::HmacSha1 => "HMAC-SHA1",
            SignatureMethod::HmacSha256 => "HMAC-SHA256",
        }
    }
}

/// What each request is made with. Never part of a stored state, and printing it shows no secret.
#[derive(Clone, Eq, PartialEq)]
pub enum Access {
    /// An access token of OAuth 2, or a district's bearer at ClassLink's proxy.
    Bearer(String),
    /// A consumer key and secret of OAuth 1.0a.
    OAuth1 {
        /// The consumer key.
        key: String,
        /// The consumer secret.
        secret: String,
        /// How requests are signed.
        method: SignatureMethod,
        /// Whether `oauth_version` is sent; ClassLink wants it left out.
        version_param: bool,
    },
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Access::Bearer(_) => f.debug_tuple("Bearer").finish_non_exhaustive(),
            Access::OAuth1 {
                method,
                version_param,
                ..
            } => f
                .debug_struct("OAuth1")
                .field("method", method)
                .field("version_param", version_param)
                .finish_non_exhaustive(),
        }
    }
}
