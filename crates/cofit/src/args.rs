//! The command line's grammar.

mod advise;
mod calibrate;
pub mod choose;
pub mod diff;
mod report;
mod search;
mod sim;
mod sketch;
mod validate;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::advise::AdviseArgs;
pub use self::calibrate::CalibrateArgs;
pub use self::report::ReportArgs;
pub use self::search::{ObjectiveArg, ProxyArg, SearchArgs, SearchCommand};
pub use self::sim::{SimArgs, SimFormat};
pub use self::sketch::SketchArgs;
pub use self::validate::ValidateArgs;

/// Shapes a neural network and an edge chip to fit each other.
///
/// Give it a model (.tflite, .onnx, a sketch in .toml, or model text in .cofit) and a chip card. It says
/// whether they fit, why, and where the cycles, bytes and energy go, without hardware.
#[derive(Debug, Parser)]
#[command(name = "cofit", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 pass, 1 a constraint is violated, 2 usage or configuration, \
3 the model or card cannot be read, 4 runs are not comparable, 70 a mistake in cofit."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Does the model fit the chip? Constraints, headroom, reasons; exit 1 if not
    Check(CheckArgs),
    /// What is in the model: operators, shapes, MACs, parameters
    Inspect(InspectArgs),
    /// Cycles by cause, bytes per memory and energy, layer by layer
    Sim(SimArgs),
    /// All of it as one page that opens from disk: verdict, memory map, cycles, timeline, roofline
    Report(ReportArgs),
    /// A network for a task that fits the chip by construction, or why there is none; exit 1 if none
    Sketch(SketchArgs),
    /// The memory plan: every buffer's address, size and lifetime
    Plan(PlanArgs),
    /// Buffers of a CSV file into one memory, as low as can be; exit 1 if they exceed --cap
    Pack(PackArgs),
    /// What would help: changes of model, plan and target, each applied and simulated again
    Advise(AdviseArgs),
    /// Models against chips, one line a pair
    Compare(CompareArgs),
    /// Which engine and which chip for the model, and why; exit 1 if none fits
    Choose(choose::ChooseArgs),
    /// Two results, models or chips side by side, layer by layer; exit 4 if comparing would mislead
    Diff(diff::DiffArgs),
    /// The catalogue of chip cards
    Chips(ChipsArgs),
    /// Runs the model to the bit: arrays in, arrays out
    Run(RunArgs),
    /// Our execution against LiteRT, tflite-micro or onnxruntime, tensor by tensor; exit 1 if it differs
    Verify(VerifyArgs),
    /// The model as a file of another format
    Convert(ConvertArgs),
    /// A float model to an integer one: what it saves and what it costs, and the new file
    #[command(alias = "quantise")]
    Quantize(QuantizeArgs),
    /// Which layers bear narrower weights, ranked by loss for a byte saved
    Sensitivity(SensitivityArgs),
    /// The score of a model on user data
    Eval(EvalArgs),
    /// Fits a runtime's costs to measured rows, and writes them as an overlay of the card
    Calibrate(CalibrateArgs),
    /// How wrong simulated times are, by measured rows whose network took no part in the fit
    Validate(ValidateArgs),
    /// Which points of a sketch's parameters and chips nothing beats, and studies of them
    Search(Box<SearchArgs>),
    /// What a message's code means and what to do about it
    Explain(ExplainArgs),
}

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal.
    Text,
    /// The machine contract; figures carry unit, kind and interval.
    Json,
    /// One row a layer or a constraint.
    Csv,
    /// Markdown tables.
    Md,
}

