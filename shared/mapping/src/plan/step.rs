//! The decision for one person.

use super::{
    BaseEntry, BaseUpdate, Change, Observation, Reason, Resolution, Scope, StepInput, StepOutcome,
    fields, is_unchanged, leaving, record_digest, statements,
};
use crate::account::{Account, Email, Field, SourceLink, Statement, Status, StatusCause};
use crate::evaluate::{Desired, Evaluation, evaluate};
use crate::ids::{AccountId, ExternalId};
use crate::issue::{Issue, IssueKind};
use crate::matching::{Match, match_by_email};
use crate::source::{RecordDigest, SourceRecord};

/// Decides what changes for one person. See the module for the rules.
pub fn step(input: &StepInput<'_>) -> StepOutcome {
    match input.observation {
        Observation::Absent {
            external_id,
            absence,
        } => leaving::absent(input, external_id, absence),
        Observation::Present(record) => present(input, record),
    }
}

fn present(input: &StepInput<'_>, record: &SourceRecord) -> StepOutcome {
    let seen = Seen {
        record,
        digest: record_digest(record),
    };
    let version = input.rules.version();
    if (input.base).is_some_and(|base| is_unchanged(base, seen.digest, version)) {
        return StepOutcome::nothing();
    }
    match evaluate(input.rules, record) {
        Evaluation::InScope(mut desired) => {
            if input.resolution == Some(&Resolution::Separate) {
                // Two people with one address, and it is the other's.
                desired.email = None;
            }
            match input.account {
                Some(account) => known(input, &seen, &desired, account),
                None => newcomer(input, &seen, &desired),
            }
        }
        Evaluation::OutOfScope(why) => leaving::out_of_scope(input, &seen, why),
        Evaluation::Unusable(kind) => input.refuse(&record.external_id, kind),
    }
}

/// A record with its digest.
pub(super) struct Seen<'a> {
    pub(super) record: &'a SourceRecord,
    pub(super) digest: RecordDigest,
}

impl Seen<'_> {
    /// True when the record itself changed since last time: a change of rules alone never
    /// suspends.
    pub(super) fn is_news(&self, base: Option<&BaseEntry>) -> bool {
        base.is_none_or(|base| base.digest != self.digest)
    }
}

/// A person in scope whom this connection did not know.
fn newcomer(input: &StepInput<'_>, seen: &Seen<'_>, desired: &Desired) -> StepOutcome {
    let record = seen.record;
    if desired.suspended || input.resolution == Some(&Resolution::Ignore) {
        return StepOutcome::nothing();
    }
    if let Some(Resolution::Link { account: with }) = input.resolution {
        let Some(account) = input.matched.filter(|account| account.id == *with) else {
            let with = with.clone();
            return input.refuse(&record.external_id, IssueKind::LinkBroken { with });
        };
        let cause = desired.cause.clone();
        let change = follow(input, seen, desired, account, Reason::Linked { cause });
        return input.in_scope(seen, &account.id, change.0, change.1);
    }
    let verdict = match input.matched {
        Some(_) if desired.email.is_none() => Match::Separate,
        Some(candidate) => match_by_email(
            input.connection,
            record,
            input.email_shared,
            desired,
            candidate,
        ),
        None if input.email_shared && desired.email.is_some() => {
            Match::Refuse(IssueKind::MatchNotUnique)
        }
        None => Match::Separate,
    };
    match (verdict, input.matched) {
        (Match::Link, Some(account)) => {
            let cause = desired.cause.clone();
            let change = follow(input, seen, desired, account, Reason::Matched { cause });
            input.in_scope(seen, &account.id, change.0, change.1)
        }
        (Match::Refuse(kind), _) => input.refuse(&record.external_id, kind),
        (Match::Separate, Some(_)) if input.email_shared && desired.email.is_some() => {
            input.refuse(&record.external_id, IssueKind::MatchNotUnique)
        }
        (Match::Separate | Match::Link, _) => {
            let id = input.new_account_id.clone();
            let link = input.link(&record.external_id);
            let account = fields::new_account(id.clone(), desired, link, input.now_ms);
            let cause = desired.cause.clone();
            let change = Change::create(account, Reason::Imported { cause });
            input.in_scope(seen, &id, Some(change), None)
        }
    }
}

/// A person in scope with an account.
fn known(
    input: &StepInput<'_>,
    seen: &Seen<'_>,
    desired: &Desired,
    account: &Account,
) -> StepOutcome {
    let stays_deleted = account.status == Status::Deleted
        && (desired.suspended || fields::is_status_by_hand(account));
    if stays_deleted {
        return input.in_scope(seen, &account.id, None, None);
    }
    let cause = desired.cause.clone();
    let change = follow(input, seen, desired, account, Reason::Imported { cause });
    input.in_scope(seen, &account.id, change.0, change.1)
}

