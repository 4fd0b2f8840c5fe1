//! The test right after authorisation.

use super::district::{District, error};
use super::driver::{directory, driver};
use connectors::fetch::Refusal;
use connectors::google::connection_test::{ConnectionTest, Finding, Permission, PermissionReport};

fn test(uses_groups: bool, district: &District, refused: &[&str]) -> PermissionReport {
    let mut driver = driver(|request: &http::Request<_>| {
        let is_refused = refused
            .iter()
            .any(|part| request.uri().path().ends_with(part));
        Ok(if is_refused {
            error(
                403,
                "forbidden",
                "Not Authorized to access this resource/api",
            )
        } else {
            district.answer(request)
        })
    });
    driver.crashes = true;
    let (_, end) = driver.run(ConnectionTest::start(directory(), uses_groups, 1));
    end.unwrap()
}

#[test]
fn an_account_that_may_read_everything_passes() {
    let mut district = District::new(&["/A"], 2, 5);
    assert!(test(false, &district, &[]).is_ok());
    let report = test(true, &district, &[]);
    assert_eq!(
        report.findings[&Permission::ReadGroupMembers],
        Finding::Untested
    );
    district.add_group("a@maplegrove.example", &[("1", "USER")]);
    let report = test(true, &district, &[]);
    assert_eq!(report.findings.len(), 4);
    assert!(
        report
            .findings
            .values()
            .all(|finding| *finding == Finding::Granted)
    );
    assert_eq!(
        report.to_string(),
        "everything that a sync needs can be read"
    );
}

#[test]
fn each_missing_permission_is_named() {
    let district = District::new(&["/A"], 2, 5);
    let report = test(true, &district, &["/orgunits", "/groups"]);
    let missing: Vec<_> = report.missing().collect();
    assert_eq!(
        missing,
        [
            (Permission::ReadGroups, Refusal::MissingPrivilege),
            (Permission::ReadOrgUnits, Refusal::MissingPrivilege),
        ]
    );
    let sentence = report.to_string();
    assert!(
        sentence.contains("Organizational Units > Read is missing"),
        "{sentence}"
    );
}
