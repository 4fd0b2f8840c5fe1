//! A Google user (PROVIDERS 2.3).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::OrgUnitSlot;

/// Google's id of a user: twenty-one digits, too long for a 64-bit number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct UserId(u64);

impl UserId {
    /// Ids start with `10` to `11`: a one, and a number below this with leading zeros.
    const LIMIT: u64 = 18_000_000_000_000_000_000;

    /// The id made from a random number.
    pub(super) fn from_random(number: u64) -> Self {
        Self(number % Self::LIMIT)
    }

    /// Reads twenty-one digits.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('1')?;
        let digits = rest.len() == 20 && rest.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| rest.parse().ok()).flatten()?;
        (number < Self::LIMIT).then_some(Self(number))
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "1{:020}", self.0)
    }
}

/// A user of the directory.
#[derive(Clone, Debug)]
pub struct User {
    /// Google's id.
    pub id: UserId,
    /// The primary address, in lower case.
    pub email: Arc<str>,
    /// Given name.
    pub given: Cow<'static, str>,
    /// Family name.
    pub family: Cow<'static, str>,
    /// Further addresses, in lower case.
    pub aliases: Vec<Arc<str>>,
    /// Where the user sits.
    pub org_unit: OrgUnitSlot,
    /// Whether the user is suspended.
    pub suspended: bool,
    /// Whether the user is archived.
    pub archived: bool,
    /// The number in the student information or personnel system.
    pub number: Option<u32>,
    /// What the user's `organizations` entry says, such as `Teacher`.
    pub title: &'static str,
    /// The grade's code, for students.
    pub grade: Option<Arc<str>>,
    /// The codes of the user's schools.
    pub schools: Vec<Arc<str>>,
    /// Seconds since 1970 at which the account was made.
    pub created_at_s: i64,
    /// Seconds since 1970 of the last sign-in; none before the first.
    pub last_login_at_s: Option<i64>,
    /// Milliseconds since 1970 at which the account was deleted.
    pub deleted_at_ms: Option<i64>,
    /// Grows with every change of the user.
    pub version: u32,
}

impl User {
    /// The entity tag, which itself contains double quotes.
    pub fn etag(&self) -> String {
        let mixed = self
            .id
            .number()
            .wrapping_add(u64::from(self.version))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!("\"k9Xn2vYb-demo/{:016x}\"", mixed ^ (mixed >> 29))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_twenty_one_digits_and_read_back() {
        for number in [0, 1, 4_857_612_345_678_901_234, u64::MAX] {
            let id = UserId::from_random(number);
            let text = id.to_string();
            assert_eq!(text.len(), 21);
            assert_eq!(UserId::parse(&text), Some(id));
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in [
            "",
            "1",
            "204857612345678901234",
            "10485761234567890123a",
            "a@b",
        ] {
            assert_eq!(UserId::parse(text), None, "{text}");
        }
    }
}
