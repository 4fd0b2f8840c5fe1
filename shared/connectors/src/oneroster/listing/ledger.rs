//! Which rows a list has shown. Every row is remembered as long as they are few; of the pages
//! after that the first and the last, which show when pages overlap, so that the stored state
//! stays small whatever the district's size.

use crate::fetch::seen::{Fingerprint, Seen, fingerprint};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Rows that are remembered one by one: eleven bytes of state each.
const ROWS_MAX: usize = 8_000;

/// Fingerprints that are kept altogether. Later pages of a list this long leave none: a loop leads
/// back to an earlier page.
const KEPT_MAX: usize = 12_000;

const ROW: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 3;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    seen: Seen,
    kept: usize,
    unique: u64,
}

/// What a page brought.
#[derive(Debug)]
pub(super) struct Noted {
    /// Whether each row is new, in order. A row without an id always is.
    pub(super) is_new: Vec<bool>,
    /// Rows with an id that no page has shown.
    pub(super) fresh: u64,
}

impl Ledger {
    /// Different rows so far.
    pub(super) fn unique(&self) -> u64 {
        self.unique
    }

    pub(super) fn note(&mut self, ids: &[Option<String>]) -> Noted {
        let mut on_page = BTreeSet::new();
        let mut is_new = Vec::with_capacity(ids.len());
        for id in ids {
            is_new.push(id.as_ref().is_none_or(|id| {
                !self.seen.contains(fingerprint(ROW, id)) && on_page.insert(id.as_str())
            }));
        }
        let overlap = self.overlap(ids);
        let fresh = (ids.iter().zip(&is_new).enumerate())
            .filter(|(at, (id, is_new))| id.is_some() && **is_new && !overlap.covers(*at))
            .count();
        self.unique += fresh as u64;
        self.remember(ids);
        Noted {
            is_new,
            fresh: fresh as u64,
        }
    }

    /// How far the page lies within others. Its rows are still handed on: only the count must not
    /// be too high.
    fn overlap(&self, ids: &[Option<String>]) -> Overlap {
        let is_known = |kind, id: &Option<String>| {
            (id.as_ref()).is_some_and(|id| self.seen.contains(fingerprint(kind, id)))
        };
        let last = ids.iter().rposition(|id| is_known(LAST, id));
        let first = ids.iter().position(|id| is_known(FIRST, id));
        Overlap {
            before: last.map_or(0, |at| at + 1),
            from: first.unwrap_or(usize::MAX),
        }
    }

    fn remember(&mut self, ids: &[Option<String>]) {
        let named = || ids.iter().flatten();
        let fits = self.kept + ids.len() <= ROWS_MAX;
        if fits {
            named().for_each(|id| self.keep(fingerprint(ROW, id)));
        } else if self.kept + 2 <= KEPT_MAX {
            named()
                .next()
                .into_iter()
                .for_each(|id| self.keep(fingerprint(FIRST, id)));
            named()
                .last()
                .into_iter()
                .for_each(|id| self.keep(fingerprint(LAST, id)));
        }
    }

    fn keep(&mut self, fingerprint: Fingerprint) {
        self.kept += usize::from(self.seen.insert(fingerprint));
    }
}

/// Rows before one place and from another one on were on other pages.
struct Overlap {
    before: usize,
    from: usize,
}

impl Overlap {
    fn covers(&self, at: usize) -> bool {
        at < self.before || at >= self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<usize>) -> Vec<Option<String>> {
        range.map(|n| Some(format!("u-{n}"))).collect()
    }

    #[test]
    fn a_row_counts_once() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.note(&ids(0..10)).fresh, 10);
        let noted = ledger.note(&ids(8..12));
        assert_eq!(noted.is_new, [false, false, true, true]);
        assert_eq!((noted.fresh, ledger.unique()), (2, 12));
        let twice = [Some("x".to_owned()), Some("x".to_owned()), None];
        assert_eq!(ledger.note(&twice).is_new, [true, false, true]);
        assert_eq!(ledger.unique(), 13);
    }

    #[test]
    fn pages_of_a_long_list_are_known_by_their_ends() {
        let mut ledger = Ledger::default();
        for page in 0..40 {
            assert_eq!(
                ledger.note(&ids(page * 1_000..(page + 1) * 1_000)).fresh,
                1_000
            );
        }
        assert_eq!(ledger.note(&ids(30_000..31_000)).fresh, 0);
        assert_eq!(ledger.note(&ids(39_990..40_990)).fresh, 990);
        assert_eq!(ledger.note(&ids(19_500..20_500)).fresh, 0);
        assert_eq!(ledger.unique(), 40_990);
        assert!(serde_json::to_string(&ledger).unwrap().len() < 130_000);
    }
}
