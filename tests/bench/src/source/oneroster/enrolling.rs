//! More enrolments than the district has of itself: every student has four classes there, and real
//! ones have more.

use anyhow::Context;
use fake_providers::oneroster::{Change, FakeOneRoster, Kind, Record};
use std::collections::BTreeMap;

/// Repeats classes with everybody in them until there are so many enrolments.
pub(super) fn enrol(fake: &FakeOneRoster, least: usize) -> anyhow::Result<()> {
    let (mut count, classes, mut members) = fake.with_dataset(|dataset| {
        let mut members: BTreeMap<String, Vec<(String, Record)>> = BTreeMap::new();
        for row in dataset.rows(Kind::Enrollment) {
            if let Some(enrollment) = row.enrollment() {
                let of_class = members.entry(enrollment.class.clone()).or_default();
                of_class.push((row.sourced_id.clone(), row.record.clone()));
            }
        }
        let classes = dataset.rows(Kind::Class);
        let classes: Vec<(String, Record)> = classes
            .map(|row| (row.sourced_id.clone(), row.record.clone()))
            .collect();
        (dataset.count(Kind::Enrollment), classes, members)
    });
    for (id, class) in classes {
        if count >= least {
            break;
        }
        let again = again(&id);
        put(fake, again.clone(), class)?;
        for (id, mut record) in members.remove(&id).unwrap_or_default() {
            if let Record::Enrollment(enrollment) = &mut record {
                enrollment.class.clone_from(&again);
            }
            put(fake, self::again(&id), record)?;
            count += 1;
        }
    }
    Ok(())
}

fn again(id: &str) -> String {
    format!("{id}-again")
}

fn put(fake: &FakeOneRoster, sourced_id: String, record: Record) -> anyhow::Result<()> {
    let change = Change::Put {
        sourced_id,
        record: Box::new(record),
        first: false,
    };
    fake.change(&change).context("enrolling more")?;
    Ok(())
}
