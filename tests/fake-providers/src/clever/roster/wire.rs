//! Records as Clever writes them (PROVIDERS 4.4, A.4).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::build::CREATED_MS;
use super::record::{Course, DistrictRecord, Part, Role, School, Section, Term, User};
use super::{Kind, Roster, Version};
use crate::clever::id::ObjectId;
use crate::district::Relation;

/// The summer in which this year's grade twelve leaves.
const GRADUATION_YEAR: u32 = 2027;

/// [`CREATED_MS`] as Clever writes it.
const CREATED: &str = "2025-08-01T12:00:00.000Z";

/// An instant as Clever writes it.
pub(in super::super) fn instant(at_ms: i64) -> String {
    // The same for nearly every record, and slow to write anew for each.
    if at_ms == CREATED_MS {
        return CREATED.to_owned();
    }
    let instant = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The text of a record, if it is shown.
pub(super) fn text(
    roster: &Roster,
    kind: Kind,
    id: ObjectId,
    version: Version,
) -> Option<Box<str>> {
    let wire = wire(roster, kind, id, version);
    wire.and_then(|wire| serde_json::to_string(&wire).ok())
        .map(String::into_boxed_str)
}

/// The same as a value.
pub(super) fn value(roster: &Roster, kind: Kind, id: ObjectId, version: Version) -> Option<Value> {
    wire(roster, kind, id, version).and_then(|wire| serde_json::to_value(&wire).ok())
}

#[derive(Serialize)]
#[serde(untagged)]
enum Wire {
    User(Box<UserWire>),
    Value(Value),
}

fn wire(roster: &Roster, kind: Kind, id: ObjectId, version: Version) -> Option<Wire> {
    let district = roster.district.id;
    let value = match kind {
        Kind::Courses => course(&roster.courses.get(&id)?.record, district),
        Kind::Districts => self::district(&roster.district, version),
        Kind::Resources => return None,
        Kind::Schools => school(roster.school(id)?, &roster.district),
        Kind::Sections => section(roster.section(id)?.as_ref(), district, version),
        Kind::Terms => term(&roster.terms.get(&id)?.record, district),
        Kind::Users => {
            let user = user(roster.user(id)?.as_ref(), district, version);
            return Some(Wire::User(Box::new(user)));
        }
    };
    Some(Wire::Value(value))
}

fn course(course: &Course, district: ObjectId) -> Value {
    json!({ "id": course.id, "district": district, "name": course.name, "number": course.number })
}

fn term(term: &Term, district: ObjectId) -> Value {
    json!({
        "id": term.id, "district": district, "name": term.name,
        "start_date": term.first_day, "end_date": term.last_day,
    })
}

fn district(district: &DistrictRecord, version: Version) -> Value {
    let mut record = json!({
        "id": district.id, "name": district.name, "state": district.state, "error": "",
        "sis_type": "PowerSchool", "launch_date": "2026-07-01",
        "last_sync": district.last_sync_ms.map(instant),
        "pause_start": district.pause_start, "pause_end": district.pause_end,
        "portal_url": "https://clever.com/in/maplegrove-demo",
        "login_methods": ["clever-passwords", "google"],
        "mdr_number": null, "nces_id": "3400012",
        "district_contact": {
            "id": ObjectId::new(0x5f3a_9c0d, 1), "district": district.id,
            "name": { "first": "Sam", "last": "Ito" }, "email": format!("sam.ito@{}", district.domain),
            "title": "Director of Technology",
        },
    });
    if let (Version::V31, Some(fields)) = (version, record.as_object_mut()) {
        fields.insert("lms_type".to_owned(), json!(""));
        fields.insert("lms_state".to_owned(), json!(""));
        fields.insert("last_attendance_sync".to_owned(), Value::Null);
    }
    record
}

fn school(school: &School, district: &DistrictRecord) -> Value {
    let digits: String = school.code.chars().filter(char::is_ascii_digit).collect();
    json!({
        "id": school.id, "district": district.id, "name": school.name, "sis_id": school.code,
        "school_number": digits, "state_id": format!("03{digits}"), "nces_id": null,
        "mdr_number": null, "low_grade": school.grades.0, "high_grade": school.grades.1,
        "phone": "555-0140",
        "principal": { "name": "P. Rivera", "email": format!("principal@{}", district.domain) },
        "location": location("1 School Rd"), "ext": {},
        "created": instant(CREATED_MS), "last_modified": instant(school.modified_ms),
    })
}

fn location(address: &str) -> Value {
    json!({
        "address": address, "city": "Maple Grove", "state": "NJ", "zip": "08000",
        "lat": "", "lon": "",
    })
}

fn section(section: &Section, district: ObjectId, version: Version) -> Value {
    let mut record = json!({
        "id": section.id, "district": district, "school": section.school, "name": section.name,
        "sis_id": section.code, "section_number": section.number.to_string(),
        "period": section.period.to_string(), "subject": section.subject, "grade": section.grade,
        "course": section.course, "term_id": section.term, "teacher": section.teachers.first(),
        "teachers": section.teachers, "students": section.students, "ext": {},
        "created": instant(CREATED_MS), "last_modified": instant(section.modified_ms),
    });
    if let (Version::V31, Some(fields)) = (version, record.as_object_mut()) {
        fields.insert("lms_status".to_owned(), Value::Null);
    }
    record
}

#[derive(Serialize)]
struct UserWire {
    id: ObjectId,
    district: ObjectId,
    created: String,
    last_modified: String,
    email: Option<String>,
    name: NameWire,
    #[serde(skip_serializing_if = "Option::is_none")]
    lms_status: Option<Value>,
    roles: BTreeMap<&'static str, Option<RoleWire>>,
}

#[derive(Clone, Serialize)]
struct NameWire {
    first: Option<String>,
    middle: Option<String>,
    last: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RoleWire {
    Contact(ContactWire),
    DistrictAdmin(AdminWire),
    Staff(StaffWire),
    Student(Box<StudentWire>),
    Teacher(Box<TeacherWire>),
}

#[derive(Serialize)]
struct ContactWire {
    legacy_id: ObjectId,
    sis_id: String,
    phone: Option<String>,
    phone_type: &'static str,
    student_relationships: Vec<RelationWire>,
}

#[derive(Serialize)]
struct RelationWire {
    student: ObjectId,
    relationship: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct AdminWire {
    legacy_id: ObjectId,
    title: Option<String>,
}

#[derive(Serialize)]
struct CredentialsWire {
    district_username: String,
}

#[derive(Serialize)]
struct StaffWire {
    legacy_id: ObjectId,
    staff_id: String,
    title: Option<String>,
    department: Option<String>,
    schools: Vec<ObjectId>,
    roles: [String; 0],
    credentials: CredentialsWire,
    ext: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct TeacherWire {
    legacy_id: ObjectId,
    sis_id: String,
    teacher_number: String,
    state_id: &'static str,
    title: Option<String>,
    school: Option<ObjectId>,
    schools: Vec<ObjectId>,
    credentials: CredentialsWire,
    ext: BTreeMap<String, String>,
    name: NameWire,
    district: ObjectId,
    created: String,
    last_modified: String,
}

#[derive(Serialize)]
struct EnrollmentWire {
    school: ObjectId,
    start_date: &'static str,
    end_date: &'static str,
}

#[derive(Serialize)]
struct StudentWire {
    legacy_id: ObjectId,
    sis_id: String,
    student_number: String,
    state_id: Option<String>,
    school: Option<ObjectId>,
    schools: Vec<ObjectId>,
    enrollments: Vec<EnrollmentWire>,
    grade: Option<String>,
    graduation_year: String,
    dob: String,
    gender: &'static str,
    race: &'static str,
    hispanic_ethnicity: &'static str,
    ell_status: &'static str,
    location: BTreeMap<&'static str, String>,
    credentials: CredentialsWire,
    ext: BTreeMap<String, String>,
    created: String,
    last_modified: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    later: Option<LaterStudentWire>,
}

/// What version 3.1 adds.
#[derive(Serialize)]
struct LaterStudentWire {
    frl_status: &'static str,
    iep_status: &'static str,
    section_504_status: &'static str,
    gifted_status: &'static str,
    home_language: &'static str,
    home_language_code: &'static str,
    preferred_name: NameWire,
    disability: BTreeMap<&'static str, &'static str>,
}

fn user(user: &User, district: ObjectId, version: Version) -> UserWire {
    let mut roles = BTreeMap::new();
    // Roles that do not apply are left out or null, as it comes.
    if user.id.luck(5).is_multiple_of(8) {
        roles.extend(Role::ALL.map(|role| (role.name(), None)));
    }
    for (role, part) in &user.roles {
        let wire = match role {
            Role::Contact => RoleWire::Contact(contact(user, part)),
            Role::DistrictAdmin => RoleWire::DistrictAdmin(AdminWire {
                legacy_id: part.legacy_id,
                title: part.title.clone(),
            }),
            Role::Staff => RoleWire::Staff(staff(user, part)),
            Role::Student => RoleWire::Student(Box::new(student(user, part, version))),
            Role::Teacher => RoleWire::Teacher(Box::new(teacher(user, part, district))),
        };
        roles.insert(role.name(), Some(wire));
    }
    UserWire {
        id: user.id,
        district,
        created: instant(user.created_ms),
        last_modified: instant(user.modified_ms),
        email: user.email.clone(),
        name: name(user),
        lms_status: (version == Version::V31).then_some(Value::Null),
        roles,
    }
}

fn name(user: &User) -> NameWire {
    NameWire {
        first: user.first.clone(),
        middle: user.middle.clone(),
        last: user.last.clone(),
    }
}

fn credentials(user: &User) -> CredentialsWire {
    CredentialsWire {
        district_username: user.username.clone(),
    }
}

fn contact(user: &User, part: &Part) -> ContactWire {
    let (relationship, kind) = match part.relation {
        Relation::Grandparent => ("Grandparent", "Family"),
        Relation::Parent => ("Parent", "Parent/Guardian"),
    };
    let relation = |student: &ObjectId| RelationWire {
        student: *student,
        relationship,
        kind,
    };
    ContactWire {
        legacy_id: part.legacy_id,
        sis_id: user.number.clone(),
        phone: part.phone.clone(),
        phone_type: if part.phone.is_some() { "Cell" } else { "" },
        student_relationships: part.students.iter().map(relation).collect(),
    }
}

fn staff(user: &User, part: &Part) -> StaffWire {
    StaffWire {
        legacy_id: part.legacy_id,
        staff_id: user.number.clone(),
        title: part.title.clone(),
        department: None,
        schools: part.schools.clone(),
        roles: [],
        credentials: credentials(user),
        ext: BTreeMap::new(),
    }
}

fn teacher(user: &User, part: &Part, district: ObjectId) -> TeacherWire {
    TeacherWire {
        legacy_id: part.legacy_id,
        sis_id: user.number.clone(),
        teacher_number: format!("T-{}", user.number),
        state_id: "",
        title: part.title.clone(),
        school: part.schools.first().copied(),
        schools: part.schools.clone(),
        credentials: credentials(user),
        ext: BTreeMap::new(),
        name: name(user),
        district,
        created: instant(user.created_ms),
        last_modified: instant(user.modified_ms),
    }
}

fn student(user: &User, part: &Part, version: Version) -> StudentWire {
    let grade: u32 = part
        .grade
        .as_deref()
        .and_then(|g| g.parse().ok())
        .unwrap_or(0);
    let leaves = (GRADUATION_YEAR + 12).saturating_sub(grade);
    let luck = user.id.luck(6);
    let address = format!("{} Oak Ct", luck % 90 + 1);
    let fields = [
        ("address", address.as_str()),
        ("city", "Maple Grove"),
        ("state", "NJ"),
        ("zip", "08000"),
        ("lat", ""),
        ("lon", ""),
    ];
    StudentWire {
        legacy_id: part.legacy_id,
        sis_id: user.number.clone(),
        student_number: user.number.clone(),
        state_id: (!luck.is_multiple_of(10)).then(|| format!("NJ{}", user.number)),
        school: part.schools.first().copied(),
        schools: part.schools.clone(),
        enrollments: part
            .schools
            .iter()
            .map(|school| enrollment(*school))
            .collect(),
        grade: part.grade.clone(),
        graduation_year: leaves.to_string(),
        dob: format!(
            "{}/{}/{}",
            luck % 12 + 1,
            luck % 28 + 1,
            leaves.saturating_sub(18)
        ),
        gender: if luck.is_multiple_of(2) { "F" } else { "M" },
        race: "Unknown",
        hispanic_ethnicity: "",
        ell_status: "N",
        location: fields.map(|(name, text)| (name, text.to_owned())).into(),
        credentials: credentials(user),
        ext: BTreeMap::new(),
        created: instant(user.created_ms),
        last_modified: instant(user.modified_ms),
        later: (version == Version::V31).then(|| later(user)),
    }
}

fn enrollment(school: ObjectId) -> EnrollmentWire {
    EnrollmentWire {
        school,
        start_date: "2026-08-10",
        end_date: "",
    }
}

fn later(user: &User) -> LaterStudentWire {
    LaterStudentWire {
        frl_status: "Paid",
        iep_status: "N",
        section_504_status: "N",
        gifted_status: "",
        home_language: "English",
        home_language_code: "eng",
        preferred_name: NameWire {
            first: user.preferred.clone(),
            middle: None,
            last: None,
        },
        disability: BTreeMap::from([
            ("disability_status", "N"),
            ("disability_type", ""),
            ("disability_code", ""),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_to_the_millisecond() {
        assert_eq!(instant(CREATED_MS), CREATED);
        assert_eq!(instant(CREATED_MS + 7), "2025-08-01T12:00:00.007Z");
    }
}
