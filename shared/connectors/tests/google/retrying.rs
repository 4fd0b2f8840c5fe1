//! Trouble that passes, and trouble that does not.

use super::district::{District, TOKEN, error, raw};
use super::driver::{Answer, driver, now, plan, stage};
use bytes::Bytes;
use connectors::fetch::{
    ATTEMPTS_MAX, Asking, Cause, CompleteRead, FetchError, Refusal, TransportFailure,
};
use connectors::google::fetch::{Fetch, FetchPlan, GroupScope, UnitScopes};
use http::{Request, Response};
use jiff::SignedDuration;

fn everyone() -> FetchPlan {
    plan(UnitScopes::Everyone, GroupScope::None)
}

/// Reads a district of ten whose lists of users answer so for the first times.
fn read_with_trouble(
    times: usize,
    trouble: impl Fn() -> Answer,
) -> (Result<CompleteRead, FetchError>, SignedDuration) {
    let district = District::new(&["/A"], 5, 4);
    let mut left = times;
    let mut driver = driver(|request: &Request<Bytes>| {
        if left > 0 && request.uri().path().ends_with("users") {
            left -= 1;
            return trouble();
        }
        Ok(district.answer(request))
    });
    driver.crashes = true;
    let (batches, end) = driver.run(Fetch::start(everyone(), now()));
    if end.is_ok() {
        assert_eq!(stage(batches).records.len(), 10);
    }
    (end, driver.now.duration_since(now()))
}

fn passing() -> Vec<(Cause, Answer)> {
    let quota = "Quota exceeded for quota metric 'Queries'";
    vec![
        (
            Cause::RateLimited,
            Ok(error(429, "rateLimitExceeded", "Rate Limit Exceeded")),
        ),
        (
            Cause::RateLimited,
            Ok(error(403, "userRateLimitExceeded", quota)),
        ),
        (Cause::RateLimited, Ok(error(403, "quotaExceeded", quota))),
        (Cause::RateLimited, Ok(raw(429, "text/plain", "slow down"))),
        (
            Cause::ServerError { status: 500 },
            Ok(error(500, "backendError", "Backend Error")),
        ),
        (
            Cause::ServerError { status: 502 },
            Ok(raw(502, "text/html", "<html>Bad Gateway</html>")),
        ),
        (
            Cause::ServerError { status: 503 },
            Ok(raw(503, "text/html", "")),
        ),
        (
            Cause::ServerError { status: 504 },
            Ok(raw(504, "text/html", "")),
        ),
        (Cause::Connection, Err(TransportFailure::Failed)),
    ]
}

#[test]
fn trouble_that_passes_costs_time_and_nobody() {
    for (cause, trouble) in passing() {
        let (end, waited) = read_with_trouble(2, || trouble.clone());
        assert!(end.is_ok(), "{cause}: {end:?}");
        // Two and four seconds, and up to a second more each.
        assert!((6..=8).contains(&waited.as_secs()), "{cause}: {waited}");
    }
}

#[test]
fn trouble_that_stays_is_reported_with_its_cause() {
    for (cause, trouble) in passing() {
        let (end, waited) = read_with_trouble(usize::MAX, || trouble.clone());
        let attempts = ATTEMPTS_MAX;
        let asking = Asking::Users;
        assert_eq!(
            end,
            Err(FetchError::GaveUp {
                asking,
                attempts,
                cause
            })
        );
        assert!((182..=192).contains(&waited.as_secs()), "{cause}: {waited}");
    }
}

#[test]
fn retry_after_is_obeyed_up_to_an_hour() {
    let after = |seconds: &str| -> Answer {
        let mut response = error(429, "rateLimitExceeded", "Rate Limit Exceeded");
        response
            .headers_mut()
            .insert("retry-after", seconds.parse().unwrap());
        Ok(response)
    };
    for (seconds, waits) in [("90", 90), ("999999999999", 3_600), ("soon", 2), ("-4", 2)] {
        let (end, waited) = read_with_trouble(1, || after(seconds));
        assert!(end.is_ok());
        assert!(
            (waits..=waits + 1).contains(&waited.as_secs()),
            "{seconds}: {waited}"
        );
    }
}

#[test]
fn a_rate_limit_holds_every_chain() {
    use connectors::fetch::{Connector, Poll};
    let district = District::new(&["/A", "/B"], 1, 4);
    let units = UnitScopes::Units(vec![
        super::driver::unit("/A", true),
        super::driver::unit("/B", true),
    ]);
    let mut fetch = Fetch::start(plan(units, GroupScope::None), now());
    let send = |fetch: &mut Fetch| match fetch.poll(now(), TOKEN) {
        Poll::Send { chain, request, .. } => (chain, district.answer(&request)),
        other => panic!("{other:?}"),
    };
    let (tree, answer) = send(&mut fetch);
    fetch.handle_response(tree, now(), Ok(&answer));
    let (limited, _) = send(&mut fetch);
    let slow = error(429, "rateLimitExceeded", "Rate Limit Exceeded");
    fetch.handle_response(limited, now(), Ok(&slow));
    assert!(matches!(fetch.poll(now(), TOKEN), Poll::WaitUntil(until) if until > now()));
}

