//! Issues the tasks of one step after another, with the plan's transfers beside them.
//!
//! A step's work is collected first and issued when the step ends. Where its weights arrive in
//! slices, the work is cut in proportion to their bytes, and each part waits for its slice; a
//! transfer into a buffer that an earlier slice used waits for that part.
//!
//! A transfer occupies its link and the port of the slower of its two memories, so it delays, and
//! is delayed by, what else uses them. It begins when its window opens. What the step at hand asks
//! of a port goes before a copy for a later step. Spills take place between two steps: everything
//! after them waits, since it may take over the bytes that they free.

use cofit_chip::Chip;
use cofit_compile::plan::TransferRole;
use cofit_compile::plan::{EngineId, MemoryId, Placement, Plan, StepId, Transfer, TransferId};
use cofit_vocab::{Cycles, Hertz};
use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};
use smallvec::SmallVec;

use crate::causes::{Cause, Causes};
use crate::clock;
use crate::event::{ResourceId, Schedule, StepIndex, Task, TaskId, Timeline};
use crate::profile::{ResourceKind, TransferProfile};

/// Tasks that something waits for.
type Tasks = SmallVec<[TaskId; 4]>;

/// Work of a step that is not issued yet.
#[derive(Clone, Copy)]
struct Pending {
    resource: ResourceId,
    cycles: Cycles,
    cause: Cause,
}

/// A transfer as tasks.
#[derive(Clone, Default)]
struct Issued {
    task: Option<TaskId>,
    /// The window opens when these have ended.
    opens: Tasks,
    /// Without the transfer, what waits for it would begin when these have ended.
    ready: Tasks,
}

/// Issues tasks for one step after another.
pub(crate) struct Issuer<'a> {
    plan: &'a Plan,
    chip: &'a Chip,
    schedule: Schedule,
    engines: Vec<ResourceId>,
    ports: Vec<ResourceId>,
    links: Vec<ResourceId>,
    /// Tasks that everything issued from here on waits for.
    before: Tasks,
    /// Work of this step, in stages of which each waits for the one before.
    stages: Vec<Vec<Pending>>,
    issued: SecondaryMap<TransferId, Issued>,
    /// Transfers for later steps whose window opened with this one.
    opened: Vec<TransferId>,
    step: StepIndex,
    engine: usize,
    own_clock: Hertz,
    reference: Hertz,
    is_fallback: bool,
}

impl<'a> Issuer<'a> {
    pub(crate) fn new(plan: &'a Plan, chip: &'a Chip, reference: Hertz) -> Self {
        let mut schedule = Schedule::new();
        let engines = chip.engines.iter().map(|engine| schedule.resource(&engine.id)).collect();
        let mut ports: Vec<ResourceId> = Vec::with_capacity(chip.memories.len());
        for memory in &chip.memories {
            // Memories on one bus share its port.
            let on_bus = |other: &cofit_chip::Memory| other.bus == memory.bus;
            let shared = chip.memories[..ports.len()].iter().position(on_bus);
            let port = match (&memory.bus, shared) {
                (Some(_), Some(at)) => ports[at],
                (Some(bus), None) => schedule.resource(bus),
                (None, _) => schedule.resource(&memory.id),
            };
            ports.push(port);
        }
        let links = chip.links.iter().map(|link| schedule.resource(&link.id)).collect();
        Self {
            plan,
            chip,
            schedule,
            engines,
            ports,
            links,
            before: SmallVec::new(),
            stages: vec![Vec::new()],
            issued: SecondaryMap::new(),
            opened: Vec::new(),
            step: StepIndex(0),
            engine: 0,
            own_clock: reference,
            reference,
            is_fallback: false,
        }
    }

    /// Occupies the first engine before the first step.
    pub(crate) fn start(&mut self, cycles: Cycles) {
        if !self.engines.is_empty() {
            self.compute(cycles, Cause::TransferSetup);
            let stages = self.take_stages();
            self.issue_stages(&stages, (0, 1), 1, &Tasks::new());
        }
    }

