//! Who gets in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fake_providers::oneroster::{
    CLIENT_ID, CLIENT_SECRET, CredentialsIn, ScopeUse, SignatureMethod, Unauthorized,
};
use serde_json::json;

use crate::support::{Got, V1P2_SCOPE, V1p1, V1p2, Version, World, got};

const CORE: &str = "roster-core.readonly";
const ROSTER: &str = "roster.readonly";
const DEMOGRAPHICS: &str = "roster-demographics.readonly";
const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn client_credentials_give_a_token_for_a_while() {
    let world = World::of(20).await;
    let scope = format!("{V1P2_SCOPE}{ROSTER}");
    let answer = world.token(&[GRANT, ("scope", &scope)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["expires_in"], 3_600);
    assert_eq!(answer.body["scope"], scope);
    let token = answer.body["access_token"].as_str().unwrap();
    let users = world.url(V1p2, "users");
    assert_eq!(world.get_as(token, &users, &[]).await.status, 200);
    // Another token ends none before.
    world.token(&[GRANT]).await;
    assert_eq!(world.get_as(token, &users, &[]).await.status, 200);
    world.fake.advance(std::time::Duration::from_secs(3_601));
    let late = world.get_as(token, &users, &[]).await;
    assert_eq!((late.status, late.minor()), (401, "unauthorisedrequest"));
}

#[tokio::test]
async fn the_token_endpoint_refuses_as_the_rfc_has_it() {
    let world = World::of(20).await;
    let right = basic(CLIENT_ID, CLIENT_SECRET);
    let error = async |form: &[(&str, &str)], authorization: Option<&str>| {
        let answer = world.ask_for_token(form, authorization).await;
        let error = answer.body["error"].as_str().unwrap_or_default().to_owned();
        (answer.status, error)
    };
    let expect = |status: u16, error: &str| (status, error.to_owned());
    let wrong = basic(CLIENT_ID, "wrong");
    assert_eq!(
        error(&[GRANT], Some(&wrong)).await,
        expect(401, "invalid_client")
    );
    assert_eq!(error(&[GRANT], None).await, expect(401, "invalid_client"));
    let password = [("grant_type", "password")];
    assert_eq!(
        error(&password, Some(&right)).await,
        expect(400, "unsupported_grant_type")
    );
    assert_eq!(
        error(&[], Some(&right)).await,
        expect(400, "invalid_request")
    );
    let unknown = [GRANT, ("scope", "everything")];
    assert_eq!(
        error(&unknown, Some(&right)).await,
        expect(400, "invalid_scope")
    );
    let twice = [
        GRANT,
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ];
    assert_eq!(
        error(&twice, Some(&right)).await,
        expect(400, "invalid_request")
    );
    let request = world
        .http
        .post(world.fake.token_url())
        .header("authorization", &right);
    let answer = got(request
        .json(&json!({ "grant_type": "client_credentials" }))
        .send()
        .await
        .unwrap())
    .await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (400, &json!("invalid_request"))
    );
}

