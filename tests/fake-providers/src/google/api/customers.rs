//! The customer and its domains (PROVIDERS 2.7).

use super::access::check_customer;
use super::call::Context;
use super::{known, render};
use crate::google::directory::CUSTOMER;
use crate::google::json::Object;
use crate::google::reply::{ApiError, Reply};

/// 2019-07-01, when the district came to Google, in milliseconds.
const CUSTOMER_SINCE_MS: i64 = 1_561_939_200_000;

pub(super) fn get(context: &Context<'_>, customer: &str) -> Result<Reply, ApiError> {
    check_customer(customer)?;
    let mask = context.mask(&known::CUSTOMER)?;
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        object.string("kind", "admin#directory#customer");
        object.string("id", CUSTOMER);
        object.string("etag", "\"customer-demo\"");
        object.string("customerDomain", context.directory.primary_domain());
        object.string_with("customerCreationTime", || {
            render::instant(CUSTOMER_SINCE_MS)
        });
        object.string("language", "en");
    });
    Ok(Reply::bytes(200, body).with("etag", "\"customer-demo\""))
}

pub(super) fn domains(context: &Context<'_>, customer: &str) -> Result<Reply, ApiError> {
    check_customer(customer)?;
    let mask = context.mask(&known::DOMAINS)?;
    let primary = context.directory.primary_domain();
    let mut body = Vec::new();
    Object::write(&mut body, &mask, |object| {
        object.string("kind", "admin#directory#domains");
        object.string("etag", "\"domains-demo\"");
        object.objects("domains", context.directory.domains(), |object, domain| {
            object.string("kind", "admin#directory#domain");
            object.string_with("etag", || format!("\"domain-demo/{domain}\""));
            object.string("domainName", domain);
            object.boolean("isPrimary", domain == primary);
            object.boolean("verified", true);
            object.string_with("creationTime", || CUSTOMER_SINCE_MS.to_string());
        });
    });
    Ok(Reply::bytes(200, body).with("etag", "\"domains-demo\""))
}
