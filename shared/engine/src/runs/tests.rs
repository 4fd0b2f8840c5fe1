//! Requests, numbers and series, also killed at any operation.

use super::*;
use crate::memory::{CrashPoint, MemoryPorts, block_on};

fn tenant() -> TenantId {
    TenantId::parse("maple-grove").unwrap()
}

fn by(kind: TriggerKind) -> Trigger {
    Trigger {
        kind,
        by: "somebody".to_owned(),
    }
}

#[test]
fn a_second_request_joins_the_waiting_run() {
    let ports = MemoryPorts::new();
    block_on(async {
        let first = request(&ports, &tenant(), by(TriggerKind::Api))
            .await
            .unwrap();
        let second = request(&ports, &tenant(), by(TriggerKind::Webhook))
            .await
            .unwrap();
        assert_eq!(first.run, second.run);
        assert!(!first.joined && second.joined);
        let run = current(&ports, &tenant(), Lane::Run)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((run.id, run.trigger.kind), (first.run, TriggerKind::Api));
    });
}

#[test]
fn a_request_after_the_start_gets_a_run_of_its_own() {
    let ports = MemoryPorts::new();
    block_on(async {
        let first = request(&ports, &tenant(), by(TriggerKind::Api))
            .await
            .unwrap();
        let mut run = current(&ports, &tenant(), Lane::Run)
            .await
            .unwrap()
            .unwrap();
        let second = request(&ports, &tenant(), by(TriggerKind::Api))
            .await
            .unwrap();
        assert_ne!(first.run, second.run);
        assert_eq!(
            current(&ports, &tenant(), Lane::Run)
                .await
                .unwrap()
                .unwrap()
                .id,
            first.run
        );
        run.enter(RunState::Unchanged, 5);
        write(&ports, &tenant(), &run).await.unwrap();
        free(&ports, &tenant(), Lane::Run).await.unwrap();
        assert_eq!(
            current(&ports, &tenant(), Lane::Run)
                .await
                .unwrap()
                .unwrap()
                .id,
            second.run
        );
        let listed = list(&ports, &tenant(), Lane::Run, None, 10).await.unwrap();
        let numbers: Vec<u64> = listed.runs.iter().map(|run| run.number).collect();
        assert_eq!(numbers, [2, 1]);
    });
}

#[test]
fn a_preview_never_joins_a_run() {
    let ports = MemoryPorts::new();
    block_on(async {
        let run = request(&ports, &tenant(), by(TriggerKind::Api))
            .await
            .unwrap();
        let trigger = by(TriggerKind::Api);
        let preview = request_in(&ports, &tenant(), Lane::Preview, trigger, None)
            .await
            .unwrap();
        assert_ne!(run.run, preview.run);
        assert!(!preview.joined);
    });
}

#[test]
fn no_request_is_lost_by_a_crash_at_any_operation() {
    for operation in 1..=12 {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let ports = MemoryPorts::new();
            block_on(async {
                ports.crash_at(Some((operation, point)));
                let asked = request(&ports, &tenant(), by(TriggerKind::Api)).await;
                let started = match asked {
                    Ok(_) => current(&ports, &tenant(), Lane::Run).await,
                    Err(error) => Err(error),
                };
                let _ = started;
                ports.crash_at(None);
                if asked_is_certain(&ports).await {
                    let run = current(&ports, &tenant(), Lane::Run).await.unwrap();
                    assert!(run.is_some(), "operation {operation} {point:?}");
                }
            });
        }
    }
}

/// What the next run of the lane turns out to be about.
async fn begun_work(ports: &MemoryPorts) -> Work {
    let mut run = current(ports, &tenant(), Lane::Run).await.unwrap().unwrap();
    settle(ports, &tenant(), &mut run).await.unwrap();
    run.work
}

#[test]
fn a_run_is_a_look_only_if_everybody_asked_for_one() {
    for (requests, expected) in [
        (vec![Work::Look], Work::Look),
        (vec![Work::Look, Work::Look, Work::Look], Work::Look),
        (vec![Work::Look, Work::Full], Work::Full),
        (vec![Work::Full, Work::Look], Work::Full),
        (vec![Work::Look, Work::Full, Work::Look], Work::Full),
    ] {
        let ports = MemoryPorts::new();
        block_on(async {
            for work in &requests {
                let trigger = by(TriggerKind::Api);
                match work {
                    Work::Full => request(&ports, &tenant(), trigger).await.unwrap(),
                    Work::Look => request_look(&ports, &tenant(), trigger).await.unwrap(),
                };
            }
            assert_eq!(begun_work(&ports).await, expected, "{requests:?}");
        });
    }
}

