//! A Google that checks what it is sent, with one signed-in administrator.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use engine::memory::Handler;
use engine::ports::TransportError;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub(crate) const CLIENT_ID: &str = "rollcall.apps.googleusercontent.com";

/// What Google will answer, and what it was asked.
pub(crate) struct Google {
    /// Claims of the next id token; `nonce` is added unless it is there.
    pub(crate) claims: Value,
    /// Which of the two keys signs.
    pub(crate) key: usize,
    /// Whether Google has changed its keys: the second one is published and signs.
    pub(crate) is_rotated: bool,
    /// What the consent page was asked.
    pub(crate) asked: BTreeMap<String, String>,
    /// Scopes granted, if not those asked for.
    pub(crate) scopes: Option<String>,
    /// Whether a refresh token is given with a code.
    pub(crate) gives_refresh_token: bool,
    /// Status and body of the answer to a refresh.
    pub(crate) refresh: (u16, Value),
    /// Every request: method and address without its query.
    pub(crate) journal: Vec<String>,
}

pub(crate) type Shared = Arc<Mutex<Google>>;

pub(crate) fn google() -> Shared {
    let now = super::district::NOW;
    Arc::new(Mutex::new(Google {
        claims: json!({"iss": "https://accounts.google.com", "aud": CLIENT_ID, "azp": CLIENT_ID,
            "sub": "1048576", "email": "it@maplegrove.example", "email_verified": true,
            "hd": "maplegrove.example", "iat": now - 5, "exp": now + 3_595}),
        key: 0,
        is_rotated: false,
        asked: BTreeMap::new(),
        scopes: None,
        gives_refresh_token: true,
        refresh: (
            200,
            json!({"access_token": "ya29.second", "expires_in": 3599, "token_type": "Bearer"}),
        ),
        journal: Vec::new(),
    }))
}

fn key(index: usize) -> RsaPrivateKey {
    let pems = [
        include_str!("../../../connectors/tests/google/keys/1.pem"),
        include_str!("../../../connectors/tests/google/keys/2.pem"),
    ];
    RsaPrivateKey::from_pkcs8_pem(pems[index]).unwrap()
}

fn public_key(index: usize) -> Value {
    let public = key(index).to_public_key();
    let n = URL_SAFE_NO_PAD.encode(public.n().to_bytes_be());
    let e = URL_SAFE_NO_PAD.encode(public.e().to_bytes_be());
    json!({"kid": format!("k{index}"), "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e})
}

impl Google {
    fn id_token(&self) -> String {
        let mut claims = self.claims.clone();
        if claims.get("nonce").is_none() {
            claims["nonce"] = self.asked["nonce"].clone().into();
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let kid = if self.is_rotated { "k1" } else { "k0" };
        let header = json!({"alg": "RS256", "kid": kid, "typ": "JWT"});
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let digest = Sha256::digest(signed.as_bytes());
        let signature = key(self.key).sign(Pkcs1v15Sign::new::<Sha256>(), &digest);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap()))
    }

    fn token(&self, form: &BTreeMap<String, String>) -> (u16, Value) {
        assert_eq!(form["client_id"], CLIENT_ID);
        assert_eq!(form["client_secret"], "secret-of-the-google-client");
        if form["grant_type"] == "refresh_token" {
            assert_eq!(form["refresh_token"], "1//refresh");
            return self.refresh.clone();
        }
        assert_eq!(form["redirect_uri"], self.asked["redirect_uri"]);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
        if challenge != self.asked["code_challenge"] || form["code"] != "4/0A" {
            return (
                400,
                json!({"error": "invalid_grant", "error_description": "Bad Request"}),
            );
        }
        let scope = self
            .scopes
            .clone()
            .unwrap_or_else(|| self.asked["scope"].clone());
        let mut tokens = json!({"access_token": "ya29.first", "expires_in": 3599, "scope": scope,
            "token_type": "Bearer", "id_token": self.id_token()});
        if self.gives_refresh_token {
            tokens["refresh_token"] = "1//refresh".into();
        }
        (200, tokens)
    }

    pub(crate) fn answer(&mut self, request: &http::Request<Bytes>) -> (u16, Value) {
        let uri = request.uri();
        let address = format!("{}{}", uri.host().unwrap_or_default(), uri.path());
        self.journal.push(format!("{} {address}", request.method()));
        let form = pairs(std::str::from_utf8(request.body()).unwrap());
        match address.as_str() {
            "oauth2.googleapis.com/token" => self.token(&form),
            "oauth2.googleapis.com/revoke" => {
                assert_eq!(form["token"], "1//refresh");
                (200, json!({}))
            }
            "www.googleapis.com/oauth2/v3/certs" => {
                let published = if self.is_rotated { 2 } else { 1 };
                let keys: Vec<Value> = (0..published).map(public_key).collect();
                (200, json!({"keys": keys}))
            }
            "admin.googleapis.com/admin/directory/v1/users" => (
                200,
                json!({"kind": "admin#directory#users",
                "users": [{"id": "1048576", "primaryEmail": "it@maplegrove.example", "name": {"givenName": "I", "familyName": "T"}, "orgUnitPath": "/"}]}),
            ),
            "admin.googleapis.com/admin/directory/v1/customer/my_customer/orgunits" => (
                200,
                json!({"kind": "admin#directory#orgUnits",
                "organizationUnits": [{"orgUnitId": "id:root", "orgUnitPath": "/"},
                    {"orgUnitId": "id:1", "orgUnitPath": "/Schools", "parentOrgUnitPath": "/"}]}),
            ),
            other => panic!("Google was asked for {other}"),
        }
    }
}

/// The transport that leads to it.
pub(crate) fn handler(google: &Shared) -> Handler {
    let google = Arc::clone(google);
    Arc::new(move |ports, request| {
        let google = Arc::clone(&google);
        Box::pin(async move {
            if request.uri().host() == Some("watch-google.spin.internal") {
                return Ok(engine::doors::watch_google::handle(&ports, request).await);
            }
            let (status, body) = google.lock().unwrap().answer(&request);
            http::Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .header("cache-control", "public, max-age=3600")
                .body(Bytes::from(body.to_string()))
                .map_err(|_| TransportError::Failed)
        })
    })
}

/// A query or form, decoded.
pub(crate) fn pairs(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}
