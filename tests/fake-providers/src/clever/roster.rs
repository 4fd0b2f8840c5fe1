//! What the fake Clever knows of a district, and which part of it is shared.
//!
//! A school that is not shared takes along its sections and everybody who is in no other school;
//! who is in another one stays, without the school. Everything a list needs is indexed, and the
//! text of a record is written once for each version of the API.

mod build;
mod change;
mod record;
mod tell;
mod wire;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

pub use change::{Change, ChangeRefused, Changed};
pub use record::{Course, DistrictRecord, Part, Role, School, Section, SyncState, Term, User};
pub(super) use wire::instant;

use super::config::Config;
use super::id::ObjectId;
use crate::district::District;

/// A version of the API; the later one only adds fields.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    V30,
    V31,
}

impl Version {
    /// How paths start.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::V30 => "/v3.0",
            Self::V31 => "/v3.1",
        }
    }
}

/// What there are lists of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Courses,
    Districts,
    Resources,
    Schools,
    Sections,
    Terms,
    Users,
}

impl Kind {
    /// The word for it in paths and events.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Courses => "courses",
            Self::Districts => "districts",
            Self::Resources => "resources",
            Self::Schools => "schools",
            Self::Sections => "sections",
            Self::Terms => "terms",
            Self::Users => "users",
        }
    }

    /// The kind of a word.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Courses,
            Self::Districts,
            Self::Resources,
            Self::Schools,
            Self::Sections,
            Self::Terms,
            Self::Users,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// A record's text in both versions, once somebody has asked for it.
#[derive(Clone, Debug, Default)]
struct Texts {
    v30: OnceLock<Box<str>>,
    v31: OnceLock<Box<str>>,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    record: T,
    texts: Texts,
}

type Table<T> = BTreeMap<ObjectId, Slot<T>>;
type Index = BTreeMap<ObjectId, BTreeSet<ObjectId>>;

/// The roster of one district.
#[derive(Clone, Debug)]
pub struct Roster {
    seed: u64,
    district: DistrictRecord,
    users: Table<User>,
    schools: Table<School>,
    sections: Table<Section>,
    courses: Table<Course>,
    terms: Table<Term>,
    unshared: BTreeSet<ObjectId>,
    /// The shown users, all of them and by role.
    shown: BTreeSet<ObjectId>,
    by_role: BTreeMap<Role, BTreeSet<ObjectId>>,
    /// Who is at a school, in whatever role, shown or not.
    at_school: Index,
    contacts_of: Index,
    sections_of: Index,
    sections_at: Index,
    /// How many ids were given after the roster was made.
    ids_given: u64,
}

impl Roster {
    /// The roster of a district as the application first sees it.
    pub(super) fn of(district: &District, config: &Config) -> Self {
        build::roster(district, config)
    }

    fn empty(seed: u64, district: DistrictRecord) -> Self {
        Self {
            seed,
            district,
            users: Table::new(),
            schools: Table::new(),
            sections: Table::new(),
            courses: Table::new(),
            terms: Table::new(),
            unshared: BTreeSet::new(),
            shown: BTreeSet::new(),
            by_role: BTreeMap::new(),
            at_school: Index::new(),
            contacts_of: Index::new(),
            sections_of: Index::new(),
            sections_at: Index::new(),
            ids_given: 0,
        }
    }

    /// The district.
    pub fn district(&self) -> &DistrictRecord {
        &self.district
    }

