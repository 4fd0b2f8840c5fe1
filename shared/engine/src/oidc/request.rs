//! What an application asks for: the parameters of an authorization request, checked (OpenID
//! Connect Core section 3.1.2.1, RFC 7636 section 4.3).

use super::redirecting::{Refusal, Return};
use mapping::ids::{ClientId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest query or form looked at, in bytes.
const PARAMETERS_BYTES_MAX: usize = 16 * 1024;

/// Longest `state` and `nonce` taken, in bytes. They are kept while the person signs in.
const OPAQUE_BYTES_MAX: usize = 2_048;

/// Longest `login_hint` taken, in bytes.
const HINT_BYTES_MAX: usize = 320;

/// Letters of an S256 challenge.
const CHALLENGE_LETTERS: usize = 43;

/// What of an account an application asks for. Scopes that we don't know are ignored, as OpenID
/// Connect Core section 3.1.2.1 asks for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The address.
    Email,
    /// A refresh token.
    OfflineAccess,
    /// The account's id. Needed.
    Openid,
    /// The names.
    Profile,
    /// Tenant, roles, grade and organizations.
    Roster,
}

impl Scope {
    /// All of them.
    pub const ALL: [Scope; 5] = [
        Scope::Email,
        Scope::OfflineAccess,
        Scope::Openid,
        Scope::Profile,
        Scope::Roster,
    ];

    /// The name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Email => "email",
            Scope::OfflineAccess => "offline_access",
            Scope::Openid => "openid",
            Scope::Profile => "profile",
            Scope::Roster => "roster",
        }
    }

    /// Reads a list with spaces between.
    pub(super) fn parse_list(text: &str) -> BTreeSet<Self> {
        let known = |name: &str| Self::ALL.into_iter().find(|scope| scope.as_str() == name);
        text.split(' ').filter_map(known).collect()
    }

    /// Writes a list with spaces between.
    pub(super) fn list(scopes: &BTreeSet<Self>) -> String {
        let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        names.join(" ")
    }
}

/// Whether the person is to be bothered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Prompt {
    /// Only if need be.
    Default,
    /// They have to sign in anew, whoever is signed in.
    Login,
    /// Not at all.
    None,
}

/// What an application asked for. Kept while the person signs in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Request {
    pub(super) client: ClientId,
    pub(super) redirect_uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<String>,
    pub(super) scopes: BTreeSet<Scope>,
    /// The PKCE challenge, S256.
    pub(super) challenge: String,
    pub(super) prompt: Prompt,
    /// The age in seconds that a sign-in may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_age: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) login_hint: Option<String>,
    /// The tenant that was named, or that the sign-in was begun for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<TenantId>,
    /// When it was asked for, in milliseconds since the Unix epoch.
    pub(super) at_ms: i64,
}

impl Request {
    /// Where its answer goes.
    pub(super) fn to_return(&self) -> Return<'_> {
        Return {
            redirect_uri: &self.redirect_uri,
            state: self.state.as_deref(),
        }
    }

    /// Whether a sign-in at a time is recent enough for it.
    pub(super) fn accepts(&self, signed_in_at_ms: i64, now_ms: i64) -> bool {
        let is_new_enough = self.prompt != Prompt::Login || signed_in_at_ms >= self.at_ms;
        let age_ms = now_ms.saturating_sub(signed_in_at_ms);
        // Time that the person took to sign in for this request does not make it older.
        let is_young_enough = self.max_age.is_none_or(|seconds| {
            signed_in_at_ms >= self.at_ms || age_ms <= i64::from(seconds) * 1_000
        });
        is_new_enough && is_young_enough
    }
}

/// The parameters of a query or a form as they came, in their order.
#[derive(Clone, Debug, Default)]
pub struct Parameters(pub(super) Vec<(String, String)>);

/// A parameter that is there twice (RFC 6749 section 3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Twice;

