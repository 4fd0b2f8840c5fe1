//! What Google's redirect brings to our return address (PROVIDERS 1.2 and 1.3). Everything in it
//! came through a browser: only the code and the state are used, and neither is believed.

use super::consent_error::ConsentError;
use crate::request::decode_pairs;
use std::fmt;

/// Longest code or state accepted, in bytes. Google's codes have at most 256.
const VALUE_BYTES_MAX: usize = 1_024;

/// Longest query accepted, in bytes.
const QUERY_BYTES_MAX: usize = 16 * 1_024;

/// A redirect after consent.
#[derive(Clone, Eq, PartialEq)]
pub struct Callback {
    /// For [`super::code_request`]; works once, for ten minutes.
    pub code: String,
    /// What was sent along; says whose authorisation this is.
    pub state: String,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}

/// Why a redirect is not a consent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallbackFault {
    /// Google reports an error.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// It has no code, no state, one of them twice, or one that is too long.
    #[error("the address that Google's page led to is not complete: start again")]
    Malformed,
    /// Google reports an error with a code that is not known.
    #[error("Google reported an error that is not documented: start again")]
    Unknown,
}

/// A redirect that is not a consent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct CallbackError {
    /// The state, if there was exactly one, to find out whose authorisation failed.
    pub state: Option<String>,
    /// Why.
    pub fault: CallbackFault,
}

/// Reads the query of the redirect, without its `?`.
pub fn parse_callback(query: &str) -> Result<Callback, CallbackError> {
    let mut state = Found::Nothing;
    let mut code = Found::Nothing;
    let mut error = Found::Nothing;
    if query.len() <= QUERY_BYTES_MAX {
        for (name, value) in decode_pairs(query) {
            match name.as_str() {
                "state" => state.add(value),
                "code" => code.add(value),
                "error" => error.add(value),
                _ => {}
            }
        }
    }
    let state = state.once();
    let fault = match (error, code.once(), &state) {
        (Found::Nothing, Some(code), Some(state)) => {
            return Ok(Callback {
                code,
                state: state.clone(),
            });
        }
        (Found::Nothing, ..) => CallbackFault::Malformed,
        (error, ..) => match error.once().as_deref().map(ConsentError::from_code) {
            Some(Some(error)) => CallbackFault::Consent(error),
            Some(None) => CallbackFault::Unknown,
            None => CallbackFault::Malformed,
        },
    };
    Err(CallbackError { state, fault })
}

/// A parameter that may be given once.
enum Found {
    Nothing,
    Once(String),
    Often,
}

impl Found {
    fn add(&mut self, value: String) {
        *self = match self {
            Found::Nothing => Found::Once(value),
            Found::Once(_) | Found::Often => Found::Often,
        };
    }

    fn once(self) -> Option<String> {
        match self {
            Found::Once(value) if !value.is_empty() && value.len() <= VALUE_BYTES_MAX => {
                Some(value)
            }
            Found::Nothing | Found::Once(_) | Found::Often => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(query: &str) -> CallbackFault {
        parse_callback(query).unwrap_err().fault
    }

    #[test]
    fn a_consent_gives_its_code_decoded_once() {
        let callback =
            parse_callback("state=s%201&code=4%2F0AbC&scope=openid&authuser=0&hd=x&prompt=consent")
                .unwrap();
        assert_eq!(callback.code, "4/0AbC");
        assert_eq!(callback.state, "s 1");
        assert!(!format!("{callback:?}").contains("0AbC"));
    }

    #[test]
    fn pressing_cancel_says_what_to_do_and_keeps_the_state() {
        let error = parse_callback("error=access_denied&state=abc").unwrap_err();
        assert_eq!(error.state.as_deref(), Some("abc"));
        assert_eq!(
            error.fault,
            CallbackFault::Consent(ConsentError::AccessDenied)
        );
        assert!(error.to_string().contains("start again and choose Allow"));
    }

    #[test]
    fn every_documented_error_is_recognised() {
        for error in ConsentError::ALL {
            let query = format!("error={}&state=s", error.code());
            assert_eq!(fault(&query), CallbackFault::Consent(error));
        }
        for code in ["login_required", "consent_required"] {
            assert_eq!(
                fault(&format!("error={code}")),
                CallbackFault::Consent(ConsentError::InteractionRequired)
            );
        }
        assert_eq!(fault("error=surprise&state=s"), CallbackFault::Unknown);
    }

    #[test]
    fn an_error_wins_over_a_code() {
        assert_eq!(
            fault("code=x&state=s&error=access_denied"),
            CallbackFault::Consent(ConsentError::AccessDenied)
        );
    }

    #[test]
    fn an_incomplete_or_doubled_redirect_is_refused() {
        let long = format!("code={}&state=s", "x".repeat(2_000));
        for query in [
            "",
            "code=a",
            "state=s",
            "code=a&code=b&state=s",
            "code=a&state=",
            &long,
        ] {
            assert_eq!(fault(query), CallbackFault::Malformed, "{query:.40}");
        }
    }
}
