//! A district as Clever has copied it.
//!
//! Service accounts are nobody, and who is archived has left: Clever has neither. Who is
//! suspended is there, since student information systems know nothing of it.

use std::collections::BTreeMap;

use super::Roster;
use super::record::{Course, DistrictRecord, Part, Role, School, Section, SyncState, Term, User};
use crate::clever::config::{Config, EmailRates};
use crate::clever::id::{ObjectId, scramble};
use crate::district::{
    District, Grade, Guardian, Person, PersonIndex, PersonKind, PersonState, SchoolIndex, Subject,
};

/// When the records came to be: 2025-08-01T12:00:00Z.
pub(super) const CREATED_MS: i64 = 1_754_049_600_000;

/// The first digits of ids, by what they are of.
pub(super) mod heads {
    pub(in super::super) const COURSE: u32 = 0x5f3a_9c0b;
    pub(in super::super) const DISTRICT: u32 = 0x5f3a_9c0d;
    pub(in super::super) const LATER_USER: u32 = 0x6890_0000;
    pub(in super::super) const LEGACY: u32 = 0x5f3a_9c0f;
    pub(in super::super) const SCHOOL: u32 = 0x5f3a_9c0c;
    pub(in super::super) const SECTION: u32 = 0x5f3a_9c05;
    pub(in super::super) const TERM: u32 = 0x5f3a_9c07;
    pub(in super::super) const USER: u32 = 0x5f3a_9c0e;
}

/// What an id's digits after the first are drawn from.
pub(super) fn drawn(head: u32, seed: u64, number: u64) -> ObjectId {
    ObjectId::new(head, scramble(scramble(seed) ^ number))
}

/// A grade as Clever writes it.
fn grade_name(grade: Grade) -> String {
    match grade.number() {
        0 => "Kindergarten".to_owned(),
        number => number.to_string(),
    }
}

fn subject_name(subject: Subject) -> &'static str {
    match subject {
        Subject::Arts => "arts and music",
        Subject::English => "english/language arts",
        Subject::Homeroom => "homeroom/advisory",
        Subject::Mathematics => "math",
        Subject::Science => "science",
        Subject::SocialStudies => "social studies",
    }
}

/// Copies a district.
pub(super) fn roster(district: &District, config: &Config) -> Roster {
    let builder = Builder {
        district,
        config,
        seed: district.seed(),
    };
    let mut roster = Roster::empty(builder.seed, builder.record());
    for (number, school) in (0..).zip(district.schools()) {
        let (low, high) = school.level.grades();
        roster.add_school(School {
            id: builder.id(heads::SCHOOL, number),
            code: school.code.clone(),
            name: school.name.clone(),
            grades: (grade_name(low), grade_name(high)),
            modified_ms: CREATED_MS,
        });
    }
    builder.add_people(&mut roster);
    builder.add_timetable(&mut roster);
    roster
}

struct Builder<'a> {
    district: &'a District,
    config: &'a Config,
    seed: u64,
}

