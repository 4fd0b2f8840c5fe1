//! Exchanging codes: what comes of them, and every way of stealing one.

use super::fixture::{
    App, ISSUER, RETURN, VERIFIER, encode, exchanging, form_request, settings_with, tenant,
};
use crate::district::NOW;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::memory::block_on;
use engine::organizations::{self, NewOrganization};
use engine::signin::sessions;
use http::{StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

#[test]
fn a_code_brings_an_id_token_for_the_application() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    app.pass(Duration::from_secs(30));
    let tokens = app.tokens(&cookie, &json!({}));
    let (head, claims) = app.verified(tokens["id_token"].as_str().unwrap());
    assert_eq!(
        (&head["alg"], &head["typ"]),
        (&json!("RS256"), &json!("JWT"))
    );
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], app.id);
    assert_eq!(claims["sub"], "dana");
    assert_eq!(claims["iat"], NOW + 30);
    assert_eq!(claims["exp"], NOW + 630);
    assert_eq!(claims["auth_time"], NOW);
    assert_eq!(claims["nonce"], "n1");
    assert_eq!(claims["sid"], app.held(&cookie).place.to_string());
    assert_eq!(claims["amr"], json!(["google"]));
    let access = tokens["access_token"].as_str().unwrap();
    let half = &Sha256::digest(access)[..16];
    assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(half));
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert_eq!(tokens["scope"], "email openid profile roster");
    assert!(tokens.get("refresh_token").is_none());
}

#[test]
fn each_scope_brings_its_claims_and_no_others() {
    let app = App::new();
    block_on(async {
        let new: NewOrganization =
            serde_json::from_value(json!({"id": "north", "name": "North High"})).unwrap();
        let who = engine::audit::Actor::Operator;
        organizations::create(app.ports(), &who, &tenant("maple"), new)
            .await
            .unwrap();
    });
    let cookie = app.sign_in("maple", "dana");
    let own = [
        "iss",
        "aud",
        "sub",
        "iat",
        "exp",
        "auth_time",
        "nonce",
        "sid",
        "amr",
        "at_hash",
    ];
    let claims_of = |scope: &str| {
        let tokens = app.tokens(&cookie, &json!({"scope": scope}));
        let (_, mut claims) = app.verified(tokens["id_token"].as_str().unwrap());
        let (_, mut info) = app.userinfo(tokens["access_token"].as_str().unwrap());
        assert_eq!(info["sub"], "dana");
        for name in own {
            claims.as_object_mut().unwrap().remove(name);
            info.as_object_mut().unwrap().remove(name);
        }
        assert_eq!(claims, info, "userinfo says something else");
        claims
    };
    assert_eq!(claims_of("openid unknown"), json!({}));
    assert_eq!(
        claims_of("openid profile"),
        json!({"given_name": "Dana", "family_name": "Fox", "name": "Dana Fox",
            "preferred_username": "dana", "updated_at": 5})
    );
    assert_eq!(
        claims_of("openid email"),
        json!({"email": "dana@maplegrove.example", "email_verified": false})
    );
    assert_eq!(
        claims_of("openid roster"),
        json!({"tenant": "maple", "roles": ["student"], "user_type": "STUDENT", "grade": "7",
            "organizations": [{"id": "north", "name": "North High", "roles": ["student"],
                "grade": "7"}]})
    );
}

