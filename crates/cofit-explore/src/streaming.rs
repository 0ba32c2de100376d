//! Every trade of memory for work and for time that streaming below the tensor offers.

use cofit_chip::Chip;
use cofit_compile::plan::{MemoryId, Placement, Plan, StepId};
use cofit_ir::OperatorId;
use cofit_sim::simulate;
use cofit_sim::streaming::{PieceCosts, Share};
use cofit_stream::{
    Bound, Breach, Cost, Effort, Network, Point, Question, StageId, by_macs, front, lower_bound,
    verify,
};
use cofit_vocab::{Bytes, Cycles, Macs};
use cranelift_entity::SecondaryMap;

/// Ways to run a model of which none is better than another in bytes, work and time at once.
#[derive(Clone, Debug)]
pub struct StreamingFront {
    /// The plan's graph as streaming sees it, in the plan's order.
    pub network: Network,
    /// What was asked.
    pub question: Question,
    /// The ways, from the fewest bytes to the most.
    pub points: Vec<StreamingPoint>,
    /// What running each operator once takes.
    pub whole: Effort,
    /// No way that computes nothing twice needs less.
    pub bound: Bound,
    /// Cycles of one inference by the plan itself, whole layer by whole layer, or why cycles are not
    /// known.
    pub whole_cycles: Result<Cycles, String>,
}

/// One way to run a model.
#[derive(Clone, Debug)]
pub struct StreamingPoint {
    /// Groups, addresses and work.
    pub point: Point,
    /// Cycles of one inference, in the clock of the engine that runs it.
    pub cycles: Option<Cycles>,
    /// The memory that cycles count on for the arena.
    pub memory: Option<MemoryId>,
}

impl StreamingFront {
    /// The front of a plan on its chip.
    ///
    /// # Errors
    /// A schedule that breaks its promise, which is a mistake of cofit.
    pub fn of(plan: &Plan, chip: &Chip, question: Question) -> Result<Self, Breach> {
        let order: Vec<OperatorId> =
            plan.steps.values().flat_map(|step| step.operators.iter().copied()).collect();
        let network = Network::in_order(&plan.graph, &order);
        let times = Times::of(plan, chip, &network);
        let by_macs = front(&plan.graph, &network, question, &by_macs);
        let mut points = by_macs.points;
        if let Ok(times) = &times {
            let by_time = |stage: StageId, effort: Effort| -> Cost {
                (times.estimate(stage, effort), effort.macs, effort.calls)
            };
            points.extend(front(&plan.graph, &network, question, &by_time).points);
        }
        let cycles_of = |point: &Point| times.as_ref().ok().map(|times| times.of_point(point));
        let mut points: Vec<StreamingPoint> = points
            .into_iter()
            .map(|point| StreamingPoint {
                cycles: cycles_of(&point),
                memory: times.as_ref().ok().and_then(|it| it.costs.home(point.schedule.arena)),
                point,
            })
            .collect();
        points.sort_by_key(StreamingPoint::figures);
        let mut kept: Vec<StreamingPoint> = Vec::new();
        for point in points {
            let figures = point.figures();
            let is_worse = |other: &StreamingPoint| {
                let other = other.figures();
                other.0 <= figures.0 && other.1 <= figures.1 && other.2 <= figures.2
            };
            if !kept.iter().any(is_worse) {
                kept.push(point);
            }
        }
        verify_all(&network, &kept)?;
        let whole_cycles =
            times.as_ref().map(|_| simulate(plan, chip).cycles).map_err(Clone::clone);
        Ok(Self {
            bound: lower_bound(&network, question),
            network,
            question,
            points: kept,
            whole: by_macs.whole,
            whole_cycles,
        })
    }

    /// The fastest way within a number of bytes; of those the one with the least work, then the
    /// fewest bytes.
    pub fn within(&self, bytes: u64) -> Option<&StreamingPoint> {
        let fitting = self.points.iter().filter(|it| it.point.schedule.arena.get() <= bytes);
        fitting.min_by_key(|it| {
            let (arena, macs, cycles) = it.figures();
            (cycles, macs, arena)
        })
    }
}

impl StreamingPoint {
    /// Bytes, multiply-accumulates and cycles.
    pub fn figures(&self) -> (u64, u64, u64) {
        let cycles = self.cycles.map_or(0, Cycles::get);
        (self.point.schedule.arena.get(), self.point.effort().macs, cycles)
    }

    /// Whether anything is computed twice.
    pub fn recomputes(&self) -> bool {
        self.point.schedule.groups.iter().any(|group| group.strips.len() > 1)
    }
}

