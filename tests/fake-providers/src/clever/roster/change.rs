//! What changes at the district or at Clever.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::build::{drawn, heads, legacy_id};
use super::record::{Part, Role, SyncState, User};
use super::tell::Touched;
use super::{Kind, Roster};
use crate::clever::events::Events;
use crate::clever::id::ObjectId;

/// A change. Users go by id, number or address, schools by id, number or name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Somebody new.
    AddUser {
        /// What they are.
        role: Role,
        /// Given name.
        first: String,
        /// Family name.
        last: String,
        /// The address.
        #[serde(default)]
        email: Option<String>,
        /// The number; the next free one when absent.
        #[serde(default)]
        number: Option<String>,
        /// The school.
        #[serde(default)]
        school: Option<String>,
        /// The grade of a student.
        #[serde(default)]
        grade: Option<String>,
    },
    /// Clever takes a user for somebody new: the same person under another id.
    RegenerateId {
        /// Who.
        user: String,
    },
    /// A section ends.
    RemoveSection {
        /// Its id.
        section: String,
    },
    /// Somebody leaves.
    RemoveUser {
        /// Who.
        user: String,
    },
    /// A student enters a section or leaves it; a section ends with its last student.
    SetAttends {
        /// Who.
        user: String,
        /// The section's id.
        section: String,
        /// Whether they attend it from now on.
        attends: bool,
    },
    /// Another address, whatever it looks like.
    SetEmail {
        /// Who.
        user: String,
        /// The address; none for `null`.
        email: Option<String>,
    },
    /// Another grade.
    SetGrade {
        /// Which student.
        user: String,
        /// The grade, as Clever writes it.
        grade: Option<String>,
    },
    /// Another name.
    SetName {
        /// Who.
        user: String,
        /// Given name.
        first: Option<String>,
        /// Family name.
        last: Option<String>,
    },
    /// From when until when copying is paused.
    SetPause {
        /// From when, as Clever writes it.
        start: Option<String>,
        /// Until when.
        end: Option<String>,
    },
    /// Other roles; new ones get the schools of the old.
    SetRoles {
        /// Who.
        user: String,
        /// The roles, at least one.
        roles: BTreeSet<Role>,
    },
    /// Another name of a school.
    SetSchoolName {
        /// Which.
        school: String,
        /// The name.
        name: String,
    },
    /// Other schools, in every role that has any.
    SetSchools {
        /// Who.
        user: String,
        /// The schools, the primary one first.
        schools: Vec<String>,
    },
    /// A school is shared with the application, or no more.
    SetShared {
        /// Which.
        school: String,
        /// Whether it is shared.
        shared: bool,
    },
    /// How copying goes.
    SetState {
        /// How.
        state: SyncState,
    },
    /// Copying ended now: `last_sync` moves. Nothing else moves it.
    Sync,
}

/// What a change came to.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Changed {
    /// The user's id afterwards, if the change was about one.
    pub user: Option<String>,
    /// How many events tell of it.
    pub events: usize,
}

/// Why a change can't be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChangeRefused {
    /// Nobody would be left with that.
    #[error("a user needs a role")]
    NoRole,
    /// No school of that id, number or name.
    #[error("there is no such school")]
    NoSuchSchool,
    /// No section of that id.
    #[error("there is no such section")]
    NoSuchSection,
    /// No user of that id, number or address.
    #[error("there is no such user")]
    NoSuchUser,
    /// Only students have a grade.
    #[error("the user is no student")]
    NotAStudent,
}

impl Roster {
    /// Makes a change and adds the events that tell of it.
    pub(crate) fn change(
        &mut self,
        change: &Change,
        now_ms: i64,
        events: &mut Events,
    ) -> Result<Changed, ChangeRefused> {
        let touched = self.touched(change)?;
        let before = self.views(&touched);
        let user = self.make(change, now_ms)?;
        let told = self.tell(before, now_ms);
        let count = told.len();
        for event in told {
            events.push(event);
        }
        Ok(Changed {
            user: user.map(|id| id.to_string()),
            events: count,
        })
    }

    fn user_id(&self, key: &str) -> Result<ObjectId, ChangeRefused> {
        let user = self.find_user(key).ok_or(ChangeRefused::NoSuchUser)?;
        Ok(user.id)
    }

    fn school_id(&self, key: &str) -> Result<ObjectId, ChangeRefused> {
        let school = self.find_school(key).ok_or(ChangeRefused::NoSuchSchool)?;
        Ok(school.id)
    }

    fn section_id(&self, key: &str) -> Result<ObjectId, ChangeRefused> {
        ObjectId::parse(key)
            .filter(|id| self.sections.contains_key(id))
            .ok_or(ChangeRefused::NoSuchSection)
    }

