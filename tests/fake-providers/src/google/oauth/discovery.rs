//! The discovery document and the published keys (PROVIDERS 1.1, 1.6).

use serde_json::json;

use crate::google::config::Config;
use crate::google::reply::Reply;
use crate::keys::Keyring;

/// Where everything is; `base` is the fake's own address.
pub(crate) fn discovery(config: &Config, base: &str) -> Reply {
    let document = json!({
        "issuer": config.issuer,
        "authorization_endpoint": format!("{base}/o/oauth2/v2/auth"),
        "device_authorization_endpoint": format!("{base}/device/code"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/v1/userinfo"),
        "revocation_endpoint": format!("{base}/revoke"),
        "jwks_uri": format!("{base}/oauth2/v3/certs"),
        "response_types_supported": ["code", "token", "id_token", "none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": [
            "aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss",
            "name", "picture", "sub",
        ],
        "code_challenge_methods_supported": ["plain", "S256"],
    });
    Reply::json(200, &document).with("cache-control", "public, max-age=3600")
}

/// The keys to check id tokens with.
pub(crate) fn certs(keys: &Keyring) -> Reply {
    let max_age = "public, max-age=19800, must-revalidate, no-transform";
    Reply::json(200, &keys.jwks()).with("cache-control", max_age)
}
