//! A spreadsheet: what is wrong with it, its plan, and the passwords that it makes.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

use super::setup::COACHES;
use super::show::changed;
use crate::say;
use anyhow::Context as _;
use driver::{District, FileKind, Sheet, text};
use fake_providers::google::FakeGoogle;

/// The coaches: two who are new, one who teaches already, and one whose row is not finished.
fn workbook(teacher: &str) -> Vec<u8> {
    let rows = [
        ["Email address", "First Name", "Last Name", "School"],
        [
            "ida.coach@maplegrove.example",
            "Ida",
            "Holm",
            "Maple Grove Track",
        ],
        [
            "sam.coach@maplegrove.example",
            "Sam",
            "Ortiz",
            "Maple Grove Track",
        ],
        [teacher, "Dana", "Okafor", "Maple Grove Track"],
        ["", "Lee", "Park", "Maple Grove Track"],
    ];
    let rows = rows.map(|row| row.map(str::to_owned));
    driver::workbook(&[Sheet {
        name: "Teacher",
        rows: &rows,
    }])
}

/// Sends the coaches, looks at their plan, accepts the good rows and fetches the passwords. Returns
/// the address and the password of the first.
pub(super) async fn coaches(
    district: &District,
    google: &FakeGoogle,
) -> anyhow::Result<[String; 2]> {
    let teacher = google.with_directory(|directory| {
        let mut users = directory.users();
        let units = directory.org_units();
        let is_teacher = |path: &str| path.starts_with("/Staff/") && !path.contains("Office");
        let found = users.find(|user| !user.suspended && is_teacher(units.path(user.org_unit)));
        found.map(|user| user.email.to_string())
    });
    let teacher = teacher.context("the district has no teachers")?;
    say("6. The administrator sends coaches.xlsx, written a moment ago: four rows.");
    let files = district.with_connection(COACHES);
    let kind = FileKind::named("coaches.xlsx");
    let sent = files.upload(kind, workbook(&teacher)).await?;
    let id = text(&sent, "id")?;
    say(&format!(
        "   its plan: {}; nothing has changed yet",
        changed(&sent["counts"]["total"])
    ));
    for row in files.all(&files.upload_path(id, "/problems")).await? {
        let message = row["problems"][0]["message"].as_str().unwrap_or_default();
        say(&format!("   can't be taken: {message}"));
    }
    let applied = files.accept(id, "good").await?;
    say(&format!(
        "   the good rows are accepted: {}",
        changed(&applied["counts"]["total"])
    ));
    let sheet = files.credentials(id).await?.error_for_status()?;
    let sheet = sheet.text().await?;
    let passwords = sheet.lines().count().saturating_sub(1);
    let again = files.credentials(id).await?.status();
    say(&format!(
        "   {passwords} passwords were made and are handed out once: the second time {again}"
    ));
    let first = sheet.lines().nth(1).unwrap_or_default();
    let mut cells = first.split(',').map(str::to_owned);
    let (address, password) = (cells.next(), cells.next_back());
    Ok([
        address.context("nobody got a password")?,
        password.context("nobody got a password")?,
    ])
}
