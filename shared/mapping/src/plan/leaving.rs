//! People who leave, and people who only seem to.

use super::statements::withdraw;
use super::step::Seen;
use super::{
    Absence, BaseUpdate, Change, Reason, Scope, StepInput, StepOutcome, fields, gone_digest,
    is_settled, unseen_digest,
};
use crate::account::{Account, Field, Status, StatusCause};
use crate::evaluate::OutOfScope;
use crate::ids::ExternalId;
use crate::issue::IssueKind;
use crate::rules::LeavingAction;

/// A person whom the source shows, but the rules don't want.
pub(super) fn out_of_scope(input: &StepInput<'_>, seen: &Seen<'_>, why: OutOfScope) -> StepOutcome {
    let (Some(account), base) = (input.account, input.base) else {
        return StepOutcome {
            base: input.base.map_or(BaseUpdate::Keep, |_| BaseUpdate::Remove),
            ..StepOutcome::nothing()
        };
    };
    let digest = seen.digest;
    match base {
        Some(base) if base.scope == Scope::Left => input.put(account, digest, Scope::Left, None),
        Some(base) if base.scope == Scope::In && base.rules == input.rules.version() => {
            let why = Some(why);
            let reason = Reason::MovedOutOfScope { why };
            let (change, scope) = leave(input, account, &seen.record.external_id, reason);
            input.put(account, digest, scope, change)
        }
        _ => {
            let change = keep_unreached(input, seen, account, why);
            input.put(account, digest, Scope::NoLonger, change)
        }
    }
}

/// A person kept though no rule reaches them: only a suspension at the source and its end still
/// reach the account.
fn keep_unreached(
    input: &StepInput<'_>,
    seen: &Seen<'_>,
    account: &Account,
    why: OutOfScope,
) -> Option<Change> {
    if account.protected {
        return None;
    }
    let mut after = account.clone();
    let mut reason = Reason::RulesChanged { why: Some(why) };
    if !fields::is_shared(account, input.connection) {
        after.no_longer_in_scope = true;
        if seen.record.suspended && seen.is_news(input.base) && fields::may_remove(account) {
            fields::suspend(&mut after, StatusCause::SuspendedAtSource);
            reason = Reason::SuspendedAtSource;
        }
    }
    let is_suspended_there = account.status_cause == Some(StatusCause::SuspendedAtSource);
    if !seen.record.suspended
        && is_suspended_there
        && account.status == Status::Suspended
        && !fields::is_status_by_hand(account)
    {
        fields::restore(&mut after);
        reason = Reason::UnsuspendedAtSource;
    }
    Change::between(account, after, reason, input.now_ms)
}

/// A person whom the base knows and the snapshot does not show.
pub(super) fn absent(
    input: &StepInput<'_>,
    external_id: &ExternalId,
    absence: Absence,
) -> StepOutcome {
    let Some(base) = input.base else {
        return StepOutcome::nothing();
    };
    if is_settled(base, absence) {
        return StepOutcome::nothing();
    }
    let kind = match absence {
        Absence::Unconfirmed => Some(IssueKind::AbsenceUnconfirmed),
        Absence::UnitNotRead => Some(IssueKind::UnitNotRead),
        Absence::Deleted | Absence::MovedOutOfScope => None,
    };
    if let Some(kind) = kind {
        return input.refuse(external_id, kind);
    }
    let Some(account) = input.account else {
        return StepOutcome {
            base: BaseUpdate::Remove,
            ..StepOutcome::nothing()
        };
    };
    if absence == Absence::Deleted {
        let (change, _) = leave(input, account, external_id, Reason::DeletedAtSource);
        return input.put(account, gone_digest(), Scope::Left, change);
    }
    if base.rules == input.rules.version() {
        let reason = Reason::MovedOutOfScope { why: None };
        let (change, scope) = leave(input, account, external_id, reason);
        return input.put(account, unseen_digest(), scope, change);
    }
    let mut after = account.clone();
    after.no_longer_in_scope |= !fields::is_shared(account, input.connection);
    let reason = Reason::RulesChanged { why: None };
    let change = Change::between(account, after, reason, input.now_ms);
    input.put(account, unseen_digest(), Scope::NoLonger, change)
}

/// Does with a leaver's account what the rules say.
fn leave(
    input: &StepInput<'_>,
    account: &Account,
    external_id: &ExternalId,
    reason: Reason,
) -> (Option<Change>, Scope) {
    let is_gone = reason == Reason::DeletedAtSource;
    let (action, cause) = if is_gone {
        (input.rules.leaving().deleted, StatusCause::DeletedAtSource)
    } else {
        (input.rules.leaving().moved, StatusCause::MovedOutOfScope)
    };
    let mut after = account.clone();
    let is_shared = fields::is_shared(account, input.connection);
    // A source that does not have the person any more does not know them. Unlinking also lets a
    // person who was made anew there, with a new id, find the account by its address.
    if is_shared || is_gone {
        fields::unlink(&mut after, input.connection, external_id);
    }
    if is_shared && let Some(said) = withdraw(&mut after, input.connection, input.precedence) {
        if said.email.is_some() && !account.pinned.contains(&Field::Email) {
            after.email.clone_from(&said.email);
        }
        fields::follow(&mut after, &said);
    }
    let mut scope = Scope::Left;
    if !is_shared {
        match action {
            LeavingAction::Delete if fields::may_remove(account) => {
                fields::delete(&mut after, cause, input.now_ms);
            }
            LeavingAction::Suspend if fields::may_remove(account) => {
                fields::suspend(&mut after, cause);
            }
            LeavingAction::Keep if !is_gone => {
                after.no_longer_in_scope = true;
                scope = Scope::NoLonger;
            }
            LeavingAction::Delete | LeavingAction::Keep | LeavingAction::Suspend => {}
        }
    }
    (Change::between(account, after, reason, input.now_ms), scope)
}
