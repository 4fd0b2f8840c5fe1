//! Recognising people on a real roster: what is looked up, and what is remembered.

use super::*;
use crate::audit::Actor;
use crate::memory::{MemoryPorts, block_on};
use crate::record;
use crate::signin::identities::Link;
use crate::signin::testing::{Roster, account, tenant};
use crate::versioned::Versioned;
use connectors::signin::Kind;
use mapping::account::{Role, Status};
use serde_json::{Value, json};

/// Maple, with a Google, a Clever and two OneRoster connections.
struct Maple {
    ports: MemoryPorts,
    roster: Roster,
}

fn maple() -> Maple {
    let ports = MemoryPorts::new();
    for new in [
        json!({"id": "google", "provider": "google", "mode": "import",
            "domain": "maple.example"}),
        json!({"id": "clever", "provider": "clever", "mode": "import",
            "clever": {"district": "5f3a", "email_domains": ["k12.example"]}}),
        json!({"id": "classlink", "provider": "oneroster", "mode": "import",
            "oneroster": {"way": {"kind": "classlink_partner", "tenant": "9021"}}}),
        json!({"id": "server", "provider": "oneroster", "mode": "import",
            "oneroster": {"way": {"kind": "direct", "base_url": "https://sis.example"}}}),
    ] {
        let new = serde_json::from_value(new).unwrap();
        block_on(connections::create(
            &ports,
            &Actor::Operator,
            &tenant(),
            new,
        ))
        .unwrap();
    }
    Maple {
        ports,
        roster: Roster::default(),
    }
}

impl Maple {
    /// An account with an address, which these connections know under these ids.
    fn has(&mut self, id: &str, email: &str, roles: &[Role], known_as: &[(&str, &str)]) {
        let mut account = account(id, roles);
        account.email = Email::parse(email).ok();
        self.roster.put(account, known_as);
    }

    fn set(&self, settings: &Value) {
        let value: Settings = serde_json::from_value(settings.clone()).unwrap();
        let version = 0;
        let kept = Versioned { version, value };
        let key = crate::keys::sign_in_settings(&tenant());
        block_on(record::write(&self.ports, &key, &kept)).unwrap();
    }

    /// What becomes of somebody: the account, or the cause.
    fn meets(&self, method: Method, identity: &ProviderIdentity) -> String {
        block_on(async {
            self.roster.publish(&self.ports).await;
            let standings = Standings::open(&self.ports, &tenant()).await.unwrap();
            let recognised = recognise(&self.ports, &standings, method, identity).await;
            match recognised.unwrap() {
                Ok(account) => account.id.to_string(),
                Err(refused) => format!("{:?}", refused.cause),
            }
        })
    }

    fn link(&self, method: Method, identity: &ProviderIdentity) -> Option<Link> {
        let person = Person::of(method, identity);
        block_on(identities::find(&self.ports, &tenant(), &person)).unwrap()
    }
}

fn all_on() -> Value {
    json!({"methods": ["google", "clever", "classlink"]})
}

fn somebody(user_id: &str, email: &str) -> ProviderIdentity {
    ProviderIdentity {
        user_id: ExternalId::parse(user_id).unwrap(),
        district: None,
        email: Email::parse(email).ok(),
        email_is_verified: true,
        username: None,
        sourced_id: None,
        kind: Kind::Unknown,
        given_name: String::new(),
        family_name: String::new(),
    }
}

fn of_workspace(user_id: &str, email: &str) -> ProviderIdentity {
    ProviderIdentity {
        district: Some("maple.example".to_owned()),
        ..somebody(user_id, email)
    }
}

fn at_classlink(sourced_id: Option<&str>) -> ProviderIdentity {
    ProviderIdentity {
        district: Some("9021".to_owned()),
        sourced_id: sourced_id.map(|id| ExternalId::parse(id).unwrap()),
        email_is_verified: false,
        ..somebody("1203344", "dana@maple.example")
    }
}

#[test]
fn a_first_sign_in_by_address_is_remembered_by_id() {
    let mut maple = maple();
    maple.set(&all_on());
    maple.has("a1", "dana@maple.example", &[Role::Teacher], &[]);
    let dana = of_workspace("111", "dana@maple.example");
    assert_eq!(maple.link(Method::Google, &dana), None);
    assert_eq!(maple.meets(Method::Google, &dana), "a1");
    let link = maple.link(Method::Google, &dana).unwrap();
    assert_eq!((link.account.as_str(), link.is_confirmed), ("a1", false));
    let renamed = of_workspace("111", "dana.okafor@maple.example");
    assert_eq!(maple.meets(Method::Google, &renamed), "a1");
    assert_eq!(maple.link(Method::Google, &renamed), Some(link));
    // Somebody new with the address that Dana had.
    let other = of_workspace("222", "dana@maple.example");
    assert_eq!(maple.meets(Method::Google, &other), "Recycled");
    assert_eq!(maple.link(Method::Google, &other), None);
}

