//! Writing CSV that a spreadsheet may open (PROVIDERS 7.3, "formula injection").
//!
//! A cell that a spreadsheet would run as a formula gets an apostrophe in front. Reading our own
//! files takes it away again, so that what was sent comes back unchanged.

/// Adds a line to CSV; each cell is quoted where that is needed.
pub(crate) fn write_row<'a>(csv: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (column, cell) in cells.into_iter().enumerate() {
        if column > 0 {
            csv.push(',');
        }
        write_cell(csv, cell);
    }
    csv.push_str("\r\n");
}

fn write_cell(csv: &mut String, cell: &str) {
    let needs_quotes = cell.contains(['"', ',', ';', '\t', '\r', '\n', '|'])
        || cell.starts_with(' ')
        || cell.ends_with(' ');
    if !needs_quotes {
        csv.push_str(cell);
        return;
    }
    csv.push('"');
    csv.push_str(&cell.replace('"', "\"\""));
    csv.push('"');
}

/// The cell as a spreadsheet may show it.
pub(crate) fn guard(cell: &str) -> String {
    if is_formula(cell) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// What was guarded.
pub(crate) fn unguard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest) => rest,
        _ => cell,
    }
}

/// True for a text that would be run, however many apostrophes are in front of it: with those,
/// guarding can be undone exactly.
fn is_formula(cell: &str) -> bool {
    let bare = cell.trim_start_matches('\'');
    bare.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guarding_can_be_undone() {
        for cell in [
            "=1+1", "'=1", "''=1", "+1", "-1", "@a", "\tx", "\rx", "plain", "'plain", "", "'",
        ] {
            assert_eq!(unguard(&guard(cell)), cell, "{cell:?}");
            let bare = guard(cell);
            assert!(
                !bare.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{cell:?}"
            );
        }
    }
}
