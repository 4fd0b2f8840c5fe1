//! Workbooks (ECMA-376, transitional and strict), read as their parts are unpacked.
//!
//! [`Outline::parse`] says which sheets there are and which parts of the zip they are in.
//! [`SharedStrings`] and [`Styles`] are read whole, within limits; the rows of a sheet come from
//! [`SheetRows`] while its XML is pushed. Formulas are never computed: a workbook holds their last
//! results.

mod formats;
mod number;
mod outline;
mod rows;
mod strings;
mod xml;

pub use formats::Styles;
pub use outline::{Outline, Sheet};
pub use rows::SheetRows;
pub use strings::{SharedStrings, TEXT_BYTES_MAX, TEXTS_MAX};

/// Where the outline of a workbook is in the zip.
pub const WORKBOOK_PART: &str = "xl/workbook.xml";

/// Where the places of its parts are in the zip.
pub const RELATIONS_PART: &str = "xl/_rels/workbook.xml.rels";

/// Largest part that is read whole, in bytes: the outline, the relations or the styles.
pub const PART_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Why a workbook can't be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WorkbookError {
    /// A row has text in more columns than a roster has.
    #[error("row {line} has more columns than a roster can have")]
    Columns {
        /// The row.
        line: u32,
    },
    /// A part ends in its middle.
    #[error("the workbook is cut short: save it again and send that")]
    CutShort,
    /// The rows of a sheet are not in order.
    #[error("the rows of the workbook are out of order at row {line}: save it again and send that")]
    Disorder {
        /// The row.
        line: u32,
    },
    /// The XML is not what a workbook has.
    #[error("the workbook is damaged: open it, save it again and send that")]
    Malformed,
    /// There is more text than can be held.
    #[error("the workbook has too much text: send it as CSV, or in several parts")]
    Large,
    /// A row is longer than a row may be.
    #[error("row {line} has too much text")]
    RowLong {
        /// The row.
        line: u32,
    },
}
