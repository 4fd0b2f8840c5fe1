//! Values as servers write them: numbers for texts, texts for booleans, one thing for a list
//! (PROVIDERS 6.6 and O9).

use jiff::civil::Date;
use mapping::ids::ExternalId;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Longest name or user name that is kept, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 256;

/// A text or a number, without space around it; `None` when nothing is left.
pub(super) fn text(value: &Value) -> Option<String> {
    trimmed(value).map(Cow::into_owned)
}

fn trimmed(value: &Value) -> Option<Cow<'_, str>> {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.trim()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A text or a number, exactly as it is written.
pub(super) fn verbatim(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) | Value::String(_) => {
            None
        }
    }
}

/// A text's letters and digits in lower case, for comparing words that servers write differently.
pub(super) fn word(value: &Value) -> String {
    plain(&trimmed(value).unwrap_or_default())
}

/// The letters and digits in lower case.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// A boolean, however it is written.
pub(super) fn flag(value: &Value) -> Option<bool> {
    if let Value::Bool(flag) = value {
        return Some(*flag);
    }
    match word(value).as_str() {
        "true" | "1" | "yes" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// A day: a date, or the date of a date-time.
pub(super) fn date(value: &Value) -> Option<Date> {
    trimmed(value)?.get(..10)?.parse().ok()
}

/// A list; one thing that is not in a list counts as a list of it.
pub(super) fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(all) => all,
        Value::Null => &[],
        Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::String(_) => {
            std::slice::from_ref(value)
        }
    }
}

/// The texts of a list.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = String> + '_ {
    list(value).iter().filter_map(text)
}

/// What a reference names. Its `href` is never looked at: it may lead anywhere.
pub(super) fn reference(value: &Value) -> Option<ExternalId> {
    id(value.get("sourcedId").unwrap_or(value))
}

/// A text or a number that is an id.
fn id(value: &Value) -> Option<ExternalId> {
    ExternalId::parse(verbatim(value)?).ok()
}

/// A [`reference`], taken without keeping what else stands in it.
#[derive(Debug, Default)]
pub(super) struct Reference(pub(super) Option<ExternalId>);

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(AnyReference)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Part {
    #[serde(rename = "sourcedId")]
    Id,
    #[serde(other)]
    Other,
}

struct AnyReference;

impl<'de> Visitor<'de> for AnyReference {
    type Value = Reference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reference")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Reference, A::Error> {
        let mut found = None;
        while let Some(part) = parts.next_key()? {
            match part {
                Part::Id => found = id(&parts.next_value()?),
                Part::Other => drop(parts.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Reference(found))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Reference, E> {
        Ok(Reference(ExternalId::parse(text).ok()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Reference, E> {
        Ok(Reference(id(&number.into())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Reference, E> {
        Ok(Reference(id(&number.into())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Reference, E> {
        Ok(Reference(id(&number.into())))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Reference, E> {
        Ok(Reference(None))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Reference, E> {
        Ok(Reference(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Reference, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Reference(None))
    }
}

/// The text, cut at a character, and whether it was cut.
pub(super) fn shorten(text: Option<String>) -> (String, bool) {
    let mut text = text.unwrap_or_default();
    let end = text.floor_char_boundary(NAME_BYTES_MAX);
    let is_cut = end < text.len();
    text.truncate(end);
    (text, is_cut)
}

/// Whether a record's status says that it is gone.
pub(super) fn is_gone(status: &Value) -> bool {
    matches!(
        word(status).as_str(),
        "tobedeleted" | "inactive" | "deleted"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn o9_a_boolean_has_many_spellings() {
        for value in [
            json!(true),
            json!("true"),
            json!("True"),
            json!(1),
            json!("1"),
        ] {
            assert_eq!(flag(&value), Some(true), "{value}");
        }
        for value in [json!(false), json!("false"), json!("FALSE"), json!(0)] {
            assert_eq!(flag(&value), Some(false), "{value}");
        }
        for value in [json!(null), json!(""), json!("maybe"), json!([]), json!({})] {
            assert_eq!(flag(&value), None, "{value}");
        }
    }

    #[test]
    fn a_reference_is_the_same_whether_it_is_kept_whole_or_not() {
        for text in [
            r#"{"href":"https://x.example","sourcedId":"c-1","type":"class"}"#,
            r#"{"sourcedId":17}"#,
            r#"{"sourcedId":{"sourcedId":"c-1"}}"#,
            r#"{"sourcedId":null,"x":[{}]}"#,
            r#"{"href":"c-1"}"#,
            r#""c-1""#,
            r#"" ""#,
            r#""""#,
            "17",
            "-1.5",
            "true",
            "null",
            r#"["c-1",{"sourcedId":"c-2"}]"#,
        ] {
            let whole: Value = serde_json::from_str(text).unwrap();
            let taken: Reference = serde_json::from_str(text).unwrap();
            assert_eq!(taken.0, reference(&whole), "{text}");
        }
    }

    #[test]
    fn a_date_may_have_a_time() {
        let day: Date = "2026-08-10".parse().unwrap();
        assert_eq!(date(&json!("2026-08-10")), Some(day));
        assert_eq!(date(&json!("2026-08-10T00:00:00.000Z")), Some(day));
        for value in [
            json!("10/08/2026"),
            json!(""),
            json!(null),
            json!("2026-13-40"),
        ] {
            assert_eq!(date(&value), None, "{value}");
        }
    }
}
