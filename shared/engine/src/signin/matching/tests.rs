//! Everything that may be known about somebody who signs in, and what follows.

use super::*;
use crate::signin::testing::account;
use mapping::account::{Role, Status};

const GOOGLE: &str = r#"{"methods":["google","clever"],"enforced":{"student":["google"]}}"#;

fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn external(text: &str) -> ExternalId {
    ExternalId::parse(text).unwrap()
}

fn person(text: &str) -> Person {
    Person {
        method: Method::Google,
        user_id: external(text),
        district: None,
    }
}

/// Somebody with the id `me` and the address `dana@maple.example`, which counts.
fn evidence(accounts: impl IntoIterator<Item = Account>) -> Evidence {
    let accounts = accounts.into_iter();
    Evidence {
        person: person("me"),
        source_id: Some(external("me")),
        link: None,
        said: BTreeSet::new(),
        email: Some(Email::parse("dana@maple.example").unwrap()),
        email_counts: true,
        by_email: None,
        by_username: None,
        accounts: accounts
            .map(|account| (account.id.clone(), account))
            .collect(),
    }
}

fn has_address(account: &str, known_as: &[&str]) -> Addressed {
    Addressed {
        account: id(account),
        linked_with: None,
        known_as: known_as.iter().copied().map(external).collect(),
    }
}

fn linked(account: &str, is_confirmed: bool) -> KnownLink {
    KnownLink {
        account: id(account),
        is_confirmed,
    }
}

/// What becomes of them: the account, or the cause and the accounts it is about.
fn outcome(kind: Kind, evidence: &Evidence) -> String {
    outcome_by(Method::Google, kind, evidence)
}

fn outcome_by(method: Method, kind: Kind, evidence: &Evidence) -> String {
    let settings: Settings = serde_json::from_str(GOOGLE).unwrap();
    match decide(&settings, (method, kind), evidence) {
        Ok(account) => account.id.to_string(),
        Err(refused) => {
            let about: Vec<&str> = refused.accounts.iter().map(AccountId::as_str).collect();
            format!("{:?} {}", refused.cause, about.join(" "))
                .trim()
                .to_owned()
        }
    }
}

fn teacher(id: &str) -> Account {
    account(id, &[Role::Teacher])
}

fn student(id: &str) -> Account {
    account(id, &[Role::Student])
}

#[test]
fn nobody_and_several() {
    let nobody = evidence([]);
    assert_eq!(outcome(Kind::Unknown, &nobody), "NoAccount");
    let mut several = evidence([teacher("a1"), teacher("a2")]);
    several.by_email = Some(has_address("a1", &[]));
    several.by_username = Some(has_address("a2", &[]));
    assert_eq!(outcome(Kind::Unknown, &several), "Ambiguous a1 a2");
}

#[test]
fn an_address_finds_an_account_and_so_does_a_username() {
    let mut found = evidence([teacher("a1")]);
    found.by_email = Some(has_address("a1", &[]));
    assert_eq!(outcome(Kind::Unknown, &found), "a1");
    found.by_username = Some(has_address("a1", &[]));
    assert_eq!(outcome(Kind::Adult, &found), "a1");
    found.by_email = None;
    assert_eq!(outcome(Kind::Adult, &found), "a1");
}

#[test]
fn a_username_of_an_account_with_another_address_is_no_evidence() {
    let mut other = teacher("a1");
    other.email = Some(Email::parse("okafor@maple.example").unwrap());
    let mut found = evidence([other]);
    found.by_username = Some(has_address("a1", &[]));
    assert_eq!(outcome(Kind::Unknown, &found), "Ambiguous a1");
    found.email = None;
    assert_eq!(outcome(Kind::Unknown, &found), "a1");
}

#[test]
fn an_address_that_nobody_vouches_for_finds_nothing() {
    let mut unverified = evidence([teacher("a1")]);
    unverified.email_counts = false;
    assert_eq!(outcome(Kind::Unknown, &unverified), "UnverifiedEmail");
    // Even if it was looked up.
    unverified.by_email = Some(has_address("a1", &[]));
    assert_eq!(outcome(Kind::Unknown, &unverified), "UnverifiedEmail");
    // It does not matter to somebody who is known by id.
    unverified.link = Some(linked("a1", false));
    assert_eq!(outcome(Kind::Unknown, &unverified), "a1");
}

#[test]
fn an_id_goes_before_an_address() {
    let mut known = evidence([teacher("a1"), teacher("a2")]);
    known.by_email = Some(has_address("a2", &[]));
    known.link = Some(linked("a1", false));
    assert_eq!(outcome(Kind::Unknown, &known), "a1");
    known.link = None;
    known.said = BTreeSet::from([id("a1")]);
    assert_eq!(outcome(Kind::Unknown, &known), "a1");
}

