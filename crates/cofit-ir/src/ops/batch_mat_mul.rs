//! `batch_mat_mul`: matrix product of two activations.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::Shape;

attributes! {
    /// Matrix product over the two innermost axes; the outer ones stretch like those of an
    /// element-wise operator.
    ///
    /// Operands: `[..., rows, depth]` and `[..., depth, columns]`, either with its two innermost
    /// axes swapped if the attribute says so. Result: `[..., rows, columns]`.
    pub struct BatchMatMul {
        /// Whether the first operand is stored as `[..., depth, rows]`.
        pub adj_x: bool = false,
        /// Whether the second operand is stored as `[..., columns, depth]`.
        pub adj_y: bool = false,
        /// Whether a float input is quantised on the fly with a zero point.
        pub asymmetric_quantize_inputs: bool = false,
    }
}

impl OperatorRules for BatchMatMul {
    const OPERANDS: RangeInclusive<usize> = 2..=2;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        let (x, y) = (operands.input(0)?, operands.input(1)?);
        let (outer_x, rows, depth) = matrix(0, &x.shape, self.adj_x)?;
        let (outer_y, depth_y, columns) = matrix(1, &y.shape, self.adj_y)?;
        if depth != depth_y {
            return Err(RuleError::mismatch(format!(
                "matrices of {rows}x{depth} and {depth_y}x{columns} do not multiply"
            )));
        }
        let outer = outer_x.broadcast(&outer_y).ok_or_else(|| {
            RuleError::mismatch(format!("batches {outer_x} and {outer_y} do not broadcast"))
        })?;
        let shape = outer.dimensions().iter().copied().chain([rows, columns]).collect();
        // An int8 product may be kept in 32 bits.
        Ok(vec![OutputFact::shape(shape)])
    }

    fn macs(&self, operands: &Operands<'_>) -> Macs {
        let Some(x) = operands.optional(0) else { return Macs::ZERO };
        match matrix(0, &x.shape, self.adj_x) {
            Ok((_, _, depth)) => Macs(operands.output_elements()) * u64::from(depth),
            Err(_) => Macs::ZERO,
        }
    }
}

/// The outer axes of operand `index`, and the rows and columns of its matrices.
fn matrix(index: usize, shape: &Shape, swapped: bool) -> Result<(Shape, u32, u32), RuleError> {
    match shape.dimensions() {
        &[ref outer @ .., a, b] => {
            let (rows, columns) = if swapped { (b, a) } else { (a, b) };
            Ok((Shape::new(outer), rows, columns))
        }
        _ => Err(RuleError::Rank { index, expected: "[...,rows,columns]", shape: shape.clone() }),
    }
}
