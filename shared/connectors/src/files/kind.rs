//! What kind of file somebody sent, by what it holds rather than by what it is called.

/// How many bytes of a file are enough to know what it is.
pub const SNIFF_BYTES: usize = 4096;

/// A kind of file that can be read.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text with separators.
    Csv,
    /// A zip of CSV files.
    Package,
    /// A workbook with sheets: `.xlsx`.
    Workbook,
}

/// Why a file is none that can be read. Each sentence says what to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KindError {
    /// A workbook of Excel's binary kind, `.xlsb`.
    #[error(
        "this is a binary workbook (.xlsb): in Excel, save it as \"Excel Workbook (.xlsx)\" and send that"
    )]
    BinaryWorkbook,
    /// A document of a word processor or a presentation.
    #[error(
        "this is a document and not a spreadsheet: put the people into the template and send that"
    )]
    Document,
    /// Nothing at all.
    #[error("the file is empty: check that it was saved, and send it again")]
    Empty,
    /// A workbook with a password.
    #[error("this workbook is protected with a password: save it without one and send it again")]
    Encrypted,
    /// A web page, often one that asks to sign in.
    #[error("this is a web page and not a spreadsheet: download the file itself and send that")]
    Html,
    /// A picture.
    #[error("this is a picture and not a spreadsheet: send the spreadsheet that it shows")]
    Image,
    /// JSON or XML.
    #[error(
        "this is data for programs and not a spreadsheet: export it as CSV or .xlsx and send that"
    )]
    Markup,
    /// A document of Apple's Numbers.
    #[error("this is a Numbers document: in Numbers, choose File, Export To, Excel, and send that")]
    Numbers,
    /// A workbook of Excel 97 to 2003.
    #[error(
        "this is an old workbook (.xls): in Excel, save it as \"Excel Workbook (.xlsx)\" and send that"
    )]
    OldWorkbook,
    /// A spreadsheet of an open office program.
    #[error(
        "this is an OpenDocument spreadsheet (.ods): save it as \"Excel 2007-365 (.xlsx)\" and send that"
    )]
    OpenDocument,
    /// A PDF.
    #[error("this is a PDF and not a spreadsheet: send the spreadsheet that it was made from")]
    Pdf,
    /// An archive of a kind other than zip.
    #[error(
        "this is an archive that can't be opened here: pack the CSV files as a .zip, or send one .csv or .xlsx"
    )]
    UnknownArchive,
    /// A zip with neither a workbook nor CSV files.
    #[error(
        "this zip holds neither a workbook nor CSV files: send a OneRoster CSV package, an .xlsx or a .csv"
    )]
    UnknownZip,
    /// Bytes that are no text.
    #[error(
        "this file is of a kind that can't be read: send an .xlsx, a .csv or a OneRoster CSV package"
    )]
    Unknown,
}

/// What a file looks like from its first bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sniffed {
    /// Text with separators.
    Csv,
    /// A zip; [`Kind::of_names`] says which kind, once its directory was read.
    Zip,
}

impl Sniffed {
    /// Looks at the first [`SNIFF_BYTES`] of a file. Its name decides only what the bytes leave
    /// open; what the sender declares about it is not looked at, for browsers guess.
    pub fn of(head: &[u8], file_name: &str) -> Result<Self, KindError> {
        let extension = file_name
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension);
        let extension = extension.to_ascii_lowercase();
        if head
            .iter()
            .all(|byte| byte.is_ascii_whitespace() || *byte == 0)
        {
            return Err(KindError::Empty);
        }
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return if extension == "numbers" {
                Err(KindError::Numbers)
            } else {
                Ok(Sniffed::Zip)
            };
        }
        if head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
            return Err(of_compound_file(head, &extension));
        }
        if let Some(error) = of_magic(head) {
            return Err(error);
        }
        of_text(head)
    }
}

impl Kind {
    /// What a zip is by the names of what is in it.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, KindError> {
        let mut has_csv = false;
        for name in names {
            let lower = name.to_ascii_lowercase();
            match lower.as_str() {
                "xl/workbook.xml" => return Ok(Kind::Workbook),
                "xl/workbook.bin" => return Err(KindError::BinaryWorkbook),
                "content.xml" => return Err(KindError::OpenDocument),
                "word/document.xml" | "ppt/presentation.xml" => return Err(KindError::Document),
                "index.zip" | "index/document.iwa" => return Err(KindError::Numbers),
                _ => has_csv |= has_extension(&lower, "csv"),
            }
        }
        if has_csv {
            Ok(Kind::Package)
        } else {
            Err(KindError::UnknownZip)
        }
    }
}

pub(crate) fn has_extension(name: &str, wanted: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

/// An OLE compound file is an old workbook, or a wrapper around an encrypted new one. The names of
/// its streams are UTF-16, and their list may be anywhere, so the file's own name decides the rest.
fn of_compound_file(head: &[u8], extension: &str) -> KindError {
    let name: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let is_wrapper = head.windows(name.len()).any(|window| window == name);
    match extension {
        _ if is_wrapper => KindError::Encrypted,
        "xlsx" | "xlsm" => KindError::Encrypted,
        "doc" | "ppt" => KindError::Document,
        _ => KindError::OldWorkbook,
    }
}

fn of_magic(head: &[u8]) -> Option<KindError> {
    const MAGICS: [(&[u8], KindError); 16] = [
        (b"%PDF", KindError::Pdf),
        (b"\x89PNG", KindError::Image),
        (b"\xFF\xD8\xFF", KindError::Image),
        (b"GIF8", KindError::Image),
        (b"II*\0", KindError::Image),
        (b"MM\0*", KindError::Image),
        (b"RIFF", KindError::Image),
        (b"\0\0\0\x18ftyp", KindError::Image),
        (b"\0\0\0\x1Cftyp", KindError::Image),
        (b"{\\rtf", KindError::Document),
        (b"\x1F\x8B", KindError::UnknownArchive),
        (b"Rar!", KindError::UnknownArchive),
        (b"7z\xBC\xAF\x27\x1C", KindError::UnknownArchive),
        (b"BZh", KindError::UnknownArchive),
        (b"\xFD7zXZ", KindError::UnknownArchive),
        // Workbooks older than Excel 97, without a compound file around them.
        (b"\x09\x08", KindError::OldWorkbook),
    ];
    let found = MAGICS.iter().find(|(magic, _)| head.starts_with(magic));
    found.map(|(_, error)| *error)
}

fn of_text(head: &[u8]) -> Result<Sniffed, KindError> {
    let is_utf16 = head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]);
    if is_utf16 {
        return Ok(Sniffed::Csv);
    }
    if head.contains(&0) {
        return Err(KindError::Unknown);
    }
    let head = head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head);
    let text = String::from_utf8_lossy(head)
        .trim_start()
        .to_ascii_lowercase();
    let begins = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    if begins(&[
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<table",
        "<script",
        "<meta",
        "<!--",
    ]) {
        return Err(KindError::Html);
    }
    let is_array = text
        .strip_prefix('[')
        .is_some_and(|rest| rest.trim_start().starts_with(['{', ']']));
    if is_array || text.starts_with(['<', '{']) {
        let is_page = text.contains("<html");
        return Err(if is_page {
            KindError::Html
        } else {
            KindError::Markup
        });
    }
    Ok(Sniffed::Csv)
}
