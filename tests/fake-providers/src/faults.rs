//! Failures on demand: which request goes wrong, and how.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lock::lock;

/// How a request goes wrong.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// A field of the answer itself, beside its list, is missing or has another value.
    ChangeAnswer {
        /// The field's name.
        field: String,
        /// What it becomes; absent to remove it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// The record `index` of a list lacks a field, or has it with another value.
    ChangeField {
        /// The record's place in its page, from 0.
        #[serde(default)]
        index: usize,
        /// The field's name; a field of a field as `name/givenName`.
        field: String,
        /// What it becomes; absent to remove it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// The connection is closed without an answer.
    ConnectionReset,
    /// The right answer's text ends in the middle, as if that were all of it.
    CutText,
    /// The next-page token leads to this page again.
    DuplicatePage,
    /// No record at all on this page, though the next-page token is there.
    EmptyPage,
    /// Success with no record and no next page.
    EmptyLists,
    /// Where the list would end there is a token back to its first page, each time a new one.
    EndlessPages,
    /// An error as the provider words it.
    Error {
        /// The status.
        status: u16,
        /// The provider's reason, such as `userRateLimitExceeded`; the usual one when absent.
        #[serde(default)]
        reason: Option<String>,
        /// The seconds of a `Retry-After` header, if there is to be one.
        #[serde(default)]
        retry_after_seconds: Option<u32>,
    },
    /// Only the first records of the list.
    FirstRecords {
        /// How many.
        count: usize,
    },
    /// A page of HTML, with any status.
    Html {
        /// The status.
        status: u16,
    },
    /// The right answer, late.
    Latency {
        /// How late, in milliseconds.
        milliseconds: u64,
    },
    /// The token of the next page is left out.
    MissingNextPageToken,
    /// The token of the next page is the one that led here, or always the same.
    RepeatedPageToken,
    /// Nothing for a while, then the right answer: for clients with a deadline.
    Stall {
        /// How long, in seconds.
        seconds: u64,
    },
    /// The right answer, its bytes cut off in the middle; of a compressed one nothing can be read.
    TruncatedBody,
}

impl FaultKind {
    /// How long the answer is held back.
    pub(crate) fn delay(&self) -> Option<Duration> {
        if let Self::Latency { milliseconds } = self {
            return Some(Duration::from_millis(*milliseconds));
        }
        if let Self::Stall { seconds } = self {
            return Some(Duration::from_secs(*seconds));
        }
        None
    }
}

/// Which requests go wrong. What is absent matches everything.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matching {
    /// The method.
    pub method: Option<String>,
    /// The path, decoded; `*` stands for any run of characters.
    pub path: Option<String>,
    /// Parameters of the query that must have these values.
    pub parameters: BTreeMap<String, String>,
    /// The page of a list, from 1.
    pub page: Option<u32>,
    /// Only the nth request that matches all of the above, from 1.
    pub nth: Option<u64>,
}

/// A fault in the plan.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests.
    #[serde(default)]
    pub matching: Matching,
    /// How.
    pub fault: FaultKind,
    /// How often at most; without end when absent.
    #[serde(default)]
    pub times: Option<u64>,
}

impl Fault {
    /// A fault of every request whose path matches.
    pub fn at(path: &str, fault: FaultKind) -> Self {
        let matching = Matching {
            path: Some(path.to_owned()),
            ..Matching::default()
        };
        Self {
            matching,
            fault,
            times: None,
        }
    }

    /// The same, at most so often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// The same, for the nth matching request only.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.matching.nth = Some(nth);
        self
    }

    /// The same, for one page of a list only.
    #[must_use]
    pub fn page(mut self, page: u32) -> Self {
        self.matching.page = Some(page);
        self
    }

    /// The same, only with this value of a parameter.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.matching.parameters.insert(name, value);
        self
    }
}

/// What faults look at in a request.
pub(crate) struct Subject<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) parameters: &'a BTreeMap<String, String>,
    pub(crate) page: Option<u32>,
}

#[derive(Debug)]
struct Planned {
    fault: Fault,
    seen: u64,
    fired: u64,
}

/// The faults in force.
#[derive(Debug, Default)]
pub struct FaultPlan {
    planned: Mutex<Vec<Planned>>,
}

impl FaultPlan {
    /// Adds a fault; earlier ones go first.
    pub fn add(&self, fault: Fault) {
        lock(&self.planned).push(Planned {
            fault,
            seen: 0,
            fired: 0,
        });
    }

