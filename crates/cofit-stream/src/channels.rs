//! Groups that run by channels.
//!
//! A convolution makes some of its output channels from its whole operand, stages that keep channels
//! apart work on these, and a pointwise convolution adds what they contribute to 32-bit sums, one for
//! each of its results. After the last channels the sums become the result. Every weight is read once,
//! nothing is computed twice, and the maps between hold a few channels only.
//!
//! The order of additions is another one than in a convolution that runs at once, so that only 8-bit
//! integers, whose sums wrap around in 32 bits, are offered.
//!
//! # Bytes
//! Channels `a..b` of an internal map of `area` pixels are a *slice*: bytes `a * area..b * area` of the
//! sequence that its storage holds, pixel by pixel over these channels.

use std::ops::Range;

use cofit_ir::{Graph, Op, OperatorId, Tensor};
use cofit_vocab::ElementType;
use cranelift_entity::EntityRef;

use crate::network::{Grid, Manner, Network, Reach, Read, Stage, StageId};
use crate::schedule::Uses;
use crate::walk::{Walk, walk_of};

/// What a stage can do with some of its channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelRole {
    /// Nothing.
    #[default]
    None,
    /// It makes each channel of its result from the same channel of its operand.
    Apart,
    /// It makes each channel of its result from all channels of its operand.
    Dense {
        /// Bytes of 32-bit sums, one for each result, to which channels of the operand may be added
        /// one after the other; `None` where its window holds more than the pixel itself.
        sums: Option<u64>,
    },
}

/// Numbers of channels that slices are tried with.
pub(crate) const SLICES: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];

/// What a group that may run by channels has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByChannels {
    /// Channels of its internal maps.
    pub channels: u32,
    /// Bytes of the sums of its last stage.
    pub sums: u64,
}

impl ByChannels {
    /// Whether and how stages `first..=last` may run by channels.
    pub fn of(network: &Network, uses: &Uses, first: StageId, last: StageId) -> Option<Self> {
        if last <= first || !network.stages.is_valid(last) {
            return None;
        }
        let stage = |at: usize| &network.stages[StageId::new(at)];
        let ChannelRole::Dense { .. } = stage(first.index()).channels else { return None };
        let ChannelRole::Dense { sums: Some(sums) } = stage(last.index()).channels else {
            return None;
        };
        let inner = *stage(first.index()).writes.first()?;
        let bytes = network.values[inner].pixel_bytes;
        for at in first.index()..last.index() {
            let (here, next) = (stage(at), stage(at + 1));
            let &value = here.writes.first()?;
            let is_chain = next.reads.first()?.value == value
                && uses.readers[value][..] == [StageId::new(at + 1)]
                && uses.is_internal(network, value, first, last)
                && network.values[value].pixel_bytes == bytes;
            let is_inner = at == first.index() || here.channels == ChannelRole::Apart;
            if !is_chain || !is_inner {
                return None;
            }
        }
        Some(Self { channels: u32::try_from(bytes).ok().filter(|&it| it > 0)?, sums })
    }

    /// Slices of `count` channels, fewer in the last.
    pub fn slices(self, count: u32) -> u64 {
        u64::from(self.channels.div_ceil(count.max(1)))
    }
}

/// The bytes of a slice of a map of `grid` in the sequence that its storage holds.
pub fn slice_bytes(grid: Grid, channels: &Range<u32>) -> Range<u64> {
    let at = |channel: u32| grid.area().saturating_mul(channel.into());
    at(channels.start)..at(channels.end)
}

/// What an operator that walks as `stage` does can do with some of its channels.
pub(crate) fn role_of(graph: &Graph, id: OperatorId, stage: &Stage) -> ChannelRole {
    let operator = &graph.operators[id];
    let operand = |index: usize| operator.input(index).map(|id| &graph.tensors[id]);
    let result = operator.outputs.first().map(|&id| &graph.tensors[id]);
    let (Some(map), Some(result)) = (operand(0), result) else { return ChannelRole::None };
    let is_streamed = matches!(stage.manner, Manner::Streamed { .. });
    let reads_one = matches!(stage.reads[..], [Read { operand: 0, .. }]);
    let is_byte = matches!(map.element, ElementType::Int8 | ElementType::UInt8);
    let are_maps = map.shape.rank() == 4 && result.shape.rank() == 4;
    if !is_streamed || !reads_one || !is_byte || map.element != result.element || !are_maps {
        return ChannelRole::None;
    }
    match walk_of(&operator.op) {
        Walk::Window(Some(_), _) | Walk::Border => ChannelRole::Apart,
        Walk::Elementwise if operator.inputs.len() == 1 => ChannelRole::Apart,
        Walk::Window(None, _) => {
            let is_dense = matches!(operator.op, Op::Conv2d(_));
            let Some(weights) = operand(1) else { return ChannelRole::None };
            let axis = if is_dense { 0 } else { 3 };
            if !are_sliceable(map, weights, operand(2), axis) {
                return ChannelRole::None;
            }
            let (from, to) = (map.shape.last(), result.shape.last());
            match (is_dense, weights.shape.dimensions()) {
                (true, &[channels, height, width, depth]) if channels == to && depth == from => {
                    let is_pointwise = (height, width) == (1, 1)
                        && stage.reads.iter().all(|read| read.reach == Reach::PIXEL);
                    let sums = stage.grid.area().checked_mul(u64::from(to) * 4);
                    ChannelRole::Dense { sums: sums.filter(|_| is_pointwise) }
                }
                (false, &[1, _, _, channels]) if channels == to && to == from => ChannelRole::Apart,
                (_, _) => ChannelRole::None,
            }
        }
        Walk::Elementwise | Walk::Join(_) | Walk::Average | Walk::Whole => ChannelRole::None,
    }
}

/// Whether weights and bias can be cut along the weights' `axis` with nothing else being changed.
fn are_sliceable(map: &Tensor, weights: &Tensor, bias: Option<&Tensor>, axis: u32) -> bool {
    // With 8 bits unsigned the scale of all weights is rounded in another way than scales by channel.
    let is_along = weights.quantisation.as_ref().is_none_or(|it| {
        !it.is_per_axis() || (it.axis == axis && map.element == ElementType::Int8)
    });
    let are_bytes = matches!(weights.element, ElementType::Int8 | ElementType::UInt8);
    let is_bias = bias.is_none_or(|it| it.is_constant() && it.element == ElementType::Int32);
    weights.is_constant() && are_bytes && is_along && is_bias
}
