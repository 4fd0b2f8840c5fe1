//! The `filter` parameter (PROVIDERS 6.5): `field op 'value'`, joined by ` AND ` or ` OR `.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;

/// A parsed filter: one of these groups must hold, each of them whole.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Filter {
    groups: Vec<Vec<Clause>>,
}

/// A comparison of a field.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Clause {
    field: String,
    test: Test,
    value: String,
    /// The value as milliseconds since 1970, where it is compared with an instant.
    instant_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Test {
    Contains,
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    NotEqual,
}

/// Longer operators come before those they start with.
const TESTS: [(&str, Test); 7] = [
    ("!=", Test::NotEqual),
    (">=", Test::GreaterOrEqual),
    ("<=", Test::LessOrEqual),
    ("=", Test::Equal),
    (">", Test::Greater),
    ("<", Test::Less),
    ("~", Test::Contains),
];

/// The field that holds an instant.
pub(super) const MODIFIED: &str = "dateLastModified";

/// Why a filter is refused; names no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum FilterRefused {
    #[error("the filter can't be read")]
    Malformed,
    #[error("the filter compares {MODIFIED} with what is no date")]
    NotAnInstant,
    #[error("the filter has more than {CLAUSES_MAX} clauses")]
    TooManyClauses,
    #[error("the filter names an unknown field")]
    UnknownField,
}

/// The most clauses the specification has.
const CLAUSES_MAX: usize = 2;

/// A value as a filter looks at it.
pub(super) enum Seen<'a> {
    Instant(i64),
    /// All values of a field; none when it is empty.
    Texts(Vec<std::borrow::Cow<'a, str>>),
}

impl Filter {
    /// Reads a filter. `knows` tells which fields there are; `any_number` is for servers that
    /// take more clauses than the specification has.
    pub(super) fn parse(
        text: &str,
        any_number: bool,
        knows: impl Fn(&str) -> bool,
    ) -> Result<Self, FilterRefused> {
        let mut filter = Self {
            groups: vec![Vec::new()],
        };
        let mut count = 0;
        let mut rest = text;
        loop {
            let (clause, after) = Clause::parse(rest)?;
            if !knows(&clause.field) {
                return Err(FilterRefused::UnknownField);
            }
            count += 1;
            if let Some(group) = filter.groups.last_mut() {
                group.push(clause);
            }
            rest = match after {
                After::End => break,
                After::And(rest) => rest,
                After::Or(rest) => {
                    filter.groups.push(Vec::new());
                    rest
                }
            };
        }
        if count > CLAUSES_MAX && !any_number {
            return Err(FilterRefused::TooManyClauses);
        }
        Ok(filter)
    }

    /// Whether a record passes; `look` gives the values of its fields.
    pub(super) fn holds<'a>(&self, look: impl Fn(&str) -> Seen<'a>) -> bool {
        let passes = |clause: &Clause| clause.holds(look(&clause.field));
        self.groups.iter().any(|group| group.iter().all(passes))
    }
}

enum After<'a> {
    And(&'a str),
    End,
    Or(&'a str),
}

impl Clause {
    fn parse(clause: &str) -> Result<(Self, After<'_>), FilterRefused> {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "._-:".contains(letter);
        let end = clause
            .find(|letter| !is_name(letter))
            .filter(|end| *end > 0)
            .ok_or(FilterRefused::Malformed)?;
        let (field, rest) = clause.split_at(end);
        let (test, rest) = TESTS
            .iter()
            .find_map(|(operator, meant)| Some((*meant, rest.strip_prefix(operator)?)))
            .ok_or(FilterRefused::Malformed)?;
        let rest = rest.strip_prefix('\'').ok_or(FilterRefused::Malformed)?;
        let (value, after) = quoted(rest).ok_or(FilterRefused::Malformed)?;
        let instant_ms = match field {
            MODIFIED if test != Test::Contains => {
                Some(instant(value).ok_or(FilterRefused::NotAnInstant)?)
            }
            _ => None,
        };
        let clause = Self {
            field: field.to_owned(),
            test,
            value: value.to_lowercase(),
            instant_ms,
        };
        Ok((clause, after))
    }

    fn holds(&self, seen: Seen<'_>) -> bool {
        let texts = match (seen, self.instant_ms) {
            (Seen::Instant(value), Some(wanted)) => return self.test.holds(value.cmp(&wanted)),
            (Seen::Instant(_), None) => return false,
            (Seen::Texts(texts), _) => texts,
        };
        let holds = |text: &str| {
            let text = text.to_lowercase();
            if self.test == Test::Contains {
                text.contains(&self.value)
            } else {
                self.test.holds(text.as_str().cmp(&self.value))
            }
        };
        // Of several values none may be it.
        if self.test == Test::NotEqual {
            return texts.iter().all(|text| holds(text));
        }
        (texts.is_empty() && holds("")) || texts.iter().any(|text| holds(text))
    }
}

impl Test {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Contains => false,
            Self::Equal => ordering.is_eq(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::NotEqual => ordering.is_ne(),
        }
    }
}

