//! Workbooks of every flavour.

use crate::reading::Book;
use connectors::files::row::{CELL_BYTES_MAX, CellFault, Row};
use connectors::files::xlsx::{SharedStrings, WorkbookError};
use connectors::files::zip::Writer;
use proptest::prelude::*;

const TRANSITIONAL: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const STRICT: &str = "http://purl.oclc.org/ooxml/officeDocument/relationships";

/// A workbook to pack.
struct Flavour {
    relations: &'static str,
    workbook_properties: &'static str,
    sheet: String,
    strings: Option<String>,
    styles: Option<String>,
}

impl Flavour {
    fn new(rows: &str) -> Self {
        Self {
            relations: TRANSITIONAL,
            workbook_properties: "",
            sheet: format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<worksheet><dimension ref=\"A1\"/>\
                 <sheetData>{rows}</sheetData><mergeCells count=\"1\"><mergeCell ref=\"A1:B1\"/>\
                 </mergeCells></worksheet>\n"
            ),
            strings: None,
            styles: None,
        }
    }

    fn strings(self, items: &str) -> Self {
        Self {
            strings: Some(format!("<sst>{items}</sst>")),
            ..self
        }
    }

    fn pack(&self) -> Vec<u8> {
        let relations = self.relations;
        let mut zip = Writer::new();
        let workbook = format!(
            "<workbook xmlns:r=\"{relations}\">{}<sheets><sheet name=\"Student\" sheetId=\"1\" \
             r:id=\"rId9\"/><sheet name=\"Old &amp; gone\" sheetId=\"2\" state=\"hidden\" \
             r:id=\"rId9\"/></sheets></workbook>",
            self.workbook_properties
        );
        zip.add("xl/workbook.xml", workbook.as_bytes());
        let relations = format!(
            "<Relationships><Relationship Id=\"rId9\" Type=\"{relations}/worksheet\" \
             Target=\"/xl/worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" \
             Type=\"{relations}/sharedStrings\" Target=\"sharedStrings.xml\"/><Relationship \
             Id=\"rId3\" Type=\"{relations}/styles\" Target=\"styles.xml\"/></Relationships>"
        );
        zip.add("xl/_rels/workbook.xml.rels", relations.as_bytes());
        zip.add("xl/worksheets/sheet1.xml", self.sheet.as_bytes());
        let strings = self.strings.as_deref().unwrap_or("<sst/>");
        zip.add("xl/sharedStrings.xml", strings.as_bytes());
        let styles = self.styles.as_deref().unwrap_or("<styleSheet/>");
        zip.add("xl/styles.xml", styles.as_bytes());
        zip.finish()
    }

    fn rows(&self) -> Result<Vec<Row>, WorkbookError> {
        Book::open(self.pack())?.rows(0, 50, 0)
    }

    fn cells(&self) -> Vec<Vec<String>> {
        self.rows()
            .unwrap()
            .into_iter()
            .map(|row| row.cells)
            .collect()
    }
}

#[test]
fn shared_texts_are_read_with_runs_and_without_reading_aids() {
    let flavour = Flavour::new(
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"C1\" t=\"s\"><v>2</v></c></row>\
         <row r=\"4\"><c r=\"B4\" t=\"s\"><v>1</v></c><c r=\"D4\" t=\"s\"><v>3</v></c></row>",
    )
    .strings(
        "<si><t>Email</t></si><si><r><t xml:space=\"preserve\">Dana </t></r><r><rPr><b/></rPr>\
         <t>O&apos;Kafor &#233;</t></r><rPh sb=\"0\" eb=\"1\"><t>aid</t></rPh></si><si/>\
         <si><t>a_x000D_b</t></si>",
    );
    let rows = flavour.rows().unwrap();
    assert_eq!((rows[0].line, rows[1].line), (1, 4));
    assert_eq!(rows[0].cells, ["Email"]);
    assert_eq!(rows[1].cells, ["", "Dana O'Kafor é", "", "a\rb"]);
}

#[test]
fn texts_in_cells_and_results_of_formulas_are_read() {
    let flavour = Flavour::new(
        "<row><c t=\"inlineStr\"><is><t>Dana</t></is></c><c t=\"str\"><f>A1&amp;\"x\"</f>\
         <v>Danax</v></c><c><f>1+1</f><v>2</v></c><c t=\"b\"><v>1</v></c></row>\
         <row><c t=\"inlineStr\"><is><r><t>Jo</t></r><r><t>sé</t></r></is></c></row>",
    );
    assert_eq!(
        flavour.cells(),
        [vec!["Dana", "Danax", "2", "TRUE"], vec!["José"]]
    );
}

