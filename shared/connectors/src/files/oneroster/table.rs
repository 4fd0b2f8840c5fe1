//! Reads the rows of one file of a package.

use super::header::Header;
use super::roles::school_kind;
use super::{Mode, PackageError, PackageRow, RoleRow, RoleWord, Table, UserRow};
use crate::files::roster::{RowProblem, RowReason, TEXT_BYTES_MAX, is_rounded};
use crate::files::row::{CellFault, Row};
use crate::files::words;
use crate::grade;
use jiff::civil::Date;
use mapping::account::{Email, Role};
use mapping::ids::ExternalId;
use mapping::issue::Severity;
use mapping::schooling::{Class, ClassMember, Course, School, Session, SessionKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most ids or words in one cell.
const LIST_MAX: usize = 500;

/// What a row was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TableTaken {
    /// The names of the columns.
    Header,
    /// A row that can't be taken.
    Refused {
        /// What is wrong; at least one of them is an error.
        problems: Vec<RowProblem>,
        /// The sourcedId, if it can be read: who has it is there all the same, and not gone.
        id: Option<ExternalId>,
    },
    /// Something, and warnings.
    Row(Box<PackageRow>, Vec<RowProblem>),
}

/// Something about a whole file that somebody may want to know (PROVIDERS F6).
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum TableNotice {
    /// A complete list says of its rows whether they are active.
    #[error("is a complete list, but has statuses; what is to be deleted was taken as gone")]
    BulkWithStatus,
    /// A list of changes does not say when they were made.
    #[error("is a list of changes, but does not say when they were made")]
    DeltaWithoutDates,
    /// The same header again, in the middle.
    #[error("repeats its header")]
    RepeatedHeader,
}

/// Reads the rows of one file. It can be stored after any row.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TableReader {
    #[serde(rename = "t")]
    table: Table,
    #[serde(rename = "m")]
    mode: Mode,
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(rename = "n", default, skip_serializing_if = "BTreeSet::is_empty")]
    notices: BTreeSet<TableNotice>,
}

impl TableReader {
    /// Reads this file.
    pub fn new(table: Table, mode: Mode) -> Self {
        Self {
            table,
            mode,
            header: None,
            notices: BTreeSet::new(),
        }
    }

    /// Which file it is.
    pub fn table(&self) -> Table {
        self.table
    }

    /// Reads the next row.
    pub fn read(&mut self, row: &Row) -> Result<TableTaken, PackageError> {
        let file = self.table.to_string();
        let Some(header) = &self.header else {
            let header = Header::parse(&file, &row.cells)?;
            let missing: Vec<String> = (required(self.table).iter())
                .filter(|names| names.iter().all(|name| header.of(name).is_none()))
                .filter_map(|names| names.first().map(|name| (*name).to_owned()))
                .collect();
            if !missing.is_empty() {
                return Err(PackageError::MissingColumns { file, missing });
            }
            self.header = Some(header);
            return Ok(TableTaken::Header);
        };
        if Header::parse(&file, &row.cells).as_ref() == Ok(header) {
            self.notices.insert(TableNotice::RepeatedHeader);
            return Ok(TableTaken::Header);
        }
        let mut reading = Reading {
            file: &file,
            header,
            row,
            problems: Vec::new(),
        };
        let status = reading.text("status");
        let has_date = !reading.text("dateLastModified").is_empty();
        if self.mode == Mode::Bulk && !status.is_empty() {
            self.notices.insert(TableNotice::BulkWithStatus);
        }
        if self.mode == Mode::Delta && !has_date {
            self.notices.insert(TableNotice::DeltaWithoutDates);
        }
        reading.note_cells();
        let is_gone = matches!(words::key(&status).as_str(), "inactive" | "tobedeleted");
        let taken = if is_gone {
            (reading.needed_id("sourcedId")).map(|id| PackageRow::Gone(self.table, id))
        } else {
            reading.row(self.table)
        };
        let is_error = |problem: &RowProblem| problem.severity() == Severity::Error;
        Ok(match taken {
            Some(taken) if !reading.problems.iter().any(is_error) => {
                TableTaken::Row(Box::new(taken), reading.problems)
            }
            _ => TableTaken::Refused {
                id: ExternalId::parse(reading.text("sourcedId")).ok(),
                problems: reading.problems,
            },
        })
    }

    /// Says that there are no more rows, and what is to say about the whole file.
    pub fn finish(&self) -> Result<&BTreeSet<TableNotice>, PackageError> {
        if self.header.is_none() {
            let file = self.table.to_string();
            return Err(PackageError::NoHeader { file });
        }
        Ok(&self.notices)
    }
}

