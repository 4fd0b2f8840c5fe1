//! Members of groups (PROVIDERS 2.6).

use std::sync::Arc;

use super::call::Context;
use super::groups::{OffsetPage, PAGE_MAX};
use super::{known, render};
use crate::google::directory::{Group, Member, MemberKey};
use crate::google::json::Object;
use crate::google::reply::{ApiError, Reply};

fn group<'a>(context: &Context<'a>, key: &str) -> Result<&'a Group, ApiError> {
    context
        .directory
        .group(key)
        .ok_or_else(|| ApiError::not_found("groupKey"))
}

pub(super) fn list(context: &Context<'_>, key: &str) -> Result<Reply, ApiError> {
    let mask = context.mask(&known::MEMBERS)?;
    let size = context.page_size(PAGE_MAX, PAGE_MAX)?;
    let derived = context.boolean("includeDerivedMembership")?;
    let group = group(context, key)?;
    let mut members = context.directory.members_of(group, derived);
    if let Some(roles) = context.parameter("roles") {
        let roles: Vec<&str> = roles.split(',').map(str::trim).collect();
        let known = |role: &str| ["OWNER", "MANAGER", "MEMBER"].contains(&role);
        if !roles.iter().all(|role| known(role)) {
            return Err(ApiError::invalid("roles"));
        }
        members.retain(|member| roles.contains(&member.role.as_str()));
    }
    members.sort_by_cached_key(|member| address(context, member));
    let page = OffsetPage::cut(context, &members, size)?;
    let etag = format!(
        "\"members-demo/{:x}-{}\"",
        context.directory.generation(),
        page.start.page
    );
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        object.string("kind", "admin#directory#members");
        object.string("etag", &etag);
        object.objects("members", page.items, |object, member| {
            render::member(object, member, context.directory);
        });
        if let Some(next) = &page.next {
            object.string("nextPageToken", next);
        }
    });
    Ok(Reply::bytes(200, body).with("etag", etag))
}

/// By what members are ordered; the whole customer has no address.
fn address(context: &Context<'_>, member: &Member) -> Option<Arc<str>> {
    let directory = context.directory;
    match &member.key {
        MemberKey::Customer => None,
        MemberKey::External(email) => Some(Arc::clone(email)),
        MemberKey::Group(id) => directory.group(id).map(|group| Arc::clone(&group.email)),
        MemberKey::User(id) => directory
            .user_by_id(*id)
            .map(|user| Arc::clone(&user.email)),
    }
}

pub(super) fn get(context: &Context<'_>, key: &str, member: &str) -> Result<Reply, ApiError> {
    let mask = context.mask(&known::MEMBER)?;
    let group = group(context, key)?;
    let not_found = || ApiError::not_found("memberKey");
    let key = context.directory.member_key(member).ok_or_else(not_found)?;
    let role = *group.members.get(&key).ok_or_else(not_found)?;
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        render::member(object, &Member { key, role }, context.directory);
    });
    Ok(Reply::bytes(200, body))
}

pub(super) fn has_member(
    context: &Context<'_>,
    key: &str,
    member: &str,
) -> Result<Reply, ApiError> {
    let mask = context.mask(&known::HAS_MEMBER)?;
    let group = group(context, key)?;
    let member = context
        .directory
        .member_key(member)
        .ok_or_else(|| ApiError::not_found("memberKey"))?;
    let is_member = match &member {
        MemberKey::Customer | MemberKey::External(_) => return Err(ApiError::invalid("memberKey")),
        MemberKey::Group(_) => context
            .directory
            .members_of(group, true)
            .iter()
            .any(|inside| inside.key == member),
        MemberKey::User(id) => context.directory.is_member(group, *id),
    };
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        object.boolean("isMember", is_member);
    });
    Ok(Reply::bytes(200, body))
}