    /// The clock that tasks count.
    pub(crate) const fn reference(&self) -> Hertz {
        self.reference
    }

    /// Begins a step: its tasks wait for everything issued before.
    pub(crate) fn begin(
        &mut self,
        id: StepId,
        engine: EngineId,
        own_clock: Hertz,
        placement: &Placement,
    ) {
        self.step = StepIndex(id.as_u32());
        self.engine = engine.index();
        self.own_clock = own_clock;
        self.is_fallback = matches!(placement, Placement::Fallback(_));
        self.open(id);
    }

    /// Makes everything that the step asks from here on wait for everything so far.
    pub(crate) fn barrier(&mut self) {
        self.stages.push(Vec::new());
    }

    /// Occupies the step's engine for cycles of its own clock.
    pub(crate) fn compute(&mut self, cycles: Cycles, cause: Cause) {
        // Whatever a fallback does is a cost of falling back.
        let cause = if self.is_fallback { Cause::Fallback } else { cause };
        self.ask(self.engines[self.engine], cycles, cause);
    }

    /// Occupies the step's engine by cause, one after the other.
    pub(crate) fn compute_all(&mut self, causes: &Causes) {
        for (cause, cycles) in causes.iter() {
            self.compute(cycles, cause);
        }
    }

    /// Occupies a memory's port for cycles of the engine's own clock.
    pub(crate) fn transfer(&mut self, memory: MemoryId, cycles: Cycles, cause: Cause) {
        self.ask(self.ports[memory.index()], cycles, cause);
    }

    fn ask(&mut self, resource: ResourceId, cycles: Cycles, cause: Cause) {
        let cycles = clock::convert(cycles, self.own_clock, self.reference);
        if let Some(stage) = self.stages.last_mut().filter(|_| !cycles.is_zero()) {
            stage.push(Pending { resource, cycles, cause });
        }
    }

    /// Ends a step: issues its work, and then what it may run beside.
    pub(crate) fn end(&mut self) {
        let stages = self.take_stages();
        let id = StepId::from_u32(self.step.0);
        let slices: Vec<TransferId> = self.serving(id, true);
        let mut wait: Tasks =
            self.serving(id, false).iter().filter_map(|&id| self.issued[id].task).collect();
        for id in self.serving(id, false) {
            self.issued[id].ready = self.before.clone();
        }
        if slices.is_empty() {
            self.issue_stages(&stages, (0, 1), 1, &wait);
        } else {
            self.issue_slices(&stages, &slices, &mut wait);
        }
        for id in std::mem::take(&mut self.opened) {
            let opens = self.issued[id].opens.clone();
            self.issue_transfer(id, opens);
        }
    }

    /// The transfers that a step waits for: its slices, or its activations.
    fn serving(&self, step: StepId, wants_slices: bool) -> Vec<TransferId> {
        self.plan
            .transfers
            .iter()
            .filter(|(_, one)| one.step == step)
            .filter(|(_, one)| match one.role {
                TransferRole::Weights { .. } => wants_slices,
                TransferRole::FetchBack => !wants_slices,
                // Everything waits for a spill anyway.
                TransferRole::Spill => false,
            })
            .map(|(id, _)| id)
            .collect()
    }