    /// The users shown, by id.
    pub fn users(&self) -> impl Iterator<Item = Cow<'_, User>> {
        self.shown.iter().filter_map(|id| self.user(*id))
    }

    /// How many users are shown.
    pub fn user_count(&self) -> usize {
        self.shown.len()
    }

    /// The schools shared, by id.
    pub fn schools(&self) -> impl Iterator<Item = &School> {
        let schools = self.schools.values().map(|slot| &slot.record);
        schools.filter(|school| !self.unshared.contains(&school.id))
    }

    /// The sections shown, by id.
    pub fn sections(&self) -> impl Iterator<Item = Cow<'_, Section>> {
        self.sections.keys().filter_map(|id| self.section(*id))
    }

    /// A user as shown; schools that are not shared are left out.
    pub fn user(&self, id: ObjectId) -> Option<Cow<'_, User>> {
        let user = &self.users.get(&id)?.record;
        if self.unshared.is_empty() {
            return Some(Cow::Borrowed(user));
        }
        let mut shown = user.clone();
        for (role, part) in &mut shown.roles {
            part.schools
                .retain(|school| !self.unshared.contains(school));
            if *role == Role::Contact {
                part.students
                    .retain(|student| self.user(*student).is_some());
            }
        }
        shown.roles.retain(|role, part| {
            let whole = user.roles.get(role);
            let lost_schools =
                part.schools.is_empty() && whole.is_some_and(|p| !p.schools.is_empty());
            let lost_students =
                part.students.is_empty() && whole.is_some_and(|p| !p.students.is_empty());
            !lost_schools && !lost_students
        });
        (!shown.roles.is_empty()).then_some(Cow::Owned(shown))
    }

    /// A shared school.
    pub fn school(&self, id: ObjectId) -> Option<&School> {
        let school = &self.schools.get(&id)?.record;
        (!self.unshared.contains(&id)).then_some(school)
    }

    /// A section as shown: of a shared school, with the users that are shown.
    pub fn section(&self, id: ObjectId) -> Option<Cow<'_, Section>> {
        let section = &self.sections.get(&id)?.record;
        if self.unshared.is_empty() {
            return Some(Cow::Borrowed(section));
        }
        if self.unshared.contains(&section.school) {
            return None;
        }
        let mut shown = section.clone();
        shown.students.retain(|user| self.shown.contains(user));
        shown.teachers.retain(|user| self.shown.contains(user));
        (!shown.students.is_empty()).then_some(Cow::Owned(shown))
    }

    /// A user by id, number or address (the first one who has it), shown or not.
    pub fn find_user(&self, key: &str) -> Option<&User> {
        let by_id = ObjectId::parse(key).and_then(|id| self.users.get(&id));
        let has_key = |slot: &&Slot<User>| {
            let email = slot.record.email.as_deref();
            slot.record.number == key || email.is_some_and(|email| email.eq_ignore_ascii_case(key))
        };
        let found = by_id.or_else(|| self.users.values().find(has_key));
        found.map(|slot| &slot.record)
    }

    /// A school by id, code or name, shared or not.
    pub fn find_school(&self, key: &str) -> Option<&School> {
        let mut schools = self.schools.values().map(|slot| &slot.record);
        schools
            .find(|school| school.code == key || school.name == key || school.id.to_string() == key)
    }

    /// The ids of a list, in order.
    pub(crate) fn ids(&self, kind: Kind, role: Option<Role>) -> Cow<'_, BTreeSet<ObjectId>> {
        match (kind, role) {
            (Kind::Users, None) => Cow::Borrowed(&self.shown),
            (Kind::Users, Some(role)) => match self.by_role.get(&role) {
                Some(ids) => Cow::Borrowed(ids),
                None => Cow::Owned(BTreeSet::new()),
            },
            (Kind::Courses, _) => Cow::Owned(self.courses.keys().copied().collect()),
            (Kind::Districts, _) => Cow::Owned(BTreeSet::from([self.district.id])),
            (Kind::Resources, _) => Cow::Owned(BTreeSet::new()),
            (Kind::Schools, _) => Cow::Owned(self.schools().map(|school| school.id).collect()),
            (Kind::Sections, _) => {
                let ids = self.sections.keys().copied();
                Cow::Owned(
                    ids.filter(|id| self.is_shown(Kind::Sections, *id))
                        .collect(),
                )
            }
            (Kind::Terms, _) => Cow::Owned(self.terms.keys().copied().collect()),
        }
    }

    /// Whether a record is there for the application.
    pub(crate) fn is_shown(&self, kind: Kind, id: ObjectId) -> bool {
        match kind {
            Kind::Courses => self.courses.contains_key(&id),
            Kind::Districts => self.district.id == id,
            Kind::Resources => false,
            Kind::Schools => self.school(id).is_some(),
            Kind::Sections => self.is_section_shown(id),
            Kind::Terms => self.terms.contains_key(&id),
            Kind::Users => self.shown.contains(&id),
        }
    }

    fn is_section_shown(&self, id: ObjectId) -> bool {
        self.sections.get(&id).is_some_and(|slot| {
            let mut students = slot.record.students.iter();
            let is_shared = !self.unshared.contains(&slot.record.school);
            is_shared && students.any(|student| self.shown.contains(student))
        })
    }

    /// Writes a record, and gives whether it is there.
    pub(crate) fn write(
        &self,
        kind: Kind,
        id: ObjectId,
        version: Version,
        out: &mut Vec<u8>,
    ) -> bool {
        let texts = match kind {
            Kind::Courses => self.courses.get(&id).map(|slot| &slot.texts),
            Kind::Districts | Kind::Resources => None,
            Kind::Schools => self.schools.get(&id).map(|slot| &slot.texts),
            Kind::Sections => self.sections.get(&id).map(|slot| &slot.texts),
            Kind::Terms => self.terms.get(&id).map(|slot| &slot.texts),
            Kind::Users => self.users.get(&id).map(|slot| &slot.texts),
        };
        if !self.is_shown(kind, id) {
            return false;
        }
        let write = || wire::text(self, kind, id, version).unwrap_or_default();
        match texts {
            Some(texts) => {
                let text = match version {
                    Version::V30 => texts.v30.get_or_init(write),
                    Version::V31 => texts.v31.get_or_init(write),
                };
                out.extend_from_slice(text.as_bytes());
            }
            None => out.extend_from_slice(write().as_bytes()),
        }
        true
    }

    pub(crate) fn users_at(&self, school: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.at_school.get(&school).into_iter().flatten().copied()
    }

    pub(crate) fn sections_of(&self, user: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.sections_of.get(&user).into_iter().flatten().copied()
    }

    pub(crate) fn sections_at(&self, school: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.sections_at.get(&school).into_iter().flatten().copied()
    }

    pub(crate) fn contacts_of(&self, student: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.contacts_of
            .get(&student)
            .into_iter()
            .flatten()
            .copied()
    }

    fn add_school(&mut self, school: School) {
        self.schools.insert(school.id, Slot::new(school));
    }

    fn add_course(&mut self, course: Course) {
        self.courses.insert(course.id, Slot::new(course));
    }

    fn add_term(&mut self, term: Term) {
        self.terms.insert(term.id, Slot::new(term));
    }

    fn add_user(&mut self, user: User) {
        let id = user.id;
        for school in user.schools() {
            self.at_school.entry(school).or_default().insert(id);
        }
        for student in user.students() {
            self.contacts_of.entry(student).or_default().insert(id);
        }
        self.users.insert(id, Slot::new(user));
        self.show_user(id);
    }

    fn take_user(&mut self, id: ObjectId) -> Option<User> {
        let user = self.users.remove(&id)?.record;
        for school in user.schools() {
            take_from(&mut self.at_school, school, id);
        }
        for student in user.students() {
            take_from(&mut self.contacts_of, student, id);
        }
        self.show_user(id);
        Some(user)
    }

    /// Puts a user into the lists of those shown, or out of them.
    fn show_user(&mut self, id: ObjectId) {
        let roles: BTreeSet<Role> = match self.user(id) {
            Some(user) => user.roles.keys().copied().collect(),
            None => BTreeSet::new(),
        };
        for role in Role::ALL {
            let listed = self.by_role.entry(role).or_default();
            if roles.contains(&role) {
                listed.insert(id);
            } else {
                listed.remove(&id);
            }
        }
        if roles.is_empty() {
            self.shown.remove(&id);
        } else {
            self.shown.insert(id);
        }
    }

    fn add_section(&mut self, section: Section) {
        let id = section.id;
        self.sections_at
            .entry(section.school)
            .or_default()
            .insert(id);
        for user in section.students.iter().chain(&section.teachers) {
            self.sections_of.entry(*user).or_default().insert(id);
        }
        self.sections.insert(id, Slot::new(section));
    }

    fn take_section(&mut self, id: ObjectId) -> Option<Section> {
        let section = self.sections.remove(&id)?.record;
        take_from(&mut self.sections_at, section.school, id);
        for user in section.students.iter().chain(&section.teachers) {
            take_from(&mut self.sections_of, *user, id);
        }
        Some(section)
    }
}

impl<T> Slot<T> {
    fn new(record: T) -> Self {
        Self {
            record,
            texts: Texts::default(),
        }
    }
}

fn take_from(index: &mut Index, key: ObjectId, id: ObjectId) {
    if let Some(ids) = index.get_mut(&key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(&key);
        }
    }
}
