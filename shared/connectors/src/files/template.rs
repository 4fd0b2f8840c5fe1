//! The workbook to fill in (SPEC section 6).

mod parts;

use super::sheet::Field;
use super::zip::Writer;
use parts::{Line, Style};

/// The domain of the people in the template's examples. Nobody has an address in it (RFC 2606).
const EXAMPLE_DOMAIN: &str = "your-school.example";

/// A sheet with its columns and the example below them.
type Table = (&'static str, &'static [(Field, &'static str)]);

const TABLES: [Table; 4] = [
    (
        "Student",
        &[
            (Field::Email, "example.student@your-school.example"),
            (Field::Given, "Example"),
            (Field::Family, "Student"),
            (Field::Password, ""),
            (Field::Username, "estudent"),
            (Field::School, "Maple High"),
            (Field::Grade, "09"),
            (Field::Id, "00417"),
        ],
    ),
    (
        "Teacher",
        &[
            (Field::Email, "example.teacher@your-school.example"),
            (Field::Given, "Example"),
            (Field::Family, "Teacher"),
            (Field::Password, ""),
            (Field::Username, "eteacher"),
            (Field::School, "Maple High"),
            (Field::Id, "20417"),
        ],
    ),
    (
        "Admin",
        &[
            (Field::Email, "example.admin@your-school.example"),
            (Field::Given, "Example"),
            (Field::Family, "Admin"),
            (Field::Password, ""),
            (Field::Username, "eadmin"),
            (Field::School, "Maple High"),
            (Field::Id, "20418"),
        ],
    ),
    (
        "Multi-school",
        &[
            (Field::Email, "example.teacher@your-school.example"),
            (Field::School, "Maple Middle"),
            (Field::Role, "teacher"),
        ],
    ),
];

const NOTES: [&str; 9] = [
    "How to fill in this workbook",
    "Put each person on the sheet of their role. Email address, First Name and Last Name are needed; the rest may stay empty.",
    "The rows with the addresses at your-school.example are examples. They are left out if they are still there.",
    "Leave Password empty to have one made. You get all passwords that were made in one file, once.",
    "Everybody chooses a new password at the first sign-in. Nobody is sent a message.",
    "People on the sheet Admin become teachers too.",
    "The sheet Multi-school is for people of several schools: a row for each school beside the one on their own sheet.",
    "Write the name of a school the same way everywhere. Grades are KG, 01 to 12, or what your schools say.",
    "The cells are text, so that numbers such as 00417 keep their zeros. Paste values only.",
];

/// The template, always the same bytes.
pub fn workbook() -> Vec<u8> {
    let mut names: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
    names.push("Notes");
    let mut zip = Writer::new();
    for (path, xml) in parts::frame(&names) {
        zip.add(&path, xml.as_bytes());
    }
    for (number, (_, columns)) in (1..).zip(TABLES) {
        let header = columns.iter().map(|(field, _)| field.header()).collect();
        let example = columns.iter().map(|(_, text)| *text).collect();
        let widths: Vec<u32> = columns.iter().map(|(field, _)| width(*field)).collect();
        let lines = [Line(Style::Header, header), Line(Style::Text, example)];
        let xml = parts::sheet(&widths, &lines, true);
        zip.add(&parts::sheet_path(number), xml.as_bytes());
    }
    let lines: Vec<Line<'_>> = (NOTES.iter().enumerate())
        .map(|(index, note)| {
            let style = if index == 0 {
                Style::Header
            } else {
                Style::Note
            };
            Line(style, vec![note])
        })
        .collect();
    let xml = parts::sheet(&[110], &lines, false);
    zip.add(&parts::sheet_path(names.len()), xml.as_bytes());
    zip.finish()
}

fn width(field: Field) -> u32 {
    match field {
        Field::Email => 38,
        Field::School => 24,
        Field::Family | Field::Given | Field::Password | Field::Username => 18,
        Field::Grade | Field::Id | Field::Problem | Field::Role => 12,
    }
}

/// True for the address of a template's example.
pub(crate) fn is_example(email: &str) -> bool {
    let domain = email.trim().rsplit_once('@').map(|(_, domain)| domain);
    domain.is_some_and(|domain| domain.eq_ignore_ascii_case(EXAMPLE_DOMAIN))
}
