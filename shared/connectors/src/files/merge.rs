//! All rows of a person as one source record.

use super::roster::{PersonRow, PlacementRow, RowProblem, RowReason, school};
use mapping::account::{Email, Role};
use mapping::ids::ExternalId;
use mapping::schooling::School;
use mapping::source::{Placement, SourceRecord};
use std::collections::{BTreeMap, BTreeSet};

/// What rows make.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Merged {
    /// The people, by their lower-cased address, which is also their id.
    pub records: Vec<SourceRecord>,
    /// The schools that they are in, each once.
    pub schools: Vec<School>,
    /// What is wrong. An error concerns a row that is not in any record.
    pub problems: Vec<RowProblem>,
    /// The people in rows that contradict each other, for mending.
    pub refused: Vec<PersonRow>,
    /// The placements that can't be taken, for mending.
    pub refused_placements: Vec<PlacementRow>,
}

/// Makes records of rows. It needs every row of the people it is given, in any order, and rows of
/// different people may come together: a caller may split a file by address as it likes.
///
/// An address is vouched for by the administrator who sends the file, so it counts as verified.
pub fn fold(
    people: impl IntoIterator<Item = PersonRow>,
    placements: impl IntoIterator<Item = PlacementRow>,
) -> Merged {
    let mut rows: BTreeMap<Email, (Vec<PersonRow>, Vec<PlacementRow>)> = BTreeMap::new();
    for person in people {
        rows.entry(person.email.clone()).or_default().0.push(person);
    }
    for placement in placements {
        let entry = rows.entry(placement.email.clone()).or_default();
        entry.1.push(placement);
    }
    let mut merged = Merged::default();
    let mut schools = BTreeMap::new();
    for (email, (mut people, mut placements)) in rows {
        people.sort_by(|a, b| (&a.sheet, a.line).cmp(&(&b.sheet, b.line)));
        placements.sort_by(|a, b| (&a.sheet, a.line).cmp(&(&b.sheet, b.line)));
        one_person(&email, people, placements, &mut schools, &mut merged);
    }
    merged.schools = schools.into_values().collect();
    merged
}

fn one_person(
    email: &Email,
    people: Vec<PersonRow>,
    placements: Vec<PlacementRow>,
    schools: &mut BTreeMap<ExternalId, School>,
    merged: &mut Merged,
) {
    let id = ExternalId::parse(email.as_str());
    let (Some(first), Ok(external_id)) = (people.first(), id) else {
        refuse_placements(placements, &RowReason::NoPerson, merged);
        return;
    };
    let conflicts = conflicts(&people);
    if !conflicts.is_empty() {
        merged.problems.extend(conflicts);
        refuse_placements(placements, &RowReason::PersonRefused, merged);
        merged.refused.extend(people);
        return;
    }
    merged.problems.extend(repeated(&people));
    let mut record = record(external_id, &people);
    let refused = place(&mut record, &people, placements, schools);
    let reason = RowReason::StudentAndAdult {
        line: first.line,
        sheet: first.sheet.clone(),
    };
    refuse_placements(refused, &reason, merged);
    merged.records.push(record);
}

/// The record of a person without their schools.
fn record(external_id: ExternalId, people: &[PersonRow]) -> SourceRecord {
    SourceRecord {
        external_id,
        email: people.first().map(|person| person.email.clone()),
        email_verified: true,
        username: first_text(people, |person| person.username.as_deref()),
        given_name: first_text(people, |person| Some(&person.given)).unwrap_or_default(),
        family_name: first_text(people, |person| Some(&person.family)).unwrap_or_default(),
        org_unit_path: None,
        groups: BTreeSet::new(),
        roles: BTreeSet::new(),
        placements: BTreeSet::new(),
        grade: first_text(people, |person| person.grade.as_deref()),
        suspended: false,
    }
}

