//! Id tokens of people who sign in, and tokens that somebody forged for it.

use super::id_tokens::{CLIENT_ID, NOW, claims, good_header, key, keys, token};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connectors::google::id_token::{Expected, IdTokenError, SignedIn, verify, verify_sign_in};
use connectors::google::oauth::{ConsentError, OperatorFault, TokenError};
use connectors::signin::{Kind, Remedy};
use hmac::{Hmac, Mac};
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use sha2::Sha256;

fn expected() -> Expected<'static> {
    Expected {
        client_id: CLIENT_ID,
        nonce: "n-1",
        now: jiff::Timestamp::from_second(NOW).unwrap(),
    }
}

fn sign_in(token: &str) -> Result<SignedIn, IdTokenError> {
    verify_sign_in(token, &keys(), &expected())
}

fn sign_in_with(change: impl FnOnce(&mut Value)) -> Result<SignedIn, IdTokenError> {
    let mut claims = claims();
    change(&mut claims);
    sign_in(&token(&good_header(), &claims, 1))
}

fn remove(claims: &mut Value, name: &str) {
    claims.as_object_mut().unwrap().remove(name);
}

#[test]
fn an_institutional_account_brings_its_domain_and_its_names() {
    let signed_in = sign_in_with(|claims| {
        claims["hd"] = json!("MapleGrove.example");
        claims["given_name"] = json!(" Dana ");
        claims["family_name"] = json!("Okafor");
    });
    let identity = signed_in.unwrap().identity();
    assert_eq!(identity.user_id.as_str(), "104857612345678901234");
    assert_eq!(identity.district.as_deref(), Some("maplegrove.example"));
    let email = identity.email.unwrap();
    assert_eq!(email.as_str(), "it@staff.maplegrove.example");
    assert!(identity.email_is_verified);
    assert_eq!(identity.kind, Kind::Unknown);
    assert_eq!((identity.username, identity.sourced_id), (None, None));
    assert_eq!(identity.given_name, "Dana");
    assert_eq!(identity.family_name, "Okafor");
}

#[test]
fn a_personal_account_has_no_domain_whatever_its_address() {
    let signed_in = sign_in_with(|claims| {
        remove(claims, "hd");
        claims["email"] = json!("it@maplegrove.example");
    });
    let identity = signed_in.unwrap().identity();
    assert_eq!(identity.district, None);
    assert!(identity.email_is_verified);
    let empty = sign_in_with(|claims| claims["hd"] = json!(" "));
    assert_eq!(empty.unwrap().hosted_domain, None);
}

#[test]
fn an_address_that_is_unverified_missing_or_none_proves_nothing() {
    let unverified = sign_in_with(|claims| claims["email_verified"] = json!(false)).unwrap();
    assert!(unverified.email.is_some() && !unverified.email_verified);
    let unsaid = sign_in_with(|claims| remove(claims, "email_verified")).unwrap();
    assert!(!unsaid.email_verified);
    for email in [json!(null), json!("nobody"), json!("")] {
        let signed_in = sign_in_with(|claims| claims["email"] = email).unwrap();
        assert_eq!((signed_in.email, signed_in.email_verified), (None, false));
    }
    let texts = sign_in_with(|claims| claims["email_verified"] = json!("true"));
    assert_eq!(texts, Err(IdTokenError::Malformed));
}

#[test]
fn each_claim_of_a_sign_in_is_checked() {
    type Change = fn(&mut Value);
    let cases: [(Change, IdTokenError); 15] = [
        (
            |c| c["iss"] = json!("https://accounts.google.com.evil.example"),
            IdTokenError::Issuer,
        ),
        (|c| c["aud"] = json!("other"), IdTokenError::Audience),
        (|c| c["aud"] = json!([CLIENT_ID]), IdTokenError::Malformed),
        (|c| c["azp"] = json!("other"), IdTokenError::Audience),
        (|c| c["exp"] = json!(NOW - 60), IdTokenError::Expired),
        (|c| c["exp"] = json!(i64::MIN), IdTokenError::Expired),
        (|c| c["iat"] = json!(NOW + 61), IdTokenError::Future),
        (|c| c["nonce"] = json!("n-2"), IdTokenError::Nonce),
        (|c| remove(c, "nonce"), IdTokenError::Nonce),
        (|c| remove(c, "exp"), IdTokenError::Malformed),
        (|c| remove(c, "sub"), IdTokenError::Malformed),
        (|c| c["sub"] = json!(""), IdTokenError::Malformed),
        (|c| c["sub"] = json!(104), IdTokenError::Malformed),
        (
            |c| c["sub"] = json!("x".repeat(257)),
            IdTokenError::Malformed,
        ),
        (|c| *c = json!("x"), IdTokenError::Malformed),
    ];
    for (index, (change, error)) in cases.into_iter().enumerate() {
        assert_eq!(sign_in_with(change), Err(error), "case {index}");
    }
}

