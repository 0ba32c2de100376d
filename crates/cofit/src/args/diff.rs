//! The grammar of `diff`.

use std::path::PathBuf;

use clap::Args;

use super::{OutputArgs, ReadingArgs, TuningArgs};

/// Arguments of `diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "A and B are results that `sim` or `check` wrote in JSON, or models. What is \
said for A holds for B too, unless a --b- option says otherwise; with --b-chip, nothing of A's runtime, \
clock or --set holds for B."
)]
pub struct DiffArgs {
    /// The first side: a result (.json), or a model, which needs --chip
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// The second side, in the same forms; the model A again if not given
    #[arg(value_name = "B")]
    pub b: Option<PathBuf>,
    /// Chip of the models: an id of the catalogue or a card file
    #[arg(long, value_name = "ID|FILE.toml")]
    pub chip: Option<String>,
    #[command(flatten)]
    pub tuning: TuningArgs,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub other: OtherArgs,
    /// Show the figures even where comparing would mislead; the exit code stays 4
    #[arg(long)]
    pub force: bool,
    /// Exit 1 if B needs more time, energy or memory than A by more than so many per cent
    #[arg(long, value_name = "PERCENT")]
    pub fail_on_regression: Option<f64>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What differs for B.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of B alone")]
pub struct OtherArgs {
    /// Chip of B
    #[arg(long, value_name = "ID|FILE.toml")]
    pub b_chip: Option<String>,
    /// Runtime of B
    #[arg(long, value_name = "ID")]
    pub b_runtime: Option<String>,
    /// Operating point of B
    #[arg(long, value_name = "NAME")]
    pub b_op_point: Option<String>,
    /// Clock of B
    #[arg(long, value_name = "HERTZ")]
    pub b_clock: Option<String>,
    /// Threads of B
    #[arg(long, value_name = "N")]
    pub b_threads: Option<u32>,
    /// Change one more figure of B's card; may be repeated
    #[arg(long = "b-set", value_name = "KEY=VALUE")]
    pub b_overrides: Vec<String>,
    /// Set a parameter of B's sketch; may be repeated
    #[arg(long = "b-param", value_name = "NAME=VALUE")]
    pub b_parameters: Vec<String>,
    /// Seed of B's sketch
    #[arg(long, value_name = "N")]
    pub b_seed: Option<u64>,
    /// Fix an axis of B's ONNX file; may be repeated
    #[arg(long = "b-dim", value_name = "NAME=N")]
    pub b_dimensions: Vec<String>,
}

impl DiffArgs {
    /// The chip of B and how it runs.
    pub fn other_target(&self) -> (Option<&String>, TuningArgs) {
        let other = &self.other;
        let base = match other.b_chip {
            Some(_) => TuningArgs::default(),
            None => self.tuning.clone(),
        };
        // An operating point brings its own clock, and a runtime its own threads.
        let is_repointed = other.b_op_point.is_some();
        let tuning = TuningArgs {
            runtime: other.b_runtime.clone().or(base.runtime),
            op_point: other.b_op_point.clone().or(base.op_point),
            clock: other.b_clock.clone().or(base.clock.filter(|_| !is_repointed)),
            threads: other.b_threads.or(base.threads),
            overrides: base.overrides.into_iter().chain(other.b_overrides.clone()).collect(),
        };
        (other.b_chip.as_ref().or(self.chip.as_ref()), tuning)
    }

    /// How B is read: what is said of A, with B's own words in place of A's of the same name.
    pub fn other_reading(&self) -> ReadingArgs {
        let other = &self.other;
        ReadingArgs {
            parameters: laid_over(&self.reading.parameters, &other.b_parameters),
            seed: other.b_seed.or(self.reading.seed),
            dimensions: laid_over(&self.reading.dimensions, &other.b_dimensions),
        }
    }
}

/// `NAME=VALUE` pairs with others of the same name in their place.
fn laid_over(base: &[String], over: &[String]) -> Vec<String> {
    let name = |pair: &String| pair.split('=').next().unwrap_or_default().to_owned();
    let kept = base.iter().filter(|pair| over.iter().all(|other| name(other) != name(pair)));
    kept.chain(over).cloned().collect()
}
