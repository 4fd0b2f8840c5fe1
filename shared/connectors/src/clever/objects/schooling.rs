//! Schools, terms, courses and sections.

use super::{Record, reference, references, shorten};
use crate::clever::wire::{Field, Text, WrongField};
use crate::grade;
use jiff::ToSpan;
use jiff::civil::Date;
use mapping::account::Role;
use mapping::ids::ExternalId;
use mapping::schooling::{self, Class, ClassMember, SchoolKind, Schooling, Session, SessionKind};
use serde::Deserialize;
use std::collections::BTreeSet;

/// An object that becomes a [`Schooling`].
pub(in crate::clever) trait ToSchooling<'a>: Record<'a> {
    /// The object in our vocabulary; fails when a field has another type than documented.
    fn to_schooling(&self, id: ExternalId) -> Result<Schooling, WrongField>;
}

macro_rules! record {
    ($($name:ident),*) => {$(
        impl<'a> Record<'a> for $name<'a> {
            fn id(&self) -> &Field<Text<'a>> {
                &self.id
            }
        }
    )*};
}
record!(Course, School, Section, Term);

#[derive(Debug, Deserialize)]
pub(in crate::clever) struct School<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default)]
    name: Field<Text<'a>>,
    #[serde(borrow, default)]
    sis_id: Field<Text<'a>>,
    #[serde(borrow, default, rename = "school_number")]
    number: Field<Text<'a>>,
}

impl<'a> ToSchooling<'a> for School<'a> {
    fn to_schooling(&self, id: ExternalId) -> Result<Schooling, WrongField> {
        let sis_id = kept(&self.sis_id, "sis_id")?;
        let number = kept(&self.number, "school_number")?;
        Ok(Schooling::School(schooling::School {
            id,
            name: kept(&self.name, "name")?.unwrap_or_default(),
            kind: SchoolKind::School,
            identifier: sis_id.or(number),
            parent: None,
        }))
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::clever) struct Course<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default)]
    name: Field<Text<'a>>,
    #[serde(borrow, default)]
    number: Field<Text<'a>>,
}

impl<'a> ToSchooling<'a> for Course<'a> {
    fn to_schooling(&self, id: ExternalId) -> Result<Schooling, WrongField> {
        Ok(Schooling::Course(schooling::Course {
            id,
            title: kept(&self.name, "name")?.unwrap_or_default(),
            code: kept(&self.number, "number")?,
        }))
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::clever) struct Term<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default)]
    name: Field<Text<'a>>,
    #[serde(borrow, default)]
    start_date: Field<Text<'a>>,
    #[serde(borrow, default)]
    end_date: Field<Text<'a>>,
}

impl<'a> ToSchooling<'a> for Term<'a> {
    fn to_schooling(&self, id: ExternalId) -> Result<Schooling, WrongField> {
        let last_day = date(&self.end_date, "end_date")?;
        Ok(Schooling::Session(Session {
            id,
            title: kept(&self.name, "name")?.unwrap_or_default(),
            kind: SessionKind::Term,
            begins_on: date(&self.start_date, "start_date")?,
            // Clever's end is the last day of the term.
            ends_on: last_day.and_then(|day| day.checked_add(1.day()).ok()),
            parent: None,
        }))
    }
}

/// A class with its roster.
#[derive(Debug, Deserialize)]
pub(in crate::clever) struct Section<'a> {
    #[serde(borrow, default)]
    id: Field<Text<'a>>,
    #[serde(borrow, default)]
    name: Field<Text<'a>>,
    #[serde(borrow, default, rename = "section_number")]
    number: Field<Text<'a>>,
    #[serde(borrow, default)]
    school: Field<Text<'a>>,
    #[serde(borrow, default)]
    course: Field<Text<'a>>,
    #[serde(borrow, default)]
    term_id: Field<Text<'a>>,
    #[serde(borrow, default)]
    grade: Field<Text<'a>>,
    #[serde(borrow, default)]
    subject: Field<Text<'a>>,
    #[serde(borrow, default)]
    period: Field<Text<'a>>,
    #[serde(borrow, default)]
    teacher: Field<Text<'a>>,
    #[serde(borrow, default)]
    teachers: Field<Vec<Option<Text<'a>>>>,
    #[serde(borrow, default)]
    students: Field<Vec<Option<Text<'a>>>>,
}

impl<'a> ToSchooling<'a> for Section<'a> {
    fn to_schooling(&self, id: ExternalId) -> Result<Schooling, WrongField> {
        Ok(Schooling::Class(Class {
            id,
            title: kept(&self.name, "name")?.unwrap_or_default(),
            code: kept(&self.number, "section_number")?,
            school: reference(&self.school, "school")?,
            course: reference(&self.course, "course")?,
            sessions: reference(&self.term_id, "term_id")?.into_iter().collect(),
            grades: self
                .grade
                .text("grade")?
                .and_then(grade::normalise)
                .into_iter()
                .collect(),
            subjects: kept(&self.subject, "subject")?.into_iter().collect(),
            periods: kept(&self.period, "period")?.into_iter().collect(),
            members: self.members()?,
        }))
    }
}

impl Section<'_> {
    fn members(&self) -> Result<BTreeSet<ClassMember>, WrongField> {
        let primary = reference(&self.teacher, "teacher")?;
        let mut teachers: BTreeSet<ExternalId> = references(&self.teachers, "teachers")?
            .into_iter()
            .collect();
        teachers.extend(primary.clone());
        let teachers = teachers.into_iter().map(|person| ClassMember {
            primary: primary.as_ref() == Some(&person),
            ..member(person, Role::Teacher)
        });
        let students = references(&self.students, "students")?
            .into_iter()
            .map(|person| member(person, Role::Student));
        Ok(teachers.chain(students).collect())
    }
}

fn member(person: ExternalId, role: Role) -> ClassMember {
    ClassMember {
        person,
        role,
        primary: false,
        begins_on: None,
        ends_on: None,
    }
}

/// A text, as long as it may be; nothing but a label is lost of a longer one.
fn kept(field: &Field<Text<'_>>, name: &str) -> Result<Option<String>, WrongField> {
    Ok(field.text(name)?.map(|text| shorten(text).0))
}

/// A day, also where a time stands behind it.
fn date(field: &Field<Text<'_>>, name: &str) -> Result<Option<Date>, WrongField> {
    let Some(text) = field.text(name)? else {
        return Ok(None);
    };
    let day = text.split_once('T').map_or(text, |(day, _)| day);
    let day = day.parse().map_err(|_| WrongField(name.to_owned()))?;
    Ok(Some(day))
}
