//! Arguments of `advise`.

use std::path::PathBuf;

use clap::Args;
use cofit_explore::advise::Options;

use super::{MetricArg, ModelArgs, OutputArgs, TargetArgs};

/// Arguments of `advise`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every suggestion is applied, verified, compiled and simulated again; only what \
makes a figure better is shown. docs/advice.md lists the ids. Exit 1 if --until-fits finds no chain."
)]
pub struct AdviseArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    /// Longest time of one inference, as in `50ms`
    #[arg(long, value_name = "TIME")]
    pub max_latency: Option<String>,
    /// Largest energy of one inference, as in `2mJ`
    #[arg(long, value_name = "ENERGY")]
    pub max_energy: Option<String>,
    /// Look for the cheapest row of suggestions after which the model fits the card and the limits
    #[arg(long)]
    pub until_fits: bool,
    /// Suggestions of these kinds only, by id
    #[arg(long, value_name = "ID,ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Most suggestions to try
    #[arg(long, value_name = "N", default_value_t = Options::STANDARD)]
    pub evaluations: usize,
    /// Write the changed model to this new file, `.tflite` or `.cofit`: that of the chain, or of the
    /// first suggestion that changes the model. A name without an extension is a folder, which gets
    /// every changed model
    #[arg(long, value_name = "FILE|DIR")]
    pub apply: Option<PathBuf>,
    /// Samples with labels, as `eval` takes them: suggestions whose model has values are scored
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Labels of the samples, in their order
    #[arg(long, value_name = "FILE.npy", requires = "data")]
    pub labels: Option<PathBuf>,
    /// Take only the first samples
    #[arg(long, value_name = "N", requires = "data")]
    pub samples: Option<usize>,
    /// What is scored; else what the labels suggest
    #[arg(long, value_enum, requires = "data")]
    pub metric: Option<MetricArg>,
    #[command(flatten)]
    pub output: OutputArgs,
}