#[test]
fn an_address_is_verified_when_google_shows_it_in_the_districts_own_domain() {
    let app = App::new();
    app.district.connect();
    let sources = json!([{"connection": "google", "external_id": "1"}]);
    let verified = |state: &str, with: Value| {
        crate::people::set_state(&app.district, state);
        app.change_dana(&with);
        let cookie = app.sign_in("maple", "dana");
        let tokens = app.tokens(&cookie, &json!({"scope": "openid email"}));
        app.verified(tokens["id_token"].as_str().unwrap()).1["email_verified"].clone()
    };
    assert_eq!(verified("active", json!({"sources": sources})), true);
    assert_eq!(
        verified("reconnect_needed", json!({"sources": sources})),
        true
    );
    for state in ["draft", "authorized", "revoked"] {
        assert_eq!(
            verified(state, json!({"sources": sources})),
            false,
            "{state}"
        );
    }
    let elsewhere = json!({"sources": sources, "email": "dana@gmail.com"});
    assert_eq!(verified("active", elsewhere), false);
    let other = json!([{"connection": "files", "external_id": "1"}]);
    assert_eq!(verified("active", json!({"sources": other})), false);
    app.change_dana(&json!({"email": null}));
    let cookie = app.sign_in("maple", "dana");
    let tokens = app.tokens(&cookie, &json!({"scope": "openid email"}));
    let (_, claims) = app.verified(tokens["id_token"].as_str().unwrap());
    assert!(claims.get("email").is_none() && claims.get("email_verified").is_none());
}

#[test]
fn answers_with_tokens_are_kept_by_nobody() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({}));
    let form = encode(&exchanging(&code, &json!({})));
    let response = app.token_as(Some((&app.id, &app.secret)), &form);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let refused = app.token_as(Some((&app.id, &app.secret)), &form);
    assert_eq!(refused.headers()[header::CACHE_CONTROL], "no-store");
}

#[test]
fn a_second_use_of_a_code_ends_what_the_first_one_got() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    for wait in [Duration::ZERO, Duration::from_mins(9)] {
        let code = app.code(&cookie, &json!({"scope": "openid offline_access"}));
        let form = exchanging(&code, &json!({}));
        let (_, tokens) = app.token(&form);
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(app.userinfo(access).0, StatusCode::OK);
        app.pass(wait);
        let (status, refused) = app.token(&form);
        assert_eq!(
            (status, &refused["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid_grant"))
        );
        assert_eq!(app.userinfo(access).0, StatusCode::UNAUTHORIZED);
        let (_, refused) = app.refresh(tokens["refresh_token"].as_str().unwrap());
        assert_eq!(refused["error"], "invalid_grant");
    }
}

#[test]
fn of_two_uses_of_a_code_at_the_same_time_none_is_left_with_tokens() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({"scope": "openid offline_access"}));
    let form = encode(&exchanging(&code, &json!({})));
    let ports = app.ports().yielding();
    let ask = || {
        let request = form_request("/oidc/token", Some((&app.id, &app.secret)), &form);
        engine::doors::oidc::handle(&ports, request)
    };
    let (one, other) = block_on(async { futures::join!(ask(), ask()) });
    let mut granted = 0;
    for response in [one, other] {
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        if response.status() == StatusCode::OK {
            granted += 1;
            let access = body["access_token"].as_str().unwrap();
            assert_eq!(app.userinfo(access).0, StatusCode::UNAUTHORIZED);
        } else {
            assert_eq!(body["error"], "invalid_grant");
        }
    }
    assert!(granted <= 1);
}

#[test]
fn a_code_works_for_a_minute() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({}));
    app.pass(Duration::from_millis(59_999));
    assert_eq!(app.token(&exchanging(&code, &json!({}))).0, StatusCode::OK);
    let code = app.code(&cookie, &json!({}));
    app.pass(Duration::from_mins(1));
    let (status, refused) = app.token(&exchanging(&code, &json!({})));
    assert_eq!(
        (status, &refused["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant"))
    );
}

#[test]
fn a_code_is_no_use_to_another_client_nor_used_up_by_it() {
    let app = App::new();
    let (id, secret) = app.register(&settings_with(&json!({})));
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({}));
    let form = exchanging(&code, &json!({}));
    let response = app.token_as(Some((&id, &secret)), &encode(&form));
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["error"], "invalid_grant");
    assert_eq!(app.token(&form).0, StatusCode::OK);
}

