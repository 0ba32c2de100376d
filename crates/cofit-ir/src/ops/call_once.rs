//! `call_once`: run a graph the first time only.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::GraphId;

attributes! {
    /// Runs a graph at the first inference, mostly to set variables. It has neither operands nor
    /// results.
    pub struct CallOnce {
        /// The graph to run.
        pub graph: GraphId = GraphId::from_u32(0),
    }
}

impl OperatorRules for CallOnce {
    const OPERANDS: RangeInclusive<usize> = 0..=0;

    attribute_text!();

    fn infer(&self, _: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        Ok(Vec::new())
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
