//! `users.watch` and `channels.stop`.

use serde::Deserialize;
use serde_json::json;

use super::delivery::Parcel;
use super::{Channel, Channels};
use crate::google::api::{Caller, Context, scope_of};
use crate::google::page::digest;
use crate::google::reply::{ApiError, Reply};
use crate::lock::lock;

/// A channel's life in seconds, unless asked for another.
const LIFE_S: i64 = 2 * 3_600;

/// The longest life in seconds.
const LIFE_S_MAX: i64 = 2 * 24 * 3_600;

const ID_BYTES_MAX: usize = 64;
const TOKEN_BYTES_MAX: usize = 256;

/// What is sent; a field that Google does not know is a mistake of ours.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    id: String,
    r#type: String,
    address: String,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    params: Option<Params>,
    #[serde(default)]
    payload: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    ttl: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Stop {
    id: String,
    resource_id: String,
}

/// Opens a channel and sends its first message. `takes_http` as in the configuration.
pub(crate) fn watch(
    channels: &Channels,
    context: &Context<'_>,
    body: &[u8],
    takes_http: bool,
) -> Result<Reply, ApiError> {
    if context.parameter("event").is_none() {
        return Err(ApiError::new(400, "required", "Required parameter: event"));
    }
    let events = ["add", "delete", "makeAdmin", "undelete", "update"];
    let event = context.choice("event", &events)?;
    let domain = scope_of(context)?;
    let asked: Asked = serde_json::from_slice(body)
        .map_err(|error| ApiError::new(400, "parseError", format!("Parse Error: {error}")))?;
    check(&asked, takes_http)?;
    let life_s = match &asked.params {
        None => LIFE_S,
        Some(params) => params
            .ttl
            .parse()
            .ok()
            .filter(|life_s| *life_s > 0)
            .ok_or_else(|| ApiError::invalid("params.ttl"))?,
    };
    let query = match &domain {
        None => "customer=my_customer".to_owned(),
        Some(domain) => format!("domain={domain}"),
    };
    let resource_uri = format!(
        "https://admin.googleapis.com/admin/directory/v1/users?{query}&event={event}&alt=json"
    );
    let channel = Channel {
        id: asked.id,
        token: asked.token,
        address: asked.address,
        event: event.to_owned(),
        domain,
        resource_id: format!("{:016x}-demo", digest(resource_uri.as_bytes())),
        resource_uri,
        payload: asked.payload,
        until_ms: context.now_ms + life_s.min(LIFE_S_MAX) * 1_000,
        owner: owner(context.caller),
        number: 1,
    };
    let answer = json!({
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        "token": channel.token,
        "expiration": channel.until_ms.to_string(),
    });
    let mut registry = lock(&channels.registry);
    if !registry.used.insert(channel.id.clone()) {
        let message = format!("Channel id {} not unique", channel.id);
        return Err(ApiError::new(400, "channelIdNotUnique", message));
    }
    let first = Parcel::new(&channel, "sync", String::new());
    registry.under_way += usize::from(channels.parcels.send(first).is_ok());
    registry.open.insert(channel.id.clone(), channel);
    Ok(Reply::json(200, &answer))
}

fn check(asked: &Asked, takes_http: bool) -> Result<(), ApiError> {
    let is_id = (1..=ID_BYTES_MAX).contains(&asked.id.len())
        && asked
            .id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte));
    if !is_id {
        return Err(ApiError::invalid("id"));
    }
    if asked.r#type != "web_hook" {
        return Err(ApiError::invalid("type"));
    }
    let token = asked.token.as_deref().unwrap_or_default();
    if token.len() > TOKEN_BYTES_MAX {
        return Err(ApiError::invalid("token"));
    }
    let is_local = takes_http && asked.address.starts_with("http://127.0.0.1:");
    if !is_local && !asked.address.starts_with("https://") {
        let message = format!("WebHook callback must be HTTPS: {}", asked.address);
        return Err(ApiError::new(400, "push.webhookUrlNotHttps", message));
    }
    Ok(())
}

/// Closes a channel.
pub(crate) fn stop(
    channels: &Channels,
    context: &Context<'_>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    let asked: Stop = serde_json::from_slice(body)
        .map_err(|error| ApiError::new(400, "parseError", format!("Parse Error: {error}")))?;
    let owner = owner(context.caller);
    let mut registry = lock(&channels.registry);
    let is_theirs = registry.open.get(&asked.id).is_some_and(|channel| {
        channel.resource_id == asked.resource_id
            && channel.owner == owner
            && context.now_ms < channel.until_ms
    });
    if !is_theirs {
        let message = format!("Channel '{}' not found for project", asked.id);
        return Err(ApiError::new(404, "notFound", message));
    }
    registry.open.remove(&asked.id);
    Ok(Reply::empty(204))
}

/// A channel is closed with a token of the same user and project.
fn owner(caller: &Caller) -> String {
    format!("{} {}", caller.client_id, caller.email)
}
