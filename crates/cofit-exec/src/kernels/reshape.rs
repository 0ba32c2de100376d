//! `reshape`, `squeeze` and `expand_dims`: the same elements in the same order.

use crate::call::Kernel;
use crate::site::{Refusal, Site};

/// Copies the elements, of any type.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (input, output) = (site.input(0)?, site.output(0)?);
    if input.shape.elements() != output.shape.elements() {
        return Err(site.refuse(
            format!("{} elements become {}", input.shape.elements(), output.shape.elements()),
            "export the model with static shapes",
        ));
    }
    Ok(Box::new(|call| call.outputs.copy(0, call.inputs.any(0)?)))
}
