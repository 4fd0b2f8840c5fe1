//! What is taught in a district: terms, courses and classes with who teaches and who attends.
//!
//! Every student attends four classes, so that a district of 50,000 people has some 170,000
//! places in classes. A class is full at twenty-five.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::guardians::{self, Guardian};
use super::people::PersonKind;
use super::schools::{Grade, SchoolIndex, SchoolLevel};
use super::{District, PersonIndex};

/// The most students of a class.
const CLASS_SIZE_MAX: usize = 25;

/// Every so many classes one has a second teacher.
const CLASSES_PER_SECOND_TEACHER: usize = 20;

/// Keeps the draw of classes apart from the draw of people.
const CLASS_SALT: u64 = 0x7469_6d65_7461_626c;

/// A part of the school year.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Term {
    /// Its code, such as `2026-S1`.
    pub code: &'static str,
    /// Its name.
    pub title: &'static str,
    /// Its first day, as year-month-day.
    pub first_day: &'static str,
    /// Its last day, as year-month-day.
    pub last_day: &'static str,
}

/// The terms: the whole year, then its halves.
const TERMS: [Term; 3] = [
    Term {
        code: "2026-FY",
        title: "2026-27",
        first_day: "2026-08-10",
        last_day: "2027-05-28",
    },
    Term {
        code: "2026-S1",
        title: "2026-27 S1",
        first_day: "2026-08-10",
        last_day: "2026-12-20",
    },
    Term {
        code: "2026-S2",
        title: "2026-27 S2",
        first_day: "2027-01-04",
        last_day: "2027-05-28",
    },
];

/// What a course is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// Music, drawing.
    Arts,
    /// Reading, writing, literature.
    English,
    /// The class a young student belongs to.
    Homeroom,
    /// Numbers.
    Mathematics,
    /// Nature.
    Science,
    /// History, geography.
    SocialStudies,
}

impl Subject {
    /// What a grade is taught, and in which of [`TERMS`].
    fn taught_to(level: SchoolLevel) -> [(Self, usize); 4] {
        match level {
            SchoolLevel::Elementary => [
                (Self::Homeroom, 0),
                (Self::English, 0),
                (Self::Mathematics, 0),
                (Self::Arts, 0),
            ],
            SchoolLevel::Middle | SchoolLevel::High => [
                (Self::English, 0),
                (Self::Mathematics, 0),
                (Self::Science, 1),
                (Self::SocialStudies, 2),
            ],
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Arts => "ART",
            Self::English => "ENG",
            Self::Homeroom => "HRM",
            Self::Mathematics => "MAT",
            Self::Science => "SCI",
            Self::SocialStudies => "SOC",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Arts => "Arts & Music",
            Self::English => "English",
            Self::Homeroom => "Homeroom",
            Self::Mathematics => "Mathematics",
            Self::Science => "Science",
            Self::SocialStudies => "Social Studies",
        }
    }
}

/// A course of the whole district.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Course {
    /// Its number, such as `SCI-09`.
    pub code: String,
    /// Its name.
    pub title: String,
    /// What it is about.
    pub subject: Subject,
    /// The grade it is for.
    pub grade: Grade,
}

/// A course taught to some students.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Class {
    /// Its number, unique in the district, such as `HS-01-SCI-09-2`.
    pub code: String,
    /// Its name.
    pub title: String,
    /// Where it is taught.
    pub school: SchoolIndex,
    /// The place of its course in [`Timetable::courses`].
    pub course: usize,
    /// The place of its term in [`Timetable::terms`].
    pub term: usize,
    /// Counts the classes of a course in a school, from 1.
    pub section: usize,
    /// The hour of the day, from 1.
    pub period: u8,
    /// Who teaches it, the first one in charge; empty in a district without teachers.
    pub teachers: Vec<PersonIndex>,
    /// Who attends it, at least one.
    pub students: Vec<PersonIndex>,
}

