//! The passes, in the order in which they run: the whole compiler on one screen.
//!
//! A pass is a plain function on the [`Plan`] under construction. The first rewrite its graph; the
//! middle ones turn operators into steps on engines; the last ones give every byte a place.
//!
//! The rewrites are those of `cofit_canonical` that every way to a chip makes. The others are for who
//! writes the model: a plan costs the operators that the chip will run, and an interpreter runs what
//! is in the file, folded or not.

mod allocate;
mod check_network;
mod check_processors;
mod fetch_ahead;
mod fuse;
mod order;
mod place;
mod place_constants;
mod schedule_ethos_u;
mod stage_weights;

use std::time::{Duration, Instant};

use cofit_canonical::passes as canonical;
use cofit_vocab::diagnostic::chip_rule::UNFOLDED;
use cofit_vocab::{Diagnostic, OperatorKind, Place};

use crate::context::Context;
use crate::plan::Plan;

/// A named step of compilation.
#[derive(Clone, Copy)]
pub struct Pass {
    /// The name that `--print-after` and `--stop-after` take.
    pub name: &'static str,
    /// What it does, in one line.
    pub description: &'static str,
    run: fn(&mut Plan, &Context<'_>),
}

impl Pass {
    /// Runs the pass and says how long it took.
    pub(crate) fn run(&self, plan: &mut Plan, context: &Context<'_>) -> Duration {
        let start = Instant::now();
        (self.run)(plan, context);
        start.elapsed()
    }
}

/// Every pass, in order.
pub const PASSES: &[Pass] = &[
    Pass {
        name: canonical::fold_shape_arithmetic::PASS.name,
        description: canonical::fold_shape_arithmetic::PASS.description,
        run: |plan, _| {
            canonical::fold_shape_arithmetic::run(&mut plan.graph);
        },
    },
    Pass {
        name: canonical::remove_dead_code::PASS.name,
        description: canonical::remove_dead_code::PASS.description,
        run: |plan, _| {
            canonical::remove_dead_code::run(&mut plan.graph);
        },
    },
    Pass {
        name: canonical::fold_batch_normalization::PASS.name,
        description: canonical::fold_batch_normalization::PASS.description,
        run: fold_batch_normalization,
    },
    Pass {
        name: "fuse",
        description: "joins operators into steps by the card's fusion rules",
        run: fuse::run,
    },
    Pass {
        name: "place",
        description: "gives every step an engine, or the reason why none takes it",
        run: place::run,
    },
    Pass {
        name: "order",
        description: "finds the order of steps that needs the fewest bytes",
        run: order::run,
    },
    Pass {
        name: "check_network",
        description: "checks the chip's limits on whole networks, and decides which layers stream",
        run: check_network::run,
    },
    Pass {
        name: "schedule_ethos_u",
        description: "cuts the steps of an Ethos-U into operations, blocks and weight buffers",
        run: schedule_ethos_u::run,
    },
    Pass {
        name: "allocate",
        description: "gives every activation a memory and an address",
        run: allocate::run,
    },
    Pass {
        name: "place_constants",
        description: "gives weights and biases a memory",
        run: place_constants::run,
    },
    Pass {
        name: "check_processors",
        description: "checks the limits that hold for each processor of an array by itself",
        run: check_processors::run,
    },
    Pass {
        name: "fetch_ahead",
        description: "lets spilled activations come back while the step before computes",
        run: fetch_ahead::run,
    },
    Pass {
        name: "stage_weights",
        description: "copies weights to fast memory before the steps that need them",
        run: stage_weights::run,
    },
];

/// Folds batch normalisation where the runtime's tools do, and tells of what is left where they do not.
fn fold_batch_normalization(plan: &mut Plan, context: &Context<'_>) {
    if context.chip.runtime.folds_batch_normalization {
        canonical::fold_batch_normalization::run_for_sizes(&mut plan.graph);
        return;
    }
    for (id, operator) in &plan.graph.operators {
        if operator.kind() == OperatorKind::BatchNormalization {
            let place = Place::operator(plan.graph.operator_name(id));
            let message =
                format!("{} leaves batch normalisation unfolded", context.chip.runtime.id);
            plan.notes.push(Diagnostic::note(&UNFOLDED, message, place));
        }
    }
}

pub(crate) use fuse::pad_amounts;
pub(crate) use schedule_ethos_u::{Npu, prepare};

/// The passes before an Ethos-U is scheduled, and those behind.
pub(crate) fn around_ethos_u() -> (&'static [Pass], &'static [Pass]) {
    let at = PASSES.iter().position(|pass| pass.name == "schedule_ethos_u");
    let at = at.unwrap_or(PASSES.len());
    (&PASSES[..at], PASSES.get(at + 1..).unwrap_or_default())
}
