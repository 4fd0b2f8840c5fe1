//! From rows to people: all rows of a person lie in one bucket by then, whatever sheets and files
//! they were in.

use super::report::{BadContent, BadRow, BadRows, Report};
use crate::error::Error;
use crate::keys;
use crate::ports::Store;
use crate::record;
use connectors::fetch::Batch;
use connectors::files::merge;
use connectors::files::oneroster::{self, RoleRow, UserRow};
use connectors::files::roster::{PersonRow, PlacementRow, RowProblem};
use jiff::civil::Date;
use mapping::ids::{ExternalId, RunId, TenantId};
use mapping::schooling::{School, SchoolKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A row on its way to a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum StagedRow {
    #[serde(rename = "p")]
    Person(Box<PersonRow>),
    #[serde(rename = "s")]
    Placement(PlacementRow),
    #[serde(rename = "r")]
    Role(RoleRow),
    #[serde(rename = "u")]
    User(Box<UserRow>),
}

/// What folding a bucket needs to know beside its rows.
pub(super) struct Folding<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) run: &'a RunId,
    /// The parts that rows were staged in.
    pub(super) parts: u32,
    /// What is known of the schools and offices of a package.
    pub(super) schools: &'a BTreeMap<ExternalId, School>,
    /// True when a package tells only some of a person's roles.
    pub(super) roles_partial: bool,
    pub(super) today: Date,
}

impl Folding<'_> {
    /// Makes the people of one bucket.
    pub(super) async fn fold(
        &self,
        store: &impl Store,
        bucket: u32,
        report: &mut Report,
        bad: &mut BadRows,
        batch: &mut Batch,
    ) -> Result<Vec<School>, Error> {
        let (mut people, mut placements) = (Vec::new(), Vec::new());
        let mut users: BTreeMap<ExternalId, UserRow> = BTreeMap::new();
        let mut roles: BTreeMap<ExternalId, Vec<RoleRow>> = BTreeMap::new();
        for part in 0..self.parts {
            let key = keys::rows(self.tenant, self.run, part, bucket);
            let rows: Option<Vec<StagedRow>> = record::read(store, &key).await?;
            for row in rows.unwrap_or_default() {
                match row {
                    StagedRow::Person(person) => people.push(*person),
                    StagedRow::Placement(placement) => placements.push(placement),
                    StagedRow::Role(role) => roles.entry(role.user.clone()).or_default().push(role),
                    StagedRow::User(user) => {
                        users.insert(user.id.clone(), *user);
                    }
                }
            }
        }
        let merged = merge::fold(people, placements);
        let placed = merged.records.len() as u64;
        batch.records.extend(merged.records);
        let kind_of =
            |org: &ExternalId| -> Option<SchoolKind> { Some(self.schools.get(org)?.kind) };
        let mut folded = 0;
        for (id, user) in users {
            let own = roles.remove(&id).unwrap_or_default();
            let mut record = oneroster::fold(user, &own, kind_of, self.today);
            record.partial = self.roles_partial;
            batch.records.push(record);
            folded += 1;
        }
        report.people += placed + folded;
        let mut problems = by_row(merged.problems);
        for person in merged.refused {
            let row = (person.sheet.clone(), person.line);
            let said = problems.remove(&row).unwrap_or_default();
            let content = BadContent::Person(Box::new(person));
            add(report, bad, said, content);
        }
        for placement in merged.refused_placements {
            let row = (placement.sheet.clone(), placement.line);
            let said = problems.remove(&row).unwrap_or_default();
            add(report, bad, said, BadContent::Placement(placement));
        }
        for problem in problems.into_values().flatten() {
            add(report, bad, vec![problem], BadContent::None);
        }
        Ok(merged.schools)
    }
}

/// What is wrong, by the sheet and the line that it is wrong with.
fn by_row(problems: Vec<RowProblem>) -> BTreeMap<(Option<String>, u32), Vec<RowProblem>> {
    let mut by_row: BTreeMap<_, Vec<RowProblem>> = BTreeMap::new();
    for problem in problems {
        let row = (problem.sheet.clone(), problem.line);
        by_row.entry(row).or_default().push(problem);
    }
    by_row
}

fn add(report: &mut Report, bad: &mut BadRows, problems: Vec<RowProblem>, content: BadContent) {
    let sheet = problems.first().and_then(|problem| problem.sheet.clone());
    let at = |name: &Option<String>| *name == sheet;
    let table = report.tables.iter().position(|table| at(&table.name));
    let row = BadRow {
        table: table.unwrap_or_default(),
        problems,
        content,
    };
    bad.add(report, &row);
}