    /// The step's work in as many parts as it has slices.
    fn issue_slices(&mut self, stages: &[Vec<Pending>], slices: &[TransferId], wait: &mut Tasks) {
        let plan = self.plan;
        let total: u64 = slices.iter().map(|&id| plan.transfers[id].bytes.get()).sum();
        let mut done: u64 = 0;
        let mut ends: Vec<Tasks> = Vec::with_capacity(slices.len());
        let frees = |id: TransferId| match plan.transfers[id].role {
            TransferRole::Weights { frees, .. } => frees,
            TransferRole::Spill | TransferRole::FetchBack => None,
        };
        // Buffers that are free when the step begins are filled at once.
        for &id in slices {
            if frees(id).is_none() && self.issued[id].task.is_none() {
                let opens = self.before.clone();
                self.issue_transfer(id, opens);
            }
        }
        for (at, &id) in slices.iter().enumerate() {
            if self.issued[id].task.is_none() {
                let freed = frees(id).and_then(|slice| ends.get(slice as usize));
                let opens = freed.unwrap_or(&self.before).clone();
                self.issue_transfer(id, opens);
            }
            // The slice after next can be on its way while this one is computed with.
            self.issued[id].ready = self.before.clone();
            wait.extend(self.issued[id].task);
            let from = done;
            done += plan.transfers[id].bytes.get();
            let part = if at + 1 == slices.len() { (from, total.max(1)) } else { (from, done) };
            self.issue_stages(stages, part, total.max(1), wait);
            wait.clear();
            ends.push(self.before.clone());
        }
    }

    /// Issues the work from `part.0 / of` to `part.1 / of` of every stage.
    fn issue_stages(&mut self, stages: &[Vec<Pending>], part: (u64, u64), of: u64, wait: &Tasks) {
        let share = |cycles: Cycles, up_to: u64| {
            let share = u128::from(cycles.get()) * u128::from(up_to) / u128::from(of);
            Cycles(u64::try_from(share).unwrap_or(u64::MAX))
        };
        let mut waits_for: Tasks = wait.clone();
        for stage in stages {
            let mut now = Tasks::new();
            for pending in stage {
                let cycles = share(pending.cycles, part.1) - share(pending.cycles, part.0);
                if cycles.is_zero() {
                    continue;
                }
                let task = Task::new(pending.resource, cycles, pending.cause, self.step)
                    .after_all(self.before.iter().chain(&waits_for).copied());
                // Only schedules of millions of tasks are refused; their tail then counts as
                // nothing.
                now.extend(self.schedule.issue(task).ok());
            }
            if !now.is_empty() {
                self.before = now;
                waits_for.clear();
            }
        }
        // A step without work still is not over before what it waits for has come.
        self.before.extend(waits_for);
    }

    fn take_stages(&mut self) -> Vec<Vec<Pending>> {
        std::mem::replace(&mut self.stages, vec![Vec::new()])
    }

    /// Opens the windows that begin between the step before and `id`.
    fn open(&mut self, id: StepId) {
        let plan = self.plan;
        let before = id.as_u32().checked_sub(1).map(StepId::from_u32);
        let opening: Vec<TransferId> =
            plan.transfers.iter().filter(|(_, one)| one.after == before).map(|it| it.0).collect();
        for one in opening {
            let transfer = &plan.transfers[one];
            match transfer.role {
                TransferRole::Spill => {
                    let opens = self.before.clone();
                    self.issue_transfer(one, opens);
                    self.issued[one].ready = self.issued[one].opens.clone();
                    if let Some(task) = self.issued[one].task {
                        self.before = SmallVec::from_slice(&[task]);
                    }
                }
                TransferRole::FetchBack if transfer.step == id => {
                    let opens = self.before.clone();
                    self.issue_transfer(one, opens);
                }
                // The slices of the step at hand are issued with its work.
                TransferRole::Weights { .. } if transfer.step == id => {}
                TransferRole::Weights { .. } | TransferRole::FetchBack => {
                    self.issued[one].opens = self.before.clone();
                    self.opened.push(one);
                }
            }
        }
    }

    fn issue_transfer(&mut self, id: TransferId, opens: Tasks) {
        let plan = self.plan;
        let transfer = &plan.transfers[id];
        let cause = match transfer.role {
            TransferRole::Weights { .. } => Cause::WeightFetch,
            TransferRole::Spill | TransferRole::FetchBack => Cause::ActivationTraffic,
        };
        let slower = |id: MemoryId| {
            let memory = &self.chip.memories[id.index()];
            self.chip.bytes_per_cycle(memory).unwrap_or(f64::INFINITY)
        };
        let port =
            if slower(transfer.to) < slower(transfer.from) { transfer.to } else { transfer.from };
        let step = StepIndex(transfer.step.as_u32());
        let mut task =
            Task::new(self.ports[port.index()], cycles(self.chip, transfer), cause, step)
                .after_all(opens.iter().copied());
        if let Some(&link) = self.links.get(transfer.link as usize) {
            task = task.with(link);
        }
        self.issued[id].task = self.schedule.issue(task).ok();
        self.issued[id].opens = opens;
    }

