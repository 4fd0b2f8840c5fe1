//! Clever's ids: 24 hexadecimal digits, in whose order every list comes.

use std::fmt;

use serde::{Serialize, Serializer};

/// The id of a record.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ObjectId {
    head: u32,
    tail: u64,
}

impl ObjectId {
    /// An id whose first eight digits are given.
    pub(super) const fn new(head: u32, tail: u64) -> Self {
        Self { head, tail }
    }

    /// Reads an id, in small letters as Clever writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 24 || !text.bytes().all(is_digit) {
            return None;
        }
        Some(Self {
            head: u32::from_str_radix(text.get(..8)?, 16).ok()?,
            tail: u64::from_str_radix(text.get(8..)?, 16).ok()?,
        })
    }

    /// The last sixteen digits as a number, if the first eight are these.
    pub(super) fn tail_after(self, head: u32) -> Option<u64> {
        (self.head == head).then_some(self.tail)
    }

    /// A number that is the same for the same id and looks like any other.
    pub(super) fn luck(self, salt: u64) -> u64 {
        scramble(self.tail ^ salt)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}{:016x}", self.head, self.tail)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Spreads numbers over all of the range (splitmix64), one to one.
pub(super) fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_it_is_read() {
        let text = "5f3a9c0e1d2b4c0011aa0001";
        assert_eq!(ObjectId::parse(text).unwrap().to_string(), text);
        for odd in [
            "",
            "last",
            "5F3A9C0E1D2B4C0011AA0001",
            "5f3a9c0e1d2b4c0011aa00010",
        ] {
            assert_eq!(ObjectId::parse(odd), None, "{odd}");
        }
    }
}
