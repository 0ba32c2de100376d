//! Which block an operation is cut into.
//!
//! Every output block that is a multiple of the micro-block and fits SHRAM is priced by how often
//! it makes the input and the weights be fetched again, per output element; the cheapest wins.
//! Prices are single-precision and computed in Vela's order, because ties decide.
//! Source: Vela 5.2.0, `ethos_u55.cpp` `FindBlockConfig`, `GetArchIFMBlockSize`.

use cofit_vocab::{Code, Diagnostic, Place};

use crate::config::{Block, Config, Generation};
use crate::operation::{Kernel, NpuOperation, Shape, Unit};
use crate::shram::{Accumulator, Fitting};
use crate::traversal::Traversal;
use crate::u85;

/// Depth below which the output is never split between blocks.
pub const OFM_SPLIT_DEPTH: u32 = 16;

/// Largest height, width and depth of a tensor (Vela 5.2.0, `compiler/scheduler_decompose.cpp`,
/// `MAX_DIM`).
pub const EXTENT_MAX: u32 = 65_536;

/// How an operation is cut into blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockConfig {
    /// The output of one step.
    pub ofm_block: Block,
    /// The input that one step fetches.
    pub ifm_block: Block,
    /// Order of the weights.
    pub traversal: Traversal,
    /// Width of the accumulators.
    pub accumulator: Accumulator,
    /// The piece of a block that the array computes at once, before [`crate::block_cycles`] turns
    /// it for outputs of one row.
    pub micro_block: Block,
    /// Whether the array skips two products in four: Ethos-U85 with input of few channels.
    pub sparse: bool,
}

impl BlockConfig {
    /// What depth slices are multiples of, but for the last.
    pub fn depth_granule(&self) -> u32 {
        OFM_SPLIT_DEPTH.max(self.micro_block.c)
    }
}

/// What the search knows about the operation; constant while blocks vary.
struct Question {
    ofm: Shape,
    ifm: Shape,
    unit: Unit,
    /// Output channel c needs input channel c only.
    equal_depth: bool,
    ifm_block_depth: u32,
    /// Windows beyond the sub-kernel limit fetch the input once per sub-kernel.
    ifm_repeats: u64,
    weight_area: u64,
    fitting: Fitting,
    one_dimensional: bool,
}

impl Question {
    fn new(operation: &NpuOperation<'_>, traversal: Traversal, config: &Config) -> Self {
        let unit = operation.kind.unit();
        let ifm = operation.block_ifm_shape();
        let (height, width) = operation.kernel.dilated();
        let (limit_h, limit_w) = config.sub_kernel_max;
        let has_weights = matches!(unit, Unit::Convolution | Unit::Depthwise);
        Self {
            // Moves are cut before the axes change places.
            ofm: if unit == Unit::Transpose { ifm } else { operation.ofm.shape },
            ifm,
            unit,
            equal_depth: matches!(unit, Unit::Elementwise | Unit::Pooling | Unit::Depthwise),
            ifm_block_depth: traversal.ifm_block_depth(ifm.c, operation.ifm.element, config),
            ifm_repeats: u64::from(height.div_ceil(limit_h.max(1)))
                * u64::from(width.div_ceil(limit_w.max(1))),
            weight_area: if has_weights { operation.kernel.elements() } else { 0 },
            fitting: Fitting::new(operation, config),
            one_dimensional: operation.ofm.shape.h == 1
                && operation.kernel.size.0 == 1
                && config.ofm_micro_block.h == 2,
        }
    }

    fn ifm_block(&self, ofm_block: Block, kernel: &Kernel, config: &Config) -> Block {
        let (height, width) = kernel.dilated();
        let side = |out: u32, stride: u32, window: u32, limit: u32, micro: u32| {
            let needed =
                (out.saturating_sub(1)).saturating_mul(stride).saturating_add(window.min(limit));
            needed.checked_next_multiple_of(micro.max(1)).unwrap_or(u32::MAX)
        };
        let (limit_h, limit_w) = config.sub_kernel_max;
        let micro = config.ofm_micro_block;
        Block {
            h: side(ofm_block.h, kernel.stride.0, height, limit_h, micro.h),
            w: side(ofm_block.w, kernel.stride.1, width, limit_w, micro.w),
            c: if self.equal_depth { ofm_block.c } else { self.ifm_block_depth },
        }
    }

    /// A row of output needs accumulators for one row only, though micro-blocks are two high.
    fn block_in_shram(&self, block: Block) -> Block {
        if self.one_dimensional { Block { h: block.h.min(self.ofm.h), ..block } } else { block }
    }

    fn price(&self, searched: Block, held: Block, ifm_block: Block) -> f32 {
        let ofm_elements = self.ofm.elements() as f32;
        let price = if self.unit == Unit::Elementwise {
            ofm_elements / searched.elements() as f32
        } else {
            let blocks_w = self.ofm.w as f32 / held.w as f32;
            let blocks_h = self.ofm.h as f32 / held.h as f32;
            let blocks_c = self.ofm.c as f32 / held.c as f32;
            let whole_area = u64::from(self.ofm.h.div_ceil(held.h))
                .saturating_mul(u64::from(self.ofm.w.div_ceil(held.w)));
            let channels = u64::from(self.ifm.c);

            let mut weights =
                self.weight_area.saturating_mul(channels).saturating_mul(whole_area) as f32;
            if self.unit != Unit::Depthwise {
                weights *= blocks_c * held.c as f32;
            }
            let area = u64::from(ifm_block.h).saturating_mul(u64::from(ifm_block.w));
            let once = area.saturating_mul(channels).saturating_mul(self.ifm_repeats);
            let mut input = once as f32 * blocks_w * blocks_h;
            if !self.equal_depth {
                input *= self.ofm.c.div_ceil(held.c) as f32;
            }
            (input + weights) / ofm_elements
        };
        // The whole input stays in both halves of the buffer.
        if self.ifm.elements() < ifm_block.elements().saturating_mul(2) {
            price / 2.0
        } else {
            price
        }
    }