impl Builder<'_> {
    fn id(&self, head: u32, number: u64) -> ObjectId {
        drawn(head, self.seed, number)
    }

    fn record(&self) -> DistrictRecord {
        let shape = self.district.shape();
        DistrictRecord {
            id: self.id(heads::DISTRICT, 0),
            name: format!("#DEMO {} (Sandbox)", shape.name),
            domain: shape.domain.clone(),
            state: SyncState::Running,
            last_sync_ms: Some(self.config.clock.now_ms()),
            pause_start: None,
            pause_end: None,
        }
    }

    fn school(&self, school: SchoolIndex) -> ObjectId {
        let number = u64::try_from(school.number()).unwrap_or(u64::MAX);
        self.id(heads::SCHOOL, number)
    }

    fn user_id(&self, number: u32) -> ObjectId {
        self.id(heads::USER, u64::from(number))
    }

    fn is_there(person: &Person) -> bool {
        person.kind != PersonKind::ServiceAccount && person.state != PersonState::Archived
    }

    fn add_people(&self, roster: &mut Roster) {
        let mut before: Option<String> = None;
        for person in self.district.people() {
            if !Self::is_there(person) {
                continue;
            }
            let own = self.district.address_of(person);
            let id = self.user_id(person.number);
            let is_student = person.kind == PersonKind::Student;
            let email = odd_email(
                self.config.emails,
                id,
                &own,
                before.take().filter(|_| is_student),
            );
            before = is_student.then_some(own);
            roster.add_user(self.user(person, id, email));
        }
        if self.config.contacts {
            for guardian in self.district.guardians() {
                // Clever shows no contact without a student.
                let contact = self.contact(guardian);
                if contact.students().next().is_some() {
                    roster.add_user(contact);
                }
            }
        }
    }

    fn user(&self, person: &Person, id: ObjectId, email: Option<String>) -> User {
        let (title, role) = match person.kind {
            PersonKind::Administrator => ("Director of Technology", Role::DistrictAdmin),
            PersonKind::ServiceAccount | PersonKind::Staff => ("Clerk", Role::Staff),
            PersonKind::Student => ("", Role::Student),
            PersonKind::Teacher => ("Teacher", Role::Teacher),
        };
        let schools: Vec<_> = [person.school, person.second_school]
            .into_iter()
            .flatten()
            .map(|school| self.school(school))
            .collect();
        let part = |role: Role, title: &str| Part {
            schools: match role {
                Role::Contact | Role::DistrictAdmin => Vec::new(),
                Role::Staff | Role::Student | Role::Teacher => schools.clone(),
            },
            grade: person.grade.map(grade_name),
            title: (!title.is_empty()).then(|| title.to_owned()),
            ..Part::new(self.legacy_id(person.number, role))
        };
        let mut roles = BTreeMap::from([(role, part(role, title))]);
        if role == Role::Teacher {
            let luck = id.luck(1) % 10_000;
            let rate = u64::from(self.config.several_roles_per_mille);
            if luck < rate * 10 {
                roles.insert(Role::Staff, part(Role::Staff, "Department Lead"));
            }
            if luck < rate {
                roles.insert(Role::DistrictAdmin, part(Role::DistrictAdmin, "Curriculum"));
            }
        }
        User {
            id,
            number: person.number.to_string(),
            username: person.local_part.to_string(),
            email,
            first: Some(person.given.to_string()),
            middle: match id.luck(2) % 4 {
                0 => None,
                1 => Some("J".to_owned()),
                _ => Some(String::new()),
            },
            last: Some(person.family.to_string()),
            preferred: Some(person.given.to_string()),
            roles,
            created_ms: CREATED_MS,
            modified_ms: CREATED_MS,
        }
    }

    fn legacy_id(&self, number: u32, role: Role) -> ObjectId {
        legacy_id(self.seed, u64::from(number), role)
    }

    fn contact(&self, guardian: &Guardian) -> User {
        let id = self.user_id(guardian.number);
        let students = guardian.students.iter();
        let students = students.filter_map(|index| self.district.person(*index));
        let part = Part {
            phone: guardian.phone.clone(),
            relation: guardian.relation,
            students: students
                .filter(|student| Self::is_there(student))
                .map(|student| self.user_id(student.number))
                .collect(),
            ..Part::new(self.legacy_id(guardian.number, Role::Contact))
        };
        let (given, family) = (guardian.given.clone(), guardian.family.clone());
        let (first, last) = match id.luck(3) % 3 {
            0 => (None, format!("{given} {family}")),
            _ => (Some(given), family),
        };
        User {
            id,
            number: guardian.number.to_string(),
            username: String::new(),
            email: guardian.address.clone(),
            first,
            middle: None,
            last: Some(last),
            preferred: None,
            roles: BTreeMap::from([(Role::Contact, part)]),
            created_ms: CREATED_MS,
            modified_ms: CREATED_MS,
        }
    }

    fn add_timetable(&self, roster: &mut Roster) {
        let timetable = self.district.timetable();
        for (number, course) in (0..).zip(timetable.courses()) {
            roster.add_course(Course {
                id: self.id(heads::COURSE, number),
                name: course.title.clone(),
                number: course.code.clone(),
            });
        }
        for (number, term) in (0..).zip(timetable.terms()) {
            roster.add_term(Term {
                id: self.id(heads::TERM, number),
                name: term.title.to_owned(),
                first_day: term.first_day.to_owned(),
                last_day: term.last_day.to_owned(),
            });
        }
        let place = |place: usize| u64::try_from(place).unwrap_or(u64::MAX);
        for (number, class) in (0..).zip(timetable.classes()) {
            let users = |indices: &[PersonIndex]| {
                let people = indices.iter().filter_map(|i| self.district.person(*i));
                let people = people.filter(|person| Self::is_there(person));
                people.map(|person| self.user_id(person.number)).collect()
            };
            let course = timetable.courses().get(class.course);
            let students: Vec<_> = users(&class.students);
            // Clever shows no section without a student.
            if students.is_empty() {
                continue;
            }
            roster.add_section(Section {
                id: self.id(heads::SECTION, number),
                school: self.school(class.school),
                course: self.id(heads::COURSE, place(class.course)),
                term: self.id(heads::TERM, place(class.term)),
                code: class.code.clone(),
                name: class.title.clone(),
                number: class.section,
                period: class.period,
                subject: course.map_or("", |course| subject_name(course.subject)),
                grade: course.map_or_else(String::new, |course| grade_name(course.grade)),
                teachers: users(&class.teachers),
                students,
                modified_ms: CREATED_MS,
            });
        }
    }
}

/// The id which a role of a person had as a record of its own.
pub(super) fn legacy_id(seed: u64, number: u64, role: Role) -> ObjectId {
    let role = match role {
        Role::Contact => 1,
        Role::DistrictAdmin => 2,
        Role::Staff => 3,
        Role::Student => 4,
        Role::Teacher => 5,
    };
    drawn(heads::LEGACY, seed, number | (role << 32))
}

/// The address as Clever has it: for most the right one.
fn odd_email(rates: EmailRates, id: ObjectId, own: &str, before: Option<String>) -> Option<String> {
    let luck = u32::try_from(id.luck(4) % 1_000).unwrap_or_default();
    let mut bound = rates.null;
    if luck < bound {
        return None;
    }
    bound += rates.empty;
    if luck < bound {
        return Some(String::new());
    }
    bound += rates.without_at;
    if luck < bound {
        return Some(own.replace('@', "."));
    }
    bound += rates.shared;
    match before {
        Some(before) if luck < bound => Some(before),
        _ => Some(own.to_owned()),
    }
}
