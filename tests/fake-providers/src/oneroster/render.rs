//! How records are written, version by version (PROVIDERS 6.6 and A.5).

mod shapes;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::dataset::{Kind, Record, Row};
use super::quirks::{BooleanStyle, DeletedStatus, ModifiedStyle, Quirks, RoleStyle};
use shapes::{Common, DemographicsShape, Reference};

/// Where the district is.
const TIME_ZONE: &str = "America/Chicago";

/// Every so many users one refers to an org that is not in the set, where a server does that.
const DANGLING_EVERY: u64 = 10;

/// The org that is not in the set.
const DANGLING_ORG: &str = "XX-99";

/// What must be escaped in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A version of the interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    V1p1,
    V1p2,
}

/// Who shows a record, and in which version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum View {
    /// ClassLink's Roster Server, in version 1.1.
    RosterServer,
    V1p1,
    V1p2,
}

impl View {
    pub(super) const COUNT: usize = 3;

    pub(super) fn number(self) -> usize {
        match self {
            Self::RosterServer => 0,
            Self::V1p1 => 1,
            Self::V1p2 => 2,
        }
    }

    pub(super) fn version(self) -> Version {
        match self {
            Self::RosterServer | Self::V1p1 => Version::V1p1,
            Self::V1p2 => Version::V1p2,
        }
    }
}

/// What decides how a record is written.
pub(super) struct Style<'a> {
    pub(super) view: View,
    /// What references start with.
    pub(super) base: &'a str,
    pub(super) quirks: &'a Quirks,
    /// Whether names and addresses are made up.
    pub(super) is_obfuscated: bool,
    pub(super) now_ms: i64,
}

/// A record as written.
pub(super) enum Written<'a> {
    Kept(&'a str),
    New(String),
}

impl AsRef<str> for Written<'_> {
    fn as_ref(&self) -> &str {
        match self {
            Self::Kept(text) => text,
            Self::New(text) => text,
        }
    }
}

