//! `resize_nearest_neighbor`: change of resolution by the nearest neighbour.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::window::resized;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Change of height and width.
    ///
    /// Operands: input `[batch, height, width, channels]` and `[output height, output width]`.
    pub struct ResizeNearestNeighbor {
        /// Whether the corner elements of input and output coincide.
        pub align_corners: bool = false,
        /// Whether positions are those of element centres, half an element in.
        pub half_pixel_centers: bool = false,
    }
}

impl OperatorRules for ResizeNearestNeighbor {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        resized(operands)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
