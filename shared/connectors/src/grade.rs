//! Grades as every source writes them, in one spelling (PROVIDERS 10, "grade normalisation").

/// The code of a grade: `IT`, `PR`, `PK`, `TK`, `KG`, `01` to `13`, `PS`, `UG` or `Other`; `None`
/// for an empty text. What is none of these stays as it was written, trimmed: a district may have
/// grades of its own.
pub fn normalise(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let plain: String = (text.to_lowercase().chars())
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let word = plain.strip_prefix("grade").unwrap_or(&plain);
    let code = match word {
        "it" | "infant" | "infanttoddler" => "IT",
        "pr" | "preschool" => "PR",
        "pk" | "prek" | "prekindergarten" => "PK",
        "tk" | "transitionalkindergarten" => "TK",
        "0" | "00" | "k" | "kg" | "kindergarten" => "KG",
        "ps" | "postgraduate" | "postsecondary" => "PS",
        "ug" | "ungraded" => "UG",
        "other" => "Other",
        _ => return Some(numbered(word).unwrap_or_else(|| text.to_owned())),
    };
    Some(code.to_owned())
}

/// `9`, `09`, `9th` and `9thgrade` as `09`.
fn numbered(word: &str) -> Option<String> {
    let word = word.strip_suffix("grade").unwrap_or(word);
    let digits = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .unwrap_or(word);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = is_number.then(|| digits.parse().ok()).flatten()?;
    (1..=13).contains(&number).then(|| format!("{number:02}"))
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn a_grade_has_one_spelling() {
        for (text, code) in [
            ("Kindergarten", "KG"),
            ("KG", "KG"),
            ("K", "KG"),
            ("0", "KG"),
            ("PreKindergarten", "PK"),
            ("Pre-K", "PK"),
            ("TransitionalKindergarten", "TK"),
            ("InfantToddler", "IT"),
            ("Preschool", "PR"),
            ("9", "09"),
            (" 09 ", "09"),
            ("Grade 9", "09"),
            ("9th", "09"),
            ("9th grade", "09"),
            ("1st", "01"),
            ("12", "12"),
            ("13", "13"),
            ("PostGraduate", "PS"),
            ("Ungraded", "UG"),
            ("other", "Other"),
            ("Upper Form", "Upper Form"),
            ("14", "14"),
        ] {
            assert_eq!(normalise(text).as_deref(), Some(code), "{text}");
        }
        assert_eq!(normalise("  "), None);
    }
}
