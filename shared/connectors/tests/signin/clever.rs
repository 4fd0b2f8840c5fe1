//! Signing in at Clever.

use super::{JSON, client, form, json, raw};
use bytes::Bytes;
use connectors::base_url::BaseUrl;
use connectors::clever::signin::{
    Authorization, CleverIdentity, Me, authorization_url, code_request, me_request, parse_me,
    parse_token, parse_user, user_request,
};
use connectors::clever::tokens::OAUTH_URL;
use connectors::clever::{Api, UserRole, Version};
use connectors::signin::{ANSWER_BYTES_MAX, Kind, Remedy, SignInError};
use http::Response;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const USER: &str = "5f3a9c0e1d2b4c0011aa0002";
const DISTRICT: &str = "5f3a9c0e1d2b4c0011aa00d1";

pub(super) fn me() -> Me {
    parse_me(&json(200, &me_answer())).unwrap()
}

pub(super) fn me_answer() -> Value {
    json!({ "type": "user",
        "data": { "id": USER, "district": DISTRICT, "type": "user", "authorized_by": "district" },
        "links": [{ "rel": "self", "uri": "/me" }] })
}

pub(super) fn user_answer() -> Value {
    json!({ "data": { "id": USER, "district": DISTRICT,
        "email": "Leo.Marsh@maplegrove.example",
        "name": { "first": "Leo", "middle": "J", "last": "Marsh" },
        "roles": { "student": { "sis_id": "778120", "school": "5f3a9c0e1d2b4c0011aa0c01",
            "schools": ["5f3a9c0e1d2b4c0011aa0c01"], "grade": "9",
            "credentials": { "district_username": "LeoMarsh30" } } } },
        "links": [{ "rel": "self", "uri": "/v3.0/users/5f3a9c0e1d2b4c0011aa0002" }] })
}

fn user(change: impl FnOnce(&mut Value)) -> Result<CleverIdentity, SignInError> {
    let mut body = user_answer();
    change(&mut body["data"]);
    parse_user(&json(200, &body), &me(), &BTreeSet::new())
}

