//! From a list of operations to blocks, buffers, cycles and bytes.
//!
//! Operations run one after another. Each takes the longest of its NPU cycles, with the weight DMA
//! that stays visible, and its access cycles on either port; the network takes the sum.
//! Source: Vela 5.2.0, `compiler/network_performance.cpp` `EstimateFullOpPerformance`.

use cofit_vocab::{Bytes, Cycles, Diagnostic, Macs};

use crate::block_search::{BlockConfig, find_block};
use crate::buffering::{Buffering, Neighbourhood, Slack, WeightPlan, plan_weights};
use crate::cascade::Cascade;
use crate::config::Config;
use crate::memory::{MemoryMode, Role, stream_cycles};
use crate::memory_cycles::{PortTraffic, WeightLocation, WeightTraffic, port_traffic};
use crate::operation::{Activation, NpuOperation};
use crate::operation_cycles::{OperationCycles, Part, operation_cycles};
use crate::weight_stream::{Encoder, WeightEncoding};

/// SRAM that weight buffers may take where the caller sets no limit: what Vela assumes.
pub const UNLIMITED: Bytes = Bytes(1 << 30);

/// Choices of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How to size encoded weights.
    pub encoding: WeightEncoding,
    /// SRAM that is free beside the feature maps while each operation runs. Operations beyond
    /// the end have no limit, as in Vela without an arena size.
    pub free_sram: Vec<Bytes>,
    /// Positions of operations that run after an operator of the CPU, in ascending order: nothing
    /// hides their first transfer. The first operation counts as such anyway.
    pub after_cpu: Vec<usize>,
    /// Positions of operations whose input stays where it is, in ascending order. Others may be
    /// read from SRAM where maps lie in external memory and the SRAM is a cache.
    pub fixed_inputs: Vec<usize>,
}

/// One operation, placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledOperation {
    /// How the operation is cut into blocks.
    pub block: BlockConfig,
    /// Depth slices, encoded sizes and buffers of the weights.
    pub weights: WeightPlan,
    /// Cycles of the NPU, weights being at hand, and where they come from.
    pub compute: OperationCycles,
    /// Cycles of the NPU including the transfers of weights and tables that nothing hides.
    pub npu: Cycles,
    /// Bytes and busy cycles on AXI0 and AXI1.
    pub ports: [PortTraffic; 2],
    /// Cycles of the operation: the longest of `npu` and the ports.
    pub total: Cycles,
    /// Multiply-accumulates.
    pub macs: Macs,
}

impl ScheduledOperation {
    /// Cycles in which the NPU waits for weights or tables.
    pub fn visible_transfer(&self) -> Cycles {
        self.npu - self.compute.total
    }

    /// Bytes that weight DMA copies from the constants' memory to SRAM.
    pub fn dma_bytes(&self) -> Bytes {
        match self.weights.buffering {
            Buffering::None => Bytes::ZERO,
            Buffering::Single | Buffering::Double => Bytes(self.weights.encoded.stored()),
        }
    }

    /// SRAM for weight buffers.
    pub fn staging_bytes(&self) -> Bytes {
        self.weights.buffers[0] + self.weights.buffers[1]
    }
}

/// A list of operations, placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The operations in order.
    pub operations: Vec<ScheduledOperation>,
    /// The sum of their cycles.
    pub total: Cycles,
    /// Encoded bytes of all weights, without scales.
    pub encoded_weights: Bytes,
    /// Bytes of all weights before encoding.
    pub original_weights: Bytes,
    /// Runs of stages that are executed stripe by stripe; empty for [`schedule()`].
    pub cascades: Vec<Cascade>,
}

impl Schedule {
    /// Appends an operation and counts it.
    pub(crate) fn push(&mut self, operation: &NpuOperation<'_>, done: ScheduledOperation) {
        self.total += done.total;
        if let Some(weights) = &operation.weights {
            self.original_weights += Bytes(weights.shape.elements());
            self.encoded_weights += Bytes(done.weights.encoded.weights());
        }
        self.operations.push(done);
    }
}

/// The way to size weights that a caller's choice means for a network.
pub(crate) fn encoding_of(
    operations: &[NpuOperation<'_>],
    encoding: WeightEncoding,
) -> WeightEncoding {
    let weights = operations.iter().filter_map(|operation| operation.weights.as_ref());
    encoding.for_network(
        weights.fold(0, |sum: u64, weights| sum.saturating_add(weights.shape.elements())),
    )
}

/// Places operations that run one after another.
///
/// # Errors
///
/// What [`find_block`] and [`Encoder::new`] refuse, with the operation's position in the message.
pub fn schedule(
    operations: &[NpuOperation<'_>],
    config: &Config,
    options: &Options,
) -> Result<Schedule, Box<Diagnostic>> {
    let encoding = encoding_of(operations, options.encoding);
    let mut placed = Schedule::default();
    let mut before: Option<Slack> = None;
    let mut blocks = BlockMemory::default();
    for (index, operation) in operations.iter().enumerate() {
        let numbered = |mut fault: Box<Diagnostic>| {
            fault.message = format!("NPU operation {index}: {}", fault.message);
            fault
        };
        let block = blocks.find(operation, config).map_err(numbered)?;
        let encoder = Encoder::new(operation, &block, encoding, config).map_err(numbered)?;
        let free = options.free_sram.get(index).copied().unwrap_or(UNLIMITED).min(UNLIMITED);
        if options.after_cpu.binary_search(&index).is_ok() {
            before = None;
        }
        let ifm_moves = config.memories.mode == MemoryMode::DedicatedSram
            && options.fixed_inputs.binary_search(&index).is_err();
        let around = Neighbourhood { before, free, ifm_moves };
        let weights = plan_weights(operation, &block, encoder.as_ref(), &around, config);
        let slack = before.map_or(Cycles::ZERO, |slack| slack.cycles);
        before = Some(weights.slack);
        let done = measure(operation, block, weights, slack, config);
        placed.push(operation, done);
    }
    Ok(placed)
}

/// Cycles and bytes of an operation whose block and weight plan are given. `slack` is what the
/// operation before leaves for transfers.
pub fn measure(
    operation: &NpuOperation<'_>,
    block: BlockConfig,
    weights: WeightPlan,
    slack: Cycles,
    config: &Config,
) -> ScheduledOperation {
    Timing::of(operation, &block, &weights, config).placed(operation, block, weights, slack)
}

/// What the cycles of an operation consist of, before it is known what stands ahead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Cycles of the NPU, weights being at hand.
    pub compute: OperationCycles,
    /// Bytes and busy cycles on AXI0 and AXI1.
    pub ports: [PortTraffic; 2],
    /// Cycles to fetch a table of its own.
    table: Cycles,
    /// Transfers of buffered weights; none where weights are read in place.
    transfer: Option<Transfer>,
}

/// Weight DMA of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Transfer {
    /// Cycles of the first slice.
    first: Cycles,
    /// Cycles of all weights in one piece and of the last slice's work behind them.
    whole: Cycles,
}

