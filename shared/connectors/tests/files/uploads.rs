//! Whole files, from their first byte to their last row.

use connectors::files::csv::CsvError;
use connectors::files::kind::{Kind, KindError};
use connectors::files::oneroster::{PackageRow, TableTaken};
use connectors::files::roster::{RowReason, Taken};
use connectors::files::sheet::{Content, SheetError};
use connectors::files::template;
use connectors::files::text::Encoding;
use connectors::files::upload::{Next, Options, PART_BYTES, Place, Refusal, Upload};
use connectors::files::zip::{Writer, ZipError};
use mapping::account::Role;
use std::fmt::Write;

fn options(content: Content) -> Options {
    Options {
        file_name: "people.csv".to_owned(),
        content,
        hints: connectors::files::csv::Hints::default(),
    }
}

fn students() -> Options {
    options(Content::People(Some(Role::Student)))
}

/// Everything of a file but requests for bytes, and where each of it was.
fn read(bytes: &[u8], mut upload: Upload) -> Result<Vec<(Next, Place)>, Refusal> {
    let mut taken = Vec::new();
    loop {
        match upload.poll()? {
            Next::Bytes(range) => {
                let from = usize::try_from(range.start).unwrap();
                let to = usize::try_from(range.end).unwrap();
                upload.give(&bytes[from..to])?;
            }
            Next::Done => return Ok(taken),
            next => taken.push((next, upload.place())),
        }
        let is_bounded = upload.buffered_bytes() as u64 <= 3 * PART_BYTES;
        assert!(is_bounded, "{}", upload.buffered_bytes());
    }
}

fn read_all(bytes: &[u8], options: Options) -> Result<Vec<(Next, Place)>, Refusal> {
    read(bytes, Upload::new(bytes.len() as u64, options))
}

/// Reads the file whole, and then on from behind each row, after storing where that is.
fn check_resuming(bytes: &[u8], options: &Options) -> Vec<Next> {
    let whole = read_all(bytes, options.clone()).unwrap();
    for (index, (_, place)) in whole.iter().enumerate() {
        let json = serde_json::to_string(place).unwrap();
        let place: Place = serde_json::from_str(&json).unwrap();
        let upload = Upload::resume(bytes.len() as u64, options.clone(), place);
        let rest = read(bytes, upload).unwrap();
        let rest: Vec<&Next> = rest.iter().map(|(next, _)| next).collect();
        let wanted: Vec<&Next> = whole[index + 1..].iter().map(|(next, _)| next).collect();
        assert_eq!(rest, wanted, "behind row {index}");
    }
    whole.into_iter().map(|(next, _)| next).collect()
}

fn package() -> Vec<u8> {
    let mut zip = Writer::new();
    zip.add(
        "x/manifest.csv",
        b"propertyName,value\r\nfile.users,bulk\r\n",
    );
    zip.add("x/users.csv", b"sourcedId,email,givenName,familyName,status\r\nu-1,a@b.example,A,B,active\r\nu-2,,C,D,tobedeleted\r\n\r\n");
    zip.add(
        "x/roles.csv",
        b"sourcedId,userSourcedId,role,orgSourcedId\r\nr-1,u-1,student,s-1\r\n",
    );
    zip.add("x/orgs.csv", b"sourcedId,name\r\ns-1,Maple\r\n");
    zip.finish()
}

#[test]
fn a_csv_file_is_read_and_read_on_from_any_row() {
    let text = "Email,First,Last\r\na@b.example,A,B\r\n,C,D\r\n\"e@f.example\",E,\"F\r\nF\"\r\ng@h.example,G,H";
    let taken = check_resuming(text.as_bytes(), &students());
    assert_eq!(taken.len(), 5);
    assert!(matches!(
        &taken[2],
        Next::Row(Taken::Refused { email: None, .. })
    ));
    assert!(matches!(&taken[3], Next::Row(Taken::Person(person, _)) if person.family == "F F"));
}

#[test]
fn a_workbook_is_read_and_read_on_from_any_row() {
    let taken = check_resuming(&template::workbook(), &options(Content::People(None)));
    // A header and an example on each of four sheets.
    assert_eq!(taken.len(), 8);
    let is_example = |next: &Next| matches!(next, Next::Row(Taken::Skipped(problem)) if problem.reason == RowReason::Example);
    assert_eq!(taken.iter().filter(|next| is_example(next)).count(), 4);
}

