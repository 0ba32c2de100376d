//! Gives weights and biases a memory.

use std::fmt::Write as _;

use cofit_chip::{Content, EngineKind, OperatorClass, Residency, Staging, Tier};
use cofit_ir::TensorId;
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Bytes, Diagnostic, Place};
use cranelift_entity::SecondaryMap;

use crate::context::Context;
use crate::layer::Layer;
use crate::links;
use crate::plan::{
    ConstantPlacement, ConstantRole, Constraint, EngineId, MemoryId, Placement, Plan, Refusal,
    Step, StepId, StepSchedule,
};

/// Places the constants of every step: in the card's first memory that may hold all of a role, or
/// else one by one where there is room.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let mut wanted = wanted(plan, context);
    reserve_code(plan, context);
    for (role, content) in
        [(ConstantRole::Weights, Content::Weight), (ConstantRole::Bias, Content::Bias)]
    {
        for (engine, _) in context.engines() {
            let mut members: Vec<&mut ConstantPlacement> = wanted
                .iter_mut()
                .filter(|one| one.role == role && plan.steps[one.step].engine == engine)
                .collect();
            place(plan, context, &mut members, engine, content);
        }
    }
    plan.constants = wanted;
}

/// The constants of every step, without a memory yet.
pub(super) fn wanted(plan: &Plan, context: &Context<'_>) -> Vec<ConstantPlacement> {
    let mut wanted: Vec<ConstantPlacement> = Vec::new();
    let mut seen: SecondaryMap<TensorId, bool> = SecondaryMap::new();
    for (id, step) in &plan.steps {
        if step.placement != Placement::View {
            collect(plan, context, id, step, &mut seen, &mut wanted);
        }
    }
    wanted
}

/// The memories in which an engine's constants may be stored, the preferred first.
pub(super) fn candidates(
    context: &Context<'_>,
    engine: EngineId,
    content: Content,
) -> Vec<MemoryId> {
    let policy = &context.chip.weights;
    let is_copied = policy.staging != Staging::None && content == Content::Weight;
    let mut candidates = if !is_copied {
        links::reached(context, engine, content)
    } else {
        // What is copied may come from where the engine does not reach.
        context.memories().filter(|(_, it)| it.may_hold(content)).map(|(id, _)| id).collect()
    };
    if policy.residency == Residency::InPlace || is_copied {
        // What is read in place, or copied for each layer, lies where it was programmed; copies in
        // RAM are a second choice.
        candidates.sort_by_key(|&id| context.memory(id).tier != Tier::Flash);
    }
    candidates
}

/// The constants of one step, each tensor counted at its first reader.
fn collect(
    plan: &Plan,
    context: &Context<'_>,
    id: StepId,
    step: &Step,
    seen: &mut SecondaryMap<TensorId, bool>,
    wanted: &mut Vec<ConstantPlacement>,
) {
    let engine = context.engine(step.engine);
    let main = Layer::of(&plan.graph, step.main);
    let is_processor = matches!(engine.kind, EngineKind::Cpu | EngineKind::Simd | EngineKind::Vliw);
    let bias_bits = engine
        .precision
        .iter()
        .find(|pair| Some(pair.weight_bits) == step.precision.weight_bits)
        .and_then(|pair| pair.quantisation.as_ref())
        .and_then(|rule| rule.bias_bits);
    let mut totals = [
        (ConstantRole::Weights, Bytes::ZERO, Bytes::ZERO),
        (ConstantRole::Bias, Bytes::ZERO, Bytes::ZERO),
    ];
    for &tensor_id in &step.constants {
        if std::mem::replace(&mut seen[tensor_id], true) {
            continue;
        }
        let tensor = &plan.graph.tensors[tensor_id];
        let elements = tensor.shape.elements();
        let in_bits = |bits: u32| Bytes(elements.saturating_mul(bits.into()).div_ceil(8));
        if main.weights == Some(tensor_id) {
            totals[0].1 += in_bits(step.precision.stored_weight_bits);
            totals[0].2 += tensor.bytes();
        } else if main.bias == Some(tensor_id) {
            totals[1].1 += bias_bits.map_or(tensor.bytes(), in_bits);
            totals[1].2 += tensor.bytes();
        } else if is_processor || is_data_operand(main.kind) {
            // Shapes, axes and paddings are compiled in everywhere but in interpreters.
            totals[0].1 += tensor.bytes();
            totals[0].2 += tensor.bytes();
        }
    }
    if let Some(encoded) = encoded_bytes(plan, step) {
        // One stream holds weights, biases and scales.
        let original = totals[0].2 + totals[1].2;
        totals[0] = (ConstantRole::Weights, encoded, original);
        totals[1].1 = Bytes::ZERO;
    }
    for (role, bytes, original_bytes) in totals {
        if !bytes.is_zero() {
            wanted.push(ConstantPlacement { step: id, role, memory: None, bytes, original_bytes });
        }
    }
}

/// Bytes of the encoded stream of a step of an Ethos-U that has weights.
fn encoded_bytes(plan: &Plan, step: &Step) -> Option<Bytes> {
    let (StepSchedule::EthosU { first, count, .. }, Some(schedule)) =
        (&step.schedule, &plan.ethos_u)
    else {
        return None;
    };
    let first = *first as usize;
    let operations = schedule.operations.get(first..first + *count as usize)?;
    let bytes = operations.iter().map(|one| Bytes(one.weights.encoded.stored())).sum();
    (bytes > Bytes::ZERO).then_some(bytes)
}

