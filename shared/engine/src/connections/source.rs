//! What is set for each provider: where a connection leads and what is read there.

mod district;
mod edit;
mod oneroster;

pub use district::{District, DistrictId, DistrictIdError};
pub use edit::{CleverEdit, ExtentEdit, OneRosterEdit};
pub use oneroster::{
    ApplicationId, ApplicationIdError, OneRosterSettings, OneRosterVersion, Placement,
    TokenSettings, Way,
};

use super::{Domain, Provider};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most domains whose addresses count as verified.
pub const EMAIL_DOMAINS_MAX: usize = 100;

/// Where a connection leads. Google's is its domain alone, as it was before there were others.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A district at Clever.
    Clever(CleverSettings),
    /// Files that are uploaded.
    Csv(Extent),
    /// The district's domain at Google.
    #[serde(rename = "domain")]
    Google(Domain),
    /// A OneRoster server, or ClassLink's.
    Oneroster(OneRosterSettings),
}

/// What of a district is read, wherever it is read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Extent {
    /// Whether the contacts of students become parents.
    #[serde(default)]
    pub guardians: bool,
    /// Whether classes and who is in them are read.
    #[serde(default = "yes")]
    pub classes: bool,
    /// Domains in which the district itself hands addresses out: these count as verified.
    #[serde(default)]
    pub email_domains: BTreeSet<Domain>,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            guardians: false,
            classes: true,
            email_domains: BTreeSet::new(),
        }
    }
}

fn yes() -> bool {
    true
}

/// Versions of Clever's API.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum CleverVersion {
    /// 3.0.
    #[serde(rename = "3.0")]
    V3p0,
    /// 3.1.
    #[default]
    #[serde(rename = "3.1")]
    V3p1,
}

/// What is set for Clever.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CleverSettings {
    /// The district, which the operator sets: our application's tokens open every district that
    /// approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<DistrictId>,
    /// The version of the API.
    #[serde(default)]
    pub version: CleverVersion,
    /// What is read.
    #[serde(flatten)]
    pub extent: Extent,
}

impl Source {
    /// Who is at the other end.
    pub fn provider(&self) -> Provider {
        match self {
            Source::Clever(_) => Provider::Clever,
            Source::Csv(_) => Provider::Csv,
            Source::Google(_) => Provider::Google,
            Source::Oneroster(_) => Provider::Oneroster,
        }
    }

    /// The domain at Google.
    pub fn google_domain(&self) -> Option<&Domain> {
        match self {
            Source::Google(domain) => Some(domain),
            Source::Clever(_) | Source::Csv(_) | Source::Oneroster(_) => None,
        }
    }

    /// What is read, where that can be set.
    pub fn extent(&self) -> Option<&Extent> {
        match self {
            Source::Clever(clever) => Some(&clever.extent),
            Source::Csv(extent) => Some(extent),
            Source::Google(_) => None,
            Source::Oneroster(oneroster) => Some(&oneroster.extent),
        }
    }

    /// The district that is read with a key that opens others too.
    pub fn district(&self) -> Option<District> {
        match self {
            Source::Clever(clever) => clever.district.clone().map(District::Clever),
            Source::Oneroster(oneroster) => match &oneroster.way {
                Way::ClasslinkPartner { tenant } => tenant.clone().map(District::Classlink),
                Way::ClasslinkProxy { .. } | Way::Direct { .. } => None,
            },
            Source::Csv(_) | Source::Google(_) => None,
        }
    }

    /// Whether it leads to another place than before. What is only read differently does not.
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        match (self, before) {
            (Source::Clever(clever), Source::Clever(before)) => clever.district != before.district,
            (Source::Csv(_), Source::Csv(_)) => false,
            (Source::Google(domain), Source::Google(before)) => domain != before,
            (Source::Oneroster(oneroster), Source::Oneroster(before)) => {
                (oneroster.version, &oneroster.way) != (before.version, &before.way)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::connections::{Connection, ConnectionSettings, Source};
    use serde_json::json;

    #[test]
    fn a_google_connection_is_stored_as_it_was_before_there_were_others() {
        let stored = json!({"id": "google", "provider": "google", "state": "active",
            "settings": {"name": "Main", "domain": "maplegrove.example", "mode": "import"},
            "created_at_ms": 7});
        let connection: Connection = serde_json::from_value(stored.clone()).unwrap();
        let domain = connection.settings.source.google_domain().unwrap();
        assert_eq!(domain.as_str(), "maplegrove.example");
        assert_eq!(serde_json::to_value(&connection).unwrap(), stored);
    }

    #[test]
    fn settings_of_every_provider_read_back_as_they_were_written() {
        for source in [
            json!({"clever": {"district": "5f3a", "version": "3.0", "guardians": true,
                "classes": true, "email_domains": ["a.example"]}}),
            json!({"csv": {"guardians": false, "classes": false, "email_domains": []}}),
            json!({"domain": "a.example"}),
            json!({"oneroster": {"version": "1.2", "guardians": false, "classes": true,
                "email_domains": [], "way": {"kind": "direct", "base_url": "https://sis.example",
                    "token": {"token_url": "https://sis.example/token", "placement": "query",
                        "scopes": []}}}}),
            json!({"oneroster": {"version": "1.1", "guardians": false, "classes": true,
                "email_domains": [], "way": {"kind": "classlink_partner", "tenant": "9021"}}}),
        ] {
            let mut settings = json!({"name": "n", "mode": "import"});
            settings
                .as_object_mut()
                .unwrap()
                .extend(source.as_object().unwrap().clone());
            let read: ConnectionSettings = serde_json::from_value(settings.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), settings);
            assert!(!read.source.leads_elsewhere(&read.source));
            let other = Source::Google("b.example".to_owned().try_into().unwrap());
            assert!(other.leads_elsewhere(&read.source));
        }
    }
}
