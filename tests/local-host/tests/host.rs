//! The host through its front door: real components, built for the WASI target, in a running host.

#[path = "host/support.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use local_host::{Counted, Crash, CronError, Operation, StartError, State, When, build};
use support::{Server, config, start, upstream};

#[tokio::test(flavor = "multi_thread")]
async fn requests_reach_components_with_the_headers_of_the_platform() {
    let host = start().await;
    let (status, body) = host.get("/probe/headers/a?b=c").await;
    assert_eq!(status, 200);
    for line in [
        "spin-path-info: \"/headers/a\"",
        "spin-raw-component-route: \"/probe/...\"",
        "spin-component-route: \"/probe\"",
        "spin-base-path: \"/\"",
    ] {
        assert!(body.contains(line), "{line} in {body}");
    }
    let full_url = format!("spin-full-url: \"{}/probe/headers/a?b=c\"", host.url());
    assert!(body.contains(&full_url), "{body}");
    assert!(body.contains("spin-client-addr: \"127.0.0.1:"), "{body}");
    assert_eq!(host.get("/nowhere/at/all").await, (404, String::new()));
    assert_eq!(
        host.get("/.well-known/spin/health").await,
        (200, "OK".to_owned())
    );
    assert_eq!(host.get("/.well-known/spin/else").await.0, 404);
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_goes_in_and_out() {
    let host = start().await;
    let body = "x".repeat(3 << 20);
    let (status, answer) = host.post("/probe/echo", &body).await;
    assert_eq!((status, answer.len()), (200, body.len()));
    assert!(host.counters().peak_memory["fixture-probe"] > 3 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_can_be_read_as_it_comes() {
    let host = start().await;
    let body = "x".repeat(24 << 20);
    let (status, answer) = host.post("/probe/size", &body).await;
    assert_eq!((status, answer), (200, format!("{} true", body.len())));
    let peak = host.counters().peak_memory["fixture-probe"];
    assert!(peak < 8 << 20, "{peak}");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_what_the_manifest_makes_of_them() {
    let host = start().await;
    assert_eq!(
        host.get("/probe/variable/greeting").await,
        (200, "hello, s3cret".to_owned())
    );
    let (status, error) = host.get("/probe/variable/secret").await;
    assert_eq!(status, 502);
    assert!(error.starts_with("Error::Undefined("), "{error}");
    let (_, error) = host.get("/probe/variable/Not-A-Name").await;
    assert!(error.starts_with("Error::InvalidName("), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_variable_stops_the_start_and_is_named() {
    let mut config = config();
    config.variables = local_host::Overrides::Map(BTreeMap::default());
    let error = local_host::Host::start(config)
        .await
        .err()
        .map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("SPIN_VARIABLE_SECRET")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_loopback_is_listened_on() {
    let mut config = config();
    config.listen = ([0, 0, 0, 0], 0).into();
    let outcome = local_host::Host::start(config).await;
    assert!(matches!(outcome.err(), Some(StartError::NotLoopback(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_keep_values_and_an_undeclared_one_is_denied() {
    let host = start().await;
    let ok = |text: &str| (200, text.to_owned());
    assert_eq!(host.get("/probe/store/default/get/a").await, ok("none"));
    assert_eq!(
        host.post("/probe/store/default/set/a", "1").await,
        ok("done")
    );
    assert_eq!(host.get("/probe/store/default/get/a").await, ok("some 1"));
    assert_eq!(host.get("/probe/store/default/exists/a").await, ok("true"));
    assert_eq!(host.post("/probe/batch/set", "b=2\nc=3").await, ok("done"));
    assert_eq!(
        host.post("/probe/batch/get", "c\nmissing\na").await,
        ok("a=1 c=3")
    );
    assert_eq!(host.post("/probe/atomic/increment/n", "5").await, ok("5"));
    assert_eq!(host.post("/probe/atomic/increment/n", "-2").await, ok("3"));
    assert_eq!(host.post("/probe/atomic/swap/a", "9").await, ok("swapped"));
    assert_eq!(host.get("/probe/store/default/keys").await, ok("a b c n"));
    assert_eq!(host.post("/probe/batch/delete", "a\nb").await, ok("done"));
    assert_eq!(host.get("/probe/store/default/delete/c").await, ok("done"));
    assert_eq!(host.get("/probe/store/default/keys").await, ok("n"));
    assert_eq!(host.memory.dump("default")["n"], 3_i64.to_le_bytes());
    let denied = host.get("/probe/store/cache/get/a").await;
    assert_eq!(denied, (502, "Error::AccessDenied".to_owned()));

    let counters = host.counters();
    assert_eq!(counters.store[&Operation::SetMany].calls, 1);
    assert_eq!(counters.store[&Operation::SetMany].keys, 2);
    assert_eq!(counters.store[&Operation::Increment].calls, 2);
    assert_eq!(counters.store[&Operation::Get].bytes_read, 2);
}

// On one thread, to see that waiting for the disk doesn't need more.
#[tokio::test]
async fn state_on_disk_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    for (path, body, expected) in [
        ("/probe/store/default/set/a", "kept", "done"),
        ("/probe/store/default/get/a", "", "some kept"),
    ] {
        let mut config = config();
        config.state = State::Directory(directory.path().join(".spin"));
        let host = Server::start(config).await;
        assert_eq!(host.post(path, body).await, (200, expected.to_owned()));
        host.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_leave_for_allowed_hosts_only() {
    let (upstream, connections) = upstream().await;
    let mut config = config();
    support::set(&mut config, "upstream", &format!("http://{upstream}"));
    let host = Server::start(config).await;
    for _ in 0..20 {
        let answer = host
            .post("/probe/fetch", &format!("http://{upstream}/page"))
            .await;
        assert_eq!(answer, (200, format!("200 GET /page host={upstream}")));
    }
    let opened = connections.load(std::sync::atomic::Ordering::SeqCst);
    assert!(opened <= 2, "{opened} connections for 20 requests");
    assert_eq!(host.counters().outbound[&upstream.to_string()], 20);

    let denied = host.post("/probe/fetch", "http://127.0.0.1:1/").await;
    assert_eq!(denied, (502, "ErrorCode::HttpRequestDenied".to_owned()));
    let itself = host
        .post("/probe/fetch", "http://self.alt/.well-known/spin/health")
        .await;
    assert_eq!(itself, (200, "200 OK".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let mut config = config();
    support::set(&mut config, "upstream", &format!("http://{closed}"));
    let host = Server::start(config).await;
    let refused = host
        .post("/probe/fetch", &format!("http://{closed}/"))
        .await;
    assert_eq!(refused, (502, "ErrorCode::ConnectionRefused".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn https_to_a_server_without_it_is_a_tls_error() {
    let (upstream, _) = upstream().await;
    let mut config = config();
    support::set(&mut config, "upstream", &format!("https://{upstream}"));
    let host = Server::start(config).await;
    let plain = host
        .post("/probe/fetch", &format!("http://{upstream}/"))
        .await;
    assert_eq!(plain.1, "ErrorCode::HttpRequestDenied");
    let secure = host
        .post("/probe/fetch", &format!("https://{upstream}/"))
        .await;
    assert_eq!(secure, (502, "ErrorCode::TlsProtocolError".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_component_is_reached_by_chaining_only_and_may_nothing_undeclared() {
    let host = start().await;
    let chained = host
        .post(
            "/probe/fetch",
            "http://fixture-hidden.spin.internal/a/b?c=d",
        )
        .await;
    assert_eq!(
        chained,
        (
            200,
            "200 path=/a/b full-url=http://localhost/a/b?c=d client=0.0.0.0:0 \
             store=Error::AccessDenied fetch=ErrorCode::HttpRequestDenied"
                .to_owned()
        )
    );
    let undeclared = host
        .post(
            "/probe/fetch",
            "http://fixture-probe.spin.internal/probe/time",
        )
        .await;
    assert_eq!(undeclared.1, "ErrorCode::HttpRequestDenied");
    assert_eq!(host.get("/fixture-hidden").await.0, 404);
    assert_eq!(host.counters().requests["fixture-hidden"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_answers_500_and_the_next_request_has_a_new_instance() {
    let host = start().await;
    assert_eq!(host.get("/probe/trap").await, (500, String::new()));
    assert_eq!(
        host.post("/probe/echo", "well").await,
        (200, "well".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_reused_but_for_no_more_than_128_requests() {
    let host = start().await;
    let mut fresh = 0;
    let mut most = 0;
    for _ in 0..400 {
        let count: usize = host.get("/probe/count").await.1.parse().unwrap();
        fresh += usize::from(count == 1);
        most = most.max(count);
    }
    assert!((2..=128).contains(&most), "{most} requests in one instance");
    assert!((4..200).contains(&fresh), "{fresh} instances");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_after_the_answer() {
    let host = start().await;
    assert_eq!(host.get("/probe/later/a").await, (200, "begun".to_owned()));
    for _ in 0..100 {
        if host.memory.dump("default").contains_key("a") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing was written in 2 seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guest_sees_the_moved_clock() {
    let host = start().await;
    host.clock().set(2_000_000_000_000);
    let shown: u64 = host.get("/probe/time").await.1.parse().unwrap();
    assert!((2_000_000_000..2_000_000_060).contains(&shown), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cron_handlers_run_by_hand_with_stores_and_without_chaining() {
    let host = start().await;
    host.fire_cron("fixture-ticker", 7).await.unwrap();
    assert_eq!(host.memory.dump("default")["tick-7"], b"ticked");
    let failed = host.fire_cron("fixture-ticker", 13).await.unwrap_err();
    assert!(matches!(failed, CronError::Handler { message, .. } if message == "asked to fail"));
    let chained = host.fire_cron("fixture-ticker", 14).await.unwrap_err();
    assert!(chained.to_string().contains("DnsError"), "{chained}");
    assert!(matches!(
        host.fire_cron("fixture-probe", 1).await,
        Err(CronError::NoTrigger(_))
    ));
    assert_eq!(host.counters().ticks["fixture-ticker"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn cron_triggers_fire_on_schedule() {
    let mut config = config();
    config.cron = local_host::CronMode::OnSchedule;
    let host = Server::start(config).await;
    for _ in 0..100 {
        if host
            .memory
            .dump("default")
            .keys()
            .any(|key| key.starts_with("tick-"))
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no tick in 5 seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_stops_the_host_on_the_asked_side_of_the_write() {
    for (when, kept) in [(When::Before, false), (When::After, true)] {
        let host = start().await;
        host.controls().crash_at(Some(Crash {
            when,
            nth: 2,
            counted: Counted::Writes,
        }));
        assert_eq!(host.post("/probe/store/default/set/a", "1").await.0, 200);
        host.get("/probe/store/default/get/a").await;
        let lost = host.try_post("/probe/store/default/set/b", "2").await;
        assert!(lost.is_err(), "{lost:?}");
        host.crashed().await;
        assert!(
            host.try_post("/probe/echo", "").await.is_err(),
            "a dead host answers nothing"
        );
        let restarted = host.restart().await;
        assert_eq!(
            restarted.memory.dump("default").contains_key("b"),
            kept,
            "{when:?}"
        );
        assert_eq!(
            restarted.get("/probe/store/default/get/a").await.1,
            "some 1"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_like_redis_has_no_batch_get_and_lies_about_swaps() {
    let host = start().await;
    host.controls().behave_like_redis(true);
    assert_eq!(host.post("/probe/batch/set", "a=1").await.0, 200);
    assert_eq!(host.post("/probe/batch/get", "a").await.0, 502);
    assert_eq!(host.post("/probe/atomic/swap/a", "9").await.1, "failed");
    assert_eq!(host.memory.dump("default")["a"], b"9");
    host.controls().behave_like_redis(false);
    assert_eq!(host.post("/probe/batch/get", "a").await.1, "a=9");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_latency_is_added_and_instances_work_meanwhile() {
    let host = start().await;
    host.controls()
        .set_store_latency(Duration::from_millis(300));
    let slow = host.get("/probe/store/default/get/a");
    let quick = tokio::time::timeout(Duration::from_millis(250), host.get("/probe/time"));
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!(slow.0, 200);
    assert_eq!(quick.unwrap().0, 200);
}

#[test]
fn a_profile_which_was_never_built_is_explained() {
    let error = build::Artifacts::locate(&support::manifest(), "no-such-profile").unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("is not built") && message.contains("no-such-profile"),
        "{message}"
    );
}
