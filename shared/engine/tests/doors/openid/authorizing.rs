//! Authorization requests: what is answered, what is refused, and where to.

use super::fixture::{
    App, CHALLENGE, RETURN, browser, encode, location, returned, settings_with, text,
};
use engine::memory::block_on;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn who_is_signed_in_is_sent_back_with_a_code_at_once() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let response = app.authorize(Some(&cookie), &json!({}));
    let answer = returned(&response);
    assert_eq!(answer["state"], "s1");
    assert!(answer["code"].starts_with("rc-code_"));
    assert_eq!(answer.len(), 3, "{answer:?}");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
}

#[test]
fn a_return_address_with_a_query_keeps_it() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let other = "https://app.example/other?a=b";
    let response = app.authorize(Some(&cookie), &json!({"redirect_uri": other}));
    assert!(location(&response).starts_with("https://app.example/other?a=b&code="));
}

#[test]
fn whoever_is_not_signed_in_signs_in_first() {
    let app = App::new();
    let location = location(&app.authorize(None, &json!({})));
    assert!(
        location.starts_with("/login/maple?request=rc-request_"),
        "{location}"
    );
}

#[test]
fn nothing_is_sent_to_an_address_that_is_not_registered_byte_for_byte() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    for address in [
        "https://app.example/callback/",
        "https://app.example/Callback",
        "https://APP.example/callback",
        "https://app.example/callback?x=y",
        "https://app.example:443/callback",
        "https://app.example/callback#",
        "https://app.example/callback/../evil",
        "https://app.example.evil.example/callback",
        "https://evil.example/",
        "http://app.example/callback",
        "//app.example/callback",
        "javascript:alert(1)",
        "",
    ] {
        for refused_as_well in [
            json!({}),
            json!({"response_type": "token"}),
            json!({"request": "x"}),
        ] {
            let mut with = refused_as_well;
            with["redirect_uri"] = json!(address);
            let response = app.authorize(Some(&cookie), &with);
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{address}");
            assert!(!response.headers().contains_key(header::LOCATION));
            assert!(address.is_empty() || !text(&response).contains(address));
        }
    }
    let response = app.authorize(Some(&cookie), &json!({"redirect_uri": null}));
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn an_unknown_or_removed_client_is_told_to_nobody_but_the_person() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    for id in ["", "app-nobody", "APP", "../x", &"a".repeat(5_000)] {
        let response = app.authorize(Some(&cookie), &json!({"client_id": id}));
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{id}");
        assert!(text(&response).contains("not registered"));
    }
    let path = format!("/api/v1/clients/{}", app.id);
    app.operator(Method::DELETE, &path, &Value::Null);
    let response = app.authorize(Some(&cookie), &json!({}));
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn another_clients_return_address_is_not_this_ones() {
    let app = App::new();
    let theirs = "https://other.example/callback";
    app.register(&settings_with(&json!({"redirect_uris": [theirs]})));
    let cookie = app.sign_in("maple", "dana");
    let response = app.authorize(Some(&cookie), &json!({"redirect_uri": theirs}));
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn a_request_that_breaks_a_rule_is_refused_to_the_application_by_name() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let long = "x".repeat(2_049);
    for (with, error) in [
        (json!({"response_type": null}), "invalid_request"),
        (json!({"response_type": ""}), "invalid_request"),
        (
            json!({"response_type": "token"}),
            "unsupported_response_type",
        ),
        (
            json!({"response_type": "code id_token"}),
            "unsupported_response_type",
        ),
        (json!({"response_mode": "fragment"}), "invalid_request"),
        (json!({"response_mode": "form_post"}), "invalid_request"),
        (json!({"request": "eyJ"}), "request_not_supported"),
        (
            json!({"request_uri": "https://app.example/r"}),
            "request_uri_not_supported",
        ),
        (json!({"registration": "{}"}), "registration_not_supported"),
        (json!({"scope": null}), "invalid_scope"),
        (json!({"scope": "profile email"}), "invalid_scope"),
        (json!({"scope": "OPENID"}), "invalid_scope"),
        (json!({"code_challenge": null}), "invalid_request"),
        (json!({"code_challenge_method": null}), "invalid_request"),
        (json!({"code_challenge_method": "plain"}), "invalid_request"),
        (json!({"code_challenge_method": "s256"}), "invalid_request"),
        (json!({"code_challenge": "short"}), "invalid_request"),
        (
            json!({"code_challenge": format!("{CHALLENGE}=")}),
            "invalid_request",
        ),
        (json!({"code_challenge": "!".repeat(43)}), "invalid_request"),
        (json!({"nonce": long.as_str()}), "invalid_request"),
        (json!({"prompt": "none login"}), "invalid_request"),
        (json!({"prompt": "create"}), "invalid_request"),
        (json!({"max_age": "soon"}), "invalid_request"),
        (json!({"max_age": "-1"}), "invalid_request"),
        (json!({"max_age": "99999999999"}), "invalid_request"),
        (json!({"id_token_hint": "a.b.c"}), "invalid_request"),
    ] {
        let before = app.district.dump();
        let answer = returned(&app.authorize(Some(&cookie), &with));
        assert_eq!(answer["error"], error, "{with}");
        assert_eq!(answer["state"], "s1", "{with}");
        assert!(!answer.contains_key("code"));
        assert_eq!(app.district.dump(), before, "{with}");
    }
}

