use connectors::base_url::BaseUrl;
use connectors::classlink::{
    ClasslinkIdentity, ISSUER, authorization_url, code_request, info_request, parse_info,
    parse_token,
};
use connectors::signin::{BearerToken, CallbackFault, Client, Kind, SignInError, parse_callback};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::oneroster::{
    ClassLink, Config, FakeOneRoster, Kind as RecordKind, LAUNCHPAD_CLIENT_ID,
    LAUNCHPAD_CLIENT_SECRET, SignIn,
};
use std::time::Duration;

use super::{REDIRECT, client, district, plain, query};

struct World {
    fake: FakeOneRoster,
    url: BaseUrl,
    client: Client,
}

impl World {
    async fn new() -> Self {
        Self::with(ClassLink::default()).await
    }

    async fn with(class_link: ClassLink) -> Self {
        let config = Config {
            class_link: ClassLink {
                redirect_uris: vec![REDIRECT.to_owned()],
                ..class_link
            },
            ..Config::default()
        };
        let fake = FakeOneRoster::start(district(), config).await.unwrap();
        Self {
            url: BaseUrl::parse(fake.base_url()).unwrap(),
            client: client(LAUNCHPAD_CLIENT_ID, LAUNCHPAD_CLIENT_SECRET),
            fake,
        }
    }

    /// The id in the roster of the first person with a role.
    fn person(&self, role: &str) -> String {
        self.fake.with_dataset(|dataset| {
            let mut rows = dataset.rows(RecordKind::User);
            let row = rows.find(|row| row.user().is_some_and(|user| user.has_role(role)));
            row.unwrap().sourced_id.clone()
        })
    }

    fn address(&self) -> String {
        authorization_url(&self.url, &self.client, "s t&te")
    }

    fn code(&self, account: &str) -> String {
        let choice = SignIn::As(account.to_owned());
        let back = self.fake.sign_in(&self.address(), &choice).unwrap();
        let callback = parse_callback(query(&back), ISSUER).unwrap();
        assert_eq!(callback.state.as_deref(), Some("s t&te"));
        callback.code
    }

    async fn exchange(&self, code: &str) -> Result<BearerToken, SignInError> {
        let request = code_request(&self.url, &self.client, code).unwrap();
        parse_token(&self.fake.answer(plain(request)).await.unwrap())
    }

    async fn identify(&self, token: &BearerToken) -> Result<ClasslinkIdentity, SignInError> {
        let request = info_request(&self.url, token).unwrap();
        parse_info(&self.fake.answer(plain(request)).await.unwrap())
    }

    async fn sign_in(&self, account: &str) -> Result<ClasslinkIdentity, SignInError> {
        let token = self.exchange(&self.code(account)).await.unwrap();
        self.identify(&token).await
    }
}

#[tokio::test]
async fn people_sign_in_as_those_of_the_roster() {
    let world = World::new().await;
    for (role, kind) in [
        ("student", Kind::Student),
        ("teacher", Kind::Adult),
        ("districtAdministrator", Kind::Adult),
        ("parent", Kind::Adult),
    ] {
        let id = world.person(role);
        let identity = world.sign_in(&id).await.unwrap().identity();
        assert_eq!(identity.sourced_id.unwrap().as_str(), id);
        assert_eq!(identity.district.as_deref(), Some("9021"));
        assert_eq!(identity.kind, kind, "{role}");
        assert!(!identity.email_is_verified);
        assert!(!identity.family_name.is_empty());
    }
    assert!(world.fake.journal().unknown_parameters().is_empty());
}

#[tokio::test]
async fn the_same_person_comes_out_however_ids_are_written() {
    let world = World::new().await;
    let id = world.person("teacher");
    let usual = world.sign_in(&id).await.unwrap();
    assert!(usual.email.is_some());
    let class_link = world.fake.class_link();
    world.fake.set_class_link(ClassLink {
        ids_as_text: true,
        org_ids_as_list: true,
        ..class_link
    });
    assert_eq!(world.sign_in(&id).await.unwrap(), usual);
}

#[tokio::test]
async fn without_a_roster_server_there_is_no_id_of_the_roster() {
    let world = World::with(ClassLink {
        has_roster_server: false,
        tells_emails: false,
        ..ClassLink::default()
    })
    .await;
    let signed_in = world.sign_in(&world.person("student")).await.unwrap();
    assert_eq!((signed_in.sourced_id, signed_in.email), (None, None));
}

#[tokio::test]
async fn a_click_on_the_tile_brings_a_code_and_no_state() {
    let world = World::new().await;
    let id = world.person("student");
    let back = world.fake.launch(REDIRECT, &id).unwrap();
    let callback = parse_callback(query(&back), ISSUER).unwrap();
    assert_eq!(callback.state, None);
    let token = world.exchange(&callback.code).await.unwrap();
    let signed_in = world.identify(&token).await.unwrap();
    assert_eq!(signed_in.sourced_id.unwrap().as_str(), id);
}

#[tokio::test]
async fn a_code_works_once_for_five_minutes_and_with_the_secret() {
    let mut world = World::new().await;
    let id = world.person("student");
    let once = world.code(&id);
    assert!(world.exchange(&once).await.is_ok());
    assert_eq!(world.exchange(&once).await, Err(SignInError::Code));
    let late = world.code(&id);
    world.fake.advance(Duration::from_secs(301));
    assert_eq!(world.exchange(&late).await, Err(SignInError::Code));
    let guarded = world.code(&id);
    world.client.secret = "guessed".to_owned();
    assert_eq!(world.exchange(&guarded).await, Err(SignInError::Client));
}

#[tokio::test]
async fn somebody_who_refuses_comes_back_with_the_state() {
    let world = World::new().await;
    let back = world.fake.sign_in(&world.address(), &SignIn::Deny).unwrap();
    let error = parse_callback(query(&back), ISSUER).unwrap_err();
    assert_eq!(error.fault, CallbackFault::Denied);
    assert_eq!(error.state.as_deref(), Some("s t&te"));
}

#[tokio::test]
async fn answers_that_are_wrong_sign_nobody_in_and_the_next_time_it_works() {
    let world = World::new().await;
    let id = world.person("student");
    for (fault, expected) in [
        (FaultKind::Html { status: 200 }, SignInError::Malformed),
        (FaultKind::CutText, SignInError::Malformed),
        (
            FaultKind::Html { status: 502 },
            SignInError::Transient { retry_after: None },
        ),
    ] {
        let fault = Fault::at("/v2/my/info", fault).times(1);
        world.fake.faults().add(fault.clone());
        let result = world.sign_in(&id).await;
        assert_eq!(result, Err(expected), "{fault:?}");
    }
    let token = world.exchange(&world.code(&id)).await.unwrap();
    world.fake.end_launchpad_tokens();
    assert_eq!(world.identify(&token).await, Err(SignInError::Token));
    assert!(world.sign_in(&id).await.is_ok());
}
