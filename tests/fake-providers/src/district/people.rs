//! The people of a district.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::names;
use super::schools::{Grade, School, SchoolIndex, SchoolLevel};
use super::shape::DistrictShape;

/// What somebody is in the district.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PersonKind {
    /// Runs the district's computers.
    Administrator,
    /// No person: an account for a device or a job.
    ServiceAccount,
    /// Works in an office, a kitchen, a library.
    Staff,
    /// Goes to school.
    Student,
    /// Teaches.
    Teacher,
}

/// Whether the account is in use.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PersonState {
    /// In use.
    Active,
    /// Kept for the record, out of use.
    Archived,
    /// Blocked for now.
    Suspended,
}

/// A person's place in [`super::District::people`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PersonIndex(pub(super) u32);

impl PersonIndex {
    /// The place as a number.
    pub fn number(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Somebody with an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Person {
    /// The number in the student information or personnel system, unique in the district.
    pub number: u32,
    /// What they are.
    pub kind: PersonKind,
    /// Given name as written.
    pub given: Cow<'static, str>,
    /// Family name as written.
    pub family: Cow<'static, str>,
    /// The address before the `@`, unique in the district whatever the domain.
    pub local_part: Box<str>,
    /// Further addresses before the `@`, in the same domain.
    pub aliases: Vec<Box<str>>,
    /// The school; none for the district office and service accounts.
    pub school: Option<SchoolIndex>,
    /// The school of last year, when it was another one.
    pub previous_school: Option<SchoolIndex>,
    /// The second school of a teacher who works in two.
    pub second_school: Option<SchoolIndex>,
    /// The grade of a student.
    pub grade: Option<Grade>,
    /// Whether the account is in use.
    pub state: PersonState,
}

/// The first person's number; six digits, as personnel systems have them.
const FIRST_NUMBER: u32 = 100_001;

/// The summer in which this year's grade twelve leaves, as in student addresses.
const GRADUATION_YEAR: u32 = 27;

/// How many people of each kind a district of some size has.
struct Headcount {
    administrators: usize,
    service_accounts: usize,
    staff: usize,
    students: usize,
}

impl Headcount {
    fn of(size: usize) -> Self {
        let administrators = (size * 3 / 1_000).max(2).min(size);
        Self {
            administrators,
            service_accounts: size * 4 / 1_000,
            staff: size * 50 / 1_000,
            students: size * 865 / 1_000,
        }
    }

    /// The kind of the person drawn as number `position`; teachers are the rest.
    fn kind_at(&self, position: usize) -> PersonKind {
        let mut start = 0;
        for (count, kind) in [
            (self.administrators, PersonKind::Administrator),
            (self.service_accounts, PersonKind::ServiceAccount),
            (self.staff, PersonKind::Staff),
            (self.students, PersonKind::Student),
        ] {
            start += count;
            if position < start {
                return kind;
            }
        }
        PersonKind::Teacher
    }
}

/// How many students a district of some size has.
pub(super) fn student_count(size: usize) -> usize {
    Headcount::of(size).students
}

/// Draws everybody.
pub(super) fn draw(
    rng: &mut impl Rng,
    size: usize,
    shape: &DistrictShape,
    schools: &[School],
) -> Vec<Person> {
    let headcount = Headcount::of(size);
    let mut draw = Draw {
        rng,
        shape,
        schools: Schools::of(schools),
        taken: BTreeMap::new(),
    };
    (0..size)
        .map(|position| draw.person(position, headcount.kind_at(position)))
        .collect()
}

/// The schools by level.
struct Schools {
    all: Vec<SchoolIndex>,
    by_level: BTreeMap<SchoolLevel, Vec<SchoolIndex>>,
}

impl Schools {
    fn of(schools: &[School]) -> Self {
        let mut by_level: BTreeMap<SchoolLevel, Vec<SchoolIndex>> = BTreeMap::new();
        let mut all = Vec::new();
        for (index, school) in (0..u16::MAX).zip(schools) {
            all.push(SchoolIndex(index));
            by_level
                .entry(school.level)
                .or_default()
                .push(SchoolIndex(index));
        }
        Self { all, by_level }
    }

    fn teaching(&self, grade: Grade) -> &[SchoolIndex] {
        self.by_level
            .get(&SchoolLevel::teaching(grade))
            .map_or(&[], Vec::as_slice)
    }
}

struct Draw<'a, R> {
    rng: &'a mut R,
    shape: &'a DistrictShape,
    schools: Schools,
    /// How often each local part was asked for.
    taken: BTreeMap<Box<str>, u32>,
}

impl<R: Rng> Draw<'_, R> {
    fn person(&mut self, position: usize, kind: PersonKind) -> Person {
        let number = FIRST_NUMBER.saturating_add(u32::try_from(position).unwrap_or(u32::MAX));
        if kind == PersonKind::ServiceAccount {
            return self.service_account(number);
        }
        let odd = kind != PersonKind::Administrator && self.chance(self.shape.odd_name_per_mille);
        // Either name may be the odd one, or both.
        let which = self.rng.random_range(0..3);
        let (given, given_ascii) = names::given(self.rng, odd && which != 1);
        let (family, family_ascii) = names::family(self.rng, odd && which != 0);
        let grade = (kind == PersonKind::Student)
            .then(|| Grade::new(self.rng.random_range(0..=Grade::TWELVE.number())))
            .flatten();
        let school = self.school_for(kind, grade);
        let state = self.state_for(kind);
        let local_part = self.local_part(&given_ascii, &family_ascii, grade);
        let aliases = self.aliases_for(&given_ascii, &family_ascii);
        Person {
            number,
            kind,
            given,
            family,
            local_part,
            aliases,
            school,
            previous_school: self.other_school(kind, grade, school, self.shape.moved_per_mille),
            second_school: (kind == PersonKind::Teacher)
                .then(|| self.other_school(kind, None, school, self.shape.two_schools_per_mille))
                .flatten(),
            grade,
            state,
        }
    }

