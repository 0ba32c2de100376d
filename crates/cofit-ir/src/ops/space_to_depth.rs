//! `space_to_depth`: pixels to channels.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::window::nhwc;
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// Blocks of pixels gathered into channels: the opposite of
    /// [`DepthToSpace`](super::DepthToSpace).
    ///
    /// Operand: `[batch, height, width, channels]`. Result: `[batch, height / block_size, width /
    /// block_size, channels * block_size^2]`.
    pub struct SpaceToDepth {
        /// Length of a block's side.
        pub block_size: u32 = 1,
    }
}

impl OperatorRules for SpaceToDepth {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let [batch, height, width, channels] = nhwc(0, &input.shape)?;
        let block = self.block_size;
        let parts = block != 0 && height.is_multiple_of(block) && width.is_multiple_of(block);
        let deep = block.checked_mul(block).and_then(|area| channels.checked_mul(area));
        let deep = deep.filter(|_| parts).ok_or_else(|| {
            RuleError::mismatch(format!(
                "{} does not divide into blocks of {block}x{block}",
                input.shape
            ))
        })?;
        let lengths = [batch, height / block, width / block, deep];
        Ok(vec![OutputFact::new(input.element, Shape::new(&lengths))])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
