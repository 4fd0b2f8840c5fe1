//! Matching: finding the account of a person whom this connection did not know yet
//! (SPEC section 7, step 4).
//!
//! The same provider key seen before and an explicit link come first; the engine looks those up.
//! What is left is the address, and the address alone is weak evidence: it is trusted only if the
//! provider vouches for it, nobody else on either side claims it, and nobody would be taken for a
//! person of another age. Names are never compared.

use crate::account::{Account, Role, Status, StatusCause};
use crate::evaluate::Desired;
use crate::ids::{ConnectionId, ExternalId};
use crate::issue::IssueKind;
use crate::source::SourceRecord;
use std::collections::BTreeSet;

/// Whether a person and the account that has their address are one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// They are: link them.
    Link,
    /// It can't be said: somebody has to resolve it by hand.
    Refuse(IssueKind),
    /// They are not, and the account is no obstacle: it was deleted by hand, so its address is
    /// free.
    Separate,
}

/// Judges an account that has the address of an incoming person.
///
/// `email_shared` says that another record of the same snapshot has this address too.
pub fn match_by_email(
    connection: &ConnectionId,
    record: &SourceRecord,
    email_shared: bool,
    desired: &Desired,
    candidate: &Account,
) -> Match {
    if candidate.status == Status::Deleted
        && matches!(candidate.status_cause, None | Some(StatusCause::ByHand))
    {
        return Match::Separate;
    }
    let has_other_record = candidate
        .sources
        .iter()
        .any(|link| link.connection == *connection && link.external_id != record.external_id);
    if email_shared || has_other_record {
        return Match::Refuse(IssueKind::MatchNotUnique);
    }
    let with = candidate.id.clone();
    if !record.email_verified {
        return Match::Refuse(IssueKind::UnverifiedEmail { with });
    }
    if !are_compatible(&desired.roles, &candidate.roles) {
        return Match::Refuse(IssueKind::RolesIncompatible { with });
    }
    Match::Link
}

/// True when an account is another person's of the same connection by now, though this one had it
/// once: they were deleted at the source, somebody made anew there took the account over by its
/// address, and then they came back.
pub fn is_of_another(
    connection: &ConnectionId,
    external_id: &ExternalId,
    account: &Account,
) -> bool {
    let mut links = (account.sources.iter()).filter(|link| link.connection == *connection);
    links.clone().next().is_some() && links.all(|link| link.external_id != *external_id)
}

/// False when one side is a student and the other an adult.
pub fn are_compatible(a: &BTreeSet<Role>, b: &BTreeSet<Role>) -> bool {
    let is_student = |roles: &BTreeSet<Role>| roles.contains(&Role::Student);
    let is_adult = |roles: &BTreeSet<Role>| roles.iter().any(|role| role.is_adult());
    !(is_student(a) && is_adult(b) || is_adult(a) && is_student(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_student_is_never_one_with_an_adult() {
        use Role::{Admin, Parent, Staff, Student, Teacher};
        for (a, b, expected) in [
            (vec![Student], vec![Student], true),
            (vec![Teacher], vec![Admin, Teacher], true),
            (vec![Parent], vec![Staff], true),
            (vec![], vec![Student], true),
            (vec![Student], vec![Teacher], false),
            (vec![Student], vec![Parent], false),
            (vec![Student], vec![Student, Teacher], false),
        ] {
            let (a, b) = (BTreeSet::from_iter(a), BTreeSet::from_iter(b));
            assert_eq!(are_compatible(&a, &b), expected, "{a:?} {b:?}");
            assert_eq!(are_compatible(&b, &a), expected, "{b:?} {a:?}");
        }
    }
}
