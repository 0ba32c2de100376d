//! The closed set of suggestions.

use std::fmt;

/// What a suggestion changes, from the least invasive to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// How the model runs.
    Plan,
    /// What it runs on.
    Target,
    /// The model.
    Model,
}

impl Group {
    /// The word in text and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Target => "target",
            Self::Model => "model",
        }
    }
}

/// A kind of suggestion. Each is a file below `advise/GROUP/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Batch normalisation goes into the layer beside it.
    FoldBatchNormalization,
    /// A large depthwise window becomes several of 3x3.
    StackDepthwise,
    /// A convolution becomes a depthwise and a pointwise one.
    SeparateConvolution,
    /// A layer's channels become a multiple that the engine computes at once.
    ChannelMultiple,
    /// An operator becomes the nearest one that the engine has.
    SupportedActivation,
    /// The input gets smaller.
    LowerResolution,
    /// Every layer between input and output gets fewer channels.
    NarrowWidth,
    /// A stride moves to an earlier layer.
    DownsampleEarly,
    /// A dense layer is computed in parts.
    SplitDense,
    /// A dense layer becomes two of a lower rank.
    LowRankDense,
    /// One layer's weights get fewer bits.
    PrecisionPerLayer,
    /// Layers run by rows, without whole maps between them.
    StreamRows,
    /// Weights are copied to a fast memory once.
    WeightsInSram,
    /// Buffers wait in a slower memory, and come back while the step before computes.
    SpillWithPrefetch,
    /// Operators are written in the order that needs the fewest bytes.
    Order,
    /// Another of the chip's engines runs the model.
    OtherEngine,
    /// Another clock and voltage.
    OperatingPoint,
    /// Another kernel library or compiler.
    Runtime,
    /// Every buffer goes to the fastest memory with room, instead of one arena.
    SramPlacement,
    /// Another chip of the same core or vendor.
    SiblingChip,
}

impl Kind {
    /// Every kind, in the order in which suggestions of the same worth are listed.
    pub const ALL: &[Self] = &[
        Self::FoldBatchNormalization,
        Self::SplitDense,
        Self::Order,
        Self::StreamRows,
        Self::WeightsInSram,
        Self::SpillWithPrefetch,
        Self::OperatingPoint,
        Self::Runtime,
        Self::OtherEngine,
        Self::SramPlacement,
        Self::SiblingChip,
        Self::SupportedActivation,
        Self::ChannelMultiple,
        Self::LowRankDense,
        Self::PrecisionPerLayer,
        Self::StackDepthwise,
        Self::SeparateConvolution,
        Self::DownsampleEarly,
        Self::LowerResolution,
        Self::NarrowWidth,
    ];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::FoldBatchNormalization => "fold-batch-normalization",
            Self::StackDepthwise => "stack-depthwise",
            Self::SeparateConvolution => "separate-convolution",
            Self::ChannelMultiple => "channel-multiple",
            Self::SupportedActivation => "supported-activation",
            Self::LowerResolution => "lower-resolution",
            Self::NarrowWidth => "narrow-width",
            Self::DownsampleEarly => "downsample-early",
            Self::SplitDense => "split-dense",
            Self::LowRankDense => "low-rank-dense",
            Self::PrecisionPerLayer => "precision-per-layer",
            Self::StreamRows => "stream-rows",
            Self::WeightsInSram => "weights-in-sram",
            Self::SpillWithPrefetch => "spill-with-prefetch",
            Self::Order => "order",
            Self::OtherEngine => "other-engine",
            Self::OperatingPoint => "operating-point",
            Self::Runtime => "runtime",
            Self::SramPlacement => "sram-placement",
            Self::SiblingChip => "sibling-chip",
        }
    }

    /// The kind of an id.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.id() == id)
    }

    /// What it changes.
    pub const fn group(self) -> Group {
        match self {
            Self::FoldBatchNormalization
            | Self::StackDepthwise
            | Self::SeparateConvolution
            | Self::ChannelMultiple
            | Self::SupportedActivation
            | Self::LowerResolution
            | Self::NarrowWidth
            | Self::DownsampleEarly
            | Self::SplitDense
            | Self::LowRankDense
            | Self::PrecisionPerLayer => Group::Model,
            Self::StreamRows | Self::WeightsInSram | Self::SpillWithPrefetch | Self::Order => {
                Group::Plan
            }
            Self::OtherEngine
            | Self::OperatingPoint
            | Self::Runtime
            | Self::SramPlacement
            | Self::SiblingChip => Group::Target,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// What became of the weights of a layer that was changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weights {
    /// They are what they were.
    Kept,
    /// There are none: the layer has to be trained.
    Absent,
    /// The least channels by the sum of their weights' magnitudes are gone.
    Pruned,
    /// They come from the old ones, and differ from them by this share of their norm.
    Approximated(f64),
}

/// What a suggestion leaves as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keeps {
    /// Every output, to the bit.
    Bits,
    /// Every output, up to the order of float operations.
    Reals,
    /// The model's file; another runtime may round otherwise.
    File,
    /// Neither: the accuracy has to be measured. No figure here says anything about it.
    Nothing(Weights),
}

impl Keeps {
    /// Whether the outputs are those of the model before.
    pub const fn is_exact(self) -> bool {
        match self {
            Self::Bits | Self::Reals => true,
            Self::File | Self::Nothing(_) => false,
        }
    }

    /// The words in text and JSON.
    pub fn words(self) -> String {
        match self {
            Self::Bits => "bit-exact".to_owned(),
            Self::Reals => "exact up to float rounding".to_owned(),
            Self::File => "same model; the target's own rounding".to_owned(),
            Self::Nothing(Weights::Kept) => "accuracy not modelled; weights kept".to_owned(),
            Self::Nothing(Weights::Absent) => {
                "accuracy not modelled; weights absent, to be trained".to_owned()
            }
            Self::Nothing(Weights::Pruned) => {
                "accuracy not modelled; weights pruned by magnitude".to_owned()
            }
            Self::Nothing(Weights::Approximated(error)) => {
                format!("accuracy not modelled; weights approximated, error {:.1} %", error * 100.0)
            }
        }
    }

    /// What choosing it costs a user beyond the figures, in steps of the order in which a chain
    /// prefers suggestions: exact ones, then plans, then targets, then models to be tried again.
    pub const fn cost(self, group: Group) -> u32 {
        match (group, self) {
            (Group::Model, Self::Bits | Self::Reals | Self::File) => 1,
            (Group::Plan, _) => 2,
            (Group::Target, _) => 4,
            (Group::Model, Self::Nothing(Weights::Kept)) => 8,
            (Group::Model, Self::Nothing(Weights::Approximated(_) | Weights::Pruned)) => 12,
            (Group::Model, Self::Nothing(Weights::Absent)) => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_found() {
        for (at, &kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(Kind::find(kind.id()), Some(kind));
            assert!(!Kind::ALL[..at].contains(&kind));
        }
        assert_eq!(Kind::find("prefetch"), None);
    }
}
