//! Trouble that passes, and trouble that does not.

use super::district::{District, TOKEN, asked_for, error, raw};
use super::driver::{Answer, driver, now, plan, stage};
use bytes::Bytes;
use connectors::clever::Fetch;
use connectors::fetch::{
    ATTEMPTS_MAX, Asking, Cause, CompleteRead, Connector, FetchError, Poll, Refusal,
    TransportFailure,
};
use http::{Request, Response};
use jiff::SignedDuration;

/// Reads a district whose lists of students answer so for the first times.
fn read_with_trouble(
    times: usize,
    trouble: impl Fn() -> Answer,
) -> (Result<CompleteRead, FetchError>, SignedDuration) {
    let district = District::new(7, 3);
    let mut left = times;
    let mut driver = driver(|request: &Request<Bytes>| {
        if left > 0 && asked_for(request) == "student" {
            left -= 1;
            return trouble();
        }
        Ok(district.answer(request))
    });
    driver.crashes = true;
    let mut plan = plan();
    // Nothing else is under way, so that no trouble is lost in a crash.
    plan.window = 1;
    let (batches, end) = driver.run(Fetch::start(plan, now()));
    if end.is_ok() {
        assert_eq!(stage(batches).records.len(), district.users.len());
    }
    (end, driver.now.duration_since(now()))
}

fn passing() -> Vec<(Cause, Answer)> {
    let server_error = |status| Cause::ServerError { status };
    vec![
        (Cause::RateLimited, Ok(raw(429, "text/plain", ""))),
        (server_error(500), Ok(error(500, "Internal error"))),
        (
            server_error(502),
            Ok(raw(502, "text/html", "<html>Bad Gateway</html>")),
        ),
        (server_error(503), Ok(raw(503, "text/html", ""))),
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
        let (asking, attempts) = (Asking::Users, ATTEMPTS_MAX);
        let gave_up = FetchError::GaveUp {
            asking,
            attempts,
            cause,
        };
        assert_eq!(end, Err(gave_up));
        assert!((182..=192).contains(&waited.as_secs()), "{cause}: {waited}");
    }
}

fn limited(status: u16, headers: &[(&'static str, &str)]) -> Response<Bytes> {
    let mut response = raw(status, "application/json", "");
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

#[test]
fn c10_an_empty_429_waits_for_the_next_minute() {
    let reset = (now().as_second() + 40).to_string();
    for (headers, waits) in [
        (vec![("x-ratelimit-reset", reset.as_str())], 40),
        (vec![("x-ratelimit-reset", "50")], 50),
        (vec![("retry-after", "90")], 90),
        (
            vec![("retry-after", "30"), ("x-ratelimit-reset", reset.as_str())],
            40,
        ),
        (vec![("x-ratelimit-reset", "99999999999999999")], 2),
        (vec![("x-ratelimit-reset", "9999999999")], 3_600),
        (vec![("x-ratelimit-reset", "1000000001")], 2),
        (vec![("x-ratelimit-reset", "soon")], 2),
        (vec![("retry-after", "999999999999")], 3_600),
    ] {
        let (end, waited) = read_with_trouble(1, || Ok(limited(429, &headers)));
        assert!(end.is_ok());
        assert!(
            (waits..=waits + 1).contains(&waited.as_secs()),
            "{headers:?}: {waited}"
        );
    }
}

#[test]
fn the_last_answer_before_the_limit_holds_every_chain() {
    let district = District::new(7, 3);
    let mut fetch = Fetch::start(plan(), now());
    let reset = now() + SignedDuration::from_secs(25);
    let mut answers = 0;
    while let Poll::Send { chain, request, .. } = fetch.poll(now(), TOKEN) {
        answers += 1;
        let mut answer = district.answer(&request);
        let headers = answer.headers_mut();
        let left = if answers == 4 { "0" } else { "17" };
        headers.insert("x-ratelimit-remaining", left.parse().unwrap());
        headers.insert(
            "x-ratelimit-reset",
            reset.as_second().to_string().parse().unwrap(),
        );
        fetch.handle_response(chain, now(), Ok(&answer));
    }
    assert_eq!(answers, 4);
    assert!(matches!(fetch.poll(now(), TOKEN), Poll::WaitUntil(until) if until == reset));
    assert!(matches!(fetch.poll(reset, TOKEN), Poll::Send { .. }));
}

#[test]
fn refusals_are_final_and_say_what_to_do() {
    for (response, refusal) in [
        (
            error(403, "Resource not in token's scopes"),
            Refusal::MissingScope,
        ),
        (
            error(401, "Resource not in token's scopes"),
            Refusal::MissingScope,
        ),
        (error(403, "Forbidden"), Refusal::MissingPrivilege),
        (error(404, "Resource not found"), Refusal::NotFound),
        (error(400, "bad parameter"), Refusal::BadRequest),
        (
            raw(501, "text/plain", ""),
            Refusal::Unexpected { status: 501 },
        ),
        (
            raw(302, "text/html", ""),
            Refusal::Unexpected { status: 302 },
        ),
    ] {
        let (end, waited) = read_with_trouble(1, || Ok(response.clone()));
        let asking = Asking::Users;
        assert_eq!(end, Err(FetchError::Refused { asking, refusal }));
        assert!(waited.is_zero());
    }
}

#[test]
fn c14_a_token_that_rotated_is_fetched_again_and_the_read_goes_on() {
    let district = District::new(7, 3);
    for crashes in [false, true] {
        let mut driver = driver(|request: &Request<Bytes>| Ok(district.answer(request)));
        driver.access = "old".to_owned();
        driver.crashes = crashes;
        let (_, end) = driver.run(Fetch::start(plan(), now()));
        assert_eq!(end.unwrap().totals().records, 14);
        assert_eq!(driver.tokens_asked, 1);
    }
}

#[test]
fn c14_a_fresh_token_that_is_refused_too_ends_the_read() {
    for refusal in [
        error(401, "Invalid token"),
        raw(401, "text/html", "<html></html>"),
    ] {
        let mut driver = driver(|_: &_| Ok(refusal.clone()));
        driver.crashes = true;
        let (_, end) = driver.run(Fetch::start(plan(), now()));
        assert_eq!(end, Err(FetchError::Unauthorized));
        assert_eq!(driver.tokens_asked, 1);
    }
}
