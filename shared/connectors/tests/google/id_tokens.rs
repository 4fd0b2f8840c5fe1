//! Id tokens, real and forged. The two private keys beside this file sign nothing else.

use super::district::raw;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use connectors::google::id_token::{
    Expected, ID_TOKEN_BYTES_MAX, IdTokenError, KeyError, KeySet, VerifiedIdentity, parse_keys,
    verify,
};
use http::Response;
use proptest::prelude::*;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

pub(super) const CLIENT_ID: &str = "rollcall.apps.googleusercontent.com";
pub(super) const NOW: i64 = 1_788_230_000;

pub(super) fn key(number: usize) -> RsaPrivateKey {
    let pems = [include_str!("keys/1.pem"), include_str!("keys/2.pem")];
    RsaPrivateKey::from_pkcs8_pem(pems[number - 1]).unwrap()
}

pub(super) fn key_set_answer(kids: &[(&str, usize)]) -> Response<Bytes> {
    let keys: Vec<Value> = kids
        .iter()
        .map(|(kid, number)| {
            let public = key(*number).to_public_key();
            json!({ "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig",
                "n": URL_SAFE_NO_PAD.encode(public.n().to_bytes_be()),
                "e": URL_SAFE_NO_PAD.encode(public.e().to_bytes_be()) })
        })
        .collect();
    let mut answer = raw(
        200,
        "application/json",
        &json!({ "keys": keys }).to_string(),
    );
    let cache = "public, max-age=19845, must-revalidate".parse().unwrap();
    answer.headers_mut().insert("cache-control", cache);
    answer
}

pub(super) fn keys() -> KeySet {
    parse_keys(&key_set_answer(&[("k1", 1)])).unwrap().0
}

pub(super) fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": CLIENT_ID, "azp": CLIENT_ID,
        "sub": "104857612345678901234", "email": "IT@Staff.MapleGrove.example",
        "email_verified": true, "hd": "maplegrove.example", "nonce": "n-1",
        "iat": NOW - 5, "exp": NOW + 3_595, "at_hash": "x",
    })
}

pub(super) fn token(header: &Value, claims: &Value, number: usize) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let digest = Sha256::digest(signed.as_bytes());
    let signature = key(number)
        .sign(Pkcs1v15Sign::new::<Sha256>(), &digest)
        .unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(super) fn good_header() -> Value {
    json!({ "alg": "RS256", "kid": "k1", "typ": "JWT" })
}

fn check(token: &str) -> Result<VerifiedIdentity, IdTokenError> {
    let expected = Expected {
        client_id: CLIENT_ID,
        nonce: "n-1",
        now: jiff::Timestamp::from_second(NOW).unwrap(),
    };
    verify(token, &keys(), &expected)
}

fn check_with(change: impl FnOnce(&mut Value)) -> Result<VerifiedIdentity, IdTokenError> {
    let mut claims = claims();
    change(&mut claims);
    check(&token(&good_header(), &claims, 1))
}

#[test]
fn a_token_of_google_says_who_consented() {
    let identity = check_with(|_| {}).unwrap();
    assert_eq!(identity.sub.as_str(), "104857612345678901234");
    assert_eq!(identity.email.as_str(), "it@staff.maplegrove.example");
    assert!(identity.belongs_to("MapleGrove.example"));
    assert!(identity.belongs_to("staff.maplegrove.example"));
    assert!(!identity.belongs_to("example"));
    assert!(check_with(|claims| claims["iss"] = json!("accounts.google.com")).is_ok());
    assert!(
        check_with(|claims| {
            claims.as_object_mut().unwrap().remove("azp");
        })
        .is_ok()
    );
}

#[test]
fn a_personal_account_belongs_to_no_domain_whatever_its_address() {
    let identity = check_with(|claims| {
        claims.as_object_mut().unwrap().remove("hd");
        claims["email"] = json!("it@maplegrove.example");
    })
    .unwrap();
    assert!(!identity.belongs_to("maplegrove.example"));
}