    fn service_account(&mut self, number: u32) -> Person {
        const JOBS: [&str; 5] = ["Printer", "Scanner", "Kiosk", "Backup", "Library Catalog"];
        let job = JOBS.choose(self.rng).copied().unwrap_or("Printer");
        let slug = job.to_ascii_lowercase().replace(' ', "-");
        Person {
            number,
            kind: PersonKind::ServiceAccount,
            given: Cow::Borrowed(job),
            family: Cow::Borrowed("Service"),
            local_part: self.unused(&format!("svc-{slug}")),
            aliases: Vec::new(),
            school: None,
            previous_school: None,
            second_school: None,
            grade: None,
            state: PersonState::Active,
        }
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        self.rng.random_range(0..1_000) < per_mille
    }

    fn state_for(&mut self, kind: PersonKind) -> PersonState {
        let suspended = self.chance(self.shape.suspended_per_mille);
        let archived = self.chance(self.shape.archived_per_mille);
        match (kind, suspended, archived) {
            (PersonKind::Administrator, _, _) | (_, false, false) => PersonState::Active,
            (_, true, _) => PersonState::Suspended,
            (_, false, true) => PersonState::Archived,
        }
    }

    fn school_for(&mut self, kind: PersonKind, grade: Option<Grade>) -> Option<SchoolIndex> {
        match (kind, grade) {
            (PersonKind::Student, Some(grade)) => {
                self.schools.teaching(grade).choose(self.rng).copied()
            }
            (PersonKind::Teacher, _) => self.schools.all.choose(self.rng).copied(),
            (PersonKind::Staff, _) if !self.rng.random_ratio(1, 5) => {
                self.schools.all.choose(self.rng).copied()
            }
            _ => None,
        }
    }

    /// Another school than `school` of the kind the person could be at, for some people.
    fn other_school(
        &mut self,
        kind: PersonKind,
        grade: Option<Grade>,
        school: Option<SchoolIndex>,
        per_mille: u32,
    ) -> Option<SchoolIndex> {
        if !matches!(kind, PersonKind::Student | PersonKind::Teacher) || !self.chance(per_mille) {
            return None;
        }
        let candidates = match grade {
            Some(grade) => self.schools.teaching(grade),
            None => &self.schools.all,
        };
        candidates
            .choose(self.rng)
            .copied()
            .filter(|other| Some(*other) != school)
    }

    /// `given.family`, for students with the year they leave.
    fn local_part(&mut self, given: &str, family: &str, grade: Option<Grade>) -> Box<str> {
        let wanted = match grade {
            Some(grade) => {
                let year = GRADUATION_YEAR + 12 - u32::from(grade.number());
                format!("{given}.{family}{year}")
            }
            None => format!("{given}.{family}"),
        };
        self.unused(&wanted)
    }

    fn aliases_for(&mut self, given: &str, family: &str) -> Vec<Box<str>> {
        if !self.chance(self.shape.alias_per_mille) {
            return Vec::new();
        }
        let initial: String = given.chars().take(1).collect();
        let mut aliases = vec![self.unused(&format!("{initial}.{family}"))];
        if self.rng.random_ratio(1, 4) {
            aliases.push(self.unused(&format!("{family}.{given}")));
        }
        aliases
    }

    /// The wanted local part, or with the first number that makes it unique.
    fn unused(&mut self, wanted: &str) -> Box<str> {
        let mut candidate = Box::from(wanted);
        while let Some(count) = self.taken.get_mut(&candidate) {
            *count += 1;
            // A hyphen keeps the number apart from the year in a student's address.
            candidate = format!("{wanted}-{count}").into_boxed_str();
            if !self.taken.contains_key(&candidate) {
                break;
            }
        }
        self.taken.insert(candidate.clone(), 1);
        candidate
    }
}
