//! The pages.

use serde_json::Value;

/// Who is signed in, or that nobody is.
pub(crate) fn home(claims: Option<&Value>) -> String {
    let Some(claims) = claims else {
        return document(
            "<p id=\"nobody\">Nobody is signed in.</p><p><a id=\"login\" href=\"/login\">Sign in</a></p>",
        );
    };
    let text = |name: &str| escape(claims.get(name).and_then(Value::as_str).unwrap_or_default());
    let organizations = list(claims, "organizations");
    let schools = organizations
        .iter()
        .filter_map(|organization| organization.get("name"));
    document(&format!(
        "<p>Signed in as <b id=\"name\">{}</b></p><p>Subject: <code id=\"subject\">{}</code></p>\
         <p>District: <span id=\"tenant\">{}</span></p><p>Roles: <span id=\"roles\">{}</span></p>\
         <p>Schools: <span id=\"schools\">{}</span></p>\
         <p><a id=\"logout\" href=\"/logout\">Sign out</a></p>",
        text("name"),
        text("sub"),
        text("tenant"),
        joined(list(claims, "roles").iter()),
        joined(schools),
    ))
}

/// What went wrong.
pub(crate) fn failed(reason: &str) -> String {
    document(&format!(
        "<p id=\"failed\">{}</p><p><a href=\"/\">Back</a></p>",
        escape(reason)
    ))
}

fn list<'a>(claims: &'a Value, name: &str) -> &'a [Value] {
    let list = claims.get(name).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn joined<'a>(texts: impl Iterator<Item = &'a Value>) -> String {
    let texts: Vec<String> = texts.filter_map(Value::as_str).map(escape).collect();
    texts.join(", ")
}

fn document(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Demo application</title>\
         <h1>Demo application</h1>{body}"
    )
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
