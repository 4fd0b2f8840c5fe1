//! Puts a district into a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    AdminRole, Delegation, Directory, Group, MemberKey, MemberRole, OrgUnitSlot, OrgUnits, Owner,
    Privilege, User, UserId,
};
use crate::district::{District, Person, PersonKind, PersonState, School};

/// 2026-08-03, when the accounts of the school year are made.
const SCHOOL_YEAR_START_S: i64 = 1_785_715_200;

/// Sets the ids of this directory apart from the draws of the district.
const ID_SEED: u64 = 0x600D_1D5E_ED00_0001;

/// The org units of a district, made as they are needed.
struct Units {
    tree: OrgUnits,
    students: OrgUnitSlot,
    staff: OrgUnitSlot,
    former_students: OrgUnitSlot,
    services: OrgUnitSlot,
    office: OrgUnitSlot,
    technology: OrgUnitSlot,
}

impl Units {
    fn new(district: &District) -> Self {
        let mut tree = OrgUnits::new();
        let students = tree.ensure(OrgUnits::ROOT, "Students");
        let staff = tree.ensure(OrgUnits::ROOT, "Staff");
        let office = tree.ensure(staff, "District Office");
        let technology = tree.ensure(office, "Technology");
        let services = tree.ensure(OrgUnits::ROOT, "Service Accounts");
        let former_students = tree.ensure(OrgUnits::ROOT, "Former Students");
        // A unit without people, as every district has some.
        tree.ensure(OrgUnits::ROOT, "Devices");
        for school in district.schools() {
            let unit = tree.ensure(students, &school.name);
            let (low, high) = school.level.grades();
            let grades = (low.number()..=high.number()).filter_map(crate::district::Grade::new);
            for grade in grades {
                tree.ensure(unit, &grade.title());
            }
            tree.ensure(staff, &school.name);
        }
        Self {
            tree,
            students,
            staff,
            former_students,
            services,
            office,
            technology,
        }
    }

    fn place(&mut self, person: &Person, school: Option<&School>) -> OrgUnitSlot {
        match (person.kind, school) {
            (PersonKind::Administrator, _) => self.technology,
            (PersonKind::ServiceAccount, _) => self.services,
            (PersonKind::Student, Some(_)) if person.state == PersonState::Archived => {
                self.former_students
            }
            (PersonKind::Student, Some(school)) => {
                let unit = self.tree.ensure(self.students, &school.name);
                match person.grade {
                    // Some who came this year wait in the school's unit for a grade.
                    Some(_)
                        if person.previous_school.is_some() && person.number.is_multiple_of(5) =>
                    {
                        unit
                    }
                    Some(grade) => self.tree.ensure(unit, &grade.title()),
                    None => unit,
                }
            }
            (PersonKind::Staff | PersonKind::Teacher, Some(school)) => {
                self.tree.ensure(self.staff, &school.name)
            }
            (PersonKind::Staff | PersonKind::Student | PersonKind::Teacher, None) => self.office,
        }
    }
}

impl Directory {
    /// The directory of a district. Ids follow from the district's seed.
    pub fn of(district: &District) -> Self {
        let mut units = Units::new(district);
        let mut rng = ChaCha8Rng::seed_from_u64(district.seed() ^ ID_SEED);
        let codes: Vec<Arc<str>> = district
            .schools()
            .iter()
            .map(|s| s.code.as_str().into())
            .collect();
        let users: Vec<User> = district
            .people()
            .iter()
            .map(|person| user_of(district, person, &codes, &mut units, &mut rng))
            .collect();
        let mut directory = Self {
            domains: domains_of(district),
            org_units: units.tree,
            users: Vec::with_capacity(users.len()),
            by_id: BTreeMap::new(),
            addresses: BTreeMap::new(),
            by_org_unit: BTreeMap::new(),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            generation: 1,
            ids_given: 0,
            seed: district.seed(),
        };
        for user in users {
            directory.index(user);
        }
        directory.appoint_administrators(district);
        directory.found_groups(district);
        directory
    }

    /// Adds a user to the table and every index.
    pub(super) fn index(&mut self, user: User) {
        let Ok(slot) = u32::try_from(self.users.len()) else {
            return;
        };
        self.by_id.insert(user.id, slot);
        self.addresses
            .insert(Arc::clone(&user.email), Owner::User(slot));
        for alias in &user.aliases {
            self.addresses.insert(Arc::clone(alias), Owner::Alias(slot));
        }
        self.by_org_unit
            .entry(user.org_unit)
            .or_default()
            .insert(slot);
        self.users.push(user);
    }