/// A token signed with a secret that everybody knows: the public key, as it may be written.
fn forged(secret: &[u8]) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "HS256", "kid": "k1", "typ": "JWT" });
    let signed = format!("{}.{}", encode(&header), encode(&claims()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(signed.as_bytes());
    let signature = mac.finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let public = key(1).to_public_key();
    let pem = public.to_public_key_pem(LineEnding::LF).unwrap();
    let der = public.to_public_key_der().unwrap();
    let modulus = public.n().to_bytes_be();
    let written = URL_SAFE_NO_PAD.encode(&modulus);
    for secret in [pem.as_bytes(), der.as_bytes(), &modulus, written.as_bytes()] {
        let token = forged(secret);
        assert_eq!(sign_in(&token), Err(IdTokenError::Algorithm));
        assert_eq!(
            verify(&token, &keys(), &expected()),
            Err(IdTokenError::Algorithm)
        );
    }
}

#[test]
fn a_token_without_a_signature_is_not_believed_however_it_says_so() {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": algorithm, "kid": "k1" });
        let token = format!("{}.{}.", encode(&header), encode(&claims()));
        assert_eq!(sign_in(&token), Err(IdTokenError::Algorithm), "{algorithm}");
    }
    let token = format!("{}.{}.", encode(&good_header()), encode(&claims()));
    assert_eq!(sign_in(&token), Err(IdTokenError::Signature));
    let no_algorithm = format!("{}.{}.", encode(&json!({ "kid": "k1" })), encode(&claims()));
    assert_eq!(sign_in(&no_algorithm), Err(IdTokenError::Malformed));
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let public = key(2).to_public_key();
    let jwk = json!({ "kty": "RSA", "kid": "k1",
        "n": URL_SAFE_NO_PAD.encode(public.n().to_bytes_be()),
        "e": URL_SAFE_NO_PAD.encode(public.e().to_bytes_be()) });
    for header in [
        json!({ "alg": "RS256", "kid": "k1", "jwk": jwk }),
        json!({ "alg": "RS256", "kid": "k1", "jku": "https://evil.example/keys" }),
        json!({ "alg": "RS256", "kid": "k1", "x5u": "https://evil.example/cert" }),
    ] {
        let token = token(&header, &claims(), 2);
        assert_eq!(sign_in(&token), Err(IdTokenError::Signature), "{header}");
    }
    let unnamed = json!({ "alg": "RS256", "jwk": jwk });
    let token = token(&unnamed, &claims(), 2);
    assert_eq!(sign_in(&token), Err(IdTokenError::UnknownKey));
}

#[test]
fn every_error_says_who_can_do_something() {
    assert_eq!(
        IdTokenError::UnknownKey.remedy(),
        Remedy::Retry { after: None }
    );
    assert_eq!(IdTokenError::Nonce.remedy(), Remedy::StartAgain);
    assert_eq!(IdTokenError::Future.remedy(), Remedy::Operator);
    let fault = OperatorFault::InvalidClient;
    assert_eq!(TokenError::Operator { fault }.remedy(), Remedy::Operator);
    assert_eq!(TokenError::PolicyEnforced.remedy(), Remedy::District);
    assert_eq!(TokenError::Restart.remedy(), Remedy::StartAgain);
    let trouble = TokenError::Transient { retry_after: None };
    assert_eq!(trouble.remedy(), Remedy::Retry { after: None });
    assert!(ConsentError::OrgInternal.is_for_operator());
}
