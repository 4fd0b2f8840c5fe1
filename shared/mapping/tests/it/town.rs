//! Several sources of one district, each with its own rules, snapshot and base, planned one after
//! the other as runs are.

use crate::district::{NOW_MS, account_id, external, organization};
use mapping::account::{Account, Email, Role};
use mapping::evaluate::CompiledRules;
use mapping::ids::{ConnectionId, ExternalId, OrganizationId};
use mapping::plan::{
    Absence, BaseEntry, BaseUpdate, Observation, Resolution, StepInput, apply, step,
};
use mapping::rules::{RuleSet, RuleSetVersion, SchoolChoice, SchoolRules};
use mapping::schooling::{School, SchoolKind};
use mapping::source::{Placement, SourceRecord};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn connection(name: &str) -> ConnectionId {
    ConnectionId::parse(name).unwrap()
}

pub(crate) fn school(id: &str, name: &str) -> School {
    School {
        id: external(id),
        name: name.to_owned(),
        kind: SchoolKind::School,
        identifier: None,
        parent: None,
    }
}

pub(crate) fn placement(school: &str, role: Role, grade: Option<&str>) -> Placement {
    Placement {
        school: external(school),
        role,
        grade: grade.map(str::to_owned),
    }
}

/// A person whom a source places itself; the address is verified.
pub(crate) fn placed(id: &str, placements: impl IntoIterator<Item = Placement>) -> SourceRecord {
    SourceRecord {
        external_id: external(id),
        email: Some(Email::parse(&format!("{id}@maplegrove.example")).unwrap()),
        email_verified: true,
        username: Some(id.to_owned()),
        given_name: id.to_owned(),
        family_name: "Moss".to_owned(),
        org_unit_path: None,
        groups: BTreeSet::new(),
        roles: BTreeSet::new(),
        placements: placements.into_iter().collect(),
        grade: None,
        partial: false,
        suspended: false,
    }
}

/// Rules that take every school over.
pub(crate) fn everything() -> RuleSet {
    RuleSet {
        version: RuleSetVersion(1),
        schools: SchoolRules {
            take: SchoolChoice::All,
            links: Vec::new(),
        },
        ..RuleSet::default()
    }
}

/// One source.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) rules: RuleSet,
    pub(crate) schools: Vec<School>,
    pub(crate) people: BTreeMap<ExternalId, SourceRecord>,
    pub(crate) base: BTreeMap<ExternalId, BaseEntry>,
    pub(crate) resolutions: BTreeMap<ExternalId, Resolution>,
}

/// A district with its sources, in the order in which their word counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Town {
    pub(crate) order: Vec<ConnectionId>,
    pub(crate) sources: BTreeMap<ConnectionId, Source>,
    pub(crate) organizations: BTreeMap<OrganizationId, String>,
    pub(crate) accounts: BTreeMap<mapping::ids::AccountId, Account>,
}

impl Town {
    /// Adds a source with one school, "oak".
    pub(crate) fn source(&mut self, name: &str, people: Vec<SourceRecord>) -> &mut Source {
        self.order.push(connection(name));
        let source = Source {
            rules: everything(),
            schools: vec![school("oak", "Oak"), school("elm", "Elm")],
            people: people
                .into_iter()
                .map(|person| (person.external_id.clone(), person))
                .collect(),
            base: BTreeMap::new(),
            resolutions: BTreeMap::new(),
        };
        self.sources.entry(connection(name)).or_insert(source)
    }

    pub(crate) fn person(&mut self, source: &str, id: &str) -> &mut SourceRecord {
        let source = self.sources.get_mut(&connection(source)).unwrap();
        source.people.get_mut(&external(id)).unwrap()
    }

    pub(crate) fn remove(&mut self, source: &str, id: &str) {
        let source = self.sources.get_mut(&connection(source)).unwrap();
        source.people.remove(&external(id)).unwrap();
    }

    pub(crate) fn account(&self, id: &str) -> &Account {
        &self.accounts[&account_id(id)]
    }

    /// Makes everybody be compared again, as a new order of connections does.
    pub(crate) fn reorder(&mut self, names: &[&str]) {
        self.order = names.iter().map(|name| connection(name)).collect();
        for source in self.sources.values_mut() {
            source.rules.version = RuleSetVersion(source.rules.version.0 + 1);
        }
    }

    /// Runs one source and carries its plan out; gives the plan and its issues in lines.
    pub(crate) fn run(&mut self, name: &str) -> String {
        let connection = connection(name);
        let source = self.sources.get_mut(&connection).unwrap();
        let derive = |school: &ExternalId| organization(&format!("org-{school}"));
        let places = (source.rules.schools).place(&source.schools, &self.organizations, derive);
        self.organizations.extend(places.new.clone());
        let rules = CompiledRules::new(&source.rules).with_schools(places);
        let mut lines = Vec::new();
        let ids: BTreeSet<ExternalId> = (source.people.keys().chain(source.base.keys()))
            .cloned()
            .collect();
        for id in ids {
            let record = source.people.get(&id);
            let base = source.base.get(&id);
            let account = base.and_then(|base| self.accounts.get(&base.account));
            let resolution = source.resolutions.get(&id);
            let email = record.and_then(|record| record.email.as_ref());
            let by_email = self.accounts.values().find(|other| {
                email.is_some()
                    && other.email.as_ref() == email
                    && account.map(|account| &account.id) != Some(&other.id)
            });
            let matched = match resolution {
                Some(Resolution::Link { account }) => self.accounts.get(account),
                _ => by_email,
            };
            let outcome = step(&StepInput {
                connection: &connection,
                rules: &rules,
                observation: match record {
                    Some(record) => Observation::Present(record),
                    None => Observation::Absent {
                        external_id: &id,
                        absence: Absence::Deleted,
                    },
                },
                base,
                account,
                matched,
                email_shared: false,
                resolution,
                precedence: &self.order,
                new_account_id: account_id(&format!("{name}-{id}")),
                now_ms: NOW_MS,
            });
            lines.extend(outcome.change.iter().map(ToString::to_string));
            lines.extend(outcome.issues.iter().map(ToString::to_string));
            apply(&outcome.change, &mut self.accounts);
            match outcome.base {
                BaseUpdate::Keep => {}
                BaseUpdate::Put(entry) => {
                    source.base.insert(id, entry);
                }
                BaseUpdate::Remove => {
                    source.base.remove(&id);
                }
            }
        }
        lines.join("\n")
    }
}
