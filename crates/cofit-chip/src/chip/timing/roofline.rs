//! Parameters of the `roofline` timing model, the fallback.

use cofit_vocab::Cycles;
use indexmap::IndexMap;

use crate::Sourced;
use crate::decode::Context;
use crate::table::card_table;

// Values for engines of which nothing is measured. None has a source: each is listed among the
// chip's assumptions with its reason.
const UTILISATION: f64 = 0.5;
const WHY_UTILISATION: &str = "no kernel was measured; half of the peak is taken";
const ELEMENTS: f64 = 1.0;
const WHY_ELEMENTS: &str = "no kernel was measured; one element per cycle is taken";
const OVERHEAD: Cycles = Cycles(1000);
const WHY_OVERHEAD: &str = "call and set-up costs are unknown; 1,000 cycles are taken";

card_table! {
    /// Parameters of `model = "roofline"`: a step takes the longer of its arithmetic and its
    /// traffic, plus a fixed number of cycles.
    pub struct RooflineTiming {
        /// Always `roofline`.
        model: String, default("roofline".to_owned());
        /// The share of the engine's peak that operators reach.
        utilisation: Sourced<f64>,
            assume(UTILISATION, WHY_UTILISATION);
        /// Shares of single operator classes.
        utilisations: IndexMap<String, Sourced<f64>>, default(IndexMap::new());
        /// Elements per cycle of operators without multiply-accumulates.
        elements_per_cycle: Sourced<f64>,
            assume(ELEMENTS, WHY_ELEMENTS);
        /// Cycles of a step whatever its size.
        step_overhead: Sourced<Cycles>,
            assume(OVERHEAD, WHY_OVERHEAD);
    }
}

impl RooflineTiming {
    /// All parameters assumed.
    pub(crate) fn unstated(context: &mut Context<'_>) -> Self {
        Self {
            model: "roofline".to_owned(),
            utilisation: context.assume("utilisation", UTILISATION, WHY_UTILISATION),
            utilisations: IndexMap::new(),
            elements_per_cycle: context.assume("elements_per_cycle", ELEMENTS, WHY_ELEMENTS),
            step_overhead: context.assume("step_overhead", OVERHEAD, WHY_OVERHEAD),
        }
    }

    /// Multiply-accumulates per cycle of operators of the class named `class`, on an engine with
    /// the peak `peak`.
    pub fn macs_per_cycle(&self, peak: f64, class: super::super::OperatorClass) -> f64 {
        peak * self.utilisations.get(class.name()).unwrap_or(&self.utilisation).value
    }
}
