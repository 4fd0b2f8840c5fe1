//! Why nobody could be signed in, and who can do something about it.

use crate::google::errors::retry_after;
use bytes::Bytes;
use http::{Response, StatusCode};
use std::time::Duration;

/// What may help after a sign-in failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Remedy {
    /// An administrator of the district has to do something at the provider.
    District,
    /// The operator has to correct something. It concerns every tenant.
    Operator,
    /// The same request once more, after this long if the provider said so. If it fails again, the
    /// person begins anew.
    Retry {
        /// How long the provider asks to wait.
        after: Option<Duration>,
    },
    /// The person begins anew; the same request would fail again.
    StartAgain,
}

/// Why Clever or ClassLink does not say who signs in. It never holds anything of the answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignInError {
    /// The client id or secret is wrong.
    #[error("the provider does not accept the client id or secret: the operator must correct them")]
    Client,
    /// The code was used, is too old, or was delivered to another address. Browsers that load an
    /// address twice make this happen to honest people too.
    #[error("the sign-in took too long or was used already: start again")]
    Code,
    /// The answer can't be what it says.
    #[error("the provider's answer could not be read: start again")]
    Malformed,
    /// The provider does not show this person to the application.
    #[error(
        "the district does not share this person with the application: its administrator must do so at the provider"
    )]
    NotShared,
    /// The provider refuses for a reason that trying again won't change.
    #[error(
        "the provider refused (status {status}): the operator must check the client's settings"
    )]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The token that was just given is not accepted.
    #[error("the provider does not accept the token that it gave: start again")]
    Token,
    /// The provider is in trouble.
    #[error("the provider is in trouble: try again in a few minutes")]
    Transient {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
}

impl SignInError {
    /// What may help.
    pub fn remedy(self) -> Remedy {
        match self {
            SignInError::Client | SignInError::Refused { .. } => Remedy::Operator,
            SignInError::Code | SignInError::Malformed | SignInError::Token => Remedy::StartAgain,
            SignInError::NotShared => Remedy::District,
            SignInError::Transient { retry_after } => Remedy::Retry { after: retry_after },
        }
    }

    /// The error of an answer that says that the provider is in trouble.
    pub(crate) fn trouble(response: &Response<Bytes>) -> Option<Self> {
        let status = response.status();
        let is_trouble = status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT;
        is_trouble.then(|| SignInError::Transient {
            retry_after: retry_after(response),
        })
    }
}
