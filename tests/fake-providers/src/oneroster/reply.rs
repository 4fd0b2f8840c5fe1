//! Answers that are no JSON.

use crate::reply::Reply;

const TEXT: &str = "text/plain; charset=utf-8";

/// A line of text.
pub(super) fn text(status: u16, text: &str) -> Reply {
    Reply {
        content_type: TEXT,
        ..Reply::bytes(status, text.as_bytes().to_vec())
    }
}

/// A page of what stands before the server, or of a path that is nothing.
pub(super) fn page(status: u16, title: &str) -> Reply {
    let page =
        format!("<!DOCTYPE html><html><title>{title}</title><body><h1>{title}</h1></body></html>");
    Reply::html(status, page)
}

/// The page on which people sign in, as a server sends it to programs too.
pub(super) fn sign_in_page(status: u16) -> Reply {
    let page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>\
                <form method=\"post\"><label>User name <input name=\"username\"></label>\
                <label>Password <input name=\"password\" type=\"password\"></label></form></body></html>";
    Reply::html(status, page.to_owned())
}
