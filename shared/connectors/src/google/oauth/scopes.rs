//! Scopes: which are asked for, and which of them were not granted (PROVIDERS 1.4 and 1.8).

use std::collections::BTreeSet;
use std::fmt;

/// A scope that Rollcall may ask for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(&'static str);

impl Scope {
    /// The address of who signs in.
    pub const EMAIL: Self = Self("email");
    /// Read the members of groups.
    pub const GROUP_MEMBER_READONLY: Self =
        Self("https://www.googleapis.com/auth/admin.directory.group.member.readonly");
    /// Read groups.
    pub const GROUP_READONLY: Self =
        Self("https://www.googleapis.com/auth/admin.directory.group.readonly");
    /// Assign licences.
    pub const LICENSING: Self = Self("https://www.googleapis.com/auth/apps.licensing");
    /// The identity of who signs in.
    pub const OPENID: Self = Self("openid");
    /// Read and create org units.
    pub const ORGUNIT: Self = Self("https://www.googleapis.com/auth/admin.directory.orgunit");
    /// Read org units.
    pub const ORGUNIT_READONLY: Self =
        Self("https://www.googleapis.com/auth/admin.directory.orgunit.readonly");
    /// The name of who signs in.
    pub const PROFILE: Self = Self("profile");
    /// Read and write users.
    pub const USER: Self = Self("https://www.googleapis.com/auth/admin.directory.user");
    /// Read users.
    pub const USER_READONLY: Self =
        Self("https://www.googleapis.com/auth/admin.directory.user.readonly");

    /// The scope as it is asked for.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Which way a connection syncs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// From us to Google.
    Export,
    /// From Google to us.
    Import,
    /// Both ways.
    ImportExport,
}

/// The least that a connection needs: nothing to write without export, nothing about groups
/// unless a rule needs groups.
pub fn required_scopes(mode: Mode, uses_groups: bool) -> BTreeSet<Scope> {
    let mut scopes = BTreeSet::from([Scope::OPENID, Scope::EMAIL]);
    match mode {
        Mode::Import => scopes.extend([Scope::USER_READONLY, Scope::ORGUNIT_READONLY]),
        Mode::Export | Mode::ImportExport => {
            scopes.extend([Scope::USER, Scope::ORGUNIT, Scope::LICENSING]);
        }
    }
    if uses_groups && mode != Mode::Export {
        scopes.extend([Scope::GROUP_READONLY, Scope::GROUP_MEMBER_READONLY]);
    }
    scopes
}

/// What signing in needs: who it is, and nothing else of theirs.
pub fn sign_in_scopes() -> BTreeSet<Scope> {
    BTreeSet::from([Scope::EMAIL, Scope::OPENID, Scope::PROFILE])
}

/// What was asked for and is not covered by the grant. Order and repetition do not matter; an
/// alias counts as its long form, and a scope to write as one to read.
pub fn missing_scopes(asked: &BTreeSet<Scope>, granted: &BTreeSet<String>) -> BTreeSet<Scope> {
    let is_granted = |scope: &Scope| {
        granted
            .iter()
            .any(|grant| covers(expand(grant), expand(scope.0)))
    };
    asked
        .iter()
        .filter(|scope| !is_granted(scope))
        .copied()
        .collect()
}

fn expand(scope: &str) -> &str {
    match scope {
        "email" => "https://www.googleapis.com/auth/userinfo.email",
        "profile" => "https://www.googleapis.com/auth/userinfo.profile",
        other => other,
    }
}

fn covers(grant: &str, scope: &str) -> bool {
    let may_only_read = scope.strip_suffix(".readonly");
    grant == scope || may_only_read == Some(grant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> BTreeSet<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn an_import_asks_for_nothing_that_writes() {
        for scope in required_scopes(Mode::Import, true) {
            let is_identity = [Scope::OPENID, Scope::EMAIL].contains(&scope);
            assert!(
                is_identity || scope.as_str().ends_with(".readonly"),
                "{scope}"
            );
        }
    }

    #[test]
    fn groups_are_asked_for_only_when_they_are_used() {
        let groups = BTreeSet::from([Scope::GROUP_READONLY, Scope::GROUP_MEMBER_READONLY]);
        let with = required_scopes(Mode::ImportExport, true);
        let without = required_scopes(Mode::ImportExport, false);
        assert_eq!(
            with.difference(&without).copied().collect::<BTreeSet<_>>(),
            groups
        );
    }

    #[test]
    fn licences_and_writing_are_asked_for_only_with_export() {
        assert!(required_scopes(Mode::Export, false).contains(&Scope::LICENSING));
        assert!(required_scopes(Mode::ImportExport, false).contains(&Scope::USER));
        assert!(!required_scopes(Mode::Import, false).contains(&Scope::LICENSING));
    }

    #[test]
    fn an_alias_counts_as_its_long_form_whatever_the_order() {
        let asked = required_scopes(Mode::Import, false);
        let granted = grant(
            "https://www.googleapis.com/auth/admin.directory.orgunit.readonly \
             https://www.googleapis.com/auth/userinfo.email \
             https://www.googleapis.com/auth/admin.directory.user.readonly openid",
        );
        assert_eq!(missing_scopes(&asked, &granted), BTreeSet::new());
    }

    #[test]
    fn an_unticked_box_is_missing() {
        let asked = required_scopes(Mode::Import, false);
        let granted = grant("openid email https://www.googleapis.com/auth/admin.directory.user");
        assert_eq!(
            missing_scopes(&asked, &granted),
            BTreeSet::from([Scope::ORGUNIT_READONLY])
        );
        assert_eq!(missing_scopes(&asked, &BTreeSet::new()), asked);
    }
}
