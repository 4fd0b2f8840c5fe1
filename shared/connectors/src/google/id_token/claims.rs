//! What an id token claims, and whether we may act on it (PROVIDERS 1.6).

use super::{CLOCK_LEEWAY_SECONDS, IdTokenError};
use crate::signin::{Kind, ProviderIdentity, name};
use jiff::Timestamp;
use mapping::account::Email;
use mapping::ids::ExternalId;
use serde::Deserialize;

/// Google writes its name both ways.
pub(crate) const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

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

/// Who signs in, as Google says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedIn {
    /// Google's id of the account; equals the Directory API's user id for Workspace accounts.
    pub sub: ExternalId,
    /// The account's address, with the email scope. An account keeps its `sub` when the address
    /// changes.
    pub email: Option<Email>,
    /// Whether Google has seen that the account's holder reads that address. For a personal
    /// account with an address of some other provider that was once: whoever has the address today
    /// may be another person. So an address in one of the tenant's own Workspace domains counts
    /// only together with [`SignedIn::hosted_domain`].
    pub email_verified: bool,
    /// The **primary** domain of the account's Workspace, in lower case; `None` for personal
    /// accounts.
    pub hosted_domain: Option<String>,
    /// The account's name, with the profile scope; may be empty.
    pub given_name: String,
    /// The account's family name, with the profile scope; may be empty.
    pub family_name: String,
}

impl SignedIn {
    /// The same in words that do not depend on the provider. Google does not say who is a
    /// student.
    pub fn identity(self) -> ProviderIdentity {
        ProviderIdentity {
            user_id: self.sub,
            district: self.hosted_domain,
            email_is_verified: self.email_verified,
            email: self.email,
            username: None,
            sourced_id: None,
            kind: Kind::Unknown,
            given_name: self.given_name,
            family_name: self.family_name,
        }
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
    /// Whether the token is Google's, for us, for this moment and for this authorisation.
    pub(super) fn check(&self, expected: &Expected<'_>) -> Result<(), IdTokenError> {
        if !ISSUERS.contains(&self.iss.as_str()) {
            return Err(IdTokenError::Issuer);
        }
        let presenter = self.azp.as_deref();
        let is_presented_by_us = presenter.is_none_or(|azp| azp == expected.client_id);
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
        Ok(())
    }

    /// Who consented. Without an address that Google vouches for it is nobody.
    pub(super) fn into_verified(self) -> Result<VerifiedIdentity, IdTokenError> {
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

    /// Who signs in. An address that is none is left out; a person without one is still somebody.
    pub(super) fn into_signed_in(self) -> Result<SignedIn, IdTokenError> {
        let email = self.email.and_then(|email| Email::parse(&email).ok());
        let domain = self.hd.map(|domain| domain.trim().to_lowercase());
        Ok(SignedIn {
            sub: ExternalId::parse(self.sub).map_err(|_| IdTokenError::Malformed)?,
            email_verified: self.email_verified && email.is_some(),
            email,
            hosted_domain: domain.filter(|domain| !domain.is_empty()),
            given_name: name(&self.given_name.unwrap_or_default()),
            family_name: name(&self.family_name.unwrap_or_default()),
        })
    }
}
