//! Copies weights to staging buffers in fast memory before the steps that need them.
//!
//! Weights that lie in a slow memory which a link joins to one that the engine reads may be copied
//! there, where the card asks for it (`weights.staging`). A copy takes one of these forms, the
//! better ones first:
//!
//! 1. the whole of it while the step before computes;
//! 2. in slices of output channels through two buffers, so that a slice arrives while the one
//!    before is computed with, and the first of them while the step before computes;
//! 3. the same without the room ahead;
//! 4. the whole of it between the two steps;
//! 5. slice by slice through one buffer, each before its own arithmetic.
//!
//! Copies that run ahead then begin up to [`MOST_LEAD`] steps earlier, one step after the other, as
//! long as there is room: a short layer before a large one hides little by itself.
//!
//! A chip that streams (`stream_per_layer`) needs one of them for every step; first each gets the
//! least, then, from the largest weights down, the best for which there is room beside the
//! activations. Weights that can be read in place are copied only in the forms 1 to 3: the others
//! hide nothing. Whether a copy is hidden in full is for the simulator to say; here only bytes and
//! room count.

use cofit_chip::{Content, Residency, Staging, Timing};
use cofit_pack::Budget;
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Bytes, Diagnostic, Place};
use smallvec::SmallVec;

use super::allocate::{self, order_transfers};
use crate::context::Context;
use crate::layer::Layer;
use crate::links;
use crate::plan::{
    Buffer, BufferId, BufferRole, ConstantPlacement, ConstantRole, Constraint, MemoryId, Placement,
    Plan, Refusal, StepId, Transfer, TransferRole,
};

/// Most slices of one step. Each costs the set-up of a transfer.
const MOST_SLICES: u32 = 1024;

/// Most steps by which a copy runs ahead.
const MOST_LEAD: usize = 4;

/// Stages the weights of every step for which there is reason and room.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    if context.chip.weights.staging == Staging::None {
        return;
    }
    let must = context.chip.weights.residency == Residency::StreamPerLayer;
    let requests = requests(plan, context, must);
    let mut staged: Vec<Option<Staged>> = vec![None; requests.len()];
    if must {
        for at in (0..requests.len()).filter(|&at| requests[at].source.is_none()) {
            staged[at] = improve(plan, context, &requests, &staged, at, &LEAST);
            if staged[at].is_none() {
                refuse(plan, context, &requests[at]);
            }
        }
    }
    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(requests[at].bytes), requests[at].step));
    let wanted: &[Form] = match (context.chip.weights.staging, must) {
        (Staging::None, _) | (Staging::Single, false) => &[],
        (Staging::Single, true) => &LEAST,
        (Staging::Double, _) => &[Form::Ahead, Form::SlicedAhead, Form::Sliced],
    };
    for &at in &order {
        // What is refused already found not even the least room.
        if must && requests[at].source.is_none() && staged[at].is_none() {
            continue;
        }
        if let Some(better) = improve(plan, context, &requests, &staged, at, wanted) {
            staged[at] = Some(better);
        }
    }
    for lead in 2..=MOST_LEAD {
        for &at in &order {
            lengthen(plan, context, &requests, &mut staged, at, lead);
        }
    }
    for (request, staged) in requests.iter().zip(staged) {
        if let Some(staged) = staged {
            write(plan, request, &staged);
        }
    }
    order_transfers(plan);
    for (id, _) in context.memories() {
        let has_staging = plan
            .transfers
            .values()
            .any(|one| one.to == id && matches!(one.role, TransferRole::Weights { .. }));
        if has_staging {
            allocate::pack_again(plan, context, id);
        }
    }
}

/// Weights of a step that may be staged.
struct Request {
    step: StepId,
    /// The steps that compute before it, the last first, at most [`MOST_LEAD`].
    before: SmallVec<[StepId; MOST_LEAD]>,
    /// Where they are.
    home: MemoryId,
    /// The copy there, if it is one.
    source: Option<BufferId>,
    bytes: Bytes,
    /// Output channels, by which the weights can be cut.
    channels: u32,
    /// Fewer bytes than the link could have moved during its set-up are not worth a copy.
    worthwhile: Bytes,
    /// Whether the engine reads the weights where they are as well.
    is_readable: bool,
    /// Where the copy may lie, with the link that brings it and whether it does so beside the
    /// engine.
    targets: Vec<(MemoryId, u32, bool)>,
}

