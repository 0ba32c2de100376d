//! `fold-batch-normalization`: batch normalisation goes into the layer beside it.
//!
//! What the compiler folds by itself costs nothing and is not offered; what exporters write as a
//! product and a sum is an operator for every runtime and is.

use cofit_canonical::passes::{fold_batch_normalization, fuse_activations};

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, edit};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let mut graph = setting.model.main_graph().clone();
    let folded = fold_batch_normalization::run(&mut graph);
    if folded == 0 {
        return;
    }
    // An activation behind the normalisation now stands behind the layer.
    fuse_activations::run(&mut graph);
    let Some(model) = edit::verified(&setting.model, graph) else { return };
    let plural = if folded == 1 { "" } else { "s" };
    found.candidates.push(Candidate {
        kind: Kind::FoldBatchNormalization,
        place: "the network".to_owned(),
        change: format!("{folded} batch normalisation{plural} folded into the layers beside"),
        keeps: Keeps::Reals,
        notes: Vec::new(),
        edit: Edit::Model(model),
    });
}
