//! The micro-blocks of the array, and the units of the input buffer.
//!
//! Among the micro-blocks that a size offers for an operation and an element the one wins that
//! leaves the fewest positions empty. Source: Vela 5.2.0, `ethos_u85.cpp`
//! `SetupOfmUBlockToOpTable`, `SetupOfmUBlockToIfmAuTable`, `FindUBlock`, `CalcIfmAUSize`.

use crate::config::Block;
use crate::operation::{Element, NpuOperation, Shape, Unit};

/// The kinds of operation that a micro-block is offered to.
#[derive(Clone, Copy)]
struct Offer {
    convolution: bool,
    /// Depthwise convolutions and pools.
    depthwise: bool,
    reduce_sum: bool,
}

/// Convolutions and sums.
const MATRIX: Offer = Offer { convolution: true, depthwise: false, reduce_sum: true };
/// Convolutions only.
const PRODUCT: Offer = Offer { convolution: true, depthwise: false, reduce_sum: false };
/// Everything.
const ALL: Offer = Offer { convolution: true, depthwise: true, reduce_sum: true };
/// Depthwise convolutions and pools.
const BY_CHANNEL: Offer = Offer { convolution: false, depthwise: true, reduce_sum: false };
/// Sums only.
const SUMS: Offer = Offer { convolution: false, depthwise: false, reduce_sum: true };
/// The elementwise unit alone, which takes every micro-block.
const NONE: Offer = Offer { convolution: false, depthwise: false, reduce_sum: false };

/// A micro-block of a size.
struct Choice {
    block: Block,
    /// What it is offered to with elements of 8, 16 and 32 bits.
    offers: [Offer; 3],
    /// Convolutions take it only with a window of one element, depth first.
    pointwise_only: bool,
    /// Heights and widths of the input buffer's units of one, two and four words of 16 bytes.
    units: [(u32, u32); 3],
}

const fn choice(block: Block, offers: [Offer; 3], units: [(u32, u32); 3]) -> Choice {
    Choice { block, offers, pointwise_only: false, units }
}

const SIZE_128: [Choice; 2] = [
    choice(Block::new(1, 2, 8), [MATRIX, ALL, SUMS], [(1, 2), (1, 1), (1, 1)]),
    Choice {
        pointwise_only: true,
        ..choice(Block::new(1, 1, 16), [BY_CHANNEL, PRODUCT, NONE], [(1, 2), (1, 1), (1, 1)])
    },
];
const SIZE_256: [Choice; 3] = [
    Choice {
        pointwise_only: true,
        ..choice(Block::new(1, 2, 16), [BY_CHANNEL, PRODUCT, NONE], [(2, 2), (1, 2), (1, 1)])
    },
    choice(Block::new(1, 4, 8), [MATRIX, ALL, SUMS], [(1, 4), (1, 2), (1, 1)]),
    choice(Block::new(2, 2, 8), [MATRIX, ALL, SUMS], [(2, 2), (1, 2), (1, 1)]),
];
const SIZE_512: [Choice; 2] = [
    choice(Block::new(2, 2, 16), [ALL, ALL, SUMS], [(2, 2), (1, 2), (1, 1)]),
    choice(Block::new(1, 4, 16), [ALL, ALL, SUMS], [(1, 4), (1, 2), (1, 1)]),
];
const SIZE_1024: [Choice; 3] = [
    choice(Block::new(2, 2, 32), [PRODUCT, PRODUCT, NONE], [(2, 4), (2, 2), (1, 2)]),
    choice(Block::new(1, 4, 32), [PRODUCT, PRODUCT, NONE], [(2, 4), (1, 4), (1, 2)]),
    choice(Block::new(2, 4, 16), [ALL, ALL, SUMS], [(2, 4), (2, 2), (1, 2)]),
];
const SIZE_2048: [Choice; 3] = [
    choice(Block::new(2, 2, 64), [PRODUCT, PRODUCT, NONE], [(4, 4), (2, 4), (2, 2)]),
    choice(Block::new(1, 4, 64), [PRODUCT, PRODUCT, NONE], [(4, 4), (2, 4), (1, 4)]),
    choice(Block::new(4, 4, 16), [ALL, ALL, SUMS], [(4, 4), (2, 4), (2, 2)]),
];

