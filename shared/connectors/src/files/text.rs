//! How the bytes of a text file become text (PROVIDERS 7.3, first row).

use serde::{Deserialize, Serialize};
use std::fmt;

/// How many bytes of a file decide its encoding.
pub const HEAD_BYTES: usize = 64 * 1024;

/// What stands in for a byte that is no text.
const REPLACEMENT: char = '\u{FFFD}';

/// An encoding of text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// What old Macs write, and Excel on a Mac for "CSV (Macintosh)".
    MacRoman,
    /// "Unicode text" with the high byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// "Unicode text" as Windows writes it.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// What everything else writes.
    #[serde(rename = "utf-8")]
    Utf8,
    /// What Excel writes on Windows for plain "CSV".
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl Encoding {
    /// The encoding of a file that begins with these bytes, and how many of them are a byte order
    /// mark. `whole` says that nothing follows.
    pub fn detect(head: &[u8], whole: bool) -> (Self, usize) {
        match head {
            [0xEF, 0xBB, 0xBF, ..] => return (Encoding::Utf8, 3),
            [0xFF, 0xFE, ..] => return (Encoding::Utf16Le, 2),
            [0xFE, 0xFF, ..] => return (Encoding::Utf16Be, 2),
            _ => {}
        }
        match std::str::from_utf8(head) {
            Ok(_) => (Encoding::Utf8, 0),
            // The last character goes on behind the head.
            Err(error) if error.error_len().is_none() && !whole => (Encoding::Utf8, 0),
            Err(_) => (Self::of_single_bytes(head), 0),
        }
    }

    /// Lines that end with a carriage return alone are a Mac's.
    fn of_single_bytes(head: &[u8]) -> Self {
        if head.contains(&b'\r') && !head.contains(&b'\n') {
            Encoding::MacRoman
        } else {
            Encoding::Windows1252
        }
    }

    /// How many bytes an ASCII character takes.
    pub(crate) fn unit_bytes(self) -> usize {
        match self {
            Encoding::Utf16Be | Encoding::Utf16Le => 2,
            Encoding::MacRoman | Encoding::Utf8 | Encoding::Windows1252 => 1,
        }
    }

    /// The character of a byte in an encoding of single bytes.
    pub(crate) fn character(self, byte: u8) -> char {
        let high = usize::from(byte.wrapping_sub(0x80));
        match self {
            _ if byte < 0x80 => char::from(byte),
            Encoding::MacRoman => MAC_ROMAN.get(high).copied().unwrap_or(REPLACEMENT),
            Encoding::Windows1252 if byte < 0xA0 => {
                WINDOWS_1252.get(high).copied().unwrap_or(REPLACEMENT)
            }
            Encoding::Utf16Be | Encoding::Utf16Le | Encoding::Utf8 | Encoding::Windows1252 => {
                char::from(byte)
            }
        }
    }

    /// These bytes as text, each that is none replaced.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Encoding::MacRoman | Encoding::Windows1252 => {
                bytes.iter().map(|byte| self.character(*byte)).collect()
            }
            Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Encoding::Utf16Be | Encoding::Utf16Le => {
                let (pairs, _) = bytes.as_chunks::<2>();
                let units = pairs.iter().map(|pair| self.unit(*pair));
                char::decode_utf16(units)
                    .map(|unit| unit.unwrap_or(REPLACEMENT))
                    .collect()
            }
        }
    }

    /// Two bytes as a unit of UTF-16.
    pub(crate) fn unit(self, pair: [u8; 2]) -> u16 {
        if self == Encoding::Utf16Be {
            u16::from_be_bytes(pair)
        } else {
            u16::from_le_bytes(pair)
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::MacRoman => "Mac OS Roman",
            Encoding::Utf16Be | Encoding::Utf16Le => "UTF-16",
            Encoding::Utf8 => "UTF-8",
            Encoding::Windows1252 => "Windows-1252",
        })
    }
}

/// The bytes 0x80 to 0x9F of Windows-1252; those above are Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€',
    REPLACEMENT,
    '‚',
    'ƒ',
    '„',
    '…',
    '†',
    '‡',
    'ˆ',
    '‰',
    'Š',
    '‹',
    'Œ',
    REPLACEMENT,
    'Ž',
    REPLACEMENT,
    REPLACEMENT,
    '‘',
    '’',
    '“',
    '”',
    '•',
    '–',
    '—',
    '˜',
    '™',
    'š',
    '›',
    'œ',
    REPLACEMENT,
    'ž',
    'Ÿ',
];

/// The bytes from 0x80 of Mac OS Roman.
const MAC_ROMAN: [char; 128] = [
    'Ä', 'Å', 'Ç', 'É', 'Ñ', 'Ö', 'Ü', 'á', 'à', 'â', 'ä', 'ã', 'å', 'ç', 'é', 'è', 'ê', 'ë', 'í',
    'ì', 'î', 'ï', 'ñ', 'ó', 'ò', 'ô', 'ö', 'õ', 'ú', 'ù', 'û', 'ü', '†', '°', '¢', '£', '§', '•',
    '¶', 'ß', '®', '©', '™', '´', '¨', '≠', 'Æ', 'Ø', '∞', '±', '≤', '≥', '¥', 'µ', '∂', '∑', '∏',
    'π', '∫', 'ª', 'º', 'Ω', 'æ', 'ø', '¿', '¡', '¬', '√', 'ƒ', '≈', '∆', '«', '»', '…', '\u{A0}',
    'À', 'Ã', 'Õ', 'Œ', 'œ', '–', '—', '“', '”', '‘', '’', '÷', '◊', 'ÿ', 'Ÿ', '⁄', '€', '‹', '›',
    'ﬁ', 'ﬂ', '‡', '·', '‚', '„', '‰', 'Â', 'Ê', 'Á', 'Ë', 'È', 'Í', 'Î', 'Ï', 'Ì', 'Ó', 'Ô',
    '\u{F8FF}', 'Ò', 'Ú', 'Û', 'Ù', 'ı', 'ˆ', '˜', '¯', '˘', '˙', '˚', '¸', '˝', '˛', 'ˇ',
];