    /// The id of the next user; ids given later sort last.
    fn next_id(&self) -> ObjectId {
        let number = u32::try_from(self.ids_given).unwrap_or(u32::MAX);
        let head = heads::LATER_USER.saturating_add(number);
        drawn(head, self.seed, self.ids_given)
    }

    /// The records a change may change.
    fn touched(&self, change: &Change) -> Result<Touched, ChangeRefused> {
        let one = |kind, id| Touched::from([(kind, id)]);
        Ok(match change {
            Change::AddUser { .. } => one(Kind::Users, self.next_id()),
            Change::RegenerateId { user } => {
                let mut touched = self.around(self.user_id(user)?);
                touched.insert((Kind::Users, self.next_id()));
                touched
            }
            Change::RemoveUser { user } => self.around(self.user_id(user)?),
            Change::RemoveSection { section } | Change::SetAttends { section, .. } => {
                one(Kind::Sections, self.section_id(section)?)
            }
            Change::SetEmail { user, .. }
            | Change::SetGrade { user, .. }
            | Change::SetName { user, .. }
            | Change::SetRoles { user, .. }
            | Change::SetSchools { user, .. } => one(Kind::Users, self.user_id(user)?),
            Change::SetPause { .. } | Change::SetState { .. } | Change::Sync => {
                one(Kind::Districts, self.district.id)
            }
            Change::SetSchoolName { school, .. } => one(Kind::Schools, self.school_id(school)?),
            Change::SetShared { school, .. } => self.within(self.school_id(school)?),
        })
    }

    /// A user, their sections and contacts.
    fn around(&self, user: ObjectId) -> Touched {
        let sections = self.sections_of(user).map(|id| (Kind::Sections, id));
        let contacts = self.contacts_of(user).map(|id| (Kind::Users, id));
        let user = [(Kind::Users, user)].into_iter();
        user.chain(sections).chain(contacts).collect()
    }

    /// A school, everybody in it, and all that is theirs.
    fn within(&self, school: ObjectId) -> Touched {
        let mut touched = Touched::from([(Kind::Schools, school)]);
        touched.extend(self.sections_at(school).map(|id| (Kind::Sections, id)));
        for user in self.users_at(school) {
            touched.extend(self.around(user));
        }
        touched
    }

    fn make(&mut self, change: &Change, now_ms: i64) -> Result<Option<ObjectId>, ChangeRefused> {
        match change {
            Change::AddUser { .. } => return self.join(change, now_ms).map(Some),
            Change::RegenerateId { user } => {
                let id = self.user_id(user)?;
                let next = self.next_id();
                self.ids_given += 1;
                if let Some(user) = self.take_user(id) {
                    self.add_user(User { id: next, ..user });
                    self.replace(id, Some(next));
                }
                return Ok(Some(next));
            }
            Change::RemoveUser { user } => {
                let id = self.user_id(user)?;
                self.take_user(id);
                self.replace(id, None);
                return Ok(Some(id));
            }
            Change::RemoveSection { section } => {
                let id = self.section_id(section)?;
                self.take_section(id);
            }
            Change::SetAttends {
                user,
                section,
                attends,
            } => {
                let user = self.user_id(user)?;
                let section = self.section_id(section)?;
                self.set_attends(user, section, *attends);
            }
            Change::SetEmail { user, .. }
            | Change::SetGrade { user, .. }
            | Change::SetName { user, .. }
            | Change::SetRoles { user, .. }
            | Change::SetSchools { user, .. } => {
                return self.edit(self.user_id(user)?, change).map(Some);
            }
            Change::SetPause { start, end } => {
                self.district.pause_start.clone_from(start);
                self.district.pause_end.clone_from(end);
            }
            Change::SetSchoolName { school, name } => {
                let id = self.school_id(school)?;
                if let Some(slot) = self.schools.get_mut(&id) {
                    slot.record.name.clone_from(name);
                }
            }
            Change::SetShared { school, shared } => {
                let id = self.school_id(school)?;
                if *shared {
                    self.unshared.remove(&id);
                } else {
                    self.unshared.insert(id);
                }
            }
            Change::SetState { state } => self.district.state = *state,
            Change::Sync => self.district.last_sync_ms = Some(now_ms),
        }
        Ok(None)
    }

