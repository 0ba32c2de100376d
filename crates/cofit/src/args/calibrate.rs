//! The grammar of `calibrate`.

use std::path::PathBuf;

use clap::Args;

use super::{OutputArgs, TargetArgs};

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    #[command(flatten)]
    pub target: TargetArgs,
    /// Measured rows: a CSV table with the columns model, latency_ms or cycles, clock_mhz, or the log
    /// of a tool
    #[arg(long, value_name = "FILE")]
    pub rows: PathBuf,
    /// The network of rows that name none, and of which there is no sketch
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Folder that the rows' model files are relative to; the folder of the rows if not given
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Write the fitted overlay to this new card file, which extends the chip's
    #[arg(long, value_name = "FILE.toml")]
    pub overlay: Option<PathBuf>,
}
