//! Arguments of `search`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Format, OutputArgs};

/// Arguments of `search`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SearchArgs {
    /// A sketch whose parameters have ranges or choices
    #[arg(value_name = "SKETCH", required_unless_present = "resume")]
    pub sketch: Option<PathBuf>,
    /// Chips, separated by commas
    #[arg(long, value_name = "ID,ID", value_delimiter = ',', required_unless_present = "resume")]
    pub chips: Vec<String>,
    /// Every runtime of the chips, instead of the first
    #[arg(long)]
    pub all_runtimes: bool,
    /// Every operating point of the chips, instead of the first
    #[arg(long)]
    pub all_op_points: bool,
    /// Fix a parameter, as in `--param classes=4`; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Vary a parameter, as in `channels=8..64:8` or `kernel=3,5,7`; may be repeated. Without it, every
    /// parameter varies over what the sketch declares
    #[arg(long, value_name = "NAME=VALUES")]
    pub vary: Vec<String>,
    /// What is to be small (accuracy: large), separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["latency", "sram"])]
    pub objectives: Vec<ObjectiveArg>,
    /// Longest time of one inference, as in `50ms`
    #[arg(long, value_name = "TIME")]
    pub max_latency: Option<String>,
    /// Largest energy of one inference, as in `2mJ`
    #[arg(long, value_name = "ENERGY")]
    pub max_energy: Option<String>,
    /// Most bytes of activations, scratch areas and the runtime's state, as in `64KiB`
    #[arg(long, value_name = "SIZE")]
    pub max_sram: Option<String>,
    /// Most bytes of constants and code, as in `256KiB`
    #[arg(long, value_name = "SIZE")]
    pub max_flash: Option<String>,
    /// Most bytes read and written in one inference, as in `4MiB`
    #[arg(long, value_name = "SIZE")]
    pub max_traffic: Option<String>,
    /// Least accuracy, in the evaluator's measure
    #[arg(long, value_name = "NUMBER")]
    pub min_accuracy: Option<f64>,
    /// Most points that are evaluated; a space with no more is searched whole
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub evaluations: usize,
    /// Points of a generation
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub population: usize,
    /// Where the random numbers start
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// What stands in for accuracy where nothing is trained; more of it counts as better
    #[arg(long, value_enum, conflicts_with_all = ["evaluator", "min_accuracy"])]
    pub proxy: Option<ProxyArg>,
    /// A command that reads a candidate as JSON and writes `{"accuracy": NUMBER}`
    #[arg(long, value_name = "COMMAND")]
    pub evaluator: Option<String>,
    /// Seconds that the evaluator may take for one candidate
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub evaluator_timeout: u64,
    /// Keep the study in this SQLite file, and continue it if it is there
    #[arg(long, value_name = "FILE")]
    pub study: Option<PathBuf>,
    /// Continue this study with the question that it holds
    #[arg(long, value_name = "STUDY", conflicts_with_all = [
        "sketch", "chips", "study", "parameters", "vary", "objectives", "max_latency", "max_energy",
        "max_sram", "max_flash", "max_traffic", "min_accuracy", "evaluations", "population", "seed",
        "proxy", "all_runtimes", "all_op_points",
    ])]
    pub resume: Option<PathBuf>,
    /// Threads that evaluate; as many as the machine has if not given
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    #[command(flatten)]
    pub output: OutputArgs,
    /// What to do with a study.
    #[command(subcommand)]
    pub command: Option<SearchCommand>,
}

/// The commands on studies.
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// The front of a study
    Show {
        /// The study
        #[arg(value_name = "STUDY")]
        study: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// A point made again: its sketch with the values fixed, or its model; prints its verdict
    Make {
        /// The study
        #[arg(value_name = "STUDY")]
        study: PathBuf,
        /// The point's number
        #[arg(value_name = "ID")]
        id: u64,
        /// Write the point to this new file: .toml for the sketch; .tflite or .cofit for the model, with
        /// random weights
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Format of the verdict
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Candidates that wait for an accuracy, one JSON object a line
    Ask {
        /// The study
        #[arg(value_name = "STUDY")]
        study: PathBuf,
        /// Most candidates
        #[arg(long, value_name = "N", default_value_t = 1)]
        count: usize,
    },
    /// The accuracy of a candidate
    Tell {
        /// The study
        #[arg(value_name = "STUDY")]
        study: PathBuf,
        /// The candidate's number
        #[arg(value_name = "ID")]
        id: u64,
        /// Its accuracy, in the user's measure; more is better
        #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
        accuracy: f64,
    },
}

/// An objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ObjectiveArg {
    /// The time of one inference.
    Latency,
    /// The energy of one inference.
    Energy,
    /// Activations, scratch areas and the runtime's state.
    Sram,
    /// Constants and code.
    Flash,
    /// Bytes read and written.
    Traffic,
    /// What the evaluator says, or the proxy.
    Accuracy,
}

/// A proxy for accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProxyArg {
    /// Weights and biases.
    Parameters,
    /// Multiply-accumulates.
    Macs,
}
