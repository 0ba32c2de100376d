//! `fill`: a tensor of one value.

use super::pad::fill;
use crate::call::{Fault, Kernel};
use crate::site::{Refusal, Site};

/// Fills the result, whose shape the file states, with operand 1. A shape that is computed must come
/// out as the result's.
pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let output = site.output(0)?;
    if site.input(1)?.element != output.element {
        return Err(site.unsupported());
    }
    let stated = crate::copy_box::lengths(output);
    let is_known = site.is_constant(0);
    if is_known {
        // Nothing else reads it; the rules of shapes have.
        site.integers(0)?;
    }
    Ok(Box::new(move |call| {
        if !is_known && call.inputs.integers(0)? != stated {
            return Err(Fault::new(format!("the shape is not {stated:?} as the model states")));
        }
        let value = call.inputs.any(1)?.to_buffer();
        fill(call.outputs.any(0)?, &value)
    }))
}
