//! `custom`: an operator that only its author knows.

use cofit_ir::ops::Custom;

use crate::call::Kernel;
use crate::site::{Refusal, Site};

/// Refuses it by its name.
pub(crate) fn prepare(site: &Site<'_>, op: &Custom) -> Result<Kernel, Refusal> {
    Err(site.refuse(
        format!("the custom operator `{}` has no public definition", op.code),
        "convert the model with TensorFlow Lite's own operators, or run the part before it",
    ))
}
