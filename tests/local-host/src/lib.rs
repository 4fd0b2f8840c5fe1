//! A host for Rollcall's components: it runs the same `.wasm` files from the same `spin.toml` as
//! [Spin](https://spinframework.dev), for development and tests. Production is Spin itself.
//!
//! It is strict where Spin is strict: a host, store or variable which the manifest doesn't declare fails
//! here as it does there. Beyond that it has what tests need: a clock which moves, stores which crash,
//! counters ([`Host::clock`], [`Host::controls`], [`Host::counters`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use local_host::{Host, HostConfig, build};
//!
//! let manifest = std::path::Path::new("spin.toml");
//! build::components(manifest, "e2e", build::Progress::Quiet)?;
//! let host = Host::start(HostConfig::for_test(manifest, Default::default())).await?;
//! println!("listening on {}", host.url());
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```

pub mod allowed_hosts;
mod app;
mod bindings;
pub mod build;
mod clock;
mod counters;
mod cron;
mod guest;
mod headers;
mod host;
pub mod manifest;
mod outbound;
mod routes;
mod serve;
mod store;
pub mod template;
pub mod variables;
mod workers;

pub use self::app::LoadError;
pub use self::clock::MovableClock;
pub use self::counters::{Counters, Operation, Traffic};
pub use self::cron::{CronError, Schedule};
pub use self::host::{Controls, CronMode, GuestOutput, Host, HostConfig, StartError};
pub use self::store::{Counted, Crash, Failure, MemoryStore, State, StoreError, When};
pub use self::variables::Overrides;
