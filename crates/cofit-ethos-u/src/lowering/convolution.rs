//! Convolutions and fully connected layers.

use crate::lowering::{Lowered, check_window, effective, refuse, single};
use crate::operation::{
    Activation, FeatureMap, Kernel, NpuOperation, OperationKind, Shape, Weights,
};

/// A 2D convolution. Padding does not change the cost.
///
/// # Errors
///
/// `CF-NPU-003` for strides beyond 3, and for grouped convolutions.
pub fn convolution<'a>(
    ifm: &FeatureMap,
    ofm: &FeatureMap,
    kernel: Kernel,
    weights: Weights<'a>,
    activation: Activation,
) -> Lowered<'a> {
    let kernel = effective(kernel, ofm.shape);
    check_window(&kernel)?;
    if weights.shape.i != ifm.shape.c {
        return Err(refuse(format!(
            "a convolution over {} of {} input channels is grouped",
            weights.shape.i, ifm.shape.c
        )));
    }
    let operation = NpuOperation::new(OperationKind::Convolution, *ifm, *ofm)
        .with_kernel(kernel)
        .with_weights(weights);
    Ok(single(operation, activation))
}

/// A depthwise 2D convolution. Over a single input channel it is an ordinary one.
///
/// # Errors
///
/// `CF-NPU-003` for strides beyond 3, and for several outputs per input channel.
pub fn depthwise<'a>(
    ifm: &FeatureMap,
    ofm: &FeatureMap,
    kernel: Kernel,
    weights: Weights<'a>,
    activation: Activation,
) -> Lowered<'a> {
    if ifm.shape.c == 1 && ofm.shape.c != 1 {
        return convolution(ifm, ofm, kernel, weights, activation);
    }
    let kernel = effective(kernel, ofm.shape);
    check_window(&kernel)?;
    if ifm.shape.c != ofm.shape.c {
        return Err(refuse(format!(
            "a depthwise convolution from {} to {} channels; the multiplier must be 1 unless there \
             is one input channel",
            ifm.shape.c, ofm.shape.c
        )));
    }
    let operation = NpuOperation::new(OperationKind::Depthwise, *ifm, *ofm)
        .with_kernel(kernel)
        .with_weights(weights);
    Ok(single(operation, activation))
}

/// A fully connected layer. Batches are laid out as a plane that is about square.
///
/// # Errors
///
/// `CF-NPU-003` where the input is not a whole number of vectors.
pub fn fully_connected<'a>(
    ifm: &FeatureMap,
    ofm: &FeatureMap,
    weights: Weights<'a>,
    activation: Activation,
) -> Lowered<'a> {
    let inputs = u64::from(weights.shape.i);
    let elements = ifm.shape.elements();
    if inputs == 0 || !elements.is_multiple_of(inputs) || elements / inputs > u64::from(u16::MAX) {
        return Err(refuse(format!(
            "{elements} inputs of a fully connected layer are not vectors of {inputs}"
        )));
    }
    let batch = (elements / inputs) as u32;
    let (height, width) = plane(batch);
    let at = |channels| Shape::new(1, height, width, channels);
    let ifm = FeatureMap { shape: at(weights.shape.i), ..*ifm };
    let ofm = FeatureMap { shape: at(weights.shape.o), ..*ofm };
    let operation = NpuOperation::new(OperationKind::VectorProduct, ifm, ofm).with_weights(weights);
    Ok(single(operation, activation))
}

/// Height and width of the plane that holds `batch` vectors.
fn plane(batch: u32) -> (u32, u32) {
    let mut width = (batch / 16).max(f64::from(batch).sqrt().ceil() as u32).max(1);
    while width < batch && !batch.is_multiple_of(width) {
        width += 1;
    }
    (batch / width, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_lie_in_a_plane() {
        assert_eq!(plane(1), (1, 1));
        assert_eq!(plane(12), (3, 4));
        assert_eq!(plane(7), (1, 7));
        assert_eq!(plane(1024), (16, 64));
    }
}