#[test]
fn a_package_is_read_and_read_on_from_any_row() {
    let taken = check_resuming(&package(), &options(Content::People(None)));
    let rows: Vec<&PackageRow> = (taken.iter())
        .filter_map(|next| match next {
            Next::PackageRow(_, TableTaken::Row(row, _)) => Some(&**row),
            _ => None,
        })
        .collect();
    assert!(matches!(
        rows[..],
        [
            PackageRow::Org(_),
            PackageRow::User(_),
            PackageRow::Gone(..),
            PackageRow::Role(_)
        ]
    ));
    let ended = taken
        .iter()
        .filter(|next| matches!(next, Next::TableEnded(..)))
        .count();
    assert_eq!(ended, 3);
}

#[test]
fn a_file_says_what_it_is_while_it_is_read() {
    let bytes = package();
    let mut upload = Upload::new(bytes.len() as u64, students());
    assert_eq!(upload.kind(), None);
    while let Next::Bytes(range) = upload.poll().unwrap() {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        upload.give(&bytes[range]).unwrap();
    }
    assert_eq!(upload.kind(), Some(Kind::Package));
    assert_eq!(upload.package().unwrap().files.len(), 3);
}

#[test]
fn requests_never_cross_a_part_once_rows_are_read() {
    let mut text = "Email,First,Last\n".to_owned();
    for number in 0..40_000 {
        writeln!(text, "s{number}@maple.example,Given,Family").unwrap();
    }
    let mut upload = Upload::new(text.len() as u64, students());
    let mut people = 0;
    loop {
        match upload.poll().unwrap() {
            Next::Bytes(range) => {
                assert_eq!(range.start / PART_BYTES, (range.end - 1) / PART_BYTES);
                let range =
                    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                upload.give(&text.as_bytes()[range]).unwrap();
            }
            Next::Row(Taken::Person(..)) => people += 1,
            Next::Row(_) => {}
            Next::Done => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(people, 40_000);
    assert_eq!(
        upload.columns().unwrap().names(),
        ["Email", "First", "Last"]
    );
    assert_eq!(upload.dialect().unwrap().separator, b',');
}

#[test]
fn f5_a_file_says_in_which_encoding_it_was_read() {
    let bytes = b"Email;First;Last\r\njose@b.example;Jos\xE9;N\xFA\xF1ez\r\n";
    let taken = check_resuming(bytes, &students());
    assert!(matches!(&taken[1], Next::Row(Taken::Person(person, _)) if person.given == "José"));
    let mut upload = Upload::new(bytes.len() as u64, students());
    upload.poll().unwrap();
    upload.give(bytes).unwrap();
    upload.poll().unwrap();
    assert_eq!(upload.dialect().unwrap().encoding, Encoding::Windows1252);
}

#[test]
fn what_is_no_roster_is_refused_with_a_sentence() {
    let refused = |bytes: &[u8], options: Options| read_all(bytes, options).unwrap_err();
    assert_eq!(refused(b"", students()), Refusal::Kind(KindError::Empty));
    assert_eq!(
        refused(b"<html>sign in", students()),
        Refusal::Kind(KindError::Html)
    );
    assert_eq!(
        refused(b"PK\x03\x04 and no more", students()),
        Refusal::Zip(ZipError::CutShort)
    );
    let no_header = SheetError::NoHeader { sheet: None };
    assert_eq!(
        refused(b"1,2\n3,4\n", students()),
        Refusal::Sheet(no_header)
    );
    let open = CsvError::Unclosed { line: 2 };
    assert_eq!(
        refused(b"Email,First,Last\n\"x", students()),
        Refusal::Csv(open)
    );
    let mut zip = Writer::new();
    zip.add("photo.jpg", b"x");
    assert_eq!(
        refused(&zip.finish(), students()),
        Refusal::Kind(KindError::UnknownZip)
    );
    let mut zip = Writer::new();
    zip.add("xl/workbook.xml", b"<workbook/>");
    assert!(matches!(
        refused(&zip.finish(), students()),
        Refusal::Workbook(_)
    ));
    let bytes = template::workbook();
    for kept in (0..bytes.len()).step_by(97) {
        assert!(read_all(&bytes[..kept], students()).is_err(), "{kept}");
    }
}

#[test]
fn no_change_of_a_byte_makes_a_zip_panic() {
    for bytes in [template::workbook(), package()] {
        // Every byte of the directory, and one in seven of what is packed.
        let packed = bytes.len() * 3 / 4;
        for at in (0..packed).step_by(7).chain(packed..bytes.len()) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            // Whether it can still be read is the checksums' business.
            let _ = read_all(&changed, students());
        }
    }
}

#[test]
fn fewer_bytes_than_were_asked_for_are_refused() {
    let mut upload = Upload::new(1000, students());
    assert!(matches!(upload.poll(), Ok(Next::Bytes(_))));
    assert_eq!(upload.give(b"Email"), Err(Refusal::Zip(ZipError::CutShort)));
}
