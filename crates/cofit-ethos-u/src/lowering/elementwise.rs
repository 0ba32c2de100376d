//! Elementwise operators, copies, and activations that stand alone.

use crate::lowering::{Lowered, refuse};
use crate::operation::{
    Activation, Element, ElementwiseOperator, FeatureMap, Format, NpuOperation, OperationKind,
    Shape,
};

/// Tensors of up to this many elements keep their shape.
const SMALL: u64 = 16;
/// Tensors of at least this many channels keep their shape.
const DEEP: u32 = 8;
/// Channels that a shallow tensor is given.
const GOOD_DEPTH: u64 = 16;

/// The shape in which an elementwise operation sees a tensor: shallow ones have their prime factors
/// dealt out anew, to channels first, then to height and width in turn, the larger to height.
pub fn deepened(shape: Shape) -> Shape {
    let elements = shape.elements();
    if elements <= SMALL || shape.c >= DEEP || elements > u64::from(u32::MAX) {
        return shape;
    }
    let (mut depth, mut height, mut width) = (1u64, 1u64, 1u64);
    for prime in primes(elements) {
        if depth < GOOD_DEPTH {
            depth *= prime;
        } else if width < height {
            width *= prime;
        } else {
            height *= prime;
        }
    }
    Shape::new(1, height.max(width) as u32, height.min(width) as u32, depth as u32)
}

fn primes(mut rest: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let mut factor = 2;
    while factor * factor <= rest {
        while rest.is_multiple_of(factor) {
            found.push(factor);
            rest /= factor;
        }
        factor += if factor == 2 { 1 } else { 2 };
    }
    if rest > 1 {
        found.push(rest);
    }
    found
}

/// The map in the shape that an elementwise operation sees; re-interpreted maps are linear.
fn reshaped(map: &FeatureMap) -> FeatureMap {
    let shape = if map.shape.elements() == 1 { map.shape } else { deepened(map.shape) };
    let format = if shape == map.shape { map.format } else { Format::Nhwc };
    FeatureMap { shape, format, ..*map }
}

/// A binary operator. Either operand may be a scalar or broadcast.
///
/// # Errors
///
/// None today; the type leaves room for operators that need several operations.
pub fn binary<'a>(
    operator: ElementwiseOperator,
    ifm: &FeatureMap,
    ifm2: &FeatureMap,
    ofm: &FeatureMap,
    activation: Activation,
) -> Lowered<'a> {
    Ok(vec![binary_operation(operator, ifm, ifm2, ofm).with_activation(activation)])
}

pub(super) fn binary_operation<'a>(
    operator: ElementwiseOperator,
    ifm: &FeatureMap,
    ifm2: &FeatureMap,
    ofm: &FeatureMap,
) -> NpuOperation<'a> {
    let scalar = |map: &FeatureMap| map.shape.elements() == 1;
    let broadcast = !scalar(ifm) && !scalar(ifm2) && ifm.shape != ifm2.shape;
    if broadcast {
        return NpuOperation::binary(operator, *ifm, *ifm2, *ofm);
    }
    NpuOperation::binary(operator, reshaped(ifm), reshaped(ifm2), reshaped(ofm))
}

/// A unary operator of the elementwise unit.
///
/// # Errors
///
/// None today; the type leaves room for operators that need several operations.
pub fn unary<'a>(
    operator: ElementwiseOperator,
    ifm: &FeatureMap,
    ofm: &FeatureMap,
    activation: Activation,
) -> Lowered<'a> {
    let kind = OperationKind::Elementwise(operator);
    let operation = NpuOperation::new(kind, reshaped(ifm), reshaped(ofm));
    Ok(vec![operation.with_activation(activation)])
}

/// Requantisation from one 8 or 16-bit type to another.
///
/// # Errors
///
/// `CF-NPU-003` from or to 32 bits.
pub fn quantize<'a>(ifm: &FeatureMap, ofm: &FeatureMap) -> Lowered<'a> {
    if ifm.element == Element::Int32 || ofm.element == Element::Int32 {
        return Err(refuse("the NPU does not requantise from or to 32 bits"));
    }
    Ok(vec![NpuOperation::new(OperationKind::AveragePool, reshaped(ifm), reshaped(ofm))])
}

