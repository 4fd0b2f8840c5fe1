//! The workbook to fill in.

use crate::reading::Book;
use connectors::files::kind::{Kind, Sniffed};
use connectors::files::roster::{RowReason, SheetReader, Taken};
use connectors::files::sheet::{Content, choose};
use connectors::files::template;
use mapping::account::Role;

#[test]
fn the_template_is_read_and_its_examples_are_nobody() {
    let bytes = template::workbook();
    assert_eq!(Sniffed::of(&bytes, "template.xlsx"), Ok(Sniffed::Zip));
    assert_eq!(Kind::of_names(["xl/workbook.xml"]), Ok(Kind::Workbook));
    let book = Book::open(bytes).unwrap();
    let sheets = book
        .outline
        .sheets
        .iter()
        .map(|sheet| (sheet.name.as_str(), sheet.is_visible));
    let chosen = choose(sheets, Content::People(None)).unwrap();
    assert_eq!(
        chosen,
        [
            (0, Content::People(Some(Role::Student))),
            (1, Content::People(Some(Role::Teacher))),
            (2, Content::People(Some(Role::Admin))),
            (3, Content::Placements),
        ]
    );
    for (index, content) in chosen {
        let mut reader = SheetReader::new(Some(&book.outline.sheets[index].name), content);
        let rows = book.rows(index, 64, 0).unwrap();
        assert_eq!(reader.read(&rows[0]).unwrap(), Taken::Header);
        let Taken::Skipped(problem) = reader.read(&rows[1]).unwrap() else {
            panic!("the example was taken");
        };
        assert_eq!(problem.reason, RowReason::Example);
        assert_eq!(rows.len(), 2);
        reader.finish().unwrap();
    }
}

#[test]
fn the_template_is_always_the_same() {
    assert_eq!(template::workbook(), template::workbook());
    assert!(template::workbook().len() < 8000);
}
