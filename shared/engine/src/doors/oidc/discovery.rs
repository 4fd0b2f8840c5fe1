//! Where everything is and what it can do (OpenID Connect Discovery 1.0, RFC 8414), and the keys.

use crate::doors::json;
use crate::oidc::signing::{PublicKey, Ring};
use crate::oidc::{AUTHORIZE_PATH, LOGOUT_PATH, Scope};
use crate::ports::Ports;
use crate::problem::Problem;
use crate::settings;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json as value};

/// How long an answer may be kept. A key is published two days before it signs.
const KEPT: &str = "public, max-age=3600";

/// Ways for a client to prove who it is.
const AUTH_METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

/// Serves the document. It is the same for both ways of asking.
pub(super) async fn document<P: Ports>(ports: &P) -> Result<http::Response<Bytes>, Problem> {
    let issuer = settings::public_url(ports).await?;
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let document = value!({
        "issuer": issuer.at(""),
        "authorization_endpoint": issuer.at(AUTHORIZE_PATH),
        "token_endpoint": issuer.at("/oidc/token"),
        "userinfo_endpoint": issuer.at("/oidc/userinfo"),
        "jwks_uri": issuer.at("/oidc/jwks"),
        "revocation_endpoint": issuer.at("/oidc/revoke"),
        "end_session_endpoint": issuer.at(LOGOUT_PATH),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "amr", "at_hash",
            "given_name", "family_name", "name", "preferred_username", "updated_at",
            "email", "email_verified",
            "tenant", "roles", "user_type", "grade", "organizations",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    Ok(kept(json(StatusCode::OK, &document)))
}

/// Serves the keys (RFC 7517).
pub(super) async fn keys<P: Ports>(ports: &P) -> Result<http::Response<Bytes>, Problem> {
    let ring = Ring::newest(ports).await?;
    let now_ms = ports.now().as_millisecond();
    let keys: Vec<Value> = ring.published(now_ms).map(web_key).collect();
    let is_empty = keys.is_empty();
    let response = json(StatusCode::OK, &value!({"keys": keys}));
    // The first key signs at once: nobody may go on thinking that there is none.
    Ok(if is_empty { response } else { kept(response) })
}

fn web_key(key: &PublicKey) -> Value {
    value!({
        "kty": "RSA", "use": "sig", "alg": "RS256",
        "kid": key.kid, "n": key.n, "e": key.e,
    })
}

fn kept(mut response: http::Response<Bytes>) -> http::Response<Bytes> {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
    response
}
