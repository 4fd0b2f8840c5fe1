//! A district whose people sign in to an application.

use crate::district::{District, NOW, OPERATOR, configured, request};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use engine::doors::{self, oidc};
use engine::ephemeral::{self, Drawer};
use engine::lease::Lease;
use engine::memory::{MemoryPorts, block_on};
use engine::oidc::signing;
use engine::ports::{Clock, Store};
use engine::roster::shard::Range;
use engine::roster::{ACCOUNTS, Commit, MapDraft, Reader, commit};
use engine::signin::Method as How;
use engine::signin::sessions::{self, Held, Session};
use engine::{record, settings};
use http::{Method, StatusCode, header};
use mapping::account::Account;
use mapping::ids::{AccountId, TenantId};
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

pub(super) const ISSUER: &str = "https://sync.example";
pub(super) const RETURN: &str = "https://app.example/callback";
pub(super) const GOODBYE: &str = "https://app.example/goodbye";
pub(super) const BACKCHANNEL: &str = "https://app.example/backchannel";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The application, and the district's people.
pub(super) struct App {
    pub(super) district: District,
    pub(super) id: String,
    pub(super) secret: String,
}

pub(super) fn tenant(id: &str) -> TenantId {
    TenantId::parse(id).unwrap()
}

pub(super) fn account_id(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

/// What the application is registered with, changed by `with`.
pub(super) fn settings_with(with: &Value) -> Value {
    let mut settings = json!({
        "name": "Reader", "redirect_uris": [RETURN, "https://app.example/other?a=b"],
        "post_logout_redirect_uris": [GOODBYE], "backchannel_logout_uri": BACKCHANNEL,
        "offline_access": true, "tenants": ["maple"]});
    for (name, value) in with.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

pub(super) fn account(id: &str, with: &Value) -> Account {
    let mut account = json!({
        "id": id, "email": format!("{id}@maplegrove.example"), "username": id,
        "given_name": "Dana", "family_name": "Fox", "roles": ["student"],
        "user_type": "STUDENT", "grade": "7",
        "memberships": [{"organization": "north", "role": "student", "grade": "7"}],
        "status": "active", "sign_in_allowed": true, "sources": [],
        "created_at_ms": 0, "changed_at_ms": 5_000});
    for (name, value) in with.as_object().unwrap() {
        account[name] = value.clone();
    }
    serde_json::from_value(account).unwrap()
}

/// The records of signing keys, made once for all tests: making one takes a while.
fn signing_keys() -> &'static BTreeMap<String, Vec<u8>> {
    static KEYS: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let ports = configured();
        block_on(async {
            let seal_keys = settings::seal_keys(&ports).await.unwrap();
            signing::attend(&ports, &seal_keys).await.unwrap();
        });
        ports.dump()
    })
}

/// Ports that have a signing key.
pub(super) fn with_signing_keys() -> MemoryPorts {
    let (ports, made) = (configured(), signing_keys());
    block_on(async {
        for (key, value) in made {
            if key.ends_with("/ticket") {
                ports.increment(key, 1).await.unwrap();
            } else {
                ports.set(key, value).await.unwrap();
            }
        }
    });
    ports
}

impl App {
    /// The application is registered, and dana may sign in.
    pub(super) fn new() -> Self {
        Self::registered(&json!({}))
    }

    /// Registered with other settings.
    pub(super) fn registered(with: &Value) -> Self {
        let mut app = Self {
            district: District::on(with_signing_keys()),
            id: String::new(),
            secret: String::new(),
        };
        app.set_methods("maple", &["google", "password"]);
        app.set_methods("oak", &["google"]);
        app.publish(
            "maple",
            vec![account("dana", &json!({})), account("tess", &json!({}))],
        );
        app.publish("oak", vec![account("olga", &json!({}))]);
        let (id, secret) = app.register(&settings_with(with));
        (app.id, app.secret) = (id, secret);
        app
    }

    pub(super) fn ports(&self) -> &MemoryPorts {
        &self.district.ports
    }

    /// Registers an application.
    pub(super) fn register(&self, settings: &Value) -> (String, String) {
        let (status, client) = self.operator(Method::POST, "/api/v1/clients", settings);
        assert_eq!(status, StatusCode::CREATED, "{client}");
        let text = |name: &str| client[name].as_str().unwrap_or_default().to_owned();
        (text("id"), text("secret"))
    }

