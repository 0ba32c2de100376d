//! What shows a plan's bounds, for a reader who does not trust the planner.
//!
//! A packing is shown by an instant: the buffers that are live there need their bytes side by side.
//! An order is shown by its hungriest step, whose operands and results no order can part, or by a
//! search; for the latter the certificate holds what every step reads and writes, so that a reader can
//! search again.

use cofit_pack::{Buffer, Problem, certificate};
use cofit_vocab::Bytes;
use cranelift_entity::SecondaryMap;
use smallvec::SmallVec;

use crate::plan::{BufferId, BufferRole, MemoryId, Plan, StepId};
use crate::values::Values;

/// What shows the bounds of a plan.
#[derive(Clone, Debug)]
pub struct PlanCertificate {
    /// The memories that hold buffers, in the card's order.
    pub packings: Vec<PackingCertificate>,
    /// What every step touches, in the plan's order.
    pub steps: Vec<StepCertificate>,
    /// Buffers that hold inputs or state from the start.
    pub live_in: Vec<BufferId>,
    /// Buffers that hold outputs or state to the end.
    pub live_out: Vec<BufferId>,
    /// The step whose own buffers take as much as the best order's peak, where one does.
    pub hungriest: Option<StepId>,
}

/// What shows that no layout of a memory's buffers is lower.
#[derive(Clone, Debug)]
pub struct PackingCertificate {
    /// The memory.
    pub memory: MemoryId,
    /// The instant: step `s` has the instants `2s` and `2s + 1`.
    pub instant: u64,
    /// The buffers that are live at the instant.
    pub live: Vec<BufferId>,
    /// What they take: sizes rounded up to the alignment, save for the one at the top.
    pub bytes: Bytes,
}

/// The buffers of a step.
#[derive(Clone, Debug)]
pub struct StepCertificate {
    /// Buffers read.
    pub reads: SmallVec<[BufferId; 2]>,
    /// Buffers written.
    pub writes: SmallVec<[BufferId; 1]>,
    /// Steps that write what this one reads.
    pub after: SmallVec<[StepId; 2]>,
}

/// The certificate of a plan whose buffers have addresses.
pub fn of(plan: &Plan) -> PlanCertificate {
    let steps = steps(plan);
    let hungriest = plan.steps.keys().zip(&steps).find(|(_, step)| {
        let mut own: SmallVec<[BufferId; 4]> =
            step.reads.iter().chain(&step.writes).copied().collect();
        own.sort_unstable();
        own.dedup();
        take(plan, &own) >= plan.order.peak
    });
    let values = Values::of(plan);
    let (live_in, live_out) = ends(plan, &values);
    PlanCertificate {
        live_in,
        live_out,
        packings: plan.memories.keys().filter_map(|memory| packing(plan, memory)).collect(),
        hungriest: hungriest.map(|(id, _)| id),
        steps,
    }
}

/// The buffers that outlive the steps that touch them.
fn ends(plan: &Plan, values: &Values) -> (Vec<BufferId>, Vec<BufferId>) {
    let of_value = |buffer: &crate::plan::Buffer| match &buffer.role {
        BufferRole::Activation(tensors) => tensors.first().and_then(|&it| values.of[it]),
        BufferRole::Stream(tensor) => values.of[*tensor],
        BufferRole::Spilled(_)
        | BufferRole::ResidentWeights(_)
        | BufferRole::WeightStaging
        | BufferRole::Scratch => None,
    };
    let that = |is_live: &dyn Fn(usize) -> bool| {
        let found = plan.buffers.iter().filter(|(_, buffer)| of_value(buffer).is_some_and(is_live));
        found.map(|(id, _)| id).collect()
    };
    let live_in = that(&|value| values.is_live_in(&plan.graph, value));
    (live_in, that(&|value| values.is_live_out(&plan.graph, value)))
}

/// What buffers that are live together take at least.
fn take(plan: &Plan, live: &[BufferId]) -> Bytes {
    let rounded = |id: &BufferId| {
        let buffer = &plan.buffers[*id];
        buffer.bytes.round_up_to(buffer.alignment.max(1))
    };
    let spared = live.iter().map(|id| rounded(id) - plan.buffers[*id].bytes).max();
    live.iter().map(rounded).sum::<Bytes>() - spared.unwrap_or_default()
}

/// The fullest instant of a memory.
fn packing(plan: &Plan, memory: MemoryId) -> Option<PackingCertificate> {
    let members: Vec<BufferId> = plan
        .buffers
        .iter()
        .filter(|(_, buffer)| buffer.memory == Some(memory))
        .map(|(id, _)| id)
        .collect();
    let buffers = members
        .iter()
        .map(|&id| {
            let buffer = &plan.buffers[id];
            let (begin, end) = buffer.halves();
            Buffer::new(begin, end + 1, buffer.bytes.get()).aligned(buffer.alignment)
        })
        .collect();
    let found = certificate(&Problem { buffers, capacity: None }).ok()?;
    let is_live = |id: &BufferId| {
        let (begin, end) = plan.buffers[*id].halves();
        begin <= found.instant && found.instant <= end && !plan.buffers[*id].bytes.is_zero()
    };
    let live: Vec<BufferId> = members.into_iter().filter(is_live).collect();
    let bytes = take(plan, &live);
    (!live.is_empty()).then_some(PackingCertificate { memory, instant: found.instant, live, bytes })
}

/// What every step reads and writes, in buffers.
fn steps(plan: &Plan) -> Vec<StepCertificate> {
    // An activation that waits elsewhere between two uses has a buffer for each of them.
    let mut buffer_of: SecondaryMap<cofit_ir::TensorId, SmallVec<[BufferId; 1]>> =
        SecondaryMap::new();
    for (id, buffer) in &plan.buffers {
        match &buffer.role {
            BufferRole::Activation(tensors) => {
                tensors.iter().for_each(|&tensor| buffer_of[tensor].push(id));
            }
            BufferRole::Stream(tensor) => buffer_of[*tensor].push(id),
            BufferRole::Spilled(_)
            | BufferRole::ResidentWeights(_)
            | BufferRole::WeightStaging
            | BufferRole::Scratch => {}
        }
    }
    let mut writer: SecondaryMap<cofit_ir::TensorId, Option<StepId>> = SecondaryMap::new();
    let mut steps = Vec::with_capacity(plan.steps.len());
    for (id, step) in &plan.steps {
        let buffers = |tensors: &[cofit_ir::TensorId]| {
            let is_live = |&&it: &&BufferId| {
                plan.buffers[it].first_step <= id && id <= plan.buffers[it].last_step
            };
            let mut list: Vec<BufferId> = tensors
                .iter()
                .filter_map(|&tensor| buffer_of[tensor].iter().find(is_live).copied())
                .collect();
            list.sort_unstable();
            list.dedup();
            list
        };
        let mut after: SmallVec<[StepId; 2]> =
            step.inputs.iter().filter_map(|&tensor| writer[tensor]).collect();
        after.sort_unstable();
        after.dedup();
        steps.push(StepCertificate {
            reads: buffers(&step.inputs).into(),
            writes: buffers(&step.outputs).into(),
            after,
        });
        step.outputs.iter().for_each(|&tensor| writer[tensor] = Some(id));
    }
    steps
}
