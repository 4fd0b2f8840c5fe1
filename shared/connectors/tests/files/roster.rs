//! Rows as people.

use crate::reading::people;
use connectors::files::roster::{PersonRow, RowProblem, RowReason, SheetReader, Taken, school};
use connectors::files::row::{CellFault, CellNote, Row};
use connectors::files::sheet::{Content, Field, SheetError, choose};
use mapping::account::Role;

const STUDENTS: Content = Content::People(Some(Role::Student));
const ADMINS: Content = Content::People(Some(Role::Admin));

fn person(taken: &Taken) -> &PersonRow {
    match taken {
        Taken::Person(person, _) => person,
        other => panic!("not a person: {other:?}"),
    }
}

fn problems(taken: &Taken) -> Vec<&RowProblem> {
    match taken {
        Taken::Person(_, problems)
        | Taken::Placement(_, problems)
        | Taken::Refused { problems, .. } => problems.iter().collect(),
        Taken::Skipped(problem) => vec![problem],
        Taken::Header => Vec::new(),
    }
}

fn reason(taken: &Taken) -> &RowReason {
    &problems(taken)[0].reason
}

#[test]
fn a_sheet_is_read_whatever_the_order_and_the_spelling_of_its_header() {
    for header in [
        "Email address,First Name,Last Name,Password",
        "E-mail,  first name ,LAST_NAME,pwd",
        "Student email,Given\u{A0}name,Surname [Required],Initial password",
    ] {
        let text = format!("{header}\nDANA@maple.example,Dana,Okafor,s3cret\n");
        let taken = people(&text, STUDENTS).unwrap();
        let dana = person(&taken[1]);
        assert_eq!(dana.email.as_str(), "dana@maple.example");
        assert_eq!(
            (dana.given.as_str(), dana.family.as_str()),
            ("Dana", "Okafor")
        );
        assert_eq!(dana.password.as_ref().unwrap().reveal(), "s3cret");
        assert_eq!((dana.line, dana.role), (2, Role::Student));
    }
    let text = "Grade,School,Last Name,Username,First Name,Email,ID\n\
                Grade 9,Maple  High ,Okafor,dokafor,Dana,dana@maple.example,00417\n";
    let taken = people(text, STUDENTS).unwrap();
    let dana = person(&taken[1]);
    assert_eq!(dana.grade.as_deref(), Some("09"));
    assert_eq!(dana.school.as_deref(), Some("Maple High"));
    assert_eq!(dana.username.as_deref(), Some("dokafor"));
    assert_eq!(dana.id.as_deref(), Some("00417"));
}

#[test]
fn a_title_above_the_header_is_passed_over() {
    let text = "Maple Grove roster 2026,,\n\nEmail,First name,Last name\na@b.example,A,B\n";
    let taken = people(text, STUDENTS).unwrap();
    assert_eq!(person(&taken[2]).line, 4);
}

#[test]
fn a_header_in_two_rows_with_merged_cells_is_one_header() {
    let text = "Email address,Name,,School\n,First name,Last name,\na@b.example,A,B,Maple\n";
    let taken = people(text, STUDENTS).unwrap();
    assert_eq!(person(&taken[2]).school.as_deref(), Some("Maple"));
}

#[test]
fn a_sheet_with_no_header_is_refused_without_showing_anybody() {
    let error = people("dana@maple.example,Dana,Okafor\n", STUDENTS).unwrap_err();
    assert_eq!(error, SheetError::NoHeader { sheet: None });
    assert!(!error.to_string().contains("Dana"));
    let many = "dana@maple.example,Dana,Okafor\n".repeat(20);
    assert_eq!(people(&many, STUDENTS).unwrap_err(), error);
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let error = people("Email,Family name,Shoe size\na@b.example,B,42\n", STUDENTS).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the file has no column for First Name; its columns are Email, Family name, Shoe size"
    );
}

#[test]
fn a_column_that_is_there_twice_is_refused_by_name() {
    let mut reader = SheetReader::new(Some("Teacher"), Content::People(Some(Role::Teacher)));
    let cells = ["Email", "First Name", "Last Name", "E-mail address"];
    let row = Row {
        line: 1,
        cells: cells.map(str::to_owned).to_vec(),
        notes: Vec::new(),
    };
    let error = reader.read(&row).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sheet \"Teacher\" has two columns for Email address: Email and E-mail address"
    );
}

