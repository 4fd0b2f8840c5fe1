//! What tests of several providers share.

use driver::District;
use e2e::World;
use serde_json::Value;
use std::collections::BTreeMap;

/// Accounts by id.
pub(crate) type Roster = BTreeMap<String, Value>;

/// The domain that counts as the district's own.
pub(crate) fn own_domain() -> Value {
    serde_json::json!({"email_domains": [e2e::DOMAIN]})
}

/// The roster as it is stored, to the byte.
pub(crate) fn stored(world: &World) -> [BTreeMap<String, Vec<u8>>; 2] {
    [world.stored("roster/"), world.stored("blob/")]
}

/// Runs that applied something, or had nothing to apply.
pub(crate) fn ended(run: &Value, state: &str) {
    assert_eq!(run["state"], state, "{run}");
}

/// The whole run failed with this code.
pub(crate) fn failed(run: &Value, code: &str) {
    ended(run, "failed");
    assert_eq!(run["failure"]["code"], code, "{run}");
}

/// What a run counted of creates, updates, suspensions, restorations and deletions.
pub(crate) fn counts(run: &Value) -> [u64; 5] {
    let total = &run["counts"]["total"];
    let kinds = [
        "creates",
        "updates",
        "suspensions",
        "restorations",
        "deletions",
    ];
    kinds.map(|kind| total[kind].as_u64().unwrap_or_default())
}

/// Accounts that are active.
pub(crate) fn active(roster: &Roster) -> usize {
    let active = roster
        .values()
        .filter(|account| account["status"] == "active");
    active.count()
}

/// The one account for which something holds.
pub(crate) fn only(roster: &Roster, holds: impl Fn(&Value) -> bool) -> Value {
    let mut found = roster.values().filter(|account| holds(account));
    let first = found.next().cloned().unwrap_or_default();
    assert!(first.is_object(), "there is no such account");
    assert!(found.next().is_none(), "there are several such accounts");
    first
}

/// Whoever was active is active, but for so many.
pub(crate) fn nobody_is_lost(before: &Roster, after: &Roster, but: usize) {
    let is_active = |account: &Value| account["status"] == "active";
    let lost = before.iter().filter(|(id, account)| {
        is_active(account) && !after.get(id.as_str()).is_some_and(is_active)
    });
    assert_eq!(lost.count(), but, "accounts are lost");
}

/// The reasons for which a run is held.
pub(crate) fn refusals(run: &Value) -> Vec<&str> {
    let refusals = run["refusals"].as_array().map(Vec::as_slice);
    let refusals = refusals.unwrap_or_default().iter();
    refusals
        .filter_map(|refusal| refusal["refusal"].as_str())
        .collect()
}

/// A connection, as it is shown.
pub(crate) async fn connection(district: &District) -> Value {
    let path = district.connection_path("");
    district.admin.get(&path).await.unwrap()
}

/// What a run found wrong.
pub(crate) async fn issues(district: &District, run: &Value) -> Vec<Value> {
    let path = format!("/runs/{}/issues", run["id"].as_str().unwrap());
    district.all(&district.path(&path)).await.unwrap()
}
