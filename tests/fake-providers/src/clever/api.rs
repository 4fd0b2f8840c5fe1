//! The data host: lists, records and events (PROVIDERS 4.4, 4.5).

mod list;
mod page;
mod query;
mod route;

use super::events::Events;
use super::exchange::Exchange;
use super::id::ObjectId;
use super::reply::{Reply, message, not_found, out_of_scope, unauthorized};
use super::roster::{Kind, Role, Roster, Version};
use page::Listing;
pub(super) use page::{Pages, Shape};
use query::Query;
pub(super) use route::Route;

/// What a token may be used for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Grant {
    /// Everything of the district, if it shares its rosters; else only the district itself.
    District { secure_sync: bool },
    /// Who signed in.
    User(ObjectId),
}

/// What an answer is made of.
pub(super) struct Context<'a> {
    pub(super) roster: &'a Roster,
    pub(super) events: Option<&'a Events>,
    pub(super) exchange: &'a Exchange,
    pub(super) grant: &'a Grant,
    pub(super) shape: Shape,
    pub(super) pages: &'a Pages,
}

/// Answers a request of somebody who holds a token.
pub(super) fn answer(context: &Context<'_>, version: Version, route: &Route) -> Reply {
    match check(context, route) {
        Ok(()) => reply(context, version, route).unwrap_or_else(|refusal| refusal),
        Err(refusal) => refusal,
    }
}

/// Whether the token is for this (PROVIDERS 4.1).
fn check(context: &Context<'_>, route: &Route) -> Result<(), Reply> {
    match (context.grant, route) {
        (Grant::District { .. }, Route::Me) => Err(unauthorized()),
        (Grant::District { secure_sync: true }, _)
        | (
            Grant::District { secure_sync: false },
            Route::List(Kind::Districts) | Route::Item(Kind::Districts, _),
        )
        | (
            Grant::User(_),
            Route::Me | Route::Item(Kind::Districts | Kind::Schools | Kind::Users, _),
        ) => Ok(()),
        (Grant::District { secure_sync: false } | Grant::User(_), _) => Err(out_of_scope()),
    }
}

fn reply(context: &Context<'_>, version: Version, route: &Route) -> Result<Reply, Reply> {
    match route {
        Route::Me => me(context, version),
        Route::List(kind) => {
            let query = Query::read(context.exchange, route)?;
            let role = query.role;
            let listing = Listing::new(*kind, context.roster.ids(*kind, role));
            Ok(page::answer(context, version, &query, &listing))
        }
        Route::Item(kind, id) => {
            let id = item(context, *kind, id)?;
            page::single(context, version, *kind, id)
        }
        Route::Sub(kind, id, sub) => {
            let query = Query::read(context.exchange, route)?;
            let id = item(context, *kind, id)?;
            match list::of(context.roster, *kind, id, sub, &query) {
                Some(list::Found::Many(listing)) => {
                    Ok(page::answer(context, version, &query, &listing))
                }
                Some(list::Found::One(kind, id)) => page::single(context, version, kind, id),
                None => Err(not_found()),
            }
        }
        Route::Events => {
            let query = Query::read(context.exchange, route)?;
            page::events(context, version, &query)
        }
        Route::Event(id) => page::event(context, version, ObjectId::parse(id)),
    }
}

/// The record of an id that the token may see.
fn item(context: &Context<'_>, kind: Kind, id: &str) -> Result<ObjectId, Reply> {
    let id = ObjectId::parse(id).ok_or_else(not_found)?;
    let may_see = match (context.grant, kind) {
        (Grant::District { .. }, _) | (Grant::User(_), Kind::Districts) => true,
        (Grant::User(own), Kind::Users) => *own == id,
        (Grant::User(own), _) => {
            let user = context.roster.user(*own);
            user.is_some_and(|user| user.schools().any(|school| school == id))
        }
    };
    if may_see && context.roster.is_shown(kind, id) {
        Ok(id)
    } else {
        Err(not_found())
    }
}

/// Who the token is for.
fn me(context: &Context<'_>, version: Version) -> Result<Reply, Reply> {
    let Grant::User(user) = context.grant else {
        return Err(unauthorized());
    };
    if !context.roster.is_shown(Kind::Users, *user) {
        return Err(not_found());
    }
    let district = context.roster.district().id;
    let prefix = version.prefix();
    let body = serde_json::json!({
        "type": "user",
        "data": {
            "id": user, "district": district, "type": "user", "authorized_by": "district",
        },
        "links": [
            { "rel": "self", "uri": "/me" },
            { "rel": "canonical", "uri": format!("{prefix}/users/{user}") },
            { "rel": "district", "uri": format!("{prefix}/districts/{district}") },
        ],
    });
    Ok(Reply::json(200, &body))
}

/// Events are not switched on for the application.
fn no_events() -> Reply {
    message(403, "Events are not enabled for this application")
}

/// The roles which a list can be asked for.
fn roles_of(kind: Kind, sub: &str) -> &'static [Role] {
    match (kind, sub) {
        (Kind::Users, "") => &Role::ALL,
        (Kind::Schools, "users") => &[Role::Staff, Role::Student, Role::Teacher],
        (Kind::Sections | Kind::Resources, "users") => &[Role::Student, Role::Teacher],
        _ => &[],
    }
}
