//! `average_pool2d`: average over a window.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::window::{Window, pooled};
use super::{Activation, Extent2d, Operands, OperatorRules, OutputFact, Padding, RuleError};

attributes! {
    /// Average of every window over height and width; padding takes no part in it.
    ///
    /// Operand: input `[batch, height, width, channels]`.
    /// Result: `[batch, output height, output width, channels]`.
    pub struct AveragePool2d {
        /// Height and width of the window.
        pub filter: Extent2d = Extent2d::ONE,
        /// Input positions from one output position to the next.
        pub stride: Extent2d = Extent2d::ONE,
        /// What surrounds the input.
        pub padding: Padding = Padding::Same,
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
    }
}

impl OperatorRules for AveragePool2d {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        pooled(operands, self.window(), self.padding)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}

impl AveragePool2d {
    /// The window over the input.
    pub const fn window(&self) -> Window {
        Window { kernel: self.filter, stride: self.stride, dilation: Extent2d::ONE }
    }
}
