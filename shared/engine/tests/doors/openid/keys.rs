//! The signing keys and their rotation, and the discovery document.

use super::fixture::{App, BACKCHANNEL, ISSUER, RETURN};
use crate::district::{configured, request};
use engine::doors::oidc;
use engine::memory::{CrashPoint, MemoryPorts, block_on};
use engine::oidc::signing::{self, KEPT_MS, LEAD_MS, Ring, SIGNS_FOR_MS, Signer};
use engine::ports::Clock;
use engine::settings;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

fn attend(ports: &MemoryPorts) {
    let asked = request(Method::POST, "", "/keys", &json!({}));
    let response = block_on(oidc::handle(ports, asked));
    assert_eq!(response.status(), StatusCode::OK);
}

fn pass_ms(app: &App, ms: i64) {
    app.pass(Duration::from_millis(u64::try_from(ms).unwrap()));
}

fn kids(app: &App) -> Vec<String> {
    let published = app.published();
    let keys = published["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// The key that signs an id token now.
fn signs(app: &App) -> String {
    let cookie = app.sign_in("maple", "dana");
    let tokens = app.tokens(&cookie, &json!({}));
    let (head, _) = app.verified(tokens["id_token"].as_str().unwrap());
    head["kid"].as_str().unwrap().to_owned()
}

#[test]
fn a_published_key_says_all_that_is_needed_and_nothing_secret() {
    let app = App::new();
    let response = app.send(request(Method::GET, "", "/oidc/jwks", &Value::Null));
    assert_eq!(
        response.headers()[header::CACHE_CONTROL],
        "public, max-age=3600"
    );
    let keys = app.published();
    let key = &keys["keys"][0];
    let names: Vec<&String> = key.as_object().unwrap().keys().collect();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(
        (&key["kty"], &key["use"], &key["alg"]),
        (&json!("RSA"), &json!("sig"), &json!("RS256"))
    );
    assert_eq!(key["e"], "AQAB");
    assert_eq!(key["n"].as_str().unwrap().len(), 342);
}

#[test]
fn keys_rotate_and_what_was_issued_goes_on() {
    let app = App::new();
    let first = signs(&app);
    let cookie = app.sign_in("maple", "dana");
    let old = app.tokens(&cookie, &json!({}));
    let old_hint = old["id_token"].as_str().unwrap().to_owned();
    pass_ms(&app, SIGNS_FOR_MS - LEAD_MS);
    let cookie = app.sign_in("maple", "dana");
    let offline = app.tokens(&cookie, &json!({"scope": "openid offline_access"}));
    attend(app.ports());
    let published = kids(&app);
    assert_eq!(published.len(), 2);
    assert_eq!(published[0], first);
    attend(app.ports());
    assert_eq!(kids(&app), published, "one key at a time");
    pass_ms(&app, LEAD_MS - 1_000);
    assert_eq!(signs(&app), first, "published for two days before it signs");
    pass_ms(&app, 1_000);
    let second = signs(&app);
    assert_eq!(second, published[1]);
    let (status, refreshed) = app.refresh(offline["refresh_token"].as_str().unwrap());
    assert_eq!(status, StatusCode::OK);
    let (head, _) = app.verified(refreshed["id_token"].as_str().unwrap());
    assert_eq!(head["kid"], second.as_str());
    app.verified(&old_hint);
    pass_ms(&app, KEPT_MS - 1);
    assert_eq!(kids(&app), published);
    let hinted = json!({"id_token_hint": old_hint, "prompt": "none"});
    let cookie = app.sign_in("maple", "dana");
    let answer = super::fixture::returned(&app.authorize(Some(&cookie), &hinted));
    assert!(answer.contains_key("code"));
    pass_ms(&app, 1);
    assert_eq!(kids(&app), [second]);
}

#[test]
fn the_private_half_of_a_key_that_signs_no_more_is_forgotten() {
    let app = App::new();
    let first = signs(&app);
    let private = |app: &App| {
        let dump = app.district.dump();
        let keys = dump.into_keys().filter(|key| key.starts_with("oidc/key/"));
        keys.collect::<Vec<_>>()
    };
    pass_ms(&app, SIGNS_FOR_MS - LEAD_MS);
    attend(app.ports());
    assert_eq!(private(&app).len(), 2);
    pass_ms(&app, LEAD_MS + 86_400_000);
    attend(app.ports());
    assert_eq!(
        private(&app).len(),
        2,
        "a clock that is behind may still use it"
    );
    pass_ms(&app, LEAD_MS);
    attend(app.ports());
    let left = private(&app);
    assert_eq!(left.len(), 1);
    assert!(!left[0].contains(&first));
}

#[test]
fn of_two_that_make_the_first_key_at_once_one_is_used_by_both() {
    let ports = configured().yielding();
    let seal_keys = block_on(settings::seal_keys(&ports)).unwrap();
    block_on(async {
        let (one, other) = futures::join!(
            Signer::open(&ports, &seal_keys),
            Signer::open(&ports, &seal_keys)
        );
        let token = |signer: Signer| signer.sign(&ports, "JWT", &json!({})).unwrap();
        let [one, other] = [one, other].map(|signer| token(signer.unwrap()));
        let head = |token: &str| token.split('.').next().unwrap().to_owned();
        assert_eq!(head(&one), head(&other));
        let ring = Ring::newest(&ports).await.unwrap();
        let now_ms = ports.now().as_millisecond();
        assert_eq!(ring.published(now_ms).count(), 1);
    });
    let private = ports
        .dump()
        .into_keys()
        .filter(|key| key.starts_with("oidc/key/"));
    assert_eq!(private.count(), 1);
}

#[test]
fn a_process_that_dies_while_it_makes_a_key_leaves_one_that_can_be_made() {
    for at in 1..12 {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let ports = configured();
            let seal_keys = block_on(settings::seal_keys(&ports)).unwrap();
            block_on(async {
                ports.crash_at(Some((at, point)));
                let _ = signing::attend(&ports, &seal_keys).await;
                ports.crash_at(None);
                let before = Ring::newest(&ports).await.unwrap();
                Signer::open(&ports, &seal_keys).await.unwrap();
                let after = Ring::newest(&ports).await.unwrap();
                let now_ms = ports.now().as_millisecond();
                assert_eq!(after.published(now_ms).count(), 1);
                if before.current(now_ms).is_some() {
                    assert_eq!(before, after);
                }
            });
        }
    }
}

#[test]
fn a_private_half_is_sealed_anew_with_the_key_that_seals() {
    let app = App::new();
    let first = signs(&app);
    let old = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let new = "k2:HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    app.ports()
        .set_variable("seal_keys", &format!("{new},{old}"));
    attend(app.ports());
    app.ports().set_variable("seal_keys", new);
    assert_eq!(signs(&app), first);
}

#[test]
fn the_tick_has_the_keys_looked_after_once_there_is_a_client() {
    let ports = configured();
    assert!(!block_on(signing::is_due(&ports)).unwrap());
    let app = App::new();
    assert!(!block_on(signing::is_due(app.ports())).unwrap());
    app.pass(Duration::from_hours(24));
    assert!(block_on(signing::is_due(app.ports())).unwrap());
    attend(app.ports());
    assert!(!block_on(signing::is_due(app.ports())).unwrap());
}

#[test]
fn without_a_key_the_empty_set_is_kept_by_nobody() {
    let ports = configured();
    let asked = request(Method::GET, "", "/oidc/jwks", &Value::Null);
    let response = block_on(oidc::handle(&ports, asked));
    assert_eq!(response.body().as_ref(), b"{\"keys\":[]}");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
}

#[test]
fn discovery_says_what_there_is_at_both_addresses() {
    let app = App::new();
    let get = |path: &str| app.send(request(Method::GET, "", path, &Value::Null));
    let response = get("/.well-known/openid-configuration");
    assert_eq!(
        response.headers()[header::CACHE_CONTROL],
        "public, max-age=3600"
    );
    let document: Value = serde_json::from_slice(response.body()).unwrap();
    let other = get("/.well-known/oauth-authorization-server");
    assert_eq!(other.body(), response.body());
    assert_eq!(document["issuer"], ISSUER);
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "end_session_endpoint",
    ] {
        let address = document[name].as_str().unwrap();
        assert!(
            address.starts_with("https://sync.example/oidc/"),
            "{name} {address}"
        );
    }
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(
        document["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(
        document["id_token_signing_alg_values_supported"],
        json!(["RS256"])
    );
    assert_eq!(
        document["authorization_response_iss_parameter_supported"],
        true
    );
    assert_eq!(document["backchannel_logout_session_supported"], true);
    assert!(!document.to_string().contains(RETURN) && !document.to_string().contains(BACKCHANNEL));
    let head = app.send(request(
        Method::HEAD,
        "",
        "/.well-known/openid-configuration",
        &Value::Null,
    ));
    assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0));
}
