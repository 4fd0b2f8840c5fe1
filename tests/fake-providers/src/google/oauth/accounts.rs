//! Who can sign in: the district's users and some from elsewhere.

use crate::google::config::Outsider;
use crate::google::directory::UserId;

use super::OAuth;

/// A Google account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    pub(crate) sub: String,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) given: String,
    pub(crate) family: String,
    pub(crate) hosted_domain: Option<String>,
    pub(crate) user: Option<UserId>,
    pub(crate) suspended: bool,
}

impl From<&Outsider> for Account {
    fn from(outsider: &Outsider) -> Self {
        Self {
            sub: outsider.sub.clone(),
            email: outsider.email.clone(),
            email_verified: outsider.email_verified,
            given: outsider.given.clone(),
            family: outsider.family.clone(),
            hosted_domain: outsider.hosted_domain.clone(),
            user: None,
            suspended: false,
        }
    }
}

impl OAuth<'_> {
    /// An account by address or id.
    pub(crate) fn account(&self, key: &str) -> Option<Account> {
        let outsider = self
            .outsiders
            .iter()
            .find(|outsider| outsider.sub == key || outsider.email.eq_ignore_ascii_case(key));
        if let Some(outsider) = outsider {
            return Some(outsider.into());
        }
        let user = self.directory.user(key)?;
        Some(Account {
            sub: user.id.to_string(),
            email: user.email.to_string(),
            email_verified: true,
            given: user.given.to_string(),
            family: user.family.to_string(),
            // Always the primary domain, whatever the address's.
            hosted_domain: Some(self.directory.primary_domain().to_owned()),
            user: Some(user.id),
            suspended: user.suspended || user.archived,
        })
    }
}
