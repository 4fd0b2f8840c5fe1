//! One round of a file: a fresh application takes it in, plans it and carries it out.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value indexed by a name it does not have is null"
)]

mod rows;
mod workbook;

use crate::application::{self, Running, free_address};
use crate::figures::{FileRound, Step, Watch, millis};
use crate::source::{NOWHERE, TENANT};
use anyhow::{Context, bail};
use connectors::files::csv::Hints;
use connectors::files::roster::Taken;
use connectors::files::sheet::Content;
use connectors::files::upload::{Next, Options, Upload};
use driver::{District, FileKind, Providers, text};
use local_host::Counters;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// How long the plan of 200,000 rows may take, from the end of the upload.
const PLANNED_BAR_MS: u64 = 10_000;

/// How often is looked whether everything is done that follows a file that was carried out, and the
/// pause between: another tick may be at it, and ours then have nothing to do.
const TICKS_MAX: u32 = 12_000;
const TICK_PAUSE: Duration = Duration::from_millis(10);

/// What a round measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// The application's manifest.
    pub(crate) manifest: &'a Path,
    /// People in the file.
    pub(crate) rows: usize,
    /// Whether it is a workbook.
    pub(crate) is_workbook: bool,
    /// Whether only the floor is measured.
    pub(crate) floor_only: bool,
}

/// Measures one round.
pub(crate) async fn round(plan: &Plan<'_>) -> anyhow::Result<FileRound> {
    let table = rows::table(plan.rows);
    let (kind, name, file) = if plan.is_workbook {
        ("xlsx", "people.xlsx", workbook::write(&table))
    } else {
        ("csv", "people.csv", rows::csv(&table))
    };
    let mut round = FileRound {
        rows: plan.rows,
        kind,
        file_bytes: file.len() as u64,
        floor_read_ms: millis(read(&file)),
        floor_parse_ms: millis(parse(&file, name, plan.rows)?),
        steps: Vec::new(),
        memory_bytes: BTreeMap::new(),
        database_bytes: 0,
    };
    if plan.floor_only {
        return Ok(round);
    }
    let providers = Providers {
        google: NOWHERE,
        ..Providers::default()
    };
    let running = Running::start(plan.manifest, free_address()?, &providers).await?;
    let tenant = District::bare(&running.operator()?, TENANT, "Maple Grove").await?;
    let district = tenant.connect_files("files", json!({})).await?;
    let way = Way { district, running };
    way.go(&mut round, name, file).await?;
    round.memory_bytes = way.running.counters().peak_memory;
    round.database_bytes = way.running.database_bytes()?;
    way.running.stop().await;
    Ok(round)
}

/// One pass over the bytes.
fn read(file: &[u8]) -> Duration {
    let watch = Watch::start();
    let sum = file.iter().fold(0_u64, |sum, byte| sum + u64::from(*byte));
    std::hint::black_box(sum);
    watch.elapsed()
}

/// Reads the rows with the reader of the application, and drops them.
fn parse(file: &[u8], name: &str, rows: usize) -> anyhow::Result<Duration> {
    let watch = Watch::start();
    let options = Options {
        file_name: name.to_owned(),
        content: Content::People(None),
        hints: Hints::default(),
    };
    let mut upload = Upload::new(file.len() as u64, options);
    let mut people = 0;
    loop {
        match upload.poll()? {
            Next::Bytes(range) => {
                let (start, end) = (usize::try_from(range.start)?, usize::try_from(range.end)?);
                let bytes = file.get(start..end).context("a range beyond the file")?;
                upload.give(bytes)?;
            }
            Next::Row(Taken::Person(..)) => people += 1,
            Next::Row(Taken::Refused { problems, .. }) => bail!("a row is refused: {problems:?}"),
            Next::Row(_) | Next::PackageRow(..) | Next::TableEnded(..) => {}
            Next::Done => break,
        }
    }
    if people != rows {
        bail!("{people} of {rows} rows were read");
    }
    Ok(watch.elapsed())
}

/// The way of a file into the roster.
struct Way {
    district: District,
    running: Running,
}

impl Way {
    async fn go(&self, round: &mut FileRound, name: &str, file: Vec<u8>) -> anyhow::Result<()> {
        let (before, watch) = (self.running.counters(), Watch::start());
        let kind = FileKind::named(name).of("any").complete();
        let sent = self.district.send_file(kind, file).await?.ok()?;
        let id = text(&sent, "id")?.to_owned();
        round.steps.push(self.step("upload", &watch, &before));

        let (before, watch) = (self.running.counters(), Watch::start());
        let shown = self.until(&id, &["planned", "failed"]).await?;
        if shown["state"] != "planned" {
            bail!("the file was not planned: {shown}");
        }
        let step = self.step("upload to planned", &watch, &before);
        round.steps.push(Step {
            bar_ms: Some(PLANNED_BAR_MS),
            ..self.with_run(step, &shown).await?
        });

        let (before, watch) = (self.running.counters(), Watch::start());
        let path = self.district.upload_path(&id, "/accept");
        let decision = json!({"rows": "all"});
        self.district.admin.post(&path, &decision).await?;
        let shown = self.until(&id, &["applied", "planned", "failed"]).await?;
        if shown["state"] != "applied" {
            bail!("the file was not carried out: {shown}");
        }
        let step = self.step("accept to applied", &watch, &before);
        round.steps.push(self.with_run(step, &shown).await?);

        let (before, watch) = (self.running.counters(), Watch::start());
        self.passwords(&id).await?;
        let step = self.step("passwords made", &watch, &before);
        round.steps.push(step);
        Ok(())
    }

    /// Waits until an upload is in one of these states.
    async fn until(&self, id: &str, states: &[&str]) -> anyhow::Result<Value> {
        let path = self.district.upload_path(id, "");
        application::wait_for(&self.district, &path, |shown| {
            shown["state"]
                .as_str()
                .is_some_and(|state| states.contains(&state))
        })
        .await
    }

    /// Ticks until everybody has a password.
    async fn passwords(&self, id: &str) -> anyhow::Result<()> {
        let path = self.district.upload_path(id, "");
        for _ in 0..TICKS_MAX {
            self.district.admin.tick().await?;
            let shown = self.district.admin.get(&path).await?;
            if shown["credentials"]["state"] == "ready" {
                return Ok(());
            }
            tokio::time::sleep(TICK_PAUSE).await;
        }
        bail!("the passwords take too long")
    }

    fn step(&self, name: &'static str, watch: &Watch, before: &Counters) -> Step {
        Step {
            name,
            wall_ms: millis(watch.elapsed()),
            bar_ms: None,
            phases: Vec::new(),
            changes: BTreeMap::new(),
            store: application::store(before, &self.running.counters()),
        }
    }

    /// A step with what its run says.
    async fn with_run(&self, step: Step, shown: &Value) -> anyhow::Result<Step> {
        let path = format!("/runs/{}", text(shown, "run")?);
        let run = self.district.admin.get(&self.district.path(&path)).await?;
        Ok(Step {
            phases: application::phases(&run),
            changes: application::changes(&run),
            ..step
        })
    }
}
