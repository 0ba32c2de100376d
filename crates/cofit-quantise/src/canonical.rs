//! The form that models are quantised in.

use cofit_canonical::{canonicalise, remove_unused_tensors, spell_out_padding};
use cofit_ir::{Model, Verified};
use cofit_vocab::Diagnostics;

/// Brings the main graph into canonical form: batch normalisation is folded into layers, activations
/// are fused, and functions spelled out in parts are one operator again, so that no range is measured
/// between what a kernel computes in one. Padding is left in a form that TFLite has.
///
/// Comes before calibration, which goes by the tensors of the model that is quantised.
///
/// # Errors
/// None that a sound model causes.
pub fn canonical(model: &Verified) -> Result<Verified, Diagnostics> {
    let mut changed = Model::clone(model.model());
    if let Some(graph) = changed.main_mut() {
        canonicalise(graph);
        spell_out_padding(graph);
        remove_unused_tensors(graph);
    }
    Verified::new(changed)
}
