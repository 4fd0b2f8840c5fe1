//! The machine that the figures belong to.

use serde::Serialize;

/// What is known of this machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// Processors that this process may use.
    cores: usize,
    /// Their model.
    model: String,
    /// How many processes wanted one during the last minute, when the benchmark began: above the
    /// number of processors, others are computing too and the figures are too high.
    load: String,
}

impl Machine {
    /// Looks at this machine. What it does not say stays "unknown".
    pub(crate) fn look() -> Self {
        let unknown = || "unknown".to_owned();
        let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map(|(_, model)| model.to_owned());
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            model: model.unwrap_or_else(unknown),
            load: load
                .split_whitespace()
                .next()
                .map_or_else(unknown, str::to_owned),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cores, model, load } = self;
        write!(
            f,
            "{cores} cores, {model}, load {load} before the benchmark"
        )
    }
}
