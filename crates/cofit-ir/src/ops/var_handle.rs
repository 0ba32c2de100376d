//! `var_handle`: a handle to a variable that outlives one inference.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// Makes a handle that [`AssignVariable`](super::AssignVariable) and
    /// [`ReadVariable`](super::ReadVariable) take. Equal names mean the same variable.
    pub struct VarHandle {
        /// Name space of the variable.
        pub container: String = String::new(),
        /// Name of the variable in its container.
        pub shared_name: String = String::new(),
    }
}

impl OperatorRules for VarHandle {
    const OPERANDS: RangeInclusive<usize> = 0..=0;

    attribute_text!();

    fn infer(&self, _: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        Ok(vec![OutputFact::unknown()])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
