//! Arguments of `sim`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cofit_report::model_explorer::Metric;

use super::{ModelArgs, TargetArgs};

/// Arguments of `sim`.
#[derive(Debug, Args)]
pub struct SimArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    /// Format of the result
    #[arg(long, value_enum, default_value_t = SimFormat::Text)]
    pub format: SimFormat,
    /// With --format model-explorer: the figure that colours the nodes
    #[arg(long, value_enum, default_value_t = MetricArg(Metric::Cycles))]
    pub metric: MetricArg,
    /// Write the result to a new file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How a simulation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SimFormat {
    /// For a terminal.
    Text,
    /// The machine contract; figures carry unit, kind and interval.
    Json,
    /// One row a layer.
    Csv,
    /// A Markdown table.
    Md,
    /// The page of `cofit report`.
    Html,
    /// Trace events for Perfetto or Chrome; a nanosecond is a cycle.
    Trace,
    /// Folded stacks for flame graphs.
    Folded,
    /// Node data for Model Explorer.
    ModelExplorer,
}

/// A figure of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricArg(pub Metric);

/// Every metric, as the command line takes it.
const METRICS: [MetricArg; Metric::ALL.len()] = [
    MetricArg(Metric::Cycles),
    MetricArg(Metric::Share),
    MetricArg(Metric::Macs),
    MetricArg(Metric::Traffic),
    MetricArg(Metric::Live),
];

impl ValueEnum for MetricArg {
    fn value_variants<'a>() -> &'a [Self] {
        &METRICS
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}