impl Style<'_> {
    /// A record, or the demographics of a user.
    pub(super) fn write<'r>(&self, row: &'r Row, demographics: bool) -> Written<'r> {
        let write = || {
            if demographics {
                self.demographics(row)
            } else {
                self.record(row)
            }
        };
        // What tells the present can't be kept.
        if self.quirks.modified == ModifiedStyle::AlwaysNow {
            return Written::New(write());
        }
        match row.fragment((!demographics).then_some(self.view), write) {
            Some(text) => Written::Kept(text),
            None => Written::New(write()),
        }
    }

    /// When a record says it was changed.
    pub(super) fn modified_ms(&self, row: &Row) -> i64 {
        match self.quirks.modified {
            ModifiedStyle::AlwaysNow => self.now_ms,
            ModifiedStyle::DateOnly | ModifiedStyle::Exact | ModifiedStyle::LocalTime => {
                row.modified_ms
            }
        }
    }

    pub(super) fn status(&self, row: &Row) -> &'static str {
        match (row.is_deleted, self.quirks.deleted) {
            (false, _) => "active",
            (true, DeletedStatus::Inactive) => "inactive",
            (true, DeletedStatus::ToBeDeleted) => "tobedeleted",
        }
    }

    fn record(&self, row: &Row) -> String {
        match &row.record {
            Record::AcademicSession(session) => text(&self.session(row, session)),
            Record::Class(class) => text(&self.class(row, class)),
            Record::Course(course) => text(&self.course(row, course)),
            Record::Enrollment(enrollment) => text(&self.enrollment(row, enrollment)),
            Record::Org(org) => text(&self.org(row, org)),
            Record::User(user) if self.view == View::V1p2 => text(&self.user_v1p2(row, user)),
            Record::User(user) => text(&self.user_v1p1(row, user)),
        }
    }

    fn demographics(&self, row: &Row) -> String {
        let demographics = row.user().and_then(|user| user.demographics.as_ref());
        demographics.map_or_else(String::new, |demographics| {
            text(&DemographicsShape {
                common: self.common(row),
                birth_date: &demographics.birth_date,
                sex: &demographics.sex,
                asian: self.flag(demographics.asian),
                white: self.flag(demographics.white),
                hispanic_or_latino_ethnicity: self.flag(demographics.hispanic),
                public_school_residence_status: "01652",
            })
        })
    }

    fn common<'r>(&self, row: &'r Row) -> Common<'r> {
        Common {
            sourced_id: &row.sourced_id,
            status: self.status(row),
            date_last_modified: self.modified(self.modified_ms(row)),
        }
    }

    fn modified(&self, ms: i64) -> String {
        let instant = Timestamp::from_millisecond(ms).unwrap_or_default();
        let (format, zone) = match self.quirks.modified {
            ModifiedStyle::AlwaysNow | ModifiedStyle::Exact => {
                return format!("{instant:.3}");
            }
            ModifiedStyle::DateOnly => ("%Y-%m-%d", TimeZone::UTC),
            ModifiedStyle::LocalTime => (
                "%Y-%m-%dT%H:%M:%S",
                TimeZone::get(TIME_ZONE).unwrap_or(TimeZone::UTC),
            ),
        };
        instant.to_zoned(zone).strftime(format).to_string()
    }

    fn flag(&self, value: bool) -> Value {
        match (self.quirks.booleans, value) {
            (BooleanStyle::Json, value) => Value::Bool(value),
            (BooleanStyle::Text, value) => Value::String(value.to_string()),
            (BooleanStyle::Capitalised, true) => Value::String("True".to_owned()),
            (BooleanStyle::Capitalised, false) => Value::String("False".to_owned()),
        }
    }

    fn reference<'r>(&self, kind: Kind, path: &str, id: &'r str) -> Reference<'r> {
        Reference {
            href: format!("{}/{path}/{}", self.base, utf8_percent_encode(id, SEGMENT)),
            sourced_id: id,
            of_type: match kind {
                Kind::AcademicSession => "academicSession",
                Kind::Class => "class",
                Kind::Course => "course",
                Kind::Enrollment => "enrollment",
                Kind::Org => "org",
                Kind::User => "user",
            },
        }
    }

    fn org_reference<'r>(&self, id: &'r str) -> Reference<'r> {
        self.reference(Kind::Org, "orgs", id)
    }

    fn session_reference<'r>(&self, id: &'r str) -> Reference<'r> {
        self.reference(Kind::AcademicSession, "academicSessions", id)
    }

    /// A role as the version calls it.
    pub(super) fn role(&self, role: &str) -> String {
        let name = match (self.view.version(), role) {
            (
                Version::V1p1,
                "districtAdministrator" | "principal" | "siteAdministrator" | "systemAdministrator",
            ) => "administrator",
            (Version::V1p1, "counselor") => "aide",
            (Version::V1p1 | Version::V1p2, role) => role,
        };
        match self.quirks.roles {
            RoleStyle::OutsideEnumeration if name == "aide" => "Office Staff".to_owned(),
            RoleStyle::Capitalised => {
                let mut letters = name.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                first.into_iter().chain(letters).collect()
            }
            RoleStyle::OutsideEnumeration | RoleStyle::Standard => name.to_owned(),
        }
    }

    /// The org that is not in the set, for a user who refers to it.
    fn dangling_org(&self, row: &Row) -> Option<&'static str> {
        let is_one =
            self.quirks.dangling_orgs && number_of(&row.sourced_id).is_multiple_of(DANGLING_EVERY);
        is_one.then_some(DANGLING_ORG)
    }

    /// A name, or one that is made up.
    fn name(&self, name: &str, row: &Row) -> String {
        if self.is_obfuscated && !name.is_empty() {
            format!("Person{:05}", number_of(&row.sourced_id) % 100_000)
        } else {
            name.to_owned()
        }
    }

    /// An address, or one that is made up.
    fn address(&self, address: &str, row: &Row) -> String {
        if self.is_obfuscated && !address.is_empty() {
            format!("user{}@obfuscated.example", number_of(&row.sourced_id))
        } else {
            address.to_owned()
        }
    }
}

/// A number that stays with an id.
fn number_of(id: &str) -> u64 {
    let digest = Sha256::digest(id);
    let bytes = digest.iter().take(6);
    bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn text(shape: &impl Serialize) -> String {
    // Names and texts are always writable.
    serde_json::to_string(shape).unwrap_or_default()
}
