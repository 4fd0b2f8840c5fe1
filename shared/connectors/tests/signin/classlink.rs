//! Signing in at ClassLink.

use super::{JSON, client, form, json, raw};
use connectors::base_url::BaseUrl;
use connectors::classlink::{
    ClasslinkIdentity, INFO_URL, LAUNCHPAD_URL, authorization_url, code_request, info_request,
    parse_info, parse_token,
};
use connectors::signin::{ANSWER_BYTES_MAX, Kind, Remedy, SignInError};
use serde_json::{Value, json};

pub(super) fn info_answer() -> Value {
    json!({
        "UserId": 1_203_344, "TenantId": 9_021, "StateId": 35, "StateName": "New Jersey",
        "BuildingId": 44, "DisplayName": "Dana Okafor", "FirstName": "Dana", "LastName": "Okafor",
        "Email": "Dana.Okafor@maplegrove.example", "LoginId": "DOkafor", "Profile": "Teachers",
        "Role": "Teacher", "Role_Level": 3, "OrgId": "HS-01", "SourcedId": "7_20417",
        "or_email": ""
    })
}

fn info(change: impl FnOnce(&mut Value)) -> Result<ClasslinkIdentity, SignInError> {
    let mut body = info_answer();
    change(&mut body);
    parse_info(&json(200, &body))
}

