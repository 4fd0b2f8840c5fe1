//! What a person sees while cargo builds.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

/// How the build shows where it is. Errors and warnings of the compiler are always shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A bar over the components, with the crate just compiled.
    Bar,
    /// Cargo's own lines.
    Lines,
    /// Nothing.
    Quiet,
}

impl Progress {
    /// A bar on a terminal, lines elsewhere.
    pub fn for_stderr() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Bar
        } else {
            Self::Lines
        }
    }
}

/// One line of cargo's messages, as far as we read it.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// Shows the progress of one build.
pub(super) struct Display {
    bar: Option<ProgressBar>,
}

impl Display {
    pub(super) fn new(progress: Progress, components: u64) -> Self {
        let bar = (progress == Progress::Bar).then(|| {
            let template = "{spinner} building components {bar:30} {pos}/{len} {msg}";
            let style = ProgressStyle::with_template(template);
            let bar = ProgressBar::new(components)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar }
    }

    /// Reads cargo's messages to their end.
    pub(super) fn follow(&self, messages: impl Read) {
        let mut done = BTreeSet::new();
        for line in BufReader::new(messages).lines().map_while(Result::ok) {
            let Ok(Message {
                reason,
                target: Some(target),
            }) = serde_json::from_str(&line)
            else {
                continue;
            };
            let Some(bar) = self.bar.as_ref().filter(|_| reason == "compiler-artifact") else {
                continue;
            };
            bar.set_message(target.name.clone());
            if target.crate_types.iter().any(|kind| kind == "cdylib") && done.insert(target.name) {
                bar.inc(1);
            }
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
