//! Client credentials: the token endpoint and its tokens (PROVIDERS 6.3).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::config::{Client, CredentialsIn, ScopeUse, Security};
use super::exchange::Exchange;
use super::render::Version;
use crate::hmac::hex;
use crate::reply::Reply;

/// The scopes of the roster, without what comes before the last slash.
pub(super) const SCOPES: [&str; 3] = [
    "roster-core.readonly",
    "roster-demographics.readonly",
    "roster.readonly",
];

/// A scope in full.
pub(super) fn scope(version: Version, name: &str) -> String {
    let version = match version {
        Version::V1p1 => "v1p1",
        Version::V1p2 => "v1p2",
    };
    format!("https://purl.imsglobal.org/spec/or/{version}/scope/{name}")
}

/// Who a token stands for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) scopes: BTreeSet<String>,
    ends_ms: i64,
}

/// The tokens given. A new one ends no other.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    granted: BTreeMap<String, Grant>,
    count: u64,
}

impl Tokens {
    /// The grant of a token that works.
    pub(super) fn grant(&self, token: &str, now_ms: i64) -> Option<&Grant> {
        let grant = self.granted.get(token);
        grant.filter(|grant| now_ms < grant.ends_ms)
    }

    /// Makes every token stop working.
    pub(super) fn expire(&mut self) {
        self.granted.clear();
    }

    fn issue(&mut self, seed: u64, grant: Grant) -> String {
        self.count += 1;
        let token = opaque(&format!("token {seed} {} {}", self.count, grant.ends_ms));
        self.granted.insert(token.clone(), grant);
        token
    }
}

/// A text that tells nothing, the same for the same `of`.
pub(super) fn opaque(of: &str) -> String {
    let mut digits = hex(&Sha256::digest(of));
    digits.truncate(40);
    digits
}

/// What the token endpoint works on.
pub(super) struct Endpoint<'a> {
    pub(super) clients: &'a [Client],
    pub(super) security: &'a Security,
    pub(super) tokens: &'a mut Tokens,
    pub(super) seed: u64,
    pub(super) now_ms: i64,
}

/// An error of RFC 6749.
struct Refusal {
    status: u16,
    error: &'static str,
    description: &'static str,
}

const fn refusal(status: u16, error: &'static str, description: &'static str) -> Refusal {
    Refusal {
        status,
        error,
        description,
    }
}

impl Endpoint<'_> {
    pub(super) fn answer(&mut self, exchange: &Exchange) -> Reply {
        match self.grant(exchange) {
            Ok(reply) => reply,
            Err(refusal) => {
                let body =
                    json!({ "error": refusal.error, "error_description": refusal.description });
                let reply = Reply::json(refusal.status, &body);
                match refusal.status {
                    401 => reply.with("www-authenticate", "Basic realm=\"oneroster\""),
                    _ => reply,
                }
            }
        }
    }

    fn grant(&mut self, exchange: &Exchange) -> Result<Reply, Refusal> {
        let fields = match self.security.credentials {
            CredentialsIn::Query => exchange.parameters.clone(),
            CredentialsIn::Basic | CredentialsIn::Body => exchange
                .form()
                .ok_or_else(|| refusal(400, "invalid_request", "the body is not a form"))?,
        };
        let field = |name: &str| fields.get(name).map(String::as_str);
        let client = self.client(exchange, &fields)?;
        match field("grant_type") {
            Some("client_credentials") => {}
            Some(_) => {
                let why = "only client_credentials are supported";
                return Err(refusal(400, "unsupported_grant_type", why));
            }
            None => return Err(refusal(400, "invalid_request", "grant_type is missing")),
        }
        let scopes = self.scopes(client, field("scope"))?;
        let life_s = self.security.expires_in_s;
        let grant = Grant {
            client: client.id.clone(),
            scopes: scopes.clone(),
            ends_ms: self.now_ms + i64::from(life_s) * 1_000,
        };
        let scopes: Vec<String> = scopes.into_iter().collect();
        let token = self.tokens.issue(self.seed, grant);
        let reply = Reply::json(
            200,
            &json!({
                "access_token": token, "token_type": "bearer", "expires_in": life_s,
                "scope": scopes.join(" "),
            }),
        )
        .with("cache-control", "no-store");
        Ok(if self.security.sets_cookie {
            reply.with("set-cookie", "ASP.NET_SessionId=demo; path=/; HttpOnly")
        } else {
            reply
        })
    }

    fn client(
        &self,
        exchange: &Exchange,
        fields: &BTreeMap<String, String>,
    ) -> Result<&Client, Refusal> {
        let in_fields = fields.get("client_id").zip(fields.get("client_secret"));
        let given = match self.security.credentials {
            CredentialsIn::Basic if in_fields.is_some() => {
                let why = "credentials belong into the header";
                return Err(refusal(400, "invalid_request", why));
            }
            CredentialsIn::Basic => exchange.basic(),
            CredentialsIn::Body | CredentialsIn::Query => {
                in_fields.map(|(id, secret)| (id.clone(), secret.clone()))
            }
        };
        let unknown = || refusal(401, "invalid_client", "client authentication failed");
        let (id, secret) = given.ok_or_else(unknown)?;
        let client = self.clients.iter().find(|client| client.id == id);
        client
            .filter(|client| bool::from(client.secret.as_bytes().ct_eq(secret.as_bytes())))
            .ok_or_else(unknown)
    }

    fn scopes(&self, client: &Client, asked: Option<&str>) -> Result<BTreeSet<String>, Refusal> {
        let allowed = client.scopes.iter().flat_map(|name| {
            let versions = [Version::V1p1, Version::V1p2];
            versions.map(|version| scope(version, name))
        });
        let allowed: BTreeSet<String> = allowed.collect();
        let asked: BTreeSet<&str> = asked.unwrap_or_default().split_whitespace().collect();
        match self.security.scopes {
            ScopeUse::Ignored => Ok(allowed),
            ScopeUse::Required if asked.is_empty() => {
                Err(refusal(400, "invalid_scope", "scope is missing"))
            }
            ScopeUse::Optional if asked.is_empty() => Ok(allowed),
            ScopeUse::Optional | ScopeUse::Required => {
                if asked.iter().all(|scope| allowed.contains(*scope)) {
                    Ok(asked.into_iter().map(str::to_owned).collect())
                } else {
                    let why = "a scope is unknown or not granted";
                    Err(refusal(400, "invalid_scope", why))
                }
            }
        }
    }
}