#[test]
fn a_formula_without_a_result_and_an_error_are_empty_with_a_note() {
    let flavour = Flavour::new(
        "<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"B2\"><f>SUM(A1)</f><v></v></c>\
         <c r=\"C2\" t=\"e\"><v>#N/A</v></c><c r=\"D2\"><f>A1</f></c></row>",
    );
    let rows = flavour.rows().unwrap();
    assert_eq!(rows[0].cells, ["1"]);
    let notes: Vec<(usize, CellFault)> = rows[0]
        .notes
        .iter()
        .map(|note| (note.column, note.fault))
        .collect();
    assert_eq!(
        notes,
        [
            (1, CellFault::NoFormulaValue),
            (2, CellFault::ErrorValue),
            (3, CellFault::NoFormulaValue),
        ]
    );
}

#[test]
fn a_strict_workbook_is_read() {
    let flavour = Flavour {
        relations: STRICT,
        ..Flavour::new("<x:row r=\"1\"><x:c r=\"A1\" t=\"d\"><x:v>2026-08-10</x:v></x:c></x:row>")
    };
    assert_eq!(flavour.cells(), [["2026-08-10"]]);
}

fn dated(rows: &str, properties: &'static str) -> Vec<Vec<String>> {
    let styles = "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"[$-409]m/d/yy;@\"/>\
                  <numFmt numFmtId=\"165\" formatCode=\"00000\"/></numFmts><cellStyleXfs>\
                  <xf numFmtId=\"14\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/>\
                  <xf numFmtId=\"14\"/><xf numFmtId=\"164\"/><xf numFmtId=\"165\"/></cellXfs>\
                  </styleSheet>";
    let flavour = Flavour {
        workbook_properties: properties,
        styles: Some(styles.to_owned()),
        ..Flavour::new(rows)
    };
    flavour.cells()
}

#[test]
fn serial_numbers_are_dates_by_their_format_in_both_systems() {
    let rows = "<row><c s=\"0\"><v>46244</v></c><c s=\"1\"><v>46244</v></c>\
                <c s=\"2\"><v>46244.25</v></c></row>";
    assert_eq!(
        dated(rows, ""),
        [["46244", "2026-08-10", "2026-08-10T06:00:00"]]
    );
    let rows = "<row><c s=\"1\"><v>44782</v></c></row>";
    assert_eq!(
        dated(rows, "<workbookPr date1904=\"1\"/>"),
        [["2026-08-10"]]
    );
}

#[test]
fn f3_numeric_ids_have_no_exponent_and_keep_the_zeros_that_their_format_shows() {
    let rows = "<row><c><v>1.23E+11</v></c><c><v>20417.0</v></c><c s=\"3\"><v>417</v></c>\
                <c><v>5.0999999999999996</v></c></row>";
    assert_eq!(dated(rows, ""), [["123000000000", "20417", "00417", "5.1"]]);
    let rows = Flavour::new("<row><c><v>1.2345678901234568E+16</v></c></row>")
        .rows()
        .unwrap();
    assert_eq!(rows[0].notes[0].fault, CellFault::Rounded);
}

#[test]
fn sheets_have_names_and_may_be_hidden() {
    let book = Book::open(Flavour::new("").pack()).unwrap();
    let sheets: Vec<(&str, bool)> = (book.outline.sheets.iter())
        .map(|sheet| (sheet.name.as_str(), sheet.is_visible))
        .collect();
    assert_eq!(sheets, [("Student", true), ("Old & gone", false)]);
    assert!(book.rows(0, 100, 0).unwrap().is_empty());
}

#[test]
fn a_row_that_a_filter_hides_is_a_row() {
    let flavour = Flavour::new("<row r=\"1\" hidden=\"1\"><c><v>7</v></c></row>");
    assert_eq!(flavour.cells(), [["7"]]);
}

#[test]
fn a_wide_format_without_text_is_no_column() {
    let flavour =
        Flavour::new("<row r=\"1\"><c r=\"A1\"><v>1</v></c><c r=\"XFD1\" s=\"1\"/></row>");
    assert_eq!(flavour.cells(), [["1"]]);
    let flavour = Flavour::new("<row r=\"1\"><c r=\"XFD1\"><v>1</v></c></row>");
    assert_eq!(flavour.rows(), Err(WorkbookError::Columns { line: 1 }));
}

