//! The table as a workbook, as spreadsheet programs write one: texts shared, cells with addresses.

use super::rows::{COLUMNS, Row};
use connectors::files::zip::Writer;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const SHEET: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// The sheets, as the template has them, and the role of the people on each.
const SHEETS: [(&str, &str); 2] = [("Student", "student"), ("Teacher", "teacher")];

/// Writes the workbook.
pub(super) fn write(table: &[Row]) -> Vec<u8> {
    let mut texts = Texts::default();
    let mut zip = Writer::new();
    for (path, xml) in frame() {
        zip.add(path, format!("{DECLARATION}{xml}").as_bytes());
    }
    for (sheet, (_, role)) in (1..).zip(SHEETS) {
        let mut xml = format!("{DECLARATION}<worksheet xmlns=\"{MAIN}\"><sheetData>");
        row(&mut xml, 1, COLUMNS.into_iter(), &mut texts);
        let people = table
            .iter()
            .filter(|row| row.iter().any(|cell| cell == role));
        for (number, cells) in (2..).zip(people) {
            row(
                &mut xml,
                number,
                cells.iter().map(String::as_str),
                &mut texts,
            );
        }
        xml.push_str("</sheetData></worksheet>");
        zip.add(&format!("xl/worksheets/sheet{sheet}.xml"), xml.as_bytes());
    }
    zip.add("xl/sharedStrings.xml", texts.xml().as_bytes());
    zip.finish()
}

fn row<'a>(
    sheet: &mut String,
    number: usize,
    cells: impl Iterator<Item = &'a str>,
    texts: &mut Texts<'a>,
) {
    // Writing to a text does not fail.
    let _ = write!(sheet, "<row r=\"{number}\">");
    for (column, cell) in ('A'..='Z').zip(cells) {
        if !cell.is_empty() {
            let text = texts.number(cell);
            let _ = write!(sheet, "<c r=\"{column}{number}\" t=\"s\"><v>{text}</v></c>");
        }
    }
    sheet.push_str("</row>");
}

/// The texts that cells share.
#[derive(Default)]
struct Texts<'a> {
    numbers: BTreeMap<&'a str, usize>,
    items: String,
}

impl<'a> Texts<'a> {
    fn number(&mut self, text: &'a str) -> usize {
        let next = self.numbers.len();
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        self.numbers.insert(text, next);
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        let _ = write!(self.items, "<si><t>{escaped}</t></si>");
        next
    }

    fn xml(&self) -> String {
        let count = self.numbers.len();
        let items = &self.items;
        format!("{DECLARATION}<sst xmlns=\"{MAIN}\" uniqueCount=\"{count}\">{items}</sst>")
    }
}

/// Everything but the sheets and the texts.
fn frame() -> [(&'static str, String); 4] {
    let (mut types, mut sheets, mut relations) = (String::new(), String::new(), String::new());
    for (number, (name, _)) in (1..).zip(SHEETS) {
        let path = format!("worksheets/sheet{number}.xml");
        let _ = write!(
            types,
            "<Override PartName=\"/xl/{path}\" ContentType=\"{SHEET}.worksheet+xml\"/>"
        );
        let _ = write!(
            sheets,
            "<sheet name=\"{name}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>"
        );
        let _ = write!(
            relations,
            "<Relationship Id=\"rId{number}\" Type=\"{OFFICE}/worksheet\" Target=\"{path}\"/>"
        );
    }
    let texts = SHEETS.len() + 1;
    [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{PACKAGE}/content-types\">\
                 <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
                 <Override PartName=\"/xl/workbook.xml\" ContentType=\"{SHEET}.sheet.main+xml\"/>\
                 <Override PartName=\"/xl/sharedStrings.xml\" ContentType=\"{SHEET}.sharedStrings+xml\"/>\
                 {types}</Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\">\
                 <Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/>\
                 </Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\">\
                 <sheets>{sheets}</sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\">{relations}\
                 <Relationship Id=\"rId{texts}\" Type=\"{OFFICE}/sharedStrings\" Target=\"sharedStrings.xml\"/>\
                 </Relationships>"
            ),
        ),
    ]
}
