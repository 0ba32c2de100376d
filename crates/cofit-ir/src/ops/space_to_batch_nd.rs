//! `space_to_batch_nd`: pixels to batch entries.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::blocks::Blocks;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Positions padded with zeros and cut into blocks, whose entries become batch entries.
    ///
    /// Operands: input `[batch, positions.., channels]`, the block's sides as a constant `[axes of
    /// position]`, and the border as a constant `[axes of position, 2]` before and after.
    /// Result: `[batch * block, (border + positions) / block.., channels]`.
    pub struct SpaceToBatchNd {}
}

impl OperatorRules for SpaceToBatchNd {
    const OPERANDS: RangeInclusive<usize> = 3..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let Some(blocks) = Blocks::of(operands)? else {
            return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
        };
        let lengths = blocks.part(&input.shape).ok_or_else(|| blocks.refuse(&input.shape))?;
        Ok(vec![OutputFact::new(input.element, lengths)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
