//! `fully_connected`: an inner product for every row and output.

use cofit_ir::ops::FullyConnected;
use cofit_vocab::ElementType;

use super::dot::{dot, dot_float, dot_wide};
use super::dynamic_range::DynamicRange;
use super::requantiser::{Bias, Requantiser};
use super::weights::{FloatWeights, IntegerWeights, float_bias, widened};
use crate::arithmetic::activation::activate;
use crate::call::{Call, Fault, Kernel};
use crate::site::{Refusal, Site};

/// int8 and uint8 with accumulators of 32 bits, int16 with those of its bias's width, and float32,
/// whose input is quantised on the fly where weights are integers.
pub(crate) fn prepare(op: &FullyConnected, site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (input, weights, output) = (site.input(0)?, site.input(1)?, site.output(0)?);
    let &[outputs, depth] = weights.shape.dimensions() else { return Err(site.unsupported()) };
    let (outputs, depth) = (outputs as usize, depth as usize);
    if outputs == 0 || depth == 0 {
        return Err(site.refuse("its weights are empty", "check the exporter"));
    }
    let activation = op.activation;
    match (input.element, output.element) {
        (ElementType::Float32, ElementType::Float32)
            if let Some(scaled) = DynamicRange::new(site, outputs)? =>
        {
            let bias = float_bias(site, 2, outputs)?;
            Ok(Box::new(move |call: &mut Call<'_>| {
                scaled.for_each(call, [depth, outputs], |measured, weights, output| {
                    multiply(&measured.codes, weights, depth, output, |channel, w, row| {
                        let sum = scaled.real(channel, dot(w, row), measured);
                        activate(activation, sum + bias[channel])
                    })
                })
            }))
        }
        (ElementType::Float32, ElementType::Float32) => {
            let weights = FloatWeights::new(site, 1)?;
            let bias = float_bias(site, 2, outputs)?;
            Ok(Box::new(move |call: &mut Call<'_>| {
                let weights = weights.get(&call.inputs)?;
                let input = call.inputs.get::<f32>(0)?;
                multiply(input, weights, depth, call.outputs.get(0)?, |channel, w, row| {
                    activate(activation, dot_float(w, row) + bias[channel])
                })
            }))
        }
        (ElementType::Int8 | ElementType::UInt8 | ElementType::Int16, element)
            if element == input.element =>
        {
            let requantiser = Requantiser::new(site, input, weights, outputs, true, activation)?;
            let zero_point = site.affine(input)?.zero_point as i16;
            let weights = IntegerWeights::new(site, 1)?;
            let bias = Bias::new(site, 2, outputs)?;
            Ok(Box::new(move |call: &mut Call<'_>| {
                let weights = weights.get(&call.inputs)?;
                let input = widened(call.inputs.any(0)?, zero_point);
                let narrow = |bias: &[i32], channel: usize, w: &[i16], row: &[i16]| {
                    requantiser.finish(channel, dot(w, row).wrapping_add(bias[channel]))
                };
                match (&bias, element) {
                    (Bias::Narrow(bias), ElementType::Int8) => {
                        let output = call.outputs.get::<i8>(0)?;
                        multiply(&input, &weights, depth, output, |channel, w, row| {
                            narrow(bias, channel, w, row) as i8
                        })
                    }
                    (Bias::Narrow(bias), ElementType::UInt8) => {
                        let output = call.outputs.get::<u8>(0)?;
                        multiply(&input, &weights, depth, output, |channel, w, row| {
                            narrow(bias, channel, w, row) as u8
                        })
                    }
                    (Bias::Narrow(bias), _) => {
                        let output = call.outputs.get::<i16>(0)?;
                        multiply(&input, &weights, depth, output, |channel, w, row| {
                            narrow(bias, channel, w, row) as i16
                        })
                    }
                    (Bias::Wide(bias), ElementType::Int16) => {
                        let output = call.outputs.get::<i16>(0)?;
                        multiply(&input, &weights, depth, output, |channel, w, row| {
                            let sum = dot_wide(w, row).wrapping_add(bias[channel]);
                            requantiser.finish_wide(channel, sum) as i16
                        })
                    }
                    (Bias::Wide(_), _) => Err(Fault::new("a 64-bit bias needs int16 activations")),
                }
            }))
        }
        _ => Err(site.unsupported()),
    }
}

/// Calls `product` with every output, its weights, and every row of the input.
fn multiply<T: Copy, O>(
    input: &[T],
    weights: &[T],
    depth: usize,
    output: &mut [O],
    product: impl Fn(usize, &[T], &[T]) -> O,
) -> Result<(), Fault> {
    let outputs = weights.len() / depth;
    if input.len() / depth * outputs != output.len() {
        return Err(Fault::new("its tensors do not have the lengths that it was prepared for"));
    }
    for (row, output) in input.chunks_exact(depth).zip(output.chunks_exact_mut(outputs)) {
        let pairs = output.iter_mut().zip(weights.chunks_exact(depth));
        for (channel, (result, weights)) in pairs.enumerate() {
            *result = product(channel, weights, row);
        }
    }
    Ok(())
}