impl Request {
    /// Whether the step can do without.
    const fn is_optional(&self) -> bool {
        self.is_readable || self.source.is_some()
    }
}

/// How weights are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Ahead,
    SlicedAhead,
    Sliced,
    Whole,
    OneByOne,
}

/// The forms that take least room, the better ones first.
const LEAST: [Form; 3] = [Form::Whole, Form::Sliced, Form::OneByOne];

impl Form {
    /// Whether the first copy runs while the step before computes.
    const fn is_ahead(self) -> bool {
        matches!(self, Self::Ahead | Self::SlicedAhead)
    }

    /// Staging buffers.
    const fn buffers(self) -> u32 {
        match self {
            Self::Ahead | Self::Whole | Self::OneByOne => 1,
            Self::SlicedAhead | Self::Sliced => 2,
        }
    }

    const fn is_sliced(self) -> bool {
        match self {
            Self::SlicedAhead | Self::Sliced | Self::OneByOne => true,
            Self::Ahead | Self::Whole => false,
        }
    }

    /// Whether the copy can run beside arithmetic.
    const fn overlaps(self) -> bool {
        match self {
            Self::Ahead | Self::SlicedAhead | Self::Sliced => true,
            Self::Whole | Self::OneByOne => false,
        }
    }
}

/// A copy that has room.
#[derive(Clone, Debug)]
struct Staged {
    form: Form,
    memory: MemoryId,
    link: u32,
    /// By how many steps the first copy runs ahead.
    lead: usize,
    /// Bytes of every slice; one where the weights come in one piece.
    slices: Vec<Bytes>,
}

/// The weights that may be staged, in the order of steps.
fn requests(plan: &Plan, context: &Context<'_>, must: bool) -> Vec<Request> {
    let mut requests = Vec::new();
    let mut computing: Vec<StepId> = Vec::new();
    for (id, step) in &plan.steps {
        if step.placement == Placement::View {
            continue;
        }
        let before = computing.iter().rev().take(MOST_LEAD).copied().collect();
        computing.push(id);
        let engine = context.engine(step.engine);
        if matches!(engine.timing, Timing::EthosU(_)) {
            continue;
        }
        let is_own = |one: &&ConstantPlacement| one.step == id && one.role == ConstantRole::Weights;
        let Some(one) = plan.constants.iter().find(is_own) else { continue };
        // A copy that was made before the first inference is nearer than where they are stored.
        let is_copy = |buffer: &Buffer| buffer.role == BufferRole::ResidentWeights(id);
        let copy = plan.buffers.iter().find(|(_, buffer)| is_copy(buffer));
        let stored = copy.map_or(one.memory, |(_, buffer)| buffer.memory);
        let source = copy.map(|(buffer, _)| buffer);
        let Some(home) = stored else { continue };
        let bytes = one.bytes;
        let cost = |id| links::rate_cost(context, context.memory(id));
        let targets: Vec<(MemoryId, u32, bool)> =
            links::reached(context, step.engine, Content::Weight)
                .into_iter()
                .filter(|&target| {
                    let is_nearer = cost(target) < cost(home);
                    target != home && (is_nearer || must && source.is_none())
                })
                .filter_map(|target| {
                    let (number, link) = links::link(context, home, target)?;
                    Some((target, number, link.overlap))
                })
                .collect();
        // Weights that no link brings nearer are read where they are.
        if targets.is_empty() {
            continue;
        }
        let layer = Layer::of(&plan.graph, step.main);
        let is_cut = layer.weights.is_some() && layer.output.channels > 1;
        let channels = if is_cut { layer.output.channels } else { 1 };
        let rate = context.chip.bytes_per_cycle(context.memory(home)).unwrap_or(0.0);
        let setup = targets
            .iter()
            .filter_map(|(_, link, _)| context.chip.links.get(*link as usize)?.setup.as_ref())
            .map(|setup| setup.value.as_f64())
            .fold(0.0, f64::max);
        let worthwhile = Bytes((rate * setup).ceil() as u64);
        requests.push(Request {
            step: id,
            before,
            home,
            source,
            bytes,
            channels,
            worthwhile,
            is_readable: !must,
            targets,
        });
    }
    requests
}

