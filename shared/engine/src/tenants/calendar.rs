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

/// An IANA time zone that the bundled database knows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneName(String);

/// A text that is not the name of a time zone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an IANA time zone, for instance America/New_York")]
pub struct ZoneError;

impl ZoneName {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, ZoneError> {
        match TimeZone::get(text) {
            // The database compares without case; kept is how it writes the name.
            Ok(zone) => Ok(Self(zone.iana_name().ok_or(ZoneError)?.to_owned())),
            Err(_) => Err(ZoneError),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The zone. UTC if a later database should have dropped the name.
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
        let days = pause.from.until(pause.until).map_or(-1, |s| s.get_days());
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
    fn a_time_zone_is_one_of_the_database() {
        assert_eq!(
            ZoneName::parse("america/chicago").unwrap().as_str(),
            "America/Chicago"
        );
        for text in ["", "Mars/Olympus", "EST5EDT4,bad", "../etc/passwd"] {
            assert_eq!(ZoneName::parse(text), Err(ZoneError), "{text}");
        }
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
