//! The profile: what a simulated plan costs.

use cofit_compile::plan::{MemoryId, StepId, TransferId};
use cofit_vocab::{Bytes, Cycles, FigureKind, Hertz, PicoJoules, Seconds};
use cranelift_entity::PrimaryMap;

use crate::causes::{Cause, Causes};
use crate::event::{Schedule, Timeline};

/// What a plan costs, step by step and in sum. Cycles count the reference clock throughout.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The clock that cycles count.
    pub clock: Hertz,
    /// One entry for every step of the plan.
    pub steps: PrimaryMap<StepId, StepProfile>,
    /// Cycles of one inference, from the first task's start to the last one's end.
    pub cycles: Cycles,
    /// The cycles by cause; they add up to `cycles` exactly.
    pub causes: Causes,
    /// Bytes moved, by memory.
    pub traffic: PrimaryMap<MemoryId, Traffic>,
    /// How well the times are known.
    pub accuracy: Accuracy,
    /// Energy of one inference, or why it is unknown.
    pub energy: Result<Energy, String>,
    /// What is loaded once before results come in the steady state, or why it is unknown.
    pub cold_start: Result<ColdStart, String>,
    /// How every transfer of the plan ran.
    pub transfers: PrimaryMap<TransferId, TransferProfile>,
    /// The tasks of the inference, and the resources that they occupy.
    pub schedule: Schedule,
    /// What each resource of the schedule is, in its order.
    pub resources: Vec<ResourceKind>,
    /// When every task ran.
    pub timeline: Timeline,
}

/// What a resource of a schedule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// An engine of the chip.
    Engine,
    /// The port of a memory, or of a bus that several share.
    Port,
    /// A link between memories: a DMA channel or a bus.
    Link,
}

impl ResourceKind {
    /// The word in traces and on pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Port => "memory port",
            Self::Link => "DMA channel",
        }
    }
}

impl Profile {
    /// When each step had ended, and all steps before it. Copies that run ahead of their step are no
    /// part of the steps beside which they run.
    pub fn step_ends(&self) -> PrimaryMap<StepId, Cycles> {
        let mut ends: PrimaryMap<StepId, Cycles> =
            self.steps.keys().map(|_| Cycles::ZERO).collect();
        for (task, span) in self.schedule.tasks().iter().zip(&self.timeline.spans) {
            if let Some(end) = ends.get_mut(StepId::from_u32(task.step.0)) {
                *end = (*end).max(span.end);
            }
        }
        let mut latest = Cycles::ZERO;
        for end in ends.values_mut() {
            latest = latest.max(*end);
            *end = latest;
        }
        ends
    }

    /// The time of one inference once everything is loaded.
    pub fn steady_state(&self) -> Seconds {
        self.cycles.at(self.clock)
    }

    /// The time from a chip that has loaded nothing to its first result: the cold start and one
    /// inference.
    ///
    /// # Errors
    /// The reason why the cold start is unknown.
    pub fn first_inference(&self) -> Result<Seconds, String> {
        let load = self.cold_start.as_ref().map_err(Clone::clone)?;
        Ok(load.time + self.steady_state())
    }

    /// The energy from a chip that has loaded nothing to its first result.
    ///
    /// # Errors
    /// The reason why a part of it is unknown.
    pub fn first_inference_energy(&self) -> Result<PicoJoules, String> {
        let load = self.cold_start.as_ref().map_err(Clone::clone)?;
        let inference = self.energy.as_ref().map_err(Clone::clone)?;
        let loading = match load.energy {
            Some(energy) => energy,
            None if load.bytes.is_zero() => PicoJoules(0.0),
            None => return Err("the card states no energy of loading weights".to_owned()),
        };
        Ok(loading + inference.total())
    }
}

/// How a transfer ran. Cycles count the reference clock from the start of the inference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TransferProfile {
    /// When it began.
    pub start: Cycles,
    /// When it ended.
    pub end: Cycles,
    /// For how long it could run beside arithmetic: from the opening of its window to when what
    /// waits for it would have begun without it. Zero where it lies between two steps.
    pub window: Cycles,
    /// For how long its step waited for it.
    pub unhidden: Cycles,
    /// Bytes per cycle at which it ran, where the card states any rate.
    pub rate: Option<f64>,
}

impl TransferProfile {
    /// Cycles that it ran.
    pub const fn cycles(&self) -> Cycles {
        self.end.saturating_sub(self.start)
    }
}

/// What one step costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepProfile {
    /// Cycles charged to the step, by cause. What other steps hide is not charged twice.
    pub causes: Causes,
    /// Bytes that the step moves, by memory.
    pub traffic: PrimaryMap<MemoryId, Traffic>,
    /// Cycles that the step waited for transfers that nothing hid.
    pub unhidden: Cycles,
    /// What the step would take if only one thing took time, for every such thing.
    pub demands: Vec<Demand>,
}

impl StepProfile {
    /// Cycles charged to the step.
    pub fn cycles(&self) -> Cycles {
        self.causes.sum()
    }

    /// The cause of most of the step's cycles.
    pub fn bound(&self) -> Option<Cause> {
        self.causes.dominant().map(|(cause, _)| cause)
    }
}

/// What one resource would take for a step by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The engine or memory.
    pub resource: String,
    /// Cycles that the step occupies it.
    pub cycles: Cycles,
}

/// Bytes read from and written to a memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read.
    pub read: Bytes,
    /// Bytes written.
    pub written: Bytes,
}

impl Traffic {
    /// All bytes moved.
    pub fn total(self) -> Bytes {
        self.read + self.written
    }
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.written += other.written;
    }
}

/// How well a time is known: its kind, and factors on it for the ends of its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Exact where the vendor's formula is the definition, calibrated where parameters were fitted
    /// to silicon, simulated elsewhere, assumed where a parameter is.
    pub kind: FigureKind,
    /// The lower end over the value.
    pub low: f64,
    /// The upper end over the value.
    pub high: f64,
    /// Whether milliseconds mean anything: a structural model ranks layers and names what binds,
    /// and its time is not to be trusted.
    pub is_structural: bool,
}

/// Energy of one inference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    /// By switching, whatever is computed: so much for each cycle.
    pub by_cycle: PicoJoules,
    /// By multiply-accumulates.
    pub by_mac: PicoJoules,
    /// By bytes read and written.
    pub by_byte: PicoJoules,
    /// By being on.
    pub leakage: PicoJoules,
    /// Whether the card borrows its figures from a similar chip.
    pub is_borrowed: bool,
}

impl Energy {
    /// All together.
    pub fn total(&self) -> PicoJoules {
        self.by_cycle + self.by_mac + self.by_byte + self.leakage
    }
}

/// What happens once, before the first inference or as part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ColdStart {
    /// Bytes loaded.
    pub bytes: Bytes,
    /// Time that it takes.
    pub time: Seconds,
    /// Energy that it takes, where the card knows it.
    pub energy: Option<PicoJoules>,
}
