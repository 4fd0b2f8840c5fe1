//! The operator's list of hosts that districts may name.

use super::Origin;

/// Hosts that may be named. An entry is a host, `*.suffix` for every host below it, `*` for any
/// public host, or a whole origin such as `http://127.0.0.1:8080`, which is then allowed as it is,
/// public or not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AllowList(Vec<Entry>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Entry {
    Any,
    Host(String),
    Origin(Origin),
    /// With its dot in front.
    Suffix(String),
}

/// An entry that is none of what an entry can be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{entry:?} is neither a host, nor *.suffix, nor *, nor an origin such as https://host:port: correct the list of hosts"
)]
pub struct AllowListError {
    /// The entry.
    pub entry: String,
}

impl AllowList {
    /// Reads a list with commas or spaces between its entries. An empty one allows nothing.
    pub fn parse(text: &str) -> Result<Self, AllowListError> {
        text.split(|c: char| c == ',' || c.is_whitespace())
            .filter(|entry| !entry.is_empty())
            .map(Entry::parse)
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
    }

    pub(super) fn has_origin(&self, origin: &Origin) -> bool {
        self.0
            .iter()
            .any(|entry| matches!(entry, Entry::Origin(allowed) if allowed == origin))
    }

    pub(super) fn has_host(&self, host: &str) -> bool {
        self.0.iter().any(|entry| match entry {
            Entry::Any => true,
            Entry::Host(allowed) => host == allowed,
            Entry::Origin(_) => false,
            Entry::Suffix(suffix) => host.ends_with(suffix.as_str()),
        })
    }
}

impl Entry {
    fn parse(entry: &str) -> Result<Self, AllowListError> {
        let error = || AllowListError {
            entry: entry.to_owned(),
        };
        if entry == "*" {
            return Ok(Entry::Any);
        }
        if entry.contains("://") {
            let origin = Origin::of(entry).map_err(|_| error())?;
            let rest = entry.split_once("://").map_or("", |(_, rest)| rest);
            let has_path = rest.trim_end_matches('/').contains('/');
            return if has_path {
                Err(error())
            } else {
                Ok(Entry::Origin(origin))
            };
        }
        let lower = entry.to_ascii_lowercase();
        let (is_suffix, name) = match lower.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, lower.as_str()),
        };
        let is_name =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '[' | ']' | ':');
        let is_whole = !name.is_empty() && !name.starts_with('.') && !name.ends_with('.');
        if !is_whole || !name.chars().all(is_name) {
            return Err(error());
        }
        Ok(if is_suffix {
            Entry::Suffix(format!(".{name}"))
        } else {
            Entry::Host(name.to_owned())
        })
    }
}
