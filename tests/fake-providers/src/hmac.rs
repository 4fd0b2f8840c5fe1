//! HMAC (RFC 2104) with SHA-256 and with SHA-1, which OneRoster servers still take.

use sha2::{Digest, Sha256};

/// The size of a block, the same in both.
const BLOCK: usize = 64;

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac(key, message, |bytes| Sha256::digest(bytes).to_vec())
}

pub(crate) fn hmac_sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac(key, message, |bytes| sha1(bytes).to_vec())
}

fn hmac(key: &[u8], message: &[u8], hash: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut block = if key.len() > BLOCK {
        hash(key)
    } else {
        key.to_vec()
    };
    block.resize(BLOCK, 0);
    let padded = |pad: u8| block.iter().map(move |byte| byte ^ pad);
    let inner: Vec<u8> = padded(0x36).chain(message.iter().copied()).collect();
    let outer: Vec<u8> = padded(0x5c).chain(hash(&inner)).collect();
    hash(&outer)
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-1 (FIPS 180-4), written out: nothing else here needs it.
fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    let bits = u64::try_from(message.len()).unwrap_or(u64::MAX) * 8;
    let mut padded = message.to_vec();
    padded.push(0x80);
    let zeros = (BLOCK + 56 - padded.len() % BLOCK) % BLOCK;
    padded.resize(padded.len() + zeros, 0);
    padded.extend_from_slice(&bits.to_be_bytes());
    for block in padded.chunks_exact(BLOCK) {
        state = compress(state, block);
    }
    let mut digest = [0; 20];
    for (to, word) in digest.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[expect(clippy::many_single_char_names, reason = "the names of the standard")]
fn compress(state: [u32; 5], block: &[u8]) -> [u32; 5] {
    let mut words: Vec<u32> = block
        .chunks_exact(4)
        .map(|word| word.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)))
        .collect();
    for at in 16..80 {
        let back = |by: usize| words.get(at - by).copied().unwrap_or_default();
        words.push((back(3) ^ back(8) ^ back(14) ^ back(16)).rotate_left(1));
    }
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for (round, word) in words.into_iter().enumerate() {
        let (mixed, constant) = match round {
            0..20 => (b & c | !b & d, 0x5a82_7999),
            20..40 => (b ^ c ^ d, 0x6ed9_eba1),
            40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = [mixed, e, constant, word]
            .iter()
            .fold(a.rotate_left(5), |sum, term| sum.wrapping_add(*term));
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    let mut sums = [a, b, c, d, e];
    for (sum, before) in sums.iter_mut().zip(state) {
        *sum = sum.wrapping_add(before);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_standard() {
        assert_eq!(
            hex(&sha1(b"abc")),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        assert_eq!(hex(&sha1(b"")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        // Two blocks, of which the second holds nothing but padding.
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(&sha1(long)), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    }

    #[test]
    fn the_codes_are_those_of_the_rfcs() {
        // RFC 4231 and RFC 2202, case 2 of each.
        let message = b"what do ya want for nothing?";
        assert_eq!(
            hex(&hmac_sha256(b"Jefe", message)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&hmac_sha1(b"Jefe", message)),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }
}
