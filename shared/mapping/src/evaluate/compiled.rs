//! Rules made ready for comparing: expressions lower-cased, patterns cut, owners looked up.

use crate::account::{Role, UserType};
use crate::ant_path::AntPattern;
use crate::ids::{OrganizationId, RuleId};
use crate::rules::{
    AccountType, Attribute, Condition, FilterRule, FilterStatus, Leaving, MappingSet, RuleSet,
    RuleSetVersion, SchoolPlaces, Subject, covers_path, is_exact_address,
};
use crate::source::SourceRecord;

/// A rule set made ready for evaluating many records.
#[derive(Clone, Debug)]
pub struct CompiledRules {
    pub(super) owners: Vec<Owner>,
    pub(super) filters: Vec<Filter>,
    pub(super) sets: Vec<Set>,
    /// What became of the schools that the source states; `None` when that is not used.
    pub(super) schools: Option<SchoolPlaces>,
    leaving: Leaving,
    version: RuleSetVersion,
}

impl CompiledRules {
    /// Compiles a rule set. Rules that [`RuleSet::validate`] would refuse compile too; a default
    /// without its owner matches nobody.
    pub fn new(rules: &RuleSet) -> Self {
        let links = rules.links.iter().map(|link| Owner {
            id: link.id.clone(),
            reach: Reach::Unit(link.unit.path.to_lowercase(), link.include_sub_units),
            account_type: None,
        });
        let assignments = rules.assignments.iter().map(|assignment| Owner {
            id: assignment.id.clone(),
            reach: match &assignment.subject {
                Subject::Group { address } => Reach::Group(address.as_str().to_owned()),
                Subject::OrgUnit {
                    unit,
                    include_sub_units,
                } => Reach::Unit(unit.path.to_lowercase(), *include_sub_units),
            },
            account_type: Some(assignment.account_type),
        });
        let owners: Vec<Owner> = links.chain(assignments).collect();
        Self {
            filters: compile_filters(&rules.filters, &owners),
            sets: rules
                .mapping_sets
                .iter()
                .map(|set| Set::new(set, &owners))
                .collect(),
            owners,
            schools: None,
            leaving: rules.leaving,
            version: rules.version,
        }
    }

    /// The same rules for a source that states schools and roles itself: `places` are what became
    /// of its schools, see [`crate::rules::SchoolRules::place`].
    #[must_use]
    pub fn with_schools(self, places: SchoolPlaces) -> Self {
        Self {
            schools: Some(places),
            ..self
        }
    }

    /// What happens to accounts whose people leave.
    pub fn leaving(&self) -> Leaving {
        self.leaving
    }

    /// The version of the rule set.
    pub fn version(&self) -> RuleSetVersion {
        self.version
    }
}

/// A link or an assignment.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) id: RuleId,
    reach: Reach,
    /// `None` for links.
    pub(super) account_type: Option<AccountType>,
}

#[derive(Clone, Debug)]
enum Reach {
    Group(String),
    Unit(String, bool),
}

/// A filter rule.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) id: RuleId,
    pub(super) status: FilterStatus,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// Holds for whom the owner at this index covers.
    Covered(usize),
    /// Compares the values of an attribute.
    Compare {
        attribute: Attribute,
        comparison: Comparison,
        negative: bool,
        addresses_only: bool,
    },
    /// Holds for nobody.
    Never,
}

#[derive(Clone, Debug)]
enum Comparison {
    AntPath(AntPattern),
    Contains(String),
    Equals(String),
    StartsWith(String),
}

impl Comparison {
    fn holds(&self, value: &str) -> bool {
        match self {
            Comparison::AntPath(pattern) => pattern.matches(value),
            Comparison::Contains(part) => value.contains(part.as_str()),
            Comparison::Equals(whole) => value == whole,
            Comparison::StartsWith(start) => value.starts_with(start.as_str()),
        }
    }
}

/// A mapping set.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) id: RuleId,
    pub(super) organization: OrganizationId,
    pub(super) role: Role,
    pub(super) user_type: Option<UserType>,
    pub(super) grade: Option<String>,
    /// For a default set, which has no filter rules: whom its owner covers.
    default: Option<Test>,
    pub(super) filters: Vec<Filter>,
}

impl Set {
    fn new(set: &MappingSet, owners: &[Owner]) -> Self {
        Self {
            id: set.id.clone(),
            organization: set.organization.clone(),
            role: set.role,
            user_type: set.user_type,
            grade: set.grade.clone(),
            default: (set.default_of.as_ref()).map(|owner| default_test(owners, owner)),
            filters: compile_filters(&set.filters, owners),
        }
    }

