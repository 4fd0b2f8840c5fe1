//! Users: one person each, with every role that Clever merged into them (C1, C2).

use super::{Record, external_id, malformed, reference, references, shorten};
use crate::clever::wire::{self, Field, Object, Text, WrongField};
use crate::fetch::Malformation;
use crate::grade;
use mapping::account::{Email, Role};
use mapping::ids::ExternalId;
use mapping::issue::{Issue, IssueKind, Severity};
use mapping::source::{Placement, SourceRecord};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What a user is, in Clever's words; also what lists of users are filtered by. Of several, the
/// first in this order counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// A student.
    Student,
    /// A teacher.
    Teacher,
    /// Anybody else at schools, administrators of a school among them.
    Staff,
    /// An administrator of the district.
    DistrictAdmin,
    /// A parent or guardian, or another contact of a student.
    Contact,
}

impl UserRole {
    /// Every role, in the order in which the first of a person counts.
    pub const ALL: [UserRole; 5] = [
        UserRole::Student,
        UserRole::Teacher,
        UserRole::Staff,
        UserRole::DistrictAdmin,
        UserRole::Contact,
    ];

    /// The role as Clever writes it.
    pub fn name(self) -> &'static str {
        match self {
            UserRole::Contact => "contact",
            UserRole::DistrictAdmin => "district_admin",
            UserRole::Staff => "staff",
            UserRole::Student => "student",
            UserRole::Teacher => "teacher",
        }
    }

    /// The role in our vocabulary.
    pub fn role(self) -> Role {
        match self {
            UserRole::Contact => Role::Parent,
            UserRole::DistrictAdmin => Role::Admin,
            UserRole::Staff => Role::Staff,
            UserRole::Student => Role::Student,
            UserRole::Teacher => Role::Teacher,
        }
    }

    fn is_at_schools(self) -> bool {
        matches!(
            self,
            UserRole::Staff | UserRole::Student | UserRole::Teacher
        )
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A user as Clever writes it; fields that nothing is made of are skipped.
#[derive(Debug, Deserialize)]
pub(in crate::clever) struct User<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default)]
    district: Field<Text<'a>>,
    #[serde(borrow, default)]
    email: Field<Text<'a>>,
    #[serde(borrow, default)]
    name: Field<Object<Name<'a>>>,
    #[serde(borrow, default)]
    roles: Field<Object<Roles<'a>>>,
}

#[derive(Debug, Deserialize)]
struct Name<'a> {
    #[serde(borrow, default)]
    first: Field<Text<'a>>,
    #[serde(borrow, default)]
    last: Field<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Roles<'a> {
    #[serde(borrow, default)]
    student: Field<Object<RoleObject<'a>>>,
    #[serde(borrow, default)]
    teacher: Field<Object<RoleObject<'a>>>,
    #[serde(borrow, default)]
    staff: Field<Object<RoleObject<'a>>>,
    #[serde(borrow, default)]
    district_admin: Field<Object<RoleObject<'a>>>,
    #[serde(borrow, default)]
    contact: Field<Object<RoleObject<'a>>>,
}

impl<'a> Roles<'a> {
    fn of(&self, role: UserRole) -> &Field<Object<RoleObject<'a>>> {
        match role {
            UserRole::Contact => &self.contact,
            UserRole::DistrictAdmin => &self.district_admin,
            UserRole::Staff => &self.staff,
            UserRole::Student => &self.student,
            UserRole::Teacher => &self.teacher,
        }
    }
}

#[derive(Debug, Deserialize)]
struct RoleObject<'a> {
    #[serde(borrow, default)]
    school: Field<Text<'a>>,
    #[serde(borrow, default)]
    schools: Field<Vec<Option<Text<'a>>>>,
    #[serde(borrow, default)]
    grade: Field<Text<'a>>,
    #[serde(borrow, default)]
    credentials: Field<Object<Credentials<'a>>>,
}

#[derive(Debug, Deserialize)]
struct Credentials<'a> {
    #[serde(borrow, default)]
    district_username: Field<Text<'a>>,
}

/// Somebody who could be read.
#[derive(Debug)]
pub(in crate::clever) struct Person {
    /// The person.
    pub(in crate::clever) record: SourceRecord,
    /// Every role that is known.
    pub(in crate::clever) roles: BTreeSet<UserRole>,
    /// The district, as the person's record names it.
    pub(in crate::clever) district: Option<ExternalId>,
    /// What could not be taken as it is, although the person could.
    pub(in crate::clever) issues: Vec<Issue>,
}

impl<'a> Record<'a> for User<'a> {
    fn id(&self) -> &Field<Text<'a>> {
        &self.id
    }
}