/// The best of `forms` for which there is room beside everything that is staged.
fn improve(
    plan: &Plan,
    context: &Context<'_>,
    requests: &[Request],
    staged: &[Option<Staged>],
    at: usize,
    forms: &[Form],
) -> Option<Staged> {
    let request = &requests[at];
    for &form in forms {
        if form.is_ahead() && request.before.is_empty() || form.is_sliced() && request.channels < 2
        {
            continue;
        }
        for &(memory, link, overlaps) in &request.targets {
            if form.overlaps() && !overlaps {
                continue;
            }
            let others = others(requests, staged, at, memory);
            let attempt = |slices: Vec<Bytes>| {
                let lead = usize::from(form.is_ahead());
                let staged = Staged { form, memory, link, lead, slices };
                let mut all = others.clone();
                all.extend(buffers(request, &staged));
                has_room(plan, context, memory, &all).then_some(staged)
            };
            let found = if form.is_sliced() {
                sliced(plan, context, memory, request, &attempt)
            } else {
                attempt(vec![request.bytes])
            };
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

/// The staging buffers of every copy in `memory` but that of the request `at`.
fn others(
    requests: &[Request],
    staged: &[Option<Staged>],
    at: usize,
    memory: MemoryId,
) -> Vec<Buffer> {
    requests
        .iter()
        .zip(staged)
        .enumerate()
        .filter(|(other, _)| *other != at)
        .filter_map(|(_, (request, staged))| Some((request, staged.as_ref()?)))
        .filter(|(_, staged)| staged.memory == memory)
        .flat_map(|(request, staged)| buffers(request, staged))
        .collect()
}

/// Lets a copy that runs `lead - 1` steps ahead begin one step earlier, if there is room.
fn lengthen(
    plan: &Plan,
    context: &Context<'_>,
    requests: &[Request],
    staged: &mut [Option<Staged>],
    at: usize,
    lead: usize,
) {
    let Some(own) = staged[at].as_ref().filter(|own| own.lead + 1 == lead) else { return };
    if own.lead == 0 || requests[at].before.len() < lead {
        return;
    }
    let longer = Staged { lead, ..own.clone() };
    let mut all = others(requests, staged, at, own.memory);
    all.extend(buffers(&requests[at], &longer));
    if has_room(plan, context, own.memory, &all) {
        staged[at] = Some(longer);
    }
}

/// The fewest slices for which there is room, tried upwards in growing steps.
fn sliced(
    plan: &Plan,
    context: &Context<'_>,
    memory: MemoryId,
    request: &Request,
    attempt: &impl Fn(Vec<Bytes>) -> Option<Staged>,
) -> Option<Staged> {
    let most = request.channels.min(MOST_SLICES);
    let room = allocate::capacity(plan, context, memory).get().max(1);
    let chunk = context.chip.weights.chunk.as_ref().map_or(u64::MAX, |chunk| chunk.value.get());
    let least = request.bytes.get().div_ceil(room.min(chunk.max(1)));
    let mut count = u32::try_from(least).unwrap_or(u32::MAX).max(2);
    while count <= most {
        let slices = slices(request.bytes, request.channels, count);
        let smallest = slices.iter().copied().min().unwrap_or_default();
        if request.is_optional() && smallest < request.worthwhile {
            return None;
        }
        if slices.len() > 1
            && let Some(staged) = attempt(slices)
        {
            return Some(staged);
        }
        count += count.div_ceil(4);
    }
    None
}

/// `bytes` cut into at most `count` slices of whole output channels.
fn slices(bytes: Bytes, channels: u32, count: u32) -> Vec<Bytes> {
    let each = channels.div_ceil(count.max(1)).max(1);
    let up_to = |channel: u32| {
        let share = u128::from(bytes.get()) * u128::from(channel) / u128::from(channels.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    };
    let mut slices = Vec::new();
    let mut from = 0;
    while from < channels {
        let to = from.saturating_add(each).min(channels);
        slices.push(Bytes(up_to(to) - up_to(from)));
        from = to;
    }
    slices
}

/// The step with which a copy that runs ahead begins.
fn begin(request: &Request, staged: &Staged) -> Option<StepId> {
    request.before.get(staged.lead.checked_sub(1)?).copied()
}

/// The staging buffers of a copy.
fn buffers(request: &Request, staged: &Staged) -> Vec<Buffer> {
    let count = (staged.form.buffers() as usize).min(staged.slices.len());
    (0..count)
        .map(|at| {
            let own = staged.slices.iter().skip(at).step_by(count);
            let ahead = begin(request, staged).filter(|_| at == 0);
            Buffer {
                role: BufferRole::WeightStaging,
                memory: Some(staged.memory),
                address: None,
                bytes: own.copied().max().unwrap_or_default(),
                alignment: 1,
                first_step: ahead.unwrap_or(request.step),
                last_step: request.step,
                begins_late: false,
                ends_early: false,
            }
        })
        .collect()
}

/// Whether `extra` can be laid out beside the buffers of the plan in a memory.
fn has_room(plan: &Plan, context: &Context<'_>, memory: MemoryId, extra: &[Buffer]) -> bool {
    let block = context.memory(memory).largest_block();
    if extra.iter().any(|buffer| buffer.bytes > block) {
        return false;
    }
    let own = plan.buffers.values().filter(|buffer| buffer.memory == Some(memory));
    let all: Vec<&Buffer> = own.chain(extra).collect();
    let problem = allocate::problem(context, memory, &all);
    let height = cofit_pack::solve_minimise(&problem, Budget::HEURISTIC).map(|it| it.height);
    height.is_ok_and(|height| Bytes(height) <= allocate::capacity(plan, context, memory))
}

/// Writes a copy into the plan: its buffers, still without addresses, and its transfers.
fn write(plan: &mut Plan, request: &Request, staged: &Staged) {
    let ids: Vec<BufferId> =
        buffers(request, staged).into_iter().map(|buffer| plan.buffers.push(buffer)).collect();
    let previous = |step: StepId| step.as_u32().checked_sub(1).map(StepId::from_u32);
    let count = u32::try_from(staged.slices.len()).unwrap_or(u32::MAX);
    let stride = u32::try_from(ids.len()).unwrap_or(u32::MAX).max(1);
    for (slice, &bytes) in (0u32..).zip(&staged.slices) {
        let target = ids[(slice % stride) as usize];
        let begin = begin(request, staged).filter(|_| slice == 0).unwrap_or(request.step);
        plan.transfers.push(Transfer {
            role: TransferRole::Weights { slice, slices: count, frees: slice.checked_sub(stride) },
            from: request.home,
            to: staged.memory,
            bytes,
            link: staged.link,
            source: request.source,
            target,
            after: previous(begin),
            step: request.step,
        });
    }
}

/// Refuses weights that must be staged and find no room.
fn refuse(plan: &mut Plan, context: &Context<'_>, request: &Request) {
    let each = Bytes(request.bytes.get().div_ceil(u64::from(request.channels.max(1))));
    let rooms: Vec<String> = request
        .targets
        .iter()
        .map(|&(memory, ..)| {
            let live: Bytes = plan
                .live_at(request.step)
                .filter(|(_, buffer)| buffer.memory == Some(memory))
                .map(|(_, buffer)| buffer.bytes)
                .sum();
            let room = allocate::capacity(plan, context, memory) - live;
            format!("{} in {}", room.human(), context.memory(memory).id)
        })
        .collect();
    let message = format!(
        "a channel's weights take {}, and beside the activations there is room for {}",
        each.human(),
        rooms.join(", ")
    );
    let place = Place::operator(plan.step_name(request.step));
    plan.refusals.push(Refusal {
        constraint: Constraint::Memory,
        step: Some(request.step),
        diagnostic: Diagnostic::error(&code::STAGING_EXCEEDED, message, place),
    });
}
