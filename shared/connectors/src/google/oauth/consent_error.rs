//! The errors that an administrator meets on Google's pages (PROVIDERS 1.3). Most of them never
//! come back to us: the start page explains them by the code on the screen.

use std::fmt;

/// An error of Google's consent pages.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ConsentError {
    /// The administrator pressed Cancel, or is no test user of an app in testing.
    AccessDenied,
    /// The district's policy does not let the app in.
    AdminPolicyEnforced,
    /// The operator's client was deleted.
    DeletedClient,
    /// The page was opened within another app.
    DisallowedUseragent,
    /// Google had to ask something and was told not to.
    InteractionRequired,
    /// The operator's client id or secret is wrong.
    InvalidClient,
    /// A parameter is missing, doubled or against Google's policy.
    InvalidRequest,
    /// A scope does not exist.
    InvalidScope,
    /// The app is open to the operator's own organisation only.
    OrgInternal,
    /// The address that called Google is not registered.
    OriginMismatch,
    /// The app is not verified and has reached its number of users.
    RateLimitExceeded,
    /// Our return address is not registered.
    RedirectUriMismatch,
    /// Google is in trouble.
    ServerError,
    /// The operator's client may not use this way of authorisation.
    UnauthorizedClient,
}

impl ConsentError {
    /// All of them, for the start page.
    pub const ALL: [Self; 14] = [
        Self::AccessDenied,
        Self::AdminPolicyEnforced,
        Self::DeletedClient,
        Self::DisallowedUseragent,
        Self::InteractionRequired,
        Self::InvalidClient,
        Self::InvalidRequest,
        Self::InvalidScope,
        Self::OrgInternal,
        Self::OriginMismatch,
        Self::RateLimitExceeded,
        Self::RedirectUriMismatch,
        Self::ServerError,
        Self::UnauthorizedClient,
    ];

    /// The code as Google shows it.
    pub fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AdminPolicyEnforced => "admin_policy_enforced",
            Self::DeletedClient => "deleted_client",
            Self::DisallowedUseragent => "disallowed_useragent",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::OrgInternal => "org_internal",
            Self::OriginMismatch => "origin_mismatch",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::ServerError => "server_error",
            Self::UnauthorizedClient => "unauthorized_client",
        }
    }

    /// The error with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "login_required" | "consent_required" | "account_selection_required" => {
                Some(Self::InteractionRequired)
            }
            "temporarily_unavailable" => Some(Self::ServerError),
            _ => Self::ALL.into_iter().find(|error| error.code() == code),
        }
    }

    /// True when only the operator can do something about it.
    pub fn is_for_operator(self) -> bool {
        match self {
            Self::DeletedClient
            | Self::InvalidClient
            | Self::InvalidRequest
            | Self::InvalidScope
            | Self::OrgInternal
            | Self::OriginMismatch
            | Self::RateLimitExceeded
            | Self::RedirectUriMismatch
            | Self::UnauthorizedClient => true,
            Self::AccessDenied
            | Self::AdminPolicyEnforced
            | Self::DisallowedUseragent
            | Self::InteractionRequired
            | Self::ServerError => false,
        }
    }
}

impl std::error::Error for ConsentError {}

impl fmt::Display for ConsentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => {
                "Google was told not to give access: start again and choose Allow; if there was no such choice, the operator must add the account as a test user or publish the app"
            }
            Self::AdminPolicyEnforced => {
                "the district's policy does not let the app in: in the Google Admin console open Security, Access and data control, API controls, Manage third-party app access, add the app by its client id and set it to Trusted"
            }
            Self::DeletedClient => {
                "the operator's Google client was deleted: the operator can restore it within 30 days"
            }
            Self::DisallowedUseragent => {
                "Google does not show this page within another app: open it in a browser"
            }
            Self::InteractionRequired => "Google has to ask something first: start again",
            Self::InvalidClient => {
                "Google does not know the operator's client: the operator must correct its id and secret"
            }
            Self::InvalidRequest => {
                "Google did not accept the request: the operator must check the client's settings and its return address"
            }
            Self::InvalidScope => {
                "Google does not know a permission that was asked for: report this to the operator"
            }
            Self::OrgInternal => {
                "the operator's app is for its own organisation only: the operator must set its audience to External"
            }
            Self::OriginMismatch => {
                "the address of this page is not registered: the operator must add it to the client"
            }
            Self::RateLimitExceeded => {
                "the app is not verified by Google and has reached its number of users: the operator must have it verified"
            }
            Self::RedirectUriMismatch => {
                "our return address is not registered: the operator must add it to the client, exactly as it is written"
            }
            Self::ServerError => "Google is in trouble: start again in a few minutes",
            Self::UnauthorizedClient => {
                "the operator's client may not authorise this way: the operator must use a client of the type Web application"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_its_error() {
        for error in ConsentError::ALL {
            assert_eq!(ConsentError::from_code(error.code()), Some(error));
            assert!(error.to_string().len() > 40, "{error:?}");
        }
        assert_eq!(ConsentError::from_code("no_such_code"), None);
    }
}