#[test]
fn a_code_needs_its_verifier_and_its_return_address() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({}));
    for (with, error) in [
        (json!({"code_verifier": null}), "invalid_request"),
        (json!({"code_verifier": ""}), "invalid_request"),
        (json!({"code_verifier": "short"}), "invalid_request"),
        (json!({"code_verifier": "x".repeat(129)}), "invalid_request"),
        (json!({"code_verifier": "x".repeat(43)}), "invalid_grant"),
        (
            json!({"code_verifier": super::fixture::CHALLENGE}),
            "invalid_grant",
        ),
        (json!({"redirect_uri": null}), "invalid_request"),
        (
            json!({"redirect_uri": "https://app.example/other?a=b"}),
            "invalid_grant",
        ),
        (
            json!({"redirect_uri": format!("{RETURN}/")}),
            "invalid_grant",
        ),
        (json!({"code": null}), "invalid_request"),
        (json!({"code": "rc-code_1-1_x"}), "invalid_grant"),
        (json!({"code": "x".repeat(10_000)}), "invalid_grant"),
        (json!({"code": format!("{code}x")}), "invalid_grant"),
        (json!({"grant_type": null}), "invalid_request"),
        (json!({"grant_type": "password"}), "unsupported_grant_type"),
        (
            json!({"grant_type": "client_credentials"}),
            "unsupported_grant_type",
        ),
    ] {
        let (status, refused) = app.token(&exchanging(&code, &with));
        assert_eq!(status, StatusCode::BAD_REQUEST, "{with}");
        assert_eq!(refused["error"], error, "{with}");
        assert!(!refused.to_string().contains(VERIFIER));
    }
    assert_eq!(app.token(&exchanging(&code, &json!({}))).0, StatusCode::OK);
}

/// Something that ends the sign-in of a cookie.
type Bar<'a> = &'a dyn Fn(&App, &str);

#[test]
fn nothing_is_exchanged_for_who_may_not_be_signed_in_any_more() {
    let barred: [Bar<'_>; 6] = [
        &|app, _| app.change_dana(&json!({"status": "suspended"})),
        &|app, _| app.change_dana(&json!({"sign_in_allowed": false})),
        &|app, _| app.publish("maple", Vec::new()),
        &|app, _| app.set_methods("maple", &["password"]),
        &|app, cookie| block_on(sessions::end(app.ports(), app.held(cookie).place)).unwrap(),
        &|app, _| {
            let settings = settings_with(&json!({"tenants": ["oak"]}));
            let path = format!("/api/v1/clients/{}", app.id);
            app.operator(http::Method::PUT, &path, &settings);
        },
    ];
    for bar in barred {
        let app = App::new();
        let cookie = app.sign_in("maple", "dana");
        let code = app.code(&cookie, &json!({}));
        bar(&app, &cookie);
        let (status, refused) = app.token(&exchanging(&code, &json!({})));
        let expected = (StatusCode::BAD_REQUEST, &json!("invalid_grant"));
        assert_eq!((status, &refused["error"]), expected, "{refused}");
    }
}

#[test]
fn a_client_says_who_it_is_in_the_one_way_it_is_registered_for() {
    for (registered, works) in [
        ("client_secret_basic", [true, false, false]),
        ("client_secret_post", [false, true, false]),
        ("none", [false, false, true]),
    ] {
        let app = App::registered(&json!({"token_endpoint_auth_method": registered}));
        let secret = if app.secret.is_empty() {
            "guess"
        } else {
            &app.secret
        };
        let cookie = app.sign_in("maple", "dana");
        let posted = json!({"client_id": app.id, "client_secret": secret});
        let ways = [
            (Some((app.id.as_str(), secret)), json!({})),
            (None, posted),
            (None, json!({"client_id": app.id})),
        ];
        for ((basic, with), is_right) in ways.into_iter().zip(works) {
            let code = app.code(&cookie, &json!({}));
            let form = encode(&exchanging(&code, &with));
            let response = app.token_as(basic, &form);
            if is_right {
                assert_eq!(response.status(), StatusCode::OK, "{registered} {with}");
            } else {
                refuses_client(&response);
            }
        }
    }
}

