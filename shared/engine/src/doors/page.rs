//! Plain pages: readable without styles, by screen readers and by keyboard.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

/// What pages look like; small, so that it stands in the page. Colours have a contrast of at least
/// 4.5 to 1 in light and dark.
const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}dt,label{font-weight:600}dt{margin-top:1rem}label{display:block;margin:1rem 0 .3rem}input{font:inherit;box-sizing:border-box;width:100%;max-width:24rem;padding:.6rem;border:1px solid;border-radius:.3rem}a.go,button{font:inherit;display:inline-block;margin:1rem 0 0;padding:.7rem 1.4rem;background:#14508c;color:#fff;border:1px solid #14508c;border-radius:.3rem;cursor:pointer;text-decoration:none}nav ul{list-style:none;padding:0}nav a.go{min-width:14rem;text-align:center;margin:.4rem 0}[role=alert]{border-left:.3rem solid #c62828;padding:.2rem 0 .2rem 1rem}:focus-visible{outline:.2rem solid;outline-offset:.2rem}";

/// A page: nothing from elsewhere, no scripts, not in frames, no address passed on.
pub(super) fn page(status: StatusCode, title: &str, main: &str) -> http::Response<Bytes> {
    build(status, (title, main), "'none'", "no-referrer")
}

/// A page with forms that lead to us, and from us perhaps on to applications: browsers hold the
/// policy against where the answer to a form redirects to as well. `leads_to` are such addresses.
pub(super) fn page_with_forms(
    status: StatusCode,
    (title, main): (&str, &str),
    leads_to: &[String],
) -> http::Response<Bytes> {
    let mut sources = "'self'".to_owned();
    for origin in leads_to.iter().filter_map(|address| origin(address)) {
        sources.push(' ');
        sources.push_str(&origin);
    }
    // Of a form on a page that passes nothing on, browsers do not say where it comes from, not even
    // to us.
    build(status, (title, main), &sources, "same-origin")
}

/// The origin of an address as a policy names it; of one of an app on a device its scheme.
fn origin(address: &str) -> Option<String> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.:[]".contains(&b))
    };
    let (scheme, rest) = address.split_once(':')?;
    if !is_plain(scheme) {
        return None;
    }
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Some(format!("{scheme}:"));
    }
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    is_plain(authority).then(|| format!("{scheme}://{authority}"))
}

fn build(
    status: StatusCode,
    (title, main): (&str, &str),
    form_action: &str,
    referrer: &'static str,
) -> http::Response<Bytes> {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title} - Rollcall</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{main}</main></body></html>"
    );
    let mut response = http::Response::new(Bytes::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, referrer),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For browsers that do not know the policy (RFC 9700 section 4.16).
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action {form_action}; frame-ancestors 'none'"
    );
    let policy =
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
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

    #[test]
    fn forms_lead_to_us_and_where_we_lead_on_and_nowhere_else() {
        let policy = |response: http::Response<Bytes>| {
            let policy = &response.headers()[header::CONTENT_SECURITY_POLICY];
            let policy = policy.to_str().unwrap().to_owned();
            let (_, rest) = policy.split_once("form-action ").unwrap();
            rest.split(';').next().unwrap().to_owned()
        };
        assert_eq!(policy(page(StatusCode::OK, "a", "b")), "'none'");
        for (address, expected) in [
            ("https://app.example/back?a=b", "'self' https://app.example"),
            ("http://127.0.0.1:8080", "'self' http://127.0.0.1:8080"),
            ("com.example.app:/back", "'self' com.example.app:"),
            ("https://a;script-src *", "'self'"),
            ("https://a b", "'self'"),
            ("no address", "'self'"),
        ] {
            let page = page_with_forms(StatusCode::OK, ("a", "b"), &[address.to_owned()]);
            assert_eq!(policy(page), expected, "{address}");
        }
    }
}
