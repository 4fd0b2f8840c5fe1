//! What people write into cells, in words that we know.

use mapping::account::Role;

/// A text by which names are compared: full-width letters made plain, what is in brackets dropped,
/// lower-cased, and nothing but letters and digits kept. `E-mail [Required]` is `email`.
pub(crate) fn key(text: &str) -> String {
    let mut depth = 0_u32;
    let mut key = String::with_capacity(text.len());
    for character in text.chars().map(narrow) {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 && character.is_alphanumeric() => key.extend(character.to_lowercase()),
            _ => {}
        }
    }
    key
}

/// Full-width forms of ASCII, as East Asian keyboards write them.
fn narrow(character: char) -> char {
    let code = u32::from(character);
    if (0xFF01..=0xFF5E).contains(&code) {
        char::from_u32(code - 0xFEE0).unwrap_or(character)
    } else {
        character
    }
}

/// A cell's text: characters that nobody sees dropped, every kind of white space one blank, and
/// none at the ends.
pub(crate) fn tidy(text: &str) -> String {
    let is_seen = |c: &char| {
        let is_invisible = matches!(
            c,
            '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}'
        );
        !is_invisible && (!c.is_control() || c.is_whitespace())
    };
    let is_plain = |b: u8| b > b' ' && b < 0x7F;
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let seen: String = text.chars().filter(is_seen).collect();
    let mut words = seen.split_whitespace();
    let mut tidy = words.next().unwrap_or_default().to_owned();
    for word in words {
        tidy.push(' ');
        tidy.push_str(word);
    }
    tidy
}

/// The role that a word means; `None` if it means none.
pub(crate) fn role(text: &str) -> Option<Role> {
    let key = key(text);
    let singular = key.strip_suffix('s').unwrap_or(&key);
    match singular {
        "learner" | "pupil" | "student" => Some(Role::Student),
        "educator" | "instructor" | "teacher" => Some(Role::Teacher),
        "admin"
        | "administrator"
        | "districtadmin"
        | "districtadministrator"
        | "globaladministrator"
        | "principal"
        | "schooladmin"
        | "schooladministrator" => Some(Role::Admin),
        "aide" | "employee" | "staff" => Some(Role::Staff),
        "guardian" | "parent" => Some(Role::Parent),
        _ => None,
    }
}

/// What a word says, if it says yes or no.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match key(text).as_str() {
        "1" | "active" | "on" | "t" | "true" | "y" | "yes" => Some(true),
        "0" | "f" | "false" | "inactive" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_compared_without_its_spelling() {
        for text in [
            "E-mail",
            " e mail\u{A0}",
            "Email*",
            "ＥＭＡＩＬ",
            "email [Required]",
        ] {
            assert_eq!(key(text), "email", "{text}");
        }
        assert_eq!(key("Prénom"), "prénom");
    }

    #[test]
    fn what_nobody_sees_is_dropped_from_a_cell() {
        assert_eq!(tidy(" Dana\u{A0}\t Ann\u{200B} "), "Dana Ann");
        assert_eq!(tidy("\u{FEFF}"), "");
        assert_eq!(tidy("plain"), "plain");
    }

    #[test]
    fn yes_and_no_have_many_spellings() {
        for yes in ["TRUE", "true", "Y", "1", "Active"] {
            assert_eq!(truth(yes), Some(true), "{yes}");
        }
        for no in ["FALSE", "n", "0", "Inactive"] {
            assert_eq!(truth(no), Some(false), "{no}");
        }
        assert_eq!(truth("perhaps"), None);
    }
}