#[test]
fn a_full_request_is_never_served_by_a_look_wherever_a_process_dies() {
    for first in [Work::Look, Work::Full] {
        for operation in 1..=14 {
            for point in [CrashPoint::Before, CrashPoint::After] {
                let ports = MemoryPorts::new();
                block_on(async {
                    ports.crash_at(Some((operation, point)));
                    let trigger = || by(TriggerKind::Api);
                    let second_asked = match first {
                        Work::Look => {
                            let _ = request_look(&ports, &tenant(), trigger()).await;
                            request(&ports, &tenant(), trigger()).await.is_ok()
                        }
                        Work::Full => {
                            let asked = request(&ports, &tenant(), trigger()).await.is_ok();
                            let _ = request_look(&ports, &tenant(), trigger()).await;
                            asked
                        }
                    };
                    ports.crash_at(None);
                    if second_asked {
                        let work = begun_work(&ports).await;
                        assert_eq!(work, Work::Full, "{first:?} {operation} {point:?}");
                    }
                });
            }
        }
    }
}

fn connection(id: &str) -> ConnectionId {
    ConnectionId::parse(id).unwrap()
}

#[test]
fn a_request_is_never_served_by_a_run_about_another_connection_wherever_a_process_dies() {
    let (google, oak) = (connection("google"), connection("oak"));
    for (first, second) in [
        (Some(&google), None),
        (Some(&google), Some(&oak)),
        (None, Some(&oak)),
    ] {
        for operation in 1..=14 {
            for point in [CrashPoint::Before, CrashPoint::After] {
                let ports = MemoryPorts::new();
                block_on(async {
                    let ask = async |only| {
                        let trigger = by(TriggerKind::Api);
                        request_in(&ports, &tenant(), Lane::Run, trigger, only).await
                    };
                    ports.crash_at(Some((operation, point)));
                    let asked = [(first, ask(first).await), (second, ask(second).await)];
                    ports.crash_at(None);
                    let answered = asked.into_iter().filter(|(_, asked)| asked.is_ok());
                    let wanted: Vec<_> = answered.map(|(only, _)| only.cloned()).collect();
                    if wanted.is_empty() {
                        return;
                    }
                    let mut run = current(&ports, &tenant(), Lane::Run)
                        .await
                        .unwrap()
                        .unwrap();
                    settle(&ports, &tenant(), &mut run).await.unwrap();
                    for only in wanted {
                        let serves = run.only.is_none() || run.only == only;
                        assert!(serves, "{first:?} {second:?} {operation} {point:?}");
                    }
                });
            }
        }
    }
}

#[test]
fn a_series_goes_on_with_the_next_connection_wherever_a_process_dies() {
    let members = ["a", "b", "c", "d"].map(connection);
    let gone = connection("c");
    for operation in 0..=40 {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let ports = MemoryPorts::new();
            let tenant = tenant();
            block_on(async {
                request(&ports, &tenant, by(TriggerKind::Nightly))
                    .await
                    .unwrap();
                // Another request waits; the series is gone through before it.
                let lane = Lane::Run;
                let mut first = current(&ports, &tenant, lane).await.unwrap().unwrap();
                request(&ports, &tenant, by(TriggerKind::Api))
                    .await
                    .unwrap();
                first.connections = members.to_vec();
                first.connection = members.first().cloned();
                write(&ports, &tenant, &first).await.unwrap();
                ports.crash_at((operation > 0).then(|| (ports.operations() + operation, point)));
                let mut seen = Vec::new();
                for _ in 0..99 {
                    let step = async {
                        let mut run = current(&ports, &tenant, lane).await?;
                        let Some(run) = run.as_mut() else {
                            return Ok(None);
                        };
                        if run.step > 0 {
                            assert_eq!(run.trigger, first.trigger);
                            assert_eq!(run.connection.as_ref(), members.get(run.step as usize));
                        }
                        run.enter(RunState::Unchanged, 1);
                        write(&ports, &tenant, run).await?;
                        let is_in_use = async |id: &ConnectionId| Ok(*id != gone);
                        leave(&ports, &tenant, run, is_in_use).await?;
                        Ok::<_, Error>(Some(run.id.to_string()))
                    };
                    match step.await {
                        Ok(Some(id)) => seen.push(id),
                        Ok(None) => break,
                        Err(_) => ports.crash_at(None),
                    }
                }
                seen.dedup();
                let what = format!("operation {operation} {point:?}");
                let all = ["r000001", "r000001-002", "r000001-004", "r000002"];
                // What was cut off after its last operation is not seen to have been done.
                for id in all {
                    let id = RunId::parse(id).unwrap();
                    let run = read(&ports, &tenant, &id).await.unwrap();
                    assert!(run.unwrap().state.is_finished(), "{what} {id}");
                }
                let series = series(&ports, &tenant, &first.id).await.unwrap();
                assert_eq!(series.len(), 3, "{what}");
                let mut sorted = seen.clone();
                sorted.sort();
                assert_eq!(sorted, seen, "{what}");
            });
        }
    }
}

