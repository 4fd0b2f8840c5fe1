//! Counters of what the whole application did, for its operator (SPEC section 9).
//!
//! Each is a counter of the store, so reading all of them costs one read for each, however many
//! tenants there are. They are counted after what they count was written: a process that dies in
//! between loses a count and never makes one up. A run is counted once, as it first ended: one
//! that was held stays counted as held, whatever became of its plan.

use crate::error::Error;
use crate::keys;
use crate::ports::Store;

macro_rules! counters {
    ($($(#[$doc:meta])* $counter:ident $key:literal $family:literal $label:literal,)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Counter {
            $($(#[$doc])* $counter,)*
        }

        /// Every counter with its key, its family and its label, the ones of a family together.
        const COUNTERS: &[(Counter, &str, &str, &str)] = &[
            $((Counter::$counter, $key, $family, $label),)*
        ];
    };
}

counters! {
    /// An alert was received.
    AlertSent "alerts/sent" "alerts_total" "result=\"sent\"",
    /// An attempt to send an alert failed.
    AlertFailed "alerts/failed" "alerts_total" "result=\"failed\"",
    /// An alert was given up.
    AlertGivenUp "alerts/given-up" "alerts_total" "result=\"given_up\"",
    /// A cause that needs attention arose.
    CauseOpened "causes/opened" "causes_total" "state=\"opened\"",
    /// A cause was over.
    CauseClosed "causes/closed" "causes_total" "state=\"closed\"",
    /// A run ended and changed the roster.
    RunApplied "runs/applied" "runs_total" "state=\"applied\"",
    /// A run failed.
    RunFailed "runs/failed" "runs_total" "state=\"failed\"",
    /// A run's plan was held.
    RunHeld "runs/held" "runs_total" "state=\"held\"",
    /// A run found nothing to change.
    RunUnchanged "runs/unchanged" "runs_total" "state=\"unchanged\"",
    /// Somebody was signed in.
    SignInDone "sign-ins/done" "sign_ins_total" "result=\"done\"",
    /// A provider did not say who somebody is.
    SignInFailed "sign-ins/failed" "sign_ins_total" "result=\"failed\"",
    /// A password was not looked at: too many were wrong.
    SignInLimited "sign-ins/limited" "sign_ins_total" "result=\"limited\"",
    /// A form or a return was used, too old, forged, or another browser's.
    SignInNotTaken "sign-ins/not-taken" "sign_ins_total" "result=\"not_taken\"",
    /// It is known who somebody is, and they may not sign in.
    SignInRefused "sign-ins/refused" "sign_ins_total" "result=\"refused\"",
    /// A password was wrong.
    SignInWrong "sign-ins/wrong" "sign_ins_total" "result=\"wrong_password\"",
    /// An application was told that somebody is signed out.
    SignOutTold "sign-outs/told" "sign_outs_total" "result=\"told\"",
    /// An attempt to tell it failed.
    SignOutFailed "sign-outs/failed" "sign_outs_total" "result=\"failed\"",
    /// Telling it was given up.
    SignOutGivenUp "sign-outs/given-up" "sign_outs_total" "result=\"given_up\"",
}

/// Counts.
pub async fn count(store: &impl Store, counter: Counter, by: usize) -> Result<(), Error> {
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    let found = COUNTERS.iter().find(|(known, ..)| *known == counter);
    if let Some((_, key, ..)) = found.filter(|_| by > 0) {
        store.increment(&keys::metric(key), by).await?;
    }
    Ok(())
}

/// All counters in Prometheus' text format.
pub async fn render(store: &impl Store) -> Result<String, Error> {
    let mut text = String::new();
    let mut last = "";
    for (_, key, family, label) in COUNTERS {
        if *family != last {
            last = family;
            for part in ["# TYPE rollcall_", family, " counter\n"] {
                text.push_str(part);
            }
        }
        let value = store.increment(&keys::metric(key), 0).await?.to_string();
        for part in ["rollcall_", family, "{", label, "} ", &value, "\n"] {
            text.push_str(part);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryPorts, block_on};

    #[test]
    fn counters_are_written_family_by_family() {
        let ports = MemoryPorts::new();
        let text = block_on(async {
            count(&ports, Counter::AlertSent, 2).await.unwrap();
            count(&ports, Counter::RunHeld, 1).await.unwrap();
            count(&ports, Counter::RunFailed, 0).await.unwrap();
            render(&ports).await.unwrap()
        });
        insta::assert_snapshot!(text, @r#"
        # TYPE rollcall_alerts_total counter
        rollcall_alerts_total{result="sent"} 2
        rollcall_alerts_total{result="failed"} 0
        rollcall_alerts_total{result="given_up"} 0
        # TYPE rollcall_causes_total counter
        rollcall_causes_total{state="opened"} 0
        rollcall_causes_total{state="closed"} 0
        # TYPE rollcall_runs_total counter
        rollcall_runs_total{state="applied"} 0
        rollcall_runs_total{state="failed"} 0
        rollcall_runs_total{state="held"} 1
        rollcall_runs_total{state="unchanged"} 0
        # TYPE rollcall_sign_ins_total counter
        rollcall_sign_ins_total{result="done"} 0
        rollcall_sign_ins_total{result="failed"} 0
        rollcall_sign_ins_total{result="limited"} 0
        rollcall_sign_ins_total{result="not_taken"} 0
        rollcall_sign_ins_total{result="refused"} 0
        rollcall_sign_ins_total{result="wrong_password"} 0
        # TYPE rollcall_sign_outs_total counter
        rollcall_sign_outs_total{result="told"} 0
        rollcall_sign_outs_total{result="failed"} 0
        rollcall_sign_outs_total{result="given_up"} 0
        "#);
    }
}
