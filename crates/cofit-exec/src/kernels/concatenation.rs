//! `concatenation`: tensors one after another along an axis.
//!
//! Elements are moved as they are. uint8 operands are brought to the result's scale where theirs
//! differs, as the TensorFlow Lite reference does (`ConcatenationWithScaling` in
//! `kernels/internal/reference/concatenation.h`): in float32, rounded to nearest, ties away from
//! zero. int8 operands must have the result's scale, as TensorFlow Lite and TFLM demand.

use cofit_ir::Activation;
use cofit_ir::ops::Concatenation;
use cofit_vocab::ElementType;

use crate::call::{Fault, Kernel};
use crate::copy_box::{
    Axis, CopyBox, Move, axis_of, dense_steps, elements, found, lengths, same_type,
};
use crate::site::{Refusal, Site};

/// Each operand is copied into its box of the result.
pub(crate) fn prepare(site: &Site<'_>, op: &Concatenation) -> Result<Kernel, Refusal> {
    if op.activation != Activation::None {
        return Err(site.refuse(
            format!("concatenation has no activation, and {} is asked for", op.activation.name()),
            "put the activation into an operator of its own",
        ));
    }
    let output = site.output(0)?;
    let axis = axis_of(site, &output.shape, i64::from(op.axis))?;
    let steps = dense_steps(&lengths(output));
    let mut parts = Vec::with_capacity(site.operator().inputs.len());
    let mut start = 0_i64;
    for input in 0..site.operator().inputs.len() {
        same_type(site, input, 0)?;
        let tensor = site.input(input)?;
        let axes: Vec<Axis> = lengths(tensor)
            .iter()
            .zip(dense_steps(&lengths(tensor)))
            .zip(&steps)
            .map(|((&length, from), &to)| Axis::new(length, from, to))
            .collect();
        let to = start.saturating_mul(steps[axis]);
        let part = CopyBox::new(&axes, (0, elements(tensor)), (to, elements(output)));
        let part = found(site, part.filter(|_| tensor.shape.rank() == steps.len()))?;
        start = start.saturating_add(i64::from(tensor.shape[axis]));
        parts.push((Move { input, output: 0, part }, rescaling(site, input)?));
    }
    Ok(Box::new(move |call| {
        for (part, table) in &parts {
            let Some(table) = table else {
                part.run(call)?;
                continue;
            };
            let values = call.inputs.get::<u8>(part.input)?;
            let values: Vec<u8> = values.iter().map(|&value| table[usize::from(value)]).collect();
            let output = call.outputs.get::<u8>(0)?;
            part.part.copy_elements(&values, output)?;
        }
        Ok::<(), Fault>(())
    }))
}

/// What each value of operand `input` becomes; `None` where it stays as it is.
fn rescaling(site: &Site<'_>, input: usize) -> Result<Option<Box<[u8; 256]>>, Refusal> {
    let (from, to) = (site.input(input)?, site.output(0)?);
    let (Some(before), Some(after)) = (&from.quantisation, &to.quantisation) else {
        return Ok(None);
    };
    if !before.is_quantised() || !after.is_quantised() || before.same_mapping(after) {
        return Ok(None);
    }
    match from.element {
        ElementType::UInt8 => {}
        ElementType::Int8 => {
            return Err(site.refuse(
                format!("`{}` has another scale than the result", from.name),
                "quantise all operands and the result alike, or put a quantize before it",
            ));
        }
        _ => return Ok(None),
    }
    let (from, to) = (site.affine(from)?, site.affine(to)?);
    let scale = from.scale * (1.0 / to.scale);
    let bias = -(from.zero_point as f32) * scale;
    let mut table = Box::new([0; 256]);
    for (value, rescaled) in table.iter_mut().enumerate() {
        let rounded = (value as f32 * scale + bias).round() as i32;
        *rescaled = rounded.saturating_add(to.zero_point).clamp(0, 255) as u8;
    }
    Ok(Some(table))
}
