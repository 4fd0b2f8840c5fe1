use connectors::base_url::BaseUrl;
use connectors::clever::signin::{
    Authorization, CleverIdentity, ISSUER, authorization_url, code_request, me_request, parse_me,
    parse_token, parse_user, user_request,
};
use connectors::clever::{Api, UserRole, Version};
use connectors::signin::{
    BearerToken, CallbackFault, Client, Kind, Remedy, SignInError, parse_callback,
};
use fake_providers::clever::{
    CLIENT_ID, CLIENT_SECRET, Change, Config, EmailRates, FakeClever, Role, User,
};
use fake_providers::faults::{Fault, FaultKind};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

use super::{REDIRECT, client, district, plain, query};

struct World {
    fake: FakeClever,
    url: BaseUrl,
    api: Api,
    client: Client,
}

impl World {
    async fn new() -> Self {
        let config = Config {
            emails: EmailRates::NONE,
            ..Config::with_redirect(REDIRECT)
        };
        let fake = FakeClever::start(district(), config).await.unwrap();
        let url = BaseUrl::parse(fake.base_url()).unwrap();
        Self {
            api: Api {
                base_url: url.clone(),
                version: Version::V3_0,
            },
            client: client(CLIENT_ID, CLIENT_SECRET),
            url,
            fake,
        }
    }

    fn user(&self, holds: impl Fn(&User) -> bool) -> User {
        self.fake.with_roster(|roster| {
            let mut users = roster.users();
            users.find(|user| holds(user)).unwrap().into_owned()
        })
    }

    fn student(&self) -> User {
        self.user(|user| user.has(Role::Student))
    }

    fn address(&self) -> String {
        let district = self.fake.district_id().to_string();
        let ask = Authorization {
            client: &self.client,
            state: "s t&te",
            district: Some(&district),
        };
        authorization_url(&self.url, &ask)
    }

    fn code(&self, user: &User) -> String {
        let back = self.fake.sign_in(&self.address(), &user.number).unwrap();
        let callback = parse_callback(query(&back), ISSUER).unwrap();
        assert_eq!(callback.state.as_deref(), Some("s t&te"));
        callback.code
    }

    async fn exchange(&self, code: &str) -> Result<BearerToken, SignInError> {
        let request = code_request(&self.url, &self.client, code).unwrap();
        parse_token(&self.fake.answer(plain(request)).await.unwrap())
    }

    async fn identify(&self, token: &BearerToken) -> Result<CleverIdentity, SignInError> {
        let request = me_request(&self.api, token).unwrap();
        let me = parse_me(&self.fake.answer(plain(request)).await.unwrap())?;
        let request = user_request(&self.api, &me, token).unwrap();
        let answer = self.fake.answer(plain(request)).await.unwrap();
        parse_user(&answer, &me, &BTreeSet::new())
    }

    async fn sign_in(&self, user: &User) -> Result<CleverIdentity, SignInError> {
        let token = self.exchange(&self.code(user)).await.unwrap();
        self.identify(&token).await
    }

    fn fail(&self, path: &str, kind: FaultKind) {
        self.fake.faults().add(Fault::at(path, kind).times(1));
    }
}

#[tokio::test]
async fn a_student_signs_in_as_the_one_of_the_roster() {
    let world = World::new().await;
    let student = world.student();
    let identity = world.sign_in(&student).await.unwrap().identity();
    assert_eq!(identity.user_id.as_str(), student.id.to_string());
    assert_eq!(
        identity.district,
        Some(world.fake.district_id().to_string())
    );
    assert_eq!(identity.kind, Kind::Student);
    assert_eq!(identity.username, Some(student.username.to_lowercase()));
    assert_eq!(Some(identity.given_name), student.first);
    let email = identity.email.unwrap();
    assert_eq!(email.as_str(), student.email.unwrap().to_lowercase());
    assert!(!identity.email_is_verified);
    assert!(world.fake.journal().unknown_parameters().is_empty());
}

#[tokio::test]
async fn c1_somebody_with_several_roles_signs_in_with_all_of_them() {
    let world = World::new().await;
    let several = world.user(|user| user.has(Role::Teacher) && user.has(Role::Staff));
    let signed_in = world.sign_in(&several).await.unwrap();
    let both = [UserRole::Staff, UserRole::Teacher];
    assert!(signed_in.roles.is_superset(&BTreeSet::from(both)));
    assert_eq!(signed_in.identity().kind, Kind::Adult);
    let contact = world.user(|user| user.has(Role::Contact));
    let signed_in = world.sign_in(&contact).await.unwrap();
    assert_eq!(signed_in.roles, BTreeSet::from([UserRole::Contact]));
}