/// A copy of a tensor or slice: `ofm` has the shape of what is written.
///
/// # Errors
///
/// `CF-NPU-003` for 32-bit elements.
pub fn copy<'a>(ifm: &FeatureMap, ofm: &FeatureMap) -> Lowered<'a> {
    if ifm.element == Element::Int32 {
        return Err(refuse("copies of 32-bit elements are not modelled"));
    }
    Ok(vec![NpuOperation::new(OperationKind::AveragePool, *ifm, *ofm)])
}

/// A permutation of axes, as far as the hardware does it in one operation.
///
/// # Errors
///
/// `CF-NPU-003` where the element count changes.
pub fn transpose<'a>(ifm: &FeatureMap, ofm: &FeatureMap) -> Lowered<'a> {
    if ifm.shape.elements() != ofm.shape.elements() {
        return Err(refuse("a transposition changes the number of elements"));
    }
    Ok(vec![NpuOperation::new(OperationKind::Transpose, *ifm, *ofm)])
}

/// An activation that could not be fused: a copy with the activation behind it.
///
/// # Errors
///
/// None today; the type leaves room for activations that need several operations.
pub fn activation<'a>(ifm: &FeatureMap, ofm: &FeatureMap, activation: Activation) -> Lowered<'a> {
    let alone = match activation {
        Activation::FusedTable => Activation::OwnTable { bytes: table_bytes(ifm.element) },
        // Vela charges a clamp or curve that stands alone as a plain copy.
        Activation::None | Activation::Clamp | Activation::Curve => Activation::None,
        Activation::OwnTable { bytes } => Activation::OwnTable { bytes },
    };
    let operation = NpuOperation::new(OperationKind::AveragePool, reshaped(ifm), reshaped(ofm));
    Ok(vec![operation.with_activation(alone)])
}

/// Bytes of the table of an 8-bit function, or of the interpolated one of a 16-bit function.
const fn table_bytes(element: Element) -> u32 {
    match element {
        Element::Int8 | Element::UInt8 => 256,
        Element::Int16 | Element::Int32 => 2048,
    }
}

/// Whether input and output of an operator have the same scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescaling {
    /// They have.
    Unneeded,
    /// They differ.
    Needed,
}

/// A leaky ReLU with a slope between 0 and 1: a table for 8 bits, products and a maximum for 16.
///
/// # Errors
///
/// `CF-NPU-003` for 32-bit elements.
pub fn leaky_relu<'a>(ifm: &FeatureMap, ofm: &FeatureMap, rescaling: Rescaling) -> Lowered<'a> {
    match ifm.element {
        Element::Int8 | Element::UInt8 => activation(ifm, ofm, Activation::FusedTable),
        Element::Int16 => {
            let slope = FeatureMap::constant(Shape::new(1, 1, 1, 1), Element::Int16);
            let inner = FeatureMap::activation(ofm.shape, Element::Int16);
            let mul = binary_operation(ElementwiseOperator::Mul, ifm, &slope, &inner);
            let (mut operations, other) = match rescaling {
                Rescaling::Needed => (vec![mul.clone(), mul], inner),
                Rescaling::Unneeded => (vec![mul], *ifm),
            };
            let max = ElementwiseOperator::Maximum;
            operations.push(binary_operation(max, &inner, &other, ofm));
            Ok(operations)
        }
        Element::Int32 => Err(refuse("the NPU has no 32-bit leaky ReLU")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shallow_tensors_deepen() {
        // Both from Vela's own operations: MobileNetV2's input, and MCUNet's mean.
        assert_eq!(deepened(Shape::new(1, 224, 224, 3)), Shape::new(1, 168, 56, 16));
        assert_eq!(deepened(Shape::new(1, 160, 1, 1)), Shape::new(1, 5, 2, 16));
        assert_eq!(deepened(Shape::vector(12)), Shape::vector(12));
        assert_eq!(deepened(Shape::new(1, 1, 1, 4)), Shape::new(1, 1, 1, 4));
    }
}