    pub(super) fn operator(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let response = self.send(request(method, OPERATOR, path, body));
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status(), body)
    }

    /// Sends a request to the component that applications ask.
    pub(super) fn send(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        block_on(oidc::handle(self.ports(), request))
    }

    pub(super) fn set_methods(&self, tenant: &str, methods: &[&str]) {
        let key = format!("sign-in/{tenant}");
        let settings = json!({"version": 1, "value": {"methods": methods, "enforced": {}}});
        block_on(record::write(self.ports(), &key, &settings)).unwrap();
    }

    /// Commits a roster with these people.
    pub(super) fn publish(&self, tenant_id: &str, accounts: Vec<Account>) {
        let (ports, tenant) = (self.ports(), tenant(tenant_id));
        block_on(async {
            let lease = Lease::take(ports, &tenant).await.unwrap().unwrap();
            let reader = Reader::open(ports, &tenant).await.unwrap();
            let expected = accounts.len() as u64;
            let old = reader.map(ACCOUNTS);
            let mut draft = MapDraft::begin(ports, &tenant, old, expected)
                .await
                .unwrap();
            draft.store(ports, Range::ALL, accounts, 0).await.unwrap();
            let mut next = reader.commit().clone();
            next.parent = next.generation;
            let accounts = draft.save(ports).await.unwrap();
            next.maps.insert(ACCOUNTS.to_owned(), accounts);
            let next = Commit { ..next };
            commit::publish(ports, &tenant, &lease, next).await.unwrap();
            lease.release(ports, &tenant).await.unwrap();
        });
    }

    /// Commits a roster in which dana is changed so.
    pub(super) fn change_dana(&self, with: &Value) {
        let people = vec![account("dana", with), account("tess", &json!({}))];
        self.publish("maple", people);
    }

    pub(super) fn pass(&self, duration: Duration) {
        self.ports().advance(duration);
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.ports().now().as_millisecond()
    }

    /// Signs somebody in and returns the cookie.
    pub(super) fn sign_in(&self, tenant_id: &str, account: &str) -> String {
        let session = Session {
            tenant: tenant(tenant_id),
            account: account_id(account),
            method: How::Google,
            at_ms: self.now_ms(),
        };
        let handle = block_on(sessions::begin(self.ports(), &session)).unwrap();
        format!("__Host-rollcall-session={}", handle.expose())
    }

    /// The session of a cookie.
    pub(super) fn held(&self, cookie: &str) -> Held {
        let (_, handle) = cookie.split_once('=').unwrap();
        let found = ephemeral::find::<Session>(self.ports(), Drawer::Session, handle);
        let found = block_on(found).unwrap().unwrap();
        Held {
            place: found.place,
            until_ms: found.until_ms,
            session: found.value,
        }
    }

    /// The parameters of an authorization request, with some changed; null takes one out.
    pub(super) fn asking(&self, with: &Value) -> Vec<(String, String)> {
        let mut all = json!({
            "client_id": self.id, "redirect_uri": RETURN, "response_type": "code",
            "scope": "openid profile email roster", "state": "s1", "nonce": "n1",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256"});
        for (name, value) in with.as_object().unwrap() {
            all[name] = value.clone();
        }
        let all = all.as_object().unwrap().iter();
        all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// Opens the authorization endpoint in a browser.
    pub(super) fn authorize(&self, cookie: Option<&str>, with: &Value) -> http::Response<Bytes> {
        self.authorize_raw(cookie, &encode(&self.asking(with)))
    }

    pub(super) fn authorize_raw(&self, cookie: Option<&str>, query: &str) -> http::Response<Bytes> {
        let asked = browser(Method::GET, &format!("/oidc/authorize?{query}"), cookie, "");
        block_on(oidc::authorize(self.ports(), &asked))
    }

    /// A code for somebody who is signed in.
    pub(super) fn code(&self, cookie: &str, with: &Value) -> String {
        let answer = returned(&self.authorize(Some(cookie), with));
        answer
            .get("code")
            .unwrap_or_else(|| panic!("{answer:?}"))
            .clone()
    }

    /// Posts a form to the token endpoint with the application's own credentials.
    pub(super) fn token(&self, form: &[(String, String)]) -> (StatusCode, Value) {
        let response = self.token_as(Some((&self.id, &self.secret)), &encode(form));
        let body = serde_json::from_slice(response.body()).unwrap();
        (response.status(), body)
    }

    pub(super) fn token_as(
        &self,
        basic: Option<(&str, &str)>,
        form: &str,
    ) -> http::Response<Bytes> {
        self.send(form_request("/oidc/token", basic, form))
    }

    /// Everything that a sign-in brings.
    pub(super) fn tokens(&self, cookie: &str, with: &Value) -> Value {
        let code = self.code(cookie, with);
        let (status, tokens) = self.token(&exchanging(&code, &json!({})));
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens
    }

    /// Uses a refresh token.
    pub(super) fn refresh(&self, token: &str) -> (StatusCode, Value) {
        self.token(&[
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), token.to_owned()),
        ])
    }

    /// Asks for claims.
    pub(super) fn userinfo(&self, token: &str) -> (StatusCode, Value) {
        let asked = request(Method::GET, token, "/oidc/userinfo", &Value::Null);
        let response = self.send(asked);
        let body = serde_json::from_slice(response.body()).unwrap();
        (response.status(), body)
    }

    /// The published keys.
    pub(super) fn published(&self) -> Value {
        let asked = request(Method::GET, "", "/oidc/jwks", &Value::Null);
        serde_json::from_slice(self.send(asked).body()).unwrap()
    }

    /// Head and claims of a token whose signature is that of a published key.
    pub(super) fn verified(&self, token: &str) -> (Value, Value) {
        let parts: Vec<&str> = token.split('.').collect();
        let [head, claims, signature] = parts[..] else {
            panic!("{token}");
        };
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let head_value: Value = serde_json::from_slice(&part(head)).unwrap();
        let published = self.published();
        let keys = published["keys"].as_array().unwrap();
        let key = keys.iter().find(|key| key["kid"] == head_value["kid"]);
        let key = key.expect("a published key");
        let number = |name: &str| BigUint::from_bytes_be(&part(key[name].as_str().unwrap()));
        let public = RsaPublicKey::new(number("n"), number("e")).unwrap();
        let digest = Sha256::digest(format!("{head}.{claims}"));
        let padding = Pkcs1v15Sign::new::<Sha256>();
        public.verify(padding, &digest, &part(signature)).unwrap();
        (head_value, serde_json::from_slice(&part(claims)).unwrap())
    }

    /// Opens the sign-out endpoint in a browser.
    pub(super) fn end_session(
        &self,
        method: Method,
        cookie: Option<&str>,
        parameters: &Value,
    ) -> http::Response<Bytes> {
        let all = parameters.as_object().unwrap().iter();
        let pairs: Vec<(String, String)> = all
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let text = encode(&pairs);
        let asked = if method == Method::POST {
            browser(method, "/oidc/logout", cookie, &text)
        } else {
            browser(method, &format!("/oidc/logout?{text}"), cookie, "")
        };
        block_on(doors::oidc::end_session(self.ports(), &asked))
    }
}

