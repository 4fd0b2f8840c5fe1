//! The records of a district.

use std::collections::BTreeMap;

use super::{
    AcademicSession, Change, Class, Course, Dataset, Demographics, Enrollment, IdStyle, Kind, Org,
    Record, Role, Row, SessionType, User,
};
use crate::district::{
    District, Guardian, Person, PersonIndex, PersonKind, PersonState, Relation, SchoolIndex,
    Subject, Term, Timetable,
};

/// The id of the district's own org.
const DISTRICT: &str = "D-1";

/// When the first record was last changed: 1 July 2026, before school starts.
const MODIFIED_MS: i64 = 1_782_864_000_000;

/// Over how many hours the changes of the other records are spread.
const MODIFIED_HOURS: u32 = 1_200;

/// The parts of a term that end with grades: its number, its parts' names and days.
const GRADING_PERIODS: [(usize, &str, &str, &str); 4] = [
    (1, "Q1", "2026-08-10", "2026-10-09"),
    (1, "Q2", "2026-10-12", "2026-12-20"),
    (2, "Q3", "2027-01-04", "2027-03-12"),
    (2, "Q4", "2027-03-15", "2027-05-28"),
];

impl Dataset {
    /// The records of a district, with ids of some style.
    pub(in super::super) fn of(district: &District, ids: IdStyle) -> Self {
        let mut build = Build {
            district,
            timetable: district.timetable(),
            dataset: Self::default(),
        };
        build.orgs();
        build.sessions();
        build.courses();
        build.people();
        build.classes();
        let mut dataset = build.dataset;
        if ids != IdStyle::Plain {
            // Nothing that could be refused.
            let _ = dataset.change(&Change::RegenerateIds { style: ids }, MODIFIED_MS);
        }
        dataset
    }
}

struct Build<'a> {
    district: &'a District,
    timetable: &'a Timetable,
    dataset: Dataset,
}

