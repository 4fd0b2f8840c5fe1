//! The `query` parameter of a user listing (PROVIDERS 2.2).
//!
//! Clauses separated by blanks must all hold. The fake answers for the fields it keeps; for the
//! other fields that Google knows nobody matches.

use super::directory::{AdminRole, Directory, OrgUnitSlot, User};

/// A parsed query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    clauses: Vec<Clause>,
    org_units: Option<Vec<OrgUnitSlot>>,
}

#[derive(Clone, Debug)]
enum Clause {
    /// A yes-or-no field.
    Flag {
        field: &'static str,
        value: bool,
    },
    /// A field the fake does not keep.
    Never,
    Text {
        field: &'static str,
        test: Test,
    },
    /// A bare word: the start of a name or the address.
    Word(String),
}

#[derive(Clone, Debug)]
enum Test {
    Equals(String),
    /// All these words are there.
    Has(String),
    Starts(String),
}

/// Why a query is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum QueryRefused {
    /// It can't be read.
    Invalid,
    /// It names an org unit that is not there.
    UnknownOrgUnit,
}

const FLAGS: [&str; 5] = [
    "isAdmin",
    "isArchived",
    "isDelegatedAdmin",
    "isEnrolledIn2Sv",
    "isSuspended",
];
const TEXTS: [&str; 6] = [
    "email",
    "externalId",
    "familyName",
    "givenName",
    "name",
    "orgTitle",
];
/// Known to Google, empty in every user of the fake.
const EMPTY: [&str; 19] = [
    "address",
    "addressCountry",
    "addressExtended",
    "addressLocality",
    "addressPoBox",
    "addressPostalCode",
    "addressRegion",
    "addressStreet",
    "directManager",
    "directManagerId",
    "im",
    "manager",
    "managerId",
    "orgCostCenter",
    "orgDepartment",
    "orgDescription",
    "orgName",
    "phone",
    "changePasswordAtNextLogin",
];

impl Query {
    /// Reads a query against the org units there are now.
    pub(crate) fn parse(text: &str, directory: &Directory) -> Result<Self, QueryRefused> {
        let mut query = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (clause, after) = next_clause(rest)?;
            match clause {
                Raw::Comparison {
                    field: "orgUnitPath",
                    operator: '=',
                    value,
                } => {
                    query.limit_to(&value, directory)?;
                }
                Raw::Comparison {
                    field,
                    operator,
                    value,
                } => {
                    query.clauses.push(comparison(field, operator, &value)?);
                }
                Raw::Word(word) => query.clauses.push(Clause::Word(word.to_lowercase())),
            }
            rest = after.trim_start();
        }
        Ok(query)
    }

    /// The org units to which the query is limited, those below included.
    pub(crate) fn org_units(&self) -> Option<&[OrgUnitSlot]> {
        self.org_units.as_deref()
    }

    /// Whether every clause holds for a user; org units are the listing's business.
    pub(crate) fn matches(&self, user: &User, directory: &Directory) -> bool {
        self.clauses
            .iter()
            .all(|clause| clause.matches(user, directory))
    }

    fn limit_to(&mut self, path: &str, directory: &Directory) -> Result<(), QueryRefused> {
        let units = directory.org_units();
        let path = if path.len() > 1 {
            path.trim_end_matches('/')
        } else {
            path
        };
        let unit = units.find(path).ok_or(QueryRefused::UnknownOrgUnit)?;
        let mut subtree = units.subtree(unit);
        if let Some(present) = &self.org_units {
            subtree.retain(|unit| present.contains(unit));
        }
        self.org_units = Some(subtree);
        Ok(())
    }
}

enum Raw<'a> {
    Comparison {
        field: &'a str,
        operator: char,
        value: String,
    },
    Word(String),
}

/// Splits off one clause: `field=value`, `field:'a value'` or a word.
fn next_clause(text: &str) -> Result<(Raw<'_>, &str), QueryRefused> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .unwrap_or(text.len());
    let (field, rest) = text.split_at(end);
    let operator = rest.chars().next();
    match operator {
        Some(operator @ ('=' | ':')) if !field.is_empty() => {
            let (value, rest) = next_value(rest.get(1..).unwrap_or_default())?;
            Ok((
                Raw::Comparison {
                    field,
                    operator,
                    value,
                },
                rest,
            ))
        }
        Some('<' | '>') => Err(QueryRefused::Invalid),
        _ => {
            let (word, rest) = next_value(text)?;
            Ok((Raw::Word(word), rest))
        }
    }
}

