//! `pad`: extending a tensor with a constant border.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::border::bordered;
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// The input with a border.
    ///
    /// Operands: input, the border as a constant `[rank, 2]` of lengths before and after along
    /// each axis, and, in the second version of the TFLite operator, the border's value. Without
    /// the value the border means real zero.
    pub struct Pad {}
}

impl OperatorRules for Pad {
    const OPERANDS: RangeInclusive<usize> = 2..=3;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        bordered(operands, |_, _| true)
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
