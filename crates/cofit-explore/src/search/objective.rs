//! What is to be small, what must not be exceeded, and what stands in for accuracy.

use cofit_vocab::Unit;

/// What a search wants less of, or more of in the case of accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Objective {
    /// The time of one inference.
    Latency,
    /// The energy of one inference.
    Energy,
    /// Activations, scratch areas and the runtime's state, over all memories.
    Sram,
    /// Constants and code, over all memories.
    Flash,
    /// Bytes read and written in one inference, over all memories.
    Traffic,
    /// What a training function says, or a proxy for it; more is better.
    Accuracy,
}

impl Objective {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Latency, Self::Energy, Self::Sram, Self::Flash, Self::Traffic, Self::Accuracy];

    /// The word on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Energy => "energy",
            Self::Sram => "sram",
            Self::Flash => "flash",
            Self::Traffic => "traffic",
            Self::Accuracy => "accuracy",
        }
    }

    /// The unit of its figures.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Latency => Unit::Seconds,
            Self::Energy => Unit::Joules,
            Self::Sram | Self::Flash | Self::Traffic => Unit::Bytes,
            Self::Accuracy => Unit::One,
        }
    }
}

/// A property of the network that stands in for accuracy where nothing is trained: more of it is taken
/// to be better. It ranks networks of one family roughly and is never accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// Weights and biases.
    Parameters,
    /// Multiply-accumulates.
    Macs,
}

impl Proxy {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Parameters, Self::Macs];

    /// The word on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Macs => "macs",
        }
    }
}

/// Limits that the user sets, beside those of the chip.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Longest time of one inference, in seconds; the estimate counts, not the end of its interval.
    pub latency: Option<f64>,
    /// Most energy of one inference, in joules; the estimate counts.
    pub energy: Option<f64>,
    /// Most bytes of activations, scratch areas and the runtime's state.
    pub sram: Option<u64>,
    /// Most bytes of constants and code.
    pub flash: Option<u64>,
    /// Most bytes read and written.
    pub traffic: Option<u64>,
    /// Least accuracy.
    pub accuracy: Option<f64>,
}
