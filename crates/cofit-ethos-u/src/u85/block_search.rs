//! Which block an operation is cut into.
//!
//! Convolutions are priced as on Ethos-U55, over blocks that both buffers hold twice, or once where
//! nothing fits twice. Elementwise operations fill the output buffer. Depthwise convolutions, pools
//! and sums grow by area ([`crate::u85::area_fit`]).
//! Source: Vela 5.2.0, `ethos_u85.cpp` `FindBlockConfig`, `FindElementwiseConfig`.

use crate::block_search::{BlockConfig, OFM_SPLIT_DEPTH};
use crate::config::{Block, Config};
use crate::memory::Role;
use crate::operation::{Element, Kernel, NpuOperation, Shape, Unit};
use crate::operation_cycles::{Part, operation_cycles};
use crate::shram::Accumulator;
use crate::traversal::Traversal;
use crate::u85::area_fit::{self, Task};
use crate::u85::micro_block::{self, ifm_unit, rounded};
use crate::u85::{BRICK_CHANNELS, Buffers};

/// Accumulators are given out for this many channels.
pub const ACCUMULATOR_GRANULE: u32 = 16;
/// Parts of the memory for chained operands.
const CHAINING_SLOTS: u32 = 6;
/// Input channels of which a quad has two zeros, whatever the weights are.
const SPARSE_CHANNELS: u32 = 2;

/// Bits of an accumulator in its memory.
pub const fn accumulator_bits(accumulator: Accumulator) -> u32 {
    match accumulator {
        Accumulator::Bits32 => 32,
        // 48 bits, kept in 64.
        Accumulator::Bits40 => 64,
    }
}

/// Finds the block of an operation; none where no block fits.
pub fn find(
    operation: &NpuOperation<'_>,
    config: &Config,
    buffers: &Buffers,
) -> Option<BlockConfig> {
    let dense = find_as(operation, false, config, buffers)?;
    let may_skip = operation.kind.unit() == Unit::Convolution
        && operation.weights.is_some()
        && operation.ifm.shape.c <= SPARSE_CHANNELS;
    if !may_skip {
        return Some(dense);
    }
    let cycles = |block: &BlockConfig| {
        let whole = Part::whole(operation, Role::Constants);
        operation_cycles(operation, block, &whole, config).total
    };
    let sparse = find_as(operation, true, config, buffers);
    Some(sparse.filter(|sparse| cycles(sparse) <= cycles(&dense)).unwrap_or(dense))
}

fn find_as(
    operation: &NpuOperation<'_>,
    sparse: bool,
    config: &Config,
    buffers: &Buffers,
) -> Option<BlockConfig> {
    let unit = operation.kind.unit();
    let ifm = operation.block_ifm_shape();
    let is_part_kernel =
        unit == Unit::Convolution && kernel_first_is_better(ifm, &operation.kernel, sparse);
    let micro = micro_block::find(operation, !is_part_kernel, config.macs_per_cycle)?;
    let accumulator = match unit {
        // Sums and pools of 16 bits take 32.
        Unit::ReduceSum | Unit::Pooling | Unit::Transpose | Unit::Elementwise => {
            Accumulator::Bits32
        }
        Unit::Convolution | Unit::Depthwise => Accumulator::of(operation),
    };
    let found = |blocks: (Block, Block), traversal| BlockConfig {
        ofm_block: blocks.0,
        ifm_block: blocks.1,
        traversal,
        accumulator,
        micro_block: micro,
        sparse,
    };
    let element = operation.ifm.element;
    let macs = config.macs_per_cycle;
    let depth = match unit {
        _ if is_part_kernel => 16,
        _ if element == Element::Int32 => 32,
        _ if macs <= 256 && micro.c == 16 && !sparse => 32,
        _ if sparse && element.bits() == 8 => 128,
        _ => 64,
    };
    let task = Task {
        ofm: operation.computed(),
        ifm,
        element,
        kernel: &operation.kernel,
        micro,
        accumulator,
        ifm_depth: (unit == Unit::ReduceSum).then_some(depth),
    };
    match unit {
        Unit::Elementwise => {
            let block = elementwise(operation, micro, config, buffers);
            Some(found((block, block), Traversal::DepthFirst))
        }
        Unit::Depthwise => {
            Some(found(area_fit::find(&task, config, buffers)?, Traversal::Depthwise))
        }
        Unit::Pooling | Unit::ReduceSum | Unit::Transpose => {
            Some(found(area_fit::find(&task, config, buffers)?, Traversal::DepthFirst))
        }
        Unit::Convolution => {
            let traversal =
                if is_part_kernel { Traversal::PartKernel } else { Traversal::DepthFirst };
            let search = Search { task, depth, operation, config, buffers };
            let blocks = search.best(2).or_else(|| search.best(1))?;
            Some(found(blocks, traversal))
        }
    }
}

