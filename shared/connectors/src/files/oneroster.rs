//! OneRoster CSV packages, 1.1 and 1.2, and those of Microsoft SDS that look like them (PROVIDERS
//! 7.1 and 7.2).
//!
//! [`Package::survey`] says which files of a zip are read, in which order, and what each of them
//! means. A [`TableReader`] turns the rows of one file into [`PackageRow`]s. People come in two
//! files from 1.2 on, so whoever stages the rows joins them by the user's id and gives them to
//! [`fold`].

mod fold;
mod header;
mod package;
mod roles;
mod rows;
mod table;

pub use fold::fold;
pub use package::{Mode, Notice, Package, PackageError, PackedFile, Table, Version};
pub use roles::{Reach, RoleWord};
pub use rows::{PackageRow, RoleRow, UserRow};
pub use table::{TableNotice, TableReader, TableTaken};
