//! Bytes and cycles per memory port.
//!
//! Input counts are rounded up to blocks and refetched per block; bytes are then inflated by the
//! part of each burst that a run of contiguous elements leaves unused. Source: Vela 5.2.0,
//! `ethos_u55_performance.cpp` `MeasureElementAccess`, `ElementTransferToBytes`,
//! `EstimateMemoryTransfer`, `MeasureAccessCycles`.

use cofit_vocab::{Bytes, Cycles};

use crate::block_cycles::clipped;
use crate::block_search::BlockConfig;
use crate::config::{Block, Config, Generation};
use crate::memory::{MemoryPort, Role, stream_cycles};
use crate::operation::{Element, FeatureMap, Format, NpuOperation, Shape, Unit};
use crate::u85::channel::Channel;

/// Elements that an operation moves, before bursts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ElementAccess {
    /// Elements read of the first and the second input.
    pub ifm: [u64; 2],
    /// Elements written.
    pub ofm: u64,
    /// How often the weights are read from end to end; 0 without weights.
    pub weight_fetches: u64,
}

/// Direction of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Memory to NPU.
    Read,
    /// NPU to memory.
    Write,
}

/// Counts the elements that an operation moves when it works on `ifm` and `ofm`.
pub fn element_access(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    ifm: Shape,
    ofm: Shape,
    config: &Config,
) -> ElementAccess {
    let mut access = ElementAccess {
        ofm: ofm
            .area()
            .saturating_mul(u64::from(ofm.n))
            .saturating_mul(operation.ofm.format.stored_channels(ofm.c)),
        ..ElementAccess::default()
    };
    let unit = operation.kind.unit();
    match unit {
        Unit::Elementwise => {
            access.ifm = elementwise_reads(operation, ofm, config);
            return access;
        }
        Unit::Transpose => {
            access.ifm[0] = ifm.elements();
            return access;
        }
        Unit::Convolution | Unit::Depthwise | Unit::Pooling | Unit::ReduceSum => {}
    }
    let ofm_block = clipped(block.ofm_block, ofm);
    let blocks_h = u64::from(ofm.h.div_ceil(ofm_block.h.max(1)));
    let blocks_w = u64::from(ofm.w.div_ceil(ofm_block.w.max(1)));
    let area_blocks = blocks_h.saturating_mul(blocks_w);
    let all_blocks = match unit {
        Unit::Depthwise | Unit::Pooling => area_blocks,
        Unit::Convolution | Unit::ReduceSum | Unit::Transpose | Unit::Elementwise => {
            area_blocks.saturating_mul(u64::from(ofm.c.div_ceil(ofm_block.c.max(1))))
        }
    }
    .saturating_mul(u64::from(ofm.n.max(1)));
    let (limit_h, limit_w) = config.sub_kernel_max;
    let sub_kernels = u64::from(operation.kernel.size.0.div_ceil(limit_h.max(1)))
        .saturating_mul(u64::from(operation.kernel.size.1.div_ceil(limit_w.max(1))));
    let ifm_area =
        u64::from(ifm.h.min(block.ifm_block.h)) * u64::from(ifm.w.min(block.ifm_block.w));
    access.ifm[0] = ifm_area
        .saturating_mul(operation.ifm.format.stored_channels(ifm.c))
        .saturating_mul(sub_kernels)
        .saturating_mul(all_blocks);
    if matches!(unit, Unit::Convolution | Unit::Depthwise) {
        access.weight_fetches = area_blocks;
    }
    access
}

/// Scalars of 8 bits travel in the command stream; larger ones are read once. On Ethos-U85 one
/// scalar of any width travels there.
fn elementwise_reads(operation: &NpuOperation<'_>, ofm: Shape, config: &Config) -> [u64; 2] {
    let stored = |shape: Shape| {
        shape
            .area()
            .saturating_mul(u64::from(shape.n))
            .saturating_mul(operation.ifm.format.stored_channels(shape.c))
    };
    let wide = |map: &FeatureMap| map.element.bits() > 8;
    let ifm = &operation.ifm;
    if let Generation::Separate(_) = config.generation {
        let is_scalar = ifm.shape.elements() == 1;
        let second = operation.ifm2.filter(|map| map.shape.elements() > 1 || is_scalar);
        let first = if is_scalar { 0 } else { stored(ifm.shape) };
        return [first, second.map_or(0, |map| stored(map.shape))];
    }
    let whole = stored(ofm);
    if ifm.shape.elements() == 1 {
        return match &operation.ifm2 {
            _ if wide(ifm) => [stored(ifm.shape), 0],
            Some(_) => [0, whole],
            None => [0, 0],
        };
    }
    let second = match &operation.ifm2 {
        Some(ifm2) if ifm2.shape.elements() > 1 => whole,
        Some(ifm2) if wide(ifm2) => stored(ifm2.shape),
        Some(_) | None => 0,
    };
    [whole, second]
}

