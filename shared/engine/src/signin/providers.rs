//! The providers that vouch for people: where a browser is sent, and who it was that came back
//! (PROVIDERS parts 1, 4.2 and 5.1).

use super::Method;
use super::keyed::derive;
use crate::authorize::{IdentityError, verify_with_keys};
use crate::error::Error;
use crate::ports::{Clock, Store, Transport, TransportError, VariableError, Variables};
use crate::secrets;
use crate::settings::{self, ClasslinkAppSettings, CleverAppSettings, GoogleSettings, PublicUrl};
use bytes::Bytes;
use connectors::RequestError;
use connectors::classlink;
use connectors::clever::api::{Api, Version};
use connectors::clever::signin as clever;
use connectors::google::id_token::{Expected, verify_sign_in};
use connectors::google::oauth::{
    self as google, CallbackFault as GoogleFault, ConsentError, Grant, Pkce, TokenError,
};
use connectors::signin::{
    ANSWER_BYTES_MAX, CallbackFault, Client, ProviderIdentity, Remedy, SignInError, parse_callback,
};

/// A provider as this application knows it.
#[derive(Clone, Debug)]
pub enum Provider {
    /// `ClassLink` `LaunchPad`.
    Classlink(ClasslinkAppSettings),
    /// Clever.
    Clever(CleverAppSettings),
    /// Google.
    Google(GoogleSettings),
}

/// What narrows the choice that a provider offers. Conveniences, not checks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// The district at Clever.
    pub clever_district: Option<&'a str>,
    /// The domain at Google.
    pub google_domain: Option<&'a str>,
    /// Who the application thinks will sign in.
    pub login: Option<&'a str>,
}

/// A redirect from a provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirected {
    /// The state, if there was one that can be used.
    pub state: Option<String>,
    /// What it brings.
    pub brought: Result<String, Failed>,
}

/// Why it is not known who somebody is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failed {
    /// What happened, in words for the person.
    pub what: String,
    /// What may help.
    pub remedy: Remedy,
    /// True when the person, or the provider for them, chose not to sign in.
    pub is_denied: bool,
}

/// Why it is not known who somebody is, or the surroundings failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IdentifyError {
    /// The surroundings failed.
    Engine(Error),
    /// The provider does not say.
    Failed(Failed),
}

impl Failed {
    fn new(what: &impl ToString, remedy: Remedy) -> Self {
        Self {
            what: what.to_string(),
            remedy,
            is_denied: false,
        }
    }
}

impl From<SignInError> for IdentifyError {
    fn from(error: SignInError) -> Self {
        IdentifyError::Failed(Failed::new(&error, error.remedy()))
    }
}

impl From<TransportError> for IdentifyError {
    fn from(error: TransportError) -> Self {
        let (what, remedy) = match error {
            TransportError::Denied => (
                "the provider may not be reached from here: the operator must allow it",
                Remedy::Operator,
            ),
            TransportError::BodyTooLarge { .. } | TransportError::Encoding => (
                "the provider's answer could not be read: start again",
                Remedy::StartAgain,
            ),
            TransportError::Failed => (
                "the provider did not answer: try again in a few minutes",
                Remedy::Retry { after: None },
            ),
        };
        IdentifyError::Failed(Failed::new(&what, remedy))
    }
}

impl From<RequestError> for IdentifyError {
    fn from(error: RequestError) -> Self {
        IdentifyError::Failed(Failed::new(&error, Remedy::StartAgain))
    }
}

impl From<IdentityError> for IdentifyError {
    fn from(error: IdentityError) -> Self {
        let remedy = match &error {
            IdentityError::Engine(error) => return IdentifyError::Engine(error.clone()),
            IdentityError::Token(error) => error.remedy(),
            IdentityError::Keys => Remedy::Retry { after: None },
            IdentityError::Domain { .. } | IdentityError::Missing => Remedy::StartAgain,
        };
        IdentifyError::Failed(Failed::new(&error, remedy))
    }
}

impl Provider {
    /// Reads what is set for the provider of a method; `None` for passwords.
    pub async fn read(
        variables: &impl Variables,
        method: Method,
    ) -> Result<Option<Self>, VariableError> {
        Ok(Some(match method {
            Method::Classlink => Provider::Classlink(settings::classlink_app(variables).await?),
            Method::Clever => Provider::Clever(settings::clever(variables).await?),
            Method::Google => Provider::Google(settings::google(variables).await?),
            Method::Password => return Ok(None),
        }))
    }

    /// The method.
    pub fn method(&self) -> Method {
        match self {
            Provider::Classlink(_) => Method::Classlink,
            Provider::Clever(_) => Method::Clever,
            Provider::Google(_) => Method::Google,
        }
    }

    fn client(&self, public_url: &PublicUrl) -> Client {
        let (id, secret) = match self {
            Provider::Classlink(app) => (&app.client_id, &app.client_secret),
            Provider::Clever(app) => (&app.client_id, &app.client_secret),
            Provider::Google(app) => (&app.client_id, &app.client_secret),
        };
        Client {
            id: id.clone(),
            secret: secret.expose().to_owned(),
            redirect_uri: public_url.at(&callback_path(self.method())),
        }
    }