#[test]
fn a_repeated_header_and_a_line_of_totals_are_nobody() {
    let text = "Email,First name,Last name\nEmail,First name,Last name\n\
                a@b.example,A,B\nTotal,1,\n";
    let taken = people(text, STUDENTS).unwrap();
    assert_eq!(reason(&taken[1]), &RowReason::RepeatedHeader);
    assert_eq!(person(&taken[2]).line, 3);
    assert_eq!(reason(&taken[3]), &RowReason::Totals);
}

#[test]
fn an_admin_row_without_email_is_refused_and_can_be_mended() {
    let text = "Email,First name,Last name,Password\n,Dana,Okafor,s3cret\n";
    let taken = people(text, ADMINS).unwrap();
    let Taken::Refused {
        problems, cells, ..
    } = &taken[1]
    else {
        panic!("{taken:?}");
    };
    assert_eq!(
        problems[0].to_string(),
        "line 2, Email has no email address"
    );
    assert_eq!(cells, &["", "Dana", "Okafor", ""]);
    assert!(!format!("{taken:?}").contains("s3cret"));
}

#[test]
fn a_bad_address_is_refused_and_not_shown() {
    let taken = people("Email,First,Last\ndana at maple,D,O\na@b c,D,O\n", STUDENTS).unwrap();
    for row in &taken[1..] {
        assert_eq!(reason(row), &RowReason::BadEmail);
        assert_eq!(problems(row)[0].value, None);
    }
}

#[test]
fn a_row_without_a_name_is_taken_with_a_warning() {
    let taken = people("Email,First,Last\na@b.example,,\n", STUDENTS).unwrap();
    assert_eq!(person(&taken[1]).given, "");
    assert_eq!(reason(&taken[1]), &RowReason::WithoutName);
}

#[test]
fn what_looks_like_a_formula_is_text() {
    let text = "Email,First,Last\na@b.example,\"=HYPERLINK(\"\"x\"\")\",+1\n";
    let taken = people(text, STUDENTS).unwrap();
    assert_eq!(person(&taken[1]).given, "=HYPERLINK(\"x\")");
    assert_eq!(person(&taken[1]).family, "+1");
}

#[test]
fn over_long_cells_refuse_the_row_but_not_in_columns_that_nobody_reads() {
    let long = "x".repeat(300);
    let text = format!("Email,First,Last,Notes\na@b.example,{long},B,\nc@d.example,C,D,{long}\n");
    let taken = people(&text, STUDENTS).unwrap();
    assert_eq!(reason(&taken[1]), &RowReason::TooLong { bytes_max: 256 });
    assert_eq!(person(&taken[2]).given, "C");
}

#[test]
fn a_comma_that_nobody_quoted_is_noticed() {
    let taken = people("Email,First,Last\na@b.example,Ann,Doe, Jr\n", STUDENTS).unwrap();
    assert_eq!(reason(&taken[1]), &RowReason::TooManyCells);
}

#[test]
fn f3_an_id_that_a_spreadsheet_rounded_is_warned_about() {
    let text = "Email,First,Last,ID\na@b.example,A,B,1.23E+11\nc@d.example,C,D,00417\n";
    let taken = people(text, STUDENTS).unwrap();
    assert_eq!(reason(&taken[1]), &RowReason::Rounded);
    assert!(problems(&taken[2]).is_empty());
    assert_eq!(person(&taken[2]).id.as_deref(), Some("00417"));
}

#[test]
fn a_role_column_may_say_what_the_sheet_does_not() {
    let text = "Email,First,Last,Role\na@b.example,A,B,Teachers\nc@d.example,C,D,Wizard\n\
                e@f.example,E,F,\n";
    let taken = people(text, Content::People(None)).unwrap();
    assert_eq!(person(&taken[1]).role, Role::Teacher);
    let problem = problems(&taken[2])[0];
    assert_eq!(problem.reason, RowReason::UnknownRole);
    assert_eq!(problem.value.as_deref(), Some("Wizard"));
    assert_eq!(reason(&taken[3]), &RowReason::WithoutRole);
    let taken = people(text, STUDENTS).unwrap();
    assert_eq!(
        reason(&taken[1]),
        &RowReason::WrongRole {
            role: Role::Student
        }
    );
    assert_eq!(person(&taken[2]).role, Role::Student);
}