#[test]
fn whoever_a_connection_knows_is_known_before_any_sign_in() {
    let mut maple = maple();
    maple.set(&all_on());
    let known = [
        ("google", "111"),
        ("clever", "5f3a01"),
        ("classlink", "7_20417"),
    ];
    maple.has("a1", "dana@maple.example", &[Role::Teacher], &known);
    maple.has("a2", "other@maple.example", &[Role::Teacher], &[]);
    let google = of_workspace("111", "other@maple.example");
    assert_eq!(maple.meets(Method::Google, &google), "a1");
    let clever = somebody("5f3a01", "other@maple.example");
    assert_eq!(maple.meets(Method::Clever, &clever), "a1");
    let classlink = at_classlink(Some("7_20417"));
    assert_eq!(maple.meets(Method::Classlink, &classlink), "a1");
    // The id of one provider says nothing at another.
    let mixed = somebody("111", "");
    assert_eq!(maple.meets(Method::Clever, &mixed), "NoAccount");
}

#[test]
fn an_account_that_the_provider_knows_under_another_id_is_not_opened_by_its_address() {
    let mut maple = maple();
    maple.set(&all_on());
    let known = [("google", "111"), ("server", "s-1")];
    maple.has("a1", "dana@maple.example", &[Role::Teacher], &known);
    let other = of_workspace("222", "dana@maple.example");
    assert_eq!(maple.meets(Method::Google, &other), "Recycled");
    // What another provider knows is no contradiction.
    let clever = somebody("5f3a01", "dana@maple.example");
    assert_eq!(maple.meets(Method::Clever, &clever), "a1");
}

#[test]
fn a_link_and_a_connection_that_disagree_open_nothing() {
    let mut maple = maple();
    maple.set(&all_on());
    maple.has("a1", "dana@maple.example", &[Role::Teacher], &[]);
    let dana = of_workspace("111", "dana@maple.example");
    assert_eq!(maple.meets(Method::Google, &dana), "a1");
    maple.has(
        "a2",
        "leo@maple.example",
        &[Role::Teacher],
        &[("google", "111")],
    );
    assert_eq!(maple.meets(Method::Google, &dana), "Ambiguous");
    let person = Person::of(Method::Google, &dana);
    let a1 = AccountId::parse("a1").unwrap();
    let both = (&person, &a1);
    block_on(identities::confirm(
        &maple.ports,
        &Actor::Operator,
        &tenant(),
        both,
    ))
    .unwrap();
    assert_eq!(maple.meets(Method::Google, &dana), "a1");
}

#[test]
fn a_confirmed_link_is_not_given_up_for_what_a_connection_says() {
    let mut maple = maple();
    maple.set(&all_on());
    maple.has(
        "a1",
        "dana@maple.example",
        &[Role::Teacher],
        &[("google", "222")],
    );
    let confirmed = of_workspace("111", "x@maple.example");
    let person = Person::of(Method::Google, &confirmed);
    let a1 = AccountId::parse("a1").unwrap();
    let both = (&person, &a1);
    block_on(identities::confirm(
        &maple.ports,
        &Actor::Operator,
        &tenant(),
        both,
    ))
    .unwrap();
    let of_roster = of_workspace("222", "dana@maple.example");
    assert_eq!(maple.meets(Method::Google, &of_roster), "a1");
    assert_eq!(maple.meets(Method::Google, &confirmed), "a1");
}

#[test]
fn a_personal_google_account_counts_by_its_address_unless_that_is_the_districts() {
    let mut maple = maple();
    maple.set(&all_on());
    maple.has("a1", "mum@home.example", &[Role::Parent], &[]);
    maple.has("a2", "dana@maple.example", &[Role::Teacher], &[]);
    let personal = somebody("111", "mum@home.example");
    assert_eq!(maple.meets(Method::Google, &personal), "a1");
    let left = somebody("222", "dana@maple.example");
    assert_eq!(maple.meets(Method::Google, &left), "UnverifiedEmail");
    let unverified = ProviderIdentity {
        email_is_verified: false,
        ..somebody("333", "mum@home.example")
    };
    assert_eq!(maple.meets(Method::Google, &unverified), "UnverifiedEmail");
}

