//! A small district to perturb: rules, records, and a planner over whole snapshots in memory.

use mapping::account::{Account, Email, Role, UserType};
use mapping::evaluate::{CompiledRules, Evaluation, evaluate};
use mapping::ids::{AccountId, ConnectionId, ExternalId, OrganizationId, RuleId};
use mapping::issue::Issue;
use mapping::plan::{
    Absence, BaseEntry, BaseUpdate, Change, Observation, StepInput, StepOutcome, apply, step,
};
use mapping::rules::{
    AccountType, Assignment, Attribute, Condition, DefaultIds, FilterList, FilterRule,
    FilterStatus, MappingSet, OrgUnitLink, OrgUnitRef, RuleSet, Subject,
};
use mapping::source::{Group, SourceRecord};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

pub(crate) fn rule_id(text: &str) -> RuleId {
    RuleId::parse(text).unwrap()
}

pub(crate) fn organization(text: &str) -> OrganizationId {
    OrganizationId::parse(text).unwrap()
}

pub(crate) fn connection() -> ConnectionId {
    ConnectionId::parse("google").unwrap()
}

pub(crate) fn external(text: &str) -> ExternalId {
    ExternalId::parse(text).unwrap()
}

pub(crate) fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

pub(crate) fn default_ids(owner: &str) -> DefaultIds {
    DefaultIds {
        filter: rule_id(&format!("{owner}-allow")),
        mapping_set: rule_id(&format!("{owner}-set")),
    }
}

pub(crate) fn unit(path: &str) -> OrgUnitRef {
    OrgUnitRef {
        id: Some(format!("id:{path}")),
        path: path.to_owned(),
    }
}

pub(crate) fn link(id: &str, path: &str, role: Role) -> OrgUnitLink {
    OrgUnitLink {
        id: rule_id(id),
        unit: unit(path),
        organization: organization("oak"),
        include_sub_units: false,
        role,
        user_type: Some(match role {
            Role::Student => UserType::Student,
            Role::Parent => UserType::Parent,
            Role::Admin | Role::Staff | Role::Teacher => UserType::Staff,
        }),
    }
}

pub(crate) fn group_assignment(id: &str, address: &str, account_type: AccountType) -> Assignment {
    Assignment {
        id: rule_id(id),
        subject: Subject::Group {
            address: Email::parse(address).unwrap(),
        },
        account_type,
        organization: None,
    }
}

pub(crate) fn filter(
    id: &str,
    attribute: Attribute,
    condition: Condition,
    expression: &str,
    status: FilterStatus,
) -> FilterRule {
    FilterRule {
        id: rule_id(id),
        attribute,
        condition,
        expression: expression.to_owned(),
        status,
        default_of: None,
    }
}

pub(crate) fn mapping_set(id: &str, filters: Vec<FilterRule>) -> MappingSet {
    MappingSet {
        id: rule_id(id),
        name: format!("Set {id}"),
        organization: organization("elm"),
        role: Role::Student,
        user_type: None,
        grade: None,
        filters,
        default_of: None,
    }
}

pub(crate) fn group(address: &str, name: &str) -> Group {
    Group {
        address: address.to_owned(),
        name: name.to_owned(),
    }
}

pub(crate) fn person(name: &str, path: &str) -> SourceRecord {
    SourceRecord {
        external_id: external(&format!("x-{name}")),
        email: Some(Email::parse(&format!("{name}@maplegrove.example")).unwrap()),
        email_verified: true,
        username: None,
        given_name: name.to_owned(),
        family_name: "Moss".to_owned(),
        org_unit_path: Some(path.to_owned()),
        groups: BTreeSet::new(),
        roles: BTreeSet::new(),
        placements: BTreeSet::new(),
        grade: None,
        partial: false,
        suspended: false,
    }
}

/// Two links: students with the units below, teachers without.
pub(crate) fn school_rules() -> RuleSet {
    let mut rules = RuleSet::default();
    let students = OrgUnitLink {
        include_sub_units: true,
        ..link("students", "/Students", Role::Student)
    };
    rules.put_link(students, &default_ids("students")).unwrap();
    let teachers = link("teachers", "/Teachers", Role::Teacher);
    rules.put_link(teachers, &default_ids("teachers")).unwrap();
    rules
}

pub(crate) fn block_first(rules: &mut RuleSet, id: &str, path: &str) {
    let rule = filter(
        id,
        Attribute::OrgUnitPath,
        Condition::StartsWith,
        path,
        FilterStatus::Block,
    );
    rules.add_filter(&FilterList::Top, rule, Some(0)).unwrap();
}

/// A whole district: rules, what the source shows, and what is on the roster.
#[derive(Clone, Debug)]
pub(crate) struct District {
    pub(crate) rules: RuleSet,
    pub(crate) records: Vec<SourceRecord>,
    /// Why people who are not shown any more are absent; deleted unless it says otherwise.
    pub(crate) absences: BTreeMap<ExternalId, Absence>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) base: BTreeMap<ExternalId, BaseEntry>,
}