/// Whether walking kernel elements before channels uses more of the array.
fn kernel_first_is_better(ifm: Shape, kernel: &Kernel, sparse: bool) -> bool {
    let (step, least, deep) = if sparse { (10, 4, 128) } else { (5, 2, 64) };
    let elements = kernel.elements();
    let padded = elements / step * step + (elements % step).max(least);
    let channels = u64::from(ifm.c);
    let filled = |step: u64| channels as f64 / channels.next_multiple_of(step) as f64;
    let kernel_first = filled(16) * (elements as f64 / padded as f64);
    kernel_first >= filled(deep)
}

/// The input that an output block needs, in whole units of the input buffer.
pub fn input_block(
    ofm_block: Block,
    kernel: &Kernel,
    unit: Block,
    config: &Config,
    depth: u32,
) -> Block {
    let (height, width) = kernel.dilated();
    let (limit_h, limit_w) = config.sub_kernel_max;
    let side = |out: u32, stride: u32, window: u32, step: u32| {
        let needed = out.saturating_sub(1).saturating_mul(stride).saturating_add(window);
        needed.checked_next_multiple_of(step.max(1)).unwrap_or(u32::MAX)
    };
    Block {
        h: side(ofm_block.h, kernel.stride.0, height.min(limit_h), unit.h),
        w: side(ofm_block.w, kernel.stride.1, width.min(limit_w), unit.w),
        c: depth.next_multiple_of(unit.c.max(1)),
    }
}

/// The search for the block of a convolution.
struct Search<'s, 'a> {
    task: Task<'s>,
    /// Channels of the input per block.
    depth: u32,
    operation: &'s NpuOperation<'a>,
    config: &'s Config,
    buffers: &'s Buffers,
}

impl Search<'_, '_> {
    /// The cheapest block of which both buffers hold `copies`.
    fn best(&self, copies: u64) -> Option<(Block, Block)> {
        let (config, task) = (self.config, &self.task);
        let (ofm, micro) = (task.ofm, task.micro);
        let unit = ifm_unit(self.depth, task.element, micro, config.macs_per_cycle);
        let step = Block { c: micro.c.max(ACCUMULATOR_GRANULE), ..micro };
        let end = |side: u32, most: u32, step: u32, micro: u32| {
            side.min(most).max(step).next_multiple_of(micro.max(1))
        };
        let most = config.ofm_block_max;
        let most = Block::new(
            end(ofm.h, most.h, step.h, micro.h),
            end(ofm.w, most.w, step.w, micro.w),
            end(ofm.c, most.c, step.c, micro.c),
        );
        let aligned = |depth: u32| {
            if depth < ofm.c { depth.next_multiple_of(OFM_SPLIT_DEPTH) } else { depth }
        };
        let covers_input = task.kernel.dilated() == (task.ifm.h, task.ifm.w) && ofm.area() == 1;

        let mut best: Option<(Block, Block)> = None;
        let (mut best_price, mut best_coverage) = (f32::INFINITY, f32::INFINITY);
        let mut depth = aligned(micro.c.max(most.c.min(OFM_SPLIT_DEPTH)));
        while depth <= most.c {
            for height in (step.h..=most.h).step_by(step.h.max(1) as usize) {
                let mut any_fits = false;
                for width in (step.w..=most.w).step_by(step.w.max(1) as usize) {
                    let block = Block::new(height, width, depth);
                    let input = input_block(block, task.kernel, unit, config, self.depth);
                    if !self.fits(block, input, unit, copies) {
                        break;
                    }
                    any_fits = true;
                    let price = self.price(block, input, covers_input);
                    if price > best_price || !price.is_finite() {
                        continue;
                    }
                    if price == best_price {
                        let seen =
                            u64::from(task.ifm.h.min(input.h)) * u64::from(task.ifm.w.min(input.w));
                        let coverage = task.ifm.area() as f32 / seen.max(1) as f32;
                        if coverage > best_coverage || height > 4 || width > 4 {
                            continue;
                        }
                        best_coverage = coverage;
                    } else {
                        best_coverage = f32::INFINITY;
                    }
                    best_price = price;
                    best = Some((block, Block { c: self.depth, ..input }));
                }
                if !any_fits {
                    break;
                }
            }
            depth = aligned(depth + micro.c.max(1));
        }
        best
    }