#[test]
fn a_huge_cell_is_cut_and_noted() {
    let long = "é".repeat(CELL_BYTES_MAX);
    let inline = format!("<row r=\"1\"><c t=\"inlineStr\"><is><t>{long}</t></is></c></row>");
    let shared = Flavour::new("<row r=\"1\"><c t=\"s\"><v>0</v></c></row>")
        .strings(&format!("<si><t>{long}</t></si>"));
    for flavour in [Flavour::new(&inline), shared] {
        let rows = flavour.rows().unwrap();
        assert_eq!(rows[0].cells[0].len(), CELL_BYTES_MAX);
        assert_eq!(rows[0].notes[0].fault, CellFault::Long);
    }
}

#[test]
fn damaged_workbooks_are_refused() {
    for (rows, wanted) in [
        (
            "<row r=\"1\"><c t=\"s\"><v>7</v></c></row>",
            WorkbookError::Malformed,
        ),
        ("<row r=\"x\"/>", WorkbookError::Malformed),
        (
            "<row r=\"1\"><c r=\"ZZZZ1\"/></row>",
            WorkbookError::Malformed,
        ),
        (
            "<row r=\"5\"/><row r=\"4\"/>",
            WorkbookError::Disorder { line: 4 },
        ),
        (
            "<row r=\"5\"/><row r=\"5\"/>",
            WorkbookError::Disorder { line: 5 },
        ),
        ("<row><c><v>1", WorkbookError::CutShort),
        (
            "</row></sheetData></worksheet></worksheet>",
            WorkbookError::Malformed,
        ),
    ] {
        let flavour = Flavour {
            sheet: format!("<worksheet><sheetData>{rows}"),
            ..Flavour::new("")
        };
        assert_eq!(flavour.rows(), Err(wanted), "{rows}");
    }
    let bomb = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><worksheet/>";
    for sheet in [
        bomb,
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><worksheet/>",
    ] {
        let flavour = Flavour {
            sheet: sheet.to_owned(),
            ..Flavour::new("")
        };
        assert_eq!(flavour.rows(), Err(WorkbookError::Malformed), "{sheet}");
    }
}

#[test]
fn shared_texts_are_limited_and_compact() {
    let mut strings = SharedStrings::new();
    strings.push(b"<sst>").unwrap();
    let item = format!("<si><t>{}</t></si>", "x".repeat(1000));
    let many = item.repeat(1000);
    let mut error = None;
    for _ in 0..30 {
        error = error.or(strings.push(many.as_bytes()).err());
    }
    assert_eq!(error, Some(WorkbookError::Large));
    let mut strings = SharedStrings::new();
    strings.push(b"<sst>").unwrap();
    for number in 0..200_000 {
        let item = format!("<si><t>s{number}@maple.example</t></si>");
        strings.push(item.as_bytes()).unwrap();
    }
    strings.push(b"</sst>").unwrap();
    strings.finish().unwrap();
    assert_eq!(strings.text(0), Some("s0@maple.example"));
    assert_eq!(strings.text(123_456), Some("s123456@maple.example"));
    assert_eq!(strings.text(199_999), Some("s199999@maple.example"));
    assert_eq!(strings.text(200_000), None);
    assert!(strings.held_bytes() < 7_000_000, "{}", strings.held_bytes());
}

fn sheets() -> impl Strategy<Value = String> {
    let cell = prop_oneof![
        Just("<c><v>1</v></c>".to_owned()),
        Just("<c t=\"s\"><v>0</v></c>".to_owned()),
        Just("<c t=\"inlineStr\"><is><t>a &lt; é</t></is></c>".to_owned()),
        Just("<c t=\"str\"><f>x&gt;\"</f><v><![CDATA[<y>]]></v></c>".to_owned()),
        Just("<c/>".to_owned()),
        Just("<!-- <c> --><c t=\"e\"><v>#N/A</v></c>".to_owned()),
    ];
    let row = prop::collection::vec(cell, 0..4)
        .prop_map(|cells| format!("<row spans='1>2'>{}</row>\n", cells.concat()));
    prop::collection::vec(row, 0..6).prop_map(|rows| rows.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_parts_of_a_sheet_yield_the_same_rows(sheet in sheets(), part in 1_usize..40) {
        let flavour = Flavour::new(&sheet).strings("<si><t>shared</t></si>");
        let book = Book::open(flavour.pack()).unwrap();
        let whole = book.rows(0, 100_000, 0).unwrap();
        prop_assert_eq!(&book.rows(0, part, 0).unwrap(), &whole);
        for (index, row) in whole.iter().enumerate() {
            let rest = book.rows(0, part, row.line).unwrap();
            prop_assert_eq!(&rest[..], &whole[index + 1..]);
        }
    }
}
