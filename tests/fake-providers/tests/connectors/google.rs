use connectors::base_url::BaseUrl;
use connectors::google::id_token::{
    Expected, IdTokenError, KeySet, SignedIn, parse_keys, verify_sign_in,
};
use connectors::google::oauth::{
    Authorization, CallbackFault, ConsentError, Endpoints, Grant, OperatorFault, Pkce, TokenError,
    Tokens, authorization_url, code_request, keys_request, parse_callback, parse_token_response,
    sign_in_scopes,
};
use connectors::signin::{Client, Remedy};
use fake_providers::google::{
    CLIENT_ID, CLIENT_SECRET, Config, FakeGoogle, IdTokenFault, Outcome, Outsider,
};
use std::time::Duration;

use super::{REDIRECT, client, district, plain, query};

struct World {
    fake: FakeGoogle,
    endpoints: Endpoints,
    client: Client,
    pkce: Pkce,
}

impl World {
    async fn new() -> Self {
        let config = Config::with_redirect(REDIRECT);
        let fake = FakeGoogle::start(district(), config).await.unwrap();
        let base = BaseUrl::parse(fake.base_url()).unwrap();
        Self {
            endpoints: Endpoints::below(&base, &base, &base),
            client: client(CLIENT_ID, CLIENT_SECRET),
            pkce: Pkce::from_verifier_bytes(&[7; 32]).unwrap(),
            fake,
        }
    }

    fn address(&self) -> String {
        let ask = Authorization {
            client: &self.client,
            scopes: &sign_in_scopes(),
            state: "s t&te",
            nonce: "n-1",
            pkce: &self.pkce,
            is_offline: false,
            hosted_domain: None,
            login_hint: None,
        };
        authorization_url(&self.endpoints, &ask)
    }

    /// A code for an account.
    fn code(&self, account: &str) -> String {
        let back = self.fake.consent(&self.address(), &Outcome::allow(account));
        let callback = parse_callback(query(&back.unwrap())).unwrap();
        assert_eq!(callback.state, "s t&te");
        callback.code
    }

    async fn exchange(&self, code: &str, verifier: &str) -> Result<Tokens, TokenError> {
        let request = code_request(&self.endpoints, &self.client, code, verifier).unwrap();
        let answer = self.fake.answer(plain(request)).await.unwrap();
        parse_token_response(Grant::Code, &answer)
    }

    async fn keys(&self) -> KeySet {
        let request = keys_request(&self.endpoints).unwrap();
        let answer = self.fake.answer(plain(request)).await.unwrap();
        parse_keys(&answer).unwrap().0
    }

    async fn id_token(&self, account: &str) -> String {
        let code = self.code(account);
        let tokens = self.exchange(&code, self.pkce.verifier()).await.unwrap();
        assert_eq!(tokens.refresh_token, None);
        tokens.id_token.unwrap()
    }

    fn verify(&self, token: &str, keys: &KeySet) -> Result<SignedIn, IdTokenError> {
        let expected = Expected {
            client_id: CLIENT_ID,
            nonce: "n-1",
            now: self.fake.clock().now(),
        };
        verify_sign_in(token, keys, &expected)
    }

    async fn sign_in(&self, account: &str) -> Result<SignedIn, IdTokenError> {
        self.verify(&self.id_token(account).await, &self.keys().await)
    }
}

#[tokio::test]
async fn somebody_of_the_district_signs_in_and_is_known_by_id_address_and_domain() {
    let world = World::new().await;
    for account in [world.fake.accounts().student, world.fake.accounts().teacher] {
        let account = account.unwrap();
        let identity = world.sign_in(&account).await.unwrap().identity();
        let id = world.fake.with_directory(|directory| {
            let user = directory.user(&account).unwrap();
            user.id.to_string()
        });
        assert_eq!(identity.user_id.as_str(), id);
        assert_eq!(identity.district.as_deref(), Some("maplegrove.example"));
        assert_eq!(identity.email.unwrap().as_str(), account);
        assert!(identity.email_is_verified);
        assert!(!identity.given_name.is_empty() && !identity.family_name.is_empty());
    }
    assert!(world.fake.journal().unknown_parameters().is_empty());
}

#[tokio::test]
async fn a_personal_account_has_no_domain_even_with_an_address_of_the_district() {
    let world = World::new().await;
    let personal = world.fake.accounts().personal.unwrap();
    let identity = world.sign_in(&personal).await.unwrap().identity();
    assert_eq!(
        (identity.district, identity.email_is_verified),
        (None, true)
    );

    let mut imposter = Outsider::personal("117000000000000000009", "it@maplegrove.example");
    world.fake.add_outsider(imposter.clone());
    let identity = world.sign_in("it@maplegrove.example").await.unwrap();
    assert_eq!(
        (identity.hosted_domain, identity.email_verified),
        (None, true)
    );
    imposter.email_verified = false;
    world.fake.add_outsider(imposter);
    let identity = world.sign_in("it@maplegrove.example").await.unwrap();
    assert!(!identity.email_verified && identity.email.is_some());
}