#[test]
fn a_client_that_mixes_ways_or_shows_a_wrong_secret_is_refused() {
    let app = App::new();
    let (other, _) = app.register(&settings_with(&json!({})));
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({}));
    let form = |with: Value| encode(&exchanging(&code, &with));
    let own = Some((app.id.as_str(), app.secret.as_str()));
    let both = app.token_as(own, &form(json!({"client_secret": app.secret})));
    let body: Value = serde_json::from_slice(both.body()).unwrap();
    assert_eq!(
        (both.status(), &body["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_request"))
    );
    for (basic, with) in [
        (own, json!({"client_id": other})),
        (None, json!({})),
        (Some((app.id.as_str(), "wrong")), json!({})),
        (Some((app.id.as_str(), "")), json!({})),
        (Some((other.as_str(), app.secret.as_str())), json!({})),
        (Some(("app-nobody", app.secret.as_str())), json!({})),
        (Some(("\u{0}", "x")), json!({})),
        (
            None,
            json!({"client_assertion": "a.b.c", "client_id": app.id}),
        ),
    ] {
        refuses_client(&app.token_as(basic, &form(with)));
    }
    for header in [
        "Bearer x",
        "Basic",
        "Basic !",
        "Basic eA==",
        "Digest x",
        &"x".repeat(2_000),
    ] {
        let mut request = form_request("/oidc/token", None, &form(json!({})));
        let value = header.parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        refuses_client(&app.send(request));
    }
    assert_eq!(app.token(&exchanging(&code, &json!({}))).0, StatusCode::OK);
}

fn refuses_client(response: &http::Response<bytes::Bytes>) {
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{body}");
    assert_eq!(body["error"], "invalid_client");
    let challenge = &response.headers()[header::WWW_AUTHENTICATE];
    assert_eq!(challenge, "Basic realm=\"rollcall\"");
}

#[test]
fn id_and_secret_are_encoded_as_in_a_form_before_they_are_joined() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({}));
    let form = encode(&exchanging(&code, &json!({})));
    let (id, secret) = (app.id.replace('-', "%2D"), app.secret.replace('_', "%5f"));
    let response = app.token_as(Some((&id, &secret)), &form);
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn a_form_that_is_none_or_too_long_or_says_a_thing_twice_is_refused() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({}));
    let form = encode(&exchanging(&code, &json!({})));
    let own = Some((app.id.as_str(), app.secret.as_str()));
    for form in [
        format!("{form}&code={code}"),
        format!("{form}&grant_type=refresh_token"),
        format!("{form}&client_id={0}&client_id={0}", app.id),
        format!("{form}&x={}", "x".repeat(20_000)),
    ] {
        let response = app.token_as(own, &form);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["error"], "invalid_request");
    }
    let mut request = form_request("/oidc/token", own, &form);
    let json_type = "application/json".parse().unwrap();
    request
        .headers_mut()
        .insert(header::CONTENT_TYPE, json_type);
    let body: Value = serde_json::from_slice(app.send(request).body()).unwrap();
    assert_eq!(body["error"], "invalid_request");
    assert_eq!(app.token(&exchanging(&code, &json!({}))).0, StatusCode::OK);
}

#[test]
fn without_seal_keys_nothing_is_used_up_and_the_variable_is_named() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({}));
    app.ports().set_variable("seal_keys", "");
    let (status, refused) = app.token(&exchanging(&code, &json!({})));
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused["error"], "temporarily_unavailable");
    assert!(refused.to_string().contains("seal_keys"));
    let keys = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    app.ports().set_variable("seal_keys", keys);
    assert_eq!(app.token(&exchanging(&code, &json!({}))).0, StatusCode::OK);
}

#[test]
fn the_store_has_no_code_token_or_secret() {
    let app = App::new();
    let cookie = app.sign_in("maple", "dana");
    let code = app.code(&cookie, &json!({"scope": "openid offline_access"}));
    let (_, tokens) = app.token(&exchanging(&code, &json!({})));
    let secrets = [
        code.as_str(),
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
        app.secret.as_str(),
    ];
    for (key, value) in app.district.dump() {
        let value = String::from_utf8_lossy(&value).into_owned();
        for secret in secrets {
            for part in secret.split(['_', '.']).filter(|part| part.len() > 20) {
                assert!(!key.contains(part) && !value.contains(part), "{key}");
            }
        }
    }
}
