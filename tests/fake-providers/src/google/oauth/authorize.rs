//! The consent: what is asked, what the person decides, where it leads (PROVIDERS 1.2, 1.3).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;

use super::accounts::Account;
use super::tokens::Code;
use super::{OAuth, consent_page, scopes, unique_parameters};
use crate::google::config::Client;
use crate::google::reply::Reply;

/// An authorization request that passed every check.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizeRequest {
    pub(super) client: Client,
    pub(super) scopes: BTreeSet<String>,
    pub(super) redirect_uri: String,
    state: Option<String>,
    offline: bool,
    prompts: BTreeSet<String>,
    include_granted: bool,
    pub(super) login_hint: Option<String>,
    pub(super) hosted_domain: Option<String>,
    nonce: Option<String>,
    challenge: Option<(String, String)>,
}

/// A page of Google's with an error on it: the application never hears of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("google shows error {status}: {code}")]
pub struct ErrorPage {
    /// The status.
    pub status: u16,
    /// The code on the page, such as `redirect_uri_mismatch`.
    pub code: String,
    /// The sentence on the page.
    pub message: String,
}

/// What the person in front of the consent page does.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// Allows everything asked.
    Allow {
        /// The account's address.
        account: String,
    },
    /// Allows only some of it; the sign-in scopes can't be refused.
    AllowOnly {
        /// The account's address.
        account: String,
        /// The scopes left ticked.
        scopes: BTreeSet<String>,
    },
    /// Presses Cancel.
    Deny,
    /// Meets an error page, whatever was asked.
    Error {
        /// The code on it.
        code: String,
    },
}

impl Outcome {
    /// Allows everything with an account.
    pub fn allow(account: &str) -> Self {
        Self::Allow {
            account: account.to_owned(),
        }
    }
}

/// What comes after the consent page.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    /// An error page.
    Page(ErrorPage),
    /// Back to the application.
    Redirect(String),
}

impl From<Decision> for Reply {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Page(page) => consent_page::error(&page),
            Decision::Redirect(to) => Self::redirect(&to),
        }
    }
}

/// The status of each error page (PROVIDERS 1.3); none for a code that Google doesn't show.
fn page_status(code: &str) -> Option<(u16, &'static str)> {
    Some(match code {
        "access_denied" => (
            403,
            "The app is being tested and can only be accessed by testers.",
        ),
        "admin_policy_enforced" => (
            400,
            "Access to your account is restricted by policies within your organization.",
        ),
        "deleted_client" => (401, "The OAuth client was deleted."),
        "disallowed_useragent" => (403, "This browser or app may not be secure."),
        "invalid_client" => (401, "The OAuth client was not found."),
        "invalid_request" => (400, "This app sent an invalid request."),
        "invalid_scope" => (400, "Some requested scopes were invalid."),
        "org_internal" => (
            403,
            "This client is restricted to users within its organization.",
        ),
        "origin_mismatch" => (400, "This app sent an invalid origin."),
        "rate_limit_exceeded" => (403, "This app has reached its sign-in rate limit for now."),
        "redirect_uri_mismatch" => (400, "This app's redirect address is not registered."),
        "unauthorized_client" => (401, "This client may not use this response type."),
        _ => return None,
    })
}

