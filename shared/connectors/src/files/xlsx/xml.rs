//! XML as workbooks have it, read as it comes: tags, attributes and text, without validation, and
//! without anything that could make it grow.

use super::WorkbookError;
use std::borrow::Cow;
use std::ops::Range;

/// Longest tag or text, in bytes. A cell has at most 32,767 characters.
const TOKEN_BYTES_MAX: usize = 1024 * 1024;

/// What comes next.
#[derive(Debug)]
pub(super) enum Token<'a> {
    /// The end of the document.
    Eof,
    /// The end of an element, by its name without a prefix.
    End(&'a str),
    /// More of the document is needed.
    NeedsMore,
    Start(Tag<'a>),
    /// Text, with its escapes resolved.
    Text(Cow<'a, str>),
}

/// The begin of an element.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    /// Its name without a prefix.
    pub(super) name: &'a str,
    attributes: &'a str,
    /// True when the element has nothing in it; its end does not come by itself.
    pub(super) is_empty: bool,
}

impl<'a> Tag<'a> {
    /// The value of an attribute, by its name without a prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.attributes;
        loop {
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, next) = after.get(1..)?.split_once(quote)?;
            if local(key.trim()) == name {
                return Some(unescape(value));
            }
            rest = next;
        }
    }

    /// True for an attribute that says yes.
    pub(super) fn is_set(&self, name: &str) -> bool {
        let value = self.attribute(name);
        value.is_some_and(|value| matches!(value.as_ref(), "1" | "on" | "true"))
    }
}

/// The name without its prefix: which prefix stands for the spreadsheet's namespace differs.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// A document on its way.
#[derive(Debug, Default)]
pub(super) struct Xml {
    pending: Vec<u8>,
    used: usize,
    is_finished: bool,
    is_begun: bool,
    depth: u32,
    /// Whether there was an element at all.
    has_root: bool,
}

enum Found {
    Cdata(Range<usize>),
    End(Range<usize>),
    Eof,
    NeedsMore,
    Start(Range<usize>, bool),
    Text(Range<usize>),
}

