//! What a run changed or would change, and what it found wrong, page by page. The plan of a run
//! is its history.

use crate::error::Error;
use crate::fetching;
use crate::keys;
use crate::planning::{PlanProgress, read_changes};
use crate::ports::Store;
use crate::record;
use mapping::ids::{RunId, TenantId};
use mapping::issue::Issue;
use mapping::plan::Change;

/// Why a page of a history can't be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HistoryError {
    /// The cursor is not one of this list.
    #[error("the cursor is not one that this list gave")]
    Cursor,
    /// The surroundings failed.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// A page of a history and the cursor of the rest.
pub type Page<T> = (Vec<T>, Option<String>);

/// A run's changes, in the order of the roster's buckets.
pub async fn changes(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Change>, HistoryError> {
    let [from_to, from_from, mut skip] = parse_cursor(cursor)?;
    let plan: PlanProgress = record::read(store, &PlanProgress::key(tenant, run))
        .await
        .map_err(Error::from)?
        .unwrap_or_default();
    let mut page = Vec::new();
    let parts = plan.changes.iter().flat_map(|(to, sources)| {
        sources
            .iter()
            .map(move |(from, pieces)| (*to, *from, *pieces))
    });
    for (to, from, pieces) in parts.filter(|(to, from, _)| (*to, *from) >= (from_to, from_from)) {
        let changes = read_changes(store, tenant, run, to, from, pieces).await?;
        let kept = changes
            .into_iter()
            .filter(|change| !plan.losers.contains(&change.account));
        for (index, change) in (0_u32..).zip(kept).skip(skip as usize) {
            if page.len() == limit {
                return Ok((page, Some(format!("{to}.{from}.{index}"))));
            }
            page.push(change);
        }
        skip = 0;
    }
    Ok((page, None))
}

/// What a run found wrong, the records of the provider first.
pub async fn issues(
    store: &impl Store,
    tenant: &TenantId,
    run: &RunId,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Issue>, HistoryError> {
    let [from_part, mut skip, _] = parse_cursor(cursor)?;
    let plan: Option<PlanProgress> = record::read(store, &PlanProgress::key(tenant, run))
        .await
        .map_err(Error::from)?;
    let staged = fetching::staged_snapshot(store, tenant, run)
        .await?
        .unwrap_or_default();
    let parts = plan
        .map_or(0, |plan| plan.issue_parts)
        .max(staged.issue_parts);
    let mut page = Vec::new();
    for part in from_part.max(staged.first_issue_part)..parts {
        let key = keys::issues(tenant, run, part);
        let issues: Vec<Issue> = record::read(store, &key)
            .await
            .map_err(Error::from)?
            .unwrap_or_default();
        for (index, issue) in (0_u32..).zip(issues).skip(skip as usize) {
            if page.len() == limit {
                return Ok((page, Some(format!("{part}.{index}.0"))));
            }
            page.push(issue);
        }
        skip = 0;
    }
    Ok((page, None))
}

fn parse_cursor(cursor: Option<&str>) -> Result<[u32; 3], HistoryError> {
    let Some(cursor) = cursor else {
        return Ok([0; 3]);
    };
    let mut numbers = cursor.split('.').map(str::parse::<u32>);
    let mut next = || {
        numbers
            .next()
            .and_then(Result::ok)
            .ok_or(HistoryError::Cursor)
    };
    let parsed = [next()?, next()?, next()?];
    if numbers.next().is_some() {
        return Err(HistoryError::Cursor);
    }
    Ok(parsed)
}
