//! One map of the roster: shards behind index pages, and the draft of its next state.

use super::blob::{self, Batch};
use super::shard::{self, Range};
use crate::error::Error;
use crate::ports::{Store, VALUE_BYTES_MAX};
use crate::record;
use mapping::ids::TenantId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How many shards one index page names.
const SHARDS_PER_PAGE: usize = 256;

/// Stands between the names of the values of a shard that is larger than one of them.
const BETWEEN: char = '+';

/// Something that lies in a map.
pub trait Entry: Serialize + DeserializeOwned + Clone + PartialEq {
    /// What decides in which shard it lies.
    fn placement(&self) -> &str;
    /// What it is found by; unique in the map.
    fn key(&self) -> &str;
}

/// Where a map's index pages are. The default is the empty map.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct MapRoot {
    /// By how many bits it is cut, see [`shard`].
    pub bits: u8,
    /// How many entries it has.
    pub len: u64,
    /// Names of its index pages; each is a list of shard names, an empty name for an empty shard.
    /// A shard larger than a value has the names of several.
    pub pages: Vec<String>,
}

/// Reads the names of all shards of a map.
async fn load_names(
    store: &impl Store,
    tenant: &TenantId,
    root: &MapRoot,
) -> Result<Vec<String>, Error> {
    let mut names = Vec::with_capacity(shard::count(root.bits) as usize);
    for page in &root.pages {
        names.extend(load_page(store, tenant, page).await?);
    }
    names.resize(shard::count(root.bits) as usize, String::new());
    Ok(names)
}

async fn load_page(
    store: &impl Store,
    tenant: &TenantId,
    page: &str,
) -> Result<Vec<String>, Error> {
    let bytes = blob::read(store, tenant, page).await?;
    Ok(record::decode(page, &bytes)?)
}