    /// The provider's page. `browser` is the secret that the browser keeps meanwhile: what proves
    /// at the end that it is the same one follows from it.
    pub fn location(
        &self,
        public_url: &PublicUrl,
        (state, browser): (&str, &str),
        hints: Hints<'_>,
    ) -> Result<String, RequestError> {
        let client = &self.client(public_url);
        Ok(match self {
            Provider::Classlink(app) => {
                classlink::authorization_url(&app.launchpad_url, client, state)
            }
            Provider::Clever(app) => {
                let district = hints.clever_district;
                let ask = clever::Authorization {
                    client,
                    state,
                    district,
                };
                clever::authorization_url(&app.oauth_url, &ask)
            }
            Provider::Google(app) => {
                let ask = google::Authorization {
                    client,
                    scopes: &google::sign_in_scopes(),
                    state,
                    nonce: &nonce(browser),
                    pkce: &pkce(browser)?,
                    is_offline: false,
                    hosted_domain: hints.google_domain,
                    login_hint: hints.login,
                };
                google::authorization_url(&app.endpoints(), &ask)
            }
        })
    }

    /// Exchanges a code and finds out whose it is. No token outlives this.
    pub async fn identify(
        &self,
        ports: &(impl Store + Clock + Transport),
        public_url: &PublicUrl,
        (code, browser): (&str, &str),
    ) -> Result<ProviderIdentity, IdentifyError> {
        let client = &self.client(public_url);
        match self {
            Provider::Classlink(app) => {
                let request = classlink::code_request(&app.launchpad_url, client, code)?;
                let token = classlink::parse_token(&send(ports, request).await?)?;
                let request = classlink::info_request(&app.info_url, &token)?;
                let info = classlink::parse_info(&send(ports, request).await?)?;
                Ok(info.identity())
            }
            Provider::Clever(app) => {
                let request = clever::code_request(&app.oauth_url, client, code)?;
                let token = clever::parse_token(&send(ports, request).await?)?;
                let api = Api {
                    base_url: app.api_url.clone(),
                    version: Version::V3_1,
                };
                let request = clever::me_request(&api, &token)?;
                let me = clever::parse_me(&send(ports, request).await?)?;
                let request = clever::user_request(&api, &me, &token)?;
                let answer = send(ports, request).await?;
                // Whether the address counts is not Clever's to say.
                Ok(clever::parse_user(&answer, &me, &[].into())?.identity())
            }
            Provider::Google(app) => {
                let endpoints = app.endpoints();
                let pkce = pkce(browser)?;
                let request = google::code_request(&endpoints, client, code, pkce.verifier())?;
                let answer = send(ports, request).await?;
                let tokens = google::parse_token_response(Grant::Code, &answer);
                let tokens = tokens.map_err(|error| {
                    // There is no connection here that could be dead.
                    let is_dead = matches!(error, TokenError::ConnectionDead { .. });
                    let error = if is_dead { TokenError::Restart } else { error };
                    IdentifyError::Failed(Failed::new(&error, error.remedy()))
                })?;
                let token = tokens.id_token.ok_or(IdentityError::Missing)?;
                let expected = Expected {
                    client_id: &app.client_id,
                    nonce: &nonce(browser),
                    now: ports.now(),
                };
                let verify = |keys: &_| verify_sign_in(&token, keys, &expected);
                Ok(verify_with_keys(ports, app, verify).await?.identity())
            }
        }
    }
}

async fn send(
    transport: &impl Transport,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, TransportError> {
    transport.send(request, ANSWER_BYTES_MAX).await
}

fn nonce(browser: &str) -> String {
    secrets::hex(&derive(browser, "nonce"))
}

fn pkce(browser: &str) -> Result<Pkce, RequestError> {
    Pkce::from_verifier_bytes(&derive(browser, "pkce")).map_err(|_| RequestError)
}

/// The path that a provider redirects to, registered there byte for byte.
pub fn callback_path(method: Method) -> String {
    format!("/callback/{}", method.as_str())
}

/// Reads the query of a redirect from the provider of a method, without its `?`.
pub fn redirected(method: Method, query: &str) -> Redirected {
    match method {
        Method::Google => match google::parse_callback(query) {
            Ok(callback) => Redirected {
                state: Some(callback.state),
                brought: Ok(callback.code),
            },
            Err(error) => {
                let denied = GoogleFault::Consent(ConsentError::AccessDenied);
                Redirected {
                    state: error.state,
                    brought: Err(Failed {
                        is_denied: error.fault == denied,
                        ..Failed::new(&error.fault, error.fault.remedy())
                    }),
                }
            }
        },
        Method::Classlink | Method::Clever | Method::Password => {
            let issuer = match method {
                Method::Clever => clever::ISSUER,
                Method::Classlink | Method::Google | Method::Password => classlink::ISSUER,
            };
            match parse_callback(query, issuer) {
                Ok(callback) => Redirected {
                    state: callback.state,
                    brought: Ok(callback.code),
                },
                Err(error) => Redirected {
                    state: error.state,
                    brought: Err(Failed {
                        is_denied: error.fault == CallbackFault::Denied,
                        ..Failed::new(&error.fault, error.fault.remedy())
                    }),
                },
            }
        }
    }
}