    pub(super) fn matches(&self, facts: &Facts<'_>) -> bool {
        match &self.default {
            Some(test) => facts.meet(test),
            None => first_match(&self.filters, facts)
                .is_some_and(|rule| rule.status == FilterStatus::Allow),
        }
    }
}

fn default_test(owners: &[Owner], id: &RuleId) -> Test {
    (owners.iter().position(|owner| owner.id == *id)).map_or(Test::Never, Test::Covered)
}

fn compile_filters(filters: &[FilterRule], owners: &[Owner]) -> Vec<Filter> {
    filters
        .iter()
        .map(|rule| Filter {
            id: rule.id.clone(),
            status: rule.status,
            test: match &rule.default_of {
                Some(owner) => default_test(owners, owner),
                None => compile_test(rule),
            },
        })
        .collect()
}

fn compile_test(rule: &FilterRule) -> Test {
    let expression = rule.expression.to_lowercase();
    let (comparison, negative) = match rule.condition {
        Condition::AntPath => (Comparison::AntPath(AntPattern::new(&expression)), false),
        Condition::Contains => (Comparison::Contains(expression), false),
        Condition::DoesntContain => (Comparison::Contains(expression), true),
        Condition::Is => (Comparison::Equals(expression), false),
        Condition::IsNot => (Comparison::Equals(expression), true),
        Condition::StartsWith => (Comparison::StartsWith(expression), false),
    };
    Test::Compare {
        attribute: rule.attribute,
        comparison,
        negative,
        addresses_only: is_exact_address(rule.condition, &rule.expression),
    }
}

/// What the rules compare of one record, lower-cased once.
pub(super) struct Facts<'a> {
    path: Option<String>,
    /// Address and name of each group.
    groups: Vec<(String, String)>,
    owners: &'a [Owner],
    /// Whether the owner at the same index covers the person.
    covered: Vec<bool>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(rules: &'a CompiledRules, record: &SourceRecord) -> Self {
        let path = record
            .org_unit_path
            .as_ref()
            .map(|path| path.to_lowercase());
        let groups: Vec<(String, String)> = record
            .groups
            .iter()
            .map(|group| (group.address.to_lowercase(), group.name.to_lowercase()))
            .collect();
        let covered = rules
            .owners
            .iter()
            .map(|owner| match &owner.reach {
                Reach::Group(address) => groups.iter().any(|(known, _)| known == address),
                Reach::Unit(unit, include_sub_units) => path
                    .as_ref()
                    .is_some_and(|path| covers_path(unit, *include_sub_units, path)),
            })
            .collect();
        Self {
            path,
            groups,
            owners: &rules.owners,
            covered,
        }
    }

    pub(super) fn is_covered(&self) -> bool {
        self.covered.contains(&true)
    }

    pub(super) fn covering(&self) -> impl Iterator<Item = &Owner> {
        let owners = self.owners.iter().zip(&self.covered);
        owners
            .filter(|(_, covered)| **covered)
            .map(|(owner, _)| owner)
    }

    fn is_covered_by(&self, owner: usize) -> bool {
        self.covered.get(owner).copied().unwrap_or_default()
    }

    pub(super) fn match_rule(&self, filter: &Filter) -> bool {
        self.meet(&filter.test)
    }

    fn meet(&self, test: &Test) -> bool {
        match test {
            Test::Covered(owner) => self.is_covered_by(*owner),
            Test::Compare {
                attribute: Attribute::OrgUnitPath,
                comparison,
                negative,
                ..
            } => {
                self.path
                    .as_ref()
                    .is_some_and(|path| comparison.holds(path))
                    != *negative
            }
            Test::Compare {
                attribute: Attribute::GroupsMembership,
                comparison,
                negative,
                addresses_only,
            } => {
                let any = self.groups.iter().any(|(address, name)| {
                    comparison.holds(address)
                        || (!addresses_only && !name.is_empty() && comparison.holds(name))
                });
                any != *negative
            }
            Test::Never => false,
        }
    }
}

/// The rule that decides: the first that matches.
pub(super) fn first_match<'a>(filters: &'a [Filter], facts: &Facts<'_>) -> Option<&'a Filter> {
    filters.iter().find(|filter| facts.match_rule(filter))
}
