//! Which shard an entry lies in.
//!
//! An entry's place is a 32-bit hash of its placement key; a map of `bits` bits is cut by the top
//! `bits` of them. So a coarser cut is always a union of finer ones, and a map can double its
//! shards without moving entries between neighbours. The hash never changes: it decides where
//! stored entries are found. It is FNV-1a with a final mix rather than a cryptographic one, since
//! every person of a district is placed several times a night and account ids, which are digests
//! already, spread evenly.

/// Most bits by which a map may be cut: 65,536 shards, eight million entries.
pub const BITS_MAX: u8 = 16;

/// How many entries a shard holds on average before the map is cut finer. An account takes about
/// 500 bytes, so a shard stays near 64 KiB, far below the largest value of a store.
pub const ENTRIES_PER_SHARD: u64 = 128;

/// One part of all places: those whose top `bits` bits are `index`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Range {
    /// How many leading bits are fixed.
    pub bits: u8,
    /// What they are.
    pub index: u32,
}

impl Range {
    /// All places.
    pub const ALL: Self = Self { bits: 0, index: 0 };

    /// Whether the range is a part of another one, or all of it.
    pub fn is_within(self, other: Self) -> bool {
        self.bits >= other.bits && self.index >> (self.bits - other.bits) == other.index
    }

    /// Whether this placement key falls into the range.
    pub fn contains(self, placement: &str) -> bool {
        index_of_hash(hash(placement), self.bits) == self.index
    }
}

/// The place of a placement key.
pub fn hash(placement: &str) -> u32 {
    hash_bytes(placement.bytes())
}

/// The place of a placement key that is in parts.
pub fn hash_bytes(bytes: impl Iterator<Item = u8>) -> u32 {
    const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = bytes.fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
    });
    // FNV's top bits are its weakest; the mix of SplitMix64 spreads all of them over the top.
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    u32::try_from((hash ^ (hash >> 31)) >> 32).unwrap_or(0)
}

/// The shard, in a map of `bits` bits, of a place.
pub fn index_of_hash(hash: u32, bits: u8) -> u32 {
    hash.checked_shr(32 - u32::from(bits)).unwrap_or(0)
}

/// How many shards a map of `bits` bits has.
pub fn count(bits: u8) -> u32 {
    1 << bits.min(BITS_MAX)
}

/// By how many bits a map with this many entries should be cut.
pub fn bits_for(entries: u64) -> u8 {
    let mut bits = 0;
    while bits < BITS_MAX && entries > ENTRIES_PER_SHARD << bits {
        bits += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarser_cut_is_a_union_of_finer_ones() {
        for id in ["a", "dana", "zzz"] {
            let fine = index_of_hash(hash(id), 9);
            assert_eq!(index_of_hash(hash(id), 4), fine >> 5);
            assert_eq!(index_of_hash(hash(id), 0), 0);
            assert!(
                Range {
                    bits: 9,
                    index: fine
                }
                .contains(id)
            );
            assert!(Range::ALL.contains(id));
        }
    }

    #[test]
    fn places_never_change() {
        assert_eq!(hash(""), 4_113_176_041);
        assert_eq!(hash("a00112233445566778899aabbccddee"), 2_787_637_829);
    }

    #[test]
    fn similar_names_spread_evenly() {
        let mut shards = [0_u32; 16];
        for number in 0..1_600 {
            let index = index_of_hash(hash(&format!("student{number}@x")), 4);
            shards[index as usize] += 1;
        }
        assert!(
            shards.iter().all(|filled| (60..=140).contains(filled)),
            "{shards:?}"
        );
    }

    #[test]
    fn a_map_is_cut_so_that_shards_stay_small() {
        assert_eq!(bits_for(0), 0);
        assert_eq!(bits_for(128), 0);
        assert_eq!(bits_for(129), 1);
        assert_eq!(bits_for(50_000), 9);
        assert_eq!(bits_for(1_000_000), 13);
        assert_eq!(bits_for(u64::MAX / 1024), BITS_MAX);
    }
}
