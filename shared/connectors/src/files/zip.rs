//! Zip files, read by ranges: the directory at the end first, then single entries.
//!
//! [`End::find`] looks at the last bytes and says where the directory is, [`Directory::parse`]
//! reads it, and an [`EntryReader`] takes the bytes of [`Entry::range`] in parts and gives what
//! they hold. Nothing is ever written to a path, yet a zip that tries to leave its folder, hides
//! entries in each other or grows beyond measure is refused as a whole.

mod directory;
mod entry;
mod writer;

pub use directory::{Directory, End, Entry, Method, TAIL_BYTES};
pub use entry::{Chunk, EntryReader, read_whole};
pub use writer::Writer;

/// Most entries of a zip.
pub const ENTRIES_MAX: usize = 2000;

/// Longest name of an entry, in bytes.
pub const NAME_BYTES_MAX: usize = 512;

/// Largest directory, in bytes.
pub const DIRECTORY_BYTES_MAX: u64 = 1024 * 1024;

/// Most bytes that all entries together may have. The sheet of 200,000 people has about 150 MB of
/// XML.
pub const BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// How many times larger than in the file an entry may be once it is [`RATIO_FLOOR_BYTES`] long.
/// The XML of a sheet gets 10 to 50 times smaller; what is made to explode, 1000 times.
pub const RATIO_MAX: u64 = 300;

/// Entries shorter than this are no danger whatever their ratio, in bytes.
pub const RATIO_FLOOR_BYTES: u64 = 4 * 1024 * 1024;

/// Why a zip can't be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ZipError {
    /// It contradicts itself.
    #[error("the zip is damaged: pack it again and send that")]
    Broken,
    /// Its end is missing.
    #[error("the file is cut short: send it again, and wait until it was sent whole")]
    CutShort,
    /// What an entry holds is not what it held when it was packed.
    #[error("{name} in the zip is damaged: pack it again and send that")]
    Damaged {
        /// The entry.
        name: String,
    },
    /// Two entries have one name.
    #[error("the zip holds {name} twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// An entry can only be read with a password.
    #[error("the zip is protected with a password: pack it without one and send that")]
    Encrypted,
    /// An entry, or all of them together, would be too large.
    #[error("the zip holds more than can be read: send only the files of the roster")]
    Large,
    /// An entry is packed in a way that is not read here.
    #[error(
        "{name} in the zip is packed in an unusual way (method {method}): pack it as an ordinary zip"
    )]
    Method {
        /// The entry.
        name: String,
        /// The number of the method.
        method: u16,
    },
    /// It is one of several parts.
    #[error("the zip is in several parts: pack it as one file")]
    MultiPart,
    /// An entry's name leads out of the zip, or is not a name.
    #[error("the zip holds a file whose name leads outside it: pack it again from one folder")]
    Path,
    /// There are more entries than [`ENTRIES_MAX`].
    #[error("the zip holds more than {ENTRIES_MAX} files: send only the files of the roster")]
    TooMany,
}
