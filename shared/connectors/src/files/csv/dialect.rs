//! How a CSV file is written: its encoding and what separates its columns.

use super::Hints;
use crate::files::text::Encoding;
use serde::{Deserialize, Serialize};

/// Separators that are looked for, in order of preference.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How many lines are looked at for a separator: a title above the header has none.
const LINES_MAX: usize = 10;

/// How a CSV file is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Dialect {
    /// Its encoding.
    #[serde(rename = "e")]
    pub encoding: Encoding,
    /// What separates its columns, an ASCII character.
    #[serde(rename = "s")]
    pub separator: u8,
    /// True when the encoding was seen to be right: there was a letter that is not ASCII, or
    /// somebody said so. Until then UTF-8 is only the best guess.
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) proven: bool,
}

impl Dialect {
    /// The dialect of a file that begins so, how many bytes of it are not rows, and how many lines
    /// those are.
    pub(super) fn detect(head: &[u8], whole: bool, hints: Hints) -> (Self, usize, u32) {
        let (detected, mark) = Encoding::detect(head, whole);
        let encoding = match hints.encoding {
            Some(encoding) if mark == 0 => encoding,
            _ => detected,
        };
        let body = head.get(mark..).unwrap_or_default();
        let text = encoding.decode(body);
        let named = named_separator(&text);
        let separator = hints.separator.filter(u8::is_ascii);
        let separator = separator
            .or(named.map(|(separator, _)| separator))
            .unwrap_or_else(|| sniff(&text));
        let named_bytes = named.map_or(0, |(_, characters)| characters) * encoding.unit_bytes();
        let proven =
            mark > 0 || hints.encoding.is_some() || (detected == encoding && !text.is_ascii());
        let dialect = Self {
            encoding,
            separator,
            proven,
        };
        (dialect, mark + named_bytes, u32::from(named.is_some()))
    }
}

/// The separator that Excel's first line `sep=;` names, and how many characters that line has.
fn named_separator(text: &str) -> Option<(u8, usize)> {
    let line = text.get(..text.find(['\r', '\n'])?)?;
    let plain = line.trim_matches('"');
    let value = plain.strip_prefix("sep=").or(plain.strip_prefix("SEP="))?;
    let &[separator] = value.as_bytes() else {
        return None;
    };
    let rest = text.get(line.len()..)?;
    let ending = if rest.starts_with("\r\n") { 2 } else { 1 };
    separator
        .is_ascii()
        .then_some((separator, line.len() + ending))
}

/// The separator that the first line with one has most often, outside quotation marks.
fn sniff(text: &str) -> u8 {
    let lines = text
        .split(['\r', '\n'])
        .filter(|line| !line.trim().is_empty());
    for line in lines.take(LINES_MAX) {
        // `max_by_key` takes the last of equals, so the preferred one comes last.
        let best = (SEPARATORS.iter().rev())
            .map(|separator| (*separator, count(line, *separator)))
            .max_by_key(|(_, count)| *count);
        if let Some((separator, 1..)) = best {
            return separator;
        }
    }
    b','
}

fn count(line: &str, separator: u8) -> usize {
    let mut is_quoted = false;
    let mut found = 0;
    for byte in line.bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            _ if byte == separator && !is_quoted => found += 1,
            _ => {}
        }
    }
    found
}
