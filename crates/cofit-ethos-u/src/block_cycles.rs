//! Cycles of the MAC array for one block.
//!
//! A block is worked through micro-block by micro-block; each step of the window takes at least the
//! time in which the weight decoder delivers the next weights. Windows beyond 8x8 split into
//! sub-kernels. Source: Vela 5.2.0, `ethos_u55_performance.cpp` `EstimateMacCyclesPerBlock`.

use crate::block_search::BlockConfig;
use crate::config::{Block, Config, Generation, Pipeline};
use crate::operation::{Element, NpuOperation, Shape, Unit};
use crate::shram::Accumulator;
use crate::traversal::Traversal;

/// The part of a block that lies within the output.
pub fn clipped(block: Block, shape: Shape) -> Block {
    Block::new(block.h.min(shape.h), block.w.min(shape.w), block.c.min(shape.c))
}

/// The micro-block of an operation: one-row convolutions use the array of the two-row sizes as
/// one row of double width.
pub fn micro_block(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    ofm: Shape,
    config: &Config,
) -> Block {
    let micro = block.micro_block;
    let one_row = config.generation == Generation::Shared
        && micro.h == 2
        && operation.kind.unit() == Unit::Convolution
        && ofm.h == 1
        && ofm.w.is_multiple_of(2)
        && operation.kernel.size.0 == 1;
    if one_row { Block::new(1, 4, micro.c) } else { micro }
}

/// Micro-blocks of a block, per extent.
pub fn micro_blocks(block: Block, micro: Block) -> Block {
    Block::new(
        block.h.div_ceil(micro.h.max(1)),
        block.w.div_ceil(micro.w.max(1)),
        block.c.div_ceil(micro.c.max(1)),
    )
}

/// Cycles per block of the MAC array. `ifm` and `ofm` are the shapes to clip the block to, which
/// differ from the operation's own when it is estimated in depth slices.
pub fn mac_cycles_per_block(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    ifm: Shape,
    ofm: Shape,
    config: &Config,
) -> u64 {
    let unit = operation.kind.unit();
    let micro = micro_block(operation, block, ofm, config);
    let counts = micro_blocks(clipped(block.ofm_block, ofm), micro);
    let area = u64::from(counts.h) * u64::from(counts.w);
    let depth = u64::from(counts.c);
    let ifm_depth = u64::from(block.ifm_block.c.min(ifm.c)).max(1);
    let element = operation.ifm.element;
    let part_kernel = unit == Unit::Convolution && block.traversal == Traversal::PartKernel;
    let ifm_groups = ifm_depth.div_ceil(8);

    // Cycles in which the decoders deliver a micro-block's weights, and in which the array goes
    // through the input channels of a block depth first.
    let (decoders, depth_step) = match &config.generation {
        Generation::Shared => (1, 4),
        Generation::Separate(buffers) => (u64::from(buffers.decoders.max(1)), ifm_depth / 8),
    };
    let decode = 32 * u64::from(micro.c) / (8 * decoders);
    let full_step = decode.max(4 * area);
    let skips = if block.sparse { 2 } else { 1 };
    let mut total = 0u64;
    for (window, repeats) in sub_kernels(operation.kernel.size, config.sub_kernel_max) {
        let (steps, cycles) = match unit {
            Unit::Pooling | Unit::Transpose => {
                let rate = match config.pipeline {
                    Pipeline::Small => 1,
                    Pipeline::Regular => u64::from(element.bits()) / 2,
                };
                (1, window.max(4).saturating_mul(area * depth).saturating_mul(rate))
            }
            Unit::Depthwise => {
                let steps = window.div_ceil(4);
                let step = decode.max(4 * area * u64::from(element.bytes()));
                (steps, step.saturating_mul(steps * depth))
            }
            Unit::Convolution if part_kernel => {
                let group = if element == Element::Int16 { 2 } else { 4 };
                let steps = window.div_ceil(group);
                (steps, full_step.saturating_mul(steps * depth * ifm_groups) / skips)
            }
            Unit::Convolution | Unit::ReduceSum => {
                let step = match config.generation {
                    Generation::Shared => full_step,
                    Generation::Separate(_) => depth_first_step(decode, depth_step, area, element),
                };
                (window, step.saturating_mul(window * depth) / skips)
            }
            Unit::Elementwise => (0, 0),
        };
        let mut delay = delay_cycles(counts, steps, block.accumulator, config);
        if part_kernel {
            delay *= ifm_groups;
        }
        total = total.saturating_add((cycles.saturating_add(delay)).saturating_mul(repeats));
    }
    if matches!(unit, Unit::Convolution | Unit::ReduceSum) {
        total = total.saturating_mul(u64::from(ifm.c).div_ceil(ifm_depth));
    }
    total / u64::from(config.cores.max(1))
}

/// Cycles of one step of a depth-first walk on Ethos-U85 (Vela 5.2.0, `ethos_u85_performance.cpp`
/// `EstimateMacCyclesPerBlock`): wide elements take as many times as long as they have bytes.
fn depth_first_step(decode: u64, depth_step: u64, area: u64, element: Element) -> u64 {
    let bytes = u64::from(element.bytes()).max(1);
    decode.max(depth_step * area).saturating_mul(bytes)
}

/// Stalls between dependent accumulations, where a block is too small to hide the latency.
fn delay_cycles(counts: Block, steps: u64, accumulator: Accumulator, config: &Config) -> u64 {
    let delay = u64::from(match accumulator {
        Accumulator::Bits32 => config.delay32,
        Accumulator::Bits40 => config.delay40,
    });
    let depth = u64::from(counts.c);
    let mut total = 0;
    if counts.h == 1 && counts.w == 1 {
        if depth == 1 {
            total = delay * steps;
        } else if steps > 1 {
            total = delay * (steps - 1) * depth;
        }
    }
    let narrow = counts.w == 1 || counts.h == 1;
    if config.pipeline == Pipeline::Small
        && accumulator == Accumulator::Bits40
        && narrow
        && depth > 1
    {
        total += delay * depth;
    }
    total
}

/// The sub-kernels of a window: their number of elements, and how many there are of each kind.
fn sub_kernels(size: (u32, u32), limit: (u32, u32)) -> impl Iterator<Item = (u64, u64)> {
    let split = |size: u32, limit: u32| {
        let limit = limit.max(1);
        [(u64::from(limit), u64::from(size / limit)), (u64::from(size % limit), 1)]
    };
    let columns = split(size.1, limit.1);
    split(size.0, limit.0)
        .into_iter()
        .flat_map(move |(h, rows)| {
            columns.into_iter().map(move |(w, repeats)| (h * w, rows * repeats))
        })
        .filter(|(window, repeats)| *window > 0 && *repeats > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_beyond_eight_split() {
        let pieces = |size| sub_kernels(size, (8, 8)).collect::<Vec<_>>();
        assert_eq!(pieces((3, 3)), [(9, 1)]);
        assert_eq!(pieces((10, 4)), [(32, 1), (8, 1)]);
        assert_eq!(pieces((25, 5)), [(40, 3), (5, 1)]);
    }
}