/// Whether a constant operand of the kind is data rather than a shape.
fn is_data_operand(kind: cofit_vocab::OperatorKind) -> bool {
    matches!(
        OperatorClass::of(kind),
        OperatorClass::Elementwise
            | OperatorClass::Nonlinear
            | OperatorClass::MatrixProduct
            | OperatorClass::Recurrent
    )
}

/// Takes the runtime's code out of the first memory that holds code.
fn reserve_code(plan: &mut Plan, context: &Context<'_>) {
    let mut kinds: Vec<_> = plan.graph.operators.values().map(cofit_ir::Operator::kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let bytes = context.chip.runtime.code.total(context.operators, kinds.len() as u64);
    let memory = context.memories().find(|(_, memory)| memory.may_hold(Content::Code));
    let Some((id, memory)) = memory else { return };
    let used = &mut plan.memories[id];
    let fitted = used.fits();
    used.code = bytes;
    if fitted && !used.fits() {
        let available = used.available.unwrap_or(Bytes::MAX);
        let message = format!(
            "{} has {}, and the code of {} takes {}",
            memory.id,
            available.human(),
            context.chip.runtime.id,
            bytes.human()
        );
        let diagnostic = Diagnostic::error(&code::MEMORY_EXCEEDED, message, Place::default())
            .with_help("Choose a runtime with less code, or a chip with more room for it.");
        refuse(plan, None, diagnostic);
    }
}

/// Places the constants of one role that one engine reads, where that engine reaches them.
fn place(
    plan: &mut Plan,
    context: &Context<'_>,
    wanted: &mut [&mut ConstantPlacement],
    engine: EngineId,
    content: Content,
) {
    let total: Bytes = wanted.iter().map(|placement| placement.bytes).sum();
    let role = match wanted.first() {
        Some(first) if !total.is_zero() => first.role,
        Some(_) | None => return,
    };
    let candidates = candidates(context, engine, content);
    let room = |plan: &Plan, id: MemoryId| {
        let used = &plan.memories[id];
        used.available.map_or(Bytes::MAX, |available| available - used.need())
    };
    let Some(&preferred) = candidates.first() else {
        let message = format!(
            "the {} take {}, and no memory of {} holds them",
            noun(role),
            total.human(),
            context.chip.id()
        );
        refuse(plan, None, Diagnostic::error(&code::WEIGHTS_EXCEEDED, message, Place::default()));
        return;
    };
    if let Some(&id) = candidates.iter().find(|&&id| total <= room(plan, id)) {
        for placement in wanted.iter_mut() {
            placement.memory = Some(id);
        }
        plan.memories[id].constants += total;
        return;
    }
    let rooms: Vec<(MemoryId, Bytes)> = candidates.iter().map(|&id| (id, room(plan, id))).collect();
    let mut left_over = Bytes::ZERO;
    for placement in wanted.iter_mut() {
        let memory = candidates.iter().copied().find(|&id| placement.bytes <= room(plan, id));
        if memory.is_none() {
            left_over += placement.bytes;
        }
        let id = memory.unwrap_or(preferred);
        placement.memory = Some(id);
        plan.memories[id].constants += placement.bytes;
    }
    if !left_over.is_zero() {
        refuse_left_over(plan, context, role, total, &rooms);
    }
}

/// What the constants of a role are called.
const fn noun(role: ConstantRole) -> &'static str {
    match role {
        ConstantRole::Weights => "weights",
        ConstantRole::Bias => "biases",
    }
}

/// Refuses constants that find no room, and says what takes the room.
fn refuse_left_over(
    plan: &mut Plan,
    context: &Context<'_>,
    role: ConstantRole,
    total: Bytes,
    rooms: &[(MemoryId, Bytes)],
) {
    let mut message = format!("the {} take {}, and there is room for", noun(role), total.human());
    let mut peak = None;
    for (at, (id, room)) in rooms.iter().enumerate() {
        let used = &plan.memories[*id];
        let separator = if at == 0 { "" } else { "," };
        let _ = write!(message, "{separator} {} in {}", room.human(), context.memory(*id).id);
        if let Some(available) = used.available.filter(|available| available > room) {
            let _ = write!(message, " of {}", available.human());
        }
        if let Some(step) = used.peak_step.filter(|_| peak.is_none()) {
            peak = Some((*id, step));
        }
    }
    if let Some((id, step)) = peak {
        let _ = write!(message, "; alive at the peak: {}", plan.alive_at(step, id));
    }
    let step = peak.map(|(_, step)| step);
    let place = step.map_or_else(Place::default, |step| Place::operator(plan.step_name(step)));
    refuse(plan, step, Diagnostic::error(&code::WEIGHTS_EXCEEDED, message, place));
}

/// Records that constants or code find no room.
fn refuse(plan: &mut Plan, step: Option<StepId>, diagnostic: Diagnostic) {
    plan.refusals.push(Refusal { constraint: Constraint::Memory, step, diagnostic });
}
