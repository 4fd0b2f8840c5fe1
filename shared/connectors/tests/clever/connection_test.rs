//! What a district shares, right after it approved the application.

use super::district::{DISTRICT, District, asked_for, error, raw};
use super::driver::{Answer, api, driver};
use bytes::Bytes;
use connectors::clever::ConnectionTest;
use connectors::clever::connection_test::{Finding, Share, ShareReport};
use connectors::fetch::{Doubt, FetchError, Refusal};
use http::Request;
use serde_json::json;

fn test(
    guardians: bool,
    answer: impl FnMut(&Request<Bytes>) -> Answer,
) -> Result<ShareReport, FetchError> {
    let mut driver = driver(answer);
    driver.crashes = true;
    driver
        .run(ConnectionTest::start(
            api(),
            DISTRICT.to_owned(),
            guardians,
            1,
        ))
        .1
}

#[test]
fn a_district_that_shares_everything_is_fine() {
    let mut district = District::new(3, 3);
    district.about["state"] = json!("pending");
    let report = test(true, |request| Ok(district.answer(request))).unwrap();
    assert!(report.is_ok());
    assert_eq!(
        report.to_string(),
        "everything that a sync needs can be read"
    );
    assert_eq!(report.findings.len(), 8);
    assert_eq!(report.district_name, "#DEMO Maple Grove (Sandbox)");
    assert_eq!(
        report.doubts.into_iter().collect::<Vec<_>>(),
        [Doubt::NotRunning]
    );
}

#[test]
fn what_is_missing_is_named() {
    let mut district = District::new(0, 3);
    district.events = None;
    let report = test(false, |request| Ok(district.answer(request))).unwrap();
    assert!(!report.is_ok());
    assert_eq!(report.findings.get(&Share::Contacts), None);
    insta::assert_snapshot!(report.to_string(), @"Events is missing: Clever does not give it to this application; share students is missing: Clever shows none; share teachers is missing: Clever shows none");
}

#[test]
fn events_that_are_off_or_staff_that_is_not_there_do_not_stop_a_sync() {
    let mut district = District::new(3, 3);
    district.events = None;
    district
        .users
        .retain(|user| user["roles"]["staff"].is_null());
    let report = test(true, |request| Ok(district.answer(request))).unwrap();
    assert!(report.is_ok());
    let missing: Vec<Share> = report.missing().map(|(share, _)| share).collect();
    assert_eq!(missing, [Share::Events, Share::Staff]);
}

#[test]
fn c9_a_token_that_opens_nothing_lacks_secure_sync() {
    let district = District::new(3, 3);
    let scopes = || error(403, "Resource not in token's scopes");
    let report = test(true, |request| {
        let is_open = asked_for(request) == "districts";
        Ok(if is_open {
            district.answer(request)
        } else {
            scopes()
        })
    });
    let report = report.unwrap();
    let refused = Finding::Refused(Refusal::MissingScope);
    assert_eq!(
        report.missing().collect::<Vec<_>>(),
        [(Share::SecureSync, refused)]
    );
    let report = test(true, |request| {
        let is_shut = asked_for(request) == "student";
        Ok(if is_shut {
            scopes()
        } else {
            district.answer(request)
        })
    });
    let report = report.unwrap();
    assert_eq!(
        report.missing().collect::<Vec<_>>(),
        [(Share::Students, refused)]
    );
}

#[test]
fn a_token_of_another_district_is_no_use() {
    let mut district = District::new(3, 3);
    district.about["id"] = json!("5f3a9c0e1d2b4c0011aa00d2");
    let end = test(true, |request| Ok(district.answer(request)));
    assert_eq!(end, Err(FetchError::DistrictNotShared));
}

#[test]
fn a_page_for_people_is_no_finding() {
    let district = District::new(3, 3);
    let end = test(true, |request| {
        let is_html = asked_for(request) == "teacher";
        let html = || raw(404, "text/html", "<html></html>");
        Ok(if is_html {
            html()
        } else {
            district.answer(request)
        })
    });
    assert!(matches!(end, Err(FetchError::GaveUp { .. })), "{end:?}");
}