/// The micro-blocks of a size, in the order in which ties are decided.
const fn choices(macs: u32) -> &'static [Choice] {
    match macs {
        0..=128 => &SIZE_128,
        129..=256 => &SIZE_256,
        257..=512 => &SIZE_512,
        513..=1024 => &SIZE_1024,
        _ => &SIZE_2048,
    }
}

const fn by_width(element: Element) -> usize {
    match element {
        Element::Int8 | Element::UInt8 => 0,
        Element::Int16 => 1,
        Element::Int32 => 2,
    }
}

/// The micro-block of an operation; `depth_first` says that a convolution walks channels before
/// kernel elements. None where the size has none for the operation.
pub fn find(operation: &NpuOperation<'_>, depth_first: bool, macs: u32) -> Option<Block> {
    let unit = operation.kind.unit();
    let is_pointwise = operation.kernel.size == (1, 1) && depth_first;
    let is_offered = |choice: &Choice| {
        let offer = choice.offers[by_width(operation.ifm.element)];
        match unit {
            Unit::Convolution => offer.convolution && (is_pointwise || !choice.pointwise_only),
            Unit::Depthwise | Unit::Pooling | Unit::Transpose => offer.depthwise,
            Unit::ReduceSum => offer.reduce_sum,
            Unit::Elementwise => true,
        }
    };
    let ofm = operation.computed();
    let waste = |choice: &&Choice| {
        let up = |side: u32, step: u32| u64::from(side.div_ceil(step)) * u64::from(step);
        up(ofm.h, choice.block.h)
            .saturating_mul(up(ofm.w, choice.block.w))
            .saturating_mul(up(ofm.c, choice.block.c))
    };
    // Of equals the first is taken.
    choices(macs).iter().filter(|choice| is_offered(choice)).min_by_key(waste).map(|one| one.block)
}

/// The unit in which the input buffer is given out for input of `depth` channels per block.
pub fn ifm_unit(depth: u32, element: Element, micro: Block, macs: u32) -> Block {
    let words = match u64::from(depth) * u64::from(element.bits()) {
        0..=128 => 0,
        129..=256 => 1,
        _ => 2,
    };
    let all = choices(macs);
    let found = all.iter().find(|choice| choice.block == micro).or_else(|| all.first());
    let (h, w) = found.map_or((1, 1), |choice| choice.units[words]);
    Block::new(h, w, (1 << words) * 128 / element.bits())
}

/// The extents of a map rounded up to those of a block.
pub fn rounded(shape: Shape, step: Block) -> Shape {
    let up = |side: u32, step: u32| side.checked_next_multiple_of(step.max(1)).unwrap_or(side);
    Shape::new(shape.n, up(shape.h, step.h), up(shape.w, step.w), up(shape.c, step.c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{FeatureMap, Kernel, OperationKind};

    /// Rows of the debug database of Vela 5.2.0 for DS-CNN on Ethos-U85-256.
    #[test]
    fn micro_blocks_are_velas() {
        let map = |h, w, c| FeatureMap::activation(Shape::new(1, h, w, c), Element::Int8);
        let operation = |kind, kernel| {
            NpuOperation::new(kind, map(25, 5, 64), map(25, 5, 64)).with_kernel(kernel)
        };
        let three = Kernel::new((3, 3), (1, 1));
        let depthwise = operation(OperationKind::Depthwise, three);
        assert_eq!(find(&depthwise, false, 256), Some(Block::new(1, 2, 16)));
        let dense = NpuOperation::new(OperationKind::VectorProduct, map(1, 1, 64), map(1, 1, 12));
        assert_eq!(find(&dense, true, 256), Some(Block::new(1, 4, 8)));
    }
}
