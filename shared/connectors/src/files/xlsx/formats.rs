//! What the formats of cells say about numbers (ECMA-376 18.8.30).

use super::WorkbookError;
use super::xml::{Token, Xml};
use std::collections::BTreeMap;

/// Most formats that are looked at; Excel allows 65,490.
const FORMATS_MAX: usize = 70_000;

/// What a number is shown as.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Format {
    /// A day, a time or both.
    Date,
    /// A number.
    #[default]
    Number,
    /// A number with zeros in front, to this many digits.
    Zeros(u8),
}

/// The formats of a workbook.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Styles {
    formats: Vec<Format>,
}

impl Styles {
    /// Reads the part with the styles.
    pub fn parse(bytes: &[u8]) -> Result<Self, WorkbookError> {
        let mut custom: BTreeMap<u32, Format> = BTreeMap::new();
        let mut formats = Vec::new();
        let mut is_inside = false;
        let mut xml = Xml::of(bytes);
        loop {
            let tag = match xml.token()? {
                Token::Start(tag) => tag,
                Token::End("cellXfs") => {
                    is_inside = false;
                    continue;
                }
                Token::Eof | Token::NeedsMore => return Ok(Self { formats }),
                Token::End(_) | Token::Text(_) => continue,
            };
            let id = || tag.attribute("numFmtId")?.parse::<u32>().ok();
            match tag.name {
                "numFmt" => {
                    let code = tag.attribute("formatCode").unwrap_or_default();
                    if let Some(id) = id().filter(|_| custom.len() < FORMATS_MAX) {
                        custom.insert(id, of_code(&code));
                    }
                }
                "cellXfs" => is_inside = !tag.is_empty,
                "xf" if is_inside => {
                    if formats.len() >= FORMATS_MAX {
                        return Err(WorkbookError::Large);
                    }
                    let id = id().unwrap_or_default();
                    let format = custom.get(&id).copied();
                    formats.push(format.unwrap_or_else(|| built_in(id)));
                }
                _ => {}
            }
        }
    }

    /// The format of this number.
    pub(super) fn format(&self, index: usize) -> Format {
        self.formats.get(index).copied().unwrap_or_default()
    }
}

/// Formats that need no code. Those from 27 on are dates of East Asian locales.
fn built_in(id: u32) -> Format {
    match id {
        14..=22 | 27..=36 | 45..=47 | 50..=58 => Format::Date,
        _ => Format::Number,
    }
}

fn of_code(code: &str) -> Format {
    if !code.is_empty() && code.bytes().all(|byte| byte == b'0') {
        return Format::Zeros(u8::try_from(code.len()).unwrap_or_default());
    }
    let first = code.split(';').next().unwrap_or_default();
    let plain = without_literals(first).to_ascii_lowercase();
    let is_date = plain != "general" && plain.contains(['d', 'h', 'm', 's', 'y']);
    if is_date {
        Format::Date
    } else {
        Format::Number
    }
}

/// The code without quoted text, single characters that stand for themselves, colours and
/// conditions. Elapsed time is in brackets and stays.
fn without_literals(code: &str) -> String {
    let mut plain = String::new();
    let mut characters = code.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                characters.by_ref().find(|c| *c == '"');
            }
            '\\' | '_' | '*' => {
                characters.next();
            }
            '[' => {
                let inside: String = characters.by_ref().take_while(|c| *c != ']').collect();
                let is_elapsed = matches!(
                    inside.to_ascii_lowercase().as_str(),
                    "h" | "hh" | "m" | "mm" | "s" | "ss"
                );
                if is_elapsed {
                    plain.push_str(&inside);
                }
            }
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_known_by_their_format() {
        for code in [
            "yyyy-mm-dd",
            "M/D/YY",
            "[$-409]d-mmm-yy;@",
            "h:mm AM/PM",
            "[h]:mm",
        ] {
            assert_eq!(of_code(code), Format::Date, "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0",
            "[Red]0",
            "\"days\" 0",
            "0\\d",
            "@",
            "0.00E+00",
        ] {
            assert_eq!(of_code(code), Format::Number, "{code}");
        }
        assert_eq!(of_code("00000"), Format::Zeros(5));
    }
}