#[test]
fn a_parameter_that_is_there_twice_is_refused() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let query = encode(&app.asking(&json!({})));
    for (more, is_trusted) in [
        ("client_id=x", false),
        ("redirect_uri=https%3A%2F%2Fevil.example", false),
        ("state=s2", true),
        ("nonce=n2", true),
        ("scope=openid", true),
        ("code_challenge_method=plain", true),
        ("response_type=code", true),
    ] {
        for twice in [format!("{query}&{more}"), format!("{more}&{query}")] {
            let response = app.authorize_raw(Some(&cookie), &twice);
            if is_trusted {
                assert_eq!(returned(&response)["error"], "invalid_request", "{more}");
            } else {
                assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{more}");
                assert!(!response.headers().contains_key(header::LOCATION));
            }
        }
    }
}

#[test]
fn what_the_application_sends_can_not_break_out_of_the_answer() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let state = "a\r\nset-cookie: x=y\r\n\r\n<script>&iss=https://evil.example#";
    let response = app.authorize(Some(&cookie), &json!({"state": state}));
    assert_eq!(returned(&response)["state"], state);
    assert!(!response.headers().contains_key(header::SET_COOKIE));
    let location = location(&response);
    assert!(!location.contains(['\r', '\n', '<', '#']), "{location}");
    let tenant = "\"><script>alert(1)</script>";
    let app = App::registered(&json!({"tenants": null}));
    let page = app.authorize(None, &json!({"tenant": tenant, "state": state}));
    assert!(text(&page).contains("Which district"), "{}", text(&page));
    assert!(!text(&page).contains("<script>"), "{}", text(&page));
}

#[test]
fn huge_requests_are_refused_and_keep_nothing() {
    let app = App::new();
    let before = app.district.dump();
    let huge = "x".repeat(20_000);
    let response = app.authorize(None, &json!({"state": huge.as_str()}));
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let long = "x".repeat(3_000);
    let answer = returned(&app.authorize(None, &json!({"state": long.as_str()})));
    assert_eq!(answer["error"], "invalid_request");
    assert_eq!(app.district.dump(), before);
    let many: Vec<String> = (0..1_000).map(|n| format!("p{n}=1")).collect();
    let query = format!("{}&{}", encode(&app.asking(&json!({}))), many.join("&"));
    let response = app.authorize_raw(None, &query);
    assert!(location(&response).starts_with("/login/maple?request="));
}

#[test]
fn a_form_is_sent_on_to_the_same_request_so_that_the_cookie_comes_along() {
    let app = App::new();
    let form = encode(&app.asking(&json!({})));
    let asked = browser(Method::POST, "/oidc/authorize", None, &form);
    let response = block_on(engine::doors::oidc::authorize(app.ports(), &asked));
    let location = location(&response);
    let query = location
        .strip_prefix("https://sync.example/oidc/authorize?")
        .unwrap();
    let cookie = app.sign_in("maple", "dana");
    assert!(returned(&app.authorize_raw(Some(&cookie), query)).contains_key("code"));
    let asked = browser(Method::POST, "/oidc/authorize", None, "client_id=evil");
    let response = block_on(engine::doors::oidc::authorize(app.ports(), &asked));
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let asked = browser(Method::DELETE, "/oidc/authorize", None, "");
    let response = block_on(engine::doors::oidc::authorize(app.ports(), &asked));
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn prompt_none_bothers_nobody() {
    let app = App::new();
    let none = json!({"prompt": "none"});
    assert_eq!(
        returned(&app.authorize(None, &none))["error"],
        "login_required"
    );
    let cookie = app.sign_in("maple", "dana");
    assert!(returned(&app.authorize(Some(&cookie), &none)).contains_key("code"));
    let with = json!({"prompt": "none", "max_age": "0"});
    app.pass(Duration::from_secs(1));
    let answer = returned(&app.authorize(Some(&cookie), &with));
    assert_eq!(answer["error"], "login_required");
    let with = json!({"prompt": "none", "tenant": "oak"});
    let answer = returned(&app.authorize(Some(&cookie), &with));
    assert_eq!(answer["error"], "login_required");
}

#[test]
fn prompt_login_and_select_account_have_the_person_sign_in_anew() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    for prompt in ["login", "select_account", "login consent"] {
        let response = app.authorize(Some(&cookie), &json!({"prompt": prompt}));
        assert!(location(&response).starts_with("/login/maple"), "{prompt}");
    }
    let response = app.authorize(Some(&cookie), &json!({"prompt": "consent"}));
    assert!(returned(&response).contains_key("code"));
}

