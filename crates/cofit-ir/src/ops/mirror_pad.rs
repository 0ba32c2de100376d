//! `mirror_pad`: extending a tensor with its own reflection.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{AttributeValue, attribute_text, attributes};
use super::border::bordered;
use super::{Operands, OperatorRules, OutputFact, RuleError};

/// Where the mirror stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MirrorMode {
    /// On the outermost element, which is not repeated.
    Reflect,
    /// Outside the outermost element, which is repeated.
    Symmetric,
}

impl MirrorMode {
    /// Both modes.
    pub const ALL: &[Self] = &[Self::Reflect, Self::Symmetric];

    /// The name in text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reflect => "reflect",
            Self::Symmetric => "symmetric",
        }
    }
}

impl AttributeValue for MirrorMode {
    fn print(&self) -> String {
        self.name().to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.name() == text)
    }
}

attributes! {
    /// The input with a border that mirrors it.
    ///
    /// Operands: input and the border as a constant `[rank, 2]` of lengths before and after along
    /// each axis, none of which reaches beyond the far end of what it mirrors.
    pub struct MirrorPad {
        /// Where the mirror stands.
        pub mode: MirrorMode = MirrorMode::Reflect,
    }
}

impl OperatorRules for MirrorPad {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        bordered(operands, |length, border| match self.mode {
            // An axis without a border may have any length, none included.
            MirrorMode::Reflect => border == 0 || border < length,
            MirrorMode::Symmetric => border <= length,
        })
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
