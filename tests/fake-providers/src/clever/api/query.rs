//! The parameters of a list, read as strictly as Clever reads them.
//!
//! A parameter that a list does not know is ignored, like everywhere at Clever.

use std::collections::BTreeSet;

use super::{Route, roles_of};
use crate::clever::exchange::Exchange;
use crate::clever::id::ObjectId;
use crate::clever::reply::{Reply, bad_parameter, message};
use crate::clever::roster::{Kind, Role};

/// How many records a page has when nobody says.
const LIMIT_DEFAULT: usize = 100;

/// How many a page may have.
const LIMIT_MAX: usize = 10_000;

/// Where a page lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    After(ObjectId),
    Before(ObjectId),
    First,
    Last,
}

/// What a list is asked for.
#[derive(Clone, Debug)]
pub(super) struct Query {
    /// None for what comes in one piece.
    pub(super) limit: Option<usize>,
    pub(super) place: Place,
    pub(super) count: bool,
    pub(super) primary: bool,
    pub(super) role: Option<Role>,
    pub(super) record_types: BTreeSet<Kind>,
    pub(super) school: Option<ObjectId>,
}

impl Query {
    pub(super) fn read(exchange: &Exchange, route: &Route) -> Result<Self, Reply> {
        let known = route.parameters();
        let given = |name: &'static str| {
            let value = exchange.parameter(name).filter(|_| known.contains(&name));
            value.map(|value| (name, value))
        };
        let limit = match given("limit") {
            None => LIMIT_DEFAULT,
            Some((name, value)) => limit(value).ok_or_else(|| bad_parameter(name))?,
        };
        if limit > LIMIT_MAX {
            return Err(message(413, "limit may be at most 10000"));
        }
        let place = match (given("starting_after"), given("ending_before")) {
            (None, None) => Place::First,
            (Some((name, value)), None) => Place::After(id(name, value)?),
            (None, Some((_, "last"))) => Place::Last,
            (None, Some((name, value))) => Place::Before(id(name, value)?),
            (Some(_), Some((name, _))) => return Err(bad_parameter(name)),
        };
        let allowed = match route {
            Route::List(kind) => roles_of(*kind, ""),
            Route::Sub(kind, _, sub) => roles_of(*kind, sub),
            Route::Event(_) | Route::Events | Route::Item(..) | Route::Me => &[],
        };
        let role = given("role").map(|(name, value)| {
            let role = Role::parse(value).filter(|role| allowed.contains(role));
            role.ok_or_else(|| bad_parameter(name))
        });
        let school = given("school").map(|(name, value)| id(name, value));
        Ok(Self {
            limit: known.contains(&"limit").then_some(limit),
            place,
            count: flag(given("count"))?,
            primary: flag(given("primary"))?,
            role: role.transpose()?,
            record_types: record_types(exchange, &known)?,
            school: school.transpose()?,
        })
    }
}

fn limit(value: &str) -> Option<usize> {
    value.parse().ok().filter(|limit| *limit > 0)
}

fn id(name: &str, value: &str) -> Result<ObjectId, Reply> {
    ObjectId::parse(value).ok_or_else(|| bad_parameter(name))
}

fn flag(given: Option<(&str, &str)>) -> Result<bool, Reply> {
    match given {
        None | Some((_, "false")) => Ok(false),
        Some((_, "true")) => Ok(true),
        Some((name, _)) => Err(bad_parameter(name)),
    }
}

/// The kinds of a parameter that may be there more than once.
fn record_types(exchange: &Exchange, known: &[&str]) -> Result<BTreeSet<Kind>, Reply> {
    let name = "record_type";
    if !known.contains(&name) {
        return Ok(BTreeSet::new());
    }
    let given = exchange.pairs.iter().filter(|(given, _)| given == name);
    given
        .map(|(_, value)| Kind::parse(value).ok_or_else(|| bad_parameter(name)))
        .collect()
}
