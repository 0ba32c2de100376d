//! The plan: a model lowered for a chip, complete enough that a verifier can check it.
//!
//! A [`Plan`] owns its graph, since rewriting passes changed it, and refers to the chip by the
//! positions of its engines and memories. Its steps stand in execution order; a step covers one or
//! more operators of the graph and every operator is covered by exactly one step. Every
//! activation, staging area and scratch area is a [`Buffer`] with a memory, an address and a
//! lifetime in steps; constants are [`ConstantPlacement`]s.
//!
//! A model that does not fit still gets a plan: what the chip refuses stands in
//! [`Plan::refusals`], and buffers that found no room have no address. So a verdict can say how
//! far off the model is and what is alive at the peak.

use cofit_ir::tensor::short_name;
use cofit_ir::{Graph, OperatorId, TensorId};
use cofit_vocab::{Bytes, Diagnostic};
use cranelift_entity::{EntitySet, PrimaryMap, entity_impl};
use smallvec::SmallVec;

use crate::joint_order::Shown;
pub use crate::transfer::{DistributionProof, Transfer, TransferId, TransferRole};

/// A step of a plan: what one engine does in one go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(u32);
entity_impl!(StepId, "s");

/// A buffer of a plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(u32);
entity_impl!(BufferId, "b");

/// A memory of the chip: its position in the card's list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryId(u32);
entity_impl!(MemoryId, "memory");

/// An engine of the chip: its position in the card's list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineId(u32);
entity_impl!(EngineId, "engine");

/// A model lowered for a chip.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The main graph after the rewriting passes.
    pub graph: Graph,
    /// Steps in execution order.
    pub steps: PrimaryMap<StepId, Step>,
    /// Activations, staging and scratch areas.
    pub buffers: PrimaryMap<BufferId, Buffer>,
    /// Where the constants of the steps live.
    pub constants: Vec<ConstantPlacement>,
    /// Copies between memories while the network runs, in the order in which they begin.
    pub transfers: PrimaryMap<TransferId, Transfer>,
    /// How good the distribution of buffers over memories is, where there was a choice.
    pub distribution: DistributionProof,
    /// One entry for every memory of the chip, in the card's order.
    pub memories: PrimaryMap<MemoryId, MemoryUse>,
    /// How good the order of the steps is.
    pub order: OrderProof,
    /// How low any layout of the steps' activations can be, over the orders that the runtime
    /// leaves free.
    pub joint: JointProof,
    /// Activations that lie densely packed although an engine that touches them has a layout.
    pub dense: EntitySet<TensorId>,
    /// Activations that lie in the SRAM of an Ethos-U that keeps the others in external memory;
    /// none where there is no such NPU.
    pub staged: Option<EntitySet<TensorId>>,
    /// What an Ethos-U's compiler decided, where the chip has one.
    pub ethos_u: Option<cofit_ethos_u::Schedule>,
    /// What the chip refuses, and why.
    pub refusals: Vec<Refusal>,
    /// What a user should know that refuses nothing: fallbacks, spills, assumptions.
    pub notes: Vec<Diagnostic>,
}

/// What one engine does in one go.
#[derive(Clone, Debug)]
pub struct Step {
    /// The operators that the step covers, in the graph's order.
    pub operators: SmallVec<[OperatorId; 2]>,
    /// The one of them that gives the step its name and its engine.
    pub main: OperatorId,
    /// The engine that runs it.
    pub engine: EngineId,
    /// Why it runs there.
    pub placement: Placement,
    /// Activations that it reads.
    pub inputs: SmallVec<[TensorId; 2]>,
    /// Activations that it writes and others read.
    pub outputs: SmallVec<[TensorId; 1]>,
    /// Constants that it reads.
    pub constants: SmallVec<[TensorId; 2]>,
    /// Widths of weights and activations, and how the engine copes with them.
    pub precision: Precision,
    /// What the engine's compiler decided about the step.
    pub schedule: StepSchedule,
}

/// Why a step runs on its engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The engine has the operator.
    Native,
    /// The first choice refused it, for the reason given; its host runs it.
    Fallback(Diagnostic),
    /// Nothing runs: the result is the operand under another shape.
    View,
    /// No engine runs it; the refusal stands in the plan. It is costed where it would have run.
    Refused,
}

/// Widths of a step's operands, and what they cost on its engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Bits of one weight; `None` for steps without weights.
    pub weight_bits: Option<u32>,
    /// Bits of one activation.
    pub activation_bits: u32,
    /// Whether both are floats.
    pub is_float: bool,
    /// Bits that one weight occupies in the chip's memory.
    pub stored_weight_bits: u32,
    /// Factor on compute cycles against the engine's native rate.
    pub cycle_factor: f64,
    /// Factor on bytes moved for weights.
    pub weight_traffic_factor: f64,
    /// Whether the widths are computed in another width than their own.
    pub is_emulated: bool,
}

impl Precision {
    /// Native integer activations of `bits` bits and no weights.
    pub const fn of_activations(bits: u32) -> Self {
        Self {
            weight_bits: None,
            activation_bits: bits,
            is_float: false,
            stored_weight_bits: 0,
            cycle_factor: 1.0,
            weight_traffic_factor: 1.0,
            is_emulated: false,
        }
    }
}

