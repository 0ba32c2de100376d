//! The grammar of `validate`.

use std::path::PathBuf;

use clap::Args;

use super::OutputArgs;

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Measured rows, as CSV
    #[arg(long, value_name = "FILE", default_value = "../shared/silicon/open.csv")]
    pub rows: PathBuf,
    /// Folder that the rows' model files are relative to; if not given, `models` beside the folder
    /// of the rows
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Write what was fitted, one overlay a card of the catalogue, into this folder; files of that name
    /// are replaced
    #[arg(long, value_name = "DIR")]
    pub fitted: Option<PathBuf>,
    /// Write the page of the documentation and its plots into this folder; files of that name are
    /// replaced
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
}
