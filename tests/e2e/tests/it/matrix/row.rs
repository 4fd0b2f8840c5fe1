//! A row of the matrix: what breaks, what must happen, and how the run ends.

use super::scene::Scene;
use fake_providers::faults::Fault;
use local_host::{Crash, Failure};
use serde_json::Value;
use std::pin::Pin;

/// What a step of a row gives.
pub(crate) type Step<'a, T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + Send + 'a>>;

/// Something that is done to a scene.
pub(crate) type Act = for<'a> fn(&'a mut Scene) -> Step<'a, ()>;

/// How something breaks.
#[derive(Clone, Copy)]
pub(crate) enum Break {
    /// Google answers wrongly, from the start of the run on.
    Answers(Faults),
    /// This is done before the run.
    Before(Act),
    /// The host is killed at a store operation of the run, and another goes on.
    Kill(Crash),
    /// This happens while the run is in the middle of the list of students.
    Midway(Act),
    /// The row brings about the run by itself, and gives its record.
    Own(for<'a> fn(&'a mut Scene) -> Step<'a, Value>),
    /// Store operations of the run fail, and the host goes on.
    Store(Failure),
}

/// Faults of Google's, for a scene.
pub(crate) type Faults = fn(&Scene) -> Vec<Fault>;

/// What must happen, in words that many rows share.
pub(crate) const WAITED: &str = "it is tried again and goes through";
/// See [`WAITED`].
pub(crate) const TOLD: &str = "it fails and says why";
/// See [`WAITED`].
pub(crate) const GIVEN_UP: &str = "it is tried several times, then it fails";

/// See [`WAITED`].
pub(crate) const DOUBTED: &str = "who is missing is asked for by id, stays, and is named";

/// See [`WAITED`].
pub(crate) const NAMED: &str = "the person stays and is named; the others go on";

/// How the run ends in which something breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ends {
    /// Its state.
    pub(crate) state: &'static str,
    /// The code of its failure.
    pub(crate) code: Option<&'static str>,
    /// How many of the three changes at the source it carried out.
    pub(crate) changes: usize,
}

/// All three changes are carried out: whatever broke was waited out or done again.
pub(crate) const APPLIED: Ends = applied(3);

/// The guard holds the plan.
pub(crate) const HELD: Ends = Ends {
    state: "held",
    code: None,
    changes: 0,
};

/// So many of the three changes are carried out; the others could not be seen.
pub(crate) const fn applied(changes: usize) -> Ends {
    Ends {
        state: "applied",
        code: None,
        changes,
    }
}

/// Nothing is carried out, and the history says why with this code.
pub(crate) const fn failed(code: &'static str) -> Ends {
    Ends {
        state: "failed",
        code: Some(code),
        changes: 0,
    }
}

/// The provider was asked often enough.
pub(crate) const UNAVAILABLE: Ends = failed("provider_unavailable");

/// A fault and what must come of it.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// What breaks, as the table names it. Unique.
    pub(crate) fault: &'static str,
    /// What must happen, as the table says it.
    pub(crate) must: &'static str,
    /// How it is made to break.
    pub(crate) breaks: Break,
    /// What is done when it is over, beside taking the faults back.
    pub(crate) mends: Option<Act>,
    /// How the run ends.
    pub(crate) ends: Ends,
}

impl Row {
    pub(crate) const fn new(
        fault: &'static str,
        must: &'static str,
        breaks: Break,
        ends: Ends,
    ) -> Self {
        Self {
            fault,
            must,
            breaks,
            mends: None,
            ends,
        }
    }

    /// A row about wrong answers.
    pub(crate) const fn answers(
        fault: &'static str,
        must: &'static str,
        faults: Faults,
        ends: Ends,
    ) -> Self {
        Self::new(fault, must, Break::Answers(faults), ends)
    }

    /// The same with something to be done when the fault is over.
    pub(crate) const fn mended(mut self, act: Act) -> Self {
        self.mends = Some(act);
        self
    }

    /// The row as the table shows it. What it says of the run and the accounts is what
    /// [`super::check::row`] asserts.
    pub(crate) fn line(&self) -> String {
        let state = match self.ends.code {
            Some(code) => format!("{} (`{code}`)", self.ends.state),
            None => self.ends.state.to_owned(),
        };
        let changes = self.ends.changes;
        format!(
            "| {} | {} | {state} | {changes} of 3 | 0 |",
            self.fault, self.must
        )
    }
}