#[test]
fn each_claim_is_checked() {
    type Change = fn(&mut Value);
    let cases: [(Change, IdTokenError); 13] = [
        (
            |c| c["iss"] = json!("https://evil.example"),
            IdTokenError::Issuer,
        ),
        (|c| c["aud"] = json!("other"), IdTokenError::Audience),
        (|c| c["aud"] = json!([CLIENT_ID]), IdTokenError::Malformed),
        (|c| c["azp"] = json!("other"), IdTokenError::Audience),
        (|c| c["exp"] = json!(NOW - 60), IdTokenError::Expired),
        (|c| c["iat"] = json!(NOW + 61), IdTokenError::Future),
        (|c| c["nonce"] = json!("n-2"), IdTokenError::Nonce),
        (|c| c["nonce"] = json!(null), IdTokenError::Nonce),
        (
            |c| c["email_verified"] = json!(false),
            IdTokenError::EmailUnverified,
        ),
        (|c| c["email"] = json!(null), IdTokenError::Malformed),
        (|c| c["sub"] = json!(""), IdTokenError::Malformed),
        (|c| c["exp"] = json!("soon"), IdTokenError::Malformed),
        (|c| *c = json!("x"), IdTokenError::Malformed),
    ];
    for (index, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(check_with(change), Err(expected), "case {index}");
    }
}

#[test]
fn clocks_may_differ_by_a_minute() {
    assert!(check_with(|claims| claims["exp"] = json!(NOW - 59)).is_ok());
    assert!(check_with(|claims| claims["iat"] = json!(NOW + 60)).is_ok());
}

#[test]
fn only_rs256_with_a_known_key_is_believed() {
    let with = |header: Value, number| check(&token(&header, &claims(), number));
    let algorithm = Err(IdTokenError::Algorithm);
    for alg in ["none", "HS256", "RS512", "rs256", ""] {
        assert_eq!(
            with(json!({ "alg": alg, "kid": "k1" }), 1),
            algorithm,
            "{alg}"
        );
    }
    let unknown = Err(IdTokenError::UnknownKey);
    assert_eq!(with(json!({ "alg": "RS256", "kid": "k2" }), 2), unknown);
    assert_eq!(with(json!({ "alg": "RS256" }), 1), unknown);
    assert_eq!(with(good_header(), 2), Err(IdTokenError::Signature));
    let critical = json!({ "alg": "RS256", "kid": "k1", "crit": ["exp"] });
    assert_eq!(with(critical, 1), Err(IdTokenError::Malformed));
}

#[test]
fn a_changed_token_is_not_believed() {
    let real = token(&good_header(), &claims(), 1);
    let parts: Vec<&str> = real.split('.').collect();
    let mut other = claims();
    other["sub"] = json!("1");
    let payload = URL_SAFE_NO_PAD.encode(other.to_string());
    let swapped = format!("{}.{payload}.{}", parts[0], parts[2]);
    assert_eq!(check(&swapped), Err(IdTokenError::Signature));
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    assert_eq!(check(&unsigned), Err(IdTokenError::Signature));
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "é.é.é",
        &"x".repeat(ID_TOKEN_BYTES_MAX + 1),
    ] {
        assert_eq!(check(text), Err(IdTokenError::Malformed), "{text:.20}");
    }
}

#[test]
fn keys_are_kept_as_long_as_google_says_and_survive_storing() {
    let (keys, keep) = parse_keys(&key_set_answer(&[("k1", 1), ("k2", 2)])).unwrap();
    assert_eq!(keep, Duration::from_secs(19_845));
    let stored = serde_json::to_string(&keys).unwrap();
    assert_eq!(serde_json::from_str::<KeySet>(&stored).unwrap(), keys);
}

#[test]
fn a_set_without_a_usable_key_is_none() {
    let small = URL_SAFE_NO_PAD.encode([0xff_u8; 128]);
    let answers = [
        json!({}),
        json!({ "keys": [] }),
        json!({ "keys": [{ "kty": "EC", "kid": "k1", "crv": "P-256" }] }),
        json!({ "keys": [{ "kty": "RSA", "kid": "k1", "n": small, "e": "AQAB" }] }),
        json!({ "keys": [{ "kty": "RSA", "kid": "k1", "n": "!", "e": "AQAB" }] }),
    ];
    for body in answers {
        let answer = raw(200, "application/json", &body.to_string());
        assert_eq!(parse_keys(&answer), Err(KeyError::Malformed), "{body}");
    }
    let html = raw(200, "text/html", "<html></html>");
    assert_eq!(parse_keys(&html), Err(KeyError::Malformed));
    let trouble = raw(503, "text/html", "");
    assert_eq!(parse_keys(&trouble), Err(KeyError::Status { status: 503 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn garbage_is_never_believed_and_never_panics(text in "[A-Za-z0-9_.=-]{0,200}") {
        prop_assert!(check(&text).is_err());
    }
}
