//! Google misbehaving during a run: whatever it answers, nobody is lost.

use driver::District;
use e2e::{World, map_schools};
use fake_providers::faults::{Fault, FaultKind};
use fake_providers::google::{GrantEnd, Outcome};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const USERS: &str = "/admin/directory/v1/users";
const ORG_UNITS: &str = "/admin/directory/v1/customer/*/orgunits";

/// How a run under a fault has to end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// As if nothing had been: it was tried again.
    Unharmed,
    /// Failed, with this code in the history.
    Failed(&'static str),
    /// Nothing changed, and so many records are named.
    Named(usize),
    /// Nothing changed, and everybody who was not shown is named.
    Doubted,
    /// Stopped by the guard, or failed: either way nothing was written.
    Stopped,
}

/// A fault and what it must lead to.
struct Row {
    what: &'static str,
    fault: Fault,
    end: End,
}

fn row(what: &'static str, fault: Fault, end: End) -> Row {
    Row { what, fault, end }
}

fn error(status: u16, reason: Option<&str>) -> FaultKind {
    FaultKind::Error {
        status,
        reason: reason.map(str::to_owned),
        retry_after_seconds: None,
    }
}

fn retry_after(status: u16, seconds: u32) -> FaultKind {
    FaultKind::Error {
        status,
        reason: None,
        retry_after_seconds: Some(seconds),
    }
}

fn field(index: usize, field: &str, value: Option<Value>) -> FaultKind {
    FaultKind::ChangeField {
        index,
        field: field.to_owned(),
        value,
    }
}

/// A fault of the list of one org unit's people.
fn list_of(unit: &str, kind: FaultKind) -> Fault {
    Fault::at(USERS, kind).with_parameter("query", &format!("orgUnitPath='{unit}'"))
}

/// A world where the whole district is on the roster.
async fn imported() -> (World, District, BTreeMap<String, Value>) {
    let world = World::of(1_200).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let first = world.sync(&district).await.unwrap();
    assert_eq!(first["state"], "applied", "{first}");
    let accounts = world.accounts(&district).await.unwrap();
    (world, district, accounts)
}

/// The records that a run found something wrong with; one entry for all without an id.
async fn named(district: &District, run: &Value) -> BTreeSet<String> {
    let path = district.path(&format!("/runs/{}/issues", run["id"].as_str().unwrap()));
    let issues = district.all(&path).await.unwrap();
    let id = |issue: &Value| issue["external_id"].to_string();
    issues.iter().map(id).collect()
}

