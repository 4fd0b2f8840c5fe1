//! A provider that is measured: its fake, how the application is connected to it, and the floor.

mod clever;
mod google;
mod oneroster;
mod pages;

pub(crate) use clever::Clever;
pub(crate) use google::{AUTHORIZED_PATH, Google};
pub(crate) use oneroster::OneRoster;

use driver::{Application, District, Providers};
use fake_providers::journal::{Entry, Journal};
use serde::Serialize;
use std::time::Duration;

/// From which districts are drawn.
pub(crate) const SEED: u64 = 1;

/// The id of the tenant.
pub(crate) const TENANT: &str = "bench";

/// Where a provider is that nobody asks.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

/// What there is to read.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Extent {
    /// Linked org units or lists, each a chain of pages.
    pub(crate) chains: usize,
    /// Pages that these have.
    pub(crate) pages_expected: u64,
    /// People who are in scope.
    pub(crate) people: u64,
    /// Classes.
    pub(crate) classes: u64,
    /// Places of people in classes.
    pub(crate) class_members: u64,
}

/// A provider that is measured.
pub(crate) trait Source {
    /// Where the fake listens.
    fn providers(&self) -> Providers<'_>;

    /// Sets the tenant up from outside, up to a connection that is in use.
    async fn set_up(&self, operator: &Application) -> anyhow::Result<District>;

    /// Has the fake prepare its answers, which nobody should be charged for, and looks at what
    /// there is to read.
    async fn prepare(&mut self) -> anyhow::Result<Extent>;

    /// Downloads and parses the same pages over so many connections at once.
    async fn floor(&self, connections: usize) -> anyhow::Result<Duration>;

    /// Gives every hundredth person another family name.
    fn rename_some(&self) -> anyhow::Result<()>;

    /// Holds back every answer with data from now on.
    fn set_latency(&self, milliseconds: u64);

    /// What the fake was asked for.
    fn journal(&self) -> &Journal;

    /// Whether this was a page of data.
    fn is_page(&self, entry: &Entry) -> bool;
}
