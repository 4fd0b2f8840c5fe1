//! Writes small zip files, always the same bytes for the same content.

use miniz_oxide::deflate::compress_to_vec;

/// Midnight of the first of January 1980, the first day that a zip can name.
const DATE: u16 = 0x0021;

/// Hardest compression that is not slow.
const LEVEL: u8 = 6;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Writes a zip. It is for small files: sizes have 32 bits.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    zip: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

impl Writer {
    /// An empty zip.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        let packed = compress_to_vec(bytes, LEVEL);
        let (method, packed) = if packed.len() < bytes.len() {
            (DEFLATED, packed.as_slice())
        } else {
            (STORED, bytes)
        };
        let offset = number(self.zip.len());
        let mut common = Vec::new();
        // Version 2.0; bit 11 says that the name is UTF-8.
        for field in [20, 1 << 11, method, 0, DATE] {
            common.extend_from_slice(&u16::to_le_bytes(field));
        }
        for field in [
            crc32fast::hash(bytes),
            number(packed.len()),
            number(bytes.len()),
        ] {
            common.extend_from_slice(&field.to_le_bytes());
        }
        let name_bytes = u16::try_from(name.len()).unwrap_or(u16::MAX);
        for field in [name_bytes, 0] {
            common.extend_from_slice(&field.to_le_bytes());
        }
        self.zip.extend_from_slice(b"PK\x03\x04");
        self.zip.extend_from_slice(&common);
        self.zip.extend_from_slice(name.as_bytes());
        self.zip.extend_from_slice(packed);
        self.directory.extend_from_slice(b"PK\x01\x02\x14\0");
        self.directory.extend_from_slice(&common);
        // Comment, disk and attributes.
        self.directory.extend_from_slice(&[0; 10]);
        self.directory.extend_from_slice(&offset.to_le_bytes());
        self.directory.extend_from_slice(name.as_bytes());
        self.entries += 1;
    }

    /// The zip.
    pub fn finish(mut self) -> Vec<u8> {
        let offset = number(self.zip.len());
        self.zip.extend_from_slice(&self.directory);
        self.zip.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        for _ in 0..2 {
            self.zip.extend_from_slice(&self.entries.to_le_bytes());
        }
        self.zip
            .extend_from_slice(&number(self.directory.len()).to_le_bytes());
        self.zip.extend_from_slice(&offset.to_le_bytes());
        self.zip.extend_from_slice(&[0, 0]);
        self.zip
    }
}

fn number(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
