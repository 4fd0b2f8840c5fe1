//! The fake must not be what everybody waits for.

use std::time::Duration;

use fake_providers::oneroster::Kind;
use http::Request;

use crate::support::{BEARER, World};

/// The body of a read, without the network in between.
async fn page(world: &World, path: &str, offset: usize) -> usize {
    let request = Request::get(format!(
        "/ims/oneroster/v1p1/{path}?limit=10000&offset={offset}&sort=sourcedId"
    ));
    let request = request.header("authorization", format!("Bearer {BEARER}"));
    let request = request.body(bytes::Bytes::new()).unwrap();
    let response = world.fake.answer(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.body().len()
}

/// Reads everything in pages of 10,000 and gives the bytes and the time it took.
async fn pull(world: &World) -> (usize, Duration) {
    let count = |kind| world.fake.with_dataset(|dataset| dataset.count(kind));
    let (users, enrollments) = (count(Kind::User), count(Kind::Enrollment));
    let started = tokio::time::Instant::now();
    let mut bytes = 0;
    for (path, count) in [("users", users), ("enrollments", enrollments)] {
        for offset in (0..count).step_by(10_000) {
            bytes += page(world, path, offset).await;
        }
    }
    (bytes, started.elapsed())
}

#[tokio::test]
async fn a_pull_that_was_written_once_is_fast() {
    // Without optimisation a tenth of the size takes as long.
    let size = if cfg!(debug_assertions) {
        5_000
    } else {
        50_000
    };
    let world = World::of(size).await;
    let (bytes, _) = pull(&world).await;
    let (again, took) = pull(&world).await;
    assert_eq!(bytes, again);
    let megabytes = bytes / 1_000_000;
    assert!(megabytes >= size / 1_000, "{megabytes} MB");
    assert!(took < Duration::from_secs(5), "{took:?} for {megabytes} MB");
}
