//! What Google's redirect brings to our return address (PROVIDERS 1.2 and 1.3). Everything in it
//! came through a browser: only the code and the state are used, and neither is believed.

use super::consent_error::ConsentError;
use crate::google::id_token::ISSUERS;
use crate::request::decode_pairs;
use crate::signin::{Found, QUERY_BYTES_MAX, Remedy};
use std::fmt;

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
    /// It says that it comes from somebody else (RFC 9207).
    #[error("the address belongs to a sign-in at another provider: start again")]
    Issuer,
    /// It has no code, no state, one of them twice, or one that is too long.
    #[error("the address that Google's page led to is not complete: start again")]
    Malformed,
    /// Google reports an error with a code that is not known.
    #[error("Google reported an error that is not documented: start again")]
    Unknown,
}

impl CallbackFault {
    /// What may help.
    pub fn remedy(self) -> Remedy {
        match self {
            CallbackFault::Consent(ConsentError::AdminPolicyEnforced) => Remedy::District,
            CallbackFault::Consent(error) if error.is_for_operator() => Remedy::Operator,
            CallbackFault::Consent(_)
            | CallbackFault::Issuer
            | CallbackFault::Malformed
            | CallbackFault::Unknown => Remedy::StartAgain,
        }
    }
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
    let mut issuer = Found::Nothing;
    if query.len() <= QUERY_BYTES_MAX {
        for (name, value) in decode_pairs(query) {
            match name.as_str() {
                "state" => state.add(value),
                "code" => code.add(value),
                "error" => error.add(value),
                "iss" => issuer.add(value),
                _ => {}
            }
        }
    }
    let state = state.once();
    let is_foreign = !issuer.is_nothing()
        && (issuer.once()).is_none_or(|issuer| !ISSUERS.contains(&issuer.as_str()));
    if is_foreign {
        let fault = CallbackFault::Issuer;
        return Err(CallbackError { state, fault });
    }
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
    fn a_redirect_of_somebody_else_is_refused() {
        for issuer in [
            "https%3A%2F%2Fclever.com",
            "",
            "https://accounts.google.com&iss=x",
        ] {
            let query = format!("code=x&state=s&iss={issuer}");
            assert_eq!(fault(&query), CallbackFault::Issuer, "{issuer}");
        }
        let own = "code=x&state=s&iss=https%3A%2F%2Faccounts.google.com";
        assert!(parse_callback(own).is_ok());
    }

    #[test]
    fn a_fault_says_who_can_do_something() {
        for (query, remedy) in [
            ("error=admin_policy_enforced&state=s", Remedy::District),
            ("error=org_internal&state=s", Remedy::Operator),
            ("error=access_denied&state=s", Remedy::StartAgain),
            ("error=surprise", Remedy::StartAgain),
            ("code=a", Remedy::StartAgain),
        ] {
            assert_eq!(fault(query).remedy(), remedy, "{query}");
        }
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
