//! Classes, and the schools that a connection shows.

use super::call::{Call, List};
use crate::doors::json;
use crate::fetching;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::roster::Reader;
use bytes::Bytes;
use http::StatusCode;
use jiff::civil::Date;
use mapping::account::Role;
use mapping::ids::{AccountId, ConnectionId, ExternalId};
use mapping::schooling::{Class, ClassMember, School, SchoolKind};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

type Answer = Result<http::Response<Bytes>, Problem>;

/// A class as it is sent.
#[derive(Serialize)]
struct ShownClass {
    connection: ConnectionId,
    id: ExternalId,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    school: Option<ExternalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    course: Option<ExternalId>,
    sessions: BTreeSet<ExternalId>,
    grades: BTreeSet<String>,
    subjects: BTreeSet<String>,
    periods: BTreeSet<String>,
    member_count: usize,
    /// Only with a single class.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<ShownMember>>,
}

/// Somebody's place in a class as it is sent.
#[derive(Serialize)]
struct ShownMember {
    person: ExternalId,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    role: Role,
    primary: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    begins_on: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_on: Option<Date>,
}

/// A school as it is sent.
#[derive(Serialize)]
struct ShownSchool {
    id: ExternalId,
    name: String,
    kind: SchoolKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<ExternalId>,
}

impl From<School> for ShownSchool {
    fn from(school: School) -> Self {
        Self {
            id: school.id,
            name: school.name,
            kind: school.kind,
            identifier: school.identifier,
            parent: school.parent,
        }
    }
}

fn shown(connection: ConnectionId, class: Class, members: Option<Vec<ShownMember>>) -> ShownClass {
    ShownClass {
        connection,
        id: class.id,
        title: class.title,
        code: class.code,
        school: class.school,
        course: class.course,
        sessions: class.sessions,
        grades: class.grades,
        subjects: class.subjects,
        periods: class.periods,
        member_count: class.members.len(),
        members,
    }
}

/// All classes of all connections page by page, without their members.
pub(super) async fn list<P: Ports>(call: &Call<'_, P>) -> Answer {
    let reader = Reader::open(call.ports, call.tenant()?).await?;
    let cursor = call.query("cursor");
    let from = match cursor.as_deref() {
        Some(cursor) => Some(parse_cursor(cursor)?),
        None => None,
    };
    let limit = call.limit()?;
    let (classes, next) = reader.classes(call.ports, from, limit).await?;
    let items = classes.into_iter();
    let items = items.map(|(connection, class)| shown(connection, class, None));
    let list = List {
        items: items.collect(),
        next: next.map(|(connection, id)| format!("{connection}/{id}")),
    };
    Ok(json(StatusCode::OK, &list))
}

fn parse_cursor(cursor: &str) -> Result<(ConnectionId, ExternalId), Problem> {
    let parts = cursor.split_once('/').and_then(|(connection, id)| {
        let connection = ConnectionId::parse(connection).ok()?;
        Some((connection, ExternalId::parse(id).ok()?))
    });
    parts.ok_or_else(|| Problem {
        kind: Kind::BadRequest,
        ..Problem::field("cursor", "is not one that this list gave")
    })
}

/// One class, with everybody in it and their accounts.
pub(super) async fn read<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let id = external_id(call.parameters.text("class").unwrap_or_default())?;
    let reader = Reader::open(call.ports, call.tenant()?).await?;
    let class = reader.class(call.ports, &connection, &id).await?;
    let mut class = class.ok_or_else(Problem::not_found)?;
    let people: BTreeSet<&ExternalId> =
        (class.members.iter().map(|member| &member.person)).collect();
    let accounts = reader.accounts_of(call.ports, &connection, &people).await?;
    let members = std::mem::take(&mut class.members);
    let count = members.len();
    let members = members.into_iter().map(|member| with(&accounts, member));
    let shown = ShownClass {
        member_count: count,
        ..shown(connection, class, Some(members.collect()))
    };
    Ok(json(StatusCode::OK, &shown))
}

fn with(accounts: &BTreeMap<ExternalId, AccountId>, member: ClassMember) -> ShownMember {
    ShownMember {
        account: accounts.get(&member.person).cloned(),
        person: member.person,
        role: member.role,
        primary: member.primary,
        begins_on: member.begins_on,
        ends_on: member.ends_on,
    }
}

/// A provider's id from the path. One that can't be an id names nothing.
fn external_id(text: &str) -> Result<ExternalId, Problem> {
    let decoded = percent_decode_str(text).decode_utf8();
    let id = decoded.ok().and_then(|id| ExternalId::parse(id).ok());
    id.ok_or_else(Problem::not_found)
}

/// The schools of a connection as they were read last, mapped or not.
pub(super) async fn schools<P: Ports>(call: &Call<'_, P>) -> Answer {
    let connection: ConnectionId = call.id("connection")?;
    let tenant = call.tenant()?;
    let found = crate::connections::read(call.ports, tenant, &connection).await?;
    found.ok_or_else(Problem::not_found)?;
    let schools = fetching::schools_last_read(call.ports, tenant, &connection).await?;
    let items: Vec<ShownSchool> = schools.into_iter().map(ShownSchool::from).collect();
    Ok(json(StatusCode::OK, &List { items, next: None }))
}