/// What an engine's compiler decides about one step.
#[derive(Clone, Debug)]
pub enum StepSchedule {
    /// The whole layer in one go.
    Whole,
    /// The layer starts before its input is complete, and takes it row by row.
    Streaming,
    /// Operations of an Ethos-U: positions in [`Plan::ethos_u`].
    EthosU {
        /// First operation.
        first: u32,
        /// Number of operations; one layer may become many.
        count: u32,
        /// The input whose bytes the result takes over, element by element.
        overwrites: Option<TensorId>,
    },
}

/// What a buffer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BufferRole {
    /// Activations. Several tensors share a buffer where one is a view of the other.
    Activation(SmallVec<[TensorId; 1]>),
    /// The rows of an activation that are on their way from one streaming layer to the next.
    Stream(TensorId),
    /// An activation that waits in a slower memory between two uses.
    Spilled(SmallVec<[TensorId; 1]>),
    /// Weights on their way from slow memory to an engine.
    WeightStaging,
    /// A copy of a step's weights that is made before the first inference and stays.
    ResidentWeights(StepId),
    /// Working space of a kernel.
    Scratch,
}

/// Bytes of one memory, for some steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// What it holds.
    pub role: BufferRole,
    /// The memory, or `None` where no memory has room.
    pub memory: Option<MemoryId>,
    /// Offset from the memory's start, after its reserve; `None` where it found no room.
    pub address: Option<Bytes>,
    /// Size in the layout of the engines that touch it.
    pub bytes: Bytes,
    /// The address is a multiple of it.
    pub alignment: u64,
    /// The first step during which the bytes are live.
    pub first_step: StepId,
    /// The last step during which the bytes are live.
    pub last_step: StepId,
    /// Whether the bytes are needed only in the second half of the first step: weights that move
    /// under the end of the step before their own.
    pub begins_late: bool,
    /// Whether the bytes are needed only in the first half of the last step: weights of slices
    /// that another slice follows.
    pub ends_early: bool,
}

impl Buffer {
    /// The first and the last half of a step during which the bytes are live; step `s` has the
    /// halves `2s` and `2s + 1`.
    pub fn halves(&self) -> (u64, u64) {
        let begin = 2 * u64::from(self.first_step.as_u32()) + u64::from(self.begins_late);
        let end = 2 * u64::from(self.last_step.as_u32()) + u64::from(!self.ends_early);
        (begin, end)
    }
}

/// What constants are to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstantRole {
    /// Weights, and constant operands of other operators.
    Weights,
    /// Biases.
    Bias,
}

/// Where a step's constants live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstantPlacement {
    /// The step that reads them.
    pub step: StepId,
    /// Weights or biases.
    pub role: ConstantRole,
    /// The memory, or `None` where no memory may hold them.
    pub memory: Option<MemoryId>,
    /// Stored size of the weights and biases in the chip's own format.
    pub bytes: Bytes,
    /// Size as the model file has them.
    pub original_bytes: Bytes,
}

/// How much of a memory a plan takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Room for the model: size less reserves; `None` for a memory of unknown size.
    pub available: Option<Bytes>,
    /// Taken by the RTOS, input and output drivers and stacks, and not available.
    pub reserved: Bytes,
    /// Height of the packed activations.
    pub activations: Bytes,
    /// Height that staging and scratch areas add to the packed activations.
    pub scratch: Bytes,
    /// Persistent state of the runtime.
    pub runtime: Bytes,
    /// Constants.
    pub constants: Bytes,
    /// Code of the runtime.
    pub code: Bytes,
    /// No packing of the buffers can be lower: bytes live at the busiest step.
    pub lower_bound: Bytes,
    /// Whether the packing was proved to be the lowest.
    pub is_optimal: bool,
    /// The step at which most bytes are live.
    pub peak_step: Option<StepId>,
}

impl MemoryUse {
    /// Everything that the model takes of the memory.
    pub fn need(&self) -> Bytes {
        self.activations + self.scratch + self.runtime + self.constants + self.code
    }

    /// Whether the need fits what is available; unknown sizes hold everything.
    pub fn fits(&self) -> bool {
        self.available.is_none_or(|available| self.need() <= available)
    }
}

/// How good the order of the steps is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderProof {
    /// Load of the busiest step in this order: live bytes as any layout of them takes, rounded up
    /// to the alignment of addresses save for the buffer at the top; views shared.
    pub peak: Bytes,
    /// No order can be lower.
    pub lower_bound: Bytes,
    /// Whether the order is proved to be the best.
    pub is_optimal: bool,
    /// Sets of executed steps that the search took up; 0 where the hungriest step alone proves the
    /// order.
    pub states: u64,
}

