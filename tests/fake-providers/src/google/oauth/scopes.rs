//! The scopes Google knows (PROVIDERS 1.8).

use std::collections::BTreeSet;

const PREFIX: &str = "https://www.googleapis.com/auth/";

const KNOWN: [&str; 21] = [
    "admin.directory.customer",
    "admin.directory.customer.readonly",
    "admin.directory.domain",
    "admin.directory.domain.readonly",
    "admin.directory.group",
    "admin.directory.group.member",
    "admin.directory.group.member.readonly",
    "admin.directory.group.readonly",
    "admin.directory.orgunit",
    "admin.directory.orgunit.readonly",
    "admin.directory.user",
    "admin.directory.user.alias",
    "admin.directory.user.alias.readonly",
    "admin.directory.user.readonly",
    "admin.directory.user.security",
    "admin.directory.userschema",
    "admin.directory.userschema.readonly",
    "admin.reports.audit.readonly",
    "apps.licensing",
    "userinfo.email",
    "userinfo.profile",
];

/// The scopes of a request with short names written out; the first unknown one otherwise.
pub(super) fn parse(text: &str) -> Result<BTreeSet<String>, String> {
    text.split_ascii_whitespace().map(expand).collect()
}

fn expand(scope: &str) -> Result<String, String> {
    match scope {
        "openid" => Ok(scope.to_owned()),
        "email" | "profile" => Ok(format!("{PREFIX}userinfo.{scope}")),
        _ => {
            let known = scope
                .strip_prefix(PREFIX)
                .is_some_and(|name| KNOWN.contains(&name));
            if known {
                Ok(scope.to_owned())
            } else {
                Err(scope.to_owned())
            }
        }
    }
}

/// Whether an id token belongs to these scopes. Any sign-in scope brings `openid`.
pub(super) fn identify(scopes: &BTreeSet<String>) -> bool {
    scopes.contains("openid") || has_email(scopes) || has_profile(scopes)
}

pub(super) fn has_email(scopes: &BTreeSet<String>) -> bool {
    scopes.contains("https://www.googleapis.com/auth/userinfo.email")
}

pub(super) fn has_profile(scopes: &BTreeSet<String>) -> bool {
    scopes.contains("https://www.googleapis.com/auth/userinfo.profile")
}

/// The `scope` of an answer. Google's order is not that of the request.
pub(super) fn join(scopes: &BTreeSet<String>) -> String {
    let scopes: Vec<&str> = scopes.iter().rev().map(String::as_str).collect();
    scopes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_written_out_and_unknown_ones_refused() {
        let scopes = parse("openid email").unwrap();
        assert!(has_email(&scopes) && identify(&scopes) && !has_profile(&scopes));
        assert_eq!(parse("openid nope"), Err("nope".to_owned()));
        assert!(parse("https://www.googleapis.com/auth/admin.directory.users").is_err());
    }
}
