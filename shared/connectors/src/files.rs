//! Files that people send: CSV, workbooks and OneRoster packages (SPEC section 6, PROVIDERS 7).
//!
//! Nothing here holds a file. Whoever has it feeds its bytes in parts of any size and takes rows
//! out; what is kept between two parts is bounded, and small enough to be stored where a reader
//! can go on later. [`upload`] is the way in; the other modules are what it is made of.

pub mod bad_rows;
pub mod credentials;
pub mod csv;
mod csv_text;
pub mod kind;
pub mod merge;
pub mod oneroster;
pub mod roster;
pub mod row;
mod secret;
pub mod sheet;
pub mod template;
pub mod text;
pub mod upload;
mod words;
pub mod xlsx;
pub mod zip;

pub use secret::Secret;
