//! Users: list and get (PROVIDERS 2.1 to 2.3).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use super::access::{check_customer, visible_units};
use super::call::Context;
use super::known;
use super::render::{self, Projection};
use crate::google::directory::{OrderBy, User, UserOrder, UserSlot};
use crate::google::json::Object;
use crate::google::page::{PageStart, PageTokens, TokenRefused, digest};
use crate::google::query::{Query, QueryRefused};
use crate::google::reply::{ApiError, Reply};
use crate::lock::lock;

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 500;

/// How many listings are remembered: more than the org units a sync walks side by side.
const LISTINGS_MAX: usize = 512;

/// The directory's generation and the request.
type ListingKey = (u64, u64);

/// Who is in a listing and in which order, remembered from page to page until the directory
/// changes.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    kept: Mutex<BTreeMap<ListingKey, Arc<[UserSlot]>>>,
}

impl Listings {
    fn get(
        &self,
        generation: u64,
        request: u64,
        list: impl FnOnce() -> Vec<UserSlot>,
    ) -> Arc<[UserSlot]> {
        if let Some(slots) = lock(&self.kept).get(&(generation, request)) {
            return Arc::clone(slots);
        }
        let slots: Arc<[UserSlot]> = list().into();
        let mut kept = lock(&self.kept);
        kept.retain(|(kept_generation, _), _| *kept_generation == generation);
        if kept.len() >= LISTINGS_MAX {
            kept.pop_first();
        }
        kept.insert((generation, request), Arc::clone(&slots));
        slots
    }
}

/// What a page token is bound to: the path, the caller and every parameter but those that may
/// change from page to page.
pub(crate) fn request_of(path: &str, caller: &str, parameters: &BTreeMap<String, String>) -> u64 {
    let mut text = format!("{caller} {path}");
    for (name, value) in parameters {
        let may_change = [
            "access_token",
            "fields",
            "maxResults",
            "pageToken",
            "prettyPrint",
            "quotaUser",
        ];
        if !may_change.contains(&name.as_str()) {
            let _ = write!(text, "\n{name}={value}");
        }
    }
    digest(text.as_bytes())
}

pub(super) fn refused_token(refused: TokenRefused) -> ApiError {
    match refused {
        TokenRefused::Expired | TokenRefused::Forged | TokenRefused::OtherRequest => {
            ApiError::invalid("pageToken")
        }
    }
}

/// A checked listing request.
struct Listing {
    domain: Option<String>,
    deleted: bool,
    order: UserOrder,
    public: bool,
    query: Query,
}

impl Listing {
    fn read(context: &Context<'_>) -> Result<Self, ApiError> {
        let domain = scope_of(context)?;
        let by = match context.parameter("orderBy") {
            None => OrderBy::Email,
            Some(_) => match context.choice("orderBy", &["email", "familyName", "givenName"])? {
                "familyName" => OrderBy::FamilyName,
                "givenName" => OrderBy::GivenName,
                _ => OrderBy::Email,
            },
        };
        let order = context.choice("sortOrder", &["ASCENDING", "DESCENDING"])?;
        context.choice(
            "event",
            &["add", "delete", "makeAdmin", "undelete", "update"],
        )?;
        let query = Query::parse(
            context.parameter("query").unwrap_or_default(),
            context.directory,
        );
        Ok(Self {
            domain,
            deleted: context.boolean("showDeleted")?,
            order: UserOrder {
                by,
                descending: order == "DESCENDING",
            },
            public: is_public_view(context)?,
            query: query.map_err(|refused| match refused {
                QueryRefused::Invalid => ApiError::invalid("query"),
                QueryRefused::UnknownOrgUnit => ApiError::invalid("INVALID_OU_ID"),
            })?,
        })
    }

    fn keeps(&self, user: &User, context: &Context<'_>) -> bool {
        let in_domain = self.domain.as_ref().is_none_or(|domain| {
            let own = user.email.rsplit('@').next();
            own == Some(domain.as_str())
        });
        in_domain && self.query.matches(user, context.directory)
    }

    fn slots(&self, context: &Context<'_>) -> Vec<UserSlot> {
        let visible = visible_units(context.caller, context.directory);
        let within = match (self.query.org_units(), visible) {
            (Some(asked), Some(visible)) => Some(
                asked
                    .iter()
                    .filter(|unit| visible.contains(unit))
                    .copied()
                    .collect(),
            ),
            (Some(asked), None) => Some(asked.to_vec()),
            (None, visible) => visible,
        };
        let keep = |user: &User| self.keeps(user, context);
        context
            .directory
            .listed(within.as_deref(), self.order, keep)
    }
}

/// The domain to which a listing is limited; none for the whole customer.
pub(crate) fn scope_of(context: &Context<'_>) -> Result<Option<String>, ApiError> {
    match (context.parameter("customer"), context.parameter("domain")) {
        (Some(customer), _) => check_customer(customer).map(|()| None),
        (None, Some(domain)) => {
            let domain = domain.to_lowercase();
            let own = context.directory.domains().contains(&domain);
            if own {
                Ok(Some(domain))
            } else {
                Err(ApiError::new(404, "notFound", "Domain not found."))
            }
        }
        (None, None) => Err(ApiError::new(400, "badRequest", "Bad Request")),
    }
}

