//! Edits of the directory, and since when nothing about a person was touched.

use super::dice::Dice;
use crate::world::{FakeGoogle, FakeUser};
use std::collections::BTreeMap;

/// Org units that people are put into; the last one is out of scope of every rule.
const UNITS: [&str; 4] = ["/Students", "/Students/Grade 9", "/Staff", "/Alumni"];

/// The group that a rule may name.
pub(super) const GROUP: &str = "aides@maplegrove.example";

/// Most people of the directory.
const PEOPLE_MAX: usize = 70;

/// One edit of the directory; numbers choose among those whom it can concern.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    /// Somebody new, in this unit.
    Add(usize),
    /// A person is deleted and made anew with the same address.
    Anew(usize),
    /// An address is written in capitals, which changes nothing.
    Capitals(usize),
    /// A person is deleted.
    Delete(usize),
    /// A person gets the address of another, who keeps it.
    Duplicate(usize, usize),
    /// A person joins the group or leaves it.
    Group(usize),
    /// Many are suspended at once, or all are brought back.
    ManySuspended(usize),
    /// Many are moved to one unit at once.
    ManyMoved(usize, usize),
    /// A person is moved to this unit.
    Move(usize, usize),
    /// A person gets an address that nobody had.
    NewAddress(usize),
    /// A person gets another name.
    Rename(usize),
    /// A person is suspended, or not any more.
    Suspend(usize),
    /// Two people exchange their addresses.
    Swap(usize, usize),
    /// A person who was deleted is brought back.
    Undelete(usize),
}

impl Edit {
    pub(super) fn choose(dice: &mut Dice) -> Self {
        let (who, other) = (dice.index(1_000), dice.index(1_000));
        let unit = dice.index(UNITS.len());
        match dice.below(100) {
            0..15 => Edit::Add(unit),
            15..18 => Edit::Anew(who),
            18..21 => Edit::Capitals(who),
            21..29 => Edit::Delete(who),
            29..33 => Edit::Duplicate(who, other),
            33..39 => Edit::Group(who),
            39..41 => Edit::ManySuspended(who),
            41..42 => Edit::ManyMoved(who, unit),
            42..60 => Edit::Move(who, unit),
            60..67 => Edit::NewAddress(who),
            67..80 => Edit::Rename(who),
            80..91 => Edit::Suspend(who),
            91..95 => Edit::Swap(who, other),
            _ => Edit::Undelete(who),
        }
    }
}

/// What the simulation knows of the directory beside the directory itself.
#[derive(Debug, Default)]
pub(super) struct Directory {
    next_number: usize,
    gone: Vec<FakeUser>,
    /// The step in which a person was last edited in a way that can matter for their status.
    touched: BTreeMap<String, u64>,
}

impl Directory {
    /// A district of thirty students and eight teachers, and some whom no rule reaches. Nobody of
    /// two districts with numbers far apart is the same.
    pub(super) fn people(from: usize) -> (Self, Vec<FakeUser>) {
        let unit = |number: usize| match number {
            0..20 => UNITS[0],
            20..30 => UNITS[1],
            30..38 => UNITS[2],
            _ => UNITS[3],
        };
        let people: Vec<FakeUser> = (0..42)
            .map(|number| FakeUser::new(from + number, unit(number)))
            .collect();
        let directory = Self {
            next_number: from + people.len(),
            ..Self::default()
        };
        (directory, people)
    }

    /// The step in which somebody was last edited.
    pub(super) fn touched(&self, id: &str) -> u64 {
        self.touched.get(id).copied().unwrap_or(0)
    }