    fn join(&mut self, change: &Change, now_ms: i64) -> Result<ObjectId, ChangeRefused> {
        let Change::AddUser {
            role,
            first,
            last,
            email,
            number,
            school,
            grade,
        } = change
        else {
            return Err(ChangeRefused::NoRole);
        };
        let school = school.as_ref().map(|key| self.school_id(key)).transpose()?;
        let id = self.next_id();
        self.ids_given += 1;
        let own_number = 9_000_000 + self.ids_given;
        let mut part = Part::new(legacy_id(self.seed, own_number, *role));
        part.schools = school.into_iter().collect();
        part.grade.clone_from(grade);
        self.add_user(User {
            id,
            number: number.clone().unwrap_or_else(|| own_number.to_string()),
            username: format!("{first}.{last}").to_lowercase(),
            email: email.clone(),
            first: Some(first.clone()),
            middle: None,
            last: Some(last.clone()),
            preferred: None,
            roles: BTreeMap::from([(*role, part)]),
            created_ms: now_ms,
            modified_ms: now_ms,
        });
        Ok(id)
    }

    /// A change of fields of one user.
    fn edit(&mut self, id: ObjectId, change: &Change) -> Result<ObjectId, ChangeRefused> {
        let found = self.users.get(&id).ok_or(ChangeRefused::NoSuchUser)?;
        let mut user = found.record.clone();
        match change {
            Change::SetEmail { email, .. } => user.email.clone_from(email),
            Change::SetName { first, last, .. } => {
                user.first.clone_from(first);
                user.last.clone_from(last);
            }
            Change::SetGrade { grade, .. } => {
                let part = user.roles.get_mut(&Role::Student);
                let part = part.ok_or(ChangeRefused::NotAStudent)?;
                part.grade.clone_from(grade);
            }
            Change::SetRoles { roles, .. } => self.set_roles(&mut user, roles)?,
            Change::SetSchools { schools, .. } => {
                let schools = schools.iter().map(|key| self.school_id(key));
                let schools = schools.collect::<Result<Vec<_>, _>>()?;
                for (role, part) in &mut user.roles {
                    if has_schools(*role) {
                        part.schools.clone_from(&schools);
                    }
                }
            }
            Change::AddUser { .. }
            | Change::RegenerateId { .. }
            | Change::RemoveSection { .. }
            | Change::RemoveUser { .. }
            | Change::SetAttends { .. }
            | Change::SetPause { .. }
            | Change::SetSchoolName { .. }
            | Change::SetShared { .. }
            | Change::SetState { .. }
            | Change::Sync => {}
        }
        self.take_user(id);
        self.add_user(user);
        Ok(id)
    }

    fn set_roles(&self, user: &mut User, roles: &BTreeSet<Role>) -> Result<(), ChangeRefused> {
        if roles.is_empty() {
            return Err(ChangeRefused::NoRole);
        }
        let with_schools = user.roles.values().find(|part| !part.schools.is_empty());
        let schools = with_schools.map_or_else(Vec::new, |part| part.schools.clone());
        let number = user
            .number
            .parse()
            .unwrap_or_else(|_| user.id.luck(7) >> 32);
        for role in roles {
            user.roles.entry(*role).or_insert_with(|| Part {
                schools: if has_schools(*role) {
                    schools.clone()
                } else {
                    Vec::new()
                },
                ..Part::new(legacy_id(self.seed, number, *role))
            });
        }
        user.roles.retain(|role, _| roles.contains(role));
        Ok(())
    }

    /// Puts another id, or none, in place of one that is no more.
    fn replace(&mut self, old: ObjectId, new: Option<ObjectId>) {
        let exchange = |ids: &mut Vec<ObjectId>| {
            let moved = ids
                .iter()
                .filter_map(|id| if *id == old { new } else { Some(*id) });
            *ids = moved.collect();
        };
        for section in self.sections_of(old).collect::<Vec<_>>() {
            let Some(mut section) = self.take_section(section) else {
                continue;
            };
            exchange(&mut section.students);
            exchange(&mut section.teachers);
            if !section.students.is_empty() {
                self.add_section(section);
            }
        }
        for contact in self.contacts_of(old).collect::<Vec<_>>() {
            let Some(mut contact) = self.take_user(contact) else {
                continue;
            };
            for part in contact.roles.values_mut() {
                exchange(&mut part.students);
            }
            if contact.students().next().is_some() {
                self.add_user(contact);
            }
        }
    }

    fn set_attends(&mut self, user: ObjectId, section: ObjectId, attends: bool) {
        let Some(mut section) = self.take_section(section) else {
            return;
        };
        section.students.retain(|student| *student != user);
        if attends {
            section.students.push(user);
        }
        if !section.students.is_empty() {
            self.add_section(section);
        }
    }
}

fn has_schools(role: Role) -> bool {
    matches!(role, Role::Staff | Role::Student | Role::Teacher)
}
