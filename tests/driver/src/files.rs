//! Files as administrators have them: workbooks, CSV and packages.

use connectors::files::zip::Writer;
use std::fmt::Write as _;

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// A sheet: its name, and its rows with the header first.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a, R> {
    /// What it is called.
    pub name: &'a str,
    /// Its rows.
    pub rows: &'a [R],
}

/// A workbook (`.xlsx`) with these sheets, as a program for spreadsheets saves it.
pub fn workbook<R: AsRef<[String]>>(sheets: &[Sheet<'_, R>]) -> Vec<u8> {
    let mut zip = Writer::new();
    let (mut names, mut relations) = (String::new(), String::new());
    for (number, sheet) in (1..).zip(sheets) {
        // Writing to a text does not fail.
        let _ = write!(
            names,
            "<sheet name=\"{}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>",
            escape(sheet.name)
        );
        let _ = write!(
            relations,
            "<Relationship Id=\"rId{number}\" Type=\"{RELATIONS}/worksheet\" \
             Target=\"worksheets/sheet{number}.xml\"/>"
        );
    }
    let book = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>{names}</sheets></workbook>"
    );
    zip.add("xl/workbook.xml", book.as_bytes());
    let relations = format!("<Relationships>{relations}</Relationships>");
    zip.add("xl/_rels/workbook.xml.rels", relations.as_bytes());
    for (number, sheet) in (1..).zip(sheets) {
        let xml = worksheet(sheet.rows);
        zip.add(&format!("xl/worksheets/sheet{number}.xml"), xml.as_bytes());
    }
    zip.finish()
}

fn worksheet<R: AsRef<[String]>>(rows: &[R]) -> String {
    let mut xml = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>");
    for (line, row) in (1..).zip(rows) {
        let _ = write!(xml, "<row r=\"{line}\">");
        for (column, cell) in ('A'..='Z').zip(row.as_ref()) {
            let _ = write!(
                xml,
                "<c r=\"{column}{line}\" t=\"inlineStr\"><is><t>{}</t></is></c>",
                escape(cell)
            );
        }
        xml.push_str("</row>");
    }
    xml.push_str("</sheetData></worksheet>");
    xml
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('"', "&quot;")
}

/// A CSV file of these rows.
pub fn csv<R: AsRef<[String]>>(rows: &[R]) -> Vec<u8> {
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |row: &R| {
        let cells: Vec<String> = row.as_ref().iter().map(quoted).collect();
        cells.join(",") + "\r\n"
    };
    rows.iter().map(line).collect::<String>().into_bytes()
}

/// A zip of files by name.
pub fn package(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = Writer::new();
    for (name, bytes) in files {
        zip.add(name, bytes);
    }
    zip.finish()
}
