//! The passwords that were made for people, as a file to hand out.

use super::csv_text::{guard, write_row};
use super::secret::Secret;
use mapping::account::Email;

/// Writes addresses, usernames and passwords.
///
/// A password that a spreadsheet would run as a formula gets an apostrophe in front like any other
/// text; whoever makes passwords should make none that begin so.
#[derive(Clone, Debug)]
pub struct Writer {
    csv: String,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A file with its header.
    pub fn new() -> Self {
        let mut csv = "\u{FEFF}".to_owned();
        write_row(&mut csv, ["Email address", "Username", "Password"]);
        Self { csv }
    }

    /// Adds a person.
    pub fn person(&mut self, email: &Email, username: Option<&str>, password: &Secret) {
        let cells = [
            email.as_str(),
            username.unwrap_or_default(),
            password.reveal(),
        ];
        let cells = cells.map(guard);
        write_row(&mut self.csv, cells.iter().map(String::as_str));
    }

    /// The file.
    pub fn finish(self) -> Vec<u8> {
        self.csv.into_bytes()
    }
}