impl Build<'_> {
    fn add(&mut self, id: String, number: u32, record: Record) -> &mut Self {
        let hours = i64::from(number.wrapping_mul(7) % MODIFIED_HOURS);
        let row = Row::new(id, MODIFIED_MS + hours * 3_600_000, record);
        self.dataset.put(row, false);
        self
    }

    fn school(&self, index: Option<SchoolIndex>) -> String {
        index
            .and_then(|index| self.district.school(index))
            .map_or_else(|| DISTRICT.to_owned(), |school| school.code.clone())
    }

    fn orgs(&mut self) {
        let schools = self.district.schools();
        let district = Org {
            name: format!("{} Schools", self.district.shape().name),
            org_type: "district".to_owned(),
            identifier: "3400012".to_owned(),
            parent: None,
            children: schools.iter().map(|school| school.code.clone()).collect(),
        };
        self.add(DISTRICT.to_owned(), 0, Record::Org(district));
        for (number, school) in (1..).zip(schools) {
            let org = Org {
                name: school.name.clone(),
                org_type: "school".to_owned(),
                identifier: format!("3400012{number:05}"),
                parent: Some(DISTRICT.to_owned()),
                children: Vec::new(),
            };
            self.add(school.code.clone(), number, Record::Org(org));
        }
    }

    fn sessions(&mut self) {
        let terms = self.timetable.terms();
        let Some(year) = terms.first() else { return };
        for (place, term) in terms.iter().enumerate() {
            let is_year = place == 0;
            let parts: Vec<String> = if is_year {
                terms.iter().skip(1).map(session_id).collect()
            } else {
                let parts = GRADING_PERIODS.iter().filter(|(of, ..)| *of == place);
                parts
                    .map(|(_, name, ..)| grading_period_id(term, name))
                    .collect()
            };
            let session = AcademicSession {
                title: term.title.to_owned(),
                start_date: term.first_day.to_owned(),
                end_date: term.last_day.to_owned(),
                session_type: if is_year {
                    SessionType::SchoolYear
                } else {
                    SessionType::Term
                },
                parent: (!is_year).then(|| session_id(year)),
                children: parts,
                school_year: year_of(year),
            };
            self.add(session_id(term), 0, Record::AcademicSession(session));
        }
        for (of, name, first_day, last_day) in GRADING_PERIODS {
            let Some(term) = terms.get(of) else { continue };
            let session = AcademicSession {
                title: format!("{} {name}", year.title),
                start_date: first_day.to_owned(),
                end_date: last_day.to_owned(),
                session_type: SessionType::GradingPeriod,
                parent: Some(session_id(term)),
                children: Vec::new(),
                school_year: year_of(year),
            };
            let id = grading_period_id(term, name);
            self.add(id, 0, Record::AcademicSession(session));
        }
    }

    fn courses(&mut self) {
        let year = self.timetable.terms().first().map(session_id);
        for course in self.timetable.courses() {
            let record = Course {
                title: course.title.clone(),
                course_code: course.code.clone(),
                grades: vec![course.grade.to_string()],
                subjects: vec![subject(course.subject).to_owned()],
                school_year: year.clone().unwrap_or_default(),
                org: DISTRICT.to_owned(),
            };
            self.add(course_id(&course.code), 0, Record::Course(record));
        }
    }

    fn people(&mut self) {
        let guardians = self.timetable.guardians();
        let mut guardians_of: BTreeMap<PersonIndex, Vec<String>> = BTreeMap::new();
        for guardian in guardians {
            for student in &guardian.students {
                let known = guardians_of.entry(*student).or_default();
                known.push(user_id(guardian.number));
            }
        }
        for (index, person) in self.district.indexed_people() {
            // No student information system knows about accounts of devices.
            if person.kind == PersonKind::ServiceAccount {
                continue;
            }
            let agents = guardians_of.remove(&index).unwrap_or_default();
            let user = Record::User(Box::new(self.user(person, agents)));
            let id = user_id(person.number);
            self.add(id.clone(), person.number, user);
            if person.state == PersonState::Archived {
                let change = Change::MarkDeleted {
                    kind: Kind::User,
                    sourced_id: id,
                };
                let modified_ms = MODIFIED_MS + i64::from(MODIFIED_HOURS) * 3_600_000;
                // It was put there just now.
                let _ = self.dataset.change(&change, modified_ms);
            }
        }
        for guardian in guardians {
            let user = Record::User(Box::new(self.guardian(guardian)));
            self.add(user_id(guardian.number), guardian.number, user);
        }
    }

    fn user(&self, person: &Person, agents: Vec<String>) -> User {
        let role = match person.kind {
            PersonKind::Administrator => "districtAdministrator",
            PersonKind::Student => "student",
            PersonKind::Teacher => "teacher",
            PersonKind::ServiceAccount | PersonKind::Staff => "aide",
        };
        let other = person.second_school.map(|school| self.school(Some(school)));
        let orgs = [self.school(person.school)].into_iter().chain(other);
        let is_student = person.kind == PersonKind::Student;
        let metadata = (!is_student).then(|| {
            let year = 2000 + person.number % 26;
            ("mg.hireDate".to_owned(), format!("{year}-08-01"))
        });
        User {
            username: Some(person.local_part.to_string()),
            enabled: person.state == PersonState::Active,
            given_name: person.given.to_string(),
            family_name: person.family.to_string(),
            middle_name: String::new(),
            preferred_first_name: None,
            identifier: person.number.to_string(),
            email: self.district.address_of(person),
            phone: String::new(),
            roles: orgs
                .map(|org| Role {
                    role: role.to_owned(),
                    org,
                })
                .collect(),
            agents,
            grades: person
                .grade
                .iter()
                .map(std::string::ToString::to_string)
                .collect(),
            password: format!("Sunshine-{}", person.number),
            metadata: metadata.into_iter().collect(),
            demographics: person
                .grade
                .map(|grade| demographics(person.number, 2020 - u32::from(grade.number()))),
        }
    }

    fn guardian(&self, guardian: &Guardian) -> User {
        let role = match guardian.relation {
            Relation::Grandparent => "relative",
            Relation::Parent => "parent",
        };
        let students: Vec<&Person> = guardian
            .students
            .iter()
            .filter_map(|student| self.district.person(*student))
            .collect();
        let school = students.first().and_then(|student| student.school);
        User {
            username: guardian.address.clone(),
            enabled: true,
            given_name: guardian.given.clone(),
            family_name: guardian.family.clone(),
            middle_name: String::new(),
            preferred_first_name: None,
            identifier: guardian.number.to_string(),
            email: guardian.address.clone().unwrap_or_default(),
            phone: guardian.phone.clone().unwrap_or_default(),
            roles: vec![Role {
                role: role.to_owned(),
                org: self.school(school),
            }],
            agents: students
                .iter()
                .map(|student| user_id(student.number))
                .collect(),
            grades: Vec::new(),
            password: String::new(),
            metadata: BTreeMap::new(),
            demographics: None,
        }
    }

    fn classes(&mut self) {
        let mut number = 0;
        for class in self.timetable.classes() {
            let Some(term) = self.timetable.terms().get(class.term) else {
                continue;
            };
            let Some(course) = self.timetable.courses().get(class.course) else {
                continue;
            };
            let id = format!("c-{}", class.code);
            let school = self.school(Some(class.school));
            // A class of the whole year is one of each term.
            let terms = self.timetable.terms().iter().enumerate().skip(1);
            let terms = terms.filter(|(place, _)| class.term == 0 || class.term == *place);
            let class_type = if course.subject == Subject::Homeroom {
                "homeroom"
            } else {
                "scheduled"
            };
            let record = Class {
                title: class.title.clone(),
                class_code: class.code.clone(),
                class_type: class_type.to_owned(),
                location: format!("B{}", 100 + class.section),
                grades: vec![course.grade.to_string()],
                subjects: vec![subject(course.subject).to_owned()],
                periods: vec![class.period.to_string()],
                course: course_id(&course.code),
                school: school.clone(),
                terms: terms.map(|(_, term)| session_id(term)).collect(),
            };
            self.add(id.clone(), number, Record::Class(record));
            let teachers = class.teachers.iter().map(|teacher| (*teacher, "teacher"));
            let students = class.students.iter().map(|student| (*student, "student"));
            for (place, (index, role)) in teachers.chain(students).enumerate() {
                let Some(person) = self.district.person(index) else {
                    continue;
                };
                number += 1;
                let enrollment = Enrollment {
                    user: user_id(person.number),
                    class: id.clone(),
                    school: school.clone(),
                    role: role.to_owned(),
                    primary: role == "teacher" && place == 0,
                    begin_date: Some(term.first_day.to_owned()),
                    end_date: Some(term.last_day.to_owned()),
                };
                let id = format!("e-{number:06}");
                self.add(id, number, Record::Enrollment(enrollment));
            }
        }
    }
}

fn user_id(number: u32) -> String {
    format!("u-{number}")
}

fn course_id(code: &str) -> String {
    format!("crs-{code}")
}

fn session_id(term: &Term) -> String {
    format!("T-{}", term.code)
}

fn grading_period_id(term: &Term, name: &str) -> String {
    format!("T-{}-{name}", term.code)
}

/// The year in which the school year ends.
fn year_of(year: &Term) -> String {
    year.last_day.chars().take(4).collect()
}

fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Arts => "Arts",
        Subject::English => "English",
        Subject::Homeroom => "Homeroom",
        Subject::Mathematics => "Mathematics",
        Subject::Science => "Science",
        Subject::SocialStudies => "Social Studies",
    }
}

fn demographics(number: u32, birth_year: u32) -> Demographics {
    let sex = match number % 50 {
        0 => "unspecified",
        even if even % 2 == 0 => "female",
        _ => "male",
    };
    Demographics {
        birth_date: format!("{birth_year}-{:02}-{:02}", number % 12 + 1, number % 28 + 1),
        sex: sex.to_owned(),
        asian: number.is_multiple_of(7),
        white: !number.is_multiple_of(3),
        hispanic: number.is_multiple_of(5),
    }
}