/// A value up to the next blank, or in quotes with `\'` for a quote.
fn next_value(text: &str) -> Result<(String, &str), QueryRefused> {
    let Some(quote @ ('\'' | '"')) = text.chars().next() else {
        let end = text.find(' ').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        let bad = value.is_empty() || value.contains(['\'', '"']);
        return if bad {
            Err(QueryRefused::Invalid)
        } else {
            Ok((value.to_owned(), rest))
        };
    };
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((position, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            end if end == quote => {
                let mut rest = text.get(position + 1..).unwrap_or_default();
                // A prefix of several words: 'two words'*.
                if let Some(after) = rest.strip_prefix('*') {
                    value.push('*');
                    rest = after;
                }
                let separated = rest.is_empty() || rest.starts_with(' ');
                return if separated {
                    Ok((value, rest))
                } else {
                    Err(QueryRefused::Invalid)
                };
            }
            other => value.push(other),
        }
    }
    Err(QueryRefused::Invalid)
}

fn comparison(field: &str, operator: char, value: &str) -> Result<Clause, QueryRefused> {
    let among = |known: &'static [&'static str]| known.iter().find(|name| **name == field).copied();
    if let Some(field) = among(&FLAGS) {
        return match (operator, value) {
            ('=', "true") => Ok(Clause::Flag { field, value: true }),
            ('=', "false") => Ok(Clause::Flag {
                field,
                value: false,
            }),
            _ => Err(QueryRefused::Invalid),
        };
    }
    if let Some(field) = among(&TEXTS) {
        let value = value.to_lowercase();
        let test = match (operator, value.strip_suffix('*')) {
            ('=', _) => Test::Equals(value),
            (_, Some("")) => return Err(QueryRefused::Invalid),
            (_, Some(prefix)) => Test::Starts(prefix.to_owned()),
            (_, None) => Test::Has(value),
        };
        return Ok(Clause::Text { field, test });
    }
    among(&EMPTY)
        .map(|_| Clause::Never)
        .ok_or(QueryRefused::Invalid)
}

impl Clause {
    fn matches(&self, user: &User, directory: &Directory) -> bool {
        match self {
            Self::Flag { field, value } => flag(field, user, directory) == *value,
            Self::Never => false,
            Self::Text { field, test } => texts(field, user).iter().any(|text| test.holds(text)),
            Self::Word(word) => {
                let starts = |text: &String| text.starts_with(word.as_str());
                ["givenName", "familyName", "email"]
                    .iter()
                    .any(|field| texts(field, user).iter().any(starts))
            }
        }
    }
}

impl Test {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Equals(value) => text == value,
            Self::Has(value) => {
                let separator = |c: char| !c.is_alphanumeric();
                let mut wanted = value.split(separator).filter(|word| !word.is_empty());
                wanted.all(|word| text.split(separator).any(|present| present == word))
            }
            Self::Starts(prefix) => {
                let starts_word = text
                    .split(' ')
                    .any(|word| word.starts_with(prefix.as_str()));
                text.starts_with(prefix.as_str()) || starts_word
            }
        }
    }
}

fn flag(field: &str, user: &User, directory: &Directory) -> bool {
    match field {
        "isAdmin" => directory.role(user.id) == &AdminRole::Super,
        "isArchived" => user.archived,
        "isDelegatedAdmin" => matches!(directory.role(user.id), AdminRole::Delegated(_)),
        "isSuspended" => user.suspended,
        // Only administrators are enrolled.
        _ => directory.role(user.id) != &AdminRole::None,
    }
}

/// The values of a field in lower case.
fn texts(field: &str, user: &User) -> Vec<String> {
    match field {
        "email" => {
            let aliases = user.aliases.iter().map(ToString::to_string);
            std::iter::once(user.email.to_string())
                .chain(aliases)
                .collect()
        }
        "externalId" => user.number.iter().map(u32::to_string).collect(),
        "familyName" => vec![user.family.to_lowercase()],
        "givenName" => vec![user.given.to_lowercase()],
        "name" => vec![format!("{} {}", user.given, user.family).to_lowercase()],
        _ => vec![user.title.to_lowercase()],
    }
}
