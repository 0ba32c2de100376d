//! `svdf`: singular-value-decomposition filter with state.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Activation, Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// A dense layer over time in two low-rank steps: each frame is projected onto filters, and
    /// each filter's projections of the last frames are weighted and summed.
    ///
    /// Operands: input `[batch, input size]`, feature weights `[filters, input size]`, time
    /// weights `[filters, memory size]`, an optional bias `[units]`, and the state, a variable
    /// `[batch, filters * memory size]`. Result: `[batch, units]` with `filters = units * rank`.
    pub struct Svdf {
        /// Filters per unit.
        pub rank: u32 = 1,
        /// Activation applied to the result.
        pub activation: Activation = Activation::None,
        /// Whether a float input is quantised on the fly with a zero point.
        pub asymmetric_quantize_inputs: bool = false,
    }
}

impl OperatorRules for Svdf {
    const OPERANDS: RangeInclusive<usize> = 5..=5;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let &[batch, depth] = input.shape.dimensions() else {
            return Err(RuleError::Rank {
                index: 0,
                expected: "[batch,input size]",
                shape: input.shape.clone(),
            });
        };
        let (feature, time) = (&operands.input(1)?.shape, &operands.input(2)?.shape);
        let (&[filters, feature_depth], &[time_filters, memory]) =
            (feature.dimensions(), time.dimensions())
        else {
            return Err(RuleError::mismatch(format!(
                "weights of shapes {feature} and {time} are no matrices"
            )));
        };
        if feature_depth != depth || time_filters != filters {
            return Err(RuleError::mismatch(format!(
                "weights of shapes {feature} and {time} do not fit an input of {depth}"
            )));
        }
        if self.rank == 0 || !filters.is_multiple_of(self.rank) {
            return Err(RuleError::mismatch(format!(
                "{filters} filters do not divide into units of {}",
                self.rank
            )));
        }
        let units = filters / self.rank;
        operands.expect_elements(3, u64::from(units))?;
        operands.input(4)?;
        operands.expect_elements(4, Shape::new(&[batch, filters, memory]).elements())?;
        Ok(vec![OutputFact::new(input.element, Shape::new(&[batch, units]))])
    }

    fn macs(&self, operands: &Operands<'_>) -> Macs {
        let batch = operands.optional(0).and_then(|input| input.shape.get(0)).unwrap_or(0);
        let weights = [1, 2].into_iter().filter_map(|index| operands.optional(index));
        weights.map(|weights| Macs(weights.shape.elements()) * u64::from(batch)).sum()
    }
}