fn is_public_view(context: &Context<'_>) -> Result<bool, ApiError> {
    Ok(context.choice("viewType", &["admin_view", "domain_public"])? == "domain_public")
}

fn projection(context: &Context<'_>) -> Result<Projection, ApiError> {
    let schemas = context.parameter("customFieldMask");
    match context.choice("projection", &["basic", "custom", "full"])? {
        "full" => Ok(Projection::Full),
        "custom" => {
            let schemas = schemas.ok_or_else(|| ApiError::invalid("custom_field_mask"))?;
            Ok(Projection::Custom(
                schemas.split(',').map(str::to_owned).collect(),
            ))
        }
        _ => Ok(Projection::Basic),
    }
}

pub(super) fn list(context: &Context<'_>) -> Result<Reply, ApiError> {
    let mask = context.mask(&known::USERS)?;
    let size = context.page_size(PAGE_DEFAULT, PAGE_MAX)?;
    let projection = projection(context)?;
    let listing = Listing::read(context)?;
    let request = context.request();
    let start = match context.parameter("pageToken") {
        None => PageStart::first(),
        Some(token) => PageTokens::read(token, request, context.now_ms).map_err(refused_token)?,
    };
    let page = if listing.deleted {
        deleted_page(context, &listing, &start, size)
    } else {
        live_page(context, &listing, &start, size, request)
    };
    let next = page.last().filter(|_| page.has_more).map(|last| {
        let next = PageStart {
            page: start.page + 1,
            after: listing.order.key(last),
            after_id: last.id.number(),
        };
        context.tokens.issue(next, request, context.now_ms)
    });
    let etag = format!(
        "\"users-demo/{:x}-{request:x}-{}\"",
        context.directory.generation(),
        start.page
    );
    let mut body = Vec::with_capacity(size * 512);
    Object::write(&mut body, &mask, |object| {
        object.string("kind", "admin#directory#users");
        object.string("etag", &etag);
        object.objects("users", &page.users, |object, user| {
            if listing.deleted {
                render::deleted_user(object, user);
            } else if listing.public {
                render::public_user(object, user);
            } else {
                render::user(object, user, context.directory, &projection);
            }
        });
        if let Some(next) = &next {
            object.string("nextPageToken", next);
        }
    });
    Ok(Reply::bytes(200, body).with("etag", etag))
}

struct Page<'a> {
    users: Vec<&'a User>,
    has_more: bool,
}

impl<'a> Page<'a> {
    fn last(&self) -> Option<&'a User> {
        self.users.last().copied()
    }
}

fn is_past(listing: &Listing, user: &User, start: &PageStart) -> bool {
    start.after.is_empty()
        || listing.order.compare(user, &start.after, start.after_id) == Ordering::Greater
}

fn live_page<'a>(
    context: &Context<'a>,
    listing: &Listing,
    start: &PageStart,
    size: usize,
    request: u64,
) -> Page<'a> {
    let directory = context.directory;
    let slots = context
        .listings
        .get(directory.generation(), request, || listing.slots(context));
    let from = slots.partition_point(|slot| {
        directory
            .user_at(*slot)
            .is_some_and(|user| !is_past(listing, user, start))
    });
    let rest = slots.get(from..).unwrap_or_default();
    let users = rest
        .iter()
        .take(size)
        .filter_map(|slot| directory.user_at(*slot));
    Page {
        users: users.collect(),
        has_more: rest.len() > size,
    }
}

fn deleted_page<'a>(
    context: &Context<'a>,
    listing: &Listing,
    start: &PageStart,
    size: usize,
) -> Page<'a> {
    let deleted = context.directory.deleted_users(context.now_ms);
    let mut users: Vec<&User> = deleted
        .filter(|user| listing.keeps(user, context))
        .filter(|user| is_past(listing, user, start))
        .collect();
    users.sort_by_cached_key(|user| (listing.order.key(user), user.id));
    if listing.order.descending {
        users.reverse();
    }
    let has_more = users.len() > size;
    users.truncate(size);
    Page { users, has_more }
}

pub(super) fn get(context: &Context<'_>, key: &str) -> Result<Reply, ApiError> {
    let mask = context.mask(&known::USER)?;
    let projection = projection(context)?;
    let public = is_public_view(context)?;
    let user = context
        .directory
        .user(key)
        .ok_or_else(|| ApiError::not_found("userKey"))?;
    let visible = visible_units(context.caller, context.directory);
    if visible.is_some_and(|units| !units.contains(&user.org_unit)) {
        return Err(ApiError::forbidden());
    }
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        if public {
            render::public_user(object, user);
        } else {
            render::user(object, user, context.directory, &projection);
        }
    });
    Ok(Reply::bytes(200, body).with("etag", user.etag()))
}
