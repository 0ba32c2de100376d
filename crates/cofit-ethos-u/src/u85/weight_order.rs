//! The order in which the array consumes weights, and where zeros fill it up.
//!
//! As on Ethos-U55 blocks of output channels hold blocks of input channels, those sub-kernels and
//! those micro-blocks; but blocks of input channels come in turning order, kernel elements row by
//! row in turning order, and strides apart. Every weight decoder has a stream, of four output
//! channels in turn. Source: Vela 5.2.0, `ethos_u85_weight_encoder.cpp`
//! `EthosU85WeightOrdering`.

use crate::block_search::BlockConfig;
use crate::config::Config;
use crate::operation::{Element, NpuOperation, WeightShape, Weights};
use crate::traversal::Traversal;
use crate::u85::Buffers;
use crate::weight_stream::{WeightLayout, WeightValues, value};

/// Output channels that a decoder takes at once.
const INTERLEAVED: u32 = 4;

/// Order of the weights of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    shape: WeightShape,
    is_depthwise: bool,
    stride: (u32, u32),
    sub_kernel: (u32, u32),
    ofm_block: u32,
    ifm_block: u32,
    ofm_micro: u32,
    ifm_micro: u32,
    /// Kernel elements come in multiples of this.
    group: u32,
    /// Elements of zeros behind every group of a depthwise convolution.
    behind_group: u32,
    /// Input channels that come one after the other.
    run: u32,
    decoders: u32,
}

impl Order {
    /// The order for an operation cut into a block.
    pub fn new(
        operation: &NpuOperation<'_>,
        shape: WeightShape,
        block: &BlockConfig,
        config: &Config,
        buffers: &Buffers,
    ) -> Self {
        let wide = operation.ifm.element == Element::Int16;
        let ifm_block = block.ifm_block.c.max(1);
        let (group, ifm_micro) = match block.traversal {
            Traversal::PartKernel => {
                let group = if wide || block.sparse { 10 } else { 5 };
                (group, if wide && !block.sparse { 8 } else { ifm_block })
            }
            Traversal::DepthFirst => (1, ifm_block),
            Traversal::Depthwise => (10, 1),
        };
        let is_depthwise = block.traversal == Traversal::Depthwise;
        let (limit_h, limit_w) = config.sub_kernel_max;
        let (dilation_h, dilation_w) = operation.kernel.dilation;
        Self {
            shape,
            is_depthwise,
            stride: match block.traversal {
                Traversal::DepthFirst => (1, 1),
                Traversal::PartKernel | Traversal::Depthwise => {
                    (operation.kernel.stride.0.max(1), operation.kernel.stride.1.max(1))
                }
            },
            sub_kernel: (
                (limit_h / dilation_h.max(1)).max(1),
                (limit_w / dilation_w.max(1)).max(1),
            ),
            ofm_block: block.ofm_block.c.max(1),
            ifm_block,
            ofm_micro: block.micro_block.c.max(1),
            ifm_micro,
            group,
            behind_group: match config.macs_per_cycle {
                0..=256 if !wide => 0,
                0..=512 => 2,
                _ => 6,
            },
            run: match (is_depthwise, block.sparse) {
                (true, _) => 1,
                (false, true) => 16,
                (false, false) => 8,
            },
            decoders: buffers.decoders.max(1),
        }
    }

    /// Number of weights of so many output channels in all streams, fillers included.
    pub fn length(&self, channels: u32) -> u64 {
        let micro = u64::from(self.ofm_micro);
        let padded = |depth: u32| u64::from(depth).next_multiple_of(micro);
        let outputs = padded(self.ofm_block)
            .saturating_mul(u64::from(channels / self.ofm_block))
            .saturating_add(padded(channels % self.ofm_block));
        let inputs = if self.is_depthwise {
            1
        } else {
            let unit = u64::from(self.ifm_micro);
            let whole = self.shape.i / self.ifm_block;
            let rest = self.shape.i % self.ifm_block;
            u64::from(self.ifm_block)
                .next_multiple_of(unit)
                .saturating_mul(u64::from(whole))
                .saturating_add(u64::from(rest).next_multiple_of(unit))
        };
        let behind = if self.is_depthwise { u64::from(self.behind_group) } else { 0 };
        let mut elements = 0u64;
        for (height, rows) in parts(self.shape.h, self.sub_kernel.0) {
            for (width, columns) in parts(self.shape.w, self.sub_kernel.1) {
                let groups = (height * width).div_ceil(u64::from(self.group));
                let each = groups * (u64::from(self.group) + behind);
                elements = elements.saturating_add(each.saturating_mul(rows * columns));
            }
        }
        outputs.saturating_mul(inputs).saturating_mul(elements)
    }

    fn sub_kernels(&self, mut visit: impl FnMut(u32, u32, u32, u32)) {
        let (limit_h, limit_w) = self.sub_kernel;
        for x in (0..self.shape.w).step_by(limit_w as usize) {
            for y in (0..self.shape.h).step_by(limit_h as usize) {
                visit(y, x, limit_h.min(self.shape.h - y), limit_w.min(self.shape.w - x));
            }
        }
    }

