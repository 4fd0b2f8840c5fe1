//! The parts of a workbook as XML (ECMA-376), no more than spreadsheets ask for.

use std::fmt::Write;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const CONTENT: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// How cells look; the numbers are those of the formats in the styles.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Header = 1,
    Note = 3,
    Text = 2,
}

/// A row with its look and its cells.
pub(super) struct Line<'a>(pub(super) Style, pub(super) Vec<&'a str>);

/// Where the sheet of this number is, from 1.
pub(super) fn sheet_path(number: usize) -> String {
    format!("xl/worksheets/sheet{number}.xml")
}

/// Everything but the sheets of these names.
pub(super) fn frame(names: &[&str]) -> Vec<(String, String)> {
    let mut types = String::new();
    let mut sheets = String::new();
    let mut relations = String::new();
    for (number, name) in (1..).zip(names) {
        // Writing to a text does not fail.
        let _ = write!(
            types,
            "<Override PartName=\"/{}\" ContentType=\"{CONTENT}.worksheet+xml\"/>",
            sheet_path(number)
        );
        let _ = write!(
            sheets,
            "<sheet name=\"{}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>",
            escape(name)
        );
        let _ = write!(
            relations,
            "<Relationship Id=\"rId{number}\" Type=\"{RELATIONS}/worksheet\" \
             Target=\"worksheets/sheet{number}.xml\"/>"
        );
    }
    let styles_id = names.len() + 1;
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{PACKAGE}/content-types\">\
                 <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
                 <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
                 <Override PartName=\"/xl/workbook.xml\" ContentType=\"{CONTENT}.sheet.main+xml\"/>\
                 <Override PartName=\"/xl/styles.xml\" ContentType=\"{CONTENT}.styles+xml\"/>\
                 {types}</Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\">\
                 <Relationship Id=\"rId1\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/>\
                 </Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>{sheets}</sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\">{relations}\
                 <Relationship Id=\"rId{styles_id}\" Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/>\
                 </Relationships>"
            ),
        ),
        ("xl/styles.xml", styles()),
    ];
    (parts.into_iter())
        .map(|(path, xml)| (path.to_owned(), format!("{DECLARATION}{xml}")))
        .collect()
}

/// A sheet with these rows; every column is text (format 49) so that zeros in front stay.
pub(super) fn sheet(widths: &[u32], lines: &[Line<'_>], is_frozen: bool) -> String {
    let mut xml = format!("{DECLARATION}<worksheet xmlns=\"{MAIN}\">");
    if is_frozen {
        xml.push_str(
            "<sheetViews><sheetView workbookViewId=\"0\">\
             <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
             <selection pane=\"bottomLeft\"/></sheetView></sheetViews>",
        );
    }
    xml.push_str("<cols>");
    for (number, width) in (1..).zip(widths) {
        let _ = write!(
            xml,
            "<col min=\"{number}\" max=\"{number}\" width=\"{width}\" style=\"{}\" customWidth=\"1\"/>",
            Style::Text as u8
        );
    }
    xml.push_str("</cols><sheetData>");
    for (row, Line(style, cells)) in (1..).zip(lines) {
        let _ = write!(xml, "<row r=\"{row}\">");
        for (column, cell) in ('A'..='Z').zip(cells) {
            let style = *style as u8;
            let _ = write!(
                xml,
                "<c r=\"{column}{row}\" s=\"{style}\" t=\"inlineStr\"><is><t>{}</t></is></c>",
                escape(cell)
            );
        }
        xml.push_str("</row>");
    }
    xml.push_str("</sheetData></worksheet>");
    xml
}

fn styles() -> String {
    format!(
        "<styleSheet xmlns=\"{MAIN}\"><fonts count=\"2\">\
         <font><sz val=\"11\"/><name val=\"Calibri\"/></font>\
         <font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>\
         <fill><patternFill patternType=\"gray125\"/></fill></fills>\
         <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
         <cellXfs count=\"4\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
         <xf numFmtId=\"49\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\" applyNumberFormat=\"1\"/>\
         <xf numFmtId=\"49\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
         <xf numFmtId=\"49\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\" applyAlignment=\"1\">\
         <alignment wrapText=\"1\" vertical=\"top\"/></xf></cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