/// Makes an account follow its source. The issue, if any, says what could not be done.
fn follow(
    input: &StepInput<'_>,
    seen: &Seen<'_>,
    desired: &Desired,
    account: &Account,
    cause: Reason,
) -> (Option<Change>, Option<IssueKind>) {
    let mut after = account.clone();
    if account.protected {
        after.sources.insert(input.link(&seen.record.external_id));
        return (Change::between(account, after, cause, input.now_ms), None);
    }
    let mut said = Statement::of(desired);
    if desired.partial {
        said.keep(account, input.connection);
    }
    let said = statements::state(&mut after, input.connection, said, input.precedence);
    let conflict = (said.email.as_ref()).and_then(|email| address_conflict(input, account, email));
    if conflict.is_some() && account.status == Status::Deleted {
        return (None, conflict);
    }
    let follows_email = conflict.is_none() && !account.pinned.contains(&Field::Email);
    if follows_email && said.email.is_some() {
        after.email.clone_from(&said.email);
    }
    fields::follow(&mut after, &said);
    after.sources.insert(input.link(&seen.record.external_id));
    after.no_longer_in_scope = false;
    let mut cause = cause;
    if said.suspended {
        if seen.is_news(input.base) && fields::may_remove(account) {
            fields::suspend(&mut after, StatusCause::SuspendedAtSource);
            cause = Reason::SuspendedAtSource;
        }
    } else if !fields::is_status_by_hand(account) {
        fields::restore(&mut after);
    }
    (
        Change::between(account, after, cause, input.now_ms),
        conflict,
    )
}

/// Why an account may not take or keep an address.
fn address_conflict(input: &StepInput<'_>, account: &Account, email: &Email) -> Option<IssueKind> {
    let is_new = account.email.as_ref() != Some(email) || account.status == Status::Deleted;
    if !is_new || account.pinned.contains(&Field::Email) {
        return None;
    }
    let holder =
        (input.matched).filter(|other| other.id != account.id && other.status != Status::Deleted);
    match holder {
        Some(other) => Some(IssueKind::AddressTaken {
            by: other.id.clone(),
        }),
        None => input.email_shared.then_some(IssueKind::MatchNotUnique),
    }
}

impl StepOutcome {
    pub(super) fn nothing() -> Self {
        Self {
            change: None,
            base: BaseUpdate::Keep,
            issues: Vec::new(),
        }
    }
}

impl StepInput<'_> {
    fn link(&self, external_id: &ExternalId) -> SourceLink {
        SourceLink {
            connection: self.connection.clone(),
            external_id: external_id.clone(),
        }
    }

    /// Nothing is done but to say why.
    pub(super) fn refuse(&self, external_id: &ExternalId, kind: IssueKind) -> StepOutcome {
        let account = self.account.map(|account| account.id.clone());
        StepOutcome {
            issues: vec![Issue::new(kind, Some(external_id.clone()), account)],
            ..StepOutcome::nothing()
        }
    }

    /// A change with the base entry that belongs to it.
    pub(super) fn put(
        &self,
        account: &Account,
        digest: RecordDigest,
        scope: Scope,
        change: Option<Change>,
    ) -> StepOutcome {
        StepOutcome {
            change,
            base: self.base_update(&account.id, digest, scope),
            issues: Vec::new(),
        }
    }

    /// The outcome for a person in scope. While something could not be done the base stays, so
    /// that the next run tries again.
    fn in_scope(
        &self,
        seen: &Seen<'_>,
        account: &AccountId,
        change: Option<Change>,
        conflict: Option<IssueKind>,
    ) -> StepOutcome {
        let record = seen.record;
        let base = match conflict {
            Some(_) => BaseUpdate::Keep,
            None => self.base_update(account, seen.digest, Scope::In),
        };
        let is_nameless =
            record.given_name.trim().is_empty() && record.family_name.trim().is_empty();
        let is_nowhere = record.email.is_none() && record.username.is_none();
        let issues = conflict
            .into_iter()
            .chain(is_nameless.then_some(IssueKind::MissingName))
            .chain(is_nowhere.then_some(IssueKind::NoAddress))
            .map(|kind| {
                Issue::new(
                    kind,
                    Some(record.external_id.clone()),
                    Some(account.clone()),
                )
            })
            .collect();
        StepOutcome {
            change,
            base,
            issues,
        }
    }

    fn base_update(&self, account: &AccountId, digest: RecordDigest, scope: Scope) -> BaseUpdate {
        let entry = BaseEntry {
            account: account.clone(),
            digest,
            rules: self.rules.version(),
            scope,
        };
        if self.base == Some(&entry) {
            BaseUpdate::Keep
        } else {
            BaseUpdate::Put(entry)
        }
    }
}
