//! Arguments of `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cofit_report::page::View;

use super::{ModelArgs, TargetArgs};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
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
    /// A second model in the same file, on the same chip
    #[arg(long, value_name = "MODEL")]
    pub against: Option<PathBuf>,
    /// The chip of the second run; the model is the first one's if --against is not given
    #[arg(long, value_name = "ID|FILE.toml")]
    pub against_chip: Option<String>,
    /// One figure alone, as an SVG that needs nothing beside it
    #[arg(long, value_name = "VIEW", value_enum, conflicts_with_all = ["against", "against_chip"])]
    pub svg: Option<ViewArg>,
    /// The new file; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A figure of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewArg(pub View);

impl ValueEnum for ViewArg {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [ViewArg; View::ALL.len()] = {
            let mut all = [ViewArg(View::MemoryMap); View::ALL.len()];
            let mut at = 0;
            while at < all.len() {
                all[at] = ViewArg(View::ALL[at]);
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}