#[test]
fn the_browser_is_sent_with_what_classlink_documents() {
    let url = BaseUrl::parse(LAUNCHPAD_URL).unwrap();
    let address = authorization_url(&url, &client(), "s 1&");
    insta::assert_snapshot!(address.replace('&', "\n&"), @r"
    https://launchpad.classlink.com/oauth2/v2/auth?response_type=code
    &client_id=client%261
    &redirect_uri=https%3A%2F%2Fapp.example%2Flogin%2Fcallback
    &scope=profile%20email
    &state=s%201%26
    ");
}

#[test]
fn a_code_is_exchanged_with_the_secret_in_the_form() {
    let url = BaseUrl::parse(LAUNCHPAD_URL).unwrap();
    let request = code_request(&url, &client(), "c1a2").unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "https://launchpad.classlink.com/oauth2/v2/token"
    );
    assert!(request.headers().get("authorization").is_none());
    insta::assert_snapshot!(form(&request), @r"
    grant_type=authorization_code
    &client_id=client%261
    &client_secret=s%26cret%3A%C3%A9
    &code=c1a2
    ");
}

#[test]
fn the_token_asks_whose_it_is() {
    let answer =
        json!({ "access_token": "c1demo", "token_type": "Bearer", "response_type": "code" });
    let token = parse_token(&json(200, &answer)).unwrap();
    let url = BaseUrl::parse(INFO_URL).unwrap();
    let request = info_request(&url, &token).unwrap();
    assert_eq!(request.uri(), "https://nodeapi.classlink.com/v2/my/info");
    assert_eq!(request.headers()["authorization"], "Bearer c1demo");
}

#[test]
fn a_teacher_is_read_with_the_id_of_the_roster() {
    let identity = info(|_| {}).unwrap().identity();
    assert_eq!(identity.user_id.as_str(), "1203344");
    assert_eq!(identity.district.as_deref(), Some("9021"));
    assert_eq!(identity.sourced_id.unwrap().as_str(), "7_20417");
    assert_eq!(identity.kind, Kind::Adult);
    let email = identity.email.unwrap();
    assert_eq!(email.as_str(), "dana.okafor@maplegrove.example");
    assert!(!identity.email_is_verified);
    assert_eq!(identity.username.as_deref(), Some("dokafor"));
    assert_eq!(
        (identity.given_name, identity.family_name),
        ("Dana".to_owned(), "Okafor".to_owned())
    );
}

#[test]
fn ids_may_be_texts_or_numbers_and_name_the_same_person() {
    let numbers = info(|_| {}).unwrap();
    let texts = info(|body| {
        body["UserId"] = json!("1203344");
        body["TenantId"] = json!("9021");
    });
    assert_eq!(texts.unwrap(), numbers);
    let numbered = info(|body| body["SourcedId"] = json!(720_417)).unwrap();
    assert_eq!(numbered.sourced_id.unwrap().as_str(), "720417");
}

#[test]
fn a_list_of_schools_and_a_text_are_the_same_to_us() {
    let one = info(|_| {}).unwrap();
    for schools in [
        json!(["HS-01", "MS-02"]),
        json!([]),
        json!(7),
        json!(null),
        json!({}),
    ] {
        assert_eq!(info(|body| body["OrgId"] = schools).unwrap(), one);
    }
}

#[test]
fn what_is_empty_is_not_there() {
    let names = ["SourcedId", "Email", "LoginId", "FirstName", "LastName"];
    for value in [Some(json!("")), Some(json!("  ")), Some(json!(null)), None] {
        let signed_in = info(|body| {
            let fields = body.as_object_mut().unwrap();
            fields.retain(|name, _| !names.contains(&name.as_str()));
            let given = names.into_iter().zip(std::iter::repeat(value));
            fields.extend(given.filter_map(|(name, value)| Some((name.to_owned(), value?))));
        });
        let signed_in = signed_in.unwrap();
        assert_eq!(signed_in.sourced_id, None);
        assert_eq!(signed_in.email, None);
        assert_eq!(signed_in.login_id, None);
        assert_eq!(
            (signed_in.given_name, signed_in.family_name),
            (String::new(), String::new())
        );
    }
}

#[test]
fn the_kind_of_person_is_never_guessed() {
    for (role, level, kind) in [
        (json!("Student"), json!(4), Kind::Student),
        (json!("student "), json!(null), Kind::Student),
        (json!("Teacher"), json!(3), Kind::Adult),
        (json!("Parent"), json!(5), Kind::Adult),
        (json!("Tenant Administrator"), json!(1), Kind::Adult),
        (json!("Pupils"), json!("4"), Kind::Student),
        (json!("Coaches"), json!(3), Kind::Adult),
        // Contradictions and things that are not known say nothing.
        (json!("Student"), json!(3), Kind::Unknown),
        (json!("Teacher"), json!(4), Kind::Unknown),
        (json!("Student Teacher"), json!(9), Kind::Unknown),
        (json!(""), json!(null), Kind::Unknown),
        (json!(["Teacher"]), json!(-3), Kind::Unknown),
    ] {
        let signed_in = info(|body| {
            body["Role"] = role.clone();
            body["Role_Level"] = level.clone();
        });
        assert_eq!(signed_in.unwrap().kind, kind, "{role} {level}");
    }
}

#[test]
fn an_id_that_can_not_be_read_is_no_id() {
    for name in ["UserId", "TenantId", "SourcedId"] {
        for value in [
            json!(1.5),
            json!(-7),
            json!(1e30),
            json!(true),
            json!(["7"]),
            json!({ "id": 7 }),
            json!("a\nb"),
            json!("x".repeat(257)),
        ] {
            let signed_in = info(|body| body[name] = value.clone());
            assert_eq!(
                signed_in,
                Err(SignInError::Malformed),
                "{name}: {value:.40}"
            );
        }
    }
    for name in ["UserId", "TenantId"] {
        for value in [json!(null), json!("")] {
            let signed_in = info(|body| body[name] = value);
            assert_eq!(signed_in, Err(SignInError::Malformed), "{name}");
        }
    }
}

#[test]
fn an_answer_that_is_none_signs_nobody_in() {
    let long = "x".repeat(ANSWER_BYTES_MAX + 1);
    for answer in [
        raw(200, "text/html", "<html>Sign in to ClassLink</html>"),
        raw(200, JSON, ""),
        raw(200, JSON, "{\"UserId\":12"),
        raw(200, JSON, "[9021,1203344]"),
        raw(200, JSON, &long),
        json(200, &json!({ "message": "Unauthorized" })),
    ] {
        let error = parse_info(&answer).unwrap_err();
        assert_eq!(error, SignInError::Malformed, "{:.60?}", answer.body());
        assert_eq!(error.remedy(), Remedy::StartAgain);
    }
}

#[test]
fn a_refusal_says_who_can_do_something() {
    let transient = SignInError::Transient { retry_after: None };
    for (status, error) in [
        (401, SignInError::Token),
        (403, SignInError::NotShared),
        (404, SignInError::Refused { status: 404 }),
        (302, SignInError::Refused { status: 302 }),
        (429, transient),
        (503, transient),
    ] {
        let answer = json(status, &json!({ "message": "no" }));
        assert_eq!(parse_info(&answer), Err(error));
    }
}
