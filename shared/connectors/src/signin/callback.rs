//! What a redirect from Clever or ClassLink brings to our return address (RFC 6749 section 4.1.2,
//! PROVIDERS 4.2 and 5.1). Everything in it came through a browser: only the code and the state
//! are used, and neither is believed.

use super::Remedy;
use crate::request::decode_pairs;
use std::fmt;

/// Longest code or state accepted, in bytes.
const VALUE_BYTES_MAX: usize = 1_024;

/// Longest query accepted, in bytes.
pub(crate) const QUERY_BYTES_MAX: usize = 16 * 1_024;

/// A redirect after somebody signed in. Printing it shows neither code nor state.
#[derive(Clone, Eq, PartialEq)]
pub struct Callback {
    /// To be exchanged for a token, once.
    pub code: String,
    /// What was sent along; says which sign-in this is. `None` when the sign-in began at the
    /// provider: such a code may have been put into the browser by somebody else, so it must not
    /// join a session that exists (PROVIDERS 4.2, C8).
    pub state: Option<String>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("has_state", &self.state.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a redirect brings no code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallbackFault {
    /// The person did not want to, or may not.
    #[error("the provider was told not to sign in: start again to try anew")]
    Denied,
    /// The redirect says that it comes from another provider (RFC 9207).
    #[error("the address belongs to a sign-in at another provider: start again")]
    Issuer,
    /// It has no code, a parameter twice, or one that is too long.
    #[error("the address that the provider's page led to is not complete: start again")]
    Malformed,
    /// The provider does not accept what was asked.
    #[error(
        "the provider did not accept the request: the operator must check the client's settings"
    )]
    Refused,
    /// The provider is in trouble.
    #[error("the provider is in trouble: start again in a few minutes")]
    Trouble,
    /// The provider reports an error with a code that is not known.
    #[error("the provider reported an error that is not documented: start again")]
    Unknown,
}

impl CallbackFault {
    /// What may help.
    pub fn remedy(self) -> Remedy {
        match self {
            CallbackFault::Refused => Remedy::Operator,
            CallbackFault::Denied
            | CallbackFault::Issuer
            | CallbackFault::Malformed
            | CallbackFault::Trouble
            | CallbackFault::Unknown => Remedy::StartAgain,
        }
    }

    fn of_code(code: &str) -> Self {
        match code {
            "access_denied" => CallbackFault::Denied,
            "invalid_client"
            | "invalid_request"
            | "invalid_scope"
            | "redirect_uri_mismatch"
            | "unauthorized_client"
            | "unsupported_response_type" => CallbackFault::Refused,
            "server_error" | "temporarily_unavailable" => CallbackFault::Trouble,
            _ => CallbackFault::Unknown,
        }
    }
}

/// A redirect that brings no code.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct CallbackError {
    /// The state, if there was exactly one, to find out whose sign-in failed.
    pub state: Option<String>,
    /// Why.
    pub fault: CallbackFault,
}

/// Reads the query of the redirect, without its `?`. `issuer` is who the redirect has to be from,
/// if it says so: [`crate::clever::signin::ISSUER`] or [`crate::classlink::ISSUER`].
pub fn parse_callback(query: &str, issuer: &str) -> Result<Callback, CallbackError> {
    let mut code = Found::Nothing;
    let mut state = Found::Nothing;
    let mut error = Found::Nothing;
    let mut from = Found::Nothing;
    if query.len() <= QUERY_BYTES_MAX {
        for (name, value) in decode_pairs(query) {
            match name.as_str() {
                "code" => code.add(value),
                "error" => error.add(value),
                "iss" => from.add(value),
                "state" => state.add(value),
                _ => {}
            }
        }
    }
    // One that is there and unusable is not one that was never sent.
    let has_usable_state = state.is_nothing() || state.is_once();
    let state = state.once();
    let fault = if !from.is_nothing() && from.once().as_deref() != Some(issuer) {
        CallbackFault::Issuer
    } else if !error.is_nothing() {
        (error.once()).map_or(CallbackFault::Malformed, |code| {
            CallbackFault::of_code(&code)
        })
    } else {
        match code.once() {
            Some(code) if has_usable_state => return Ok(Callback { code, state }),
            Some(_) | None => CallbackFault::Malformed,
        }
    };
    Err(CallbackError { state, fault })
}