impl Xml {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.used);
        self.used = 0;
        self.pending.extend_from_slice(bytes);
    }

    pub(super) fn finish(&mut self) {
        self.is_finished = true;
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.pending.len()
    }

    /// A whole document.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut xml = Self::default();
        xml.push(bytes);
        xml.finish();
        xml
    }

    pub(super) fn token(&mut self) -> Result<Token<'_>, WorkbookError> {
        let found = self.find()?;
        let text = |range: Range<usize>| {
            let bytes = self.pending.get(range).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| WorkbookError::Malformed)
        };
        Ok(match found {
            Found::Cdata(range) => Token::Text(Cow::Borrowed(text(range)?)),
            Found::End(range) => Token::End(local(text(range)?.trim())),
            Found::Eof => Token::Eof,
            Found::NeedsMore => Token::NeedsMore,
            Found::Start(range, is_empty) => {
                let tag = text(range)?;
                let end = tag
                    .find(|c: char| c.is_ascii_whitespace())
                    .unwrap_or(tag.len());
                let (name, attributes) = tag.split_at(end);
                let name = local(name);
                Token::Start(Tag {
                    name,
                    attributes,
                    is_empty,
                })
            }
            Found::Text(range) => Token::Text(unescape(text(range)?)),
        })
    }

    /// Finds the next token that means something and passes over it.
    fn find(&mut self) -> Result<Found, WorkbookError> {
        loop {
            let rest = self.pending.get(self.used..).unwrap_or_default();
            if !self.is_begun && rest.len() < 3 && !self.is_finished {
                return Ok(Found::NeedsMore);
            }
            if !self.is_begun {
                self.is_begun = true;
                if rest.starts_with(&[0xEF, 0xBB, 0xBF]) {
                    self.used += 3;
                    continue;
                }
            }
            let at = self.used;
            match rest {
                [] if self.is_finished && (self.depth > 0 || !self.has_root) => {
                    return Err(WorkbookError::CutShort);
                }
                [] if self.is_finished => return Ok(Found::Eof),
                [] => return Ok(Found::NeedsMore),
                [b'<', ..] => {}
                _ => match rest.iter().position(|byte| *byte == b'<') {
                    Some(length) => {
                        self.used += length;
                        return Ok(Found::Text(at..at + length));
                    }
                    // Blanks behind the last element.
                    None if self.is_finished && self.depth == 0 => {
                        self.used += rest.len();
                        continue;
                    }
                    None => return self.more(rest.len()),
                },
            }
            // Enough to tell a comment from text that is marked as such.
            if rest.len() < 9 && !self.is_finished {
                return Ok(Found::NeedsMore);
            }
            let (skipped, end): (usize, &[u8]) = match rest {
                [b'<', b'!', b'-', b'-', ..] => (4, b"-->"),
                _ if rest.starts_with(b"<![CDATA[") => (9, b"]]>"),
                // A document type could define entities that grow without end.
                [b'<', b'!', ..] => return Err(WorkbookError::Malformed),
                [b'<', b'?', ..] => (2, b"?>"),
                _ => return self.tag(),
            };
            let inside = rest.get(skipped..).unwrap_or_default();
            let Some(length) = inside.windows(end.len()).position(|window| window == end) else {
                return self.more(rest.len());
            };
            let is_cdata = skipped == 9;
            let is_declaration = skipped == 2;
            if is_declaration && !is_utf8(inside.get(..length).unwrap_or_default()) {
                return Err(WorkbookError::Malformed);
            }
            self.used += skipped + length + end.len();
            if is_cdata {
                return Ok(Found::Cdata(at + skipped..at + skipped + length));
            }
        }
    }

    fn tag(&mut self) -> Result<Found, WorkbookError> {
        let at = self.used;
        let rest = self.pending.get(at..).unwrap_or_default();
        let mut quote = None;
        let close = rest.iter().position(|byte| match (quote, byte) {
            (None, b'>') => true,
            (None, b'"' | b'\'') => {
                quote = Some(*byte);
                false
            }
            (Some(open), _) if open == *byte => {
                quote = None;
                false
            }
            _ => false,
        });
        let Some(close) = close else {
            return self.more(rest.len());
        };
        let is_end = rest.get(1) == Some(&b'/');
        let is_empty = close > 1 && rest.get(close - 1) == Some(&b'/');
        self.used += close + 1;
        if is_end {
            self.depth = self.depth.checked_sub(1).ok_or(WorkbookError::Malformed)?;
            return Ok(Found::End(at + 2..at + close));
        }
        self.has_root = true;
        self.depth += u32::from(!is_empty);
        let end = at + close - usize::from(is_empty);
        Ok(Found::Start(at + 1..end, is_empty))
    }

    fn more(&self, held: usize) -> Result<Found, WorkbookError> {
        if held > TOKEN_BYTES_MAX {
            Err(WorkbookError::Large)
        } else if self.is_finished {
            Err(WorkbookError::CutShort)
        } else {
            Ok(Found::NeedsMore)
        }
    }
}

/// True unless a declaration names another encoding.
fn is_utf8(declaration: &[u8]) -> bool {
    let declaration = String::from_utf8_lossy(declaration).to_ascii_lowercase();
    match declaration.split_once("encoding") {
        Some((_, named)) => named.contains("utf-8") || named.contains("us-ascii"),
        None => true,
    }
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let known = after.split_once(';');
        let known = known.and_then(|(name, rest)| Some((entity(name)?, rest)));
        if let Some((character, after)) = known {
            plain.push(character);
            rest = after;
        } else {
            plain.push('&');
            rest = after;
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "apos" => Some('\''),
        "gt" => Some('>'),
        "lt" => Some('<'),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Text of a cell, in which `_x000D_` stands for a character that XML can't have (ECMA-376
/// 22.4.2.4).
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("_x") {
        plain.push_str(before);
        let code = after.get(..4).filter(|_| after.get(4..5) == Some("_"));
        let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(character) = code.and_then(char::from_u32) {
            plain.push(character);
            rest = after.get(5..).unwrap_or_default();
        } else {
            plain.push_str("_x");
            rest = after;
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}
