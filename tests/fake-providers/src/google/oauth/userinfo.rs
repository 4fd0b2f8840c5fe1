//! Who a token belongs to (PROVIDERS 1.6).

use serde_json::{Value, json};

use super::accounts::Account;
use super::{OAuth, error, scopes};
use crate::google::api::Caller;
use crate::google::reply::Reply;

impl OAuth<'_> {
    /// Who makes a call with an access token, if it works now.
    pub(crate) fn caller(&self, token: &str) -> Option<Caller> {
        let access = self.tokens.live_access(token, self.now_ms)?;
        let account = self
            .account(&access.pair.1)
            .filter(|account| !account.suspended)?;
        Some(Caller {
            client_id: access.pair.0.clone(),
            email: account.email,
            user: account.user,
            scopes: access.scopes.clone(),
        })
    }

    fn bearer(&self, token: Option<&str>) -> Result<(Account, Caller), Reply> {
        let refused = || error(401, "invalid_request", "Invalid Credentials");
        let caller = token
            .and_then(|token| self.caller(token))
            .ok_or_else(refused)?;
        let account = self.account(&caller.email).ok_or_else(refused)?;
        if !scopes::identify(&caller.scopes) {
            return Err(refused());
        }
        Ok((account, caller))
    }
}

/// Adds what the scopes allow; the two versions differ in the names of id and verification.
fn describe(account: &Account, caller: &Caller, mut info: Value, verified: &str) -> Value {
    let Value::Object(fields) = &mut info else {
        return info;
    };
    if scopes::has_email(&caller.scopes) {
        fields.insert("email".to_owned(), json!(account.email));
        fields.insert(verified.to_owned(), json!(account.email_verified));
    }
    if scopes::has_profile(&caller.scopes) {
        fields.insert(
            "name".to_owned(),
            json!(format!("{} {}", account.given, account.family)),
        );
        fields.insert("given_name".to_owned(), json!(account.given));
        fields.insert("family_name".to_owned(), json!(account.family));
        fields.insert(
            "picture".to_owned(),
            json!("https://lh3.googleusercontent.com/a/demo"),
        );
    }
    if let Some(domain) = &account.hosted_domain {
        fields.insert("hd".to_owned(), json!(domain));
    }
    info
}

/// The OpenID Connect userinfo.
pub(crate) fn user_info(oauth: &OAuth<'_>, token: Option<&str>) -> Reply {
    match oauth.bearer(token) {
        Ok((account, caller)) => Reply::json(
            200,
            &describe(
                &account,
                &caller,
                json!({ "sub": account.sub }),
                "email_verified",
            ),
        ),
        Err(refusal) => refusal,
    }
}

/// The older userinfo.
pub(crate) fn user_info_v2(oauth: &OAuth<'_>, token: Option<&str>) -> Reply {
    match oauth.bearer(token) {
        Ok((account, caller)) => Reply::json(
            200,
            &describe(
                &account,
                &caller,
                json!({ "id": account.sub }),
                "verified_email",
            ),
        ),
        Err(refusal) => refusal,
    }
}

/// What an access token is good for.
pub(crate) fn token_info(oauth: &OAuth<'_>, token: Option<&str>) -> Reply {
    let known = token.and_then(|token| oauth.tokens.live_access(token, oauth.now_ms));
    let Some(access) = known else {
        return error(400, "invalid_token", "Invalid Value");
    };
    let expires_in = (access.expires_at_ms - oauth.now_ms) / 1_000;
    Reply::json(
        200,
        &json!({
            "azp": access.pair.0, "aud": access.pair.0, "sub": access.pair.1,
            "scope": scopes::join(&access.scopes), "expires_in": expires_in.to_string(),
            "exp": (access.expires_at_ms / 1_000).to_string(), "access_type": "offline",
        }),
    )
}
