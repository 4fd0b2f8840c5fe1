//! A page of a list: its rows, and what its headers say (PROVIDERS 5.3, 6.4 and 6.5).

use crate::fetch::Malformation;
use crate::request::decode_pairs;
use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Keys that hold what the server says about its answer, beside the list.
const ASIDES: [&str; 4] = ["statusInfoSet", "warnings", "errors", "links"];

/// A page of a list.
pub(super) struct Page<'a> {
    /// Each row, unread.
    pub(super) rows: Vec<&'a RawValue>,
    /// The id of each row as it is written, where it has one.
    pub(super) ids: Vec<Option<String>>,
    pub(super) headers: Headers,
}

/// What the headers of a page say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Headers {
    /// How many rows the whole list has.
    pub(super) total: Option<u64>,
    /// Where the last page begins, as a link says. A hint: links are malformed as often as not.
    pub(super) last_offset: Option<u64>,
    /// Which revision of the district's data this is.
    pub(super) revision: Option<String>,
    /// The district shows invented people.
    pub(super) is_obfuscated: bool,
}

#[derive(Deserialize)]
struct OnlyId {
    #[serde(rename = "sourcedId", default)]
    sourced_id: Value,
}

impl<'a> Page<'a> {
    /// Reads a success. `key` is the usual name of the list; any other will do if it is the only
    /// list of the answer.
    pub(super) fn parse(response: &'a Response<Bytes>, key: &str) -> Result<Self, Malformation> {
        let rows = rows(response.body(), key)?;
        let ids: Vec<Option<String>> = rows.iter().map(|row| id(row)).collect();
        // A list of something else altogether.
        if !ids.is_empty() && ids.iter().all(Option::is_none) {
            return Err(Malformation::Shape);
        }
        let headers = Headers::of(response);
        Ok(Self { rows, ids, headers })
    }
}

/// An array would be read as the fields of a row in order.
pub(super) fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

fn id(row: &RawValue) -> Option<String> {
    if !is_object(row.get()) {
        return None;
    }
    let row: OnlyId = serde_json::from_str(row.get()).ok()?;
    super::values::verbatim(&row.sourced_id)
}

fn rows<'a>(body: &'a [u8], key: &str) -> Result<Vec<&'a RawValue>, Malformation> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| Malformation::NotJson)?;
    if text.trim().is_empty() {
        return Err(Malformation::Truncated);
    }
    let answer: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|e| why(&e))?;
    let is_list = |value: &RawValue| value.get().trim_start().starts_with('[');
    let list = answer.get(key).copied().or_else(|| {
        let mut lists = answer
            .iter()
            .filter(|(name, value)| !ASIDES.contains(&name.as_str()) && is_list(value));
        let (_, first) = lists.next()?;
        lists.next().is_none().then_some(*first)
    });
    let list = list.ok_or(Malformation::MissingList)?;
    serde_json::from_str(list.get()).map_err(|_| Malformation::MissingList)
}

/// What a failure to read JSON says about the answer.
pub(super) fn why(error: &serde_json::Error) -> Malformation {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => Malformation::Truncated,
        Category::Syntax => Malformation::NotJson,
        Category::Data | Category::Io => Malformation::Shape,
    }
}

impl Headers {
    fn of(response: &Response<Bytes>) -> Self {
        let text = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?.trim();
            (!value.is_empty()).then_some(value)
        };
        Self {
            total: text("x-total-count").and_then(|total| total.parse().ok()),
            last_offset: text("link").and_then(last_offset),
            revision: text("x-perm-rev").map(str::to_owned),
            is_obfuscated: text("x-obfuscated").is_some_and(|value| {
                !matches!(value.to_ascii_lowercase().as_str(), "false" | "0" | "no")
            }),
        }
    }
}

/// The offset of the link that calls itself the last, with or without its brackets. Nothing else
/// of a link is used: its host may be any.
fn last_offset(link: &str) -> Option<u64> {
    let mut rest = link;
    while let Some((address, after)) = rest.split_once("rel=") {
        let after = after.trim_start_matches('"');
        if after.starts_with("last") {
            let query = address.rsplit_once('?')?.1;
            let query = query.split(['>', ';']).next()?;
            return decode_pairs(query)
                .find(|(name, _)| name == "offset")
                .and_then(|(_, value)| value.parse().ok());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Result<usize, Malformation> {
        let response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        Page::parse(&response, "users").map(|page| page.rows.len())
    }

    #[test]
    fn a_list_may_have_another_name_if_it_is_the_only_one() {
        assert_eq!(page(r#"{"users":[{"sourcedId":"1"}],"orgs":[]}"#), Ok(1));
        assert_eq!(
            page(r#"{"students":[{"sourcedId":"1"},{"sourcedId":2}]}"#),
            Ok(2)
        );
        assert_eq!(page(r#"{"users":[],"statusInfoSet":[{"x":1}]}"#), Ok(0));
        assert_eq!(page(r#"{"a":[],"b":[]}"#), Err(Malformation::MissingList));
    }

    #[test]
    fn an_answer_without_a_list_is_no_empty_list() {
        for (body, malformation) in [
            ("", Malformation::Truncated),
            ("  ", Malformation::Truncated),
            ("<html></html>", Malformation::NotJson),
            ("{\"users\":[{\"sourced", Malformation::Truncated),
            ("[]", Malformation::Shape),
            ("{}", Malformation::MissingList),
            ("{\"users\":null}", Malformation::MissingList),
            ("{\"users\":{}}", Malformation::MissingList),
            (
                "{\"user\":{\"sourcedId\":\"1\"}}",
                Malformation::MissingList,
            ),
            ("{\"users\":[{\"id\":\"1\"}]}", Malformation::Shape),
            ("{\"users\":[1]}", Malformation::Shape),
            (
                r#"{"statusInfoSet":[{"imsx_codeMajor":"failure"}]}"#,
                Malformation::MissingList,
            ),
        ] {
            assert_eq!(page(body), Err(malformation), "{body}");
        }
    }

    #[test]
    fn o2_only_the_offset_of_a_link_is_read() {
        for (link, offset) in [
            (
                "<http://evil.example/users?limit=5&offset=20>; rel=\"last\"",
                Some(20),
            ),
            (
                "https://x.example/users?limit=5&offset=5; rel=next, https://x.example/users?offset=40&limit=5; rel=last",
                Some(40),
            ),
            ("<https://x.example/users?limit=5>; rel=\"last\"", None),
            ("<https://x.example/users?offset=5>; rel=\"next\"", None),
            ("nonsense", None),
        ] {
            assert_eq!(last_offset(link), offset, "{link}");
        }
    }
}