#[test]
fn a_sign_in_older_than_max_age_is_not_enough() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    app.pass(Duration::from_mins(10));
    let response = app.authorize(Some(&cookie), &json!({"max_age": "600"}));
    assert!(returned(&response).contains_key("code"));
    app.pass(Duration::from_secs(1));
    let response = app.authorize(Some(&cookie), &json!({"max_age": "600"}));
    assert!(location(&response).starts_with("/login/maple"));
}

#[test]
fn whoever_may_not_be_signed_in_any_more_signs_in_again() {
    let barred: [&dyn Fn(&App); 4] = [
        &|app| app.change_dana(&json!({"status": "suspended"})),
        &|app| app.change_dana(&json!({"sign_in_allowed": false})),
        &|app| app.publish("maple", Vec::new()),
        &|app| app.set_methods("maple", &["password"]),
    ];
    for bar in barred {
        let app = App::new();
        let cookie = app.sign_in("maple", "dana");
        bar(&app);
        let response = app.authorize(Some(&cookie), &json!({}));
        assert!(location(&response).starts_with("/login/maple"));
    }
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    app.pass(Duration::from_hours(12));
    let response = app.authorize(Some(&cookie), &json!({}));
    assert!(location(&response).starts_with("/login/maple"));
}

#[test]
fn an_id_token_hint_names_who_is_meant() {
    let app = App::new();
    let dana = app.sign_in("maple", "dana");
    let tokens = app.tokens(&dana, &json!({}));
    let hint = json!({"id_token_hint": tokens["id_token"], "prompt": "none"});
    assert!(returned(&app.authorize(Some(&dana), &hint)).contains_key("code"));
    let tess = app.sign_in("maple", "tess");
    let answer = returned(&app.authorize(Some(&tess), &hint));
    assert_eq!(answer["error"], "login_required");
}

#[test]
fn the_district_is_the_named_one_the_clients_or_the_sessions_or_is_asked_for() {
    let app = App::registered(&json!({"tenants": null}));
    let page = app.authorize(None, &json!({}));
    assert_eq!(page.status(), StatusCode::OK);
    let html = text(&page);
    assert!(html.contains("Which district"), "{html}");
    assert!(
        html.contains(&format!("name=\"redirect_uri\" value=\"{RETURN}\"")),
        "{html}"
    );
    assert!(!html.contains("oak"), "{html}");
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.contains("form-action 'self' https://app.example;"),
        "{policy}"
    );
    let oak = app.authorize(None, &json!({"tenant": " OAK "}));
    assert!(location(&oak).starts_with("/login/oak?"));
    let page = app.authorize(None, &json!({"tenant": "elm"}));
    assert!(text(&page).contains("no district &quot;elm&quot;"));
    let olga = app.sign_in("oak", "olga");
    assert!(returned(&app.authorize(Some(&olga), &json!({}))).contains_key("code"));
    let response = app.authorize(Some(&olga), &json!({"tenant": "maple"}));
    assert!(location(&response).starts_with("/login/maple?"));
    let response = app.authorize(Some(&olga), &json!({"prompt": "login"}));
    assert!(location(&response).starts_with("/login/oak?"));
}

#[test]
fn people_of_a_district_that_is_not_the_clients_get_no_code() {
    let app = App::new();
    let olga = app.sign_in("oak", "olga");
    let response = app.authorize(Some(&olga), &json!({}));
    assert!(location(&response).starts_with("/login/maple?"));
    let page = app.authorize(Some(&olga), &json!({"tenant": "oak"}));
    assert!(text(&page).contains("no district"), "{}", text(&page));
}
