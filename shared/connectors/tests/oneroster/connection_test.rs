//! What a service can do, found out right after it was set up.

use super::driver::{base, driver};
use super::server::{Quirks, Server, Total, raw};
use bytes::Bytes;
use connectors::fetch::{FetchError, Refusal};
use connectors::oneroster::connection_test::{ConnectionTest, Finding, Part, ServiceReport};
use connectors::oneroster::{Access, SignatureMethod, Version};
use http::{Request, Response};

type End = Result<ServiceReport, FetchError>;

fn test_with(access: Option<Access>, answer: impl Fn(&Request<Bytes>) -> Response<Bytes>) -> End {
    let mut driver = driver(|request: &Request<Bytes>| Ok(answer(request)));
    driver.crashes = true;
    if let Some(access) = access {
        driver.access = access;
    }
    driver.run(ConnectionTest::start(base(Version::V1_1), 7)).1
}

fn test(quirks: Quirks) -> ServiceReport {
    let server = Server::with(5, quirks);
    test_with(None, |request| server.answer(request)).unwrap()
}

fn signing() -> Access {
    Access::OAuth1 {
        key: "ck".to_owned(),
        secret: "cs".to_owned(),
        method: SignatureMethod::HmacSha1,
        version_param: false,
    }
}

#[test]
fn a_service_that_can_do_everything_is_reported_so() {
    let report = test(Quirks::default());
    assert!(report.is_ok() && report.sorts && report.filters);
    assert_eq!((report.findings.len(), report.method), (5, None));
    assert_eq!(
        report.to_string(),
        "everything that a sync needs can be read"
    );
}

#[test]
fn a_list_that_is_refused_is_named() {
    let server = Server::new(Version::V1_1, 5);
    let refusing = |name: &'static str| {
        test_with(None, |request| {
            if request.uri().path().ends_with(name) {
                return server.error(403, "forbidden");
            }
            server.answer(request)
        })
        .unwrap()
    };
    let report = refusing("enrollments");
    assert!(report.is_ok());
    let missing: Vec<_> = report.missing().collect();
    assert_eq!(
        missing,
        [(Part::Enrollments, Finding::Refused(Refusal::MissingScope))]
    );
    assert!(report.to_string().starts_with("enrollments is missing: "));
    assert!(!refusing("orgs").is_ok() && !refusing("users").is_ok());
}

#[test]
fn a_service_without_people_is_not_ready() {
    let mut server = Server::new(Version::V1_1, 0);
    server.users().clear();
    server.lists.get_mut("classes").unwrap().clear();
    let report = test_with(None, |request| server.answer(request)).unwrap();
    assert!(!report.is_ok());
    assert_eq!(
        report.missing().collect::<Vec<_>>(),
        [(Part::Users, Finding::Empty)]
    );
    assert!(report.to_string().starts_with("users is empty: "));
}

#[test]
fn what_a_service_can_not_do_is_found_out() {
    let report = test(Quirks {
        refuses_sort: true,
        ..Quirks::default()
    });
    assert!(report.is_ok() && !report.sorts && report.filters);
    for quirks in [
        Quirks {
            refuses_filter: true,
            ..Quirks::default()
        },
        Quirks {
            ignores_filter: true,
            ..Quirks::default()
        },
    ] {
        let report = test(quirks);
        assert!(report.is_ok() && report.sorts && !report.filters);
    }
    let report = test(Quirks {
        empty_is_404: true,
        total: Total::Missing,
        ..Quirks::default()
    });
    assert!(report.is_ok() && report.filters);
}

#[test]
fn o12_the_signature_that_a_service_wants_is_found_out() {
    let server = Server::new(Version::V1_1, 5);
    for method in [SignatureMethod::HmacSha256, SignatureMethod::HmacSha1] {
        let report = test_with(Some(signing()), |request| {
            let header = request.headers()["authorization"].to_str().unwrap();
            if header.contains(&format!("oauth_signature_method=\"{}\"", method.name())) {
                return server.answer(request);
            }
            raw(401, "text/html", "")
        });
        let report = report.unwrap();
        assert!(report.is_ok());
        assert_eq!(report.method, Some(method));
    }
    let end = test_with(Some(signing()), |_| raw(401, "text/html", ""));
    assert_eq!(end, Err(FetchError::Unauthorized));
    let end = test_with(None, |_| raw(401, "text/html", ""));
    assert_eq!(end, Err(FetchError::Unauthorized));
}

#[test]
fn a_sign_in_page_is_no_service() {
    let end = test_with(None, |_| raw(200, "text/html", "<html>"));
    assert!(matches!(end, Err(FetchError::GaveUp { .. })));
}
