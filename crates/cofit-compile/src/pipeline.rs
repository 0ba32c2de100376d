//! Running the passes.

use std::time::Duration;

use cofit_chip::Chip;
use cofit_ir::{Graph, Model};
use cofit_vocab::Diagnostics;

use crate::context::Context;
use crate::layer::Layer;
use crate::passes::{PASSES, Pass};
use crate::plan::Plan;
use crate::verify::verify;

/// Who watches the passes: `--print-after`, `--stop-after` and `--timings`.
pub trait Observer {
    /// Called after every pass with the plan as it stands. Return `false` to stop.
    fn after(&mut self, pass: &'static str, plan: &Plan, took: Duration) -> bool;
}

/// An observer that lets every pass run.
impl Observer for () {
    fn after(&mut self, _: &'static str, _: &Plan, _: Duration) -> bool {
        true
    }
}

/// What compilation leaves.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan, complete unless the observer stopped early.
    pub plan: Plan,
    /// Breaches of the plan's own rules: mistakes of cofit. Empty for plans that were stopped.
    pub mistakes: Diagnostics,
}

/// Lowers a model for a chip. What the chip refuses stands in the plan.
pub fn compile(model: &Model, chip: &Chip, observer: &mut dyn Observer) -> Compiled {
    let graph = model.main().cloned().unwrap_or_default();
    let context = context(&graph, chip);
    let mut plan = Plan::new(graph);
    if !run(PASSES, &mut plan, &context, observer) {
        return Compiled { plan, mistakes: Diagnostics::new() };
    }
    let mistakes = verify(&plan);
    Compiled { plan, mistakes }
}

/// What the passes see of a model and a chip.
pub(crate) fn context<'a>(graph: &Graph, chip: &'a Chip) -> Context<'a> {
    Context {
        chip,
        operators: graph.operators.len() as u64,
        tensors: graph.tensors.len() as u64,
        channels: graph
            .operators
            .keys()
            .map(|id| Layer::of(graph, id))
            .filter(|layer| layer.weights.is_some())
            .map(|layer| u64::from(layer.output.channels))
            .sum(),
    }
}

/// Runs passes until the observer stops them; whether all ran.
pub(crate) fn run(
    passes: &[Pass],
    plan: &mut Plan,
    context: &Context<'_>,
    observer: &mut dyn Observer,
) -> bool {
    passes.iter().all(|pass| {
        let took = pass.run(plan, context);
        observer.after(pass.name, plan, took)
    })
}
