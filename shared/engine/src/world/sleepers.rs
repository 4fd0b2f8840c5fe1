//! A worker that sleeps somewhere in a run for longer than its lease lasts, while another one goes
//! on with the run, and wakes when that is over.

use super::{FakeUser, World};
use crate::lease::Lease;
use crate::memory::{Fate, Gate, Operation, block_on};
use crate::runs::{self, RunState, Trigger, TriggerKind};
use crate::tick;
use futures::task::noop_waker;
use jiff::SignedDuration;
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Lets so many operations happen.
struct Sleeps(Rc<Cell<u64>>);

impl Gate for Sleeps {
    fn admit(&self, _: Operation<'_>) -> Fate {
        Fate::Proceed
    }

    fn pause(&self) -> Pin<Box<dyn Future<Output = ()>>> {
        let left = Rc::clone(&self.0);
        Box::pin(std::future::poll_fn(move |context| {
            if left.get() > 0 {
                left.set(left.get() - 1);
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }

    fn skew(&self) -> SignedDuration {
        SignedDuration::ZERO
    }
}

/// A district with somebody to update, somebody to suspend and somebody to make.
fn changed_world() -> World {
    let world = World::new((0..12).map(|n| FakeUser::new(n, "/Students")).collect());
    world.sync();
    world.google(|google| {
        google.user(1).given_name = "Zoë".to_owned();
        google.remove(2);
        google.add(FakeUser::new(20, "/Staff"));
    });
    world
}

/// Polls until the work is over or sleeps; true when it is over.
fn go_on(work: &mut Pin<&mut impl Future>, left: &Cell<u64>) -> bool {
    let waker = noop_waker();
    let mut context = Context::from_waker(&waker);
    loop {
        if work.as_mut().poll(&mut context).is_ready() {
            return true;
        }
        if left.get() == 0 {
            return false;
        }
    }
}

#[test]
fn a_worker_that_sleeps_while_it_takes_the_lease_does_not_take_it_from_another() {
    // It sleeps after it has read the lease, taken the number, and written the lease down.
    for operations in 0..=2 {
        let world = World::new(Vec::new());
        let take = || block_on(Lease::take(&world.ports, &world.tenant)).unwrap();
        let left = Rc::new(Cell::new(operations));
        let sleeper = world.ports.with_gate(Rc::new(Sleeps(Rc::clone(&left))));
        let mut work = pin!(Lease::take(&sleeper, &world.tenant));
        assert!(!go_on(&mut work, &left), "{operations}");
        let mut attempts = 0;
        let other = loop {
            world.ports.advance(Duration::from_secs(61));
            attempts += 1;
            assert!(attempts < 10);
            if let Some(lease) = take() {
                break lease;
            }
        };
        left.set(u64::MAX);
        if let Some(lease) = block_on(work).unwrap() {
            assert!(lease.fence < other.fence, "{operations}");
        }
        let is_held = block_on(other.is_held(&world.ports, &world.tenant));
        assert!(is_held.unwrap(), "{operations}");
    }
}

#[test]
fn a_request_that_wakes_after_its_run_was_served_puts_nothing_back() {
    let mut is_over = false;
    for operations in 1.. {
        let world = changed_world();
        let trigger = || Trigger {
            kind: TriggerKind::Api,
            by: "test".to_owned(),
        };
        let left = Rc::new(Cell::new(operations));
        let sleeper = world.ports.with_gate(Rc::new(Sleeps(Rc::clone(&left))));
        let mut work = pin!(runs::request(&sleeper, &world.tenant, trigger()));
        is_over |= go_on(&mut work, &left);
        if is_over {
            break;
        }
        block_on(runs::request(&world.ports, &world.tenant, trigger())).unwrap();
        block_on(world.tick_until_idle());
        left.set(u64::MAX);
        let asked = block_on(work).unwrap();
        block_on(world.tick_until_idle());
        for id in ["r000001", "r000002", asked.run.as_str()] {
            let id = mapping::ids::RunId::parse(id).unwrap();
            let run = block_on(runs::read(&world.ports, &world.tenant, &id)).unwrap();
            assert!(run.unwrap().state.is_finished(), "{operations} {id}");
        }
    }
    assert!(is_over);
}

#[test]
fn a_worker_that_wakes_after_another_finished_its_run_changes_nothing() {
    let expected = {
        let world = changed_world();
        world.sync();
        world.accounts().len()
    };
    let mut is_over = false;
    // A stride that shares no factor with the batch sizes meets each kind of operation.
    for operations in (1..).step_by(7) {
        let world = changed_world();
        let trigger = Trigger {
            kind: TriggerKind::Api,
            by: "test".to_owned(),
        };
        let asked = block_on(runs::request(&world.ports, &world.tenant, trigger)).unwrap();
        let left = Rc::new(Cell::new(operations));
        let sleeper = world.ports.with_gate(Rc::new(Sleeps(Rc::clone(&left))));
        let mut work = pin!(tick::tick(&sleeper));
        is_over |= go_on(&mut work, &left);
        world.ports.advance(Duration::from_secs(61));
        block_on(world.tick_until_idle());
        let before = (world.accounts(), world.ports.dump());
        if is_over {
            break;
        }
        left.set(u64::MAX);
        assert!(go_on(&mut work, &left));
        let run = block_on(runs::read(&world.ports, &world.tenant, &asked.run)).unwrap();
        assert_eq!(run.unwrap().state, RunState::Applied, "{operations}");
        assert_eq!(before.0.len(), expected, "{operations}");
        assert_eq!(before.0, world.accounts(), "{operations}");
        let touched: Vec<String> = (world.ports.dump().into_iter())
            .filter(|(key, value)| before.1.get(key) != Some(value))
            // A claim that was refused is counted, and so is, late, what had happened before.
            .filter(|(key, _)| !key.starts_with("claim/") && !key.starts_with("metric/"))
            // Whoever slept while they took a lease notes that its number brought none.
            .filter(|(key, _)| !key.starts_with("lease/maple-grove/"))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(touched, [""; 0], "{operations}");
        assert_eq!(world.sync().state, RunState::Unchanged, "{operations}");
    }
    assert!(is_over);
}
