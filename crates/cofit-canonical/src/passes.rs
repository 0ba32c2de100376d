//! The passes, in the order in which they run.

pub mod cancel_reshapes;
pub mod cancel_transposes;
pub mod fold_batch_normalization;
pub mod fold_constants;
pub mod fold_shape_arithmetic;
pub mod fuse_activations;
pub mod merge_pads;
pub mod recognise_activations;
pub mod remove_dead_code;
pub mod remove_identities;

use cofit_ir::Graph;

/// A named rewrite of a graph.
#[derive(Clone, Copy)]
pub struct Pass {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub description: &'static str,
    /// Runs it and says how many rewrites it made.
    pub run: fn(&mut Graph) -> usize,
}

/// Every pass, in order.
///
/// What is constant is computed first, so that the others see its values; batch normalisation is
/// folded before activations are fused, which would stand between a layer and its scale.
pub const PASSES: &[Pass] = &[
    fold_shape_arithmetic::PASS,
    fold_constants::PASS,
    remove_identities::PASS,
    cancel_reshapes::PASS,
    cancel_transposes::PASS,
    recognise_activations::PASS,
    fold_batch_normalization::PASS,
    merge_pads::PASS,
    fuse_activations::PASS,
    remove_dead_code::PASS,
];

/// What a pass did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The pass.
    pub pass: &'static str,
    /// How many operators it removed, replaced or changed, over all rounds.
    pub operators: usize,
}

/// Most rounds over the passes. Each round but the last removes or simplifies something, and what
/// one pass leaves for an earlier one is seldom more than one round deep.
const MOST_ROUNDS: usize = 16;

/// Brings a graph into canonical form: runs every pass in order until none finds anything to do.
/// Says which passes did something, in the order of [`PASSES`].
pub fn canonicalise(graph: &mut Graph) -> Vec<Change> {
    let mut totals = vec![0usize; PASSES.len()];
    for _ in 0..MOST_ROUNDS {
        let mut is_settled = true;
        for (pass, total) in PASSES.iter().zip(&mut totals) {
            let count = (pass.run)(graph);
            *total += count;
            is_settled &= count == 0;
        }
        if is_settled {
            break;
        }
    }
    PASSES
        .iter()
        .zip(totals)
        .filter(|(_, operators)| *operators > 0)
        .map(|(pass, operators)| Change { pass: pass.name, operators })
        .collect()
}
