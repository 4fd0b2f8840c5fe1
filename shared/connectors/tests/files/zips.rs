//! Zips, sound and hostile.

use crate::reading::{open, unpack};
use connectors::files::zip::{Chunk, Directory, End, EntryReader, Writer, ZipError, read_whole};

/// A file that is packed by hand, to say anything about it.
#[derive(Clone)]
struct Packed {
    name: &'static [u8],
    method: u16,
    flags: u16,
    data: Vec<u8>,
    crc: u32,
    bytes: u32,
}

impl Packed {
    fn stored(name: &'static str, data: &[u8]) -> Self {
        Self {
            name: name.as_bytes(),
            method: 0,
            flags: 0,
            data: data.to_vec(),
            crc: crc32fast::hash(data),
            bytes: u32::try_from(data.len()).unwrap(),
        }
    }

    fn deflated(name: &'static str, data: &[u8]) -> Self {
        Self {
            method: 8,
            data: miniz_oxide::deflate::compress_to_vec(data, 6),
            ..Self::stored(name, data)
        }
    }

    fn common(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in [20, self.flags, self.method, 0, 0x21] {
            bytes.extend(u16::to_le_bytes(field));
        }
        let packed = u32::try_from(self.data.len()).unwrap();
        for field in [self.crc, packed, self.bytes] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }
}

fn zip(files: &[Packed]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut directory = Vec::new();
    for file in files {
        let offset = u32::try_from(zip.len()).unwrap();
        zip.extend(b"PK\x03\x04");
        zip.extend(file.common());
        zip.extend(file.name);
        zip.extend(&file.data);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(file.common());
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(file.name);
    }
    end(zip, &directory, files.len())
}

