//! The people of a file.

use crate::source::SEED;
use fake_providers::district::{District, PersonKind};

/// The columns, by the names of the template.
pub(super) const COLUMNS: [&str; 7] = [
    "Email address",
    "First Name",
    "Last Name",
    "Role",
    "School",
    "Grade",
    "ID",
];

/// A row.
pub(super) type Row = [String; COLUMNS.len()];

/// So many people, without those of the office and without accounts of devices.
pub(super) fn table(rows: usize) -> Vec<Row> {
    // A few of a hundred are left out.
    let district = District::maple_grove(SEED, rows + rows / 5 + 100);
    let people = district.people().iter().filter_map(|person| {
        let role = match person.kind {
            PersonKind::Student => "student",
            PersonKind::Teacher => "teacher",
            PersonKind::Administrator | PersonKind::ServiceAccount | PersonKind::Staff => {
                return None;
            }
        };
        let school = district.school(person.school?)?;
        let grade = person.grade.map(|grade| match grade.number() {
            0 => "KG".to_owned(),
            number => format!("{number:02}"),
        });
        Some([
            district.address_of(person),
            person.given.to_string(),
            person.family.to_string(),
            role.to_owned(),
            school.name.clone(),
            grade.unwrap_or_default(),
            person.number.to_string(),
        ])
    });
    people.take(rows).collect()
}

/// The table as a CSV file.
pub(super) fn csv(table: &[Row]) -> Vec<u8> {
    let mut file = COLUMNS.join(",");
    for row in table {
        file.push_str("\r\n");
        for (place, cell) in row.iter().enumerate() {
            if place > 0 {
                file.push(',');
            }
            if cell.contains([',', '"']) {
                file.push('"');
                file.push_str(&cell.replace('"', "\"\""));
                file.push('"');
            } else {
                file.push_str(cell);
            }
        }
    }
    file.push_str("\r\n");
    file.into_bytes()
}
