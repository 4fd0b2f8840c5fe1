//! People of a service in our vocabulary (PROVIDERS 6.6 and 10).

use super::page::is_object;
use super::values::{date, flag, is_gone, list, plain, reference, shorten, text, texts, word};
use crate::grade;
use jiff::civil::Date;
use mapping::account::{Email, Role};
use mapping::ids::ExternalId;
use mapping::issue::{Issue, IssueKind};
use mapping::source::{Placement, SourceRecord};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// What decides how people are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    /// Whether parents and guardians are wanted.
    pub(super) guardians: bool,
    /// Domains whose addresses the district vouches for, in lower case.
    pub(super) verified_domains: &'a BTreeSet<String>,
    /// Decides which roles are in force.
    pub(super) today: Date,
}

/// What a row says about a person.
#[derive(Debug)]
pub(super) enum Sight {
    /// The source says that they are gone.
    Gone(ExternalId),
    /// A person.
    Present(Box<SourceRecord>),
    /// A parent or guardian, who is not wanted.
    Skipped,
    /// Nothing can be made of the row; an issue says why.
    Unreadable,
}

/// A person as a server writes them. What is not named here, passwords above all, is never read
/// (PROVIDERS O15).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct User {
    sourced_id: Value,
    status: Value,
    username: Value,
    #[serde(rename = "enabledUser")]
    enabled: Value,
    given_name: Value,
    family_name: Value,
    role: Value,
    roles: Value,
    orgs: Value,
    primary_org: Value,
    email: Value,
    grades: Value,
}

/// What somebody is somewhere, before it is decided what of it counts.
#[derive(Clone, Debug)]
struct Standing {
    rank: Rank,
    org: Option<ExternalId>,
    in_force: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rank {
    DistrictAdmin,
    /// A word that is in no vocabulary.
    Unknown,
    In(Role),
}

impl Rank {
    /// The rank that a word means, however it is written; a district's own words have a prefix.
    fn of(text: &str) -> Self {
        let own = text.trim().to_ascii_lowercase();
        match plain(own.strip_prefix("ext:").unwrap_or(&own)).as_str() {
            "student" | "learner" | "pupil" => Rank::In(Role::Student),
            "teacher" | "instructor" => Rank::In(Role::Teacher),
            "aide" | "proctor" | "counselor" | "counsellor" | "staff" => Rank::In(Role::Staff),
            "administrator" | "principal" | "siteadministrator" | "schooladministrator" => {
                Rank::In(Role::Admin)
            }
            "districtadministrator" | "systemadministrator" => Rank::DistrictAdmin,
            "parent" | "guardian" | "relative" => Rank::In(Role::Parent),
            _ => Rank::Unknown,
        }
    }
}

/// Reads a person; an issue for each part that can't be taken as it is.
pub(super) fn read(json: &str, reading: Reading<'_>, issues: &mut Vec<Issue>) -> Sight {
    let user = is_object(json).then(|| serde_json::from_str::<User>(json).ok());
    let Some(user) = user.flatten() else {
        issues.push(Issue::new(malformed("users"), None, None));
        return Sight::Unreadable;
    };
    let Some(external_id) = reference(&user.sourced_id) else {
        let kind = match user.sourced_id {
            Value::Null => IssueKind::MissingId,
            Value::Array(_)
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Object(_)
            | Value::String(_) => malformed("sourcedId"),
        };
        issues.push(Issue::new(kind, None, None));
        return Sight::Unreadable;
    };
    if is_gone(&user.status) {
        return Sight::Gone(external_id);
    }
    let standings = user.standings(reading.today);
    let is_parent = |standing: &Standing| standing.rank == Rank::In(Role::Parent);
    if !reading.guardians && !standings.is_empty() && standings.iter().all(is_parent) {
        return Sight::Skipped;
    }
    Sight::Present(Box::new(user.into_record(
        external_id,
        &standings,
        reading,
        issues,
    )))
}

impl User {
    /// `roles` of 1.2 where there are any, else `role` and `orgs` of 1.1 (PROVIDERS O8): which of
    /// the two a server writes does not depend on what it calls itself.
    fn standings(&self, today: Date) -> Vec<Standing> {
        let roles = list(&self.roles);
        if roles.is_empty() {
            let Some(role) = text(&self.role) else {
                return Vec::new();
            };
            let rank = Rank::of(&role);
            let orgs: Vec<_> = list(&self.orgs).iter().filter_map(reference).collect();
            let at = |org| Standing {
                rank,
                org,
                in_force: true,
            };
            if orgs.is_empty() {
                return vec![at(reference(&self.primary_org))];
            }
            return orgs.into_iter().map(|org| at(Some(org))).collect();
        }
        let one = |role: &Value| Standing {
            rank: Rank::of(&text(role.get("role").unwrap_or(role)).unwrap_or_default()),
            org: (role.get("org").and_then(reference)).or_else(|| reference(&self.primary_org)),
            in_force: is_in_force(role.get("beginDate"), role.get("endDate"), today),
        };
        roles.iter().map(one).collect()
    }

