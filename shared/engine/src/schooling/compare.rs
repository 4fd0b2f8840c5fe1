//! Compares what a snapshot shows beside people with what the roster has.

use super::shown::keep_members;
use super::{
    MEMBERS_PER_ROW, SCHOOLS_BUCKET, SchoolingChange, SchoolingRow, Shown, map_of, schools_range,
};
use crate::error::Error;
use crate::evaluation::Evaluator;
use crate::planning::{PlanProgress, PlanWriter};
use crate::ports::Store;
use crate::roster::shard::Range;
use crate::staging::BUCKET_BITS;
use mapping::guard::IDS_NAMED_MAX;
use mapping::ids::ExternalId;
use mapping::schooling::{School, Schooling};
use std::collections::BTreeMap;

/// What a bucket comes to.
#[derive(Default)]
struct Comparison {
    changes: Vec<SchoolingChange>,
    rows: u64,
    members: u64,
}

impl Comparison {
    fn keep(&mut self, value: &Schooling) {
        self.rows += 1;
        if let Schooling::Class(class) = value {
            self.members += class.members.len() as u64;
        }
    }

    fn put(&mut self, row: SchoolingRow) {
        self.keep(&row.value);
        self.changes.push(SchoolingChange::Put(Box::new(row)));
    }

    /// Adds what is to be done to the plan.
    fn finish(self, progress: &mut PlanProgress, writer: &mut PlanWriter<'_>, bucket: u32) {
        progress.schooling.size += self.rows * MEMBERS_PER_ROW + self.members;
        if !self.changes.is_empty() {
            writer.schooling(progress, bucket, &self.changes);
        }
    }
}

impl Evaluator<'_> {
    /// Compares the classes, courses and sessions of one bucket. Where nothing may be taken away,
    /// rows and members that are not shown stay.
    pub(crate) async fn compare_shown(
        &self,
        store: &impl Store,
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        (bucket, shown): (u32, Shown),
        removes_missing: bool,
    ) -> Result<(), Error> {
        let range = Range {
            bits: BUCKET_BITS,
            index: bucket,
        };
        let map = map_of(self.connection);
        let old: Vec<SchoolingRow> = self.reader.range(store, &map, range).await?;
        if old.is_empty() && shown.is_empty() {
            return Ok(());
        }
        let (mut rows, mut beside) = shown.into_rows();
        let mut comparison = Comparison::default();
        for old in old {
            if matches!(old.value, Schooling::School(_)) {
                continue;
            }
            let new = match rows.remove(&old.key) {
                Some(new) if removes_missing => Some(new),
                Some(mut new) => {
                    keep_members(&old.value, &mut new);
                    Some(new)
                }
                None if removes_missing => None,
                None => {
                    let added = beside.added_to(&old);
                    if added.is_none() {
                        comparison.keep(&old.value);
                        continue;
                    }
                    added
                }
            };
            match new {
                Some(new) if new == old.value => comparison.keep(&new),
                Some(new) => {
                    progress.schooling.counts.add(Some(&old.value), Some(&new));
                    comparison.put(SchoolingRow { value: new, ..old });
                }
                None => {
                    progress.schooling.counts.add(Some(&old.value), None);
                    comparison.changes.push(SchoolingChange::Remove(old.key));
                }
            }
        }
        for (key, value) in rows {
            progress.schooling.counts.add(None, Some(&value));
            comparison.put(SchoolingRow {
                key,
                value,
                has_people: false,
            });
        }
        comparison.finish(progress, writer, bucket);
        Ok(())
    }

    /// Compares the schools, once all people are known.
    pub(crate) async fn compare_schools(
        &self,
        store: &impl Store,
        progress: &mut PlanProgress,
        writer: &mut PlanWriter<'_>,
        schools: Vec<School>,
        removes_missing: bool,
    ) -> Result<(), Error> {
        let map = map_of(self.connection);
        let old: Vec<SchoolingRow> = self.reader.range(store, &map, schools_range()).await?;
        let mut new: BTreeMap<ExternalId, School> = BTreeMap::new();
        new.extend(
            schools
                .into_iter()
                .map(|school| (school.id.clone(), school)),
        );
        let mut comparison = Comparison::default();
        for old in old {
            let Schooling::School(known) = &old.value else {
                continue;
            };
            let kept = new.remove(&known.id);
            let id = known.id.clone();
            let has_people =
                progress.schooling.peopled.contains(&id) || (!removes_missing && old.has_people);
            match kept {
                Some(school) => {
                    let row = SchoolingRow {
                        key: old.key.clone(),
                        value: Schooling::School(school),
                        has_people,
                    };
                    if row == old {
                        comparison.keep(&row.value);
                    } else {
                        let (before, after) = (Some(&old.value), Some(&row.value));
                        progress.schooling.counts.add(before, after);
                        comparison.put(row);
                    }
                }
                None if removes_missing => {
                    if old.has_people {
                        progress.schooling.schools_gone += 1;
                        if progress.schooling.schools_gone_ids.len() < IDS_NAMED_MAX {
                            progress.schooling.schools_gone_ids.push(id);
                        }
                    }
                    progress.schooling.counts.add(Some(&old.value), None);
                    comparison.changes.push(SchoolingChange::Remove(old.key));
                }
                None => comparison.keep(&old.value),
            }
        }
        for (id, school) in new {
            let has_people = progress.schooling.peopled.contains(&id);
            let row = SchoolingRow {
                has_people,
                ..SchoolingRow::new(Schooling::School(school))
            };
            progress.schooling.counts.add(None, Some(&row.value));
            comparison.put(row);
        }
        comparison.finish(progress, writer, SCHOOLS_BUCKET);
        Ok(())
    }
}
