//! Answers of `groups.list`, `groups.get` and `members.list` (PROVIDERS 2.6).
//!
//! A group or a member that can't be read fails its page: to lose one would take people out of
//! scope.

use super::users::{Text, list, malformation, next_page_token};
use crate::fetch::Malformation;
use mapping::ids::ExternalId;
use mapping::issue::{Issue, IssueKind};
use mapping::source::Group;
use serde::Deserialize;

const GROUPS_KIND: &str = "admin#directory#groups";
const MEMBERS_KIND: &str = "admin#directory#members";

/// A group and how to ask for its members.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GroupEntry {
    /// Google's id of the group.
    pub key: String,
    /// Address and name.
    pub group: Group,
    /// How many direct members Google counts; may lag behind.
    pub direct_members: u64,
}

/// One page of groups.
#[derive(Clone, Debug)]
pub struct GroupsPage {
    /// The groups.
    pub groups: Vec<GroupEntry>,
    /// Where the next page begins; `None` on the last one.
    pub next_page_token: Option<String>,
}

/// One page of a group's members.
#[derive(Clone, Debug)]
pub struct MembersPage {
    /// How many entries the page has, of every type.
    pub listed: usize,
    /// The people of the customer.
    pub users: Vec<ExternalId>,
    /// True when everybody of the customer is a member.
    pub has_everyone: bool,
    /// Entries of a type that is not known.
    pub issues: Vec<Issue>,
    /// Where the next page begins; `None` on the last one.
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawGroups<'a> {
    #[serde(borrow, default)]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    next_page_token: Option<Text<'a>>,
    #[serde(default)]
    groups: Option<Vec<RawGroup>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawGroup {
    id: String,
    email: String,
    #[serde(default)]
    name: Option<String>,
    /// A number written as a string (PROVIDERS G19).
    #[serde(default)]
    direct_members_count: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMembers<'a> {
    #[serde(borrow, default)]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    next_page_token: Option<Text<'a>>,
    #[serde(borrow, default)]
    members: Option<Vec<RawMember<'a>>>,
}

#[derive(Deserialize)]
struct RawMember<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HasMember {
    is_member: bool,
}

/// Reads a page of `groups.list`.
pub fn parse_groups_page(body: &[u8]) -> Result<GroupsPage, Malformation> {
    let page: RawGroups<'_> = serde_json::from_slice(body).map_err(|e| malformation(&e))?;
    let next_page_token = next_page_token(page.next_page_token);
    let more_follows = next_page_token.is_some();
    let groups = list(page.kind.as_ref(), GROUPS_KIND, page.groups, more_follows)?;
    Ok(GroupsPage {
        groups: groups.into_iter().map(to_entry).collect::<Result<_, _>>()?,
        next_page_token,
    })
}

/// Reads an answer of `groups.get`.
pub fn parse_group(body: &[u8]) -> Result<GroupEntry, Malformation> {
    to_entry(serde_json::from_slice(body).map_err(|e| malformation(&e))?)
}

fn to_entry(raw: RawGroup) -> Result<GroupEntry, Malformation> {
    let count = raw.direct_members_count.as_deref().unwrap_or("0");
    if raw.id.is_empty() || raw.email.is_empty() {
        return Err(Malformation::Shape);
    }
    Ok(GroupEntry {
        key: raw.id,
        group: Group {
            address: raw.email.to_lowercase(),
            name: raw.name.unwrap_or_default(),
        },
        direct_members: count.parse().map_err(|_| Malformation::Shape)?,
    })
}

/// Reads an answer of `members.hasMember`.
pub fn parse_has_member(body: &[u8]) -> Result<bool, Malformation> {
    let answer: HasMember = serde_json::from_slice(body).map_err(|e| malformation(&e))?;
    Ok(answer.is_member)
}

/// Reads a page of `members.list`. Nested groups are skipped, because their members are listed
/// too; so are people of other customers.
pub fn parse_members_page(body: &[u8]) -> Result<MembersPage, Malformation> {
    let raw: RawMembers<'_> = serde_json::from_slice(body).map_err(|e| malformation(&e))?;
    let next_page_token = next_page_token(raw.next_page_token);
    let more_follows = next_page_token.is_some();
    let members = list(raw.kind.as_ref(), MEMBERS_KIND, raw.members, more_follows)?;
    let mut page = MembersPage {
        listed: members.len(),
        users: Vec::with_capacity(members.len()),
        has_everyone: false,
        issues: Vec::new(),
        next_page_token,
    };
    for member in members {
        let id = ExternalId::parse(member.id.0).map_err(|_| Malformation::Shape)?;
        match member.kind.0.as_ref() {
            "USER" => page.users.push(id),
            "CUSTOMER" => page.has_everyone = true,
            "GROUP" | "EXTERNAL" => {}
            _ => page.issues.push(Issue::new(
                IssueKind::MalformedRecord {
                    field: "type".to_owned(),
                },
                Some(id),
                None,
            )),
        }
    }
    Ok(page)
}
