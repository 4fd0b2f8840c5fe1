//! Groups: list and get (PROVIDERS 2.6).

use super::access::check_customer;
use super::call::Context;
use super::users::refused_token;
use super::{known, render};
use crate::google::directory::Group;
use crate::google::json::Object;
use crate::google::page::{PageStart, PageTokens};
use crate::google::reply::{ApiError, Reply};

/// The largest page of groups, and of members.
pub(super) const PAGE_MAX: usize = 200;

pub(super) fn list(context: &Context<'_>) -> Result<Reply, ApiError> {
    let mask = context.mask(&known::GROUPS)?;
    let size = context.page_size(PAGE_MAX, PAGE_MAX)?;
    context.choice("orderBy", &["email"])?;
    let order = context.choice("sortOrder", &["ASCENDING", "DESCENDING"])?;
    let mut groups = selected(context)?;
    groups.sort_by(|one, other| one.email.cmp(&other.email));
    if order == "DESCENDING" {
        groups.reverse();
    }
    let page = OffsetPage::cut(context, &groups, size)?;
    let etag = format!(
        "\"groups-demo/{:x}-{}\"",
        context.directory.generation(),
        page.start.page
    );
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        object.string("kind", "admin#directory#groups");
        object.string("etag", &etag);
        object.objects("groups", page.items, |object, group| {
            render::group(object, group);
        });
        if let Some(next) = &page.next {
            object.string("nextPageToken", next);
        }
    });
    Ok(Reply::bytes(200, body).with("etag", etag))
}

/// The groups a request is about, unordered.
fn selected<'a>(context: &Context<'a>) -> Result<Vec<&'a Group>, ApiError> {
    let directory = context.directory;
    let asks = (
        context.parameter("userKey"),
        context.parameter("customer"),
        context.parameter("domain"),
    );
    let mut groups: Vec<&Group> = match asks {
        (Some(key), None, _) => {
            let member = directory
                .member_key(key)
                .ok_or_else(|| ApiError::not_found("userKey"))?;
            directory
                .groups()
                .filter(|group| group.members.contains_key(&member))
                .collect()
        }
        (None, Some(customer), _) => {
            check_customer(customer)?;
            directory.groups().collect()
        }
        (None, None, Some(domain)) => {
            if !directory.domains().iter().any(|own| own == domain) {
                return Err(ApiError::new(404, "notFound", "Domain not found."));
            }
            directory
                .groups()
                .filter(|group| group.email.ends_with(&format!("@{domain}")))
                .collect()
        }
        _ => return Err(ApiError::new(400, "badRequest", "Bad Request")),
    };
    if let Some(query) = context.parameter("query") {
        let keep = group_query(query)?;
        groups.retain(|group| keep(group));
    }
    Ok(groups)
}

/// `email:x*`, `email=x`, `name:x*` or `name=x`, with or without quotes.
fn group_query(query: &str) -> Result<impl Fn(&Group) -> bool, ApiError> {
    let invalid = || ApiError::invalid("query");
    let at = query.find(['=', ':']).ok_or_else(invalid)?;
    let (field, value) = query.split_at(at);
    let by_name = match field {
        "name" => true,
        "email" => false,
        _ => return Err(invalid()),
    };
    let value = value.get(1..).unwrap_or_default();
    let (value, is_prefix) = value
        .strip_suffix('*')
        .map_or((value, false), |value| (value, true));
    let value = value.trim_matches('\'').to_lowercase();
    if value.is_empty() {
        return Err(invalid());
    }
    Ok(move |group: &Group| {
        let text = if by_name {
            group.name.to_lowercase()
        } else {
            group.email.to_string()
        };
        if is_prefix {
            text.starts_with(&value)
        } else {
            text == value
        }
    })
}

pub(super) fn get(context: &Context<'_>, key: &str) -> Result<Reply, ApiError> {
    let mask = context.mask(&known::GROUP)?;
    let group = context
        .directory
        .group(key)
        .ok_or_else(|| ApiError::not_found("groupKey"))?;
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| render::group(object, group));
    Ok(Reply::bytes(200, body).with("etag", render::group_etag(group)))
}

/// A page of a listing that goes on by count.
pub(super) struct OffsetPage<'a, T> {
    pub(super) items: &'a [T],
    pub(super) start: PageStart,
    pub(super) next: Option<String>,
}

impl<'a, T> OffsetPage<'a, T> {
    pub(super) fn cut(context: &Context<'_>, all: &'a [T], size: usize) -> Result<Self, ApiError> {
        let request = context.request();
        let start = match context.parameter("pageToken") {
            None => PageStart::first(),
            Some(token) => {
                PageTokens::read(token, request, context.now_ms).map_err(refused_token)?
            }
        };
        let from = usize::try_from(start.after_id)
            .unwrap_or(usize::MAX)
            .min(all.len());
        let to = (from + size).min(all.len());
        let next = (to < all.len()).then(|| {
            let next = PageStart {
                page: start.page + 1,
                after: String::new(),
                after_id: u64::try_from(to).unwrap_or(u64::MAX),
            };
            context.tokens.issue(next, request, context.now_ms)
        });
        let items = all.get(from..to).unwrap_or_default();
        Ok(Self { items, start, next })
    }
}