/// Where and how a result is written.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Format of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the result to a new file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Which model, and how it is read.
#[derive(Clone, Debug, Args)]
pub struct ModelArgs {
    /// A .tflite or .onnx file, a sketch (.toml) or model text (.cofit)
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// How a sketch is expanded, and what an ONNX file leaves open.
#[derive(Clone, Debug, Args)]
pub struct ReadingArgs {
    /// Set a parameter of a sketch, as in `--param width=0.35`; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Give a sketch random weights from this seed; without it a sketch has none
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Fix an axis that an ONNX file leaves open, as in `--dim batch=1`; may be repeated
    #[arg(long = "dim", value_name = "NAME=N")]
    pub dimensions: Vec<String>,
}

/// Which chip, and how it runs.
#[derive(Clone, Debug, Args)]
pub struct TargetArgs {
    /// A chip of the catalogue (`cofit chips list`) or a card file
    #[arg(long, value_name = "ID|FILE.toml")]
    pub chip: String,
    #[command(flatten)]
    pub tuning: TuningArgs,
}

/// How the chip runs.
#[derive(Clone, Debug, Default, Args)]
pub struct TuningArgs {
    /// The kernel library or vendor compiler; the card's first if not given
    #[arg(long, value_name = "ID")]
    pub runtime: Option<String>,
    /// The operating point; the card's first if not given
    #[arg(long, value_name = "NAME")]
    pub op_point: Option<String>,
    /// Clock of the engine, overriding the operating point's, as in `120MHz`
    #[arg(long, value_name = "HERTZ")]
    pub clock: Option<String>,
    /// Threads of a processor with several cores; what the runtime does by itself if not given
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Change one figure of the card for this run, as in `memory.sram.size=384KiB`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

/// Samples, and what they are.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// Samples: a .npz or .npy file, a .csv table with one sample a row, or a folder of .png and
    /// .jpg images, whose subfolders are the classes in sorted order. Images are resized to the
    /// model's input, bilinearly
    #[arg(long, value_name = "PATH")]
    pub data: PathBuf,
    /// Labels of the samples, in their order
    #[arg(long, value_name = "FILE.npy", conflicts_with = "label_column")]
    pub labels: Option<PathBuf>,
    /// The table's column with the label, by name or counted from 0; else one called label, class
    /// or target
    #[arg(long, value_name = "NAME|INDEX")]
    pub label_column: Option<String>,
    /// Range of an image's values, as in training; 0..1 if not given
    #[arg(long, value_enum, allow_hyphen_values = true)]
    pub pixels: Option<Pixels>,
    /// Multiply arrays by this, as in training; else by the `scale` that a .npz file holds
    #[arg(long, value_name = "F")]
    pub input_scale: Option<f32>,
    /// Take only the first samples
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// Leave out the first samples
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip: usize,
}

/// Range of an image's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Pixels {
    /// Black is 0, white is 1.
    #[default]
    #[value(name = "0..1")]
    Unit,
    /// Black is -1, white is 1.
    #[value(name = "-1..1")]
    Symmetric,
    /// Black is 0, white is 255.
    #[value(name = "0..255")]
    Byte,
}

impl Pixels {
    /// What black and white are.
    pub const fn range(self) -> (f32, f32) {
        match self {
            Self::Unit => (0.0, 1.0),
            Self::Symmetric => (-1.0, 1.0),
            Self::Byte => (0.0, 255.0),
        }
    }

    /// The real number of a byte.
    pub fn real(self, byte: u8) -> f32 {
        match self {
            Self::Unit => f32::from(byte) / 255.0,
            Self::Symmetric => f32::from(byte) / 127.5 - 1.0,
            Self::Byte => f32::from(byte),
        }
    }
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
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
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Print the whole model in text form, weights included
    #[arg(long)]
    pub dump: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// A chip of the catalogue (`cofit chips list`) or a card file
    #[arg(
        long,
        value_name = "ID|FILE.toml",
        required_unless_present = "tflm",
        conflicts_with = "tflm"
    )]
    pub chip: Option<String>,
    #[command(flatten)]
    pub tuning: TuningArgs,
    /// Write a memory plan for TensorFlow Lite for Microcontrollers into a copy of the .tflite file,
    /// which `-o` names; needs no chip
    #[arg(
        long,
        requires = "output",
        conflicts_with_all = [
            "print_after", "stop_after", "timings", "pareto", "certificate", "runtime", "op_point",
            "clock", "threads", "overrides",
        ]
    )]
    pub tflm: bool,
    /// Most bytes of activations and scratch areas, as in `64KiB`; exit 1 if the plan takes more
    #[arg(long, value_name = "SIZE")]
    pub cap: Option<String>,
    /// What shows that order and packing are the best, for a reader to check
    #[arg(long, conflicts_with = "pareto")]
    pub certificate: bool,
    /// Print the state after this pass; `all` for every pass
    #[arg(long, value_name = "PASS")]
    pub print_after: Option<String>,
    /// Stop after this pass and print its state
    #[arg(long, value_name = "PASS")]
    pub stop_after: Option<String>,
    /// Print how long each pass took
    #[arg(long)]
    pub timings: bool,
    /// Every trade of memory for work and time below the tensor, instead of one plan
    #[arg(long)]
    pub pareto: bool,
    /// With --pareto: the model's inputs lie outside the arena, as a camera's driver may hold them
    #[arg(long, requires = "pareto")]
    pub inputs_outside: bool,
    /// With --pareto: whoever takes the model's outputs has room for them
    #[arg(long, requires = "pareto")]
    pub outputs_outside: bool,
    /// With --pareto: compute nothing twice
    #[arg(long, requires = "pareto")]
    pub no_recompute: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

