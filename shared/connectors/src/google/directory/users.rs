//! Answers of `users.list` and `users.get` (PROVIDERS 2.1 and 2.3).

use crate::fetch::Malformation;
use mapping::account::Email;
use mapping::ids::ExternalId;
use mapping::issue::{Issue, IssueKind};
use mapping::source::SourceRecord;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Longest given or family name that is kept, in bytes. Google allows 60 characters.
pub const NAME_BYTES_MAX: usize = 256;

const KIND: &str = "admin#directory#users";

/// Text of an answer, borrowed where it has no escapes. `Option<Cow<str>>` alone would always copy.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A user as Google writes it; fields that nobody asked for are skipped.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    primary_email: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Name<'a>>,
    #[serde(borrow, default)]
    org_unit_path: Option<Text<'a>>,
    #[serde(default)]
    suspended: Option<bool>,
    #[serde(default)]
    archived: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name<'a> {
    #[serde(borrow, default)]
    given_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    family_name: Option<Text<'a>>,
}

/// One page of people.
#[derive(Clone, Debug)]
pub struct UsersPage<'a> {
    /// The people that could be read.
    pub people: Vec<Person<'a>>,
    /// Those that could not.
    pub issues: Vec<Issue>,
    /// Where the next page begins; `None` on the last one.
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a, T> {
    #[serde(borrow, default)]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    next_page_token: Option<Text<'a>>,
    #[serde(default = "Option::default")]
    users: Option<Vec<T>>,
}

#[derive(Deserialize)]
struct OnlyId {
    id: String,
}

/// Reads a page of `users.list`. Fails only when the page itself is not one.
pub fn parse_users_page(body: &[u8]) -> Result<UsersPage<'_>, Malformation> {
    if let Ok(page) = serde_json::from_slice::<Page<'_, Person<'_>>>(body) {
        let (users, next_page_token) = check(page)?;
        return Ok(UsersPage {
            people: users,
            issues: Vec::new(),
            next_page_token,
        });
    }
    parse_one_by_one(body)
}

/// The slow way, for a page with something unreadable on it: each user for itself.
fn parse_one_by_one(body: &[u8]) -> Result<UsersPage<'static>, Malformation> {
    let text = String::from_utf8_lossy(body);
    let page: Page<'_, &RawValue> = serde_json::from_str(&text).map_err(|e| malformation(&e))?;
    let (users, next_page_token) = check(page)?;
    let mut people = Vec::with_capacity(users.len());
    let mut issues = Vec::new();
    for user in users {
        if let Ok(person) = serde_json::from_str::<Person<'_>>(user.get()) {
            people.push(person.into_owned());
            continue;
        }
        let id = serde_json::from_str::<OnlyId>(user.get());
        let id = id.ok().and_then(|only| ExternalId::parse(only.id).ok());
        issues.push(Issue::new(malformed("users"), id, None));
    }
    Ok(UsersPage {
        people,
        issues,
        next_page_token,
    })
}

/// An absent list is an empty one (PROVIDERS G18), but only on a last page that says what it is.
fn check<T>(page: Page<'_, T>) -> Result<(Vec<T>, Option<String>), Malformation> {
    let next_page_token = next_page_token(page.next_page_token);
    let users = list(
        page.kind.as_ref(),
        KIND,
        page.users,
        next_page_token.is_some(),
    )?;
    Ok((users, next_page_token))
}

/// An empty token ends a list just as an absent one.
pub(super) fn next_page_token(token: Option<Text<'_>>) -> Option<String> {
    token
        .map(|token| token.0.into_owned())
        .filter(|token| !token.is_empty())
}

/// The list of an answer, empty if that is what the answer can mean.
pub(super) fn list<T>(
    kind: Option<&Text<'_>>,
    kind_wanted: &str,
    list: Option<Vec<T>>,
    more_follows: bool,
) -> Result<Vec<T>, Malformation> {
    match (kind, list) {
        (Some(kind), _) if kind.0 != kind_wanted => Err(Malformation::Shape),
        (_, Some(list)) if !(list.is_empty() && more_follows) => Ok(list),
        (Some(_), None) if !more_follows => Ok(Vec::new()),
        _ => Err(Malformation::MissingList),
    }
}

