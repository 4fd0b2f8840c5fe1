//! What can happen, and how often.

use super::by_hand::ByHand;
use super::dice::Dice;
use super::directory::{Edit, GROUP};
use super::faults::Fault;
use crate::runs::{Lane, TriggerKind};
use crate::world::assign;
use mapping::account::Email;
use mapping::ids::RuleId;
use mapping::rules::{
    AccountType, Assignment, Attribute, Condition, DefaultIds, FilterList, FilterRule,
    FilterStatus, Leaving, LeavingAction, RuleSet, Subject,
};
use std::time::Duration;

/// One thing that happens. New kinds of things are new variants here, with an arm in
/// [`Step::choose`] and one in `Simulation::take`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Time passes, whatever the processes were doing.
    Advance(Duration),
    /// Somebody asks for runs, about all connections or about one, by its number.
    Ask(Lane, TriggerKind, Option<usize>),
    /// An administrator lets the newest held plan happen.
    Approve,
    /// Somebody does something by hand.
    ByHand(ByHand),
    /// Service chaining fails in so many of a thousand cases.
    Chaining(u64),
    /// An administrator discards the newest held plan.
    Discard,
    /// Somebody edits the directory of a connection.
    Edit(usize, Edit),
    /// A process, by its number, sleeps for so many steps.
    Freeze(usize, u64),
    /// A process, by its number, dies where it is.
    Kill(usize),
    /// The provider misbehaves in so many of a thousand answers, or behaves.
    Provider(Option<(Fault, u64)>),
    /// An administrator turns the order of the connections around.
    Reorder,
    /// An administrator edits the rules of a connection.
    Rules(usize, RuleEdit),
    /// A worker's clock is off by so many milliseconds.
    Skew(usize, i64),
    /// The store fails in so many of a thousand operations.
    Store(u64),
    /// The second connection is taken out of use, or put back.
    Toggle,
    /// The processes do so many operations, one of them, by its number, more than the others.
    Work(u64, usize),
}

/// One edit of the rules.
#[derive(Clone, Copy, Debug)]
pub(super) enum RuleEdit {
    /// Students of the org unit `/Alumni`, or not any more.
    Alumni,
    /// The people of this unit are blocked, or not any more.
    Block(&'static str),
    /// The members of a group are teachers, or not any more.
    Group,
    /// What happens to accounts whose people leave.
    Leaving(Leaving),
    /// Teachers of the org unit `/Staff`, or not any more.
    Staff,
}

impl Step {
    pub(super) fn choose(dice: &mut Dice) -> Self {
        let worker = dice.index(2);
        match dice.below(1_000) {
            0..480 => Step::Work(1 + dice.below(300), dice.index(3)),
            480..500 => Step::ByHand(ByHand::choose(dice)),
            500..640 => Step::Edit(choose_connection(dice), Edit::choose(dice)),
            640..730 => Step::Advance(choose_time(dice)),
            730..810 => choose_request(dice),
            810..840 => Step::Approve,
            840..850 => Step::Discard,
            850..875 => Step::Kill(dice.index(4)),
            875..895 => Step::Freeze(dice.index(4), 1 + dice.below(25)),
            895..900 => Step::Skew(worker, i64::try_from(dice.below(6_000)).unwrap() - 3_000),
            900..930 => Step::Provider(Some(choose_fault(dice))),
            930..955 => Step::Provider(None),
            955..960 => Step::Store(1 + dice.below(30)),
            960..970 => Step::Store(0),
            970..974 => Step::Chaining(1 + dice.below(200)),
            974..980 => Step::Chaining(0),
            980..983 => Step::Reorder,
            983..986 => Step::Toggle,
            _ => Step::Rules(choose_connection(dice), RuleEdit::choose(dice)),
        }
    }
}

fn choose_time(dice: &mut Dice) -> Duration {
    match dice.below(100) {
        0..50 => Duration::from_secs(1 + dice.below(30)),
        50..80 => Duration::from_secs(45 + dice.below(90)),
        80..96 => Duration::from_mins(3 + dice.below(60)),
        _ => Duration::from_hours(2 + dice.below(8)),
    }
}

/// The first connection is edited more often: what is quiet has other trouble than what is not.
fn choose_connection(dice: &mut Dice) -> usize {
    usize::from(dice.per_mille(350))
}

fn choose_request(dice: &mut Dice) -> Step {
    let only = dice.per_mille(300).then(|| dice.index(2));
    match dice.below(10) {
        0..5 => Step::Ask(Lane::Run, TriggerKind::Api, only),
        5..8 => Step::Ask(Lane::Run, TriggerKind::Webhook, None),
        _ => Step::Ask(Lane::Preview, TriggerKind::Api, only),
    }
}

fn choose_fault(dice: &mut Dice) -> (Fault, u64) {
    let share = dice.pick(&[30, 200, 600, 1_000]);
    (dice.pick(&Fault::ALL), share)
}

impl RuleEdit {
    fn choose(dice: &mut Dice) -> Self {
        use LeavingAction::{Delete, Keep, Suspend};
        match dice.below(10) {
            0..2 => RuleEdit::Alumni,
            2..4 => RuleEdit::Block(dice.pick(&["/Students/Grade 9", "/Staff"])),
            4..6 => RuleEdit::Group,
            6..8 => RuleEdit::Leaving(Leaving {
                deleted: dice.pick(&[Delete, Keep, Suspend, Suspend]),
                moved: dice.pick(&[Delete, Keep, Suspend, Suspend]),
            }),
            _ => RuleEdit::Staff,
        }
    }

    pub(super) fn apply(self, rules: &mut RuleSet) {
        match self {
            RuleEdit::Alumni => toggle(rules, "alumni", |rules| {
                assign(rules, "alumni", "/Alumni", AccountType::Student);
            }),
            RuleEdit::Block(unit) => block(rules, unit),
            RuleEdit::Group => toggle(rules, "aides", |rules| {
                let assignment = Assignment {
                    id: id("aides"),
                    subject: Subject::Group {
                        address: Email::parse(GROUP).unwrap(),
                    },
                    account_type: AccountType::Teacher,
                    organization: None,
                };
                let ids = DefaultIds {
                    filter: id("aides-f"),
                    mapping_set: id("aides-s"),
                };
                rules.put_assignment(assignment, &ids).unwrap();
            }),
            RuleEdit::Leaving(leaving) => rules.set_leaving(leaving).unwrap(),
            RuleEdit::Staff => toggle(rules, "staff", |rules| {
                assign(rules, "staff", "/Staff", AccountType::Teacher);
            }),
        }
    }
}

fn id(text: &str) -> RuleId {
    RuleId::parse(text).unwrap()
}

fn toggle(rules: &mut RuleSet, name: &str, add: impl FnOnce(&mut RuleSet)) {
    if rules.remove_assignment(&id(name)).is_err() {
        add(rules);
    }
}

/// Puts a rule that blocks a unit before all others, or takes it away.
fn block(rules: &mut RuleSet, unit: &str) {
    if rules.remove_filter(&FilterList::Top, &id("block")).is_err() {
        let rule = FilterRule {
            id: id("block"),
            attribute: Attribute::OrgUnitPath,
            condition: Condition::Is,
            expression: unit.to_owned(),
            status: FilterStatus::Block,
            default_of: None,
        };
        rules.add_filter(&FilterList::Top, rule, Some(0)).unwrap();
    }
}