impl PlanArgs {
    /// The chip and how it runs.
    pub fn target(&self) -> TargetArgs {
        TargetArgs { chip: self.chip.clone().unwrap_or_default(), tuning: self.tuning.clone() }
    }
}

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// Buffers with the columns id, lower, upper and size, and perhaps alignment, offset and gaps
    #[arg(value_name = "FILE.csv")]
    pub file: PathBuf,
    /// Only look whether the buffers fit so many bytes, as in `--cap 64KiB`
    #[arg(long, value_name = "BYTES")]
    pub cap: Option<String>,
    /// Search nodes to spend where rules are not enough
    #[arg(long, value_name = "N", default_value_t = cofit_pack::Budget::STANDARD.nodes)]
    pub nodes: u64,
    /// Format of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Also write the buffers with their offsets to a new CSV file
    #[arg(short, long, value_name = "FILE.csv")]
    pub output: Option<PathBuf>,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Models to compare
    #[arg(value_name = "MODEL", required = true)]
    pub models: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Chips, separated by commas; the whole catalogue if not given
    #[arg(long, value_name = "ID,ID", value_delimiter = ',')]
    pub chips: Vec<String>,
    /// Threads of processors with several cores, or as many as such a chip has if it has fewer; what
    /// each chip's runtime does by itself if not given
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `chips`.
#[derive(Debug, Args)]
pub struct ChipsArgs {
    /// What to do with cards.
    #[command(subcommand)]
    pub command: ChipsCommand,
}