/// A value up to the quote that ends it. A quote between letters, as in O'Neill, does not.
fn quoted(text: &str) -> Option<(&str, After<'_>)> {
    for (at, _) in text.match_indices('\'') {
        let (value, rest) = (text.get(..at)?, text.get(at + 1..)?);
        if rest.is_empty() {
            return Some((value, After::End));
        } else if let Some(rest) = rest.strip_prefix(" AND ") {
            return Some((value, After::And(rest)));
        } else if let Some(rest) = rest.strip_prefix(" OR ") {
            return Some((value, After::Or(rest)));
        }
        let is_apostrophe =
            value.ends_with(char::is_alphanumeric) && rest.starts_with(char::is_alphanumeric);
        if !is_apostrophe {
            return None;
        }
    }
    None
}

/// An instant in UTC, or the start of a day.
fn instant(text: &str) -> Option<i64> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_millisecond());
    }
    let day: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Filter, FilterRefused> {
        Filter::parse(text, false, |field| field != "shoeSize")
    }

    fn holds(text: &str) -> bool {
        parse(text).unwrap().holds(|field| match field {
            MODIFIED => Seen::Instant(1_787_000_000_000),
            "familyName" => Seen::Texts(vec!["O'Neill".into()]),
            "orgs.sourcedId" => Seen::Texts(vec!["HS-01".into(), "MS-02".into()]),
            _ => Seen::Texts(Vec::new()),
        })
    }

    #[test]
    fn clauses_hold_by_text_by_instant_and_by_any_of_several_values() {
        for (text, expected) in [
            ("familyName='o'neill'", true),
            ("familyName!='O'Neill'", false),
            ("familyName~'NEI'", true),
            ("familyName>='o'", true),
            ("familyName<'o'", false),
            ("familyName='O'Neill' AND orgs.sourcedId='MS-02'", true),
            ("familyName='O'Neill' AND orgs.sourcedId='ES-02'", false),
            ("familyName='x' OR orgs.sourcedId='HS-01'", true),
            ("orgs.sourcedId!='HS-01'", false),
            ("email=''", true),
            ("email!='x'", true),
            ("dateLastModified>'2026-08-17T00:00:00.000Z'", true),
            ("dateLastModified<='2026-08-17'", false),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        for text in [
            "",
            "familyName",
            "familyName=O",
            "familyName='O",
            "familyName = 'O'",
            "='O'",
            "familyName=='O'",
            "familyName='O' and givenName='P'",
            "familyName='O' AND ",
            "familyName='O'AND givenName='P'",
            "familyName='O';x",
        ] {
            assert_eq!(parse(text), Err(FilterRefused::Malformed), "{text}");
        }
        assert_eq!(parse("shoeSize='7'"), Err(FilterRefused::UnknownField));
        let yesterday = parse("dateLastModified>'yesterday'");
        assert_eq!(yesterday, Err(FilterRefused::NotAnInstant));
    }

    #[test]
    fn a_third_clause_is_for_those_who_take_any_number() {
        let three = "a='1' AND b='2' OR c='3'";
        assert_eq!(parse(three), Err(FilterRefused::TooManyClauses));
        let filter = Filter::parse(three, true, |_| true).unwrap();
        let one = |yes: &'static str| {
            filter.holds(|field| {
                let value = if yes.contains(field) { "123" } else { "0" };
                let value = match field {
                    "a" => &value[..1],
                    "b" => value.get(1..2).unwrap_or("0"),
                    _ => value.get(2..).unwrap_or("0"),
                };
                Seen::Texts(vec![value.into()])
            })
        };
        assert!(one("ab") && one("c") && !one("a") && !one("b"));
    }
}