/// A parameter that may be given once.
pub(crate) enum Found {
    Nothing,
    Once(String),
    Often,
}

impl Found {
    pub(crate) fn add(&mut self, value: String) {
        *self = match self {
            Found::Nothing => Found::Once(value),
            Found::Once(_) | Found::Often => Found::Often,
        };
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Found::Nothing)
    }

    fn is_once(&self) -> bool {
        matches!(self, Found::Once(value) if is_usable(value))
    }

    pub(crate) fn once(self) -> Option<String> {
        match self {
            Found::Once(value) if is_usable(&value) => Some(value),
            Found::Nothing | Found::Once(_) | Found::Often => None,
        }
    }
}

fn is_usable(value: &str) -> bool {
    !value.is_empty() && value.len() <= VALUE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://clever.com";

    fn fault(query: &str) -> CallbackFault {
        parse_callback(query, ISSUER).unwrap_err().fault
    }

    #[test]
    fn a_sign_in_that_was_asked_for_brings_its_state() {
        let callback = parse_callback("code=9f%2F3c&scope=read%3Auser_id&state=s%201", ISSUER);
        let callback = callback.unwrap();
        assert_eq!(callback.code, "9f/3c");
        assert_eq!(callback.state.as_deref(), Some("s 1"));
        let printed = format!("{callback:?}");
        assert!(
            !printed.contains("9f") && !printed.contains("s 1"),
            "{printed}"
        );
    }

    #[test]
    fn a_launch_at_the_provider_has_no_state() {
        let callback = parse_callback("code=c1a2&response_type=code", ISSUER).unwrap();
        assert_eq!(callback.state, None);
    }

    #[test]
    fn a_state_that_is_unusable_is_not_a_launch() {
        let long = format!("code=a&state={}", "s".repeat(2_000));
        for query in ["code=a&state=s&state=t", "code=a&state=", &long] {
            assert_eq!(fault(query), CallbackFault::Malformed, "{query:.40}");
        }
    }

    #[test]
    fn a_redirect_without_a_code_is_refused() {
        let long = format!("code={}", "x".repeat(2_000));
        let longer = format!("code=a&{}", "x".repeat(QUERY_BYTES_MAX));
        for query in [
            "",
            "state=s",
            "code=&state=s",
            "code=a&code=b",
            &long,
            &longer,
        ] {
            assert_eq!(fault(query), CallbackFault::Malformed, "{query:.40}");
        }
    }

    #[test]
    fn a_redirect_of_another_provider_is_refused_whatever_it_brings() {
        for iss in [
            "https%3A%2F%2Faccounts.google.com",
            "",
            "https%3A%2F%2Fclever.com%2F",
        ] {
            let query = format!("code=a&state=s&iss={iss}");
            let error = parse_callback(&query, ISSUER).unwrap_err();
            assert_eq!(error.fault, CallbackFault::Issuer, "{iss}");
            assert_eq!(error.state.as_deref(), Some("s"));
        }
        let own = "code=a&state=s&iss=https%3A%2F%2Fclever.com";
        assert!(parse_callback(own, ISSUER).is_ok());
        assert_eq!(fault(&format!("{own}&iss=x")), CallbackFault::Issuer);
    }

    #[test]
    fn an_error_says_who_can_do_something() {
        for (code, expected, remedy) in [
            ("access_denied", CallbackFault::Denied, Remedy::StartAgain),
            ("invalid_scope", CallbackFault::Refused, Remedy::Operator),
            ("server_error", CallbackFault::Trouble, Remedy::StartAgain),
            ("surprise", CallbackFault::Unknown, Remedy::StartAgain),
        ] {
            let query = format!("error={code}&state=s&code=a");
            let error = parse_callback(&query, ISSUER).unwrap_err();
            assert_eq!(error.fault, expected);
            assert_eq!(error.state.as_deref(), Some("s"));
            assert_eq!(expected.remedy(), remedy);
        }
        assert_eq!(fault("error=a&error=b"), CallbackFault::Malformed);
    }
}