#[test]
fn where_domains_are_set_others_do_not_sign_in_with_google() {
    let mut maple = maple();
    maple.set(&json!({"methods": ["google"],
        "google_domains": ["maple.example", "staff.example"]}));
    maple.has("a1", "mum@home.example", &[Role::Parent], &[]);
    maple.has("a2", "dana@maple.example", &[Role::Teacher], &[]);
    maple.has("a3", "leo@staff.example", &[Role::Staff], &[]);
    for (identity, expected) in [
        (somebody("1", "mum@home.example"), "Domain"),
        (somebody("2", "dana@maple.example"), "Domain"),
        (of_workspace("3", "dana@maple.example"), "a2"),
        (
            ProviderIdentity {
                district: Some("primary.example".to_owned()),
                ..somebody("4", "leo@staff.example")
            },
            "a3",
        ),
        (
            ProviderIdentity {
                district: Some("elsewhere.example".to_owned()),
                ..somebody("5", "mum@home.example")
            },
            "Domain",
        ),
    ] {
        assert_eq!(maple.meets(Method::Google, &identity), expected);
    }
}

#[test]
fn an_address_at_clever_counts_in_the_districts_own_domains() {
    let mut maple = maple();
    maple.set(&json!({"methods": ["clever"], "email_domains": ["named.example"]}));
    for (id, email) in [
        ("a1", "one@maple.example"),
        ("a2", "two@k12.example"),
        ("a3", "three@named.example"),
        ("a4", "four@home.example"),
    ] {
        maple.has(id, email, &[Role::Student], &[]);
    }
    for (email, expected) in [
        ("one@maple.example", "a1"),
        ("two@k12.example", "a2"),
        ("three@named.example", "a3"),
        // A parent's address, which siblings share.
        ("four@home.example", "UnverifiedEmail"),
    ] {
        let identity = somebody(email, email);
        assert_eq!(maple.meets(Method::Clever, &identity), expected);
    }
}

#[test]
fn where_no_domain_is_known_every_address_of_the_district_counts() {
    let mut maple = Maple {
        ports: MemoryPorts::new(),
        roster: Roster::default(),
    };
    maple.set(&all_on());
    maple.has("a1", "dana@home.example", &[Role::Teacher], &[]);
    let dana = somebody("5f3a01", "dana@home.example");
    assert_eq!(maple.meets(Method::Clever, &dana), "a1");
}

#[test]
fn an_address_at_classlink_counts_only_where_the_administrator_says_so() {
    let mut maple = maple();
    maple.has("a1", "dana@maple.example", &[Role::Teacher], &[]);
    let dana = at_classlink(None);
    maple.set(&all_on());
    assert_eq!(maple.meets(Method::Classlink, &dana), "UnverifiedEmail");
    maple.set(&json!({"methods": ["classlink"], "classlink_emails": true}));
    assert_eq!(maple.meets(Method::Classlink, &dana), "a1");
}

#[test]
fn a_username_in_the_district_finds_an_account_and_an_adult_finds_no_student() {
    let mut maple = maple();
    maple.set(&all_on());
    let mut leo = account("a1", &[Role::Student]);
    leo.username = Some("leomarsh30".to_owned());
    maple.roster.put(leo, &[]);
    let mut identity = ProviderIdentity {
        username: Some("leomarsh30".to_owned()),
        kind: Kind::Adult,
        ..somebody("5f3a02", "")
    };
    assert_eq!(maple.meets(Method::Clever, &identity), "Boundary");
    assert_eq!(maple.link(Method::Clever, &identity), None);
    identity.kind = Kind::Student;
    assert_eq!(maple.meets(Method::Clever, &identity), "a1");
}

#[test]
fn an_account_that_was_suspended_since_does_not_open() {
    let mut maple = maple();
    maple.set(&all_on());
    maple.has("a1", "dana@maple.example", &[Role::Teacher], &[]);
    let dana = of_workspace("111", "dana@maple.example");
    assert_eq!(maple.meets(Method::Google, &dana), "a1");
    let mut suspended = account("a1", &[Role::Teacher]);
    suspended.status = Status::Suspended;
    maple.roster.put(suspended, &[]);
    assert_eq!(maple.meets(Method::Google, &dana), "Suspended");
}

#[test]
fn ids_at_classlink_are_those_of_its_districts_own_connections() {
    let mut maple = maple();
    maple.set(&all_on());
    maple.has(
        "a1",
        "x@maple.example",
        &[Role::Teacher],
        &[("server", "7_20417")],
    );
    let identity = at_classlink(Some("7_20417"));
    let looked = maple.meets(Method::Classlink, &identity);
    assert_eq!(
        looked, "UnverifiedEmail",
        "another server's id is no evidence"
    );
    let other_district = ProviderIdentity {
        district: Some("9999".to_owned()),
        ..at_classlink(Some("7_1"))
    };
    maple.has(
        "a2",
        "y@maple.example",
        &[Role::Teacher],
        &[("classlink", "7_1")],
    );
    let looked = maple.meets(Method::Classlink, &other_district);
    assert_eq!(looked, "UnverifiedEmail");
}
