//! `batch_normalization`, in float32 only: quantised models have it folded into weights.
//!
//! As in ONNX Runtime, statistics become a factor and an offset for each channel first.

use cofit_ir::Op;
use cofit_vocab::ElementType;

use crate::call::{Fault, Kernel};
use crate::elementwise::{check_lengths, row_length};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let epsilon = match &site.operator().op {
        Op::BatchNormalization(op) => op.epsilon,
        _ => return Err(site.unsupported()),
    };
    let are_real = (0..=4).all(|index| {
        site.optional(index).is_some_and(|found| found.element == ElementType::Float32)
    });
    if !are_real || site.output(0)?.element != ElementType::Float32 {
        return Err(site.unsupported());
    }
    check_lengths(site)?;
    let channels = row_length(site)?;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<f32>(0)?;
        let (gamma, beta) = (call.inputs.get::<f32>(1)?, call.inputs.get::<f32>(2)?);
        let (mean, variance) = (call.inputs.get::<f32>(3)?, call.inputs.get::<f32>(4)?);
        if [gamma, beta, mean, variance].iter().any(|values| values.len() != channels) {
            return Err(Fault::new("there are not as many statistics as channels"));
        }
        let factors: Vec<f32> =
            gamma.iter().zip(variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
        let offsets: Vec<f32> = beta
            .iter()
            .zip(mean)
            .zip(&factors)
            .map(|((beta, mean), factor)| beta - mean * factor)
            .collect();
        let output = call.outputs.get::<f32>(0)?;
        for (row, results) in input.chunks_exact(channels).zip(output.chunks_exact_mut(channels)) {
            let constants = factors.iter().zip(&offsets);
            for ((result, x), (factor, offset)) in results.iter_mut().zip(row).zip(constants) {
                *result = x * factor + offset;
            }
        }
        Ok(())
    }))
}