/// Bytes on the bus for `elements` of a feature map of shape `shape`, cut into `block`s.
pub fn bus_bytes(
    direction: Direction,
    map: &FeatureMap,
    element: Element,
    shape: Shape,
    block: Block,
    elements: u64,
    config: &Config,
) -> u64 {
    let memory = config.memories.of(map.role);
    let bits = u64::from(element.bits());
    let cores = u64::from(config.cores);
    let (width, depth) = (u64::from(block.w), u64::from(block.c));
    let whole_rows = width.saturating_mul(depth).saturating_mul(bits);
    // Length of a contiguous run in bits.
    let run = match (map.format, direction) {
        (Format::Nhcwb16, _) if u64::from(shape.w) * bits * 16 / 8 == depth => whole_rows,
        (Format::Nhcwb16, Direction::Read) => 16 * bits * width,
        (Format::Nhcwb16, Direction::Write) => 16 * bits * width * cores,
        (Format::Nhwc, Direction::Read) if u64::from(shape.c) * bits / 8 == depth => whole_rows,
        (Format::Nhwc, Direction::Read) => bits * depth,
        (Format::Nhwc, Direction::Write)
            if depth <= 16 && u64::from(shape.c) * bits / 8 == depth =>
        {
            whole_rows
        }
        (Format::Nhwc, Direction::Write) => (64 * 8).min(16 * bits * cores).min(depth * bits),
    };
    let burst = u64::from(memory.burst_bytes.max(1));
    let used = burst.min(run / 8).max(1);
    (elements.saturating_mul(bits) / 8).saturating_mul(burst) / used
}

/// Traffic on one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortTraffic {
    /// Bytes read on the bus: feature maps, weights, scales, tables and the source of weight DMA.
    pub read: Bytes,
    /// Bytes written on the bus: feature maps and the destination of weight DMA.
    pub written: Bytes,
    /// Cycles that the port is busy with feature maps, weights and scales.
    pub cycles: Cycles,
}

/// What is known of an operation's weights once they are encoded and placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeightTraffic {
    /// Encoded bytes of all weights.
    pub weights: u64,
    /// Bytes of biases and scales, padding included.
    pub scales: u64,
    /// Encoded bytes that a DMA fetched under the operation before, of all that it copies.
    pub pre_buffered: u64,
    /// Where the NPU reads them.
    pub location: WeightLocation,
    /// Whether they are in the format of the fast decoder.
    pub fast: bool,
}

/// Where the NPU reads weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightLocation {
    /// There are none.
    #[default]
    None,
    /// In the constants' memory.
    InPlace,
    /// In a buffer that DMA fills.
    Buffered,
}

/// Bytes and cycles on both ports for a whole operation.
pub fn port_traffic(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    weights: &WeightTraffic,
    table_bytes: u64,
    config: &Config,
) -> [PortTraffic; 2] {
    let access = element_access(operation, block, operation.ifm.shape, operation.ofm.shape, config);
    let mode = config.memories.mode;
    let mut tally = [Tally::default(); 2];
    let mut at =
        |role: Role, charge: &dyn Fn(&mut Tally)| charge(&mut tally[mode.port(role).index()]);
    let input = Channel::of_input(operation.kind.unit());

    for (map, elements) in
        [Some(&operation.ifm), operation.ifm2.as_ref()].into_iter().flatten().zip(access.ifm)
    {
        let bytes = bus_bytes(
            Direction::Read,
            map,
            map.element,
            map.shape,
            block.ifm_block,
            elements,
            config,
        );
        at(map.role, &|t| t.read(input, bytes));
    }
    for map in operation.chained.iter().filter_map(|next| next.other.as_ref()) {
        let elements = if map.shape.elements() > 1 { stored_elements(map) } else { 0 };
        let bytes = bus_bytes(
            Direction::Read,
            map,
            map.element,
            map.shape,
            block.ifm_block,
            elements,
            config,
        );
        at(map.role, &|t| t.read(Channel::Operands, bytes));
    }
    let (out, elements) = match operation.chained.last() {
        Some(last) => (&last.ofm, stored_elements(&last.ofm)),
        None => (&operation.ofm, access.ofm),
    };
    let bytes =
        bus_bytes(Direction::Write, out, out.element, out.shape, block.ofm_block, elements, config);
    at(out.role, &|t| t.write(bytes));

    let weight_reads = access.weight_fetches.saturating_mul(weights.weights);
    // Without encoded weights Vela charges no scales either.
    let scale_reads =
        if weights.weights == 0 { 0 } else { access.weight_fetches.saturating_mul(weights.scales) };
    match weights.location {
        WeightLocation::None => {}
        WeightLocation::InPlace => at(Role::Constants, &|t| {
            t.read = t.read.saturating_add(weight_reads.saturating_add(scale_reads));
            t.keep_busy(Channel::Weights, Group::Weights, weight_reads);
            t.keep_busy(Channel::Scales, Group::Scales, scale_reads);
        }),
        WeightLocation::Buffered => {
            // The DMA moves weights and scales once; only what was not fetched early counts as
            // busy, and scales count as read in place though they are read from the buffer.
            let late = weights.weights.saturating_sub(weights.pre_buffered);
            let moved = weights.weights.saturating_add(weights.scales);
            let decoded = if weights.fast { Channel::FastWeights } else { Channel::Weights };
            at(Role::Constants, &|t| {
                t.read = t.read.saturating_add(moved);
                t.keep_busy(Channel::Copies, Group::Weights, late);
                t.keep_busy(Channel::Scales, Group::Scales, scale_reads);
            });
            at(Role::Staging, &|t| {
                t.written = t.written.saturating_add(moved);
                t.keep_busy(Channel::Write, Group::Weights, late);
                t.keep_busy(decoded, Group::Weights, weight_reads);
                t.read = t.read.saturating_add(weight_reads).saturating_add(scale_reads);
            });
        }
    }
    at(Role::Constants, &|t| t.read = t.read.saturating_add(table_bytes));

    let mut ports = [PortTraffic::default(); 2];
    for ((port, tally), memory) in ports.iter_mut().zip(tally).zip(&config.memories.ports) {
        *port = PortTraffic {
            read: Bytes(tally.read),
            written: Bytes(tally.written),
            cycles: tally.busy_cycles(memory, config),
        };
    }
    ports
}

