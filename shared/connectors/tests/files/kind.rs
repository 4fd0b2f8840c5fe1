//! What kind of file it is.

use connectors::files::kind::{Kind, KindError, Sniffed};

#[test]
fn a_file_is_what_it_holds_and_not_what_it_is_called() {
    let ole = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0, 0];
    let wrapper: Vec<u8> = (ole.into_iter())
        .chain("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let cases: [(&[u8], &str, Result<Sniffed, KindError>); 24] = [
        (b"email,first\n", "people.csv", Ok(Sniffed::Csv)),
        (b"email\tfirst\n", "people.xlsx", Ok(Sniffed::Csv)),
        (b"\xFF\xFEe\0", "people.txt", Ok(Sniffed::Csv)),
        (b"PK\x03\x04rest", "people.csv", Ok(Sniffed::Zip)),
        (b"PK\x05\x06", "empty.zip", Ok(Sniffed::Zip)),
        (b"PK\x03\x04rest", "people.numbers", Err(KindError::Numbers)),
        (b"", "people.csv", Err(KindError::Empty)),
        (b" \r\n\0\0", "people.csv", Err(KindError::Empty)),
        (&ole, "people.xls", Err(KindError::OldWorkbook)),
        (&ole, "people.csv", Err(KindError::OldWorkbook)),
        (&ole, "people.xlsx", Err(KindError::Encrypted)),
        (&wrapper, "people", Err(KindError::Encrypted)),
        (&ole, "people.doc", Err(KindError::Document)),
        (b"%PDF-1.7", "people.csv", Err(KindError::Pdf)),
        (b"\x89PNG\r\n", "people.xlsx", Err(KindError::Image)),
        (b"\xFF\xD8\xFF\xE0", "people.csv", Err(KindError::Image)),
        (
            b" <!DOCTYPE html><html>",
            "people.csv",
            Err(KindError::Html),
        ),
        (b"<table><tr>", "people.xls", Err(KindError::Html)),
        (
            b"<?xml version=\"1.0\"?><a/>",
            "people.xls",
            Err(KindError::Markup),
        ),
        (b"{\"users\":[]}", "people.csv", Err(KindError::Markup)),
        (
            b"\x1F\x8B\x08",
            "people.csv.gz",
            Err(KindError::UnknownArchive),
        ),
        (b"[ {\"a\":1}]", "people.json", Err(KindError::Markup)),
        (b"[Email],[First Name]\n", "people.csv", Ok(Sniffed::Csv)),
        (b"ab\0cd\x01", "people.csv", Err(KindError::Unknown)),
    ];
    for (head, name, wanted) in cases {
        assert_eq!(Sniffed::of(head, name), wanted, "{name} {head:?}");
    }
}

#[test]
fn a_zip_is_what_its_names_say() {
    let cases: [(&[&str], Result<Kind, KindError>); 8] = [
        (
            &["[Content_Types].xml", "xl/workbook.xml"],
            Ok(Kind::Workbook),
        ),
        (&["manifest.csv", "users.csv"], Ok(Kind::Package)),
        (&["export/USERS.CSV"], Ok(Kind::Package)),
        (&["content.xml", "mimetype"], Err(KindError::OpenDocument)),
        (&["word/document.xml"], Err(KindError::Document)),
        (&["xl/workbook.bin"], Err(KindError::BinaryWorkbook)),
        (&["Index/Document.iwa"], Err(KindError::Numbers)),
        (&["a.txt"], Err(KindError::UnknownZip)),
    ];
    for (names, wanted) in cases {
        assert_eq!(Kind::of_names(names.iter().copied()), wanted, "{names:?}");
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let error = Sniffed::of(b"%PDF-1.7", "people.csv").unwrap_err();
    assert_eq!(
        error.to_string(),
        "this is a PDF and not a spreadsheet: send the spreadsheet that it was made from"
    );
}
