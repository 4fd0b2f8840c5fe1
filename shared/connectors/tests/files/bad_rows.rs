//! Files that we write for people.

use crate::reading::{csv_cells, people};
use connectors::files::roster::{SheetReader, Taken};
use connectors::files::row::Row;
use connectors::files::sheet::Content;
use connectors::files::{Secret, bad_rows, credentials};
use mapping::account::{Email, Role};

const STUDENTS: Content = Content::People(Some(Role::Student));

fn row(line: u32, cells: &[&str]) -> Row {
    Row {
        line,
        cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
        notes: Vec::new(),
    }
}

fn refuse(reader: &mut SheetReader, cells: &[&str]) -> String {
    let Ok(Taken::Refused {
        problems, cells, ..
    }) = reader.read(&row(2, cells))
    else {
        panic!("the row was not refused");
    };
    let mut writer = bad_rows::Writer::new(reader.columns().unwrap());
    writer.row(&cells, &problems);
    String::from_utf8(writer.finish()).unwrap()
}

#[test]
fn refused_rows_come_as_a_file_that_says_what_is_wrong() {
    let mut reader = SheetReader::new(Some("Student"), STUDENTS);
    reader
        .read(&row(1, &["First", "Last", "Email", "Password", "Shoe"]))
        .unwrap();
    let file = refuse(&mut reader, &["Dana", "O, K", "nowhere", "s3cret", "42"]);
    assert_eq!(
        file,
        "\u{FEFF}First,Last,Email,Password,Shoe,Problem\r\n\
         Dana,\"O, K\",nowhere,,42,Email is not an email address\r\n"
    );
}

#[test]
fn formulas_are_disarmed_and_come_back_unchanged() {
    let hostile = [
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "+1",
        "-2",
        "'=x",
        "''",
        "\t=1",
        "O'Neil",
    ];
    for cell in hostile {
        let mut reader = SheetReader::new(None, STUDENTS);
        reader.read(&row(1, &["First", "Last", "Email"])).unwrap();
        let file = refuse(&mut reader, &[cell, "x", "nowhere"]);
        let cells = csv_cells(file.as_bytes());
        assert!(
            !cells[1][0].starts_with(['=', '+', '-', '@', '\t']),
            "{cell:?}"
        );
        // Sent again unchanged, it is refused for the same reason with the same cells.
        let Taken::Refused { cells, .. } = &people(&file, STUDENTS).unwrap()[1] else {
            panic!("{cell:?}");
        };
        assert_eq!(cells[0], cell);
        // Mended, it is taken.
        let mended = file.replace("nowhere", "dana@maple.example");
        let Taken::Person(person, _) = &people(&mended, STUDENTS).unwrap()[1] else {
            panic!("{cell:?}");
        };
        assert_eq!(person.given, cell.trim());
    }
}

#[test]
fn a_file_of_refused_rows_that_is_refused_again_says_only_the_new_reason() {
    let text = "Email,First,Last,Problem\nnowhere,D,O,Email is missing\n";
    let Taken::Refused {
        problems, cells, ..
    } = &people(text, STUDENTS).unwrap()[1]
    else {
        panic!("taken");
    };
    let mut reader = SheetReader::new(None, STUDENTS);
    reader
        .read(&row(1, &["Email", "First", "Last", "Problem"]))
        .unwrap();
    let mut writer = bad_rows::Writer::new(reader.columns().unwrap());
    writer.row(cells, problems);
    let again = String::from_utf8(writer.finish()).unwrap();
    assert_eq!(
        again,
        "\u{FEFF}Email,First,Last,Problem\r\nnowhere,D,O,Email is not an email address\r\n"
    );
}

#[test]
fn a_row_with_too_many_cells_keeps_them_behind_the_problem() {
    let mut reader = SheetReader::new(None, STUDENTS);
    reader.read(&row(1, &["Email", "First", "Last"])).unwrap();
    let file = refuse(&mut reader, &["a@b.example", "D", "O", "Jr"]);
    let cells = csv_cells(file.as_bytes());
    assert_eq!(cells[1][..3], ["a@b.example", "D", "O"]);
    assert!(cells[1][3].contains("more cells than the header"));
    assert_eq!(cells[1][4], "Jr");
}

#[test]
fn a_person_whose_rows_contradict_each_other_is_written_in_the_columns_of_the_sheet() {
    let text = "Last,Email,First,Grade\nOkafor,DANA@maple.example,Dana,9th\n";
    let mut reader = SheetReader::new(None, STUDENTS);
    let cells = csv_cells(text.as_bytes());
    let as_row = |line: usize| {
        row(
            1,
            &cells[line].iter().map(String::as_str).collect::<Vec<_>>(),
        )
    };
    reader.read(&as_row(0)).unwrap();
    let Ok(Taken::Person(person, _)) = reader.read(&as_row(1)) else {
        panic!("refused");
    };
    let mut writer = bad_rows::Writer::new(reader.columns().unwrap());
    writer.person(&person, &[]);
    let file = csv_cells(&writer.finish());
    assert_eq!(file[1], ["Okafor", "dana@maple.example", "Dana", "09"]);
}

#[test]
fn credentials_come_as_a_file_to_hand_out() {
    let mut writer = credentials::Writer::new();
    let email = Email::parse("dana@maple.example").unwrap();
    writer.person(&email, Some("=dana"), &Secret::new("pa,ss"));
    writer.person(&email, None, &Secret::new("plain"));
    assert_eq!(
        String::from_utf8(writer.finish()).unwrap(),
        "\u{FEFF}Email address,Username,Password\r\n\
         dana@maple.example,'=dana,\"pa,ss\"\r\ndana@maple.example,,plain\r\n"
    );
}
