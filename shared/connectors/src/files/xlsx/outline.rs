//! Which sheets a workbook has, and which parts of the zip hold what.

use super::WorkbookError;
use super::xml::{Token, Xml};
use std::collections::BTreeMap;

/// Most sheets that are looked at.
const SHEETS_MAX: usize = 256;

/// A sheet of a workbook.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sheet {
    /// Its name on the tab.
    pub name: String,
    /// Whether people see it.
    pub is_visible: bool,
    /// The part of the zip that holds it.
    pub part: String,
}

/// What a workbook consists of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outline {
    /// The sheets in their order; without those that are only a chart.
    pub sheets: Vec<Sheet>,
    /// The part with the texts that cells share, if there is one.
    pub strings_part: Option<String>,
    /// The part with the formats of numbers, if there is one.
    pub styles_part: Option<String>,
    /// True when days are counted from 1904.
    pub is_1904: bool,
}

impl Outline {
    /// Reads [`WORKBOOK_PART`](super::WORKBOOK_PART) and
    /// [`RELATIONS_PART`](super::RELATIONS_PART).
    pub fn parse(workbook: &[u8], relations: &[u8]) -> Result<Self, WorkbookError> {
        let relations = parse_relations(relations)?;
        let mut outline = Self::default();
        for (kind, part) in relations.values() {
            match kind.as_str() {
                "sharedStrings" => outline.strings_part = Some(part.clone()),
                "styles" => outline.styles_part = Some(part.clone()),
                _ => {}
            }
        }
        let mut xml = Xml::of(workbook);
        loop {
            let tag = match xml.token()? {
                Token::Start(tag) => tag,
                Token::Eof | Token::NeedsMore => return Ok(outline),
                Token::End(_) | Token::Text(_) => continue,
            };
            match tag.name {
                "workbookPr" => outline.is_1904 = tag.is_set("date1904"),
                "sheet" => {
                    let relation = tag.attribute("id").unwrap_or_default();
                    let Some((kind, part)) = relations.get(relation.as_ref()) else {
                        return Err(WorkbookError::Malformed);
                    };
                    let state = tag.attribute("state").unwrap_or_default();
                    if kind == "worksheet" && outline.sheets.len() < SHEETS_MAX {
                        outline.sheets.push(Sheet {
                            name: tag.attribute("name").unwrap_or_default().into_owned(),
                            is_visible: !matches!(state.as_ref(), "hidden" | "veryHidden"),
                            part: part.clone(),
                        });
                    }
                }
                _ => {}
            }
        }
    }
}

/// The kind and the part of each relation, by its id.
fn parse_relations(bytes: &[u8]) -> Result<BTreeMap<String, (String, String)>, WorkbookError> {
    let mut relations = BTreeMap::new();
    let mut xml = Xml::of(bytes);
    loop {
        let tag = match xml.token()? {
            Token::Start(tag) if tag.name == "Relationship" => tag,
            Token::Eof | Token::NeedsMore => return Ok(relations),
            Token::End(_) | Token::Start(_) | Token::Text(_) => continue,
        };
        let attribute = |name: &str| tag.attribute(name).unwrap_or_default().into_owned();
        // Strict workbooks have other addresses with the same last word.
        let kind = attribute("Type");
        let kind = kind
            .rsplit_once('/')
            .map_or("", |(_, word)| word)
            .to_owned();
        let target = attribute("Target");
        let part = match target.strip_prefix('/') {
            Some(absolute) => absolute.to_owned(),
            None => format!("xl/{}", target.trim_start_matches("./")),
        };
        relations.insert(attribute("Id"), (kind, part));
    }
}