#[tokio::test]
async fn credentials_belong_where_the_server_looks() {
    let world = World::of(20).await;
    let in_fields = [
        GRANT,
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ];
    let right = basic(CLIENT_ID, CLIENT_SECRET);
    world.set_security(|security| security.credentials = CredentialsIn::Body);
    assert_eq!(world.ask_for_token(&in_fields, None).await.status, 200);
    assert_eq!(
        world.ask_for_token(&[GRANT], Some(&right)).await.status,
        401
    );
    world.set_security(|security| security.credentials = CredentialsIn::Query);
    assert_eq!(world.ask_for_token(&in_fields, None).await.status, 401);
    let request = world.http.post(world.fake.token_url()).query(&in_fields);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn scopes_can_be_needed_or_ignored_and_cookies_set() {
    let world = World::of(20).await;
    world.set_security(|security| {
        security.scopes = ScopeUse::Required;
        security.expires_in_s = 21_600;
        security.sets_cookie = true;
    });
    let without = world.token(&[GRANT]).await;
    assert_eq!(
        (without.status, &without.body["error"]),
        (400, &json!("invalid_scope"))
    );
    let scope = format!("{V1P2_SCOPE}{CORE}");
    let with = world.token(&[GRANT, ("scope", &scope)]).await;
    assert_eq!(with.body["expires_in"], 21_600);
    assert!(with.header("set-cookie").is_some());
    world.set_security(|security| security.scopes = ScopeUse::Ignored);
    let answer = world.token(&[GRANT, ("scope", &scope)]).await;
    let token = answer.body["access_token"].as_str().unwrap();
    let url = world.url(V1p2, "demographics");
    assert_eq!(world.get_as(token, &url, &[]).await.status, 200);
}

#[tokio::test]
async fn each_read_needs_its_scope() {
    let world = World::of(100).await;
    let user = world.first_id("users", "users").await;
    let user = format!("users/{user}");
    for version in [V1p1, V1p2] {
        for (scope, path, expected) in [
            (CORE, "users", 200),
            (CORE, user.as_str(), 200),
            (CORE, "schools/HS-01/students", 403),
            (CORE, "demographics", 403),
            (ROSTER, "users", 200),
            (ROSTER, "schools/HS-01/students", 200),
            (ROSTER, "demographics", 403),
            (DEMOGRAPHICS, "demographics", 200),
            (DEMOGRAPHICS, "users", 403),
        ] {
            let token = world.token_for(version, &[scope]).await;
            let answer = world.get_as(&token, &world.url(version, path), &[]).await;
            assert_eq!(answer.status, expected, "{scope} {path}");
            if expected == 403 && version == V1p2 {
                assert_eq!(answer.minor(), "forbidden");
            }
        }
    }
    // A scope of one version is none of the other.
    let token = world.token_for(V1p1, &[ROSTER]).await;
    assert_eq!(
        world
            .get_as(&token, &world.url(V1p2, "users"), &[])
            .await
            .status,
        403
    );
}

/// A signed read of version 1.1, with what is signed and what is sent apart.
struct Signed<'a> {
    query: &'a str,
    method: &'a str,
    key: &'a str,
    secret: &'a str,
    nonce: &'a str,
    age_s: i64,
    extra: &'a [(&'a str, &'a str)],
}

impl Default for Signed<'_> {
    fn default() -> Self {
        Self {
            query: "limit=5&filter=status%3D%27active%27%20OR%20familyName~%27a%27",
            method: "HMAC-SHA256",
            key: CLIENT_ID,
            secret: CLIENT_SECRET,
            nonce: "a nonce",
            age_s: 0,
            extra: &[],
        }
    }
}

fn encode(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if kept(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

impl Signed<'_> {
    async fn send(&self, world: &World, version: Version) -> Got {
        let url = world.url(version, "users");
        let timestamp = (world.fake.clock().now().as_second() - self.age_s).to_string();
        let mut oauth = vec![
            ("oauth_consumer_key", self.key),
            ("oauth_nonce", self.nonce),
            ("oauth_signature_method", self.method),
            ("oauth_timestamp", timestamp.as_str()),
        ];
        oauth.extend(self.extra);
        let pairs = self.query.split('&').map(str::to_owned);
        let own = oauth
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)));
        let mut pairs: Vec<String> = pairs.chain(own).collect();
        pairs.sort();
        let base = format!("GET&{}&{}", encode(&url), encode(&pairs.join("&")));
        let key = format!("{}&", encode(self.secret));
        let signature = STANDARD.encode(match self.method {
            "HMAC-SHA256" => hmac_sha256(key.as_bytes(), base.as_bytes()),
            _ => Vec::new(),
        });
        oauth.push(("oauth_signature", &signature));
        let header: Vec<String> = oauth
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", encode(value)))
            .collect();
        let header = format!("OAuth {}", header.join(","));
        let request = world.http.get(format!("{url}?{}", self.query));
        got(request
            .header("authorization", header)
            .send()
            .await
            .unwrap())
        .await
    }
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut block = key.to_vec();
    block.resize(64, 0);
    let pad = |by: u8| block.iter().map(|byte| byte ^ by).collect::<Vec<u8>>();
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

#[tokio::test]
async fn a_signed_read_is_taken_once() {
    let world = World::of(50).await;
    let signed = Signed::default();
    let answer = signed.send(&world, V1p1).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.list("users").len(), 5);
    let again = signed.send(&world, V1p1).await;
    assert_eq!(again.status, 401);
    let other = Signed {
        nonce: "another nonce",
        extra: &[("oauth_version", "1.0")],
        ..Signed::default()
    };
    assert_eq!(other.send(&world, V1p1).await.status, 200);
    let entry = world.fake.journal().entries().pop().unwrap();
    assert_eq!(entry.principal.as_deref(), Some(CLIENT_ID));
}