    pub(super) fn apply(&mut self, edit: Edit, google: &mut FakeGoogle, step: u64) {
        match edit {
            Edit::Add(unit) if google.users.len() < PEOPLE_MAX => {
                let user = FakeUser::new(self.next_number, UNITS[unit]);
                self.next_number += 1;
                self.put(google, user, step);
            }
            Edit::Undelete(who) if !self.gone.is_empty() => {
                let user = self.gone.remove(who % self.gone.len());
                self.put(google, user, step);
            }
            Edit::ManySuspended(who) => {
                let many = google.users.values().any(|user| user.suspended);
                let concerned = google.users.values_mut().skip(who % 8);
                for user in concerned.step_by(2) {
                    user.suspended = !many;
                    self.touched.insert(user.id.clone(), step);
                }
            }
            Edit::ManyMoved(who, unit) => {
                for user in google.users.values_mut().skip(who % 8).step_by(2) {
                    UNITS[unit].clone_into(&mut user.unit);
                    self.touched.insert(user.id.clone(), step);
                }
            }
            Edit::Add(_) | Edit::Undelete(_) => {}
            Edit::Anew(who)
            | Edit::Capitals(who)
            | Edit::Delete(who)
            | Edit::Duplicate(who, _)
            | Edit::Group(who)
            | Edit::Move(who, _)
            | Edit::NewAddress(who)
            | Edit::Rename(who)
            | Edit::Suspend(who)
            | Edit::Swap(who, _) => {
                if let Some(id) = nth(google, who) {
                    self.touched.insert(id.clone(), step);
                    self.edit_one(edit, google, &id, step);
                }
            }
        }
    }

    fn edit_one(&mut self, edit: Edit, google: &mut FakeGoogle, id: &str, step: u64) {
        let mut other = None;
        if let Edit::Duplicate(_, number) | Edit::Swap(_, number) = edit {
            other = nth(google, number);
        }
        let other_email = other.as_ref().map(|id| google.users[id].email.clone());
        let number = self.next_number;
        let user = google.users.get_mut(id).unwrap();
        match edit {
            Edit::Capitals(_) => user.email = user.email.to_uppercase(),
            Edit::Duplicate(..) => user.email = other_email.unwrap(),
            Edit::Move(_, unit) => UNITS[unit].clone_into(&mut user.unit),
            Edit::NewAddress(_) => {
                self.next_number += 1;
                user.email = format!("renamed{number}@maplegrove.example");
            }
            Edit::Rename(_) => user.given_name = format!("Renamed{step}"),
            Edit::Suspend(_) => user.suspended = !user.suspended,
            Edit::Swap(..) => {
                let email = std::mem::replace(&mut user.email, other_email.unwrap());
                google.users.get_mut(&other.unwrap()).unwrap().email = email;
            }
            Edit::Group(_) => {
                let members = &mut google.groups.get_mut(GROUP).unwrap().members;
                if !members.remove(id) {
                    members.insert(id.to_owned());
                }
            }
            Edit::Anew(_) | Edit::Delete(_) => {
                let user = google.users.remove(id).unwrap();
                google.groups.get_mut(GROUP).unwrap().members.remove(id);
                if matches!(edit, Edit::Anew(_)) {
                    self.next_number += 1;
                    let anew = FakeUser {
                        id: FakeUser::new(number, "/").id,
                        ..user
                    };
                    self.put(google, anew, step);
                } else {
                    self.gone.push(user);
                }
            }
            Edit::Add(_) | Edit::ManyMoved(..) | Edit::ManySuspended(_) | Edit::Undelete(_) => {}
        }
    }

    /// Gives addresses that nobody ever had to these people.
    pub(super) fn rename_all(&mut self, google: &mut FakeGoogle, ids: &[String]) {
        for id in ids {
            let user = google.users.get_mut(id).unwrap();
            user.email = format!("fresh{}@maplegrove.example", self.next_number);
            self.next_number += 1;
        }
    }

    fn put(&mut self, google: &mut FakeGoogle, user: FakeUser, step: u64) {
        self.touched.insert(user.id.clone(), step);
        google.users.insert(user.id.clone(), user);
    }
}

fn nth(google: &FakeGoogle, number: usize) -> Option<String> {
    let len = google.users.len().max(1);
    google.users.keys().nth(number % len).cloned()
}
