//! Reading one list whole, whatever the server does with `limit` and `offset` (PROVIDERS 6.5, O1,
//! O2 and O6).
//!
//! The first page is read alone. If it says how many rows there are, the pages after it are read
//! side by side, in strides of as many rows as the first one had; if not, one after the other.
//! After the last page the list is asked for what comes next, for a total may be wrong: only a
//! page that brings nothing new ends a list. If that leaves another number of rows than the total,
//! or the total changed on the way, rows have shifted and the list is read once more.

mod ledger;

use super::page::Headers;
use super::service::{Collection, ListQuery};
use crate::fetch::{ChainId, FetchError, Loop};
use ledger::Ledger;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most pages of one list: two million rows of a server that gives a hundred at a time.
pub const PAGES_PER_LIST_MAX: u32 = 20_000;

/// Fewest rows that a page is asked to have, however much the server is troubled by large ones.
pub const LIMIT_MIN: u32 = 20;

/// Pages without anything new after which a server can't be said to heed the offset.
const REPEATS_MAX: u32 = 2;

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The first page.
    Head,
    /// The pages that the total promises.
    Body,
    /// What may come after them, page by page.
    Tail,
    Ended,
}

/// A part of the list that is read page by page.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Chain {
    offset: u64,
    limit: u32,
    /// Where the next part begins; `None` for what has no known end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    /// Pages taken; numbers the batches.
    page: u32,
}

/// How many rows the list has, as its pages say.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Total {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    /// Not every page said the same.
    has_moved: bool,
    /// The most that a page said, and whether a later one said less: then rows moved up, and one
    /// that moved from an unread page to a read one was never seen.
    most: u64,
    has_dropped: bool,
}

/// What the first page was like.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Head {
    /// Its rows: how far apart the pages after it are.
    stride: u32,
    /// It had as many rows as it was asked for.
    was_full: bool,
    /// A link spoke of more than was on it.
    has_hint: bool,
}

/// The pages that were promised.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Body {
    /// Where the next of them begins.
    next: u64,
    end: u64,
    /// A page was empty, or showed that there are no others: the list ended there.
    has_met_end: bool,
}

/// Where the reading of a list is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Listing {
    pub(super) collection: Collection,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    limit: u32,
    is_sorted: bool,
    is_second_pass: bool,
    stage: Stage,
    chains: BTreeMap<ChainId, Chain>,
    /// The chain with this number will be the next one.
    pub(super) next_chain: u32,
    total: Total,
    head: Head,
    body: Body,
    ledger: Ledger,
    /// Rows without an id.
    nameless: u64,
    pages: u32,
    /// Pages that brought something new.
    news: u32,
    /// Pages that brought nothing new, and the rows of the largest.
    repeats: u32,
    rows_repeated: u64,
}

/// What became of a page.
#[derive(Debug)]
pub(super) struct Taken {
    /// The number of the page within its chain.
    pub(super) page: u32,
    /// Whether each row is new, in order.
    pub(super) is_new: Vec<bool>,
}

/// Where a list is after a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// It was read whole.
    Complete,
    /// There is more to read.
    More,
    /// Rows have shifted: it is read once more, from the start.
    Again,
}

impl Listing {
    pub(super) fn new(
        collection: Collection,
        filter: Option<String>,
        limit: u32,
        is_sorted: bool,
        next_chain: u32,
    ) -> Self {
        let mut listing = Self {
            collection,
            filter,
            limit: limit.max(1),
            is_sorted,
            is_second_pass: false,
            stage: Stage::Head,
            chains: BTreeMap::new(),
            next_chain,
            total: Total::default(),
            head: Head::default(),
            body: Body::default(),
            ledger: Ledger::default(),
            nameless: 0,
            pages: 0,
            news: 0,
            repeats: 0,
            rows_repeated: 0,
        };
        listing.open(0, None);
        listing
    }

    fn open(&mut self, offset: u64, until: Option<u64>) {
        let limit = match until {
            None => self.limit,
            Some(_) => self.limit.min(self.head.stride),
        };
        let chain = Chain {
            offset,
            limit,
            until,
            page: 0,
        };
        self.chains.insert(ChainId(self.next_chain), chain);
        self.next_chain += 1;
    }