#[tokio::test]
async fn a_read_that_is_signed_wrong_is_refused() {
    let world = World::of(50).await;
    for signed in [
        Signed {
            secret: "wrong",
            ..Signed::default()
        },
        Signed {
            key: "nobody",
            ..Signed::default()
        },
        Signed {
            method: "PLAINTEXT",
            ..Signed::default()
        },
        Signed {
            method: "HMAC-SHA1",
            ..Signed::default()
        },
        Signed {
            age_s: 700,
            ..Signed::default()
        },
        Signed {
            age_s: -400,
            ..Signed::default()
        },
        Signed {
            nonce: "",
            ..Signed::default()
        },
        Signed {
            extra: &[("oauth_version", "2.0")],
            ..Signed::default()
        },
    ] {
        assert_eq!(signed.send(&world, V1p1).await.status, 401);
    }
    // The window is wide, but version 1.2 takes no signatures.
    let late = Signed {
        age_s: 590,
        nonce: "b",
        ..Signed::default()
    };
    assert_eq!(late.send(&world, V1p1).await.status, 200);
    assert_eq!(Signed::default().send(&world, V1p2).await.status, 401);
    world.set_security(|security| security.signatures = [SignatureMethod::HmacSha1].into());
    assert_eq!(Signed::default().send(&world, V1p1).await.status, 401);
}

#[tokio::test]
async fn a_refusal_looks_as_the_server_has_it() {
    let world = World::of(20).await;
    let refused = async |unauthorized: Unauthorized| {
        world.set_quirks(|quirks| quirks.unauthorized = unauthorized);
        world
            .get_as("nothing", &world.url(V1p1, "users"), &[])
            .await
    };
    let answer = refused(Unauthorized::Error).await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.body["statusInfoSet"][0]["imsx_codeMinor"],
        "unauthorized"
    );
    let answer = refused(Unauthorized::Empty).await;
    assert_eq!((answer.status, answer.text.as_str()), (401, ""));
    let answer = refused(Unauthorized::EmptyWith200).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    for (unauthorized, status) in [(Unauthorized::Html, 401), (Unauthorized::LoginPage, 200)] {
        let answer = refused(unauthorized).await;
        assert_eq!(answer.status, status);
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
    }
}

#[tokio::test]
async fn a_server_can_take_nothing_but_its_bearer() {
    let world = World::of(20).await;
    let token = world.token_for(V1p1, &[ROSTER]).await;
    world.set_security(|security| {
        security.takes_oauth2 = false;
        security.signatures.clear();
    });
    assert_eq!(world.get(V1p1, "users", &[]).await.status, 200);
    assert_eq!(
        world
            .get_as(&token, &world.url(V1p1, "users"), &[])
            .await
            .status,
        401
    );
    assert_eq!(Signed::default().send(&world, V1p1).await.status, 401);
    assert_eq!(world.token(&[GRANT]).await.status, 404);
}

#[tokio::test]
async fn the_discovery_document_names_every_read_and_its_scopes() {
    let world = World::of(20).await;
    let url = world.url(
        V1p2,
        "discovery/onerosterv1p2rostersservice_openapi3_v1p0.json",
    );
    let answer = got(world.http.get(url).send().await.unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["servers"][0]["url"], world.fake.v1p2_url());
    let operation = |path: &str| &answer.body["paths"][path]["get"];
    assert_eq!(operation("/users")["operationId"], "getAllUsers");
    assert_eq!(operation("/classes/{sourcedId}")["operationId"], "getClass");
    let nested = operation("/classes/{sourcedId}/students");
    assert_eq!(nested["operationId"], "getStudentsForClass");
    let scope = format!("{V1P2_SCOPE}{ROSTER}");
    assert_eq!(nested["security"], json!([{ "OAuth2CC": [scope] }]));
    let flows = &answer.body["components"]["securitySchemes"]["OAuth2CC"]["flows"];
    assert_eq!(
        flows["clientCredentials"]["tokenUrl"],
        world.fake.token_url()
    );
    assert_eq!(
        answer.body["paths"].as_object().unwrap().len(),
        12 * 2 + 2 + 4 + 6 + 2 + 3
    );
}