#[test]
fn the_browser_is_sent_with_everything_that_clever_knows() {
    let url = BaseUrl::parse(OAUTH_URL).unwrap();
    let client = client();
    let mut ask = Authorization {
        client: &client,
        state: "s 1&",
        district: Some(DISTRICT),
    };
    let address = authorization_url(&url, &ask);
    insta::assert_snapshot!(address.replace('&', "\n&"), @r"
    https://clever.com/oauth/authorize?response_type=code
    &client_id=client%261
    &redirect_uri=https%3A%2F%2Fapp.example%2Flogin%2Fcallback
    &state=s%201%26
    &district_id=5f3a9c0e1d2b4c0011aa00d1
    ");
    ask.district = None;
    assert!(!authorization_url(&url, &ask).contains("district_id"));
}

#[test]
fn a_code_is_exchanged_with_the_secret_in_the_header() {
    let url = BaseUrl::parse("http://127.0.0.1:4000").unwrap();
    let request = code_request(&url, &client(), "9f3c").unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "http://127.0.0.1:4000/oauth/tokens");
    assert_eq!(
        request.headers()["authorization"],
        "Basic Y2xpZW50JjE6cyZjcmV0OsOp"
    );
    insta::assert_snapshot!(form(&request), @r"
    grant_type=authorization_code
    &code=9f3c
    &redirect_uri=https%3A%2F%2Fapp.example%2Flogin%2Fcallback
    ");
}

#[test]
fn whose_token_it_is_leads_to_the_person() {
    let answer = json!({ "access_token": "ilX", "token_type": "bearer" });
    let token = parse_token(&json(200, &answer)).unwrap();
    let api = Api::real(Version::V3_0);
    let request = me_request(&api, &token).unwrap();
    assert_eq!(request.uri(), "https://api.clever.com/v3.0/me");
    assert_eq!(request.headers()["authorization"], "Bearer ilX");
    let me = me();
    let request = user_request(&api, &me, &token).unwrap();
    assert_eq!(request.uri().path(), format!("/v3.0/users/{USER}"));
    assert_eq!(me.district.as_str(), DISTRICT);
}

#[test]
fn a_student_is_read_with_the_name_to_sign_in_with() {
    let signed_in = user(|_| {}).unwrap();
    assert_eq!(signed_in.roles, BTreeSet::from([UserRole::Student]));
    let identity = signed_in.identity();
    assert_eq!(identity.user_id.as_str(), USER);
    assert_eq!(identity.district.as_deref(), Some(DISTRICT));
    assert_eq!(identity.kind, Kind::Student);
    assert_eq!(identity.username.as_deref(), Some("leomarsh30"));
    let email = identity.email.unwrap();
    assert_eq!(email.as_str(), "leo.marsh@maplegrove.example");
    assert!(!identity.email_is_verified);
    assert_eq!(identity.sourced_id, None);
    assert_eq!(
        (identity.given_name, identity.family_name),
        ("Leo".to_owned(), "Marsh".to_owned())
    );
}

#[test]
fn an_address_counts_only_in_a_domain_that_is_the_districts() {
    let answer = json(200, &user_answer());
    for (domain, is_verified) in [
        ("maplegrove.example", true),
        ("example", false),
        ("riverbend.example", false),
    ] {
        let domains = BTreeSet::from([domain.to_owned()]);
        let signed_in = parse_user(&answer, &me(), &domains).unwrap();
        assert_eq!(signed_in.email_is_verified, is_verified, "{domain}");
    }
}

#[test]
fn c3_somebody_without_a_usable_address_is_somebody() {
    for email in [json!(null), json!(""), json!("leo"), json!("a@b@c")] {
        let signed_in = user(|data| data["email"] = email.clone()).unwrap();
        assert_eq!(signed_in.email, None, "{email}");
        assert!(!signed_in.email_is_verified);
    }
}

#[test]
fn the_kind_of_person_follows_from_all_roles() {
    for (roles, kind, count) in [
        (json!({ "student": {} }), Kind::Student, 1),
        (json!({ "teacher": {}, "staff": null }), Kind::Adult, 1),
        (
            json!({ "teacher": {}, "staff": {}, "district_admin": {} }),
            Kind::Adult,
            3,
        ),
        (json!({ "contact": { "phone": "x" } }), Kind::Adult, 1),
        (json!({ "student": {}, "teacher": {} }), Kind::Unknown, 2),
        (json!({ "principal": {} }), Kind::Unknown, 0),
        (json!({}), Kind::Unknown, 0),
        (json!(null), Kind::Unknown, 0),
    ] {
        let signed_in = user(|data| data["roles"] = roles.clone()).unwrap();
        assert_eq!(signed_in.roles.len(), count, "{roles}");
        assert_eq!(signed_in.identity().kind, kind, "{roles}");
    }
}

#[test]
fn c12_a_contact_has_the_whole_name_in_one_part() {
    let signed_in = user(|data| {
        data["name"] = json!({ "first": null, "middle": null, "last": "Jo Marsh" });
        data["roles"] = json!({ "contact": {} });
    });
    let signed_in = signed_in.unwrap();
    assert_eq!(signed_in.given_name, "");
    assert_eq!(signed_in.family_name, "Jo Marsh");
    assert_eq!(signed_in.username, None);
}

#[test]
fn an_answer_about_somebody_else_is_none() {
    type Change = fn(&mut Value);
    let cases: [Change; 8] = [
        |data| data["id"] = json!("5f3a9c0e1d2b4c0011aa0003"),
        |data| data["id"] = json!(null),
        |data| data["id"] = json!(5),
        |data| data["district"] = json!("5f3a9c0e1d2b4c0011aa00d2"),
        |data| drop(data.as_object_mut().unwrap().remove("district")),
        |data| data["district"] = json!([DISTRICT]),
        |data| data["roles"] = json!(["student"]),
        |data| *data = json!([data.clone()]),
    ];
    for (index, change) in cases.into_iter().enumerate() {
        assert_eq!(user(change), Err(SignInError::Malformed), "case {index}");
    }
}

#[test]
fn an_answer_that_does_not_say_whose_token_it_is_is_none() {
    let long = "x".repeat(ANSWER_BYTES_MAX + 1);
    let answers = [
        raw(200, "text/html", "<html></html>"),
        raw(200, JSON, ""),
        raw(200, JSON, "{\"data\":{\"id\":\"5f"),
        raw(200, JSON, "[]"),
        raw(200, JSON, &long),
        json(200, &json!({ "data": {} })),
        json(200, &json!({ "data": [USER, DISTRICT] })),
        json(200, &json!({ "data": { "id": USER } })),
        json(200, &json!({ "data": { "id": USER, "district": null } })),
        json(200, &json!({ "data": { "id": "", "district": DISTRICT } })),
        json(
            200,
            &json!({ "data": { "id": "a\nb", "district": DISTRICT } }),
        ),
        json(200, &json!({ "data": { "id": 5, "district": DISTRICT } })),
    ];
    for answer in answers {
        assert_eq!(
            parse_me(&answer),
            Err(SignInError::Malformed),
            "{:.60?}",
            answer.body()
        );
    }
}

#[test]
fn a_refusal_says_who_can_do_something() {
    let scopes = json!({ "message": "Resource not in token's scopes" });
    let cases: [(Response<Bytes>, SignInError, Remedy); 8] = [
        (
            json(401, &json!({ "message": "Unauthorized" })),
            SignInError::Token,
            Remedy::StartAgain,
        ),
        (
            raw(401, "text/html", "<html>"),
            SignInError::Token,
            Remedy::StartAgain,
        ),
        (json(401, &scopes), SignInError::NotShared, Remedy::District),
        (json(403, &scopes), SignInError::NotShared, Remedy::District),
        (
            json(404, &json!({ "message": "Resource not found" })),
            SignInError::NotShared,
            Remedy::District,
        ),
        (
            raw(404, "text/html", "<html>"),
            SignInError::Refused { status: 404 },
            Remedy::Operator,
        ),
        (
            raw(302, "text/html", ""),
            SignInError::Refused { status: 302 },
            Remedy::Operator,
        ),
        (
            raw(429, JSON, ""),
            SignInError::Transient { retry_after: None },
            Remedy::Retry { after: None },
        ),
    ];
    for (answer, error, remedy) in cases {
        assert_eq!(parse_me(&answer), Err(error));
        let user = parse_user(&answer, &me(), &BTreeSet::new());
        assert_eq!(user, Err(error));
        assert_eq!(error.remedy(), remedy);
    }
}
