//! `gather_nd`: selection of slices by several indices.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Slices of the input, each chosen by a vector of indices into its outer axes.
    ///
    /// Operands: input and integer indices, whose innermost axis holds one index for each of the
    /// input's leading axes. Result: the outer axes of the indices, then the axes of the input that
    /// the indices leave.
    pub struct GatherNd {}
}

impl OperatorRules for GatherNd {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let (input, indices) = (operands.input(0)?, operands.input(1)?);
        let refuse = || {
            RuleError::mismatch(format!(
                "indices {} do not select from shape {}",
                indices.shape, input.shape
            ))
        };
        let (&depth, outer) = indices.shape.dimensions().split_last().ok_or_else(refuse)?;
        let depth = usize::try_from(depth).map_err(|_| refuse())?;
        let inner = input.shape.dimensions().get(depth..).ok_or_else(refuse)?;
        let shape = [outer, inner].concat().into_iter().collect();
        Ok(vec![OutputFact::new(input.element, shape)])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