fn end(mut zip: Vec<u8>, directory: &[u8], entries: usize) -> Vec<u8> {
    let offset = u32::try_from(zip.len()).unwrap();
    zip.extend(directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        zip.extend(u16::try_from(entries).unwrap().to_le_bytes());
    }
    zip.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    zip.extend(offset.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

fn contents(bytes: &[u8], name: &str) -> Result<Vec<u8>, ZipError> {
    unpack(bytes, open(bytes)?.find(name).unwrap(), 7)
}

#[test]
fn what_was_packed_comes_out_in_any_parts() {
    let text = "Dana Okafor\n".repeat(10_000);
    let mut writer = Writer::new();
    writer.add("a.csv", text.as_bytes());
    writer.add("sub/b.csv", b"x");
    writer.add("empty.csv", b"");
    let bytes = writer.finish();
    let directory = open(&bytes).unwrap();
    let entry = directory.find("A.CSV").unwrap();
    for part in [1, 5, 1000, usize::MAX] {
        assert_eq!(unpack(&bytes, entry, part).unwrap(), text.as_bytes());
    }
    assert_eq!(contents(&bytes, "sub/b.csv").unwrap(), b"x");
    assert_eq!(contents(&bytes, "empty.csv").unwrap(), b"");
    let range =
        usize::try_from(entry.range.start).unwrap()..usize::try_from(entry.range.end).unwrap();
    assert_eq!(
        read_whole(entry, &bytes[range.clone()], 200_000).unwrap(),
        text.as_bytes()
    );
    assert_eq!(read_whole(entry, &bytes[range], 100), Err(ZipError::Large));
}

#[test]
fn a_large_entry_is_unpacked_in_a_bounded_buffer() {
    let data = "0123456789abcdef".repeat(100_000);
    let bytes = zip(&[Packed::deflated("a.csv", data.as_bytes())]);
    let directory = open(&bytes).unwrap();
    let mut reader = EntryReader::new(&directory.entries()[0]).unwrap();
    let mut parts = bytes.chunks(4096);
    let (mut total, mut held_max) = (0, 0);
    loop {
        match reader.chunk().unwrap() {
            Chunk::Bytes(bytes) => total += bytes.len(),
            Chunk::End => break,
            Chunk::NeedsMore => reader.push(parts.next().unwrap()),
        }
        held_max = held_max.max(reader.buffered_bytes());
    }
    assert_eq!(total, data.len());
    assert!(held_max < 80_000, "{held_max}");
}

#[test]
fn a_file_with_a_path_outside_is_refused() {
    for name in [
        "../users.csv",
        "a/../../b.csv",
        "/etc/passwd",
        "C:\\x.csv",
        "a\\..\\b",
        "a\0b",
        "",
    ] {
        let file = Packed::stored(Box::leak(name.to_owned().into_boxed_str()), b"x");
        assert_eq!(open(&zip(&[file])), Err(ZipError::Path), "{name:?}");
    }
    let fine = zip(&[Packed::stored("folder\\users.csv", b"x")]);
    assert!(open(&fine).unwrap().find("folder/users.csv").is_some());
}

#[test]
fn f9_what_a_mac_adds_is_passed_over() {
    let bytes = zip(&[
        Packed::stored("roster/", b""),
        Packed::stored("roster/users.csv", b"x"),
        Packed::stored("roster/.DS_Store", b"x"),
        Packed::stored("__MACOSX/roster/._users.csv", b"x"),
    ]);
    let directory = open(&bytes).unwrap();
    let names: Vec<&str> = directory
        .entries()
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    assert_eq!(names, ["roster/users.csv"]);
}

#[test]
fn the_same_name_twice_is_refused() {
    let bytes = zip(&[
        Packed::stored("users.csv", b"x"),
        Packed::stored("Users.csv", b"y"),
    ]);
    let name = "Users.csv".to_owned();
    assert_eq!(open(&bytes), Err(ZipError::Duplicate { name }));
}

#[test]
fn a_zip_bomb_is_refused_by_its_ratio() {
    let zeros = vec![0_u8; 16 * 1024 * 1024];
    let bytes = zip(&[Packed::deflated("users.csv", &zeros)]);
    assert!(bytes.len() < 20_000);
    assert_eq!(open(&bytes), Err(ZipError::Large));
}

#[test]
fn a_zip_bomb_is_refused_by_its_total() {
    // 30 entries of 40 MB each, none of them suspicious by itself.
    let names: Vec<&'static str> = (0..30)
        .map(|number| &*Box::leak(format!("{number}.csv").into_boxed_str()))
        .collect();
    let files: Vec<Packed> = (names.into_iter())
        .map(|name| Packed {
            bytes: 40_000_000,
            ..Packed::deflated(name, &[b'x'; 4])
        })
        .map(|file| Packed {
            data: vec![0; 200_000],
            ..file
        })
        .collect();
    assert_eq!(open(&zip(&files)), Err(ZipError::Large));
}

#[test]
fn a_zip_bomb_that_lies_about_its_size_is_stopped_where_it_lies() {
    let zeros = vec![0_u8; 8 * 1024 * 1024];
    let file = Packed {
        bytes: 1000,
        ..Packed::deflated("users.csv", &zeros)
    };
    let name = "users.csv".to_owned();
    assert_eq!(
        contents(&zip(&[file]), "users.csv"),
        Err(ZipError::Damaged { name })
    );
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let file = Packed::deflated("a.csv", b"some text some text");
    let mut zip = Vec::new();
    zip.extend(b"PK\x03\x04");
    zip.extend(file.common());
    zip.extend(file.name);
    zip.extend(&file.data);
    let mut directory = Vec::new();
    for name in [b"a.csv", b"b.csv"] {
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(file.common());
        directory.extend([0; 14]);
        directory.extend(name);
    }
    assert_eq!(open(&end(zip, &directory, 2)), Err(ZipError::Broken));
}

#[test]
fn a_protected_or_unusual_zip_says_so() {
    let locked = Packed {
        flags: 1,
        ..Packed::stored("users.csv", b"x")
    };
    assert_eq!(open(&zip(&[locked])), Err(ZipError::Encrypted));
    let unusual = Packed {
        method: 12,
        ..Packed::stored("users.csv", b"x")
    };
    let name = "users.csv".to_owned();
    assert_eq!(
        contents(&zip(&[unusual]), "users.csv"),
        Err(ZipError::Method { name, method: 12 })
    );
}

#[test]
fn damage_is_noticed() {
    let data = b"sourcedId,status\n1,active\n".repeat(50);
    for file in [
        Packed::stored("users.csv", &data),
        Packed::deflated("users.csv", &data),
    ] {
        let sound = zip(std::slice::from_ref(&file));
        assert_eq!(contents(&sound, "users.csv").unwrap(), data);
        let mut changed = sound.clone();
        changed[60] ^= 0x55;
        assert!(contents(&changed, "users.csv").is_err());
        for kept in [0, 10, 50, sound.len() / 2, sound.len() - 1] {
            assert!(open(&sound[..kept]).is_err(), "{kept}");
        }
        let cut = Packed {
            data: file.data[..file.data.len() - 3].to_vec(),
            ..file.clone()
        };
        assert!(contents(&zip(&[cut]), "users.csv").is_err());
    }
    assert_eq!(
        open(b"not a zip at all, but long enough to hold an end"),
        Err(ZipError::CutShort)
    );
}

#[test]
fn too_many_entries_are_refused_before_they_are_read() {
    let end = end(Vec::new(), &[], 5000);
    assert_eq!(End::find(&end, end.len() as u64), Err(ZipError::TooMany));
}

#[test]
fn a_zip_with_64_bit_sizes_is_read() {
    let file = Packed::stored("users.csv", b"hello");
    let mut zip = Vec::new();
    zip.extend(b"PK\x03\x04");
    zip.extend(file.common());
    zip.extend(file.name);
    zip.extend(&file.data);
    let offset = zip.len() as u64;
    let mut directory = b"PK\x01\x02\x2D\0".to_vec();
    let mut common = file.common();
    common[14..22].fill(0xFF);
    common[24] = 20;
    directory.extend(common);
    directory.extend([0; 10]);
    directory.extend(0_u32.to_le_bytes());
    directory.extend(file.name);
    directory.extend([1, 0, 16, 0]);
    directory.extend(5_u64.to_le_bytes());
    directory.extend(5_u64.to_le_bytes());
    let directory_bytes = directory.len() as u64;
    zip.extend(directory);
    let end64 = zip.len() as u64;
    zip.extend(b"PK\x06\x06");
    zip.extend(44_u64.to_le_bytes());
    zip.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for field in [1, 1, directory_bytes, offset] {
        zip.extend(u64::to_le_bytes(field));
    }
    zip.extend(b"PK\x06\x07\0\0\0\0");
    zip.extend(end64.to_le_bytes());
    zip.extend([1, 0, 0, 0]);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend([0xFF; 12]);
    zip.extend([0, 0]);
    // What does not name its length in the directory record has it in the wide fields.
    let directory = open(&zip).unwrap();
    assert_eq!(directory.entries()[0].bytes, 5);
    assert_eq!(contents(&zip, "users.csv").unwrap(), b"hello");
}

#[test]
fn a_directory_that_is_cut_or_padded_is_refused() {
    let bytes = zip(&[Packed::stored("users.csv", b"x")]);
    let end = End::find(&bytes, bytes.len() as u64).unwrap();
    let start = usize::try_from(end.range.start).unwrap();
    let stop = usize::try_from(end.range.end).unwrap();
    for cut in start..stop {
        assert!(Directory::parse(&bytes[start..cut], &end).is_err(), "{cut}");
    }
}
