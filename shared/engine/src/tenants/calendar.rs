//! When a tenant's nights are.

use super::TenantError;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most season pauses of one tenant.
pub const PAUSES_MAX: usize = 50;

/// Longest season pause, in days: longer is a tenant that should not be scheduled at all, or a
/// slip of the year.
const PAUSE_DAYS_MAX: i32 = 366;

/// Longest name of a time zone, in bytes. The database's longest has 32.
const ZONE_BYTES_MAX: usize = 64;

/// The name of an IANA time zone, by its form. Whether there is such a zone knows only who has
/// the database of zones, which is large: see [`ZoneName::is_known`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneName(String);

/// A text that is not the name of a time zone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an IANA time zone, for instance America/New_York")]
pub struct ZoneError;

impl ZoneName {
    /// Checks the form of a name: parts with letters, digits, `_`, `+` and `-` between slashes.
    pub fn parse(text: &str) -> Result<Self, ZoneError> {
        let is_part = |part: &str| {
            let mut bytes = part.bytes();
            !part.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
        };
        let has_form = text.len() <= ZONE_BYTES_MAX
            && text.split('/').all(is_part)
            && text.bytes().any(|b| b.is_ascii_alphabetic());
        has_form.then(|| Self(text.to_owned())).ok_or(ZoneError)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the bundled database has it, in whatever case. Brings the database into every
    /// component from which it is called.
    pub fn is_known(&self) -> bool {
        TimeZone::get(&self.0).is_ok_and(|zone| zone.iana_name().is_some())
    }

    /// The zone. UTC if the database does not have the name. Brings the database along too.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.0).unwrap_or(TimeZone::UTC)
    }
}

impl Default for ZoneName {
    fn default() -> Self {
        Self("America/New_York".to_owned())
    }
}

impl TryFrom<String> for ZoneName {
    type Error = ZoneError;
    fn try_from(text: String) -> Result<Self, ZoneError> {
        Self::parse(&text)
    }
}

impl From<ZoneName> for String {
    fn from(zone: ZoneName) -> String {
        zone.0
    }
}

/// A time of day in whole minutes, written `23:00`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct NightlyTime(Time);

/// A text that is not a time of day.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a time of day as HH:MM, from 00:00 to 23:59")]
pub struct TimeError;

impl NightlyTime {
    /// Reads `HH:MM`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let (hour, minute) = text.split_once(':').ok_or(TimeError)?;
        let two_digits = |part: &str| match part.len() {
            2 if part.bytes().all(|b| b.is_ascii_digit()) => part.parse::<i8>().ok(),
            _ => None,
        };
        let hour = two_digits(hour).ok_or(TimeError)?;
        let minute = two_digits(minute).ok_or(TimeError)?;
        Ok(Self(Time::new(hour, minute, 0, 0).map_err(|_| TimeError)?))
    }

    /// The time of day.
    pub fn time(self) -> Time {
        self.0
    }
}

impl Default for NightlyTime {
    fn default() -> Self {
        Self(Time::constant(23, 0, 0, 0))
    }
}

impl fmt::Display for NightlyTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl TryFrom<String> for NightlyTime {
    type Error = TimeError;
    fn try_from(text: String) -> Result<Self, TimeError> {
        Self::parse(&text)
    }
}

impl From<NightlyTime> for String {
    fn from(time: NightlyTime) -> String {
        time.to_string()
    }
}

/// Days without scheduled runs, both ends included, in the tenant's time zone.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
}

impl Pause {
    /// How many days lie between its ends; negative when it ends before it begins.
    pub fn days(&self) -> i32 {
        self.from
            .until(self.until)
            .map_or(-1, |span| span.get_days())
    }

    /// Whether no scheduled run is made on this day.
    pub fn covers(&self, day: Date) -> bool {
        self.from <= day && day <= self.until
    }
}

/// Refuses pauses that end before they begin, are longer than a year, or are too many.
pub(super) fn check_pauses(pauses: &[Pause]) -> Result<(), TenantError> {
    let invalid = |reason: String| TenantError::Invalid {
        field: "pauses",
        reason,
    };
    if pauses.len() > PAUSES_MAX {
        return Err(invalid(format!("may be at most {PAUSES_MAX}")));
    }
    for (index, pause) in pauses.iter().enumerate() {
        let days = pause.days();
        if days < 0 {
            return Err(invalid(format!("number {index} ends before it begins")));
        }
        if days > PAUSE_DAYS_MAX {
            return Err(invalid(format!("number {index} is longer than a year")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_name_of_a_time_zone_has_parts_between_slashes() {
        for text in [
            "America/Argentina/ComodRivadavia",
            "America/Port-au-Prince",
            "Etc/GMT+10",
            "Mars/Olympus",
            "UTC",
        ] {
            assert_eq!(ZoneName::parse(text).unwrap().as_str(), text);
        }
        let long = "A".repeat(ZONE_BYTES_MAX + 1);
        for text in [
            "",
            "/",
            "+05",
            "America/",
            "America//Chicago",
            "../etc/passwd",
            "EST5EDT4,bad",
            "New York",
            &long,
        ] {
            assert_eq!(ZoneName::parse(text), Err(ZoneError), "{text}");
        }
    }

    #[test]
    fn the_database_knows_a_zone_in_any_case() {
        for (text, is_known) in [
            ("America/Chicago", true),
            ("america/chicago", true),
            ("Mars/Olympus", false),
        ] {
            let zone = ZoneName::parse(text).unwrap();
            assert_eq!(zone.is_known(), is_known, "{text}");
        }
        assert!(ZoneName::default().is_known());
    }

    #[test]
    fn a_nightly_time_has_two_digits_each() {
        assert_eq!(NightlyTime::parse("00:05").unwrap().to_string(), "00:05");
        for text in ["", "7:00", "24:00", "23:60", "23", "23:00:00", "+1:00"] {
            assert_eq!(NightlyTime::parse(text), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn a_pause_runs_forward_and_not_over_a_year() {
        let pause = |from, until| Pause { from, until };
        let summer = pause(date(2026, 6, 20), date(2026, 8, 15));
        assert!(summer.covers(date(2026, 8, 15)));
        assert!(!summer.covers(date(2026, 8, 16)));
        assert_eq!(check_pauses(std::slice::from_ref(&summer)), Ok(()));
        for bad in [
            pause(date(2026, 8, 15), date(2026, 8, 14)),
            pause(date(2026, 8, 15), date(2028, 8, 14)),
        ] {
            assert!(check_pauses(&[summer.clone(), bad]).is_err());
        }
        assert!(check_pauses(&vec![summer; PAUSES_MAX + 1]).is_err());
    }
}
