//! Google, Clever and `ClassLink` as a sign-in meets them. They check what they are sent.

use crate::google::{self, Shared, google, pairs};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use engine::memory::Handler;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub(super) const CLEVER_ID: &str = "clever-client";
pub(super) const CLEVER_SECRET: &str = "secret-of-the-clever-client";
pub(super) const CLASSLINK_ID: &str = "classlink-client";
pub(super) const CLASSLINK_SECRET: &str = "secret-of-the-classlink-client";

/// The ids of Maple's districts.
pub(super) const CLEVER_DISTRICT: &str = "5f3a9c0e1d2b4c0011aa00d1";
pub(super) const CLASSLINK_TENANT: &str = "9021";

/// A code that a provider gave somebody else, and that must never be used.
pub(super) const FOREIGN: &str = "foreign-code";

/// What the providers answer, and what they were asked.
pub(super) struct Answers {
    /// Clever's answer about whose token it is, and about that person.
    pub(super) clever: (Value, Value),
    /// `ClassLink`'s answer about the person.
    pub(super) classlink: Value,
    /// What every provider answers instead.
    pub(super) instead: Option<(u16, String)>,
    /// Every request: method and address without its query.
    pub(super) journal: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Web {
    pub(super) google: Shared,
    pub(super) answers: Arc<Mutex<Answers>>,
}

impl Web {
    pub(super) fn new() -> Self {
        let google = google();
        google.lock().unwrap().gives_refresh_token = false;
        let me = json!({"type": "user", "data": {"id": "5f3a9c0e1d2b4c0011aa0001",
            "district": CLEVER_DISTRICT, "type": "user", "authorized_by": "district"},
            "links": []});
        let user = json!({"data": {"id": "5f3a9c0e1d2b4c0011aa0001", "district": CLEVER_DISTRICT,
            "email": "dana@maple.example", "name": {"first": "Dana", "last": "Okafor"},
            "roles": {"teacher": {"sis_id": "T-1", "school": "s-1", "schools": ["s-1"]}}}});
        let info = json!({"UserId": 1_203_344, "TenantId": 9021, "FirstName": "Dana",
            "LastName": "Okafor", "Email": "dana@maple.example", "LoginId": "dokafor",
            "Role": "Teacher", "Role_Level": 3, "OrgId": ["HS-01"], "SourcedId": ""});
        Self {
            google,
            answers: Arc::new(Mutex::new(Answers {
                clever: (me, user),
                classlink: info,
                instead: None,
                journal: Vec::new(),
            })),
        }
    }

    /// Says who signs in with Google next.
    pub(super) fn google_is(&self, sub: &str, email: &str, hosted: Option<&str>) {
        let mut google = self.google.lock().unwrap();
        google.claims["sub"] = json!(sub);
        google.claims["email"] = json!(email);
        google.claims["hd"] = json!(hosted);
    }

    /// How often a provider was asked something.
    pub(super) fn requests(&self) -> usize {
        self.answers.lock().unwrap().journal.len()
    }

    pub(super) fn handler(&self) -> Handler {
        let web = self.clone();
        Arc::new(move |_, request| {
            let (status, body) = web.answer(&request);
            Box::pin(async move {
                let response = http::Response::builder()
                    .status(status)
                    .header("content-type", "application/json")
                    .header("cache-control", "public, max-age=3600")
                    .body(Bytes::from(body))
                    .unwrap();
                Ok(response)
            })
        })
    }

    fn answer(&self, request: &http::Request<Bytes>) -> (u16, String) {
        let uri = request.uri();
        let host = uri.host().unwrap_or_default().to_owned();
        let mut answers = self.answers.lock().unwrap();
        let entry = format!("{} {host}{}", request.method(), uri.path());
        answers.journal.push(entry);
        if let Some(instead) = &answers.instead {
            return instead.clone();
        }
        let (status, body) = match host.as_str() {
            "clever.com" | "api.clever.com" => clever(&answers, request),
            "launchpad.classlink.com" | "nodeapi.classlink.com" => classlink(&answers, request),
            _ => {
                let mut google = self.google.lock().unwrap();
                google::Google::answer(&mut google, request)
            }
        };
        (status, body.to_string())
    }
}

fn authorization(request: &http::Request<Bytes>) -> &str {
    request.headers()["authorization"].to_str().unwrap()
}

fn clever(answers: &Answers, request: &http::Request<Bytes>) -> (u16, Value) {
    let form = pairs(std::str::from_utf8(request.body()).unwrap());
    match request.uri().path() {
        "/oauth/tokens" => {
            let basic = STANDARD.encode(format!("{CLEVER_ID}:{CLEVER_SECRET}"));
            assert_eq!(authorization(request), format!("Basic {basic}"));
            assert_eq!(form["grant_type"], "authorization_code");
            assert_eq!(form["redirect_uri"], "https://sync.example/callback/clever");
            assert_ne!(form["code"], FOREIGN, "a foreign code was used");
            if form["code"] != "clever-code" {
                return (400, json!({"error": "invalid grant: invalid code"}));
            }
            (
                200,
                json!({"access_token": "ilToken", "token_type": "bearer"}),
            )
        }
        path => {
            assert_eq!(authorization(request), "Bearer ilToken");
            match path {
                "/v3.1/me" => (200, answers.clever.0.clone()),
                "/v3.1/users/5f3a9c0e1d2b4c0011aa0001" => (200, answers.clever.1.clone()),
                other => panic!("Clever was asked for {other}"),
            }
        }
    }
}

fn classlink(answers: &Answers, request: &http::Request<Bytes>) -> (u16, Value) {
    let form = pairs(std::str::from_utf8(request.body()).unwrap());
    match request.uri().path() {
        "/oauth2/v2/token" => {
            assert_eq!(form["client_id"], CLASSLINK_ID);
            assert_eq!(form["client_secret"], CLASSLINK_SECRET);
            assert_ne!(form["code"], FOREIGN, "a foreign code was used");
            if form["code"] != "classlink-code" {
                return (400, json!({"message": "code is expired"}));
            }
            let token = json!({"access_token": "c1token", "token_type": "Bearer",
                "response_type": "code"});
            (200, token)
        }
        "/v2/my/info" => {
            assert_eq!(authorization(request), "Bearer c1token");
            (200, answers.classlink.clone())
        }
        other => panic!("ClassLink was asked for {other}"),
    }
}
