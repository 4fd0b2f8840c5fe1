//! Processes that share one store: each is a future that stops after every operation of a port,
//! and goes on, or dies there, when the simulation says so.

use super::dice::Dice;
use super::ledger::Ledger;
use crate::by_hand::RefusedByHand;
use crate::connections::ConnectionError;
use crate::error::Error;
use crate::holding::HoldError;
use crate::memory::{Fate, Gate, MemoryPorts, Operation};
use crate::runs::{Requested, RunState};
use crate::tick::TickReport;
use futures::task::noop_waker;
use jiff::SignedDuration;
use mapping::ids::{ConnectionId, RunId};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

/// What a process came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Asked(Result<Requested, Error>),
    ByHand(Result<RunId, RefusedByHand>),
    Decided(Result<RunState, HoldError>),
    Ordered(Result<Vec<ConnectionId>, ConnectionError>),
    Ticked(Result<TickReport, Error>),
}

type Work = Pin<Box<dyn Future<Output = Outcome>>>;

/// A process, perhaps with nothing to do.
pub(super) struct Process {
    pub(super) name: String,
    gate: Rc<ProcessGate>,
    work: Option<Work>,
    /// It does not go on before this step: its host sleeps.
    pub(super) frozen_until: u64,
    /// It falls asleep after so many operations.
    pub(super) dozes_after: Option<u64>,
}

impl Process {
    pub(super) fn new(
        name: String,
        dice: Dice,
        ports: &MemoryPorts,
        ledger: Arc<Mutex<Ledger>>,
    ) -> Self {
        let gate = ProcessGate {
            dice: Mutex::new(dice),
            ledger,
            ports: ports.clone(),
            skew_ms: AtomicI64::new(0),
            turns: Arc::new(AtomicU64::new(0)),
        };
        Self {
            name,
            gate: Rc::new(gate),
            work: None,
            frozen_until: 0,
            dozes_after: None,
        }
    }

    /// Begins some work with the ports as this process sees them.
    pub(super) fn start<W>(&mut self, work: impl FnOnce(MemoryPorts) -> W)
    where
        W: Future<Output = Outcome> + 'static,
    {
        let gate: Rc<dyn Gate> = Rc::<ProcessGate>::clone(&self.gate);
        self.work = Some(Box::pin(work(self.gate.ports.with_gate(gate))));
    }

    pub(super) fn is_busy(&self) -> bool {
        self.work.is_some()
    }

    /// The process dies where it is.
    pub(super) fn kill(&mut self) {
        self.work = None;
        self.frozen_until = 0;
    }

    pub(super) fn set_skew(&self, skew_ms: i64) {
        self.gate.skew_ms.store(skew_ms, Ordering::Relaxed);
    }

    /// Goes on until one more operation has happened.
    pub(super) fn go_on(&mut self) -> Option<Outcome> {
        let work = self.work.as_mut()?;
        let waker = noop_waker();
        self.gate.turns.store(1, Ordering::Relaxed);
        let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
        self.gate.turns.store(0, Ordering::Relaxed);
        match polled {
            Poll::Pending => None,
            Poll::Ready(outcome) => {
                self.work = None;
                Some(outcome)
            }
        }
    }
}

struct ProcessGate {
    dice: Mutex<Dice>,
    ledger: Arc<Mutex<Ledger>>,
    /// The shared state without any gate.
    ports: MemoryPorts,
    skew_ms: AtomicI64,
    turns: Arc<AtomicU64>,
}

impl Gate for ProcessGate {
    fn admit(&self, operation: Operation<'_>) -> Fate {
        let mut dice = self.dice.lock().unwrap();
        let mut ledger = self.ledger.lock().unwrap();
        self.ports.advance(Duration::from_millis(1 + dice.below(3)));
        let share = ledger.store_failures_per_mille;
        let fate = match dice.per_mille(share) {
            true if dice.per_mille(500) => Fate::FailAfter,
            true => Fate::FailBefore,
            false => Fate::Proceed,
        };
        if operation.writes && fate != Fate::FailBefore {
            ledger.note_write(&self.ports, operation.key);
        }
        fate
    }

    fn pause(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let turns = Arc::clone(&self.turns);
        Box::pin(std::future::poll_fn(move |context| {
            if turns.swap(0, Ordering::Relaxed) > 0 {
                return Poll::Ready(());
            }
            // So that a group of futures that this one belongs to looks at it again.
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }

    fn skew(&self) -> SignedDuration {
        SignedDuration::from_millis(self.skew_ms.load(Ordering::Relaxed))
    }
}