impl Parameters {
    /// Reads a query or a form. `None` when it is longer than 16 KiB.
    pub fn parse(text: &[u8]) -> Option<Self> {
        (text.len() <= PARAMETERS_BYTES_MAX).then(|| {
            let pairs = form_urlencoded::parse(text);
            Self(
                pairs
                    .map(|(name, value)| (name.into_owned(), value.into_owned()))
                    .collect(),
            )
        })
    }

    /// The value of a parameter. An empty one counts as none, as RFC 6749 section 3.1 asks for.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Twice> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        let first = found.next();
        if found.next().is_some() {
            return Err(Twice);
        }
        Ok(first
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty()))
    }

    /// Whether some parameter is there twice.
    pub(super) fn has_twins(&self) -> bool {
        let names: BTreeSet<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.len() != self.0.len()
    }
}

/// Checks what a client asked for, whose redirect address was checked before.
pub(super) fn check(
    parameters: &Parameters,
    (client, redirect_uri): (&ClientId, &str),
    at_ms: i64,
) -> Result<Request, Refusal> {
    if parameters.has_twins() {
        return Err(Refusal::InvalidRequest("a parameter is there twice"));
    }
    let get = |name| parameters.one(name).ok().flatten();
    if get("request").is_some() {
        return Err(Refusal::RequestNotSupported);
    }
    if get("request_uri").is_some() {
        return Err(Refusal::RequestUriNotSupported);
    }
    if get("registration").is_some() {
        return Err(Refusal::RegistrationNotSupported);
    }
    match get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Refusal::UnsupportedResponseType),
        None => return Err(Refusal::InvalidRequest("response_type is missing")),
    }
    if get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(Refusal::InvalidRequest("the response mode must be query"));
    }
    let scopes = Scope::parse_list(get("scope").unwrap_or_default());
    if !scopes.contains(&Scope::Openid) {
        return Err(Refusal::InvalidScope);
    }
    Ok(Request {
        client: client.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: opaque(get("state"), "state is too long")?,
        nonce: opaque(get("nonce"), "nonce is too long")?,
        scopes,
        challenge: challenge(get("code_challenge"), get("code_challenge_method"))?,
        prompt: prompt(get("prompt").unwrap_or_default())?,
        max_age: get("max_age").map(max_age).transpose()?,
        login_hint: get("login_hint")
            .filter(|hint| hint.len() <= HINT_BYTES_MAX)
            .map(str::to_owned),
        tenant: None,
        at_ms,
    })
}

fn opaque(value: Option<&str>, long: &'static str) -> Result<Option<String>, Refusal> {
    match value {
        Some(value) if value.len() > OPAQUE_BYTES_MAX => Err(Refusal::InvalidRequest(long)),
        value => Ok(value.map(str::to_owned)),
    }
}

fn challenge(value: Option<&str>, method: Option<&str>) -> Result<String, Refusal> {
    let Some(value) = value else {
        return Err(Refusal::InvalidRequest("code_challenge is needed"));
    };
    // Without a method it would be plain, which protects nothing.
    if method != Some("S256") {
        return Err(Refusal::InvalidRequest(
            "code_challenge_method must be S256",
        ));
    }
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if value.len() != CHALLENGE_LETTERS || !value.bytes().all(is_letter) {
        return Err(Refusal::InvalidRequest("code_challenge is not one of S256"));
    }
    Ok(value.to_owned())
}

/// `consent` asks for nothing here: the operator consented when the application was registered.
fn prompt(text: &str) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::Default;
    let values: BTreeSet<&str> = text.split(' ').filter(|value| !value.is_empty()).collect();
    for value in &values {
        match *value {
            "consent" => {}
            "login" | "select_account" => prompt = Prompt::Login,
            "none" if values.len() == 1 => prompt = Prompt::None,
            "none" => return Err(Refusal::InvalidRequest("prompt none goes with no other")),
            _ => {
                return Err(Refusal::InvalidRequest(
                    "prompt has a value that is not known",
                ));
            }
        }
    }
    Ok(prompt)
}

fn max_age(text: &str) -> Result<u32, Refusal> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    let number = is_number.then(|| text.parse().ok()).flatten();
    number.ok_or(Refusal::InvalidRequest(
        "max_age must be a number of seconds",
    ))
}