/// Elements of a whole map as it lies in memory.
fn stored_elements(map: &FeatureMap) -> u64 {
    map.shape
        .area()
        .saturating_mul(u64::from(map.shape.n))
        .saturating_mul(map.format.stored_channels(map.shape.c))
}

/// What an access moves, as far as cycles are rounded for each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    FeatureMaps,
    Weights,
    Scales,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    read: u64,
    written: u64,
    /// Bytes that count as busy, by channel and group.
    busy: [[u64; 3]; Channel::ALL.len()],
}

impl Tally {
    fn read(&mut self, channel: Channel, bytes: u64) {
        self.read = self.read.saturating_add(bytes);
        self.keep_busy(channel, Group::FeatureMaps, bytes);
    }

    fn write(&mut self, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
        self.keep_busy(Channel::Write, Group::FeatureMaps, bytes);
    }

    fn keep_busy(&mut self, channel: Channel, group: Group, bytes: u64) {
        let busy = &mut self.busy[channel.index()][group as usize];
        *busy = busy.saturating_add(bytes);
    }

    /// Cycles that the port is busy; on Ethos-U85 those of its busiest channel, if that is more.
    fn busy_cycles(&self, memory: &MemoryPort, config: &Config) -> Cycles {
        let all = self.busy.iter().flatten().fold(0u64, |sum, &bytes| sum.saturating_add(bytes));
        let port = stream_cycles(all, memory);
        let Generation::Separate(buffers) = &config.generation else { return port };
        let channels = Channel::ALL.into_iter().map(|channel| {
            let groups = &self.busy[channel.index()];
            let moving = groups.iter().filter(|bytes| **bytes > 0);
            moving.map(|&bytes| channel.stream_cycles(bytes, memory, &buffers.reads)).sum()
        });
        channels.fold(port, Cycles::max)
    }
}

/// Cycles until the first input block has arrived.
pub fn first_ifm_cycles(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    ifm: Shape,
    config: &Config,
) -> Cycles {
    let first = FeatureMap { shape: ifm, ..operation.ifm };
    [Some(first), operation.ifm2]
        .into_iter()
        .flatten()
        .map(|map| {
            let memory = config.memories.of(map.role);
            let elements = within(map.shape, block.ifm_block);
            // All inputs count at the width of the first.
            let bytes = bus_bytes(
                Direction::Read,
                &map,
                operation.ifm.element,
                map.shape,
                block.ifm_block,
                elements,
                config,
            );
            memory.read_latency + stream_cycles(bytes, memory)
        })
        .max()
        .unwrap_or_default()
}

/// Cycles until the last output block has left.
pub fn last_ofm_cycles(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    ofm: Shape,
    config: &Config,
) -> Cycles {
    let memory: &MemoryPort = config.memories.of(operation.ofm.role);
    let bytes = bus_bytes(
        Direction::Write,
        &operation.ofm,
        operation.ofm.element,
        ofm,
        block.ofm_block,
        within(ofm, block.ofm_block),
        config,
    );
    memory.write_latency + stream_cycles(bytes, memory)
}

fn within(shape: Shape, block: Block) -> u64 {
    u64::from(shape.n.min(1)).saturating_mul(clipped(block, shape).elements())
}