    /// An id nobody has, the next of those that follow from the seed.
    pub(super) fn fresh_id(&mut self) -> UserId {
        loop {
            self.ids_given += 1;
            let seed = self.seed ^ ID_SEED.rotate_left(7) ^ self.ids_given;
            let id = UserId::from_random(ChaCha8Rng::seed_from_u64(seed).next_u64());
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }

    /// The first administrator may do everything, the second reads users and org units only,
    /// the others read and change what a help desk needs.
    fn appoint_administrators(&mut self, district: &District) {
        let administrators = district.people().iter().zip(&self.users);
        let ids: Vec<UserId> = administrators
            .filter(|(person, _)| person.kind == PersonKind::Administrator)
            .map(|(_, user)| user.id)
            .collect();
        let read = [Privilege::OrgUnitsRead, Privilege::UsersRead];
        let help_desk = [Privilege::GroupsRead, Privilege::UsersWrite];
        for (position, id) in ids.into_iter().enumerate() {
            let mut privileges = BTreeSet::from(read);
            let role = match position {
                0 => AdminRole::Super,
                1 => AdminRole::Delegated(Delegation {
                    privileges,
                    org_unit: None,
                }),
                _ => {
                    privileges.extend(help_desk);
                    AdminRole::Delegated(Delegation {
                        privileges,
                        org_unit: None,
                    })
                }
            };
            self.roles.insert(id, role);
        }
    }

    fn found_groups(&mut self, district: &District) {
        let mut teachers: BTreeMap<usize, Vec<UserId>> = BTreeMap::new();
        let mut office = Vec::new();
        let mut administrators = Vec::new();
        for (person, user) in district.people().iter().zip(&self.users) {
            match person.kind {
                PersonKind::Administrator => administrators.push(user.id),
                PersonKind::Staff => office.push(user.id),
                PersonKind::Teacher => {
                    for school in [person.school, person.second_school].into_iter().flatten() {
                        teachers.entry(school.number()).or_default().push(user.id);
                    }
                }
                PersonKind::ServiceAccount | PersonKind::Student => {}
            }
        }
        let mut all_staff = Vec::new();
        for (number, school) in district.schools().iter().enumerate() {
            let members = teachers.remove(&number).unwrap_or_default();
            let address = format!("{}-teachers", school.slug());
            let id = self.found_group(
                &address,
                &format!("{} Teachers", school.name),
                users(members),
            );
            all_staff.push(MemberKey::Group(id));
        }
        let office = self.found_group("support-staff", "Support Staff", users(office));
        let administrators = self.found_group("admins", "Administrators", users(administrators));
        all_staff.extend([MemberKey::Group(office), MemberKey::Group(administrators)]);
        self.found_group("all-staff", "All Staff", all_staff);
        self.found_group("everyone", "Everyone", vec![MemberKey::Customer]);
        let partner = MemberKey::External(Arc::from("coach@riverbend.example"));
        self.found_group("athletics-partners", "Athletics Partners", vec![partner]);
        self.found_group("science-fair-2027", "Science Fair 2027", Vec::new());
    }

    fn found_group(&mut self, local_part: &str, name: &str, members: Vec<MemberKey>) -> String {
        let slot = self.groups.len();
        let id = group_id(slot);
        let email: Arc<str> = format!("{local_part}@{}", self.primary_domain()).into();
        // The first member of a group of users runs it.
        let role_at = |position: usize, key: &MemberKey| match (position, key) {
            (0, MemberKey::User(_)) => MemberRole::Owner,
            (1, MemberKey::User(_)) => MemberRole::Manager,
            _ => MemberRole::Member,
        };
        let members = members.into_iter().enumerate();
        let members = members.map(|(position, key)| {
            let role = role_at(position, &key);
            (key, role)
        });
        self.addresses
            .insert(Arc::clone(&email), Owner::Group(slot));
        let group = Group {
            id: id.clone(),
            email,
            name: name.to_owned(),
            description: String::new(),
            aliases: Vec::new(),
            members: members.collect(),
            version: 1,
        };
        self.groups.insert(slot, group);
        id
    }
}

/// The id of the group at a place.
pub(super) fn group_id(slot: usize) -> String {
    format!("01ksv4uv{:07x}", (slot + 1) * 0x1_2345 % 0xFFF_FFFF)
}

fn users(ids: Vec<UserId>) -> Vec<MemberKey> {
    ids.into_iter().map(MemberKey::User).collect()
}

fn domains_of(district: &District) -> Vec<String> {
    let shape = district.shape();
    let mut domains = vec![shape.domain.clone()];
    domains.extend(shape.student_domain.clone());
    domains
}

fn user_of(
    district: &District,
    person: &Person,
    codes: &[Arc<str>],
    units: &mut Units,
    rng: &mut ChaCha8Rng,
) -> User {
    let school = person.school.and_then(|index| district.school(index));
    let domain = district.domain_of(person);
    let address = |local: &str| -> Arc<str> { format!("{local}@{domain}").into() };
    let years = rng.random_range(0..6);
    let last_login_days = rng.random_range(0..100);
    let schools = [person.school, person.second_school];
    User {
        id: UserId::from_random(rng.next_u64()),
        email: address(&person.local_part),
        given: person.given.clone(),
        family: person.family.clone(),
        aliases: person.aliases.iter().map(|alias| address(alias)).collect(),
        org_unit: units.place(person, school),
        suspended: person.state == PersonState::Suspended,
        archived: person.state == PersonState::Archived,
        number: (person.kind != PersonKind::ServiceAccount).then_some(person.number),
        title: title_of(person.kind),
        grade: person.grade.map(|grade| grade.to_string().into()),
        schools: schools
            .into_iter()
            .flatten()
            .filter_map(|index| codes.get(index.number()).cloned())
            .collect(),
        created_at_s: SCHOOL_YEAR_START_S - years * 365 * 86_400,
        last_login_at_s: (last_login_days < 90)
            .then_some(SCHOOL_YEAR_START_S + last_login_days * 86_400 + i64::from(person.number)),
        deleted_at_ms: None,
        version: 1,
    }
}

fn title_of(kind: PersonKind) -> &'static str {
    match kind {
        PersonKind::Administrator => "Administrator",
        PersonKind::ServiceAccount => "",
        PersonKind::Staff => "Support Staff",
        PersonKind::Student => "Student",
        PersonKind::Teacher => "Teacher",
    }
}