async fn load_shard<T: Entry>(
    store: &impl Store,
    tenant: &TenantId,
    name: &str,
) -> Result<Vec<T>, Error> {
    if name.is_empty() {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    for value in name.split(BETWEEN) {
        let more = blob::read(store, tenant, value).await?;
        if bytes.is_empty() {
            bytes = more;
        } else {
            bytes.extend(more);
        }
    }
    Ok(record::decode(name, &bytes)?)
}

/// Reads all entries of a map whose placement falls into the range.
pub async fn load_range<T: Entry>(
    store: &impl Store,
    tenant: &TenantId,
    root: &MapRoot,
    range: Range,
) -> Result<Vec<T>, Error> {
    let mut entries = Vec::new();
    if root.len == 0 {
        return Ok(entries);
    }
    let shards = shards_of(range, root.bits);
    let mut page: Option<(usize, Vec<String>)> = None;
    for index in shards {
        let number = index as usize / SHARDS_PER_PAGE;
        if page.as_ref().is_none_or(|(held, _)| *held != number) {
            let Some(name) = root.pages.get(number) else {
                continue;
            };
            page = Some((number, load_page(store, tenant, name).await?));
        }
        let Some((_, names)) = &page else { continue };
        if let Some(name) = names.get(index as usize % SHARDS_PER_PAGE) {
            entries.extend(load_shard::<T>(store, tenant, name).await?);
        }
    }
    if range.bits > root.bits {
        entries.retain(|entry| range.contains(entry.placement()));
    }
    Ok(entries)
}

/// Where two states of a map name the same shards.
#[derive(Debug)]
pub struct Likeness {
    bits: u8,
    same: Vec<bool>,
}

impl Likeness {
    /// Compares two states of a map.
    pub async fn load(
        store: &impl Store,
        tenant: &TenantId,
        (one, other): (&MapRoot, &MapRoot),
    ) -> Result<Self, Error> {
        let bits = one.bits;
        if other.bits != bits {
            return Ok(Self {
                bits,
                same: Vec::new(),
            });
        }
        let one = load_names(store, tenant, one).await?;
        let other = load_names(store, tenant, other).await?;
        let same = one.iter().zip(&other).map(|(one, other)| one == other);
        Ok(Self {
            bits,
            same: same.collect(),
        })
    }

    /// Whether both surely have the same entries in a range.
    pub fn covers(&self, range: Range) -> bool {
        let shards = shards_of(range, self.bits);
        let same = self.same.get(shards.start as usize..shards.end as usize);
        same.is_some_and(|same| same.iter().all(|same| *same))
    }
}

/// The shards, in a map of `bits` bits, that a range lies in.
fn shards_of(range: Range, bits: u8) -> std::ops::Range<u32> {
    if bits >= range.bits {
        let first = range.index << (bits - range.bits);
        first..first + (1 << (bits - range.bits))
    } else {
        let only = range.index >> (range.bits - bits);
        only..only + 1
    }
}

/// The next state of a map while it is being prepared, range by range.
///
/// Ranges that are not stored keep their shards. When the map is to be cut finer than before, all
/// its ranges have to be stored.
#[derive(Debug)]
pub struct MapDraft {
    tenant: TenantId,
    old: MapRoot,
    bits: u8,
    len: u64,
    names: Vec<String>,
    batch: Batch,
}

impl MapDraft {
    /// Begins a draft from `old`, cut for `entries_expected` entries; a map is never cut coarser.
    pub async fn begin(
        store: &impl Store,
        tenant: &TenantId,
        old: MapRoot,
        entries_expected: u64,
    ) -> Result<Self, Error> {
        let bits = shard::bits_for(entries_expected).max(old.bits);
        let names = if bits == old.bits {
            load_names(store, tenant, &old).await?
        } else {
            vec![String::new(); shard::count(bits) as usize]
        };
        let len = old.len;
        Ok(Self {
            tenant: tenant.clone(),
            old,
            bits,
            len,
            names,
            batch: Batch::default(),
        })
    }

    /// Goes on with a draft that [`MapDraft::save`] saved.
    pub async fn resume(
        store: &impl Store,
        tenant: &TenantId,
        old: MapRoot,
        saved: &MapRoot,
    ) -> Result<Self, Error> {
        let names = load_names(store, tenant, saved).await?;
        Ok(Self {
            tenant: tenant.clone(),
            old,
            bits: saved.bits,
            len: saved.len,
            names,
            batch: Batch::default(),
        })
    }

    /// Whether a range has to be stored although nothing in it changed: the map is cut anew.
    pub fn is_recut(&self) -> bool {
        self.bits != self.old.bits && self.old.len > 0
    }

    /// By how many bits the new state is cut.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The entries of the old state in this range.
    pub async fn load<T: Entry>(&self, store: &impl Store, range: Range) -> Result<Vec<T>, Error> {
        load_range(store, &self.tenant, &self.old, range).await
    }

    /// Replaces what lies in a range. `old_len` is how many entries lay there before. The range
    /// must not be finer than the cut of the new state.
    pub async fn store<T: Entry>(
        &mut self,
        store: &impl Store,
        range: Range,
        mut entries: Vec<T>,
        old_len: usize,
    ) -> Result<(), Error> {
        self.len = (self.len + entries.len() as u64).saturating_sub(old_len as u64);
        entries.sort_by(|a, b| a.key().cmp(b.key()));
        let shards = shards_of(range, self.bits);
        let first = shards.start;
        let mut parts: Vec<Vec<T>> = Vec::new();
        parts.resize_with(shards.len(), Vec::new);
        for entry in entries {
            let index = shard::index_of_hash(shard::hash(entry.placement()), self.bits);
            if let Some(part) = parts.get_mut(index.saturating_sub(first) as usize) {
                part.push(entry);
            }
        }
        for (offset, part) in parts.into_iter().enumerate() {
            let name = if part.is_empty() {
                String::new()
            } else {
                let bytes = record::encode(&part);
                self.put_unless_kept(store, first as usize + offset, bytes)
                    .await?
            };
            if let Some(slot) = self.names.get_mut(first as usize + offset) {
                *slot = name;
            }
        }
        Ok(())
    }

    async fn put_unless_kept(
        &mut self,
        store: &impl Store,
        index: usize,
        bytes: Vec<u8>,
    ) -> Result<String, Error> {
        let values = bytes.chunks(VALUE_BYTES_MAX);
        let names: Vec<String> = values.clone().map(blob::digest).collect();
        let name = names.join(&BETWEEN.to_string());
        if self.names.get(index) == Some(&name) {
            return Ok(name);
        }
        for value in values {
            self.batch.put(store, &self.tenant, value.to_vec()).await?;
        }
        Ok(name)
    }

    /// Writes everything prepared so far and returns the root of the state as it stands: the new
    /// state when all ranges are stored, else something to [`MapDraft::resume`] from.
    pub async fn save(&mut self, store: &impl Store) -> Result<MapRoot, Error> {
        let mut pages = Vec::new();
        for page in self.names.chunks(SHARDS_PER_PAGE) {
            let bytes = record::encode(&page);
            let name = blob::digest(&bytes);
            if self.old.pages.contains(&name) {
                pages.push(name);
            } else {
                pages.push(self.batch.put(store, &self.tenant, bytes).await?);
            }
        }
        self.batch.flush(store).await?;
        Ok(MapRoot {
            bits: self.bits,
            len: self.len,
            pages,
        })
    }
}
