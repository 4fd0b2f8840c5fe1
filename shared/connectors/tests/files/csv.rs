//! CSV in every spelling.

use crate::reading::{csv_cells, csv_in_parts, drain};
use connectors::files::csv::{Checkpoint, CsvError, Hints, Rows};
use connectors::files::row::{CELL_BYTES_MAX, CellFault, Next, ROW_BYTES_MAX};
use connectors::files::text::{Encoding, HEAD_BYTES};
use proptest::prelude::*;

fn encoding_of(bytes: &[u8]) -> (Encoding, Vec<Vec<String>>) {
    let mut rows = Rows::default();
    let taken = drain(&mut rows, bytes, 7).unwrap();
    let cells = taken.into_iter().map(|(row, _)| row.cells).collect();
    (rows.dialect().unwrap().encoding, cells)
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn cells_are_split_and_lines_are_numbered() {
    let text = "a,b\r\n\r\n1,\"x\r\ny\"\n\n2,\"say \"\"hi\"\"\"\r3, \"q,r\"";
    let rows = csv_in_parts(text.as_bytes(), 1).unwrap();
    let rows: Vec<(u32, Vec<&str>)> = (rows.iter())
        .map(|(row, _)| (row.line, row.cells.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(
        rows,
        [
            (1, vec!["a", "b"]),
            (3, vec!["1", "x\r\ny"]),
            (6, vec!["2", "say \"hi\""]),
            (7, vec!["3", "q,r"]),
        ]
    );
}

#[test]
fn f2_a_byte_order_mark_is_no_part_of_the_first_header() {
    let (encoding, cells) = encoding_of(b"\xEF\xBB\xBFsourcedId,status\r\n1,active\r\n");
    assert_eq!(encoding, Encoding::Utf8);
    assert_eq!(cells[0][0], "sourcedId");
}

#[test]
fn f5_windows_1252_accents_are_read() {
    let (encoding, cells) = encoding_of(b"name\r\nJos\xE9 \x80 \x9CN\xFA\xF1ez\x9D\r\n");
    assert_eq!(encoding, Encoding::Windows1252);
    assert_eq!(cells[1][0], "José € œNúñez\u{FFFD}");
}

#[test]
fn an_old_macs_file_is_read() {
    let (encoding, cells) = encoding_of(b"name,school\rJos\x8E,Maple\r");
    assert_eq!(encoding, Encoding::MacRoman);
    assert_eq!(cells[1], ["José", "Maple"]);
}

#[test]
fn utf_16_with_a_mark_is_read() {
    let text = "name\tschool\r\nJosé 🎓\tMaple\r\n";
    let mut little = vec![0xFF, 0xFE];
    little.extend(utf16(text, u16::to_le_bytes));
    let mut big = vec![0xFE, 0xFF];
    big.extend(utf16(text, u16::to_be_bytes));
    for (bytes, wanted) in [(little, Encoding::Utf16Le), (big, Encoding::Utf16Be)] {
        let (encoding, cells) = encoding_of(&bytes);
        assert_eq!(encoding, wanted);
        assert_eq!(cells[1], ["José 🎓", "Maple"]);
        let cut = &bytes[..bytes.len() - 1];
        assert_eq!(csv_in_parts(cut, 5).unwrap_err(), CsvError::CutShort);
    }
}

#[test]
fn utf_16_with_half_a_pair_marks_the_cell() {
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(utf16("a,", u16::to_le_bytes));
    bytes.extend([0x3D, 0xD8]);
    bytes.extend(utf16(",b\n", u16::to_le_bytes));
    let rows = csv_in_parts(&bytes, 3).unwrap();
    assert_eq!(rows[0].0.cells, ["a", "\u{FFFD}", "b"]);
    assert_eq!(rows[0].0.notes[0].fault, CellFault::NotInEncoding);
    assert_eq!(rows[0].0.notes[0].column, 1);
}

#[test]
fn an_accent_far_behind_the_head_still_decides_the_encoding() {
    let mut bytes = b"name,school\n".to_vec();
    while bytes.len() < 2 * HEAD_BYTES {
        bytes.extend_from_slice(b"Dana,Maple\n");
    }
    bytes.extend_from_slice(b"Jos\xE9,Ma\xF1o\n\xC3\xA9,x\n");
    let (encoding, cells) = encoding_of(&bytes);
    assert_eq!(encoding, Encoding::Windows1252);
    let last = &cells[cells.len() - 2..];
    // What follows is read the same way, even if it would be UTF-8 by itself.
    assert_eq!(last, [["José", "Maño"], ["Ã©", "x"]]);
}

#[test]
fn a_broken_letter_in_a_file_that_was_utf_8_is_marked_and_nothing_else() {
    let mut bytes = "é,b\n".repeat(20_000).into_bytes();
    bytes.extend_from_slice(b"x\xE9,b\n");
    let rows = csv_in_parts(&bytes, 1000).unwrap();
    let (row, _) = rows.last().unwrap();
    assert_eq!(row.cells[0], "x\u{FFFD}");
    assert_eq!(row.notes[0].fault, CellFault::NotInEncoding);
    assert!(
        rows[..rows.len() - 1]
            .iter()
            .all(|(row, _)| row.notes.is_empty())
    );
}

#[test]
fn separators_are_found_on_the_header_line() {
    for text in [
        "a;b;c,d\n1;2;3,4\n",
        "a\tb\tc,d\n1\t2\t3,4\n",
        "a|b|c,d\n1|2|3,4\n",
    ] {
        assert_eq!(csv_cells(text.as_bytes())[1], ["1", "2", "3,4"], "{text:?}");
    }
    assert_eq!(csv_cells(b"\"a;b;c\",d\n1;2,3")[1], ["1;2", "3"]);
    assert_eq!(csv_cells(b"Roster 2026\n\na;b\n1;2,3")[2], ["1", "2,3"]);
    assert_eq!(csv_cells(b"email\nx")[1], ["x"]);
}

#[test]
fn the_line_that_names_the_separator_is_obeyed_and_counted() {
    for ending in ["\r\n", "\n", "\r"] {
        let text = format!("sep=;{ending}a,b;c{ending}1,2;3");
        let rows = csv_in_parts(text.as_bytes(), 2).unwrap();
        assert_eq!(rows[0].0.cells, ["a,b", "c"]);
        assert_eq!(rows[0].0.line, 2);
        assert_eq!(rows[1].0.cells, ["1,2", "3"]);
    }
}

#[test]
fn somebody_may_know_better_than_the_bytes() {
    let hints = Hints {
        encoding: Some(Encoding::MacRoman),
        separator: Some(b';'),
    };
    let mut rows = Rows::new(hints);
    let taken = drain(&mut rows, b"a,b\r\nJos\x8E;x\r\n", 4).unwrap();
    assert_eq!(taken[1].0.cells, ["José", "x"]);
}

#[test]
fn blank_lines_and_empty_columns_at_the_end_are_no_cells() {
    let cells = csv_cells(b"a,b,,\n,,,\n  ,\n1,,2,,\n\n\n");
    assert_eq!(cells, [vec!["a", "b"], vec!["1", "", "2"]]);
    assert!(csv_cells(b"").is_empty());
    assert!(csv_cells(b"\n\n").is_empty());
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for bytes in [b"a,b\n1,\x002\n".as_slice(), b"a\0,\0b\0\n\0"] {
        assert_eq!(csv_in_parts(bytes, 3).unwrap_err(), CsvError::NotText);
    }
}

#[test]
fn a_quotation_mark_that_nobody_closes_is_named_by_its_line() {
    let text = "a,b\n1,2\n3,\"oops\n4,5\n";
    let error = csv_in_parts(text.as_bytes(), 3).unwrap_err();
    assert_eq!(error, CsvError::Unclosed { line: 3 });
    let endless = format!("a,b\n1,\"{}", "x,y\n".repeat(ROW_BYTES_MAX / 4 + 1));
    let error = csv_in_parts(endless.as_bytes(), 4096).unwrap_err();
    assert_eq!(error, CsvError::RowLong { line: 2 });
}

#[test]
fn a_huge_cell_is_cut_at_a_letter_and_marked() {
    let text = format!(
        "a,b\n{}é{},x\n",
        "y".repeat(CELL_BYTES_MAX - 1),
        "z".repeat(100)
    );
    for part in [1000, 65_537] {
        let rows = csv_in_parts(text.as_bytes(), part).unwrap();
        let row = &rows[1].0;
        assert_eq!(row.cells[0].len(), CELL_BYTES_MAX - 1);
        assert_eq!(row.cells[1], "x");
        assert_eq!(row.notes[0].fault, CellFault::Long);
    }
    let wide = ",".repeat(2000);
    let error = csv_in_parts(wide.as_bytes(), 64).unwrap_err();
    assert_eq!(error, CsvError::Columns { line: 1 });
}

#[test]
fn two_hundred_thousand_rows_pass_through_bounded_buffers() {
    let part = 256 * 1024;
    let mut rows = Rows::default();
    let mut count = 0;
    let mut next = 0;
    let mut held_max = 0;
    loop {
        match rows.next_row().unwrap() {
            Next::End => break,
            Next::NeedsMore if next == 200_000 => rows.finish(),
            Next::NeedsMore => {
                let mut bytes = String::new();
                while bytes.len() < part - 100 && next < 200_000 {
                    next += 1;
                    let line = format!(
                        "s{next}@maple.example,\"Given {next}\",Family,,School {}\r\n",
                        next % 40
                    );
                    bytes.push_str(&line);
                }
                rows.push(bytes.as_bytes());
            }
            Next::Row(_) => count += 1,
        }
        held_max = held_max.max(rows.buffered_bytes());
    }
    assert_eq!(count, 200_000);
    assert!(held_max <= part + HEAD_BYTES, "{held_max}");
}

#[test]
fn a_checkpoint_reads_back_as_it_was_written() {
    let rows = csv_in_parts("a;b\né;2\n".as_bytes(), 100).unwrap();
    let checkpoint = rows[1].1.unwrap();
    let json = serde_json::to_string(&checkpoint).unwrap();
    insta::assert_snapshot!(json, @r#"{"o":9,"l":3,"d":{"e":"utf-8","s":59,"p":true}}"#);
    assert_eq!(
        serde_json::from_str::<Checkpoint>(&json).unwrap(),
        checkpoint
    );
}

/// Files made of what means something to a reader of CSV.
fn files() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"a".to_vec()),
        Just(b"bc ".to_vec()),
        Just(b",".to_vec()),
        Just(b";".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\"x,\"\"y\"".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just("é🎓".as_bytes().to_vec()),
        Just(b"\xE9".to_vec()),
    ];
    let mark = prop_oneof![
        4 => Just(Vec::new()),
        1 => Just(vec![0xEF, 0xBB, 0xBF]),
        1 => Just(vec![0xFF, 0xFE]),
        1 => Just(b"sep=;\r\n".to_vec()),
    ];
    (mark, prop::collection::vec(piece, 0..40)).prop_map(|(mark, pieces)| {
        let body = pieces.concat();
        let body = if mark == [0xFF, 0xFE] {
            utf16(&String::from_utf8_lossy(&body), u16::to_le_bytes)
        } else {
            body
        };
        [mark, body].concat()
    })
}

proptest! {
    #[test]
    fn any_parts_of_the_same_file_yield_the_same_rows(file in files(), part in 1_usize..9) {
        let whole = csv_in_parts(&file, usize::MAX);
        prop_assert_eq!(csv_in_parts(&file, part), whole);
    }

    #[test]
    fn reading_on_from_any_row_yields_the_rest(file in files(), part in 1_usize..9) {
        let Ok(whole) = csv_in_parts(&file, 5) else { return Ok(()) };
        for (index, (_, checkpoint)) in whole.iter().enumerate() {
            let checkpoint = checkpoint.unwrap();
            let mut rows = Rows::resume(checkpoint);
            let offset = usize::try_from(checkpoint.offset).unwrap();
            let rest = drain(&mut rows, &file[offset..], part).unwrap();
            prop_assert_eq!(&rest[..], &whole[index + 1..]);
        }
    }
}