    /// What each resource of the schedule is, in its order.
    pub(crate) fn resource_kinds(&self) -> Vec<ResourceKind> {
        let mut kinds = vec![ResourceKind::Port; self.schedule.resources().len()];
        let engines = self.engines.iter().map(|id| (id, ResourceKind::Engine));
        for (id, kind) in engines.chain(self.links.iter().map(|id| (id, ResourceKind::Link))) {
            kinds[id.index()] = kind;
        }
        kinds
    }

    /// The schedule, and what the transfers need of its timeline.
    pub(crate) fn finish(self) -> (Schedule, Transfers) {
        (self.schedule, Transfers(self.issued))
    }
}

/// Cycles of the reference clock that a transfer takes by itself: its link's set-up, the first
/// access, and the bytes at the least of the rates that the card states.
pub(crate) fn cycles(chip: &Chip, transfer: &Transfer) -> Cycles {
    let link = chip.links.get(transfer.link as usize);
    let setup = link.and_then(|link| link.setup.as_ref()).map_or(Cycles::ZERO, |it| it.value);
    let from = &chip.memories[transfer.from.index()];
    let latency = from.read_latency.as_ref().map_or(Cycles::ZERO, |latency| latency.value);
    let moving = rate(chip, transfer)
        .map_or(Cycles::ZERO, |rate| Cycles::ceil_from(transfer.bytes.as_f64() / rate));
    setup + latency + moving
}

/// Bytes per cycle of the reference clock at which a transfer runs, where the card states a rate.
pub(crate) fn rate(chip: &Chip, transfer: &Transfer) -> Option<f64> {
    let clock = chip.reference_clock().map_or(1.0, |clock| clock.value.get());
    let link = chip.links.get(transfer.link as usize).and_then(|link| {
        let bandwidth = link.bandwidth.as_ref().map(|rate| rate.value.get() / clock);
        bandwidth.or_else(|| link.bytes_per_cycle.as_ref().map(|rate| rate.value))
    });
    let memory = |id: MemoryId| chip.bytes_per_cycle(&chip.memories[id.index()]);
    [link, memory(transfer.from), memory(transfer.to)]
        .into_iter()
        .flatten()
        .filter(|&rate| rate > 0.0)
        .reduce(f64::min)
}

/// The tasks of the plan's transfers.
pub(crate) struct Transfers(SecondaryMap<TransferId, Issued>);

impl Transfers {
    /// How each transfer ran.
    pub(crate) fn profiles(
        &self,
        plan: &Plan,
        chip: &Chip,
        timeline: &Timeline,
    ) -> PrimaryMap<TransferId, TransferProfile> {
        let end = |tasks: &Tasks| {
            tasks.iter().map(|task| timeline.spans[task.index()].end).max().unwrap_or(Cycles::ZERO)
        };
        plan.transfers
            .iter()
            .map(|(id, transfer)| {
                let issued = &self.0[id];
                let Some(task) = issued.task else { return TransferProfile::default() };
                let span = timeline.spans[task.index()];
                let (opens, ready) = (end(&issued.opens), end(&issued.ready));
                let is_spill = transfer.role == TransferRole::Spill;
                TransferProfile {
                    start: span.start,
                    end: span.end,
                    window: if is_spill { Cycles::ZERO } else { ready.saturating_sub(opens) },
                    unhidden: span.end.saturating_sub(ready),
                    rate: rate(chip, transfer),
                }
            })
            .collect()
    }
}
