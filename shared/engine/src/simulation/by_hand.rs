//! What administrators do by hand, and what follows from it for the comparison with the truth.

use super::Simulation;
use super::dice::Dice;
use super::processes::Outcome;
use crate::audit::Actor;
use crate::by_hand;
use crate::hints;
use crate::runs::{self, Trigger, TriggerKind};
use connectors::fetch::Whom;
use mapping::account::{Account, Status, StatusCause};
use mapping::ids::{AccountId, ExternalId, Generation};
use mapping::plan::AccountEdit;

/// One thing done by hand; numbers choose among those whom it can concern.
#[derive(Clone, Copy, Debug)]
pub(super) enum ByHand {
    /// A person is looked at alone.
    Look(usize),
    /// An account gets another name, which is pinned.
    Name(usize),
    /// An account is protected, or not any more.
    Protect(usize),
    /// A deleted account is restored.
    Restore(usize),
    /// An account is suspended.
    Suspend(usize),
    /// The newest commits, so many, are undone.
    Undo(u64),
    /// Everything that was pinned follows the source again.
    Unpin(usize),
}

impl ByHand {
    pub(super) fn choose(dice: &mut Dice) -> Self {
        let who = dice.index(1_000);
        match dice.below(20) {
            0..8 => ByHand::Look(who),
            8..11 => ByHand::Name(who),
            11..12 => ByHand::Protect(who),
            12..14 => ByHand::Restore(who),
            14..15 => ByHand::Suspend(who),
            15..17 => ByHand::Undo(1 + dice.below(3)),
            _ => ByHand::Unpin(who),
        }
    }
}

/// Whether an administrator decided something about an account, so that it need not be what its
/// source says.
pub(super) fn is_decided(account: &Account) -> bool {
    account.protected
        || !account.pinned.is_empty()
        || account.status_cause == Some(StatusCause::ByHand)
}

impl Simulation {
    pub(super) fn by_hand(&mut self, what: ByHand) {
        let who = match what {
            ByHand::Look(who) => return self.look(who),
            ByHand::Undo(back) => return self.undo(back),
            ByHand::Name(who)
            | ByHand::Protect(who)
            | ByHand::Restore(who)
            | ByHand::Suspend(who)
            | ByHand::Unpin(who) => who,
        };
        let concerned: Vec<&Account> = self
            .observer
            .replayed
            .values()
            .filter(|account| match what {
                ByHand::Restore(_) => account.status == Status::Deleted,
                ByHand::Unpin(_) => !account.pinned.is_empty(),
                ByHand::Look(_)
                | ByHand::Name(_)
                | ByHand::Protect(_)
                | ByHand::Suspend(_)
                | ByHand::Undo(_) => true,
            })
            .collect();
        if concerned.is_empty() {
            return;
        }
        let account = concerned[who % concerned.len()].clone();
        let edit = match what {
            ByHand::Name(_) => AccountEdit {
                given_name: Some(format!("By hand {}", self.step)),
                ..AccountEdit::default()
            },
            ByHand::Protect(_) => AccountEdit {
                protected: Some(!account.protected),
                ..AccountEdit::default()
            },
            ByHand::Suspend(_) => AccountEdit {
                status: Some(Status::Suspended),
                ..AccountEdit::default()
            },
            ByHand::Look(_) | ByHand::Restore(_) | ByHand::Undo(_) | ByHand::Unpin(_) => {
                AccountEdit {
                    unpin: account.pinned.clone(),
                    ..AccountEdit::default()
                }
            }
        };
        self.edit(account.id, edit, matches!(what, ByHand::Restore(_)));
    }

    fn edit(&mut self, id: AccountId, edit: AccountEdit, restore: bool) {
        let tenant = self.world.tenant.clone();
        self.visit(move |ports| async move {
            let who = Actor::Operator;
            Outcome::ByHand(if restore {
                by_hand::request_restore(&ports, &who, &tenant, &id).await
            } else {
                by_hand::request_edit(&ports, &who, &tenant, &id, edit).await
            })
        });
    }

    fn undo(&mut self, back: u64) {
        let newest = self.observer.newest.generation;
        let first = Generation(newest.0.saturating_sub(back - 1).max(1));
        let tenant = self.world.tenant.clone();
        self.visit(move |ports| async move {
            let who = Actor::Operator;
            Outcome::ByHand(by_hand::request_undo(&ports, &who, &tenant, first, true).await)
        });
    }

    fn look(&mut self, who: usize) {
        let google = self.world.google.lock().unwrap();
        let which = usize::from(who.is_multiple_of(3));
        let found = google.of(which);
        let len = found.users.len().max(1);
        let Some(id) = found.users.keys().nth(who % len).cloned() else {
            return;
        };
        drop(google);
        let (tenant, connection) = (self.world.tenant.clone(), self.connection(which));
        self.visit(move |ports| async move {
            let whom = Whom::Id(ExternalId::parse(id).unwrap());
            if let Err(error) = hints::add(&ports, &tenant, &connection, &whom).await {
                return Outcome::Asked(Err(error));
            }
            let trigger = Trigger {
                kind: TriggerKind::Push,
                by: "simulation".to_owned(),
            };
            Outcome::Asked(runs::request_look(&ports, &tenant, trigger).await)
        });
    }
}
