//! What is sent to Google's OAuth.

use connectors::base_url::BaseUrl;
use connectors::google::oauth::{
    Authorization, Client, Endpoints, Mode, Pkce, authorization_url, code_request, keys_request,
    refresh_request, required_scopes, revoke_request, sign_in_scopes,
};

fn client() -> Client {
    Client {
        id: "rollcall.apps.googleusercontent.com".to_owned(),
        secret: "s&cret".to_owned(),
        redirect_uri: "https://app.example/oauth/google/callback".to_owned(),
    }
}

#[test]
fn a_connection_is_authorised_offline_with_consent_and_pkce() {
    let scopes = required_scopes(Mode::Import, false);
    let pkce = Pkce::from_verifier_bytes(&[7; 32]).unwrap();
    let ask = Authorization {
        client: &client(),
        scopes: &scopes,
        state: "state 1",
        nonce: "nonce-1",
        pkce: &pkce,
        is_offline: true,
        hosted_domain: Some("maplegrove.example"),
        login_hint: Some("it+admin@maplegrove.example"),
    };
    let url = authorization_url(&Endpoints::default(), &ask);
    insta::assert_snapshot!(url.replace('&', "\n&"), @r"
    https://accounts.google.com/o/oauth2/v2/auth?client_id=rollcall.apps.googleusercontent.com
    &redirect_uri=https%3A%2F%2Fapp.example%2Foauth%2Fgoogle%2Fcallback
    &response_type=code
    &scope=email%20https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fadmin.directory.orgunit.readonly%20https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fadmin.directory.user.readonly%20openid
    &state=state%201
    &nonce=nonce-1
    &code_challenge=3Ev4DHdHPRMPoN6GukAY_pi7IUAF5qWJHRK6kURvnoE
    &code_challenge_method=S256
    &access_type=offline
    &prompt=consent
    &hd=maplegrove.example
    &login_hint=it%2Badmin%40maplegrove.example
    ");
    assert!(!url.contains(pkce.verifier()));
}

#[test]
fn signing_in_asks_which_account_and_for_no_refresh_token() {
    let scopes = sign_in_scopes();
    let pkce = Pkce::from_verifier_bytes(&[7; 32]).unwrap();
    let ask = Authorization {
        client: &client(),
        scopes: &scopes,
        state: "s",
        nonce: "n",
        pkce: &pkce,
        is_offline: false,
        hosted_domain: None,
        login_hint: None,
    };
    let url = authorization_url(&Endpoints::default(), &ask);
    insta::assert_snapshot!(url.replace('&', "\n&"), @r"
    https://accounts.google.com/o/oauth2/v2/auth?client_id=rollcall.apps.googleusercontent.com
    &redirect_uri=https%3A%2F%2Fapp.example%2Foauth%2Fgoogle%2Fcallback
    &response_type=code
    &scope=email%20openid%20profile
    &state=s
    &nonce=n
    &code_challenge=3Ev4DHdHPRMPoN6GukAY_pi7IUAF5qWJHRK6kURvnoE
    &code_challenge_method=S256
    &prompt=select_account
    ");
}

#[test]
fn a_form_carries_each_value_encoded_once() {
    let base = BaseUrl::parse("http://127.0.0.1:4000").unwrap();
    let endpoints = Endpoints::below(&base, &base, &base);
    let request = code_request(&endpoints, &client(), "4/0A b", "verifier").unwrap();
    assert_eq!(request.uri(), "http://127.0.0.1:4000/token");
    assert_eq!(
        request.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    insta::assert_snapshot!(std::str::from_utf8(request.body()).unwrap().replace('&', "\n&"), @r"
    grant_type=authorization_code
    &code=4%2F0A%20b
    &client_id=rollcall.apps.googleusercontent.com
    &client_secret=s%26cret
    &redirect_uri=https%3A%2F%2Fapp.example%2Foauth%2Fgoogle%2Fcallback
    &code_verifier=verifier
    ");
    let request = refresh_request(&endpoints, &client(), "1//0r").unwrap();
    let body = std::str::from_utf8(request.body()).unwrap();
    assert!(body.starts_with("grant_type=refresh_token&refresh_token=1%2F%2F0r&"));
    let request = revoke_request(&endpoints, "1//0r").unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.body(), "token=1%2F%2F0r");
    let request = keys_request(&endpoints).unwrap();
    assert_eq!(request.uri(), "http://127.0.0.1:4000/oauth2/v3/certs");
}

#[test]
fn the_real_hosts_are_the_default_and_are_usable_addresses() {
    let endpoints = Endpoints::default();
    let all = [
        &endpoints.authorize,
        &endpoints.token,
        &endpoints.revoke,
        &endpoints.jwks,
    ];
    for address in all {
        assert!(BaseUrl::parse(address).is_ok(), "{address}");
        assert!(address.starts_with("https://"), "{address}");
    }
    assert_eq!(endpoints.token, "https://oauth2.googleapis.com/token");
}

#[test]
fn the_client_secret_is_never_printed() {
    assert!(!format!("{:?}", client()).contains("s&cret"));
}