impl User<'_> {
    /// The person in our vocabulary; the same for the same object, whichever list it stood on.
    /// Fails when a field that matters has another type than documented, or without a known role:
    /// a person of whom only a part is known would lose the rest.
    pub(in crate::clever) fn to_person(
        &self,
        id: ExternalId,
        verified_domains: &BTreeSet<String>,
    ) -> Result<Person, IssueKind> {
        let person = self.read(id, verified_domains)?;
        if person.roles.is_empty() {
            return Err(malformed("roles"));
        }
        Ok(person)
    }

    /// The same for somebody who may have no role that is known.
    fn read(
        &self,
        id: ExternalId,
        verified_domains: &BTreeSet<String>,
    ) -> Result<Person, IssueKind> {
        let mut issues = Vec::new();
        let email = self.email.text("email")?.map(Email::parse);
        if matches!(email, Some(Err(_))) {
            issues.push(warning(IssueKind::BadEmail, &id));
        }
        let email = email.and_then(Result::ok);
        let name = self.name.read("name")?;
        let mut part = |field: Option<&Field<Text<'_>>>, path: &str| {
            let text = field.map_or(Ok(None), |field| field.text(path))?;
            let (kept, is_cut) = shorten(text.unwrap_or_default());
            if is_cut {
                issues.push(warning(malformed(path), &id));
            }
            Ok::<String, WrongField>(kept)
        };
        let given_name = part(name.map(|name| &name.first), "name.first")?;
        let family_name = part(name.map(|name| &name.last), "name.last")?;
        let mut record = SourceRecord {
            email_verified: email
                .as_ref()
                .is_some_and(|email| verified_domains.contains(email.domain())),
            email,
            username: None,
            given_name,
            family_name,
            org_unit_path: None,
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            placements: BTreeSet::new(),
            grade: None,
            partial: false,
            suspended: false,
            external_id: id,
        };
        let mut found = BTreeSet::new();
        if let Some(roles) = self.roles.read("roles")? {
            for role in UserRole::ALL {
                let path = || format!("roles.{role}");
                if let Some(object) = roles.of(role).read(&path())? {
                    let added = object.add_to(&mut record, role);
                    added.map_err(|wrong| wrong.within(&path()))?;
                    found.insert(role);
                }
            }
        }
        Ok(Person {
            record,
            roles: found,
            district: reference(&self.district, "district").ok().flatten(),
            issues,
        })
    }
}

impl RoleObject<'_> {
    /// What the role makes of the person. One without a school, as every role of the district's
    /// own is, counts for the district (C15).
    fn add_to(&self, record: &mut SourceRecord, role: UserRole) -> Result<(), WrongField> {
        let mut schools = BTreeSet::new();
        if role.is_at_schools() {
            schools.extend(reference(&self.school, "school")?);
            schools.extend(references(&self.schools, "schools")?);
            if record.username.is_none() {
                record.username = self.username()?;
            }
        }
        let grade = match role {
            UserRole::Student => self.grade.text("grade")?.and_then(grade::normalise),
            UserRole::Contact | UserRole::DistrictAdmin | UserRole::Staff | UserRole::Teacher => {
                None
            }
        };
        let role = role.role();
        if schools.is_empty() {
            record.roles.insert(role);
        }
        record
            .placements
            .extend(schools.into_iter().map(|school| Placement {
                school,
                role,
                grade: grade.clone(),
            }));
        record.grade = record.grade.take().or(grade);
        Ok(())
    }

    fn username(&self) -> Result<Option<String>, WrongField> {
        let Some(credentials) = self.credentials.read("credentials")? else {
            return Ok(None);
        };
        let path = "credentials.district_username";
        let name = credentials.district_username.text(path)?;
        // A name that was cut would be another name.
        Ok(name
            .map(shorten)
            .and_then(|(name, is_cut)| (!is_cut).then_some(name)))
    }
}

/// Reads the answer about a single user: `None` when the user is there but can't be read.
pub(in crate::clever) fn parse_user(
    body: &[u8],
    verified_domains: &BTreeSet<String>,
) -> Result<Option<SourceRecord>, Malformation> {
    let text = wire::text(body);
    let user: User<'_> = wire::parse_envelope(&text)?;
    let id = external_id(&user.id).map_err(|_| Malformation::Shape)?;
    let person = user.to_person(id, verified_domains);
    Ok(person.ok().map(|person| person.record))
}

/// Reads the answer about somebody who signs in.
pub(in crate::clever) fn parse_person(
    body: &[u8],
    verified_domains: &BTreeSet<String>,
) -> Result<Person, Malformation> {
    let text = wire::text(body);
    let user: User<'_> = wire::parse_envelope(&text)?;
    let id = external_id(&user.id).map_err(|_| Malformation::Shape)?;
    let person = user.read(id, verified_domains);
    person.map_err(|_| Malformation::Shape)
}

fn warning(kind: IssueKind, id: &ExternalId) -> Issue {
    Issue {
        severity: Severity::Warning,
        ..Issue::new(kind, Some(id.clone()), None)
    }
}