/// Columns that a file can't be read without, each under any of its names.
fn required(table: Table) -> &'static [&'static [&'static str]] {
    match table {
        Table::AcademicSessions | Table::Classes => &[&["sourcedId"], &["title"]],
        Table::Courses | Table::Users => &[&["sourcedId"]],
        Table::Enrollments => &[&["classSourcedId"], &["userSourcedId"], &["role"]],
        Table::Orgs => &[&["sourcedId"], &["name"]],
        Table::Roles => &[&["userSourcedId"], &["role"], &["orgSourcedId"]],
    }
}

/// One row on its way.
struct Reading<'a> {
    file: &'a str,
    header: &'a Header,
    row: &'a Row,
    problems: Vec<RowProblem>,
}

impl Reading<'_> {
    fn row(&mut self, table: Table) -> Option<PackageRow> {
        match table {
            Table::AcademicSessions => self.session().map(PackageRow::Session),
            Table::Classes => self.class().map(PackageRow::Class),
            Table::Courses => self.course().map(PackageRow::Course),
            Table::Enrollments => {
                (self.enrollment()).map(|(class, member)| PackageRow::Enrollment(class, member))
            }
            Table::Orgs => self.org().map(PackageRow::Org),
            Table::Roles => self.role_row().map(PackageRow::Role),
            Table::Users => self.user().map(PackageRow::User),
        }
    }

    fn user(&mut self) -> Option<UserRow> {
        let id = self.needed_id("sourcedId")?;
        let email = self.email();
        let given = self.kept("givenName");
        let family = self.kept("familyName");
        if given.is_none() && family.is_none() {
            self.note(None, RowReason::WithoutName);
        }
        let enabled = self.text("enabledUser");
        let role = if self.text("role").is_empty() {
            None
        } else {
            self.role("role")
        };
        Some(UserRow {
            line: self.row.line,
            id,
            email,
            username: self.kept("username"),
            given: given.unwrap_or_default(),
            family: family.unwrap_or_default(),
            grade: self.grades().into_iter().next(),
            is_disabled: words::truth(&enabled) == Some(false),
            role,
            orgs: self.ids("orgSourcedIds"),
        })
    }

    /// The address; SDS has a column of its own for it. Without a usable one the person is there
    /// all the same.
    fn email(&mut self) -> Option<Email> {
        let text = self.text("email");
        if !text.is_empty() {
            let email = Email::parse(&text).ok();
            if email.is_none() {
                self.note(Some("email"), RowReason::EmailLeftOut);
            }
            return email;
        }
        Email::parse(&self.text("activeDirectoryMatchId")).ok()
    }

    fn role_row(&mut self) -> Option<RoleRow> {
        Some(RoleRow {
            line: self.row.line,
            id: self.id("sourcedId"),
            user: self.needed_id("userSourcedId")?,
            role: self.needed_role("role")?,
            org: self.needed_id("orgSourcedId")?,
            grade: self.grades().into_iter().next(),
            begins_on: self.date(&["beginDate", "roleStartDate"]),
            ends_on: self.date(&["endDate", "roleEndDate"]),
        })
    }

    fn org(&mut self) -> Option<School> {
        Some(School {
            id: self.needed_id("sourcedId")?,
            name: self.kept("name").unwrap_or_default(),
            kind: school_kind(&self.text("type")),
            identifier: self.kept("identifier"),
            parent: self.id("parentSourcedId"),
        })
    }

    fn session(&mut self) -> Option<Session> {
        Some(Session {
            id: self.needed_id("sourcedId")?,
            title: self.kept("title").unwrap_or_default(),
            kind: match words::key(&self.text("type")).as_str() {
                "gradingperiod" => SessionKind::GradingPeriod,
                "schoolyear" => SessionKind::SchoolYear,
                "semester" => SessionKind::Semester,
                _ => SessionKind::Term,
            },
            begins_on: self.date(&["startDate"]),
            ends_on: self.date(&["endDate"]),
            parent: self.id("parentSourcedId"),
        })
    }

    fn course(&mut self) -> Option<Course> {
        Some(Course {
            id: self.needed_id("sourcedId")?,
            title: self.kept("title").unwrap_or_default(),
            code: self.kept("courseCode").or_else(|| self.kept("code")),
        })
    }

    fn class(&mut self) -> Option<Class> {
        Some(Class {
            id: self.needed_id("sourcedId")?,
            title: self.kept("title").unwrap_or_default(),
            code: self.kept("classCode").or_else(|| self.kept("code")),
            school: self
                .id("schoolSourcedId")
                .or_else(|| self.id("orgSourcedId")),
            course: self.id("courseSourcedId"),
            sessions: self.ids("termSourcedIds"),
            grades: self.grades().into_iter().collect(),
            subjects: self.list("subjects").into_iter().collect(),
            periods: self.list("periods").into_iter().collect(),
            members: BTreeSet::new(),
        })
    }

    fn enrollment(&mut self) -> Option<(ExternalId, ClassMember)> {
        let class = self.needed_id("classSourcedId")?;
        let role = self.needed_role("role")?.role;
        let member = ClassMember {
            person: self.needed_id("userSourcedId")?,
            role: match role {
                Role::Student | Role::Teacher => role,
                Role::Admin | Role::Parent | Role::Staff => Role::Staff,
            },
            primary: words::truth(&self.text("primary")) == Some(true),
            begins_on: self.date(&["beginDate"]),
            ends_on: self.date(&["endDate"]),
        };
        Some((class, member))
    }

    fn note_cells(&mut self) {
        for note in &self.row.notes {
            let reason = match note.fault {
                CellFault::NotInEncoding => RowReason::Unreadable,
                CellFault::Long => RowReason::TooLong {
                    bytes_max: TEXT_BYTES_MAX,
                },
                CellFault::ErrorValue | CellFault::NoFormulaValue | CellFault::Rounded => continue,
            };
            self.problems
                .push(RowProblem::new(Some(self.file), self.row.line, reason));
        }
    }

    /// A role that must be there and be known.
    fn needed_role(&mut self, column: &str) -> Option<RoleWord> {
        if self.text(column).is_empty() {
            self.note(Some(column), RowReason::WithoutRole);
            return None;
        }
        self.role(column)
    }

    /// A role; what is none of ours is left out with a warning.
    fn role(&mut self, column: &str) -> Option<RoleWord> {
        let text = self.text(column);
        let role = RoleWord::parse(&text);
        if role.is_none() {
            let problem = self.problem(Some(column), RowReason::OtherRole);
            self.problems.push(problem.showing(&text));
        }
        role
    }

    fn needed_id(&mut self, column: &str) -> Option<ExternalId> {
        let id = self.id(column);
        if id.is_none() && self.text(column).is_empty() {
            self.note(Some(column), RowReason::WithoutId);
        }
        id
    }

    fn id(&mut self, column: &str) -> Option<ExternalId> {
        let text = self.text(column);
        if text.is_empty() {
            return None;
        }
        self.parse_id(column, text)
    }

    fn ids(&mut self, column: &str) -> BTreeSet<ExternalId> {
        let texts = self.list(column);
        (texts.into_iter())
            .filter_map(|text| self.parse_id(column, text))
            .collect()
    }

    /// An id that was rounded is no longer the one that other rows name.
    fn parse_id(&mut self, column: &str, text: String) -> Option<ExternalId> {
        let id = if is_rounded(&text) {
            None
        } else {
            ExternalId::parse(text).ok()
        };
        if id.is_none() {
            self.note(Some(column), RowReason::BadId);
        }
        id
    }

    fn grades(&mut self) -> Vec<String> {
        let grades = self.list("grades");
        grades
            .iter()
            .filter_map(|text| grade::normalise(text))
            .collect()
    }

    /// A day; the time that some exports add is not looked at (PROVIDERS F7).
    fn date(&mut self, columns: &[&str]) -> Option<Date> {
        let column = columns
            .iter()
            .find(|column| !self.text(column).is_empty())?;
        let text = self.text(column);
        let day = text.split(['T', ' ']).next().unwrap_or_default();
        let date = day.parse().ok();
        if date.is_none() {
            let problem = self.problem(Some(column), RowReason::BadDate);
            self.problems.push(problem.showing(&text));
        }
        date
    }

    /// The parts of a list in one cell.
    fn list(&self, column: &str) -> Vec<String> {
        let text = self.text(column);
        (text.split(','))
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty() && part.len() <= TEXT_BYTES_MAX)
            .take(LIST_MAX)
            .collect()
    }

    /// The text of a cell, if there is any and it is short enough.
    fn kept(&mut self, column: &str) -> Option<String> {
        let text = self.text(column);
        if text.len() > TEXT_BYTES_MAX {
            let bytes_max = TEXT_BYTES_MAX;
            self.note(Some(column), RowReason::TooLong { bytes_max });
            return None;
        }
        Some(text).filter(|text| !text.is_empty())
    }

    fn text(&self, column: &str) -> String {
        let cell = self
            .header
            .of(column)
            .map_or("", |column| self.row.cell(column));
        words::tidy(cell)
    }

    fn note(&mut self, column: Option<&str>, reason: RowReason) {
        let problem = self.problem(column, reason);
        self.problems.push(problem);
    }

    fn problem(&self, column: Option<&str>, reason: RowReason) -> RowProblem {
        let named = column.and_then(|name| Some((self.header.of(name)?, name.to_owned())));
        RowProblem {
            column: named,
            ..RowProblem::new(Some(self.file), self.row.line, reason)
        }
    }
}
