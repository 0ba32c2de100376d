//! `custom`: an operator that only its author knows.

use std::ops::RangeInclusive;

use bytes::Bytes as SharedBytes;
use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};

attributes! {
    /// An operator outside the closed set. Operands and results are as many, and of such types
    /// and shapes, as the file states.
    pub struct Custom {
        /// The author's name for it.
        pub code: String = String::new(),
        /// Its attributes, in a form that only the author knows.
        pub options: SharedBytes = SharedBytes::new(),
    }
}

impl OperatorRules for Custom {
    const OPERANDS: RangeInclusive<usize> = 0..=usize::MAX;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        Ok(vec![OutputFact::unknown(); operands.output_count()])
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
