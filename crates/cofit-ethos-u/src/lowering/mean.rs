//! Means over axes: a depthwise sum with weights of one, and a product with the reciprocal.

use crate::block_search::EXTENT_MAX;
use crate::lowering::elementwise::{binary_operation, deepened};
use crate::lowering::{Lowered, refuse};
use crate::operation::{
    Element, ElementwiseOperator, FeatureMap, Format, Kernel, NpuOperation, OperationKind, Shape,
    WeightShape, Weights,
};
use crate::weight_stream::WeightValues;

/// Largest height of a sum in one operation.
const HEIGHT_MAX: u32 = 64;
/// Largest window of a sum in one operation.
const WINDOW_MAX: u32 = 64 * 64;

/// The axes that a mean is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeanOver {
    /// Height and width: global average pooling.
    HeightAndWidth,
    /// Height.
    Height,
    /// Width.
    Width,
    /// Channels, of a tensor of height or width 1.
    Channels,
}

/// The mean of `ifm` over `axes`.
///
/// # Errors
///
/// `CF-NPU-003` for element types beyond 16 bits, a width beyond 4096, a height beyond 65536, or a mean over the channels
/// of a plane.
pub fn mean<'a>(ifm: &FeatureMap, ofm: &FeatureMap, axes: MeanOver) -> Lowered<'a> {
    if ifm.element == Element::Int32 {
        return Err(refuse("the NPU takes no mean of 32-bit elements"));
    }
    let (shape, axes) = arranged(ifm.shape, axes)?;
    let (tall, wide) = match axes {
        MeanOver::HeightAndWidth => (true, true),
        MeanOver::Height => (true, false),
        MeanOver::Width | MeanOver::Channels => (false, true),
    };
    let mut shape = shape;
    if tall && wide && shape.h > HEIGHT_MAX && shape.area() <= u64::from(WINDOW_MAX) {
        shape = Shape::new(shape.n, 1, shape.h.saturating_mul(shape.w), shape.c);
    }
    let height = if tall { shape.h } else { 1 };
    let width = if wide { shape.w } else { 1 };
    if width == 0 || width > WINDOW_MAX || height == 0 || height > EXTENT_MAX {
        return Err(refuse(format!("a mean over {height}x{width} elements")));
    }
    let per_operation = (WINDOW_MAX / width).min(height).min(HEIGHT_MAX);

    let result =
        Shape { h: if tall { 1 } else { shape.h }, w: if wide { 1 } else { shape.w }, ..shape };
    let reshaped = deepened(result) != result;
    let sums = FeatureMap {
        format: if reshaped { Format::Nhwc } else { Format::Nhcwb16 },
        ..FeatureMap::activation(result, Element::Int32)
    };
    let input = |rows: u32| FeatureMap {
        shape: if tall { Shape { h: rows, ..shape } } else { shape },
        format: if shape == ifm.shape { ifm.format } else { Format::Nhwc },
        ..*ifm
    };
    let mut parts = Vec::new();
    let mut done = 0;
    while done < height {
        let rows = per_operation.min(height - done);
        let weights = Weights {
            shape: WeightShape { o: shape.c, h: rows, w: width, i: 1 },
            values: WeightValues::Uniform { value: 1 },
        };
        parts.push(
            NpuOperation::new(OperationKind::Depthwise, input(rows), sums)
                .with_kernel(Kernel::new((rows, width), (1, 1)))
                .with_weights(weights),
        );
        done += rows;
    }
    // Vela runs the parts from the last to the first, then adds them up.
    let additions = parts.len() - 1;
    let mut operations: Vec<_> = parts.into_iter().rev().collect();
    let addition = binary_operation(ElementwiseOperator::Add, &sums, &sums, &sums);
    operations.extend(std::iter::repeat_n(addition, additions));
    let reciprocal = FeatureMap::constant(Shape::new(1, 1, 1, 1), Element::Int32);
    let out = FeatureMap { shape: result, ..*ofm };
    operations.push(binary_operation(ElementwiseOperator::Mul, &sums, &reciprocal, &out));
    Ok(operations)
}

/// The input with the axes to reduce among height and width.
fn arranged(
    shape: Shape,
    axes: MeanOver,
) -> Result<(Shape, MeanOver), Box<cofit_vocab::Diagnostic>> {
    match axes {
        MeanOver::Channels if shape.w == 1 => {
            Ok((Shape::new(shape.n, shape.h, shape.c, 1), MeanOver::Width))
        }
        MeanOver::Channels if shape.h == 1 => {
            Ok((Shape::new(shape.n, shape.w, shape.c, 1), MeanOver::Width))
        }
        MeanOver::Channels => Err(refuse("a mean over the channels of a plane")),
        MeanOver::HeightAndWidth | MeanOver::Height | MeanOver::Width => Ok((shape, axes)),
    }
}
