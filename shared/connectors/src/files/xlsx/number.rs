//! Numbers in cells as the text that people see.

use super::formats::Format;
use jiff::civil::Date;

/// How many digits a spreadsheet keeps.
const DIGITS: usize = 15;

/// The number as text, and whether it may have been rounded when it was typed. What is no number
/// stays as it is.
pub(super) fn text(raw: &str, format: Format, is_1904: bool) -> (String, bool) {
    let raw = raw.trim();
    let Some(value) = raw.parse::<f64>().ok().filter(|value| value.is_finite()) else {
        return (raw.to_owned(), false);
    };
    if format == Format::Date
        && let Some(date) = date(value, is_1904)
    {
        return (date, false);
    }
    let is_whole = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit());
    let plain = if is_whole && raw.len() <= DIGITS {
        raw.to_owned()
    } else {
        without_exponent(value)
    };
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    let is_rounded = !plain.contains('.') && digits > DIGITS;
    match format {
        Format::Zeros(width) if plain.bytes().all(|byte| byte.is_ascii_digit()) => (
            format!("{plain:0>width$}", width = usize::from(width)),
            is_rounded,
        ),
        Format::Date | Format::Number | Format::Zeros(_) => (plain, is_rounded),
    }
}

/// To fifteen digits, as a spreadsheet shows it, and never as `1.23E+11`.
fn without_exponent(value: f64) -> String {
    let rounded = format!("{value:.precision$e}", precision = DIGITS - 1);
    let rounded: f64 = rounded.parse().unwrap_or(value);
    // Larger than anything that is an id; its digits would be made up.
    if rounded.abs() >= 1e21 {
        return format!("{rounded:e}");
    }
    format!("{rounded}")
}

/// A day as `2026-08-10`, with a time if it has one; a time alone as `08:30:00`.
fn date(serial: f64, is_1904: bool) -> Option<String> {
    const SECONDS: f64 = 86_400.0;
    if !(0.0..=3_000_000.0).contains(&serial) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was just checked"
    )]
    let seconds = (serial * SECONDS).round() as i64;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let time = format!(
        "{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    if days == 0 && second > 0 {
        return Some(time);
    }
    let day = day(days, is_1904)?;
    Some(if second == 0 {
        day.to_string()
    } else {
        format!("{day}T{time}")
    })
}

/// Excel counts a 29th of February 1900, which never was: it is serial 60.
fn day(days: i64, is_1904: bool) -> Option<Date> {
    let epoch = match days {
        _ if is_1904 => Date::constant(1904, 1, 1),
        ..60 => Date::constant(1899, 12, 31),
        60 => return Some(Date::constant(1900, 2, 28)),
        _ => Date::constant(1899, 12, 30),
    };
    epoch
        .checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_see_them() {
        for (raw, wanted) in [
            ("20417", "20417"),
            ("20417.0", "20417"),
            ("1.23E+11", "123000000000"),
            ("1.2300000000000001E+11", "123000000000"),
            ("0.30000000000000004", "0.3"),
            ("-7.5", "-7.5"),
            ("", ""),
            ("n/a", "n/a"),
            ("NaN", "NaN"),
        ] {
            assert_eq!(
                text(raw, Format::Number, false),
                (wanted.to_owned(), false),
                "{raw}"
            );
        }
        assert_eq!(text("417", Format::Zeros(5), false).0, "00417");
        assert!(text("1.2345678901234568E+16", Format::Number, false).1);
        assert!(text("12345678901234568", Format::Number, false).1);
    }

    #[test]
    fn serial_numbers_are_days() {
        for (raw, is_1904, wanted) in [
            ("46244", false, "2026-08-10"),
            ("44782", true, "2026-08-10"),
            ("1", false, "1900-01-01"),
            ("59", false, "1900-02-28"),
            ("61", false, "1900-03-01"),
            ("46244.5", false, "2026-08-10T12:00:00"),
            ("0.25", false, "06:00:00"),
            ("-1", false, "-1"),
            ("9999999", false, "9999999"),
        ] {
            assert_eq!(text(raw, Format::Date, is_1904).0, wanted, "{raw}");
        }
    }
}