    fn fits(&self, block: Block, input: Block, unit: Block, copies: u64) -> bool {
        let task = &self.task;
        let channels = input.c.min(task.ifm.c).next_multiple_of(unit.c.max(1));
        let ifm = (u64::from(input.h) * u64::from(input.w))
            .saturating_mul(u64::from(channels) * u64::from(task.element.bytes()))
            .saturating_mul(copies);
        let depth = block.c.next_multiple_of(ACCUMULATOR_GRANULE);
        let bits = Block { c: depth, ..block }
            .elements()
            .saturating_mul(u64::from(accumulator_bits(task.accumulator)));
        ifm <= u64::from(self.buffers.ifm_bytes)
            && (bits / 8).saturating_mul(copies) <= u64::from(self.buffers.accumulator_bytes)
    }

    fn price(&self, block: Block, input: Block, covers_input: bool) -> f32 {
        let task = &self.task;
        let ofm = task.ofm;
        let elements = ofm.elements() as f32;
        let price = if covers_input {
            elements / (block.h as f32 * block.w as f32 * block.c as f32)
        } else {
            let (limit_h, limit_w) = self.config.sub_kernel_max;
            let (height, width) = task.kernel.dilated();
            let repeats = u64::from(height.div_ceil(limit_h.max(1)))
                * u64::from(width.div_ceil(limit_w.max(1)));
            let blocks_h = ofm.h as f32 / block.h as f32;
            let blocks_w = ofm.w as f32 / block.w as f32;
            let blocks_c = ofm.c as f32 / block.c as f32;
            let channels = task.ifm.c as f32;
            let kernel = self.operation.kernel.elements() as f32;
            let mut weights = kernel * channels * (blocks_h.ceil() * blocks_w.ceil());
            weights *= blocks_c * block.c as f32;
            let area = (u64::from(input.h) * u64::from(input.w)) as f32;
            let mut fetched = area * channels * repeats as f32 * (blocks_h * blocks_w);
            fetched *= blocks_c.ceil();
            (fetched + weights) / elements
        };
        let whole = Block { c: input.c, ..input }.elements().saturating_mul(2);
        if task.ifm.elements() < whole { price / 2.0 } else { price }
    }
}

/// The block of an elementwise operation: as much as the output buffer, or that of the operand that
/// is repeated, holds.
fn elementwise(
    operation: &NpuOperation<'_>,
    micro: Block,
    config: &Config,
    buffers: &Buffers,
) -> Block {
    let bytes = operation.ifm.element.bytes();
    let granule = Block { c: ACCUMULATOR_GRANULE, ..micro };
    let ofm = rounded(operation.ofm.shape, granule);
    let limit = config.ofm_block_max;
    let most = Block::new(ofm.h.min(limit.h), ofm.w.min(limit.w), ofm.c.min(limit.c));
    let bricks = buffers.chaining_bytes / CHAINING_SLOTS / (BRICK_CHANNELS * bytes);
    let output_units = buffers.output_bytes / bytes / granule.c;
    let chaining_units = bricks / micro.h.max(1);

    let mut height = tile(ofm.h, granule.h, most.h);
    let needed = tile(ofm.w, granule.w, output_units.min(most.w));
    let mut width = output_units;
    let mut depth = reapportioned(granule.c, most.c, &mut width, needed.max(granule.w));
    if let Some(second) = operation.ifm2 {
        let (first, out) = (operation.ifm.shape, operation.ofm.shape);
        let is_scalar = first.is_scalar() || second.shape.is_scalar();
        let is_less =
            |side: fn(Shape) -> u32| side(first) < side(out) || side(second.shape) < side(out);
        let (by_depth, by_height, by_width) =
            (is_less(|it| it.c), is_less(|it| it.h), is_less(|it| it.w));
        if !is_scalar && by_depth {
            depth = tile(ofm.c, granule.c, most.c);
            width = chaining_units;
            if !by_height && !by_width && first.n >= out.n && second.shape.n >= out.n {
                height = reapportioned(micro.h, most.h, &mut width, needed.max(granule.w));
            }
        } else if !is_scalar && by_height {
            width = chaining_units;
            depth = reapportioned(BRICK_CHANNELS, most.c, &mut width, needed.max(granule.w));
        }
    }
    let whole = |side: u32, step: u32| side.max(1).next_multiple_of(step.max(1));
    Block::new(whole(height, granule.h), whole(width, granule.w), whole(depth, granule.c))
}

/// A tile of at most `most`, or the even one where the last of these would be cut.
fn tile(range: u32, granule: u32, most: u32) -> u32 {
    let (granule, most) = (granule.max(1), most.max(1));
    if range.is_multiple_of(most) {
        return most;
    }
    (range / (range / most + 1)).next_multiple_of(granule).max(granule)
}

/// Multiplies `value` by as many times as `available` exceeds `required`, and takes it from there.
fn reapportioned(value: u32, most: u32, available: &mut u32, required: u32) -> u32 {
    let times = (*available / required.max(1)).min(most / value.max(1));
    if times < 2 {
        return value;
    }
    *available /= times;
    value * times
}
