//! Who signs in, in the same words for every provider (SPEC section 8).
//!
//! A sign-in has the same steps everywhere: an address for the browser, the redirect that comes
//! back ([`parse_callback`], for Google [`crate::google::oauth::parse_callback`]), a code for a
//! token, and one or two questions about whose token it is. Each provider's module builds the
//! requests and reads the answers: [`crate::google::id_token`], [`crate::clever::signin`] and
//! [`crate::classlink`]. What comes out is a [`ProviderIdentity`]; which account it belongs to is
//! not decided here.
//!
//! Tokens of people are for these questions only. They are never stored: read the answers and drop
//! them.

mod callback;
mod client;
mod error;
mod token;

pub use callback::{Callback, CallbackError, CallbackFault, parse_callback};
pub(crate) use callback::{Found, QUERY_BYTES_MAX};
pub use client::Client;
pub use error::{Remedy, SignInError};
pub use token::BearerToken;
pub(crate) use token::parse_token_response;

use mapping::account::Email;
use mapping::ids::ExternalId;

/// Largest answer of any endpoint that a sign-in asks, in bytes.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Longest name of a person that is kept, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// What kind of person signs in, as far as the provider says.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Anybody but a student.
    Adult,
    /// A student.
    Student,
    /// The provider does not say, or says both.
    Unknown,
}

/// Somebody for whom a provider vouches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProviderIdentity {
    /// The provider's id of the person: Google's `sub`, Clever's id of a user, ClassLink's
    /// `UserId`. The last is unique only together with [`ProviderIdentity::district`].
    pub user_id: ExternalId,
    /// The district at the provider: the primary domain of Google's Workspace, in lower case
    /// (`None` for personal accounts), Clever's id of the district, ClassLink's `TenantId`. A
    /// provider signs in people of all its districts, so this has to be the tenant's own.
    pub district: Option<String>,
    /// The person's address, if there is a usable one.
    pub email: Option<Email>,
    /// Whether the address may be taken as proof of who the person is.
    pub email_is_verified: bool,
    /// The name that the person has in the district's own directory, in lower case.
    pub username: Option<String>,
    /// The id of the same person in the district's roster, where the provider tells it beside its
    /// own: ClassLink's `SourcedId`.
    pub sourced_id: Option<ExternalId>,
    /// What kind of person it is.
    pub kind: Kind,
    /// The given name; may be empty.
    pub given_name: String,
    /// The family name; may be empty.
    pub family_name: String,
}

/// A name as it is kept: without space around it, and cut at a character where it is too long.
pub(crate) fn name(text: &str) -> String {
    let text = text.trim();
    let end = text.floor_char_boundary(NAME_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

/// A name to sign in with. One that would have to be cut would be another one.
pub(crate) fn username(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_at_a_character_and_a_long_user_name_is_none() {
        assert_eq!(name("  Zoë \n"), "Zoë");
        assert_eq!(name(&"ë".repeat(200)), "ë".repeat(128));
        assert_eq!(
            name(&format!("x{}", "ë".repeat(200))).len(),
            NAME_BYTES_MAX - 1
        );
        assert_eq!(username(" DOkafor "), Some("dokafor".to_owned()));
        assert_eq!(username("  "), None);
        assert_eq!(username(&"x".repeat(257)), None);
    }
}