#[test]
fn places_are_read_as_they_are_written_and_ids_sort_by_them() {
    for (text, number, step) in [("12", 12, 0), ("12.3", 12, 3)] {
        let place: Place = text.parse().unwrap();
        assert_eq!(place, Place { number, step });
        assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
    }
    for text in ["", "x", "1.", ".1", "1.2.3", "-1"] {
        assert!(text.parse::<Place>().is_err(), "{text}");
    }
    let mut places = Vec::new();
    for number in [1, 2, 11] {
        places.extend((0..200).map(|step| Place { number, step }));
    }
    let ids: Vec<RunId> = places
        .iter()
        .map(|place| Lane::Run.id_at(*place).unwrap())
        .collect();
    assert!(ids.is_sorted());
}

/// Lets two requests and a start take turns at the store in thousands of orders.
#[test]
fn whoever_gets_a_turn_first_a_full_request_gets_a_full_run_that_begins_after_it() {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    let mut met = [false; 2];
    for order in 0..4_000_u64 {
        let ports = MemoryPorts::new().yielding();
        let trigger = || by(TriggerKind::Api);
        block_on(request_look(&ports, &tenant(), trigger())).unwrap();
        let tenant = tenant();
        let mut look = pin!(request_look(&ports, &tenant, trigger()));
        let mut full = pin!(request(&ports, &tenant, trigger()));
        let mut start = pin!(begun_work(&ports));
        let (mut looked, mut asked, mut begun) = (false, None, None);
        let mut random = order.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut context = Context::from_waker(Waker::noop());
        while !looked || asked.is_none() || begun.is_none() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            match (random >> 32) % 3 {
                0 if !looked => looked = look.as_mut().poll(&mut context).is_ready(),
                1 if asked.is_none() => {
                    if let Poll::Ready(done) = full.as_mut().poll(&mut context) {
                        asked = Some(done.unwrap());
                    }
                }
                2 if begun.is_none() => {
                    if let Poll::Ready(work) = start.as_mut().poll(&mut context) {
                        begun = Some(work);
                    }
                }
                _ => {}
            }
        }
        let asked = asked.unwrap();
        let is_first = asked.run.as_str() == "r000001";
        met[usize::from(is_first)] = true;
        let work = if is_first {
            begun.unwrap()
        } else {
            block_on(async {
                free(&ports, &tenant, Lane::Run).await.unwrap();
                begun_work(&ports).await
            })
        };
        assert_eq!(work, Work::Full, "order {order}");
    }
    assert_eq!(met, [true, true], "the orders meet both outcomes");
}

#[test]
fn a_night_does_not_take_a_look_that_has_begun_for_its_run() {
    let ports = MemoryPorts::new();
    block_on(async {
        let trigger = || by(TriggerKind::Nightly);
        request_look(&ports, &tenant(), trigger()).await.unwrap();
        let waiting = ensure(&ports, &tenant(), 1, trigger(), "2026-01-15").await;
        assert!(waiting.unwrap().is_some());
        assert_eq!(begun_work(&ports).await, Work::Full);
        free(&ports, &tenant(), Lane::Run).await.unwrap();
        request_look(&ports, &tenant(), trigger()).await.unwrap();
        assert_eq!(begun_work(&ports).await, Work::Look);
        let begun = ensure(&ports, &tenant(), 2, trigger(), "2026-01-16").await;
        assert_eq!(begun.unwrap(), None);
    });
}

/// A request counts once its number is claimed.
async fn asked_is_certain(ports: &MemoryPorts) -> bool {
    ports
        .increment(&keys::run_claim(&tenant(), Lane::Run, 1), 0)
        .await
        .unwrap()
        > 0
}