#[test]
fn refusals_are_final_and_say_what_to_do() {
    let scopes = "Request had insufficient authentication scopes.";
    let off = "Admin SDK API has not been used in project 1 before or it is disabled.";
    let forbidden = "Not Authorized to access this resource/api";
    let cases: [(Response<Bytes>, Refusal); 9] = [
        (
            error(403, "forbidden", forbidden),
            Refusal::MissingPrivilege,
        ),
        (
            error(403, "insufficientPermissions", scopes),
            Refusal::MissingScope,
        ),
        (error(403, "accessNotConfigured", off), Refusal::ApiDisabled),
        (
            error(403, "domainCannotUseApis", "x"),
            Refusal::DomainApisOff,
        ),
        (
            raw(403, "text/plain", "Domain cannot use apis."),
            Refusal::DomainApisOff,
        ),
        (
            raw(403, "text/plain", "Invalid domain."),
            Refusal::DomainUnknown,
        ),
        (
            error(404, "notFound", "Resource Not Found: x"),
            Refusal::NotFound,
        ),
        (error(412, "conditionNotMet", "no"), Refusal::Precondition),
        (
            raw(302, "text/html", ""),
            Refusal::Unexpected { status: 302 },
        ),
    ];
    let asking = Asking::Users;
    for (response, refusal) in cases {
        let (end, waited) = read_with_trouble(1, || Ok(response.clone()));
        assert_eq!(end, Err(FetchError::Refused { asking, refusal }));
        assert!(waited.is_zero());
    }
}

#[test]
fn a_dead_token_is_renewed_once_and_the_read_goes_on() {
    let district = District::new(&["/A"], 5, 4);
    for crashes in [false, true] {
        let mut driver = driver(|request: &Request<Bytes>| Ok(district.answer(request)));
        driver.access = "old".to_owned();
        driver.crashes = crashes;
        let (_, end) = driver.run(Fetch::start(everyone(), now()));
        assert_eq!(end.unwrap().totals().records, 10);
        assert_eq!(driver.tokens_asked, 1);
    }
}

#[test]
fn a_fresh_token_that_is_refused_too_ends_the_read() {
    let mut driver = driver(|_: &_| Ok(error(401, "authError", "Invalid Credentials")));
    driver.crashes = true;
    let (_, end) = driver.run(Fetch::start(everyone(), now()));
    assert_eq!(end, Err(FetchError::Unauthorized));
    assert_eq!(driver.tokens_asked, 1);
}

#[test]
fn a_token_may_expire_more_than_once_in_a_long_read() {
    let district = District::new(&["/A"], 20, 4);
    let mut answers = 0;
    let mut driver = driver(|request: &Request<Bytes>| {
        answers += 1;
        if answers % 4 == 0 {
            return Ok(error(401, "authError", "Invalid Credentials"));
        }
        Ok(district.answer(request))
    });
    let (_, end) = driver.run(Fetch::start(everyone(), now()));
    assert_eq!(end.unwrap().totals().records, 40);
    assert!(driver.tokens_asked > 1);
}

/// A district whose list of users takes three days once, or every time.
fn read_slowly(pauses: usize) -> Result<CompleteRead, FetchError> {
    use connectors::fetch::{Connector, Poll};
    let district = District::new(&["/A"], 5, 4);
    let mut fetch = Fetch::start(everyone(), now());
    let (mut at, mut batches, mut taken) = (now(), Vec::new(), 0);
    loop {
        match fetch.poll(at, TOKEN) {
            Poll::Done(complete) => {
                assert_eq!(complete.totals().records, 10);
                return Ok(complete);
            }
            Poll::Failed(error) => return Err(error),
            Poll::Send { chain, request, .. } => {
                let answer = district.answer(&request);
                batches.push(fetch.handle_response(chain, at, Ok(&answer)));
                let has_begun = batches
                    .last()
                    .is_some_and(|batch| !batch.records.is_empty());
                if has_begun && taken < pauses {
                    taken += 1;
                    at = at.checked_add(SignedDuration::from_hours(72)).unwrap();
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_list_that_google_forgot_is_read_anew() {
    assert_eq!(read_slowly(1).unwrap().chains()[0].pages, 4);
    let asking = Asking::Users;
    assert_eq!(read_slowly(9), Err(FetchError::TooSlow { asking }));
}

#[test]
fn a_page_token_that_google_refuses_is_dropped() {
    let district = District::new(&["/A"], 5, 4);
    let mut refused = false;
    let mut driver = driver(|request: &Request<Bytes>| {
        if !refused && request.uri().query().unwrap().contains("pageToken") {
            refused = true;
            return Ok(error(400, "invalid", "Invalid Input: pageToken"));
        }
        Ok(district.answer(request))
    });
    let (_, end) = driver.run(Fetch::start(everyone(), now()));
    assert_eq!(end.unwrap().totals().records, 10);
    assert!(refused);
}
