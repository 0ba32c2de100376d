//! The order in which the MAC array consumes weights.
//!
//! Blocks of output channels, blocks of input channels, sub-kernels, then micro-blocks; where a
//! micro-block or a group of kernel elements reaches beyond the tensor, zeroes fill it up and are
//! encoded like weights. Source: Vela 5.2.0, `ethos_u55_weight_encoder.cpp`
//! `EthosUWeightOrdering`.

use crate::block_search::BlockConfig;
use crate::config::Config;
use crate::operation::{Element, NpuOperation, WeightShape, Weights};
use crate::traversal::Traversal;
use crate::weight_stream::{WeightLayout, WeightValues, value};

/// Order of the weights of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    shape: WeightShape,
    traversal: Traversal,
    ofm_block: u32,
    ifm_block: u32,
    ofm_micro: u32,
    ifm_micro: u32,
    /// Largest sub-kernel, height and width.
    sub_kernel: (u32, u32),
    /// Kernel elements come in multiples of this.
    group: u32,
    /// Cores, which take the output channels in turn.
    cores: u32,
}

/// The output channels of one stream: those of `from..to` that one core works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// The first channel of the slice.
    pub from: u32,
    /// The channel behind the slice.
    pub to: u32,
    /// The core; on machines of one core, 0.
    pub core: u32,
}

impl Channels {
    /// Channels of the stream where `cores` share a slice.
    const fn count(&self, cores: u32) -> u32 {
        let all = self.to.saturating_sub(self.from);
        all.saturating_add(cores - 1).saturating_sub(self.core) / cores
    }
}

/// One run of the order: a micro-block of output channels at one kernel element.
struct Step {
    /// First output channel, relative to the slice.
    o: u32,
    /// First input channel.
    i: u32,
    /// Kernel row and column, or none where the group reaches beyond the sub-kernel.
    at: Option<(u32, u32)>,
}

impl Order {
    /// The order for an operation cut into a block.
    pub fn new(
        operation: &NpuOperation<'_>,
        shape: WeightShape,
        block: &BlockConfig,
        config: &Config,
    ) -> Self {
        let narrow = operation.ifm.element == Element::Int16;
        let part_kernel = block.traversal == Traversal::PartKernel;
        let (limit_h, limit_w) = config.sub_kernel_max;
        let (dilation_h, dilation_w) = operation.kernel.dilation;
        Self {
            shape,
            traversal: block.traversal,
            ofm_block: block.ofm_block.c.max(1),
            ifm_block: if part_kernel || narrow { 16 } else { 32 },
            ofm_micro: config.ofm_micro_block.c.max(1),
            ifm_micro: config.ifm_micro_block.c.max(1),
            sub_kernel: (
                (limit_h / dilation_h.max(1)).max(1),
                (limit_w / dilation_w.max(1)).max(1),
            ),
            group: match block.traversal {
                Traversal::Depthwise => 4,
                Traversal::PartKernel if narrow => 2,
                Traversal::PartKernel => 4,
                Traversal::DepthFirst => 1,
            },
            cores: config.cores.max(1),
        }
    }

    /// Output channels of a block that one core works on.
    const fn block_of(&self, core: u32) -> u32 {
        let share = (self.ofm_block + self.cores - 1).saturating_sub(core) / self.cores;
        if share == 0 { 1 } else { share }
    }

    /// Weights per step and per output channel of a step.
    fn step_depth(&self) -> u32 {
        if self.traversal == Traversal::Depthwise { 1 } else { self.ifm_micro }
    }

    /// The weights of a stream, fillers included; empty where no values are known.
    pub fn stream(&self, weights: &Weights<'_>, channels: Channels) -> Vec<i16> {
        match weights.values {
            WeightValues::Known { bytes, sign, layout, zero_point } => {
                let mut table = [0i16; 256];
                for (byte, slot) in (0..=255u8).zip(&mut table) {
                    *slot = value(byte, sign, zero_point);
                }
                self.stream_of(channels, layout, |start, count, out| {
                    let run = bytes.get(start..).unwrap_or_default();
                    out.extend(run.iter().take(count).map(|byte| table[usize::from(*byte)]));
                })
            }
            WeightValues::Uniform { value } => {
                self.stream_of(channels, WeightLayout::Ohwi, |_, count, out| {
                    out.extend(std::iter::repeat_n(i16::from(value), count));
                })
            }
            WeightValues::Assumed { .. } => Vec::new(),
        }
    }