    /// The weights of output channels `from..to` for one decoder, fillers included; empty where no
    /// values are known.
    pub fn stream(&self, weights: &Weights<'_>, from: u32, to: u32, decoder: u32) -> Vec<i16> {
        let shape = self.shape;
        let (bytes, layout, table) = match weights.values {
            WeightValues::Known { bytes, sign, layout, zero_point } => {
                let mut table = [0i16; 256];
                for (byte, slot) in (0..=255u8).zip(&mut table) {
                    *slot = value(byte, sign, zero_point);
                }
                (bytes, layout, table)
            }
            WeightValues::Uniform { value } => (&[][..], WeightLayout::Ohwi, [value.into(); 256]),
            WeightValues::Assumed { .. } => return Vec::new(),
        };
        let is_uniform = matches!(weights.values, WeightValues::Uniform { .. });
        let (o_step, h_step, w_step, i_step) = match layout {
            WeightLayout::Ohwi => {
                let row = shape.w as usize * shape.i as usize;
                (shape.h as usize * row, row, shape.i as usize, 1)
            }
            WeightLayout::Hwo => (1, shape.w as usize * shape.o as usize, shape.o as usize, 0),
        };
        let channels = to.saturating_sub(from);
        let inputs = if self.is_depthwise { 1 } else { shape.i };
        let at = |o: u32, (y, x): (u32, u32), i: u32| -> i16 {
            if o >= channels || i >= inputs {
                return 0;
            }
            if is_uniform {
                return table[0];
            }
            let position = (from + o) as usize * o_step
                + y as usize * h_step
                + x as usize * w_step
                + i as usize * i_step;
            bytes.get(position).map_or(0, |byte| table[usize::from(*byte)])
        };
        let mut out = Vec::new();
        let mut blocks: Vec<u32> = (0..inputs).step_by(self.ifm_block as usize).collect();
        for o_block in (0..channels).step_by(self.ofm_block as usize) {
            let o_depth = self.ofm_block.min(channels - o_block);
            for &i_block in &blocks {
                let i_depth =
                    if self.is_depthwise { 1 } else { self.ifm_block.min(inputs - i_block) };
                self.sub_kernels(|y, x, height, width| {
                    let elements = self.elements(height, width);
                    for i_outer in (0..i_depth).step_by(self.ifm_micro as usize) {
                        for o_outer in (0..o_depth).step_by(self.ofm_micro as usize) {
                            let micro = Micro { o: o_block + o_outer, i: i_block + i_outer };
                            self.micro_block(&elements, (y, x), micro, decoder, &at, &mut out);
                        }
                    }
                });
            }
            blocks.reverse();
        }
        out
    }

    /// The elements of a sub-kernel in order.
    fn elements(&self, height: u32, width: u32) -> Vec<(u32, u32)> {
        let (stride_h, stride_w) = self.stride;
        let mut all = Vec::with_capacity((height * width) as usize);
        for first_y in 0..stride_h.min(height) {
            let rows = (height - first_y).div_ceil(stride_h);
            for first_x in 0..stride_w.min(width) {
                let columns = (width - first_x).div_ceil(stride_w);
                for row in 0..rows {
                    for column in 0..columns {
                        let column =
                            if row.is_multiple_of(2) { column } else { columns - 1 - column };
                        all.push((first_y + row * stride_h, first_x + column * stride_w));
                    }
                }
            }
        }
        all
    }

    /// A micro-block of output channels at every element of a sub-kernel, with its fillers.
    fn micro_block(
        &self,
        elements: &[(u32, u32)],
        (y, x): (u32, u32),
        micro: Micro,
        decoder: u32,
        at: &impl Fn(u32, (u32, u32), u32) -> i16,
        out: &mut Vec<i16>,
    ) {
        let share = self.ofm_micro / self.decoders;
        let zeros = |count: u32, out: &mut Vec<i16>| {
            let length = out.len() + count as usize * share as usize;
            out.resize(length, 0);
        };
        let count = elements.len() as u32;
        let padded = count.next_multiple_of(self.group);
        for (done, &(row, column)) in elements.iter().enumerate() {
            let place = (y + row, x + column);
            for i_run in (0..self.ifm_micro).step_by(self.run as usize) {
                let first = decoder * INTERLEAVED;
                for o_run in (first..self.ofm_micro).step_by((INTERLEAVED * self.decoders) as usize)
                {
                    for o in 0..INTERLEAVED {
                        for i in 0..self.run {
                            out.push(at(micro.o + o_run + o, place, micro.i + i_run + i));
                        }
                    }
                }
            }
            let left = padded - 1 - done as u32;
            if self.is_depthwise && left.is_multiple_of(self.group) {
                zeros(self.behind_group, out);
            }
        }
        if padded > count {
            let behind = if self.is_depthwise { self.behind_group } else { 0 };
            zeros((padded - count + behind) * self.ifm_micro, out);
        }
    }
}

/// Sides of sub-kernels along one side of a window, with how many there are of each.
fn parts(size: u32, limit: u32) -> [(u64, u64); 2] {
    let (size, limit) = (u64::from(size), u64::from(limit.max(1)));
    [(limit, size / limit), (size % limit, u64::from(size % limit > 0))]
}

/// Where a micro-block begins.
#[derive(Clone, Copy)]
struct Micro {
    /// First output channel of the slice.
    o: u32,
    /// First input channel.
    i: u32,
}
