//! The grammar of `choose`.

use clap::{Args, ValueEnum};

use super::{ModelArgs, OutputArgs};

/// What the ranking is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Time of one inference.
    Latency,
    /// Energy of one inference.
    Energy,
    /// Energy from a chip that has loaded nothing to its first result.
    WakeUp,
    /// Average power at --rate.
    Power,
}

/// Arguments of `choose`.
#[derive(Debug, Args)]
pub struct ChooseArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Chips of the catalogue or card files; the whole catalogue if not given
    #[arg(long, value_name = "ID|FILE.toml", value_delimiter = ',', num_args = 1..)]
    pub chips: Vec<String>,
    /// How often the network runs, as in `10Hz`; limits the time and adds the average power
    #[arg(long, value_name = "HERTZ")]
    pub rate: Option<String>,
    /// What chips that fit are ranked by; power where --rate is given, latency otherwise
    #[arg(long, value_enum)]
    pub by: Option<By>,
    /// Longest time of one inference, as in `50ms`
    #[arg(long, value_name = "TIME")]
    pub max_latency: Option<String>,
    /// Largest energy of one inference, as in `2mJ`
    #[arg(long, value_name = "ENERGY")]
    pub max_energy: Option<String>,
    #[command(flatten)]
    pub output: OutputArgs,
}