#[tokio::test]
async fn every_forged_token_is_refused_for_what_is_wrong_with_it() {
    let world = World::new().await;
    let student = world.fake.accounts().student.unwrap();
    for (fault, error) in [
        (IdTokenFault::AlgorithmHs256, IdTokenError::Algorithm),
        (IdTokenFault::AlgorithmHs256Modulus, IdTokenError::Algorithm),
        (IdTokenFault::AlgorithmNone, IdTokenError::Algorithm),
        (IdTokenFault::BadSignature, IdTokenError::Signature),
        (IdTokenFault::Expired, IdTokenError::Expired),
        (IdTokenFault::NoKeyId, IdTokenError::UnknownKey),
        (IdTokenFault::UnknownKey, IdTokenError::UnknownKey),
        (IdTokenFault::WrongAudience, IdTokenError::Audience),
        (IdTokenFault::WrongIssuer, IdTokenError::Issuer),
        (IdTokenFault::WrongNonce, IdTokenError::Nonce),
    ] {
        world.fake.set_id_token_fault(Some(fault.clone()));
        assert_eq!(world.sign_in(&student).await, Err(error), "{fault:?}");
    }
    world
        .fake
        .set_id_token_fault(Some(IdTokenFault::EmailNotVerified));
    assert!(!world.sign_in(&student).await.unwrap().email_verified);
    let elsewhere = IdTokenFault::HostedDomain("riverbend.example".to_owned());
    world.fake.set_id_token_fault(Some(elsewhere));
    let domain = world.sign_in(&student).await.unwrap().hosted_domain;
    assert_eq!(domain.as_deref(), Some("riverbend.example"));
    world.fake.set_id_token_fault(None);
    assert!(world.sign_in(&student).await.is_ok());
}

#[tokio::test]
async fn a_key_that_is_not_known_yet_is_found_by_fetching_the_keys_anew() {
    let world = World::new().await;
    let student = world.fake.accounts().student.unwrap();
    let before = world.keys().await;
    world.fake.rotate_keys();
    let token = world.id_token(&student).await;
    assert_eq!(world.verify(&token, &before), Err(IdTokenError::UnknownKey));
    assert!(world.verify(&token, &world.keys().await).is_ok());
}

#[tokio::test]
async fn a_code_works_once_in_time_and_with_its_verifier() {
    let world = World::new().await;
    let student = world.fake.accounts().student.unwrap();
    let verifier = world.pkce.verifier();
    let once = world.code(&student);
    assert!(world.exchange(&once, verifier).await.is_ok());
    assert_eq!(
        world.exchange(&once, verifier).await,
        Err(TokenError::Restart)
    );
    let other = Pkce::from_verifier_bytes(&[8; 32]).unwrap();
    let guarded = world.code(&student);
    assert_eq!(
        world.exchange(&guarded, other.verifier()).await,
        Err(TokenError::Restart)
    );
    let late = world.code(&student);
    world.fake.advance(Duration::from_secs(601));
    let error = world.exchange(&late, verifier).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::StartAgain);
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_fault() {
    let mut world = World::new().await;
    let student = world.fake.accounts().student.unwrap();
    let code = world.code(&student);
    world.client.secret = "guessed".to_owned();
    let error = world.exchange(&code, world.pkce.verifier()).await;
    let fault = OperatorFault::InvalidClient;
    assert_eq!(error, Err(TokenError::Operator { fault }));
}

#[tokio::test]
async fn somebody_who_presses_cancel_comes_back_with_the_state() {
    let world = World::new().await;
    let back = world
        .fake
        .consent(&world.address(), &Outcome::Deny)
        .unwrap();
    let error = parse_callback(query(&back)).unwrap_err();
    assert_eq!(error.state.as_deref(), Some("s t&te"));
    assert_eq!(
        error.fault,
        CallbackFault::Consent(ConsentError::AccessDenied)
    );
}

#[tokio::test]
async fn g22_a_policy_of_the_district_leads_nowhere() {
    let world = World::new().await;
    let policy = Outcome::Error {
        code: "admin_policy_enforced".to_owned(),
    };
    let page = world.fake.consent(&world.address(), &policy).unwrap_err();
    let error = ConsentError::from_code(&page.code).unwrap();
    assert_eq!(CallbackFault::Consent(error).remedy(), Remedy::District);
}
