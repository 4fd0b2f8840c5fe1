//! An application without a library, which can do every step wrong.

use crate::agent::{Agent, Page, parameter};
use crate::{Application, Client};
use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A verifier and its challenge (RFC 7636).
pub const VERIFIER: &str = "a-verifier-of-forty-three-letters-or-more-0123";

/// What the application's requests say unless a test says otherwise.
pub const STATE: &str = "state-of-the-application";
/// The nonce.
pub const NONCE: &str = "nonce-of-the-application";

/// The challenge of a verifier, by S256.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// A part of a JWT: 0 the header, 1 the claims.
pub fn jwt_part(token: &str, part: usize) -> anyhow::Result<Value> {
    let text = token.split('.').nth(part).context("not a token")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text)?)?)
}

/// A token with a header that says another algorithm, and claims as they were: unsigned, or signed
/// with a secret that somebody believes to be one (HS256).
pub fn forged(
    claims: &Value,
    (algorithm, typ, kid): (&str, &str, &Value),
    secret: Option<&[u8]>,
) -> anyhow::Result<String> {
    let header = json!({"alg": algorithm, "typ": typ, "kid": kid});
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let Some(secret) = secret else {
        return Ok(format!("{signed}."));
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)?;
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Ok(format!("{signed}.{signature}"))
}

/// A registered application.
#[derive(Clone, Debug)]
pub struct Relying {
    /// Rollcall.
    pub issuer: String,
    /// What the operator gave.
    pub client: Client,
    /// Where it has people sent back to.
    pub redirect_uri: String,
    /// How it shows who it is: `client_secret_basic`, `client_secret_post` or `none`.
    pub method: &'static str,
}

impl Relying {
    /// Registers an application that shows who it is in one way. `more` is what else is registered,
    /// or registered differently.
    pub async fn register(
        operator: &Application,
        name: &str,
        method: &'static str,
        more: &Value,
    ) -> anyhow::Result<Self> {
        let redirect_uri = format!("https://{name}.example/callback");
        let mut registered = json!({
            "name": name,
            "redirect_uris": [redirect_uri],
            "token_endpoint_auth_method": method,
            "offline_access": true,
        });
        if let (Some(registered), Some(more)) = (registered.as_object_mut(), more.as_object()) {
            registered.extend(more.clone());
        }
        Ok(Self {
            issuer: operator.url().to_owned(),
            client: operator.register(&registered).await?,
            redirect_uri,
            method,
        })
    }

    /// The authorization request, with parameters set differently, or (`None`) left out.
    pub fn request(&self, changes: &[(&str, Option<&str>)]) -> String {
        let challenge = challenge(VERIFIER);
        let usual = [
            ("client_id", self.client.id.as_str()),
            ("redirect_uri", &self.redirect_uri),
            ("response_type", "code"),
            ("scope", "openid profile email roster offline_access"),
            ("state", STATE),
            ("nonce", NONCE),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let mut pairs: Vec<(&str, &str)> = usual.to_vec();
        for (name, value) in changes {
            pairs.retain(|(known, _)| known != name);
            pairs.extend(value.map(|value| (*name, value)));
        }
        let endpoint = format!("{}/oidc/authorize", self.issuer);
        Url::parse_with_params(&endpoint, pairs).map_or_else(|_| endpoint, Into::into)
    }

    /// Whether an address is where this application has people sent back to.
    pub fn is_back(&self, url: &Url) -> bool {
        url.as_str().starts_with(&self.redirect_uri)
    }

    /// The code of an answer that has one, and is otherwise as it has to be.
    pub fn code_of(&self, answer: &Page) -> anyhow::Result<String> {
        let back = answer.location()?;
        ensure!(self.is_back(&back), "not sent back: {back}");
        ensure!(
            parameter(&back, "state").as_deref() == Some(STATE),
            "another state: {back}"
        );
        ensure!(
            parameter(&back, "iss").as_ref() == Some(&self.issuer),
            "another issuer: {back}"
        );
        parameter(&back, "code").with_context(|| format!("no code: {back}"))
    }

    /// Asks with a browser that is signed in already, and takes the code.
    pub async fn code(&self, agent: &mut Agent) -> anyhow::Result<String> {
        let answer = agent.get(&self.request(&[])).await?;
        self.code_of(&answer)
    }

    /// Sends a form to an endpoint with the application's credentials in the way it has to.
    pub async fn send(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<Page> {
        let mut form = form.to_vec();
        let (id, secret) = (self.client.id.as_str(), self.client.secret.as_str());
        match self.method {
            "client_secret_post" => form.extend([("client_id", id), ("client_secret", secret)]),
            "none" => form.push(("client_id", id)),
            _ => {}
        }
        let url = format!("{}{path}", self.issuer);
        let is_basic = self.method == "client_secret_basic";
        Agent::new()?
            .send(Method::POST, &url, |request| {
                let request = request.form(&form);
                if is_basic {
                    request.basic_auth(id, Some(secret))
                } else {
                    request
                }
            })
            .await
    }

    /// Redeems a code, with parameters set differently or left out.
    pub async fn redeem_with(
        &self,
        code: &str,
        changes: &[(&str, Option<&str>)],
    ) -> anyhow::Result<Page> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            form.extend(value.map(|value| (*name, value)));
        }
        self.send("/oidc/token", &form).await
    }

    /// Redeems a code that has to be good.
    pub async fn redeem(&self, code: &str) -> anyhow::Result<Tokens> {
        Tokens::of(&self.redeem_with(code, &[]).await?)
    }

    /// Exchanges a refresh token.
    pub async fn refresh(&self, token: &str) -> anyhow::Result<Page> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.send("/oidc/token", &form).await
    }

    /// Asks whose an access token is.
    pub async fn userinfo(&self, token: &str) -> anyhow::Result<Page> {
        let url = format!("{}/oidc/userinfo", self.issuer);
        let mut agent = Agent::new()?;
        agent
            .send(Method::GET, &url, |request| request.bearer_auth(token))
            .await
    }
}

/// What a code or a refresh token is exchanged for.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The id token; empty without one.
    pub id: String,
    /// The refresh token; empty without one.
    pub refresh: String,
}

impl Tokens {
    /// Reads a token endpoint's success.
    pub fn of(page: &Page) -> anyhow::Result<Self> {
        ensure!(
            page.status == 200,
            "no tokens: {} {}",
            page.status,
            page.text
        );
        let body: Value = serde_json::from_str(&page.text)?;
        let field = |name: &str| {
            let value = body.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        ensure!(
            field("token_type").eq_ignore_ascii_case("bearer"),
            "another type: {}",
            page.text
        );
        Ok(Self {
            access: field("access_token"),
            id: field("id_token"),
            refresh: field("refresh_token"),
        })
    }
}

/// The `error` of an answer in JSON (RFC 6749 section 5.2); empty without one.
pub fn oauth_error(page: &Page) -> String {
    let body: Value = serde_json::from_str(&page.text).unwrap_or_default();
    let error = body.get("error").and_then(Value::as_str);
    error.unwrap_or_default().to_owned()
}