    fn into_record(
        self,
        external_id: ExternalId,
        standings: &[Standing],
        reading: Reading<'_>,
        issues: &mut Vec<Issue>,
    ) -> SourceRecord {
        let mut note = |kind| issues.push(Issue::new(kind, Some(external_id.clone()), None));
        let email = text(&self.email).and_then(|text| {
            let email = Email::parse(&text);
            if email.is_err() {
                note(IssueKind::BadEmail);
            }
            email.ok()
        });
        let mut short = |value: &Value, field: &str| {
            let (kept, is_cut) = shorten(text(value));
            if is_cut {
                note(malformed(field));
            }
            kept
        };
        let given_name = short(&self.given_name, "givenName");
        let family_name = short(&self.family_name, "familyName");
        let username = Some(short(&self.username, "username")).filter(|name| !name.is_empty());
        let grade = texts(&self.grades).find_map(|text| grade::normalise(&text));
        if standings.is_empty() || standings.iter().any(|one| one.rank == Rank::Unknown) {
            let is_new = list(&self.roles).is_empty();
            note(malformed(if is_new { "role" } else { "roles" }));
        }
        let (roles, placements) = place(standings, grade.as_ref());
        SourceRecord {
            email_verified: (email.as_ref())
                .is_some_and(|email| reading.verified_domains.contains(email.domain())),
            email,
            username,
            given_name,
            family_name,
            org_unit_path: None,
            groups: BTreeSet::new(),
            roles,
            placements,
            grade,
            suspended: flag(&self.enabled) == Some(false),
            external_id,
        }
    }
}

/// What the standings in force amount to: roles for the whole district, and places in schools.
/// Whoever is a parent beside something else counts as the other.
fn place(standings: &[Standing], grade: Option<&String>) -> (BTreeSet<Role>, BTreeSet<Placement>) {
    let mut roles = BTreeSet::new();
    let mut placements = BTreeSet::new();
    let in_force = || standings.iter().filter(|standing| standing.in_force);
    let is_more_than_parent =
        in_force().any(|standing| !matches!(standing.rank, Rank::In(Role::Parent) | Rank::Unknown));
    for standing in in_force() {
        let role = match standing.rank {
            Rank::Unknown => continue,
            Rank::In(Role::Parent) if is_more_than_parent => continue,
            Rank::In(role) => role,
            Rank::DistrictAdmin => {
                roles.insert(Role::Admin);
                Role::Admin
            }
        };
        if let Some(school) = &standing.org {
            placements.insert(Placement {
                school: school.clone(),
                role,
                grade: grade.filter(|_| role == Role::Student).cloned(),
            });
        }
    }
    (roles, placements)
}

/// From the first day on and before the last: an end is exclusive (PROVIDERS O19).
fn is_in_force(begin: Option<&Value>, end: Option<&Value>, today: Date) -> bool {
    let has_begun = begin.and_then(date).is_none_or(|begin| begin <= today);
    let has_ended = end.and_then(date).is_some_and(|end| end <= today);
    has_begun && !has_ended
}

/// The role of somebody in a class.
pub(super) fn class_role(role: &Value) -> Role {
    match word(role).as_str() {
        "student" => Role::Student,
        "teacher" => Role::Teacher,
        _ => Role::Staff,
    }
}

pub(super) fn malformed(field: &str) -> IssueKind {
    IssueKind::MalformedRecord {
        field: field.to_owned(),
    }
}
