//! The signature of the resync webhook, made as its sender makes it.

use anyhow::Context;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt::Write as _;

/// The value of `X-Rollcall-Signature` for a body sent at a time, in seconds since the Unix epoch.
pub fn sign(secret: &str, timestamp: i64, body: &[u8]) -> anyhow::Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("taking the secret")?;
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().try_fold("v1=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}")?;
        Ok(text)
    })
}
