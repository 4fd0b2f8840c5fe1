//! The texts that cells share.

use super::WorkbookError;
use super::xml::{Token, Xml, plain};
use crate::files::row::CELL_BYTES_READ;

/// Most text that is held, in bytes. With [`TEXTS_MAX`] it leaves half of a component's memory.
pub const TEXT_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Most texts that are held.
pub const TEXTS_MAX: usize = 1_500_000;

/// Texts are held in pages, so that growing never copies what is there.
const PAGE_BYTES: usize = 256 * 1024;

/// The texts that cells share, as they are pushed.
#[derive(Debug, Default)]
pub struct SharedStrings {
    xml: Xml,
    pages: Vec<String>,
    /// Where each page begins, counted over all pages.
    bases: Vec<u32>,
    /// Where each text begins, counted over all pages.
    starts: Vec<u32>,
    bytes: u32,
    /// The text that is being read.
    current: String,
    inside: Inside,
}

/// Where in an item the reader is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Inside {
    item: bool,
    /// How a reading aid is pronounced is not part of the text.
    aid: bool,
    text: bool,
}

impl SharedStrings {
    /// No texts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the part.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), WorkbookError> {
        self.xml.push(bytes);
        self.read()
    }

    /// Says that every byte was pushed.
    pub fn finish(&mut self) -> Result<(), WorkbookError> {
        self.xml.finish();
        self.read()?;
        self.xml = Xml::default();
        Ok(())
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// How many bytes are held.
    pub fn held_bytes(&self) -> usize {
        let pages: usize = self.pages.iter().map(String::capacity).sum();
        pages + self.starts.capacity() * size_of::<u32>() + self.xml.held_bytes()
    }

    /// The text of this number; cut just behind [`CELL_BYTES_MAX`](crate::files::row::CELL_BYTES_MAX).
    pub fn text(&self, index: usize) -> Option<&str> {
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied().unwrap_or(self.bytes);
        let page = self
            .bases
            .partition_point(|base| *base <= start)
            .checked_sub(1)?;
        // An empty text at the end of a page seems to begin in the next one, where it is empty too.
        let base = *self.bases.get(page)?;
        let (from, to) = ((start - base) as usize, (end - base) as usize);
        self.pages.get(page)?.get(from..to)
    }

    fn read(&mut self) -> Result<(), WorkbookError> {
        loop {
            let is_wanted = self.inside.text && self.inside.item && !self.inside.aid;
            match self.xml.token()? {
                Token::Eof | Token::NeedsMore => return Ok(()),
                Token::Start(tag) => match tag.name {
                    "si" if tag.is_empty => self.keep()?,
                    "si" => self.inside.item = true,
                    "rPh" => self.inside.aid = !tag.is_empty,
                    "t" => self.inside.text = !tag.is_empty,
                    _ => {}
                },
                Token::Text(text) if is_wanted => {
                    let room = CELL_BYTES_READ.saturating_sub(self.current.len());
                    let text = plain(&text);
                    let end = text.floor_char_boundary(room);
                    self.current.push_str(text.get(..end).unwrap_or_default());
                }
                Token::Text(_) => {}
                Token::End(name) => match name {
                    "si" => {
                        self.inside.item = false;
                        self.keep()?;
                    }
                    "rPh" => self.inside.aid = false,
                    "t" => self.inside.text = false,
                    _ => {}
                },
            }
        }
    }

    fn keep(&mut self) -> Result<(), WorkbookError> {
        let bytes = self.bytes as usize + self.current.len();
        if bytes > TEXT_BYTES_MAX || self.starts.len() >= TEXTS_MAX {
            return Err(WorkbookError::Large);
        }
        let has_room = (self.pages.last())
            .is_some_and(|page| page.len() + self.current.len() <= page.capacity());
        if !has_room {
            let capacity = PAGE_BYTES.max(self.current.len());
            self.pages.push(String::with_capacity(capacity));
            self.bases.push(self.bytes);
        }
        self.starts.push(self.bytes);
        if let Some(page) = self.pages.last_mut() {
            page.push_str(&self.current);
        }
        self.bytes = u32::try_from(bytes).map_err(|_| WorkbookError::Large)?;
        self.current.clear();
        Ok(())
    }
}