#[test]
fn a_link_and_a_connection_that_disagree_are_several_unless_the_link_was_confirmed() {
    let mut known = evidence([teacher("a1"), teacher("a2")]);
    known.said = BTreeSet::from([id("a2")]);
    known.link = Some(linked("a1", false));
    assert_eq!(outcome(Kind::Unknown, &known), "Ambiguous a1 a2");
    known.link = Some(linked("a1", true));
    assert_eq!(outcome(Kind::Unknown, &known), "a1");
    known.link = Some(linked("a2", false));
    assert_eq!(outcome(Kind::Unknown, &known), "a2");
}

#[test]
fn two_connections_that_disagree_are_several() {
    let mut known = evidence([teacher("a1"), teacher("a2")]);
    known.said = BTreeSet::from([id("a1"), id("a2")]);
    assert_eq!(outcome(Kind::Unknown, &known), "Ambiguous a1 a2");
}

#[test]
fn an_address_that_changed_hands_opens_nothing() {
    let mut recycled = evidence([teacher("a1")]);
    recycled.by_email = Some(has_address("a1", &["somebody-else"]));
    assert_eq!(outcome(Kind::Unknown, &recycled), "Recycled a1");
    recycled.by_email = Some(has_address("a1", &["me", "somebody-else"]));
    assert_eq!(outcome(Kind::Unknown, &recycled), "a1");
    // A provider that does not tell the id contradicts nothing.
    recycled.by_email = Some(has_address("a1", &["somebody-else"]));
    recycled.source_id = None;
    assert_eq!(outcome(Kind::Unknown, &recycled), "a1");
    // Somebody else was signed in to it from the same provider.
    let mut linked = has_address("a1", &[]);
    linked.linked_with = Some(person("somebody-else"));
    recycled.by_email = Some(linked);
    assert_eq!(outcome(Kind::Unknown, &recycled), "Recycled a1");
}

#[test]
fn no_address_leads_from_a_student_to_an_adult_or_back() {
    for (kind, of, expected) in [
        (Kind::Student, teacher("a1"), "Boundary a1"),
        (Kind::Adult, student("a1"), "Boundary a1"),
        (Kind::Student, student("a1"), "a1"),
        (Kind::Adult, teacher("a1"), "a1"),
        (Kind::Unknown, teacher("a1"), "a1"),
        (Kind::Unknown, student("a1"), "a1"),
        (
            Kind::Adult,
            account("a1", &[Role::Student, Role::Staff]),
            "Boundary a1",
        ),
    ] {
        let mut found = evidence([of]);
        found.by_email = Some(has_address("a1", &[]));
        assert_eq!(outcome(kind, &found), expected, "{kind:?}");
        found.by_email = None;
        found.by_username = Some(has_address("a1", &[]));
        assert_eq!(outcome(kind, &found), expected, "{kind:?} by username");
        // By id it is the same person, whatever they are called.
        found.said = BTreeSet::from([id("a1")]);
        assert_eq!(outcome(kind, &found), "a1", "{kind:?} by id");
    }
}

#[test]
fn the_kind_of_person_counts_where_there_are_no_roles() {
    for (kind, user_type, expected) in [
        (Kind::Student, UserType::Parent, "Boundary a1"),
        (Kind::Adult, UserType::Student, "Boundary a1"),
        (Kind::Adult, UserType::Staff, "a1"),
    ] {
        let mut of = account("a1", &[]);
        of.user_type = Some(user_type);
        let mut found = evidence([of]);
        found.by_email = Some(has_address("a1", &[]));
        assert_eq!(outcome(kind, &found), expected, "{kind:?} {user_type:?}");
    }
}

#[test]
fn an_account_that_may_not_be_used_opens_to_nobody() {
    for (change, expected) in [
        (
            Box::new(|a: &mut Account| a.status = Status::Suspended) as Box<dyn Fn(&mut Account)>,
            "Suspended a1",
        ),
        (Box::new(|a| a.status = Status::Deleted), "Deleted a1"),
        (Box::new(|a| a.sign_in_allowed = false), "Off a1"),
    ] {
        let mut of = teacher("a1");
        change(&mut of);
        let mut by_address = evidence([of.clone()]);
        by_address.by_email = Some(has_address("a1", &[]));
        assert_eq!(outcome(Kind::Unknown, &by_address), expected);
        let mut by_link = evidence([of]);
        by_link.link = Some(linked("a1", true));
        assert_eq!(outcome(Kind::Unknown, &by_link), expected);
    }
    let mut gone = evidence([]);
    gone.link = Some(linked("a1", true));
    assert_eq!(outcome(Kind::Unknown, &gone), "Deleted a1");
}

#[test]
fn a_method_that_is_off_or_enforced_away_opens_nothing() {
    let mut known = evidence([student("a1")]);
    known.link = Some(linked("a1", false));
    assert_eq!(outcome_by(Method::Google, Kind::Student, &known), "a1");
    for method in [Method::Clever, Method::Classlink, Method::Password] {
        let refused = outcome_by(method, Kind::Student, &known);
        assert_eq!(refused, "Method a1", "{method:?}");
    }
}