    /// The order as runs: `fetch` appends the weights from a position on, as many as asked.
    fn stream_of(
        &self,
        slice: Channels,
        layout: WeightLayout,
        fetch: impl Fn(usize, usize, &mut Vec<i16>),
    ) -> Vec<i16> {
        let shape = self.shape;
        let channels = slice.count(self.cores);
        let first = slice.from.saturating_add(slice.core) as usize;
        let (o_step, h_step, w_step, i_step) = match layout {
            WeightLayout::Ohwi => {
                let row = shape.w as usize * shape.i as usize;
                (shape.h as usize * row, row, shape.i as usize, 1)
            }
            WeightLayout::Hwo => (1, shape.w as usize * shape.o as usize, shape.o as usize, 0),
        };
        let depth = self.step_depth() as usize;
        let mut out = Vec::with_capacity(usize::try_from(self.length(slice)).unwrap_or(0));
        self.walk(channels, self.block_of(slice.core), |step| {
            let (o, i) = (step.o as usize, step.i as usize);
            let outputs = (channels.saturating_sub(step.o)).min(self.ofm_micro) as usize;
            let inputs = (shape.i as usize).saturating_sub(i).min(depth);
            let end = out.len() + depth * self.ofm_micro as usize;
            if let Some((h, w)) = step.at {
                let start = (first + o * self.cores as usize) * o_step
                    + h as usize * h_step
                    + w as usize * w_step
                    + i * i_step;
                for o in 0..outputs {
                    // One input channel per output, or a run of contiguous ones.
                    fetch(start + o * self.cores as usize * o_step, inputs, &mut out);
                    out.extend(std::iter::repeat_n(0, depth - inputs));
                }
            }
            out.resize(end, 0);
        });
        out
    }

    /// Number of weights of a stream, fillers included.
    pub fn length(&self, channels: Channels) -> u64 {
        let block = self.block_of(channels.core);
        let channels = channels.count(self.cores);
        // Fillers per block of output channels are the same for every block but the last.
        let per_block =
            |depth: u32| u64::from(depth.div_ceil(self.ofm_micro)) * u64::from(self.ofm_micro);
        let outputs = per_block(block)
            .saturating_mul(u64::from(channels / block))
            .saturating_add(per_block(channels % block));
        let inputs = match self.traversal {
            Traversal::Depthwise => 1,
            Traversal::PartKernel => {
                u64::from(self.shape.i).next_multiple_of(u64::from(self.ifm_micro))
            }
            Traversal::DepthFirst => {
                u64::from(self.shape.i).next_multiple_of(u64::from(self.ifm_block))
            }
        };
        outputs.saturating_mul(inputs).saturating_mul(self.kernel_elements())
    }

    fn kernel_elements(&self) -> u64 {
        let mut total = 0u64;
        self.sub_kernels(|_, _, height, width| {
            let elements = u64::from(height) * u64::from(width);
            total = total.saturating_add(elements.next_multiple_of(u64::from(self.group)));
        });
        total
    }

    fn sub_kernels(&self, mut visit: impl FnMut(u32, u32, u32, u32)) {
        let (limit_h, limit_w) = self.sub_kernel;
        for y in (0..self.shape.h).step_by(limit_h as usize) {
            for x in (0..self.shape.w).step_by(limit_w as usize) {
                visit(y, x, limit_h.min(self.shape.h - y), limit_w.min(self.shape.w - x));
            }
        }
    }

    fn walk(&self, channels: u32, block: u32, mut visit: impl FnMut(Step)) {
        let depthwise = self.traversal == Traversal::Depthwise;
        let ifm_depth = if depthwise { 1 } else { self.shape.i };
        for o_block in (0..channels).step_by(block as usize) {
            let o_depth = block.min(channels - o_block);
            for i_block in (0..ifm_depth).step_by(self.ifm_block as usize) {
                let i_depth = match self.traversal {
                    Traversal::Depthwise => self.ifm_micro,
                    Traversal::PartKernel => self.ifm_block.min(ifm_depth - i_block),
                    Traversal::DepthFirst => self.ifm_block,
                };
                let (outer, inner) = match self.traversal {
                    Traversal::PartKernel => (i_depth, 1),
                    Traversal::Depthwise | Traversal::DepthFirst => (1, i_depth),
                };
                self.sub_kernels(|y, x, height, width| {
                    let elements = (height * width).next_multiple_of(self.group);
                    for i_outer in (0..outer).step_by(self.ifm_micro as usize) {
                        for o in (0..o_depth).step_by(self.ofm_micro as usize) {
                            for element in 0..elements {
                                let (row, column) = (element / width, element % width);
                                let at = (row < height).then_some((y + row, x + column));
                                for i_inner in (0..inner).step_by(self.ifm_micro as usize) {
                                    let i = i_block + i_outer + i_inner;
                                    visit(Step { o: o_block + o, i, at });
                                }
                            }
                        }
                    }
                });
            }
        }
    }
}