/// The terms, courses, classes and guardians of a district.
#[derive(Clone, Debug)]
pub struct Timetable {
    courses: Vec<Course>,
    classes: Vec<Class>,
    guardians: Vec<Guardian>,
}

impl Timetable {
    pub(super) fn of(district: &District) -> Self {
        let courses = courses();
        let classes = classes(district, &courses);
        Self {
            classes,
            guardians: guardians::draw(district),
            courses,
        }
    }

    /// The terms; the whole year comes first.
    pub fn terms(&self) -> &[Term] {
        &TERMS
    }

    /// The courses.
    pub fn courses(&self) -> &[Course] {
        &self.courses
    }

    /// The classes, school by school.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The guardians of some of the students.
    pub fn guardians(&self) -> &[Guardian] {
        &self.guardians
    }
}

fn grades() -> impl Iterator<Item = Grade> {
    (0..=Grade::TWELVE.number()).filter_map(Grade::new)
}

fn courses() -> Vec<Course> {
    let of_grade = |grade: Grade| {
        let subjects = Subject::taught_to(SchoolLevel::teaching(grade));
        subjects.map(|(subject, _)| Course {
            code: format!("{}-{grade}", subject.code()),
            title: match grade.number() {
                0 => format!("{} K", subject.title()),
                number => format!("{} {number}", subject.title()),
            },
            subject,
            grade,
        })
    };
    grades().flat_map(of_grade).collect()
}

fn classes(district: &District, courses: &[Course]) -> Vec<Class> {
    let mut rng = ChaCha8Rng::seed_from_u64(district.seed() ^ CLASS_SALT);
    let mut students: BTreeMap<(SchoolIndex, Grade), Vec<PersonIndex>> = BTreeMap::new();
    let mut teachers: BTreeMap<SchoolIndex, Vec<PersonIndex>> = BTreeMap::new();
    let mut any_teacher = Vec::new();
    for (index, person) in district.indexed_people() {
        match (person.kind, person.school, person.grade) {
            (PersonKind::Student, Some(school), Some(grade)) => {
                students.entry((school, grade)).or_default().push(index);
            }
            (PersonKind::Teacher, _, _) => {
                any_teacher.push(index);
                for school in person.school.into_iter().chain(person.second_school) {
                    teachers.entry(school).or_default().push(index);
                }
            }
            _ => {}
        }
    }
    let mut classes = Vec::new();
    for ((school, grade), mut attending) in students {
        let teaching = teachers.get(&school).unwrap_or(&any_teacher);
        let code = district.school(school).map_or("", |school| &school.code);
        let subjects = Subject::taught_to(SchoolLevel::teaching(grade));
        for (period, (subject, term)) in (1..).zip(subjects) {
            let of_subject = |course: &Course| (course.grade, course.subject) == (grade, subject);
            let Some(course) = courses.iter().position(of_subject) else {
                continue;
            };
            attending.shuffle(&mut rng);
            for (section, students) in (1..).zip(attending.chunks(CLASS_SIZE_MAX)) {
                let number = format!("{}-{grade}-{section}", subject.code());
                let mut students = students.to_vec();
                students.sort_unstable();
                classes.push(Class {
                    code: format!("{code}-{number}"),
                    title: format!("{} {grade} - {section}", subject.title()),
                    school,
                    course,
                    term,
                    section,
                    period,
                    teachers: teachers_of(classes.len(), teaching),
                    students,
                });
            }
        }
    }
    classes
}

/// The teachers take the classes in turn.
fn teachers_of(class: usize, teaching: &[PersonIndex]) -> Vec<PersonIndex> {
    let mut turns = teaching.iter().copied().cycle();
    let turn = class.checked_rem(teaching.len()).unwrap_or_default();
    let second = class.is_multiple_of(CLASSES_PER_SECOND_TEACHER) && teaching.len() > 1;
    turns
        .by_ref()
        .skip(turn)
        .take(1 + usize::from(second))
        .collect()
}
