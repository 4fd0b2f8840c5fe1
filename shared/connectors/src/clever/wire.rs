//! How Clever writes things: envelopes, links, and fields that may have any type.

use crate::fetch::Malformation;
use crate::request::decode_pairs;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// Text of an answer, borrowed where it has no escapes.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A field of a record: one of another type spoils nothing but itself.
#[derive(Clone, Debug, Default)]
pub(super) enum Field<T> {
    /// Not there, or null.
    #[default]
    Absent,
    /// There.
    Value(T),
    /// Of another type.
    Wrong,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(match raw.get() {
            "null" => Field::Absent,
            text => serde_json::from_str(text).map_or(Field::Wrong, Field::Value),
        })
    }
}

/// An object: unlike a derived reader it takes no list for one, whose elements would be fields.
#[derive(Clone, Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<T> Deref for Object<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// The field with this name has another type than documented.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct WrongField(pub(super) String);

impl WrongField {
    /// The same field by its whole path.
    pub(super) fn within(self, path: &str) -> Self {
        Self(format!("{path}.{}", self.0))
    }
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub(super) fn read(&self, name: &str) -> Result<Option<&T>, WrongField> {
        match self {
            Field::Absent => Ok(None),
            Field::Value(value) => Ok(Some(value)),
            Field::Wrong => Err(WrongField(name.to_owned())),
        }
    }

    /// The value if it is there and of the right type.
    pub(super) fn value(&self) -> Option<&T> {
        match self {
            Field::Value(value) => Some(value),
            Field::Absent | Field::Wrong => None,
        }
    }
}

impl Field<Text<'_>> {
    /// The text without spaces around it; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, WrongField> {
        let text = self.read(name)?.map(|text| text.0.trim());
        Ok(text.filter(|text| !text.is_empty()))
    }
}

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    links: Field<Vec<Object<Link<'a>>>>,
    #[serde(borrow, default)]
    paging: Field<Object<Paging<'a>>>,
    #[serde(borrow, default)]
    count: Field<&'a RawValue>,
}

#[derive(Deserialize)]
struct Paging<'a> {
    #[serde(borrow, default)]
    count: Field<&'a RawValue>,
}

#[derive(Clone, Debug, Deserialize)]
struct Link<'a> {
    #[serde(borrow, default)]
    rel: Field<Text<'a>>,
    #[serde(borrow, default)]
    uri: Field<Text<'a>>,
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// The elements as they stand, each in its envelope.
    pub(super) elements: Vec<&'a RawValue>,
    /// Whether a link leads further.
    pub(super) has_next: bool,
    /// The id that the link names. Nothing else is taken from a link: it may lead anywhere.
    pub(super) next_after: Option<String>,
    /// How many records the whole list has, if Clever says so.
    pub(super) count: Option<u64>,
}

#[derive(Deserialize)]
struct Element<T> {
    data: Object<T>,
}

/// The body as text; bytes that are not UTF-8 are replaced.
pub(super) fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// Reads a page. Fails only when the page itself is not one.
pub(super) fn parse_page(text: &str) -> Result<Page<'_>, Malformation> {
    let Object::<RawPage<'_>>(page) =
        serde_json::from_str(text).map_err(|error| malformation(&error))?;
    // Whether more follows must not be guessed.
    let links = page.links.read("links").map_err(|_| Malformation::Shape)?;
    // A list of nobody has to look like Clever's all the more.
    if page.data.is_empty() && links.is_none() {
        return Err(Malformation::MissingList);
    }
    let next = links.into_iter().flatten().find(|link| {
        let rel = link.rel.value();
        rel.is_some_and(|rel| rel.0 == "next")
    });
    let paged = page.paging.value().map(|paging| &paging.count);
    Ok(Page {
        elements: page.data,
        has_next: next.is_some(),
        next_after: next.and_then(|link| starting_after(&link.uri.value()?.0)),
        count: paged.and_then(number).or_else(|| number(&page.count)),
    })
}

/// A number, or a text of digits.
fn number(field: &Field<&RawValue>) -> Option<u64> {
    field.value()?.get().trim_matches('"').parse().ok()
}

/// The one parameter of a link that says where the next page begins.
fn starting_after(uri: &str) -> Option<String> {
    let (_, query) = uri.split_once('?')?;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    decode_pairs(query)
        .find(|(name, _)| name == "starting_after")
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// Reads what is in an envelope: an element of a page, or the answer about a single object.
pub(super) fn parse_envelope<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformation> {
    serde_json::from_str::<Object<Element<T>>>(text)
        .map(|element| element.0.data.0)
        .map_err(|error| malformation(&error))
}

/// What a failure to read JSON says about the answer.
fn malformation(error: &serde_json::Error) -> Malformation {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => Malformation::Truncated,
        Category::Syntax => Malformation::NotJson,
        Category::Data | Category::Io => Malformation::Shape,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_place_is_taken_from_a_link() {
        for (uri, after) in [
            ("/v3.1/users?limit=2&starting_after=5f", Some("5f")),
            ("https://evil.example/?starting_after=5f#x", Some("5f")),
            ("/v3.1/users?starting_after=", None),
            ("/v3.1/users", None),
        ] {
            assert_eq!(starting_after(uri).as_deref(), after, "{uri}");
        }
    }

    #[test]
    fn a_total_may_stand_in_two_places() {
        let count = |rest: &str| {
            parse_page(&format!("{{\"data\":[7]{rest}}}"))
                .unwrap()
                .count
        };
        assert_eq!(count(",\"count\":7"), Some(7));
        assert_eq!(
            count(",\"paging\":{\"current\":1,\"count\":\"7\"}"),
            Some(7)
        );
        assert_eq!(count(",\"count\":\"many\",\"paging\":4"), None);
        assert_eq!(count(""), None);
    }
}