/// How low activations can lie, whatever the order and the layout, in one memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JointProof {
    /// No layout of any order that the runtime may run is lower.
    pub lower_bound: Bytes,
    /// The lowest layout that was found of the order of the plan.
    pub height: Bytes,
    /// How the bound was shown.
    pub shown: Shown,
    /// Orders that were packed.
    pub orders: u64,
    /// Whether the runtime keeps the model's own order, so that the bound is about it alone.
    pub is_order_given: bool,
}

/// Which kind of constraint a refusal breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constraint {
    /// Bytes of a memory.
    Memory,
    /// Widths of weights or activations.
    Precision,
    /// Operators and their limits.
    Operators,
    /// The chip's limits on whole networks, such as the number of layers.
    Network,
}

/// Something that the chip does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it breaks.
    pub constraint: Constraint,
    /// The step, where it is about one.
    pub step: Option<StepId>,
    /// The message.
    pub diagnostic: Diagnostic,
}

impl Plan {
    /// A plan without steps: where compilation starts.
    pub fn new(graph: Graph) -> Self {
        Self {
            graph,
            steps: PrimaryMap::new(),
            buffers: PrimaryMap::new(),
            constants: Vec::new(),
            transfers: PrimaryMap::new(),
            distribution: DistributionProof::default(),
            memories: PrimaryMap::new(),
            order: OrderProof::default(),
            joint: JointProof::default(),
            dense: EntitySet::new(),
            staged: None,
            ethos_u: None,
            refusals: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A name for messages and reports: that of the first tensor in the buffer.
    pub fn buffer_name(&self, buffer: &Buffer) -> String {
        match &buffer.role {
            BufferRole::Activation(tensors) | BufferRole::Spilled(tensors) => match tensors.first()
            {
                Some(&tensor) => self.graph.tensors[tensor].name.clone(),
                None => "activation".to_owned(),
            },
            BufferRole::Stream(tensor) => self.graph.tensors[*tensor].name.clone(),
            BufferRole::WeightStaging => format!("weights of {}", self.step_name(buffer.last_step)),
            BufferRole::ResidentWeights(step) => format!("weights of {}", self.step_name(*step)),
            BufferRole::Scratch => format!("scratch of {}", self.step_name(buffer.last_step)),
        }
    }

    /// A name for messages and reports: that of the step's last result.
    pub fn step_name(&self, id: StepId) -> String {
        let step = &self.steps[id];
        let last = step.operators.last().copied().unwrap_or(step.main);
        self.graph.operator_name(last)
    }

    /// The buffers that are live during a step.
    pub fn live_at(&self, step: StepId) -> impl Iterator<Item = (BufferId, &Buffer)> {
        self.buffers
            .iter()
            .filter(move |(_, buffer)| buffer.first_step <= step && step <= buffer.last_step)
    }

    /// The first and the last step of a cascade of the Ethos-U's schedule.
    pub fn steps_of(&self, cascade: &cofit_ethos_u::Cascade) -> (StepId, StepId) {
        let id = |stage: usize| StepId::from_u32(u32::try_from(stage).unwrap_or(u32::MAX));
        (id(cascade.first), id(cascade.last))
    }

    /// Rows of the output that a step of a cascade makes in turn; none where it runs by itself.
    pub fn stripe_of(&self, step: StepId) -> Option<u32> {
        let at = step.as_u32() as usize;
        let cascades = &self.ethos_u.as_ref()?.cascades;
        let cascade = cascades.iter().find(|it| (it.first..=it.last).contains(&at))?;
        cascade.stripes.get(at - cascade.first).copied()
    }

    /// The one of `tensors` that lies in a rolling buffer of a cascade, and the buffer's bytes.
    pub fn rolling(
        &self,
        cascade: &cofit_ethos_u::Cascade,
        tensors: &[TensorId],
    ) -> Option<(TensorId, Bytes)> {
        let stages = cascade.first..;
        stages.zip(&cascade.rolling).find_map(|(writer, rolling)| {
            let writer = StepId::from_u32(u32::try_from(writer).unwrap_or(u32::MAX));
            let written = &self.steps.get(writer)?.outputs;
            let tensor = tensors.iter().find(|tensor| written.contains(tensor))?;
            Some((*tensor, rolling.bytes))
        })
    }

    /// The largest buffers of a memory that are live during a step, for messages.
    pub fn alive_at(&self, step: StepId, memory: MemoryId) -> String {
        /// Buffers named; the rest is counted.
        const NAMED: usize = 4;
        let mut alive: Vec<(Bytes, String)> = self
            .live_at(step)
            .filter(|(_, buffer)| buffer.memory == Some(memory))
            .map(|(_, buffer)| (buffer.bytes, self.buffer_name(buffer)))
            .collect();
        alive.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let named: Vec<String> = alive
            .iter()
            .take(NAMED)
            .map(|(bytes, name)| format!("{} ({})", short_name(name), bytes.human()))
            .collect();
        let mut text = named.join(", ");
        if alive.len() > named.len() {
            text.push_str(&format!(" and {} more", alive.len() - named.len()));
        }
        text
    }

    /// Whether the chip runs the plan: nothing refused, nothing over a memory.
    pub fn fits(&self) -> bool {
        self.refusals.is_empty() && self.memories.values().all(MemoryUse::fits)
    }
}