    fn coverage(&self, ifm_block: Block) -> f32 {
        let area = u64::from(self.ifm.h.min(ifm_block.h)) * u64::from(self.ifm.w.min(ifm_block.w));
        self.ifm.area() as f32 / area.max(1) as f32
    }
}

/// Finds the block of an operation.
///
/// # Errors
///
/// `CF-NPU-001` where no block fits, which takes a window or stride beyond the hardware's limits,
/// `CF-NPU-002` where an extent is zero, and `CF-NPU-005` where one is beyond [`EXTENT_MAX`].
pub fn find_block(
    operation: &NpuOperation<'_>,
    config: &Config,
) -> Result<BlockConfig, Box<Diagnostic>> {
    let ofm = operation.ofm.shape;
    if ofm.elements() == 0 || operation.block_ifm_shape().elements() == 0 {
        return Err(refuse(
            &cofit_vocab::diagnostic::npu::EMPTY_TENSOR,
            format!("a {:?} operation has a tensor without elements", operation.kind),
        ));
    }
    let extents = [Some(operation.ifm.shape), operation.ifm2.map(|map| map.shape), Some(ofm)];
    let largest = extents.into_iter().flatten().map(|shape| shape.h.max(shape.w).max(shape.c));
    if let Some(largest) = largest.max().filter(|largest| *largest > EXTENT_MAX) {
        return Err(refuse(
            &cofit_vocab::diagnostic::npu::EXTENT_BEYOND_HARDWARE,
            format!("a {:?} operation has a tensor with an extent of {largest}", operation.kind),
        ));
    }
    let found = match &config.generation {
        Generation::Shared => find_shared(operation, config),
        Generation::Separate(buffers) => u85::block_search::find(operation, config, buffers),
    };
    match found {
        Some(block) => Ok(block),
        None => Err(refuse(
            &cofit_vocab::diagnostic::npu::NO_BLOCK,
            format!(
                "no block of a {:?} operation with a {}x{} window fits the NPU's buffer",
                operation.kind, operation.kernel.size.0, operation.kernel.size.1
            ),
        )),
    }
}

fn find_shared(operation: &NpuOperation<'_>, config: &Config) -> Option<BlockConfig> {
    let traversal = Traversal::of(operation);
    let question = Question::new(operation, traversal, config);
    let (ofm_block, ifm_block) = search(&question, &operation.kernel, config)?;
    Some(BlockConfig {
        ofm_block,
        ifm_block,
        traversal,
        accumulator: Accumulator::of(operation),
        micro_block: config.ofm_micro_block,
        sparse: false,
    })
}

fn refuse(code: &'static Code, message: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(code, message, Place::default()))
}

fn search(question: &Question, kernel: &Kernel, config: &Config) -> Option<(Block, Block)> {
    let ofm = question.ofm;
    let micro = config.ofm_micro_block;
    let (step_h, step_w, step_c) = (micro.h.max(1), micro.w.max(1), micro.c.max(1));
    let most_h = ofm.h.min(config.ofm_block_max.h).next_multiple_of(step_h);
    let most_w = ofm.w.min(config.ofm_block_max.w).next_multiple_of(step_w);
    let most_c = ofm.c.min(config.ofm_block_max.c).next_multiple_of(step_c);
    // Depths that leave a rest come in whole split depths.
    let aligned = |depth: u32| {
        if depth < ofm.c { depth.next_multiple_of(OFM_SPLIT_DEPTH) } else { depth }
    };

    let mut best: Option<(Block, Block)> = None;
    let (mut best_price, mut best_coverage) = (f32::INFINITY, f32::INFINITY);
    let mut depth = aligned(step_c.max(most_c.min(OFM_SPLIT_DEPTH)));
    while depth <= most_c {
        for height in (step_h..=most_h).step_by(step_h as usize) {
            let mut any_fits = false;
            for width in (step_w..=most_w).step_by(step_w as usize) {
                let searched = Block::new(height, width, depth);
                let ifm_block = question.ifm_block(searched, kernel, config);
                let held = question.block_in_shram(searched);
                if !question.fitting.fits(held, ifm_block) {
                    break;
                }
                any_fits = true;
                let price = question.price(searched, held, ifm_block);
                if price > best_price || !price.is_finite() {
                    continue;
                }
                if price == best_price {
                    // Among equals, small blocks that cover more of the input.
                    let coverage = question.coverage(ifm_block);
                    if coverage > best_coverage || height > 4 || width > 4 {
                        continue;
                    }
                    best_coverage = coverage;
                } else {
                    best_coverage = f32::INFINITY;
                }
                best_price = price;
                best = Some((searched, ifm_block));
            }
            if !any_fits {
                break;
            }
        }
        depth = aligned(depth + step_c);
    }
    best
}
