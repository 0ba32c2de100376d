//! What element-wise kernels share: one function for every element.

use cofit_vocab::ElementType;

use crate::broadcast::Broadcast;
use crate::buffer::Element;
use crate::call::Kernel;
use crate::site::{Refusal, Site};

/// The one element type of operands 0 and 1, with that of result 0; `None` where the operands
/// differ.
pub(crate) fn binary_types(site: &Site<'_>) -> Result<Option<(ElementType, ElementType)>, Refusal> {
    let (a, b) = (site.input(0)?.element, site.input(1)?.element);
    Ok((a == b).then_some((a, site.output(0)?.element)))
}

/// The kernel that computes every element of result 0 from one of operand 0.
pub(crate) fn map<A: Element, R: Element>(
    site: &Site<'_>,
    compute: impl Fn(A) -> R + Send + Sync + 'static,
) -> Result<Kernel, Refusal> {
    check_lengths(site)?;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<A>(0)?;
        let output = call.outputs.get::<R>(0)?;
        for (result, &x) in output.iter_mut().zip(input) {
            *result = compute(x);
        }
        Ok(())
    }))
}

/// The kernel that computes every element of result 0 from operands 0 and 1, stretched.
pub(crate) fn zip<A: Element, B: Element, R: Element>(
    site: &Site<'_>,
    compute: impl Fn(A, B) -> R + Send + Sync + 'static,
) -> Result<Kernel, Refusal> {
    let broadcast = Broadcast::<2>::of(site)?;
    Ok(Box::new(move |call| broadcast.apply(call, &compute)))
}

/// Checks that operand 0 and result 0 have the same number of elements.
pub(crate) fn check_lengths(site: &Site<'_>) -> Result<(), Refusal> {
    let (input, output) = (&site.input(0)?.shape, &site.output(0)?.shape);
    match input.elements() == output.elements() {
        true => Ok(()),
        false => Err(site.refuse(
            format!("an operand of shape {input} becomes a result of shape {output}"),
            "export the model with static shapes",
        )),
    }
}

/// Checks that the result has the quantisation that the operator's definition fixes.
pub(crate) fn expect_result(site: &Site<'_>, scale: f32, zero_point: i32) -> Result<(), Refusal> {
    let found = site.affine(site.output(0)?)?;
    if (found.scale - scale).abs() <= 0.001 * scale && found.zero_point == zero_point {
        return Ok(());
    }
    Err(site.refuse(
        format!(
            "its result has scale {} and zero point {} where {scale} and {zero_point} are defined",
            found.scale, found.zero_point
        ),
        "quantise the model anew",
    ))
}

/// The length of a row, at least one.
pub(crate) fn row_length(site: &Site<'_>) -> Result<usize, Refusal> {
    let shape = &site.input(0)?.shape;
    Ok(shape.dimensions().last().map_or(1, |&length| (length as usize).max(1)))
}