/// Checks every schedule, on as many threads as the machine has processors.
fn verify_all(network: &Network, points: &[StreamingPoint]) -> Result<(), Breach> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let check = |first: usize| {
        points
            .iter()
            .skip(first)
            .step_by(threads)
            .try_for_each(|it| verify(network, &it.point.schedule))
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|first| scope.spawn(move || check(first))).collect();
        let own = check(0);
        let outcome = |it: std::thread::ScopedJoinHandle<'_, Result<(), Breach>>| {
            it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        others.into_iter().map(outcome).fold(own, Result::and)
    })
}

/// Cycles of a stage.
#[derive(Clone, Copy, Debug, Default)]
struct Linear {
    /// At once.
    base: f64,
    /// For each further call.
    per_call: f64,
    /// For each further time that its constants are read.
    per_read: f64,
    /// For each further iteration.
    per_iteration: f64,
}

/// What the stages of a network cost on a chip.
struct Times<'a> {
    costs: PieceCosts<'a>,
    /// The step of each stage, and the stage's iterations.
    steps: SecondaryMap<StageId, Option<(StepId, u64)>>,
    linear: SecondaryMap<StageId, Linear>,
    stages: Vec<StageId>,
}

impl<'a> Times<'a> {
    fn of(plan: &'a Plan, chip: &'a Chip, network: &Network) -> Result<Self, String> {
        let costs = PieceCosts::of(plan, chip)?;
        let mut step_of: SecondaryMap<OperatorId, Option<StepId>> = SecondaryMap::new();
        for (id, step) in &plan.steps {
            // What is fused into an operator runs inside its kernel.
            if step.placement != Placement::View {
                step_of[step.main] = Some(id);
            }
        }
        let mut times = Self {
            costs,
            steps: SecondaryMap::new(),
            linear: SecondaryMap::new(),
            stages: network.stages.keys().collect(),
        };
        // The search weighs with the preferred memory; what a point's own memory adds is known once
        // its arena is.
        let first = times.costs.home(Bytes::ZERO);
        for (id, stage) in &network.stages {
            let Some(step) = step_of[stage.operator] else { continue };
            let area = stage.grid.area().max(1);
            times.steps[id] = Some((step, area));
            let once = Effort {
                iterations: area,
                macs: stage.macs.get(),
                calls: 1,
                constant_reads: 1,
                constant_bytes: stage.constant_bytes,
            };
            let at = |calls: u64, constant_reads: u64, times_over: u64| {
                let effort = Effort {
                    iterations: once.iterations.saturating_mul(times_over),
                    macs: once.macs.saturating_mul(times_over),
                    calls,
                    constant_reads,
                    ..once
                };
                times.exact(id, effort, first) as f64
            };
            let base = at(1, 1, 1);
            times.linear[id] = Linear {
                base,
                per_call: (at(1001, 1, 1) - base) / 1000.0,
                per_read: (at(1, 1001, 1) - base) / 1000.0,
                per_iteration: (at(1, 1, 2) - base) / area as f64,
            };
        }
        Ok(times)
    }

    /// Cycles of a stage by the simulator.
    fn exact(&self, stage: StageId, effort: Effort, memory: Option<MemoryId>) -> u64 {
        let Some((step, area)) = self.steps[stage] else { return 0 };
        let share = Share {
            macs: Macs(effort.macs),
            pixels: effort.iterations,
            all_pixels: area,
            calls: effort.calls,
            weight_reads: effort.constant_reads,
        };
        self.costs.cost(step, share, memory).sum().get()
    }

    /// The same to within rounding, in a few operations: the cost is linear in calls,
    /// reads of constants and iterations.
    fn estimate(&self, stage: StageId, effort: Effort) -> u64 {
        let Some((_, area)) = self.steps[stage] else { return 0 };
        let Linear { base, per_call, per_read, per_iteration } = self.linear[stage];
        let calls = effort.calls.saturating_sub(1) as f64;
        let reads = effort.constant_reads.saturating_sub(1) as f64;
        let more = effort.iterations as f64 - area as f64;
        let sum = base + calls * per_call + reads * per_read + more * per_iteration;
        sum.max(0.0).round() as u64
    }

    fn of_point(&self, point: &Point) -> Cycles {
        let memory = self.costs.home(point.schedule.arena);
        let stages =
            self.stages.iter().map(|&stage| self.exact(stage, point.efforts[stage], memory));
        Cycles(stages.fold(self.costs.per_inference().get(), u64::saturating_add))
    }
}
