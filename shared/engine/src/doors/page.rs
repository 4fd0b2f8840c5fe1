//! Plain pages for administrators: readable without styles, by screen readers and by keyboard.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

/// What pages look like; small, so that it stands in the page.
const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}dt{font-weight:600;margin-top:1rem}a.go{display:inline-block;padding:.6rem 1.2rem;background:#14508c;color:#fff;border-radius:.3rem}";

/// A page: nothing from elsewhere, no scripts, not in frames, no address passed on.
pub(super) fn page(status: StatusCode, title: &str, main: &str) -> http::Response<Bytes> {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title} - Rollcall</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{main}</main></body></html>"
    );
    let mut response = http::Response::new(Bytes::from(html));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Text for use in HTML, in elements and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_can_not_break_out_of_its_element() {
        let response = page(StatusCode::OK, "</title><script>", "");
        let html = std::str::from_utf8(response.body()).unwrap();
        assert!(!html.contains("<script>"), "{html}");
    }
}
