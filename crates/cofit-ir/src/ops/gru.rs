//! `gru`: a gated recurrent unit over a sequence.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

/// Weights of the three gates on the input.
const ON_INPUT: usize = 1;
/// Weights of the three gates on the last state.
const ON_STATE: usize = 2;
/// Biases beside the weights on the input.
const INPUT_BIAS: usize = 3;
/// Biases beside the weights on the last state.
const STATE_BIAS: usize = 4;
/// The state before the first step.
const FIRST_STATE: usize = 5;
/// Update gate, reset gate and candidate.
const GATES: u32 = 3;

attributes! {
    /// A gated recurrent unit that reads a sequence. TFLite has no such operator.
    ///
    /// With update gate `z`, reset gate `r` and candidate `h`, a step takes the state `s` to
    /// `(1 - z) * h + z * s`; gates go through the logistic function, the candidate through the
    /// hyperbolic tangent. Source of the equations and of the gates' order: the ONNX operator GRU.
    ///
    /// Operands, by position: 0 input `[batch, time, inputs]`; 1 weights on the input
    /// `[3 * cells, inputs]` and 2 on the last state `[3 * cells, cells]`, gates in the order `z`,
    /// `r`, `h`; optionally 3 and 4 the biases of both `[3 * cells]` and 5 the first state
    /// `[batch, cells]`, which is zero where it is missing.
    /// Results: the state after every step `[batch, time, cells]` and, if there is a second one,
    /// the last state `[batch, cells]`.
    pub struct Gru {
        /// Whether the reset gate acts on the product of state and weights, not on the state.
        pub linear_before_reset: bool = false,
        /// Whether the sequence is read from its last step to its first.
        pub reverse: bool = false,
    }
}

impl OperatorRules for Gru {
    const OPERANDS: RangeInclusive<usize> = 3..=6;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let input = operands.input(0)?;
        let &[batch, time, inputs] = input.shape.dimensions() else {
            return Err(RuleError::Rank {
                index: 0,
                expected: "[batch,time,inputs]",
                shape: input.shape.clone(),
            });
        };
        let state_weights = operands.input(ON_STATE)?;
        let cells = state_weights.shape.last();
        let rows = cells.checked_mul(GATES).ok_or_else(|| {
            RuleError::mismatch(format!("{cells} cells are too many for {GATES} gates"))
        })?;
        operands.input(ON_INPUT)?;
        let needed = [
            (ON_INPUT, Shape::new(&[rows, inputs])),
            (ON_STATE, Shape::new(&[rows, cells])),
            (INPUT_BIAS, Shape::new(&[rows])),
            (STATE_BIAS, Shape::new(&[rows])),
            (FIRST_STATE, Shape::new(&[batch, cells])),
        ];
        for (index, needed) in needed {
            if let Some(tensor) = operands.optional(index)
                && tensor.shape != needed
            {
                return Err(RuleError::mismatch(format!(
                    "operand {index} has shape {} where {needed} is needed",
                    tensor.shape
                )));
            }
        }
        let steps = OutputFact::new(input.element, Shape::new(&[batch, time, cells]));
        let last = OutputFact::new(input.element, Shape::new(&[batch, cells]));
        Ok([steps, last].into_iter().take(operands.output_count().max(1)).collect())
    }

    fn macs(&self, operands: &Operands<'_>) -> Macs {
        // Each step takes every weight once; gates and the new state are element-wise.
        let Some(input) = operands.optional(0) else { return Macs::ZERO };
        let steps = input.shape.elements() / u64::from(input.shape.last().max(1));
        let weights = [ON_INPUT, ON_STATE].into_iter().filter_map(|index| operands.optional(index));
        weights.map(|weights| Macs(weights.shape.elements()) * steps).sum()
    }
}
