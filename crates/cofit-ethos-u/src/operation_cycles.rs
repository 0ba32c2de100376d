//! NPU cycles of an operation, given its block.
//!
//! The MAC array and the output unit work on different blocks at once; the slower one decides,
//! but no faster than commands can be issued. Source: Vela 5.2.0, `ethos_u55_performance.cpp`
//! `EstimateMacOpCycles`, `EstimateElementwiseCycles`.

use cofit_vocab::Cycles;

use crate::block_cycles::{clipped, mac_cycles_per_block, micro_block, micro_blocks};
use crate::block_search::BlockConfig;
use crate::config::{Config, Generation};
use crate::memory::{Role, stream_cycles};
use crate::memory_cycles::{
    Direction, bus_bytes, element_access, first_ifm_cycles, last_ofm_cycles,
};
use crate::operation::{Format, NpuOperation, Shape, Unit};
use crate::output_stage::{SCALE_BYTES_PER_CHANNEL, cycles_per_element};

/// Bytes that the scale decoder takes at once.
const SCALE_READ_BYTES: f64 = 256.0;

/// Where a depth slice stands among its siblings: only the ends pay for filling and draining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The whole operation.
    Only,
    /// The first of several slices.
    First,
    /// Between two others.
    Middle,
    /// The last of several slices.
    Last,
}

impl Position {
    const fn fills(self) -> bool {
        matches!(self, Self::Only | Self::First)
    }

    const fn drains(self) -> bool {
        matches!(self, Self::Only | Self::Last)
    }
}

/// The part of an operation to estimate.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Input of the part.
    pub ifm: Shape,
    /// Output of the part.
    pub ofm: Shape,
    /// Memory that biases and scales are read from.
    pub scales_from: Role,
    /// Where the part stands.
    pub position: Position,
}

impl Part {
    /// The whole operation, with scales read from `scales_from`.
    pub const fn whole(operation: &NpuOperation<'_>, scales_from: Role) -> Self {
        Self {
            ifm: operation.ifm.shape,
            ofm: operation.ofm.shape,
            scales_from,
            position: Position::Only,
        }
    }
}

/// Cycles of an operation and where they come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationCycles {
    /// Cycles from the first command to the last result, weights being at hand.
    pub total: Cycles,
    /// What the MAC array alone would need. Zero for elementwise operations.
    pub mac: Cycles,
    /// What the output unit alone would need.
    pub output: Cycles,
    /// The floor that issuing commands sets: per block for MAC operations, for the whole of an
    /// elementwise operation.
    pub command: Cycles,
}

/// Estimates the cycles of a part of an operation.
pub fn operation_cycles(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    part: &Part,
    config: &Config,
) -> OperationCycles {
    match operation.kind.unit() {
        Unit::Elementwise => elementwise_cycles(operation, block, part, config),
        Unit::Transpose => match config.generation {
            Generation::Shared => transpose_cycles(operation, block, part, config),
            Generation::Separate(_) => mac_operation_cycles(operation, block, part, config),
        },
        Unit::Convolution | Unit::Depthwise | Unit::Pooling | Unit::ReduceSum => {
            mac_operation_cycles(operation, block, part, config)
        }
    }
}

fn mac_operation_cycles(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    part: &Part,
    config: &Config,
) -> OperationCycles {
    let ofm_block = clipped(block.ofm_block, part.ofm);
    let micro = micro_block(operation, block, part.ofm, config);
    let in_block = micro_blocks(ofm_block, micro).elements().max(1);
    let whole = crate::config::Block::new(part.ofm.h, part.ofm.w, part.ofm.c);
    let in_all = micro_blocks(whole, micro).elements().saturating_mul(u64::from(part.ofm.n.max(1)));
    let blocks = in_all as f64 / in_block as f64;

    let compute =
        (cycles_per_element(operation, block, config) * ofm_block.elements() as f64).ceil();
    let has_scales = matches!(operation.kind.unit(), Unit::Convolution | Unit::Depthwise)
        && operation.weights.is_some();
    let scales = if has_scales {
        let latency = config.memories.of(part.scales_from).read_latency.as_f64();
        SCALE_BYTES_PER_CHANNEL as f64 * f64::from(ofm_block.c) * latency / SCALE_READ_BYTES
    } else {
        0.0
    };
    let output = compute.max(scales);
    let mac = mac_cycles_per_block(operation, block, part.ifm, part.ofm, config) as f64;

    let fill = first_ifm_cycles(operation, block, part.ifm, config);
    let drain = last_ofm_cycles(operation, block, part.ofm, config);
    let memory = if blocks > 1.0 { fill.get().abs_diff(drain.get()) as f64 } else { 0.0 };
    let command = (memory + mac + output) / 4.0;

    let (mac_floored, output_floored) = (mac.max(command), output.max(command));
    let mut total = if mac_floored > output_floored {
        // Truncated before the output of the last block is added, as integers are in Vela.
        let steady = truncate(mac_floored * blocks) as f64;
        truncate(steady + if part.position.drains() { output_floored } else { 0.0 })
    } else {
        truncate(output_floored * blocks + mac_floored)
    };
    if part.position.drains() {
        total = total.saturating_add(drain.get());
    }
    if part.position.fills() {
        total = total.saturating_add(fill.get());
    }
    OperationCycles {
        total: Cycles(total),
        mac: Cycles(truncate(mac * blocks + output)),
        output: Cycles(truncate(compute * blocks + mac)),
        command: Cycles(truncate(command)),
    }
}

/// Moves take as long as their bytes take on the slower side.
fn transpose_cycles(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    part: &Part,
    config: &Config,
) -> OperationCycles {
    let access = element_access(operation, block, part.ifm, part.ofm, config);
    let (ifm, ofm) = (&operation.ifm, &operation.ofm);
    let read = bus_bytes(
        Direction::Read,
        ifm,
        ifm.element,
        part.ifm,
        block.ifm_block,
        access.ifm[0],
        config,
    );
    let written = bus_bytes(
        Direction::Write,
        ofm,
        ofm.element,
        part.ofm,
        block.ofm_block,
        access.ofm,
        config,
    );
    let (from, to) = (config.memories.of(ifm.role), config.memories.of(ofm.role));
    let total = (stream_cycles(read, from) + from.read_latency)
        .max(stream_cycles(written, to) + to.write_latency);
    OperationCycles { total, ..OperationCycles::default() }
}

fn elementwise_cycles(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    part: &Part,
    config: &Config,
) -> OperationCycles {
    let channels = match operation.ofm.format {
        Format::Nhwc => u64::from(part.ofm.c),
        Format::Nhcwb16 => Format::Nhcwb16.stored_channels(part.ofm.c),
    };
    let elements =
        part.ofm.area().saturating_mul(u64::from(part.ofm.n)).saturating_mul(channels) as f64;
    let rate = cycles_per_element(operation, block, config);
    let output = (rate * elements).ceil();
    let fill = first_ifm_cycles(operation, block, part.ifm, config);
    let drain = last_ofm_cycles(operation, block, part.ofm, config);
    let per_element =
        (fill.max(drain).as_f64() / block.ofm_block.elements().max(1) as f64 + rate) / 4.0;
    let command = (per_element * elements).ceil();
    OperationCycles {
        total: Cycles(truncate(command.max(output))),
        mac: Cycles::ZERO,
        output: Cycles(truncate(output)),
        command: Cycles(truncate(command)),
    }
}

/// Float to integer, towards zero, saturating.
fn truncate(cycles: f64) -> u64 {
    cycles as u64
}
