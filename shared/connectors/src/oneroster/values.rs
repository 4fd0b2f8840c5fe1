//! Values as servers write them: numbers for texts, texts for booleans, one thing for a list
//! (PROVIDERS 6.6 and O9).

use jiff::civil::Date;
use mapping::ids::ExternalId;
use serde_json::Value;

/// Longest name or user name that is kept, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 256;

/// A text or a number, without space around it; `None` when nothing is left.
pub(super) fn text(value: &Value) -> Option<String> {
    verbatim(value)
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
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
    let text = text(value).unwrap_or_default();
    plain(&text)
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
    text(value)?.get(..10)?.parse().ok()
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
    let id = value.get("sourcedId").unwrap_or(value);
    ExternalId::parse(verbatim(id)?).ok()
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
