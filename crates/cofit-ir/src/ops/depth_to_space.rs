//! `depth_to_space`: channels to pixels.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::window::nhwc;
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// Each pixel's channels spread over a block of pixels.
    ///
    /// Operand: `[batch, height, width, channels]`. Of a pixel's channels, the first `channels /
    /// block_size^2` become the block's first pixel, the next ones its right neighbour, and so on
    /// row by row. Result: `[batch, height * block_size, width * block_size, channels /
    /// block_size^2]`.
    pub struct DepthToSpace {
        /// Length of a block's side.
        pub block_size: u32 = 1,
    }
}

impl OperatorRules for DepthToSpace {
    const OPERANDS: RangeInclusive<usize> = 1..=1;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let [batch, height, width, channels] = nhwc(0, &input.shape)?;
        let block = self.block_size;
        let deep = block.checked_mul(block).filter(|&area| area != 0 && channels % area == 0);
        let lengths = deep.and_then(|area| {
            let (height, width) = (height.checked_mul(block)?, width.checked_mul(block)?);
            Some([batch, height, width, channels / area])
        });
        let lengths = lengths.ok_or_else(|| {
            RuleError::mismatch(format!(
                "the channels of {} do not spread over blocks of {block}x{block}",
                input.shape
            ))
        })?;
        Ok(vec![OutputFact::new(input.element, Shape::new(&lengths))])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