#[tokio::test]
async fn c8_a_launch_at_the_portal_brings_a_code_and_no_state() {
    let world = World::new().await;
    let student = world.student();
    let back = world.fake.launch(&student.number).unwrap();
    let callback = parse_callback(query(&back), ISSUER).unwrap();
    assert_eq!(callback.state, None);
    let token = world.exchange(&callback.code).await.unwrap();
    let signed_in = world.identify(&token).await.unwrap();
    assert_eq!(signed_in.user_id.as_str(), student.id.to_string());
}

#[tokio::test]
async fn a_code_that_comes_twice_late_or_with_another_address_means_to_start_again() {
    let mut world = World::new().await;
    let student = world.student();
    for in_words in [true, false] {
        world.fake.set_codes_refused_in_words(in_words);
        let once = world.code(&student);
        assert!(world.exchange(&once).await.is_ok());
        assert_eq!(world.exchange(&once).await, Err(SignInError::Code));
        let late = world.code(&student);
        world.fake.advance(Duration::from_secs(61));
        assert_eq!(world.exchange(&late).await, Err(SignInError::Code));
    }
    let moved = world.code(&student);
    world.client.redirect_uri = "http://127.0.0.1:3000/elsewhere".to_owned();
    assert_eq!(world.exchange(&moved).await, Err(SignInError::Code));
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_fault() {
    let mut world = World::new().await;
    let code = world.code(&world.student());
    world.client.secret = "guessed".to_owned();
    assert_eq!(world.exchange(&code).await, Err(SignInError::Client));
}

#[tokio::test]
async fn somebody_who_refuses_comes_back_with_the_state() {
    let world = World::new().await;
    let back = world.fake.deny(&world.address()).unwrap();
    let error = parse_callback(query(&back), ISSUER).unwrap_err();
    assert_eq!(error.fault, CallbackFault::Denied);
    assert_eq!(error.state.as_deref(), Some("s t&te"));
}

#[tokio::test]
async fn answers_that_are_wrong_sign_nobody_in_and_the_next_time_it_works() {
    let world = World::new().await;
    let student = world.student();
    let value = |value| Some(json!(value));
    let change = |field: &str, value| FaultKind::ChangeField {
        index: 0,
        field: field.to_owned(),
        value,
    };
    let error = |status| FaultKind::Error {
        status,
        reason: None,
        retry_after_seconds: None,
    };
    let transient = SignInError::Transient { retry_after: None };
    for (path, fault, expected) in [
        (
            "/v3.0/me",
            FaultKind::Html { status: 200 },
            SignInError::Malformed,
        ),
        ("/v3.0/me", FaultKind::CutText, SignInError::Malformed),
        ("/v3.0/me", error(503), transient),
        ("/v3.0/me", error(401), SignInError::Token),
        (
            "/v3.0/users/*",
            FaultKind::Html { status: 200 },
            SignInError::Malformed,
        ),
        (
            "/v3.0/users/*",
            change("id", value("5f3a")),
            SignInError::Malformed,
        ),
        (
            "/v3.0/users/*",
            change("district", None),
            SignInError::Malformed,
        ),
        ("/v3.0/users/*", error(500), transient),
    ] {
        world.fail(path, fault.clone());
        let result = world.sign_in(&student).await;
        assert_eq!(result, Err(expected), "{path} {fault:?}");
    }
    assert!(world.sign_in(&student).await.is_ok());
}

#[tokio::test]
async fn somebody_who_left_in_the_middle_is_not_shared_any_more() {
    let world = World::new().await;
    let student = world.student();
    let token = world.exchange(&world.code(&student)).await.unwrap();
    let user = student.number.clone();
    world.fake.change(&Change::RemoveUser { user }).unwrap();
    let error = world.identify(&token).await.unwrap_err();
    assert_eq!(error, SignInError::NotShared);
    assert_eq!(error.remedy(), Remedy::District);
    assert!(
        world
            .fake
            .sign_in(&world.address(), &student.number)
            .is_err()
    );
}
