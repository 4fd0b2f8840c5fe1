//! Clever's error bodies (PROVIDERS 4.6).

use serde_json::json;

pub(super) use crate::reply::Reply;

/// An error of the data host.
pub(super) fn message(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message }))
}

/// A value that a parameter may not have.
pub(super) fn bad_parameter(name: &str) -> Reply {
    message(400, &format!("Invalid value for parameter: {name}"))
}

/// No such record, or one that is not shared.
pub(super) fn not_found() -> Reply {
    message(404, "Resource not found")
}

/// A token that does not work, or not here.
pub(super) fn unauthorized() -> Reply {
    message(401, "Unauthorized")
}

/// A token that works, for something else. Clever is not clear about 401 and 403.
pub(super) fn out_of_scope() -> Reply {
    message(403, "Resource not in token's scopes")
}

/// An error of the OAuth host.
pub(super) fn oauth_error(status: u16, error: &str, description: &str) -> Reply {
    let body = json!({ "error": error, "error_description": description });
    Reply::json(status, &body)
}

/// A page for people, whoever asked.
pub(super) fn page(status: u16, title: &str) -> Reply {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1>"
    );
    Reply::html(status, page)
}

/// The page of a path that is nothing.
pub(super) fn no_such_path() -> Reply {
    page(404, "Page not found")
}