impl Timing {
    /// Takes an operation with a block and a weight plan apart.
    pub fn of(
        operation: &NpuOperation<'_>,
        block: &BlockConfig,
        weights: &WeightPlan,
        config: &Config,
    ) -> Self {
        let memories = &config.memories;
        let buffered = weights.buffering != Buffering::None;
        let scales_from = if buffered { Role::Staging } else { Role::Constants };
        let compute =
            operation_cycles(operation, block, &Part::whole(operation, scales_from), config);

        let table_bytes = match operation.activation {
            Activation::OwnTable { bytes } => u64::from(bytes),
            Activation::None | Activation::Clamp | Activation::Curve | Activation::FusedTable => 0,
        };
        let mut table = Cycles::ZERO;
        if table_bytes > 0 {
            let source = memories.of(Role::Constants);
            // The table memory takes one byte per cycle (Vela 5.2.0, `ApplyConfig`).
            table =
                (stream_cycles(table_bytes, source) + source.read_latency).max(Cycles(table_bytes));
        }

        let first = weights.encoded.slices.first().copied().unwrap_or_default();
        let transfer = buffered.then(|| Transfer {
            first: config.copy_cycles(
                first.weights.saturating_add(first.scales),
                Role::Staging,
                Role::Constants,
            ),
            whole: weights.full_transfer + weights.slack.cycles,
        });
        let traffic = WeightTraffic {
            weights: weights.encoded.weights(),
            scales: weights.encoded.scales(),
            pre_buffered: if weights.pre_buffered { first.stored() } else { 0 },
            location: match (operation.weights.is_some(), buffered) {
                (false, _) => WeightLocation::None,
                (true, false) => WeightLocation::InPlace,
                (true, true) => WeightLocation::Buffered,
            },
            fast: weights.encoded.is_fast,
        };
        let ports = port_traffic(operation, block, &traffic, table_bytes, config);
        Self { compute, ports, table, transfer }
    }

    /// The operation, placed behind one that leaves `slack`.
    pub(crate) fn placed(
        &self,
        operation: &NpuOperation<'_>,
        block: BlockConfig,
        weights: WeightPlan,
        slack: Cycles,
    ) -> ScheduledOperation {
        ScheduledOperation {
            block,
            weights,
            compute: self.compute,
            npu: self.npu(slack),
            ports: self.ports,
            total: self.total(slack),
            macs: operation.macs(),
        }
    }

    /// Cycles of the NPU with what nothing hides, behind an operation that leaves `slack`.
    pub fn npu(&self, slack: Cycles) -> Cycles {
        match self.transfer {
            Some(Transfer { first, whole }) => {
                (self.compute.total + (first - slack)).max(whole - slack) + self.table
            }
            None => self.compute.total + (self.table - slack),
        }
    }

    /// Cycles of the operation: the NPU's or those of the busier port.
    pub fn total(&self, slack: Cycles) -> Cycles {
        self.ports.iter().map(|port| port.cycles).fold(self.npu(slack), Cycles::max)
    }
}

/// Blocks already found: repeated layers share them.
#[derive(Default)]
struct BlockMemory<'o, 'a> {
    found: Vec<(&'o NpuOperation<'a>, BlockConfig)>,
}

impl<'o, 'a> BlockMemory<'o, 'a> {
    /// How far back repeats are looked for, which bounds the time on long networks.
    const REACH: usize = 64;

    fn find(
        &mut self,
        operation: &'o NpuOperation<'a>,
        config: &Config,
    ) -> Result<BlockConfig, Box<Diagnostic>> {
        let same = |other: &NpuOperation<'_>| {
            other.kind == operation.kind
                && other.kernel == operation.kernel
                && other.ifm == operation.ifm
                && other.ifm2 == operation.ifm2
                && other.ofm == operation.ofm
                && other.activation == operation.activation
                && other.accumulation == operation.accumulation
                && other.weights.is_some() == operation.weights.is_some()
                && other.chained == operation.chained
                && other.before_transpose == operation.before_transpose
        };
        if let Some((_, block)) =
            self.found.iter().rev().take(Self::REACH).find(|(other, _)| same(other))
        {
            return Ok(*block);
        }
        let block = find_block(operation, config)?;
        self.found.push((operation, block));
        Ok(block)
    }
}