#[test]
fn f10_a_password_never_reaches_what_is_stored() {
    let text = "Email,First,Last,Password\na@b.example,A,B,s3cret\nc@d.example,C,D,****\n\
                e@f.example,E,F,  \n";
    let taken = people(text, STUDENTS).unwrap();
    let row = person(&taken[1]);
    let json = serde_json::to_string(row).unwrap();
    insta::assert_snapshot!(json, @r#"{"l":2,"r":"student","e":"a@b.example","g":"A","f":"B"}"#);
    assert!(!format!("{row:?}").contains("s3cret"));
    assert_eq!(person(&taken[2]).password, None);
    assert_eq!(person(&taken[3]).password, None);
}

#[test]
fn the_multi_school_sheet_places_people() {
    let text = "Email,School,Role\na@b.example,Maple,teacher\na@b.example,,\na@b.example,Oak,\n";
    let taken = people(text, Content::Placements).unwrap();
    let Taken::Placement(placement, _) = &taken[1] else {
        panic!("{taken:?}");
    };
    assert_eq!(placement.school, "Maple");
    assert_eq!(placement.role, Some(Role::Teacher));
    assert_eq!(reason(&taken[2]), &RowReason::WithoutSchool);
    assert!(matches!(&taken[3], Taken::Placement(placement, _) if placement.role.is_none()));
}

#[test]
fn what_the_file_says_about_a_cell_is_said_about_the_row() {
    let mut reader = SheetReader::new(None, STUDENTS);
    let row = |line: u32, cells: [&str; 4], notes: Vec<CellNote>| Row {
        line,
        cells: cells.map(str::to_owned).to_vec(),
        notes,
    };
    let note = |column, fault| CellNote { column, fault };
    reader
        .read(&row(1, ["Email", "First", "Last", "Grade"], Vec::new()))
        .unwrap();
    let notes = vec![
        note(3, CellFault::ErrorValue),
        note(2, CellFault::NoFormulaValue),
    ];
    let taken = reader
        .read(&row(2, ["a@b.example", "A", "", ""], notes))
        .unwrap();
    let said: Vec<String> = problems(&taken).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "line 2, Grade holds an error instead of a value, and was read as empty",
            "line 2, Last holds a formula without its result, and was read as empty",
        ]
    );
    let notes = vec![note(1, CellFault::NotInEncoding)];
    let taken = reader
        .read(&row(3, ["a@b.example", "\u{FFFD}", "B", ""], notes))
        .unwrap();
    assert!(matches!(taken, Taken::Refused { .. }));
}

#[test]
fn a_reader_goes_on_after_it_was_stored() {
    let row = |line: u32, cells: [&str; 3]| Row {
        line,
        cells: cells.map(str::to_owned).to_vec(),
        notes: Vec::new(),
    };
    let mut reader = SheetReader::new(Some("Student"), STUDENTS);
    reader.read(&row(1, ["Last", "First", "Email"])).unwrap();
    let json = serde_json::to_string(&reader).unwrap();
    let mut reader: SheetReader = serde_json::from_str(&json).unwrap();
    let taken = reader
        .read(&row(2, ["Okafor", "Dana", "d@b.example"]))
        .unwrap();
    assert_eq!(person(&taken).given, "Dana");
    assert_eq!(reader.columns().unwrap().of(Field::Email), Some(2));
}

#[test]
fn sheets_are_chosen_by_name_among_the_visible_ones() {
    let sheets = [
        ("Notes", true),
        ("Students 2026-27", true),
        ("TEACHER", false),
        ("Admin ", true),
        ("Multi-school", true),
    ];
    assert_eq!(
        choose(sheets, Content::People(None)).unwrap(),
        [(1, STUDENTS), (3, ADMINS), (4, Content::Placements)]
    );
    assert_eq!(
        choose([("Sheet1", true)], STUDENTS).unwrap(),
        [(0, STUDENTS)]
    );
    let error = choose(
        [("Sheet1", true), ("Student", false)],
        Content::People(None),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the workbook has no sheet named Student, Teacher or Admin; its sheets are Sheet1"
    );
}

#[test]
fn names_of_schools_that_differ_in_case_are_one_school() {
    let maple = school(" Maple  High").unwrap();
    assert_eq!(maple.name, "Maple High");
    assert_eq!(maple.id, school("MAPLE high").unwrap().id);
    assert_eq!(school(" "), None);
    assert_eq!(school(&"x".repeat(300)), None);
}
