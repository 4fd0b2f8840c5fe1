//! Memory and sizes.

use e2e::{World, artifacts, map_schools};

const MEBIBYTE: u64 = 1024 * 1024;

/// What ships is smaller still; the test profile links without optimising across crates.
const COMPONENT_BYTES_MAX: u64 = 3 * MEBIBYTE;

/// The most that one instance may ever hold.
const MEMORY_BYTES_MAX: u64 = 64 * MEBIBYTE;

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_people_fit_in_little_memory() {
    let world = World::of(5_000).await.unwrap();
    let district = world.district().await.unwrap();
    map_schools(&district, &world.google).await.unwrap();
    let run = world.sync(&district).await.unwrap();
    assert_eq!(run["state"], "applied", "{run}");
    let again = world.sync(&district).await.unwrap();
    assert_eq!(again["state"], "unchanged", "{again}");
    let peaks = world.host().unwrap().counters().peak_memory;
    assert!(peaks.contains_key("fetch-google"), "{peaks:?}");
    for (component, bytes) in peaks {
        assert!(bytes <= MEMORY_BYTES_MAX, "{component} held {bytes} bytes");
    }
}

#[test]
fn components_are_small() {
    let artifacts = artifacts().unwrap();
    for component in [
        "alerts",
        "api",
        "fetch-clever",
        "fetch-csv",
        "fetch-google",
        "fetch-oneroster",
        "login",
        "oauth",
        "oidc",
        "roster",
        "rules",
        "scheduler",
        "sync",
        "uploads",
        "watch-google",
        "webhook",
    ] {
        let path = artifacts.path(component).unwrap();
        let bytes = std::fs::metadata(path).unwrap().len();
        assert!(
            bytes <= COMPONENT_BYTES_MAX,
            "{component} has {bytes} bytes"
        );
    }
}
