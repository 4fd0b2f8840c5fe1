//! A page of a list: its rows, and what its headers say (PROVIDERS 5.3, 6.4 and 6.5).

use crate::fetch::Malformation;
use crate::request::decode_pairs;
use bytes::Bytes;
use http::Response;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

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

/// The id of a row. Reading stops there: that the rest of the row is JSON is known.
fn id(row: &RawValue) -> Option<String> {
    if !is_object(row.get()) {
        return None;
    }
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_str(row.get());
    // What is left of the row counts as a failure.
    let _ = reader.deserialize_map(IdOf(&mut found));
    found
}

struct IdOf<'a>(&'a mut Option<String>);

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Name {
    #[serde(rename = "sourcedId")]
    Id,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for IdOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<Name>()? {
            match name {
                Name::Id => {
                    *self.0 = super::values::verbatim(&fields.next_value::<Value>()?);
                    return Ok(());
                }
                Name::Other => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// An answer: its list under the usual name, and whatever stands beside it.
#[derive(Default)]
struct Lists<'a> {
    usual: Option<Rows<'a>>,
    others: BTreeMap<String, &'a RawValue>,
}

/// The rows of a list; `None` for something else.
struct Rows<'a>(Option<Vec<&'a RawValue>>);

fn rows<'a>(body: &'a [u8], key: &str) -> Result<Vec<&'a RawValue>, Malformation> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| Malformation::NotJson)?;
    if text.trim().is_empty() {
        return Err(Malformation::Truncated);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let lists = ListsOf(key).deserialize(&mut reader);
    let lists = lists.and_then(|lists| reader.end().map(|()| lists));
    let Lists { usual, others } = lists.map_err(|e| why(&e))?;
    if let Some(Rows(rows)) = usual {
        return rows.ok_or(Malformation::MissingList);
    }
    let is_list = |value: &RawValue| value.get().trim_start().starts_with('[');
    let mut lists = others
        .iter()
        .filter(|(name, value)| !ASIDES.contains(&name.as_str()) && is_list(value));
    let (Some((_, only)), None) = (lists.next(), lists.next()) else {
        return Err(Malformation::MissingList);
    };
    serde_json::from_str(only.get()).map_err(|_| Malformation::MissingList)
}

/// Reads an answer whose list has this name, in one pass.
struct ListsOf<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for ListsOf<'_> {
    type Value = Lists<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Lists<'de>, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ListsOf<'_> {
    type Value = Lists<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer with a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Lists<'de>, A::Error> {
        let mut lists = Lists::default();
        while let Some(name) = fields.next_key::<String>()? {
            if name == self.0 {
                lists.usual = Some(fields.next_value()?);
            } else {
                lists.others.insert(name, fields.next_value()?);
            }
        }
        Ok(lists)
    }
}

impl<'de> Deserialize<'de> for Rows<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(AnyRows)
    }
}

struct AnyRows;

impl<'de> Visitor<'de> for AnyRows {
    type Value = Rows<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Rows<'de>, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = items.next_element()? {
            rows.push(row);
        }
        Ok(Rows(Some(rows)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Rows<'de>, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Rows(None))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Rows<'de>, E> {
        Ok(Rows(None))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Rows<'de>, E> {
        Ok(Rows(None))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Rows<'de>, E> {
        Ok(Rows(None))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Rows<'de>, E> {
        Ok(Rows(None))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Rows<'de>, E> {
        Ok(Rows(None))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Rows<'de>, E> {
        Ok(Rows(None))
    }
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
            ("{\"users\":7}", Malformation::MissingList),
            ("{\"users\":\"none\"}", Malformation::MissingList),
            ("{\"users\":false}", Malformation::MissingList),
            ("{\"users\":[]}}", Malformation::NotJson),
            (
                r#"{"statusInfoSet":[{"imsx_codeMajor":"failure"}]}"#,
                Malformation::MissingList,
            ),
        ] {
            assert_eq!(page(body), Err(malformation), "{body}");
        }
    }

    #[test]
    fn the_id_of_a_row_is_its_own_wherever_it_stands() {
        for (row, expected) in [
            (
                r#"{"sourcedId":"u-1","org":{"sourcedId":"o-1"}}"#,
                Some("u-1"),
            ),
            (
                r#"{"org":{"sourcedId":"o-1"},"sourcedId":17,"x":[1]}"#,
                Some("17"),
            ),
            (r#"{"org":{"sourcedId":"o-1"}}"#, None),
            (r#"{"sourcedId":{"sourcedId":"u-1"}}"#, None),
            (r#"{"sourcedId":""}"#, None),
            ("{}", None),
            (r#"["u-1"]"#, None),
        ] {
            let row: &RawValue = serde_json::from_str(row).unwrap();
            assert_eq!(id(row).as_deref(), expected, "{row}");
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
