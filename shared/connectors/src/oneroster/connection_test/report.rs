//! What a connection test found.

use crate::fetch::Refusal;
use crate::oneroster::{Collection, SignatureMethod};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A list that a sync reads.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Schools, districts and offices.
    Orgs,
    /// People.
    Users,
    /// School years and terms.
    AcademicSessions,
    /// Classes.
    Classes,
    /// Who is in which class.
    Enrollments,
}

impl Part {
    pub(super) const ALL: [Part; 5] = [
        Part::Orgs,
        Part::Users,
        Part::AcademicSessions,
        Part::Classes,
        Part::Enrollments,
    ];

    pub(super) fn number(self) -> u32 {
        match self {
            Part::Orgs => 0,
            Part::Users => 1,
            Part::AcademicSessions => 2,
            Part::Classes => 3,
            Part::Enrollments => 4,
        }
    }

    pub(super) fn collection(self) -> Collection {
        match self {
            Part::Orgs => Collection::Orgs,
            Part::Users => Collection::Users,
            Part::AcademicSessions => Collection::AcademicSessions,
            Part::Classes => Collection::Classes,
            Part::Enrollments => Collection::Enrollments,
        }
    }

    /// Without these nothing can be synced; without the others classes can't.
    pub fn is_needed(self) -> bool {
        matches!(self, Part::Orgs | Part::Users)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.collection().name())
    }
}

/// What the test found about one list.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It answers.
    Answers,
    /// It answers, with nothing in it.
    Empty,
    /// The service refuses.
    Refused(Refusal),
}

/// What the test found.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// The findings about the lists.
    pub findings: BTreeMap<Part, Finding>,
    /// How requests have to be signed, where they are signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<SignatureMethod>,
    /// Whether the service can sort.
    pub sorts: bool,
    /// Whether the service can say who changed.
    pub filters: bool,
}

impl ServiceReport {
    /// The lists that are refused, and those that a sync needs and that are empty.
    pub fn missing(&self) -> impl Iterator<Item = (Part, Finding)> + '_ {
        self.findings
            .iter()
            .filter(|(part, finding)| match finding {
                Finding::Answers => false,
                Finding::Empty => part.is_needed(),
                Finding::Refused(_) => true,
            })
            .map(|(part, finding)| (*part, *finding))
    }

    /// True when people can be synced, whatever is missing beside them.
    pub fn is_ok(&self) -> bool {
        !self.missing().any(|(part, _)| part.is_needed())
    }
}

impl fmt::Display for ServiceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (part, finding) in self.missing() {
            match finding {
                Finding::Refused(refusal) => write!(f, "{between}{part} is missing: {refusal}")?,
                Finding::Answers | Finding::Empty => write!(
                    f,
                    "{between}{part} is empty: ask the district which of it is shared"
                )?,
            }
            between = "; ";
        }
        if between.is_empty() {
            f.write_str("everything that a sync needs can be read")?;
        }
        Ok(())
    }
}