/// What a failure to read JSON says about the answer.
pub(super) fn malformation(error: &serde_json::Error) -> Malformation {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => Malformation::Truncated,
        Category::Syntax => Malformation::NotJson,
        Category::Data | Category::Io => Malformation::Shape,
    }
}

/// Reads an answer of `users.get`: the person, if readable, and what is wrong with the record.
pub fn parse_user(body: &[u8]) -> Result<(SourceRecord, Vec<Issue>), Malformation> {
    let person: Person<'_> = serde_json::from_slice(body).map_err(|e| malformation(&e))?;
    let mut issues = Vec::new();
    let record = person.to_record(&mut issues).ok_or(Malformation::Shape)?;
    Ok((record, issues))
}

impl Person<'_> {
    /// The immutable id as Google wrote it.
    pub fn id(&self) -> Option<&str> {
        self.id.as_ref().map(|id| id.0.as_ref())
    }

    /// The full path of the org unit.
    pub fn org_unit_path(&self) -> Option<&str> {
        self.org_unit_path.as_ref().map(|path| path.0.as_ref())
    }

    /// The person in our vocabulary, with an issue for each part that can't be taken as it is;
    /// `None` without a usable id.
    pub fn to_record(&self, issues: &mut Vec<Issue>) -> Option<SourceRecord> {
        let external_id = match self.id().map(ExternalId::parse) {
            Some(Ok(external_id)) => external_id,
            Some(Err(_)) => {
                issues.push(Issue::new(malformed("id"), None, None));
                return None;
            }
            None => {
                issues.push(Issue::new(IssueKind::MissingId, None, None));
                return None;
            }
        };
        let mut note = |kind| issues.push(Issue::new(kind, Some(external_id.clone()), None));
        // A missing address is noted by whoever needs one; only here it is known to be a bad one.
        let email = self.primary_email.as_ref().and_then(|text| {
            let email = Email::parse(&text.0);
            if email.is_err() {
                note(IssueKind::BadEmail);
            }
            email.ok()
        });
        let name = self.name.as_ref();
        let given = name.and_then(|name| name.given_name.as_ref());
        let family = name.and_then(|name| name.family_name.as_ref());
        let (given_name, given_cut) = shorten(given);
        let (family_name, family_cut) = shorten(family);
        if given_cut {
            note(malformed("name.givenName"));
        }
        if family_cut {
            note(malformed("name.familyName"));
        }
        let org_unit_path = self.org_unit_path().filter(|path| path.starts_with('/'));
        if org_unit_path.is_none() {
            note(malformed("orgUnitPath"));
        }
        let org_unit_path = org_unit_path.map(str::to_owned);
        Some(SourceRecord {
            email_verified: email.is_some(),
            email,
            username: None,
            given_name,
            family_name,
            org_unit_path,
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            placements: BTreeSet::new(),
            grade: None,
            partial: false,
            suspended: self.suspended.unwrap_or(false) || self.archived.unwrap_or(false),
            external_id,
        })
    }

    fn into_owned(self) -> Person<'static> {
        let own = |text: Option<Text<'_>>| text.map(|text| Text(Cow::Owned(text.0.into_owned())));
        Person {
            id: own(self.id),
            primary_email: own(self.primary_email),
            name: self.name.map(|name| Name {
                given_name: own(name.given_name),
                family_name: own(name.family_name),
            }),
            org_unit_path: own(self.org_unit_path),
            suspended: self.suspended,
            archived: self.archived,
        }
    }
}

fn malformed(field: &str) -> IssueKind {
    IssueKind::MalformedRecord {
        field: field.to_owned(),
    }
}

/// The name, cut at a character, and whether it was cut.
fn shorten(text: Option<&Text<'_>>) -> (String, bool) {
    let text = text.map_or("", |text| text.0.as_ref());
    let end = text.floor_char_boundary(NAME_BYTES_MAX);
    let kept = text.get(..end).unwrap_or_default();
    (kept.to_owned(), kept.len() < text.len())
}