/// The commands on cards.
#[derive(Debug, Subcommand)]
pub enum ChipsCommand {
    /// The cards of the catalogue
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// One card with its sources and assumptions
    Show {
        /// A chip of the catalogue or a card file
        #[arg(value_name = "ID|FILE.toml")]
        chip: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Everything that is wrong or unsourced in a card; exit 3 on errors
    Lint {
        /// Chips of the catalogue or card files
        #[arg(value_name = "ID|FILE.toml", required = true)]
        chips: Vec<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// A starter card with the three facts that are enough to run everything
    New {
        /// Id of the new chip
        #[arg(value_name = "ID")]
        id: String,
        /// Write the card to a new file instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// The JSON Schema of cards
    Schema,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// An input from a .npy file; may be repeated. Float arrays are quantised for integer inputs
    #[arg(long = "input", value_name = "[NAME=]FILE.npy")]
    pub inputs: Vec<String>,
    /// Random inputs from this seed, in place of files
    #[arg(long, value_name = "N", conflicts_with = "inputs")]
    pub random: Option<u64>,
    /// Write one .npy file an output to this folder, named by index and name in the model file
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Write and list every tensor that an operator computes, not only the outputs
    #[arg(long)]
    pub dump_layers: bool,
    /// How a requantisation rounds
    #[arg(long, value_enum, default_value_t = RoundingArg::Double)]
    pub rounding: RoundingArg,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How a requantisation rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoundingArg {
    /// Twice, as TensorFlow Lite for Microcontrollers and CMSIS-NN do by default.
    Double,
    /// Once, as libraries built with `TFLITE_SINGLE_ROUNDING` do.
    Single,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Models to verify; a single one is shown tensor by tensor
    #[arg(value_name = "MODEL", required = true)]
    pub models: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Whose execution ours is compared with
    #[arg(long, value_enum, default_value_t = ReferenceArg::Auto)]
    pub against: ReferenceArg,
    /// Random inputs for every model
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub inputs: u64,
    /// The Python in which the interpreters are installed
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: String,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Whose execution ours is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReferenceArg {
    /// onnxruntime for ONNX files, else tflite-micro, else LiteRT where that refuses the model.
    Auto,
    /// The reference kernels of TensorFlow Lite for Microcontrollers.
    TfliteMicro,
    /// The reference kernels of LiteRT. Its dense layers round once, so single steps may differ.
    Litert,
    /// onnxruntime without graph optimisations.
    Onnxruntime,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Bring the model into canonical form first: batch normalisation folded, activations recognised
    /// and fused, borders merged, transposes cancelled. Results stay what they were
    #[arg(long)]
    pub canonical: bool,
    /// Whose layers a `.py` file names
    #[arg(long, value_enum)]
    pub framework: Option<FrameworkArg>,
    /// The new file: `.tflite`, `.onnx`, `.cofit` for model text, or `.py` for the source of a network of
    /// the same layers, untrained
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Whose layers a source names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FrameworkArg {
    /// PyTorch.
    Torch,
    /// Keras 3.
    Keras,
}

/// What models are judged on.
#[derive(Debug, Args)]
pub struct JudgeArgs {
    /// Judge on this data instead of `--data`, in the same forms; `--labels` belongs to it then
    #[arg(long, value_name = "PATH")]
    pub test: Option<PathBuf>,
    /// What is scored; else what the labels suggest
    #[arg(long, value_enum)]
    pub metric: Option<MetricArg>,
}

/// What is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetricArg {
    /// Samples whose greatest output is their class.
    Accuracy,
    /// Samples whose class is among the five greatest outputs.
    Top5,
    /// Mean squared difference of the output from its labels, or from the input without labels.
    Mse,
    /// Area under the ROC curve of the difference of the output from the input; class 0 is normal.
    RocAuc,
}

/// Arguments of `quantize`.
#[derive(Debug, Args)]
#[command(after_help = "A scheme such as w4a8 gives the bits of weights (8, 4, 2, 1) and of \
activations (8, 16). Calibrate on training data and judge with --test on other data.")]
pub struct QuantizeArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// The new file: `.tflite`, or `.cofit` for model text, which stores every width
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Bits of weights and activations; w8a8, or with --chip what loses least there, if not given
    #[arg(long, value_name = "SCHEME")]
    pub scheme: Option<String>,
    /// Another scheme for one layer, by its name; may be repeated
    #[arg(long = "layer", value_name = "NAME=SCHEME")]
    pub layers: Vec<String>,
    /// Which range of an activation is kept: minmax, percentile=P, or mse
    #[arg(long, value_name = "METHOD", default_value = "minmax")]
    pub range: String,
    /// Balance the ranges of neighbouring layers first
    #[arg(long)]
    pub equalise: bool,
    /// Do not try to take the mean error of coarse weights out of the biases, which is kept where
    /// it brings the outputs closer to the float model's
    #[arg(long)]
    pub no_bias_correction: bool,
    /// Keep the model's inputs and outputs in float
    #[arg(long)]
    pub float_io: bool,
    /// Keep to what this chip's card allows, and round as it does
    #[arg(long, value_name = "ID|FILE.toml")]
    pub chip: Option<String>,
    #[command(flatten)]
    pub tuning: TuningArgs,
    /// Format of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Arguments of `sensitivity`.
#[derive(Debug, Args)]
pub struct SensitivityArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// What one layer at a time is narrowed to
    #[arg(long, value_name = "SCHEME")]
    pub scheme: String,
    /// What all other layers are quantised to
    #[arg(long, value_name = "SCHEME", default_value = "w8a8")]
    pub base: String,
    /// Which range of an activation is kept: minmax, percentile=P, or mse
    #[arg(long, value_name = "METHOD", default_value = "minmax")]
    pub range: String,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub data: DataArgs,
    /// What is scored; else what the labels suggest
    #[arg(long, value_enum)]
    pub metric: Option<MetricArg>,
    /// Round as this chip does, by its card
    #[arg(long, value_name = "ID|FILE.toml")]
    pub chip: Option<String>,
    #[command(flatten)]
    pub tuning: TuningArgs,
    /// Compare with another model on the same data
    #[arg(long, value_name = "MODEL")]
    pub against: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code such as CF-TFL-003; every code is listed if not given
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
    #[command(flatten)]
    pub output: OutputArgs,
}
