//! What belongs to one record.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::page::Listing;
use super::query::Query;
use crate::clever::id::ObjectId;
use crate::clever::roster::{Kind, Role, Roster, Section, User};

type Ids = BTreeSet<ObjectId>;

/// What was found.
pub(super) enum Found<'a> {
    Many(Listing<'a>),
    One(Kind, ObjectId),
}

/// What belongs to a record that is shown.
pub(super) fn of<'a>(
    roster: &'a Roster,
    kind: Kind,
    id: ObjectId,
    sub: &str,
    query: &Query,
) -> Option<Found<'a>> {
    if sub == "district" {
        return Some(Found::One(Kind::Districts, roster.district().id));
    }
    let (of, ids) = match (kind, Kind::parse(sub)) {
        (_, Some(Kind::Resources)) => (Kind::Resources, Ids::new()),
        (Kind::Users, _) => of_user(roster, roster.user(id)?.as_ref(), sub, query)?,
        (Kind::Schools, Some(Kind::Users)) => (Kind::Users, at_school(roster, id, query)),
        (Kind::Schools, Some(of)) => (
            of,
            of_sections(
                roster,
                of,
                |section| section.school == id,
                roster.sections_at(id),
            ),
        ),
        (Kind::Sections, _) => return of_section(roster, roster.section(id)?.as_ref(), sub, query),
        (Kind::Courses, Some(of)) => (
            of,
            of_sections(roster, of, |section| section.course == id, every(roster)),
        ),
        (Kind::Terms, Some(of)) => (
            of,
            of_sections(roster, of, |section| section.term == id, every(roster)),
        ),
        _ => return None,
    };
    let shown = ids
        .into_iter()
        .filter(|id| roster.is_shown(of, *id))
        .collect();
    Some(Found::Many(Listing::new(of, Cow::Owned(shown))))
}

fn every(roster: &Roster) -> impl Iterator<Item = ObjectId> {
    let sections = roster.ids(Kind::Sections, None).into_owned();
    sections.into_iter()
}

/// The sections that are wanted, or what they belong to.
fn of_sections(
    roster: &Roster,
    of: Kind,
    wanted: impl Fn(&Section) -> bool,
    among: impl Iterator<Item = ObjectId>,
) -> Ids {
    let sections = among.filter_map(|id| roster.section(id));
    let wanted = sections.filter(|section| wanted(section.as_ref()));
    let ids = wanted.map(|section| match of {
        Kind::Courses => section.course,
        Kind::Schools => section.school,
        Kind::Terms => section.term,
        Kind::Districts | Kind::Resources | Kind::Sections | Kind::Users => section.id,
    });
    ids.collect()
}

fn of_user(roster: &Roster, user: &User, sub: &str, query: &Query) -> Option<(Kind, Ids)> {
    let sections = || {
        roster
            .sections_of(user.id)
            .filter_map(|id| roster.section(id))
    };
    Some(match sub {
        "schools" if query.primary => {
            let parts = user.roles.values();
            (
                Kind::Schools,
                parts
                    .filter_map(|part| part.schools.first().copied())
                    .collect(),
            )
        }
        "schools" => (Kind::Schools, user.schools().collect()),
        "sections" => (Kind::Sections, roster.sections_of(user.id).collect()),
        "mycontacts" => (Kind::Users, roster.contacts_of(user.id).collect()),
        "mystudents" => {
            let taught = sections().filter(|section| section.teachers.contains(&user.id));
            let taught = taught.flat_map(|section| section.students.clone());
            (Kind::Users, taught.chain(user.students()).collect())
        }
        "myteachers" => {
            let attended = sections().filter(|section| section.students.contains(&user.id));
            (
                Kind::Users,
                attended
                    .flat_map(|section| section.teachers.clone())
                    .collect(),
            )
        }
        _ => return None,
    })
}

/// Who is at a school; those for whom it is not the primary one too, unless asked otherwise.
fn at_school(roster: &Roster, school: ObjectId, query: &Query) -> Ids {
    let is_wanted = |id: &ObjectId| {
        roster.user(*id).is_some_and(|user| {
            user.roles.iter().any(|(role, part)| {
                let is_here = if query.primary {
                    part.schools.first() == Some(&school)
                } else {
                    part.schools.contains(&school)
                };
                is_here && query.role.is_none_or(|wanted| wanted == *role)
            })
        })
    };
    roster.users_at(school).filter(is_wanted).collect()
}

fn of_section<'a>(
    roster: &'a Roster,
    section: &Section,
    sub: &str,
    query: &Query,
) -> Option<Found<'a>> {
    let users: Ids = match sub {
        "course" => return Some(Found::One(Kind::Courses, section.course)),
        "school" => return Some(Found::One(Kind::Schools, section.school)),
        "term" => return Some(Found::One(Kind::Terms, section.term)),
        "users" => match query.role {
            Some(Role::Teacher) => section.teachers.iter().copied().collect(),
            Some(_) => section.students.iter().copied().collect(),
            None => section
                .students
                .iter()
                .chain(&section.teachers)
                .copied()
                .collect(),
        },
        _ => return None,
    };
    let shown = users
        .into_iter()
        .filter(|id| roster.is_shown(Kind::Users, *id))
        .collect();
    Some(Found::Many(Listing::new(Kind::Users, Cow::Owned(shown))))
}
