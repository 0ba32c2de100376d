//! Softmax of 8-bit tensors over the channels.
//!
//! About thirty operations: the maximum, the exponentials by table, their sum, its reciprocal
//! by three Newton steps in 32-bit fixed point, and the product.

use crate::lowering::elementwise::{binary_operation, deepened};
use crate::lowering::{Lowered, refuse};
use crate::operation::{
    Activation, Element, ElementwiseOperator as Op, FeatureMap, Format, Kernel, NpuOperation,
    OperationKind, Shape,
};

/// A softmax over the channels of `ifm`. The input is read as linear whatever `ifm.format` says,
/// because the maximum sees the channels as width; the writer of `ifm` must agree.
///
/// # Errors
///
/// `CF-NPU-003` for elements that do not have 8 bits.
pub fn softmax<'a>(ifm: &FeatureMap, ofm: &FeatureMap) -> Lowered<'a> {
    match ifm.element {
        Element::Int8 | Element::UInt8 => {}
        Element::Int16 | Element::Int32 => {
            return Err(refuse("only 8-bit softmax is lowered"));
        }
    }
    let whole = ifm.shape;
    let Some(rows) = whole.n.checked_mul(whole.h).and_then(|rows| rows.checked_mul(whole.w)) else {
        return Err(refuse("a softmax has too many rows"));
    };
    let row = whole.with_channels(1);
    let inner = |shape: Shape| FeatureMap::activation(shape, Element::Int32);
    // Where operations see a tensor both as it is and deepened, it is linear.
    let shared = |shape: Shape| FeatureMap {
        format: if deepened(shape) == shape { Format::Nhcwb16 } else { Format::Nhwc },
        ..inner(shape)
    };
    let scalar = FeatureMap::constant(Shape::new(1, 1, 1, 1), Element::Int32);
    let input = FeatureMap { format: Format::Nhwc, ..*ifm };
    let largest = FeatureMap {
        format: if row.w == 1 { Format::Nhcwb16 } else { Format::Nhwc },
        ..FeatureMap::activation(row, ifm.element)
    };

    // The largest of each row, seen as columns of one channel.
    let columns = FeatureMap { shape: Shape::new(1, rows, whole.c, 1), ..input };
    let column = FeatureMap { shape: Shape::new(1, rows, 1, 1), ..largest };
    let mut operations = vec![
        NpuOperation::new(OperationKind::MaxPool, columns, column)
            .with_kernel(Kernel::new((1, whole.c), (1, 1))),
    ];
    // Exponentials of the distance to it, and their sum, which reads linear.
    let exponential = shared(whole);
    operations.push(
        NpuOperation::binary(Op::Sub, input, largest, exponential)
            .with_activation(Activation::FusedTable),
    );
    let shifted = FeatureMap { format: Format::Nhwc, ..inner(whole) };
    operations.push(binary_operation(Op::ShiftRight, &exponential, &scalar, &shifted));
    let sum = shared(row);
    operations.push(NpuOperation::new(OperationKind::ReduceSum, shifted, sum));

    // The reciprocal of the sum. Everything here sees rows deepened; the shape is given already,
    // so that bricks stay bricks.
    let narrow = inner(deepened(row));
    let reread = |map: FeatureMap| FeatureMap { shape: deepened(row), ..map };
    let (right_shift, reciprocal) = (reread(shared(row)), reread(shared(row)));
    let mut step = |operator, a: &FeatureMap, b: &FeatureMap, out: &FeatureMap| {
        operations.push(NpuOperation::binary(operator, *a, *b, *out));
    };
    step(Op::Sub, &scalar, &narrow, &right_shift);
    step(Op::Sub, &narrow, &scalar, &narrow);
    step(Op::ShiftLeft, &reread(sum), &narrow, &narrow);
    step(Op::Mul, &narrow, &scalar, &narrow);
    step(Op::Add, &narrow, &scalar, &narrow);
    for last in [&narrow, &narrow, &reciprocal] {
        step(Op::Mul, &narrow, &narrow, &narrow);
        step(Op::Sub, &scalar, &narrow, &narrow);
        step(Op::Mul, &narrow, &narrow, &narrow);
        step(Op::Mul, &narrow, &scalar, &narrow);
        step(Op::Add, &narrow, &narrow, last);
    }
    let leading_zeros = OperationKind::Elementwise(Op::CountLeadingZeros);
    operations.insert(4, NpuOperation::new(leading_zeros, reread(sum), narrow));

    // The quotients; rounding of the last shift comes from a constant of the full shape.
    let (product, rounded) = (shared(whole), shared(whole));
    operations.push(binary_operation(Op::Mul, &exponential, &shared(row), &product));
    let rounding = FeatureMap::constant(whole, Element::Int32);
    operations.push(binary_operation(Op::Add, &rounding, &product, &rounded));
    operations.push(binary_operation(Op::ShiftRight, &rounded, &shared(row), ofm));
    Ok(operations)
}
