//! What an id token claims, and whether we may act on it (PROVIDERS 1.6).

use super::{CLOCK_LEEWAY_SECONDS, IdTokenError};
use jiff::Timestamp;
use mapping::account::Email;
use mapping::ids::ExternalId;
use serde::Deserialize;

/// Google writes its name both ways.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// What a token must be for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Our client id.
    pub client_id: &'a str,
    /// The nonce that was sent to the consent page.
    pub nonce: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// Who consented, as Google vouches for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedIdentity {
    /// Google's id of the account; equals the Directory API's user id for Workspace accounts.
    pub sub: ExternalId,
    /// The account's address; verified.
    pub email: Email,
    /// The **primary** domain of the account's Workspace; `None` for personal accounts.
    pub hosted_domain: Option<String>,
    /// The account's name, with the profile scope.
    pub given_name: Option<String>,
    /// The account's family name, with the profile scope.
    pub family_name: Option<String>,
}

impl VerifiedIdentity {
    /// True for a Workspace account of this primary domain, or one whose address is in this
    /// secondary domain. A personal account belongs to no domain, whatever its address.
    pub fn belongs_to(&self, domain: &str) -> bool {
        self.hosted_domain.as_ref().is_some_and(|hosted| {
            hosted.eq_ignore_ascii_case(domain) || self.email.domain().eq_ignore_ascii_case(domain)
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    hd: Option<String>,
    #[serde(default)]
    given_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
}

impl Claims {
    pub(super) fn check(self, expected: &Expected<'_>) -> Result<VerifiedIdentity, IdTokenError> {
        if !ISSUERS.contains(&self.iss.as_str()) {
            return Err(IdTokenError::Issuer);
        }
        let is_presented_by_us = self.azp.is_none_or(|azp| azp == expected.client_id);
        if self.aud != expected.client_id || !is_presented_by_us {
            return Err(IdTokenError::Audience);
        }
        let now = expected.now.as_second();
        if self.exp <= now.saturating_sub(CLOCK_LEEWAY_SECONDS) {
            return Err(IdTokenError::Expired);
        }
        if self.iat > now.saturating_add(CLOCK_LEEWAY_SECONDS) {
            return Err(IdTokenError::Future);
        }
        if self.nonce.as_deref() != Some(expected.nonce) || expected.nonce.is_empty() {
            return Err(IdTokenError::Nonce);
        }
        let email = self.email.ok_or(IdTokenError::Malformed)?;
        if !self.email_verified {
            return Err(IdTokenError::EmailUnverified);
        }
        Ok(VerifiedIdentity {
            sub: ExternalId::parse(self.sub).map_err(|_| IdTokenError::Malformed)?,
            email: Email::parse(&email).map_err(|_| IdTokenError::Malformed)?,
            hosted_domain: self.hd.filter(|domain| !domain.is_empty()),
            given_name: self.given_name,
            family_name: self.family_name,
        })
    }
}