async fn check(rows: Vec<Row>) {
    let (world, district, accounts) = imported().await;
    for Row { what, fault, end } in rows {
        world.google.faults().clear();
        world.google.faults().add(fault);
        let run = world.sync(&district).await.unwrap();
        let fired: u64 = world.google.faults().fired().iter().sum();
        assert!(fired > 0, "{what}: the fault was never met");
        match end {
            End::Unharmed => assert_eq!(run["state"], "unchanged", "{what}: {run}"),
            End::Failed(code) => {
                assert_eq!(run["state"], "failed", "{what}: {run}");
                assert_eq!(run["failure"]["code"], code, "{what}: {run}");
                assert!(
                    !run["failure"]["message"].to_string().contains('@'),
                    "{what}: {run}"
                );
            }
            End::Named(count) => {
                assert_eq!(run["state"], "unchanged", "{what}: {run}");
                let named = named(&district, &run).await;
                assert_eq!(named.len(), count, "{what}: {named:?}");
            }
            End::Doubted => {
                assert_eq!(run["state"], "unchanged", "{what}: {run}");
                let shown = run["fetched"]["records"].as_u64().unwrap();
                let named = u64::try_from(named(&district, &run).await.len()).unwrap();
                assert!(
                    named > 0 && shown + named >= accounts.len() as u64,
                    "{what}: {run}"
                );
            }
            End::Stopped => {
                let state = run["state"].as_str().unwrap();
                assert!(["failed", "held"].contains(&state), "{what}: {run}");
            }
        }
        let after = world.accounts(&district).await.unwrap();
        assert!(after == accounts, "{what}: the roster changed: {run}");
    }
    world.google.faults().clear();
    let healed = world.sync(&district).await.unwrap();
    assert_eq!(healed["state"], "unchanged", "{healed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_pass_are_waited_out() {
    let once = |kind| Fault::at(USERS, kind).times(1);
    let unharmed = |what, fault| row(what, fault, End::Unharmed);
    check(vec![
        unharmed("401 once", once(error(401, None))),
        unharmed(
            "401 once for the tree",
            Fault::at(ORG_UNITS, error(401, None)).times(1),
        ),
        unharmed(
            "403 for its rate",
            once(error(403, Some("rateLimitExceeded"))),
        ),
        unharmed(
            "403 for the user's rate",
            once(error(403, Some("userRateLimitExceeded"))),
        ),
        unharmed("403 for its quota", once(error(403, Some("quotaExceeded")))),
        unharmed("412 once", once(error(412, None))),
        unharmed("429 with Retry-After", once(retry_after(429, 7))),
        unharmed("429 without Retry-After", once(error(429, None))),
        unharmed("429 on the second page", once(error(429, None)).page(2)),
        unharmed("three 500s", Fault::at(USERS, error(500, None)).times(3)),
        unharmed("503 with Retry-After", once(retry_after(503, 2))),
        unharmed("a 502 of HTML", once(FaultKind::Html { status: 502 })),
        unharmed("HTML with 200 once", once(FaultKind::Html { status: 200 })),
        unharmed("JSON cut off once", once(FaultKind::TruncatedBody)),
        unharmed(
            "JSON of the tree cut off once",
            Fault::at(ORG_UNITS, FaultKind::TruncatedBody).times(1),
        ),
        unharmed("connection reset", once(FaultKind::ConnectionReset)),
        unharmed(
            "connection reset on the second page",
            once(FaultKind::ConnectionReset).page(2),
        ),
        unharmed("an empty page once", once(FaultKind::EmptyPage).page(1)),
        unharmed(
            "an answer that is late",
            once(FaultKind::Latency { milliseconds: 300 }),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_stay_fail_the_run_and_say_why() {
    let failed = |what, kind, code| row(what, Fault::at(USERS, kind), End::Failed(code));
    check(vec![
        failed("401 for ever", error(401, None), "unauthorized"),
        failed("403", error(403, None), "provider_refused"),
        failed(
            "403 for a scope",
            error(403, Some("insufficientPermissions")),
            "provider_refused",
        ),
        failed(
            "403 for the API",
            error(403, Some("accessNotConfigured")),
            "provider_refused",
        ),
        failed(
            "403 for the domain",
            error(403, Some("domainCannotUseApis")),
            "provider_refused",
        ),
        failed("404", error(404, None), "provider_refused"),
        failed("412 for ever", error(412, None), "provider_unavailable"),
        failed("400", error(400, None), "provider_refused"),
        failed("429 for ever", error(429, None), "provider_unavailable"),
        failed("500 for ever", error(500, None), "provider_unavailable"),
        failed(
            "502 of HTML for ever",
            FaultKind::Html { status: 502 },
            "provider_unavailable",
        ),
        failed(
            "HTML with 200 for ever",
            FaultKind::Html { status: 200 },
            "provider_unavailable",
        ),
        failed(
            "JSON cut off for ever",
            FaultKind::TruncatedBody,
            "provider_unavailable",
        ),
        failed(
            "connections reset for ever",
            FaultKind::ConnectionReset,
            "provider_unavailable",
        ),
        row(
            "no tree",
            Fault::at(ORG_UNITS, error(403, None)),
            End::Failed("provider_refused"),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn successes_that_can_not_be_true_take_nobody_away() {
    let stopped = |what, fault| row(what, fault, End::Stopped);
    check(vec![
        stopped("empty lists", Fault::at(USERS, FaultKind::EmptyLists)),
        stopped("an empty tree", Fault::at(ORG_UNITS, FaultKind::EmptyLists)),
        stopped(
            "an empty page for ever",
            Fault::at(USERS, FaultKind::EmptyPage),
        ),
        stopped(
            "a repeated page token",
            Fault::at(USERS, FaultKind::RepeatedPageToken),
        ),
        stopped(
            "pages without end",
            Fault::at(USERS, FaultKind::EndlessPages),
        ),
        stopped(
            "the same page twice",
            Fault::at(USERS, FaultKind::DuplicatePage),
        ),
        row(
            "a page token left out",
            list_of("/Students", FaultKind::MissingNextPageToken).page(1),
            End::Doubted,
        ),
        row(
            "no students once",
            list_of("/Students", FaultKind::EmptyLists).times(1),
            End::Stopped,
        ),
        row(
            "no staff once",
            list_of("/Staff", FaultKind::EmptyLists).times(1),
            End::Doubted,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_with_a_field_missing_or_of_another_type_are_named_and_kept() {
    let named = |what, kind| row(what, Fault::at(USERS, kind).times(1), End::Named(1));
    let number = Some(json!(7));
    check(vec![
        named("no address", field(0, "primaryEmail", None)),
        named(
            "no real address",
            field(1, "primaryEmail", Some(json!("nobody"))),
        ),
        named("a number for an address", field(2, "primaryEmail", number)),
        // The record, and the person whom no record shows any more.
        row(
            "no id",
            Fault::at(USERS, field(3, "id", None)).times(1),
            End::Named(2),
        ),
        named(
            "a word for suspended",
            field(4, "suspended", Some(json!("yes"))),
        ),
        named("a list for a name", field(5, "name", Some(json!([1])))),
        named("no org unit", field(6, "orgUnitPath", None)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_authorisation_needs_somebody_and_takes_nobody_away() {
    for end in [GrantEnd::Revoked, GrantEnd::ReauthRequired] {
        let (world, district, accounts) = imported().await;
        let admin = world.google.accounts().super_admin;
        assert!(world.google.end_grants(&admin, end));
        let run = world.sync(&district).await.unwrap();
        assert_eq!(run["state"], "failed", "{run}");
        assert_eq!(run["failure"]["code"], "reconnect_needed");
        let path = district.connection_path("");
        let connection = district.admin.get(&path).await.unwrap();
        assert_eq!(connection["state"], "reconnect_needed", "{connection}");
        assert!(connection["attention"].is_string(), "{connection}");
        assert_eq!(world.accounts(&district).await.unwrap(), accounts);
        // The next night says the same without asking Google again.
        world.google.journal().clear();
        let again = world.sync(&district).await.unwrap();
        assert_eq!(again["failure"]["code"], "reconnect_needed");
        assert!(world.google.journal().is_empty());

        district
            .authorize(&world.google, &Outcome::allow(&admin))
            .await
            .unwrap();
        district.save().await.unwrap();
        let healed = world.sync(&district).await.unwrap();
        assert_eq!(healed["state"], "unchanged", "{healed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_says_nothing_is_given_up_on_and_asked_again() {
    let world = World::of(60).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    // Longer than an exchange may take; the second attempt is answered at once.
    let stall = Fault::at(USERS, FaultKind::Stall { seconds: 30 }).times(1);
    world.google.faults().add(stall);
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["state"], "applied", "{run}");
    assert_eq!(world.google.faults().fired(), [1]);
}