    /// The faults in force, those that are used up included.
    pub fn faults(&self) -> Vec<Fault> {
        let planned = lock(&self.planned);
        planned
            .iter()
            .map(|planned| planned.fault.clone())
            .collect()
    }

    /// How often each fault was applied, in the order added.
    pub fn fired(&self) -> Vec<u64> {
        lock(&self.planned)
            .iter()
            .map(|planned| planned.fired)
            .collect()
    }

    /// Removes every fault.
    pub fn clear(&self) {
        lock(&self.planned).clear();
    }

    /// Counts a request and gives the faults it meets.
    pub(crate) fn take(&self, subject: &Subject<'_>) -> Vec<FaultKind> {
        let mut kinds = Vec::new();
        for planned in lock(&self.planned).iter_mut() {
            if !planned.fault.matching.holds(subject) {
                continue;
            }
            planned.seen += 1;
            let is_turn = planned
                .fault
                .matching
                .nth
                .is_none_or(|nth| nth == planned.seen);
            let is_left = planned
                .fault
                .times
                .is_none_or(|times| planned.fired < times);
            if is_turn && is_left {
                planned.fired += 1;
                kinds.push(planned.fault.fault.clone());
            }
        }
        kinds
    }
}

impl Matching {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        let method = self.method.as_ref();
        let path = self.path.as_ref();
        let has = |(name, value): (&String, &String)| subject.parameters.get(name) == Some(value);
        method.is_none_or(|method| method.eq_ignore_ascii_case(subject.method))
            && path.is_none_or(|pattern| matches(pattern, subject.path))
            && self.parameters.iter().all(has)
            && self.page.is_none_or(|page| subject.page == Some(page))
    }
}

/// Gives a field of a record another value, or takes it away; a field of a field is `name/inner`.
pub(crate) fn change_field(record: &mut Value, field: &str, value: Option<&Value>) {
    let (parent, last) = match field.rsplit_once('/') {
        Some((path, last)) => (record.pointer_mut(&format!("/{path}")), last),
        None => (Some(record), field),
    };
    let Some(Value::Object(fields)) = parent else {
        return;
    };
    match value {
        Some(value) => drop(fields.insert(last.to_owned(), value.clone())),
        None => drop(fields.remove(last)),
    }
}

/// Whether a pattern with `*` for any run of characters matches all of a text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.any(|at| text.get(at..).is_some_and(|tail| matches(rest, tail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(plan: &FaultPlan, path: &str, page: Option<u32>) -> usize {
        let parameters = BTreeMap::new();
        let subject = Subject {
            method: "GET",
            path,
            parameters: &parameters,
            page,
        };
        plan.take(&subject).len()
    }

    #[test]
    fn a_pattern_matches_the_whole_path() {
        assert!(matches("/users", "/users"));
        assert!(!matches("/users", "/users/1"));
        assert!(matches("/groups/*/members", "/groups/a@b/members"));
        assert!(!matches("/groups/*/members", "/groups/a@b/members/x"));
        assert!(matches("*", ""));
    }

    #[test]
    fn the_nth_request_goes_wrong_and_no_other() {
        let plan = FaultPlan::default();
        plan.add(Fault::at("/users", FaultKind::ConnectionReset).nth(2));
        let taken: Vec<_> = (0..4).map(|_| take(&plan, "/users", None)).collect();
        assert_eq!(taken, [0, 1, 0, 0]);
    }

    #[test]
    fn a_fault_is_used_up() {
        let plan = FaultPlan::default();
        plan.add(Fault::at("/*", FaultKind::TruncatedBody).times(2).page(3));
        assert_eq!(take(&plan, "/users", Some(1)), 0);
        let taken: Vec<_> = (0..3).map(|_| take(&plan, "/users", Some(3))).collect();
        assert_eq!(taken, [1, 1, 0]);
        assert_eq!(plan.fired(), [2]);
    }

    #[test]
    fn a_fault_reads_from_json() {
        let text = r#"{"matching":{"path":"/users","nth":3},
            "fault":{"kind":"error","status":429,"retry_after_seconds":2},"times":1}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let kind = FaultKind::Error {
            status: 429,
            reason: None,
            retry_after_seconds: Some(2),
        };
        assert_eq!(fault, Fault::at("/users", kind).nth(3).times(1));
        assert!(serde_json::from_str::<Fault>(r#"{"fault":{"kind":"nope"}}"#).is_err());
    }
}