    /// Starts over: everything that this list has shown is void.
    fn restart(&mut self, is_second_pass: bool) {
        let (filter, limit) = (self.filter.take(), self.limit);
        *self = Self::new(
            self.collection,
            filter,
            limit,
            self.is_sorted,
            self.next_chain,
        );
        self.is_second_pass = is_second_pass;
    }

    /// Goes on without sorting, which the server does not know; false if it does so already.
    pub(super) fn unsort(&mut self) -> bool {
        let was_sorted = self.is_sorted;
        self.is_sorted = false;
        if was_sorted {
            self.restart(self.is_second_pass);
        }
        was_sorted
    }

    /// The chains that may be asked for, planned ahead as far as `window`.
    pub(super) fn runnable(&mut self, window: u32) -> Vec<ChainId> {
        let window = usize::try_from(window).unwrap_or(1);
        while self.chains.len() < window && self.body.next < self.body.end {
            let from = self.body.next;
            let stride = u64::from(self.head.stride.min(self.limit));
            self.body.next = from.saturating_add(stride);
            self.open(from, Some(self.body.next.min(self.body.end)));
        }
        self.chains.keys().copied().collect()
    }

    pub(super) fn query(&self, chain: ChainId) -> Option<ListQuery<'_>> {
        let chain = self.chains.get(&chain)?;
        Some(ListQuery {
            limit: chain.limit,
            offset: chain.offset,
            is_sorted: self.is_sorted,
            filter: self.filter.as_deref(),
        })
    }

    pub(super) fn has(&self, chain: ChainId) -> bool {
        self.chains.contains_key(&chain)
    }

    /// Whether the chain only asks if there is more than the total says, and all of that has come.
    pub(super) fn is_past_total(&self, chain: ChainId) -> bool {
        let received = self.ledger.unique() + self.nameless;
        let offset = self.chains.get(&chain).map_or(0, |chain| chain.offset);
        (self.total.rows).is_some_and(|total| offset >= total && received >= total)
    }

    /// Whether the chain asks for the very first rows.
    pub(super) fn is_at_start(&self, chain: ChainId) -> bool {
        self.chains
            .get(&chain)
            .is_some_and(|chain| chain.offset == 0)
    }

    /// Asks for half as much from now on; false when that would be too little.
    pub(super) fn shrink(&mut self, chain: ChainId) -> bool {
        let Some(chain) = self.chains.get_mut(&chain) else {
            return false;
        };
        if chain.limit <= LIMIT_MIN {
            return false;
        }
        chain.limit = (chain.limit / 2).max(LIMIT_MIN);
        self.limit = self.limit.min(chain.limit);
        true
    }

    /// Takes a page. Without rows it ends its chain.
    pub(super) fn take(
        &mut self,
        id: ChainId,
        ids: &[Option<String>],
        headers: &Headers,
    ) -> Result<Taken, FetchError> {
        let asking = self.collection.asking();
        let Some(mut chain) = self.chains.remove(&id) else {
            return Err(FetchError::Unbuildable { asking });
        };
        self.pages += 1;
        if self.pages > PAGES_PER_LIST_MAX {
            let pages_max = PAGES_PER_LIST_MAX;
            return Err(FetchError::Endless { asking, pages_max });
        }
        let noted = self.ledger.note(ids);
        let has_news = noted.fresh > 0;
        let taken = Taken {
            page: chain.page,
            is_new: noted.is_new,
        };
        if has_news {
            self.news += 1;
            self.nameless += ids.iter().filter(|id| id.is_none()).count() as u64;
        } else if !ids.is_empty() {
            self.repeats += 1;
            self.rows_repeated = self.rows_repeated.max(ids.len() as u64);
        }
        if has_news || self.stage == Stage::Head {
            self.note_total(headers.total);
        }
        let rows = ids.len() as u64;
        let was_full = rows >= u64::from(chain.limit);
        chain.offset = chain.offset.saturating_add(rows);
        chain.page += 1;
        match self.stage {
            Stage::Head => self.after_head(&chain, rows, was_full, headers),
            Stage::Body => self.after_body(id, chain, rows, has_news),
            // One row that comes again may be that of a list counted from 1.
            Stage::Tail if has_news || (rows == 1 && self.repeats == 1) => {
                chain.limit = self.limit;
                self.chains.insert(id, chain);
            }
            Stage::Tail | Stage::Ended => self.stage = Stage::Ended,
        }
        Ok(taken)
    }

    fn note_total(&mut self, total: Option<u64>) {
        let Some(total) = total else {
            return;
        };
        self.total.has_moved |= self.total.rows.is_some_and(|before| before != total);
        self.total.has_dropped |= total < self.total.most;
        self.total.most = self.total.most.max(total);
        self.total.rows = Some(total);
    }

    fn after_head(&mut self, chain: &Chain, rows: u64, was_full: bool, headers: &Headers) {
        self.head.was_full = was_full;
        if rows == 0 {
            self.stage = Stage::Ended;
            return;
        }
        self.head.stride = u32::try_from(rows).unwrap_or(u32::MAX);
        // Without an order the same offset means other rows each time: nothing is planned ahead.
        self.head.has_hint = headers.last_offset.is_some_and(|last| last > rows);
        let promised = self.total.rows.or(headers.last_offset).unwrap_or(0);
        if self.is_sorted && promised > rows {
            self.stage = Stage::Body;
            self.body.next = chain.offset;
            self.body.end = promised;
        } else {
            self.stage = Stage::Tail;
            self.open(chain.offset, None);
        }
    }

    fn after_body(&mut self, id: ChainId, mut chain: Chain, rows: u64, has_news: bool) {
        let until = chain.until.unwrap_or(chain.offset);
        if rows == 0 || (!has_news && self.repeats >= REPEATS_MAX) {
            self.body.has_met_end = true;
            self.body.end = self.body.end.min(chain.offset);
        } else if chain.offset < until {
            // A page shorter than its stride: the rows between it and the next part are missing.
            let gap = u32::try_from(until - chain.offset).unwrap_or(u32::MAX);
            chain.limit = self.limit.min(gap);
            self.chains.insert(id, chain);
        } else {
            self.body.next = self.body.next.max(until);
        }
        if self.chains.is_empty() && self.body.next >= self.body.end {
            if self.body.has_met_end {
                self.stage = Stage::Ended;
            } else {
                self.stage = Stage::Tail;
                self.open(self.body.end, None);
            }
        }
    }

    /// Judges the list once it has ended.
    pub(super) fn progress(&mut self) -> Result<Progress, FetchError> {
        if self.stage != Stage::Ended {
            return Ok(Progress::More);
        }
        let asking = self.collection.asking();
        let received = self.ledger.unique() + self.nameless;
        let has_shifted =
            self.total.rows.is_some_and(|total| total != received) || self.total.has_moved;
        if has_shifted && !self.is_second_pass {
            self.restart(true);
            return Ok(Progress::Again);
        }
        // A total that is exceeded was never one.
        if self.total.has_dropped && received <= self.total.most {
            return Err(FetchError::Unsettled);
        }
        let looped = FetchError::Looped {
            asking,
            by: Loop::Record,
        };
        match self.total.rows {
            // One row that comes again is a list counted from 1, not a loop.
            Some(expected) if expected > received && self.repeats >= REPEATS_MAX => Err(looped),
            Some(expected) if expected > received => Err(FetchError::ShortOfTotal {
                asking,
                expected,
                received,
            }),
            None if self.heeds_no_offset() => Err(looped),
            Some(_) | None => Ok(Progress::Complete),
        }
    }

    /// The first page came again although there is more, or may be.
    fn heeds_no_offset(&self) -> bool {
        self.news == 1
            && self.rows_repeated >= u64::from(self.head.stride)
            && self.repeats > 0
            && (self.head.was_full || self.head.has_hint)
    }
}
