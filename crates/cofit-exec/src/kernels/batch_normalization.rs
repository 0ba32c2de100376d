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

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn channels_have_statistics_of_their_own() {
        let graph = "input t0\n output t5\n tensor t0 \"x\" float32[2,2]\n\
                     tensor t1 \"gamma\" float32[2] const [2.0,3.0]\n\
                     tensor t2 \"beta\" float32[2] const [1.0,-1.0]\n\
                     tensor t3 \"mean\" float32[2] const [1.0,0.5]\n\
                     tensor t4 \"variance\" float32[2] const [3.0,0.0]\n\
                     tensor t5 \"y\" float32[2,2]\n\
                     t5 = batch_normalization(t0, t1, t2, t3, t4) epsilon=1.0";
        let inputs = [Buffer::F32(vec![3.0, 2.0, -1.0, 0.5])];
        // (3 - 1) * 2 / sqrt(3 + 1) + 1, (2 - 0.5) * 3 / sqrt(0 + 1) - 1, and so on.
        let expected = Buffer::F32(vec![3.0, 3.5, -1.0, -1.0]);
        assert_eq!(run(graph, &inputs, Rounding::Double), Ok(expected));
    }
}
