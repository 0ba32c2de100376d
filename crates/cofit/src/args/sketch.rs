//! Arguments of `sketch`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cofit_explore::sketching::Task;

use super::{Format, TargetArgs};

/// Arguments of `sketch`.
#[derive(Debug, Args)]
#[command(
    after_help = "The dummy is evaluated as `cofit check` does before it is told; docs/dummies.md \
says how it is found and what is proved where there is none."
)]
pub struct SketchArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    /// What the network is for
    #[arg(long, value_enum)]
    pub task: TaskArg,
    /// The input: `features`, `LENGTHxCHANNELS` or `HEIGHTxWIDTHxCHANNELS`; what is usual for the task if
    /// not given
    #[arg(long, value_name = "1x49x10")]
    pub input: Option<String>,
    /// Classes that are told apart; what is usual for the task if not given
    #[arg(long, value_name = "N")]
    pub classes: Option<u32>,
    /// Longest time of one inference, as in `50ms`
    #[arg(long, value_name = "TIME")]
    pub max_latency: Option<String>,
    /// Largest energy of one inference, as in `2mJ`
    #[arg(long, value_name = "ENERGY")]
    pub max_energy: Option<String>,
    /// Most bytes of the memories with activations, the runtime's own included, as in `64KiB`
    #[arg(long, value_name = "SIZE")]
    pub sram: Option<String>,
    /// Most bytes of flash, code included, as in `256KiB`
    #[arg(long, value_name = "SIZE")]
    pub flash: Option<String>,
    /// The seed of the weights
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Networks to evaluate at most
    #[arg(long, value_name = "N", default_value_t = cofit_explore::sketching::Question::EVALUATIONS)]
    pub evaluations: u32,
    /// Format of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the dummy into this new folder, whose name is the network's: the sketch, .tflite, .onnx and
    /// the source for PyTorch and Keras
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TaskArg {
    /// Which of some classes an image shows.
    ImageClassification,
    /// Which of some words is spoken, from frames of spectral coefficients.
    KeywordSpotting,
    /// Whether one word is spoken.
    WakeWord,
    /// Whether a signal is unlike those of training, by how badly it is reproduced.
    AnomalyDetection,
    /// Which of some classes a stretch of samples belongs to.
    TimeSeries,
    /// Where in an image things are.
    Detection,
    /// Which of some words is spoken, by a transformer.
    KeywordTransformer,
}

impl TaskArg {
    /// The task.
    pub const fn task(self) -> Task {
        match self {
            Self::ImageClassification => Task::ImageClassification,
            Self::KeywordSpotting => Task::KeywordSpotting,
            Self::WakeWord => Task::WakeWord,
            Self::AnomalyDetection => Task::AnomalyDetection,
            Self::TimeSeries => Task::TimeSeries,
            Self::Detection => Task::Detection,
            Self::KeywordTransformer => Task::KeywordTransformer,
        }
    }
}