fn page(code: &str) -> ErrorPage {
    let (status, message) = page_status(code).unwrap_or((400, "Something went wrong."));
    ErrorPage {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

fn bad_request(message: impl Into<String>) -> ErrorPage {
    ErrorPage {
        message: message.into(),
        ..page("invalid_request")
    }
}

impl AuthorizeRequest {
    /// Checks a request as Google does before it shows anything.
    pub(crate) fn read(oauth: &OAuth<'_>, query: &str) -> Result<Self, ErrorPage> {
        let parameters = unique_parameters(query.as_bytes())
            .ok_or_else(|| bad_request("A parameter is there more than once."))?;
        let required = |name: &str| {
            let value = parameters.get(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| bad_request(format!("Missing required parameter: {name}")))
        };
        let client_id = required("client_id")?;
        let client = oauth
            .client(client_id)
            .ok_or_else(|| page("invalid_client"))?;
        if client.deleted {
            return Err(page("deleted_client"));
        }
        let redirect_uri = required("redirect_uri")?;
        if !client.redirect_uris.contains(redirect_uri) {
            return Err(page("redirect_uri_mismatch"));
        }
        if required("response_type")? != "code" {
            return Err(bad_request("Invalid response_type"));
        }
        let scopes = scopes::parse(required("scope")?).map_err(|scope| ErrorPage {
            message: format!("Some requested scopes were invalid. {{invalid=[{scope}]}}"),
            ..page("invalid_scope")
        })?;
        let given = |name: &str| parameters.get(name).cloned();
        Ok(Self {
            client: client.clone(),
            scopes,
            redirect_uri: redirect_uri.clone(),
            state: given("state"),
            offline: one_of(&parameters, "access_type", &["online", "offline"])? == "offline",
            prompts: prompts(&parameters)?,
            include_granted: one_of(&parameters, "include_granted_scopes", &["false", "true"])?
                == "true",
            login_hint: given("login_hint"),
            hosted_domain: given("hd"),
            nonce: given("nonce"),
            challenge: challenge(&parameters)?,
        })
    }

    /// The redirect address with parameters added.
    fn back(&self, parameters: &[(&str, &str)]) -> Decision {
        let separator = if self.redirect_uri.contains('?') {
            '&'
        } else {
            '?'
        };
        let mut query = Serializer::new(String::new());
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.extend_pairs(parameters);
        Decision::Redirect(format!(
            "{}{separator}{}",
            self.redirect_uri,
            query.finish()
        ))
    }

    fn fail(&self, code: &str) -> Decision {
        self.back(&[("error", code)])
    }
}

fn one_of(
    parameters: &BTreeMap<String, String>,
    name: &str,
    words: &[&'static str],
) -> Result<&'static str, ErrorPage> {
    let wanted = parameters.get(name);
    let chosen = match wanted {
        None => words.first(),
        Some(value) => words.iter().find(|word| *word == value),
    };
    chosen
        .copied()
        .ok_or_else(|| bad_request(format!("Invalid parameter value for {name}")))
}

fn prompts(parameters: &BTreeMap<String, String>) -> Result<BTreeSet<String>, ErrorPage> {
    let text = parameters.get("prompt").map_or("", String::as_str);
    let prompts: BTreeSet<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
    let known = |prompt: &String| ["consent", "none", "select_account"].contains(&prompt.as_str());
    let lonely = !prompts.contains("none") || prompts.len() == 1;
    if prompts.iter().all(known) && lonely {
        return Ok(prompts);
    }
    Err(bad_request("Invalid parameter value for prompt"))
}

fn challenge(parameters: &BTreeMap<String, String>) -> Result<Option<(String, String)>, ErrorPage> {
    let Some(challenge) = parameters.get("code_challenge") else {
        return match parameters.get("code_challenge_method") {
            Some(_) => Err(bad_request("Missing required parameter: code_challenge")),
            None => Ok(None),
        };
    };
    // RFC 7636, 4.2.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    if !(43..=128).contains(&challenge.len()) || !challenge.chars().all(allowed) {
        return Err(bad_request("Invalid parameter value for code_challenge"));
    }
    let method = one_of(parameters, "code_challenge_method", &["plain", "S256"])?;
    Ok(Some((method.to_owned(), challenge.clone())))
}

/// Answers the authorization address: the consent page, an error page, or, for `prompt=none`,
/// the way back at once.
pub(crate) fn show(oauth: &mut OAuth<'_>, query: &str) -> Reply {
    let request = match AuthorizeRequest::read(oauth, query) {
        Ok(request) => request,
        Err(page) => return consent_page::error(&page),
    };
    if !request.prompts.contains("none") {
        return consent_page::consent(oauth, &request, query);
    }
    let hint = request.login_hint.as_deref();
    let Some(account) = hint.and_then(|hint| oauth.account(hint)) else {
        return request.fail("login_required").into();
    };
    if oauth.needs_consent(&request, &account) {
        return request.fail("consent_required").into();
    }
    let scopes = request.scopes.clone();
    oauth.allow(&request, &account, scopes, false).into()
}

/// What follows from a decision on the consent page.
pub(crate) fn decide(oauth: &mut OAuth<'_>, query: &str, outcome: &Outcome) -> Decision {
    let request = match AuthorizeRequest::read(oauth, query) {
        Ok(request) => request,
        Err(page) => return Decision::Page(page),
    };
    let (account, ticked) = match outcome {
        Outcome::Allow { account } => (account, None),
        Outcome::AllowOnly { account, scopes } => (account, Some(scopes)),
        Outcome::Deny => return request.fail("access_denied"),
        Outcome::Error { code } => return Decision::Page(page(code)),
    };
    let Some(account) = oauth.account(account) else {
        return Decision::Page(bad_request("Couldn't find your Google Account"));
    };
    if let Err(page) = admitted(&request.client, &account) {
        return Decision::Page(page);
    }
    let signs_in = |scope: &str| scope == "openid" || scope.contains("/auth/userinfo.");
    let scopes: BTreeSet<String> = request
        .scopes
        .iter()
        .filter(|scope| ticked.is_none_or(|ticked| signs_in(scope) || ticked.contains(*scope)))
        .cloned()
        .collect();
    if scopes.is_empty() {
        return request.fail("access_denied");
    }
    let consented = oauth.needs_consent(&request, &account);
    oauth.allow(&request, &account, scopes, consented)
}

/// Checks that a client takes an account.
fn admitted(client: &Client, account: &Account) -> Result<(), ErrorPage> {
    if account.suspended {
        return Err(ErrorPage {
            status: 403,
            message: "Your account is disabled.".to_owned(),
            ..page("disabled")
        });
    }
    if client.internal_to.is_some() && client.internal_to != account.hosted_domain {
        return Err(page("org_internal"));
    }
    let is_tester = |testers: &Vec<String>| testers.contains(&account.email);
    if client
        .test_users
        .as_ref()
        .is_some_and(|testers| !is_tester(testers))
    {
        return Err(page("access_denied"));
    }
    Ok(())
}

impl OAuth<'_> {
    pub(super) fn client(&self, id: &str) -> Option<&Client> {
        self.config.clients.iter().find(|client| client.id == id)
    }

    /// Whether the consent page asks anything of this account.
    fn needs_consent(&self, request: &AuthorizeRequest, account: &Account) -> bool {
        let pair = (request.client.id.clone(), account.sub.clone());
        let granted = self.tokens.granted.get(&pair);
        request.prompts.contains("consent")
            || granted.is_none_or(|granted| !granted.is_superset(&request.scopes))
    }

    fn allow(
        &mut self,
        request: &AuthorizeRequest,
        account: &Account,
        mut scopes: BTreeSet<String>,
        consented: bool,
    ) -> Decision {
        let pair = (request.client.id.clone(), account.sub.clone());
        let granted = self.tokens.granted.entry(pair.clone()).or_default();
        granted.extend(scopes.iter().cloned());
        if request.include_granted {
            scopes.clone_from(granted);
        }
        let scope_text = scopes::join(&scopes);
        let code = self.tokens.issue_code(Code {
            pair,
            redirect_uri: request.redirect_uri.clone(),
            scopes,
            nonce: request.nonce.clone(),
            challenge: request.challenge.clone(),
            issued_at_ms: self.now_ms,
            // No consent shown, no refresh token.
            offline: request.offline && consented,
            used: false,
        });
        let prompt = if consented { "consent" } else { "none" };
        let mut parameters = vec![
            // RFC 9207: which of several providers an answer is from.
            ("iss", self.config.issuer.as_str()),
            ("code", code.as_str()),
            ("scope", &scope_text),
            ("authuser", "0"),
        ];
        if let Some(domain) = &account.hosted_domain {
            parameters.push(("hd", domain));
        }
        parameters.push(("prompt", prompt));
        request.back(&parameters)
    }
}
