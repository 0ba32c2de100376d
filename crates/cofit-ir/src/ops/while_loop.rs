//! `while_loop`: a loop over a graph.

use std::ops::RangeInclusive;

use cofit_vocab::Macs;

use super::attributes::{attribute_text, attributes};
use super::{Operands, OperatorRules, OutputFact, RuleError};
use crate::GraphId;

attributes! {
    /// Runs the body on the loop variables for as long as the condition holds.
    ///
    /// Operands: any number of loop variables, which are also the operands of both graphs.
    /// Results: as many, each of its variable's element type. A loop may change a shape, so the
    /// shapes are those that the results state.
    pub struct While {
        /// The graph that says whether to go on: its only result is one boolean.
        pub cond: GraphId = GraphId::from_u32(0),
        /// The graph of one round.
        pub body: GraphId = GraphId::from_u32(0),
    }
}

impl OperatorRules for While {
    const OPERANDS: RangeInclusive<usize> = 0..=usize::MAX;

    attribute_text!();

    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
        (0..operands.count())
            .map(|index| {
                let element = operands.input(index)?.element;
                Ok(OutputFact { element: Some(element), shape: None })
            })
            .collect()
    }

    fn macs(&self, _: &Operands<'_>) -> Macs {
        Macs::ZERO
    }
}
