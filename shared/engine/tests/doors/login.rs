//! Signing in, as browsers, providers and administrators meet it.

mod administering;
mod browser;
mod classlink;
mod clever;
mod fixation;
mod google;
mod guessing;
mod launching;
mod pages;
mod passwords;
mod refusing;
mod roster;
mod web;

use super::district::{District, configured};
use browser::Browser;
use bytes::Bytes;
use engine::audit::Actor;
use engine::doors;
use engine::memory::block_on;
use engine::oidc::clients;
use http::StatusCode;
use serde_json::{Value, json};
use web::Web;

/// Where administrators set how people of maple sign in.
const SIGN_IN: &str = "/api/v1/tenants/maple/sign-in";

/// Where the application wants to have people back.
const APP: &str = "https://app.example/back";

/// The application with the tenants `maple` and `oak`, and the providers that they use.
struct School {
    district: District,
    web: Web,
}

/// Maple with some ways to sign in switched on, and nobody in its roster.
fn school(methods: &[&str]) -> School {
    let ports = configured();
    for (name, value) in [
        ("clever_client_id", web::CLEVER_ID),
        ("clever_client_secret", web::CLEVER_SECRET),
        ("classlink_client_id", web::CLASSLINK_ID),
        ("classlink_client_secret", web::CLASSLINK_SECRET),
    ] {
        ports.set_variable(name, value);
    }
    let web = Web::new();
    let school = School {
        district: District::on(ports.with_handler(web.handler())),
        web,
    };
    school.set(&json!({"methods": methods}));
    school
}

impl School {
    /// Sends a request to the component that signs people in.
    fn send(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        block_on(doors::login::handle(&self.district.ports, request))
    }

    /// A browser that has never been here, at a school's address.
    fn browser(&self) -> Browser<'_> {
        Browser::new(self, "203.0.113.7:51000")
    }

    /// An administrator's request.
    fn admin(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let (status, _, body) = self.ask(&self.district.admin, method, path, body, None);
        (status, body)
    }

    /// A request with a key, and perhaps a version: status, version and body of the answer.
    fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        version: Option<&str>,
    ) -> (StatusCode, Option<String>, Value) {
        let method = method.parse().unwrap();
        let path = format!("{SIGN_IN}{path}");
        let mut request = super::district::request(method, token, &path, body);
        if let Some(version) = version {
            let version = version.parse().unwrap();
            request.headers_mut().insert("if-match", version);
        }
        let response = self.send(request);
        let tag = response.headers().get("etag");
        let tag = tag.map(|tag| tag.to_str().unwrap().to_owned());
        let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status(), tag, body)
    }

    /// Replaces how people sign in.
    fn set(&self, settings: &Value) {
        let admin = &self.district.admin;
        let (_, version, _) = self.ask(admin, "GET", "", &Value::Null, None);
        let (status, _, body) = self.ask(admin, "PUT", "", settings, version.as_deref());
        assert_eq!(status, StatusCode::OK, "{body}");
    }

    /// Sets the districts whose people sign in.
    fn set_districts(&self, districts: &Value) {
        let operator = super::district::OPERATOR;
        let (_, version, _) = self.ask(operator, "GET", "/districts", &Value::Null, None);
        let version = version.as_deref();
        let (status, _, body) = self.ask(operator, "PUT", "/districts", districts, version);
        assert_eq!(status, StatusCode::OK, "{body}");
    }

    /// What administrators see of people who were not signed in: cause, how often, whom.
    fn refusals(&self) -> Vec<Value> {
        let (status, list) = self.admin("GET", "/refusals", &Value::Null);
        assert_eq!(status, StatusCode::OK, "{list}");
        list["items"].as_array().unwrap().clone()
    }

    /// Registers an application that begins sign-ins at `initiate`, if anywhere.
    fn application(&self, initiate: Option<&str>) -> String {
        let settings = json!({"name": "Reader <&>", "redirect_uris": [APP],
            "initiate_login_uri": initiate, "tenants": ["maple"]});
        let settings = serde_json::from_value(settings).unwrap();
        let registered = clients::register(&self.district.ports, &Actor::Operator, settings);
        block_on(registered).unwrap().client.id.to_string()
    }

    /// Asserts that no session and nothing else was begun since a dump of the store was taken.
    fn nobody_entered(&self) {
        for key in self.district.dump().keys() {
            assert!(!key.starts_with("ephemeral/session/"), "{key}");
        }
    }
}

/// Where an application sends a browser.
fn asking(client: &str) -> String {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    format!(
        "/oidc/authorize?client_id={client}&redirect_uri=https%3A%2F%2Fapp.example%2Fback&response_type=code&scope=openid%20email&state=app-state&nonce=n&code_challenge={challenge}&code_challenge_method=S256"
    )
}