/// What a run over the whole district would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) changes: Vec<Change>,
    pub(crate) base: BTreeMap<ExternalId, BaseUpdate>,
    pub(crate) issues: Vec<Issue>,
}

impl Plan {
    pub(crate) fn lines(&self) -> String {
        let changes = self.changes.iter().map(Change::to_string);
        let issues = self.issues.iter().map(|issue| format!("issue: {issue}"));
        changes.chain(issues).collect::<Vec<_>>().join("\n")
    }
}

impl District {
    pub(crate) fn new(rules: RuleSet, records: Vec<SourceRecord>) -> Self {
        Self {
            rules,
            records,
            absences: BTreeMap::new(),
            accounts: BTreeMap::new(),
            base: BTreeMap::new(),
        }
    }

    /// Three people, imported.
    pub(crate) fn in_sync() -> Self {
        let mut district = Self::new(
            school_rules(),
            vec![
                person("ana", "/Students/Grade 9"),
                person("ben", "/Students"),
                person("tea", "/Teachers"),
            ],
        );
        district.run();
        assert_eq!(district.plan(), Plan::default());
        district
    }

    pub(crate) fn record(&mut self, name: &str) -> &mut SourceRecord {
        let id = external(&format!("x-{name}"));
        let mut records = self.records.iter_mut();
        records.find(|record| record.external_id == id).unwrap()
    }

    pub(crate) fn account(&mut self, name: &str) -> &mut Account {
        self.accounts
            .get_mut(&account_id(&format!("a-{name}")))
            .unwrap()
    }

    pub(crate) fn remove(&mut self, name: &str, absence: Absence) {
        let id = external(&format!("x-{name}"));
        self.records.retain(|record| record.external_id != id);
        self.absences.insert(id, absence);
    }

    pub(crate) fn plan(&self) -> Plan {
        let rules = CompiledRules::new(&self.rules);
        let mut plan = Plan::default();
        let shown: BTreeMap<&ExternalId, &SourceRecord> = self
            .records
            .iter()
            .map(|record| (&record.external_id, record))
            .collect();
        let ids: BTreeSet<&ExternalId> = shown.keys().copied().chain(self.base.keys()).collect();
        for id in ids {
            let outcome = self.step(&rules, id, shown.get(id).copied());
            plan.changes.extend(outcome.change);
            plan.issues.extend(outcome.issues);
            if outcome.base != BaseUpdate::Keep {
                plan.base.insert(id.clone(), outcome.base);
            }
        }
        plan
    }

    fn step(
        &self,
        rules: &CompiledRules,
        id: &ExternalId,
        record: Option<&SourceRecord>,
    ) -> StepOutcome {
        let base = self.base.get(id);
        let account = match base {
            Some(base) => self.accounts.get(&base.account),
            None => self.accounts.values().find(|account| {
                (account.sources.iter())
                    .any(|link| link.connection == connection() && link.external_id == *id)
            }),
        };
        let email = record.and_then(|record| record.email.as_ref());
        let holders = self.accounts.values().filter(|other| {
            email.is_some()
                && other.email.as_ref() == email
                && Some(&other.id) != account.map(|account| &account.id)
        });
        let sharing = |other: &&SourceRecord| email.is_some() && other.email.as_ref() == email;
        step(&StepInput {
            connection: &connection(),
            rules,
            observation: match record {
                Some(record) => Observation::Present(record),
                None => Observation::Absent {
                    external_id: id,
                    absence: self.absences.get(id).copied().unwrap_or(Absence::Deleted),
                },
            },
            base,
            account,
            matched: holders.min_by_key(|other| other.deleted_at_ms.is_some()),
            resolution: None,
            precedence: &[],
            email_shared: self.records.iter().filter(sharing).count() > 1,
            new_account_id: account_id(&id.as_str().replacen('x', "a", 1)),
            now_ms: NOW_MS,
        })
    }

    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        apply(&plan.changes, &mut self.accounts);
        for (id, update) in &plan.base {
            match update {
                BaseUpdate::Keep => {}
                BaseUpdate::Put(entry) => {
                    self.base.insert(id.clone(), entry.clone());
                }
                BaseUpdate::Remove => {
                    self.base.remove(id);
                }
            }
        }
    }

    /// Plans and carries out; gives the plan in lines.
    pub(crate) fn run(&mut self) -> String {
        let plan = self.plan();
        self.carry_out(&plan);
        plan.lines()
    }
}

/// True when the rules bring the person in.
pub(crate) fn is_in_scope(rules: &RuleSet, record: &SourceRecord) -> bool {
    matches!(
        evaluate(&CompiledRules::new(rules), record),
        Evaluation::InScope(_)
    )
}