/// Puts a person into their schools. Placements that would make a student an adult, or the other
/// way round, are given back.
fn place(
    record: &mut SourceRecord,
    people: &[PersonRow],
    placements: Vec<PlacementRow>,
    schools: &mut BTreeMap<ExternalId, School>,
) -> Vec<PlacementRow> {
    let roles: BTreeSet<Role> = people.iter().map(|person| person.role).collect();
    let mut named: Vec<(Role, String)> = (people.iter())
        .filter_map(|person| Some((person.role, person.school.clone()?)))
        .collect();
    let mut refused = Vec::new();
    for placement in placements {
        let stated = placement.role.map(|role| BTreeSet::from([role]));
        let wanted = stated.unwrap_or_else(|| roles.clone());
        let is_student = |roles: &BTreeSet<Role>| roles.contains(&Role::Student);
        if is_student(&wanted) == is_student(&roles) {
            let school = |role: &Role| (*role, placement.school.clone());
            named.extend(wanted.iter().map(school));
        } else {
            refused.push(placement);
        }
    }
    for (role, name) in named {
        let Some(school) = school(&name) else {
            continue;
        };
        record.placements.insert(Placement {
            school: school.id.clone(),
            role,
            grade: record.grade.clone().filter(|_| role == Role::Student),
        });
        schools.entry(school.id.clone()).or_insert(school);
    }
    // A role in a school says nothing about the district, except an admin's.
    let placed = |role: &Role| (record.placements.iter()).any(|place| place.role == *role);
    record.roles = (roles.into_iter())
        .filter(|role| *role == Role::Admin || !placed(role))
        .collect();
    refused
}

/// The first text that is not empty.
fn first_text<'a>(
    people: &'a [PersonRow],
    text: impl Fn(&'a PersonRow) -> Option<&'a str>,
) -> Option<String> {
    let mut texts = people.iter().filter_map(text);
    texts.find(|text| !text.is_empty()).map(str::to_owned)
}

/// What rows say that can't all be true. Each row but the first is compared with the first one that
/// says anything; which of them is right, nobody knows, so none is taken.
fn conflicts(people: &[PersonRow]) -> Vec<RowProblem> {
    type Text = fn(&PersonRow) -> &str;
    let texts: [(&str, Text); 5] = [
        ("the first name", |person| &person.given),
        ("the last name", |person| &person.family),
        ("the username", |person| {
            person.username.as_deref().unwrap_or_default()
        }),
        ("the grade", |person| {
            person.grade.as_deref().unwrap_or_default()
        }),
        ("the ID", |person| person.id.as_deref().unwrap_or_default()),
    ];
    let mut problems = Vec::new();
    if let Some(first) = people.first() {
        let is_student = |person: &PersonRow| person.role == Role::Student;
        for other in people
            .iter()
            .filter(|other| is_student(other) != is_student(first))
        {
            both(first, other, &mut problems, |line, sheet| {
                RowReason::StudentAndAdult { line, sheet }
            });
        }
    }
    for (field, text) in texts {
        let mut speaking = people.iter().filter(|person| !text(person).is_empty());
        let Some(first) = speaking.next() else {
            continue;
        };
        let is_same = |other: &&PersonRow| text(other).to_lowercase() == text(first).to_lowercase();
        for other in speaking.filter(|other| !is_same(other)) {
            both(first, other, &mut problems, |line, sheet| {
                RowReason::Conflict {
                    field: field.to_owned(),
                    line,
                    sheet,
                }
            });
        }
    }
    problems
}

/// Says of each of two rows that it does not go with the other.
fn both(
    first: &PersonRow,
    second: &PersonRow,
    problems: &mut Vec<RowProblem>,
    reason: impl Fn(u32, Option<String>) -> RowReason,
) {
    for (row, other) in [(first, second), (second, first)] {
        let reason = reason(other.line, other.sheet.clone());
        problems.push(RowProblem::new(row.sheet.as_deref(), row.line, reason));
    }
}

/// Rows of one sheet that are about somebody for a second time.
fn repeated(people: &[PersonRow]) -> Vec<RowProblem> {
    let mut first_lines: BTreeMap<Option<&str>, u32> = BTreeMap::new();
    let mut problems = Vec::new();
    for person in people {
        let sheet = person.sheet.as_deref();
        match first_lines.get(&sheet) {
            Some(line) => {
                let reason = RowReason::RepeatedPerson { line: *line };
                problems.push(RowProblem::new(sheet, person.line, reason));
            }
            None => {
                first_lines.insert(sheet, person.line);
            }
        }
    }
    problems
}

fn refuse_placements(placements: Vec<PlacementRow>, reason: &RowReason, merged: &mut Merged) {
    for placement in placements {
        let problem = RowProblem::new(placement.sheet.as_deref(), placement.line, reason.clone());
        merged.problems.push(problem);
        merged.refused_placements.push(placement);
    }
}
