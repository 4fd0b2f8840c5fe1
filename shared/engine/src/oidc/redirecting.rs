//! The way back to an application: its redirect address with what it is told.

use crate::settings::PublicUrl;
use form_urlencoded::Serializer;

/// What an application is told instead of a code (RFC 6749 section 4.1.2.1, OpenID Connect Core
/// section 3.1.2.6).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The person may not use the application, or did not go through with it.
    #[error("the person was not signed in")]
    AccessDenied,
    /// The request breaks a rule.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// `scope` has no `openid`.
    #[error("the scope openid is needed")]
    InvalidScope,
    /// Nobody is signed in, and the application asked for nobody to be bothered.
    #[error("nobody is signed in")]
    LoginRequired,
    /// `registration` is there.
    #[error("registration is not supported")]
    RegistrationNotSupported,
    /// `request` is there.
    #[error("request is not supported")]
    RequestNotSupported,
    /// `request_uri` is there.
    #[error("request_uri is not supported")]
    RequestUriNotSupported,
    /// Another `response_type` than `code`.
    #[error("the response type must be code")]
    UnsupportedResponseType,
}

impl Refusal {
    /// The value of `error`.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::AccessDenied => "access_denied",
            Refusal::InvalidRequest(_) => "invalid_request",
            Refusal::InvalidScope => "invalid_scope",
            Refusal::LoginRequired => "login_required",
            Refusal::RegistrationNotSupported => "registration_not_supported",
            Refusal::RequestNotSupported => "request_not_supported",
            Refusal::RequestUriNotSupported => "request_uri_not_supported",
            Refusal::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Return<'a> {
    /// A registered address of the client.
    pub(super) redirect_uri: &'a str,
    /// What the application wants to have back.
    pub(super) state: Option<&'a str>,
}

impl Return<'_> {
    /// The address with a code.
    pub(super) fn with_code(&self, issuer: &PublicUrl, code: &str) -> String {
        self.with(issuer, &[("code", code)])
    }

    /// The address with an error.
    pub(super) fn with_refusal(&self, issuer: &PublicUrl, refusal: Refusal) -> String {
        let text = refusal.to_string();
        self.with(
            issuer,
            &[("error", refusal.code()), ("error_description", &text)],
        )
    }

    /// Every answer says who gives it (RFC 9207).
    fn with(&self, issuer: &PublicUrl, answer: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(answer);
        if let Some(state) = self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &issuer.at(""));
        with_query(self.redirect_uri, &query.finish())
    }
}

/// An address that may have a query already, with more of it.
pub(super) fn with_query(address: &str, query: &str) -> String {
    let separator = if address.contains('?') { '&' } else { '?' };
    format!("{address}{separator}{query}")
}
