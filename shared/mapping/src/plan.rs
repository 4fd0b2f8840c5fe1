//! The plan: what a run would change, one person at a time (SPEC section 7).
//!
//! [`step`] compares three things: what the source shows of a person ([`Observation`]), what the
//! connection said last time ([`BaseEntry`], the merge base) and the account as it is. Since the
//! base tells which side moved, rules and the world can be told apart:
//!
//! - the record changed: the account follows it, except for pinned fields;
//! - only the rules changed: the account follows them too, but nobody is suspended or deleted for
//!   it. Who is not reached any more is kept and marked as no longer in scope;
//! - the person left: what [`Leaving`](crate::rules::Leaving) says;
//! - nobody can say: nothing happens, and an issue tells so.
//!
//! Several connections may hold one account. Then the account keeps what each of them says
//! ([`Statement`](crate::account::Statement)): the order of connections decides whose word counts
//! for a field, roles and memberships are those of all, and a person who leaves one of them loses
//! that link and what only it said.
//!
//! **Invariant:** a step whose change and base update are carried out has nothing left to do:
//! the same step again gives no change.

mod apply;
mod by_hand;
mod change;
mod fields;
mod leaving;
mod resolution;
mod statements;
mod step;

pub use apply::apply;
pub use by_hand::{AccountEdit, ByHandError, RESTORABLE_MS, edit, restore, undo};
pub use change::{Change, ChangeKind, Reason};
pub use resolution::Resolution;
pub use step::step;

use crate::account::{Account, Email, Role};
use crate::evaluate::CompiledRules;
use crate::ids::{AccountId, ConnectionId, ExternalId};
use crate::issue::Issue;
use crate::rules::RuleSetVersion;
use crate::source::{RecordDigest, SourceRecord};
use serde::{Deserialize, Serialize};

/// What a connection said about a person last time. One exists per person and connection, so its
/// names are short when stored.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct BaseEntry {
    /// The person's account.
    #[serde(rename = "a")]
    pub account: AccountId,
    /// Digest of the record, or [`RecordDigest`] of a mark when there was none.
    #[serde(rename = "d")]
    pub digest: RecordDigest,
    /// The rules that were in force.
    #[serde(rename = "r")]
    pub rules: RuleSetVersion,
    /// What those rules said.
    #[serde(rename = "s", default, skip_serializing_if = "is_default")]
    pub scope: Scope,
}

/// Where a person stood last time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Scope {
    /// In scope.
    #[default]
    #[serde(rename = "i")]
    In,
    /// Left, and was dealt with.
    #[serde(rename = "l")]
    Left,
    /// Not reached any more, and kept.
    #[serde(rename = "n")]
    NoLonger,
}

/// Why a person who was there is not in the snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// The source confirmed that the person is gone.
    Deleted,
    /// The person exists, where no rule reaches.
    MovedOutOfScope,
    /// The person's org unit could not be read.
    UnitNotRead,
    /// The source did not say.
    Unconfirmed,
}

/// What a snapshot shows of one person.
#[derive(Clone, Copy, Debug)]
pub enum Observation<'a> {
    /// Nothing, though the base has an entry.
    Absent {
        /// The person's id at the provider.
        external_id: &'a ExternalId,
        /// Why.
        absence: Absence,
    },
    /// This record.
    Present(&'a SourceRecord),
}

/// Everything that is known about one person.
#[derive(Clone, Debug)]
pub struct StepInput<'a> {
    /// The connection whose snapshot this is.
    pub connection: &'a ConnectionId,
    /// The rules in force.
    pub rules: &'a CompiledRules,
    /// What the snapshot shows.
    pub observation: Observation<'a>,
    /// What the connection said last time.
    pub base: Option<&'a BaseEntry>,
    /// The account that the base names or an explicit link leads to; `None` if it is gone.
    pub account: Option<&'a Account>,
    /// The account that has the record's address, if it is another than `account`. An account
    /// that is not deleted goes before a deleted one.
    pub matched: Option<&'a Account>,
    /// True when another record of the same snapshot has the record's address.
    pub email_shared: bool,
    /// What an administrator said about the person, when it could not be decided otherwise.
    pub resolution: Option<&'a Resolution>,
    /// The tenant's connections in the order in which their word counts.
    pub precedence: &'a [ConnectionId],
    /// Id for the account, should one be made.
    pub new_account_id: AccountId,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// What becomes of the base entry.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseUpdate {
    /// It stays as it is, or absent.
    Keep,
    /// It is written.
    Put(BaseEntry),
    /// It is removed.
    Remove,
}

/// What a step says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepOutcome {
    /// What changes on the roster, if anything.
    pub change: Option<Change>,
    /// What becomes of the base entry.
    pub base: BaseUpdate,
    /// What is wrong.
    pub issues: Vec<Issue>,
}

/// True when neither the record nor the rules changed: there is nothing to do, and the account
/// need not be read.
pub fn is_unchanged(base: &BaseEntry, digest: RecordDigest, version: RuleSetVersion) -> bool {
    base.digest == digest && base.rules == version
}

/// True when an absence was dealt with before: there is nothing to do, and the account need not
/// be read.
pub fn is_settled(base: &BaseEntry, absence: Absence) -> bool {
    match absence {
        Absence::Deleted => base.digest == gone_digest(),
        Absence::MovedOutOfScope | Absence::UnitNotRead | Absence::Unconfirmed => {
            base.scope != Scope::In
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Stands in a base entry for a record that is to be compared again: no record and no absence has
/// this digest.
pub fn forgotten_digest() -> RecordDigest {
    RecordDigest::of(b"forgotten")
}

/// Stands in a base entry for the record of a person who was deleted at the source.
fn gone_digest() -> RecordDigest {
    RecordDigest::of(b"gone")
}

/// Stands in a base entry for the record of a person who was not shown any more.
fn unseen_digest() -> RecordDigest {
    RecordDigest::of(b"unseen")
}

/// Digest of everything in a record, the same for equal records whoever read them.
///
/// Every part is preceded by its length, so that no two different records have the same bytes.
pub fn record_digest(record: &SourceRecord) -> RecordDigest {
    let mut bytes = Vec::with_capacity(256);
    let mut part = |text: Option<&str>| match text {
        Some(text) => {
            bytes.extend_from_slice(&(text.len() as u64 + 1).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        None => bytes.extend_from_slice(&0_u64.to_le_bytes()),
    };
    part(Some(record.external_id.as_str()));
    part(record.email.as_ref().map(Email::as_str));
    part(record.username.as_deref());
    part(Some(&record.given_name));
    part(Some(&record.family_name));
    part(record.org_unit_path.as_deref());
    part(record.grade.as_deref());
    part(Some(if record.email_verified {
        "verified"
    } else {
        ""
    }));
    part(Some(if record.suspended { "suspended" } else { "" }));
    for role in &record.roles {
        part(Some(role_name(*role)));
    }
    part(None);
    for group in &record.groups {
        part(Some(&group.address));
        part(Some(&group.name));
    }
    if record.partial {
        part(Some("partial"));
    }
    if !record.placements.is_empty() {
        part(None);
    }
    for placement in &record.placements {
        part(Some(placement.school.as_str()));
        part(Some(role_name(placement.role)));
        part(placement.grade.as_deref());
    }
    RecordDigest::of(&bytes)
}

/// A role as it goes into digests; never changed, or everybody would look changed.
fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Parent => "parent",
        Role::Staff => "staff",
        Role::Student => "student",
        Role::Teacher => "teacher",
    }
}
