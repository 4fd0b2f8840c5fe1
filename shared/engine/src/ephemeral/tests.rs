//! What expires, is taken once, and is swept.

use super::*;
use crate::memory::{MemoryPorts, block_on};
use jiff::SignedDuration;
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;

fn put_for(ports: &MemoryPorts, drawer: Drawer, life_ms: i64, value: &str) -> Secret {
    let until_ms = ports.now().as_millisecond() + life_ms;
    block_on(put(ports, drawer, until_ms, &value.to_owned())).unwrap()
}

fn found(ports: &MemoryPorts, drawer: Drawer, handle: &str) -> Option<String> {
    block_on(find::<String>(ports, drawer, handle))
        .unwrap()
        .map(|found| found.value)
}

fn sweep_all(ports: &MemoryPorts) -> bool {
    block_on(sweep(ports, ports.now() + SignedDuration::from_secs(10))).unwrap()
}

#[test]
fn a_handle_opens_its_record_until_it_expires() {
    let ports = MemoryPorts::new();
    let handle = put_for(&ports, Drawer::Code, MINUTE_MS, "a");
    assert_eq!(
        found(&ports, Drawer::Code, handle.expose()).as_deref(),
        Some("a")
    );
    ports.advance(Duration::from_mins(1));
    assert_eq!(found(&ports, Drawer::Code, handle.expose()), None);
}

#[test]
fn only_the_whole_handle_opens_and_only_in_its_drawer() {
    let ports = MemoryPorts::new();
    let handle = put_for(&ports, Drawer::Code, MINUTE_MS, "a");
    let text = handle.expose();
    assert!(text.len() <= HANDLE_BYTES_MAX, "{text}");
    let (start, _) = text.rsplit_once('_').unwrap();
    let other = put_for(&ports, Drawer::Code, MINUTE_MS, "b");
    let (_, other) = other.expose().rsplit_once('_').unwrap();
    for wrong in [
        "",
        start,
        &format!("{start}_"),
        &format!("{start}_{other}"),
        &format!("{text}x"),
        &text.to_uppercase(),
        "rc-code_1-1_x",
        "rc-code_-1--1_x",
        "rc-code_99999999999999999999-1_x",
        &"x".repeat(10_000),
    ] {
        assert_eq!(found(&ports, Drawer::Code, wrong), None, "{wrong}");
    }
    assert_eq!(found(&ports, Drawer::Session, text), None);
}

#[test]
fn the_store_has_no_handle() {
    let ports = MemoryPorts::new();
    let handle = put_for(&ports, Drawer::Session, MINUTE_MS, "a");
    let (_, secret) = handle.expose().rsplit_once('_').unwrap();
    for (key, value) in ports.dump() {
        assert!(!key.contains(secret));
        assert!(!String::from_utf8_lossy(&value).contains(secret));
    }
}

#[test]
fn a_new_handle_takes_the_place_of_the_old_one() {
    let ports = MemoryPorts::new();
    let old = put_for(&ports, Drawer::Grant, MINUTE_MS, "a");
    let mut kept = block_on(find::<String>(&ports, Drawer::Grant, old.expose()))
        .unwrap()
        .unwrap();
    "b".clone_into(&mut kept.value);
    let new = block_on(rehandle(&ports, Drawer::Grant, &kept)).unwrap();
    assert_eq!(found(&ports, Drawer::Grant, old.expose()), None);
    assert_eq!(
        found(&ports, Drawer::Grant, new.expose()).as_deref(),
        Some("b")
    );
}

#[test]
fn what_is_counted_for_a_while_starts_anew_after_it() {
    let ports = MemoryPorts::new();
    let add = |until_ms, name| block_on(count(&ports, until_ms, name)).unwrap();
    assert_eq!([add(MINUTE_MS, "a"), add(MINUTE_MS, "a")], [1, 2]);
    assert_eq!(add(MINUTE_MS, "b"), 1);
    assert_eq!(add(MINUTE_MS + HOUR_MS, "a"), 1);
    let look = |name| block_on(counted(&ports, MINUTE_MS, name)).unwrap();
    assert_eq!([look("a"), look("b"), look("c")], [2, 1, 0]);
}

#[test]
fn what_expired_is_removed_and_what_did_not_stays() {
    let ports = MemoryPorts::new();
    assert!(!sweep_all(&ports));
    let before = ports.dump();
    for number in 0..100 {
        let handle = put_for(&ports, Drawer::Code, MINUTE_MS, &number.to_string());
        let kept = block_on(find::<String>(&ports, Drawer::Code, handle.expose()))
            .unwrap()
            .unwrap();
        block_on(count_use(&ports, Drawer::Code, kept.place)).unwrap();
    }
    for _ in 0..3 {
        for name in ["a", "b"] {
            block_on(count(&ports, MINUTE_MS, name)).unwrap();
        }
    }
    let kept = put_for(&ports, Drawer::Session, 10 * HOUR_MS, "kept");
    ports.advance(Duration::from_hours(3));
    assert!(!sweep_all(&ports));
    assert_eq!(
        found(&ports, Drawer::Session, kept.expose()).as_deref(),
        Some("kept")
    );
    ports.advance(Duration::from_hours(12));
    assert!(!sweep_all(&ports));
    let after: Vec<String> = ports.dump().into_keys().collect();
    assert_eq!(after, before.into_keys().collect::<Vec<_>>());
}

#[test]
fn a_sweep_stops_when_time_is_up_and_goes_on_later() {
    let ports = MemoryPorts::new();
    sweep_all(&ports);
    for _ in 0..5 {
        put_for(&ports, Drawer::Code, MINUTE_MS, "a");
    }
    ports.advance(Duration::from_hours(3));
    assert!(block_on(sweep(&ports, ports.now())).unwrap());
    assert!(!sweep_all(&ports));
    assert!(
        ports
            .dump()
            .keys()
            .all(|key| !key.starts_with("ephemeral/code/4"))
    );
}