/// The form that exchanges a code, with some fields changed; null takes one out.
pub(super) fn exchanging(code: &str, with: &Value) -> Vec<(String, String)> {
    let mut all = json!({"grant_type": "authorization_code", "code": code,
        "redirect_uri": RETURN, "code_verifier": VERIFIER});
    for (name, value) in with.as_object().unwrap() {
        all[name] = value.clone();
    }
    let all = all.as_object().unwrap().iter();
    all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

pub(super) fn encode(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

pub(super) fn browser(
    method: Method,
    path: &str,
    cookie: Option<&str>,
    body: &str,
) -> http::Request<Bytes> {
    let mut request = http::Request::builder().method(method).uri(path);
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    request.body(Bytes::from(body.to_owned())).unwrap()
}

pub(super) fn form_request(
    path: &str,
    basic: Option<(&str, &str)>,
    form: &str,
) -> http::Request<Bytes> {
    let mut request =
        http::Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some((id, secret)) = basic {
        let credentials = STANDARD.encode(format!("{id}:{secret}"));
        request = request.header(header::AUTHORIZATION, format!("Basic {credentials}"));
    }
    request.body(Bytes::from(form.to_owned())).unwrap()
}

/// Where a browser is sent.
pub(super) fn location(response: &http::Response<Bytes>) -> String {
    let text = String::from_utf8_lossy(response.body());
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "{text}");
    let location = &response.headers()[header::LOCATION];
    location.to_str().unwrap().to_owned()
}

/// What an application is told in the address that a browser is sent to.
pub(super) fn returned(response: &http::Response<Bytes>) -> BTreeMap<String, String> {
    answer_in(&location(response))
}

pub(super) fn answer_in(location: &str) -> BTreeMap<String, String> {
    let (address, query) = location.split_once('?').unwrap();
    assert_eq!(address, RETURN, "{location}");
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    let answer: BTreeMap<String, String> = pairs.collect();
    assert_eq!(answer["iss"], ISSUER, "{location}");
    answer
}

/// The text of a page.
pub(super) fn text(response: &http::Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

#[test]
fn the_fixture_begins_at_the_known_time() {
    let app = App::new();
    assert_eq!(app.now_ms(), NOW * 1_000);
    assert!(!app.id.is_empty() && !app.secret.is_empty());
}
