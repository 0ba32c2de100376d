//! The fewest cycles under a limit of bytes.
//!
//! Stages are taken in order; each either runs by itself or begins a cascade. What a choice costs
//! the next one is told by the slack that it leaves for transfers, so a dynamic program keeps, at
//! every boundary between stages, the ways there that no other way beats in cycles, in slack and in
//! free bytes at once.
//!
//! What is exact: cycles and live bytes of every schedule that is compared. What is not searched:
//! cascades beyond those of [`grow`](crate::cascade::grow), subsets of resident weights other than by
//! cycles gained per byte, and for stages by themselves weight plans other than Vela's within
//! unlimited, free, half the free and no bytes. Bytes are those alive at once; a layout can need
//! more, which who lays it out has to check.

use cofit_vocab::{Bytes, Cycles, Diagnostic};

use crate::block_search::{BlockConfig, find_block};
use crate::buffering::{Buffering, Neighbourhood, Slack, WeightPlan, plan_weights};
use crate::cascade::grow::{Candidate, Growth};
use crate::cascade::live::Live;
use crate::cascade::stripe::{Choice, Stripes};
use crate::cascade::{Cascade, Network};
use crate::config::Config;
use crate::operation::NpuOperation;
use crate::schedule::{Schedule, ScheduledOperation, Timing, encoding_of, measure};
use crate::weight_stream::WeightEncoding;

/// Ways to a boundary that are kept.
const KEPT: usize = 8;

/// Points of a front; the search stops there.
const POINTS: usize = 1024;

/// What no limit is: as much as Vela assumes.
const UNLIMITED: Bytes = crate::schedule::UNLIMITED;

/// A schedule under a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Most bytes alive at once: feature maps, rolling buffers and weight buffers.
    pub bytes: Bytes,
    /// Its operations, their cycles, and its cascades.
    pub schedule: Schedule,
}

/// A network prepared for any limit.
#[derive(Debug)]
pub struct Search<'n, 'a> {
    network: &'n Network<'a>,
    config: &'n Config,
    stripes: Stripes<'n, 'a>,
    /// The block of every operation on its own.
    blocks: Vec<BlockConfig>,
    live: Live<'n, 'a>,
    cascades: Vec<Candidate>,
}

/// A way to a boundary between two stages.
#[derive(Clone, Debug)]
struct Way {
    cycles: Cycles,
    slack: Option<Slack>,
    /// The boundary before and the way there.
    from: (usize, usize),
    taken: Taken,
}

/// What leads from one boundary to a later one.
#[derive(Clone, Debug)]
enum Taken {
    /// The start, or a stage in which the NPU rests.
    Nothing,
    /// One stage by itself, with the weight plans of its operations.
    Single(Vec<WeightPlan>),
    /// A cascade, by its number, and for each stage whether its weights are resident and, if so,
    /// whether they were copied under the stage before.
    Cascade(usize, Vec<Option<bool>>),
}

impl Way {
    /// Whether the way ends with a stage by itself with these weight plans.
    fn is_single(&self, plans: &[WeightPlan]) -> bool {
        match &self.taken {
            Taken::Single(own) => own == plans,
            Taken::Nothing | Taken::Cascade(..) => false,
        }
    }
}

impl<'n, 'a> Search<'n, 'a> {
    /// Works out blocks and cascades.
    ///
    /// # Errors
    /// As [`crate::schedule()`].
    pub fn new(
        network: &'n Network<'a>,
        config: &'n Config,
        encoding: WeightEncoding,
    ) -> Result<Self, Box<Diagnostic>> {
        let encoding = encoding_of(&network.operations, encoding);
        let blocks = network
            .operations
            .iter()
            .map(|operation| find_block(operation, config))
            .collect::<Result<Vec<_>, _>>()?;
        let mut search = Self {
            network,
            config,
            stripes: Stripes::new(&network.operations, config, encoding),
            blocks,
            live: Live::of(network),
            cascades: Vec::new(),
        };
        for (at, block) in search.blocks.iter().enumerate() {
            search.stripes.encoder(at, block)?;
        }
        search.cascades = Growth::new(network, &search.stripes, &search.live).candidates();
        Ok(search)
    }

    /// The points of which no other needs fewer bytes and fewer cycles, from the fewest cycles to
    /// the fewest bytes.
    pub fn front(&self) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::new();
        let mut limit = UNLIMITED;
        while points.len() < POINTS {
            let Some(point) = self.within(limit) else { break };
            if points.last().is_some_and(|last| last.schedule.total >= point.schedule.total) {
                points.pop();
            }
            if point.bytes.is_zero() {
                points.push(point);
                break;
            }
            limit = point.bytes - Bytes(1);
            points.push(point);
        }
        points
    }

    /// The fewest cycles in the fewest bytes that are found.
    pub fn least(&self) -> Option<Point> {
        let mut best = self.within(UNLIMITED)?;
        let mut floor = Bytes::ZERO;
        while best.bytes > floor {
            let middle = floor + Bytes((best.bytes - floor).get() / 2);
            match self.within(middle) {
                Some(point) => best = point,
                None => floor = middle + Bytes(1),
            }
        }
        Some(best)
    }

    /// The schedule of fewest cycles of which no more than `limit` bytes are alive at once; none
    /// where there is none.
    pub fn within(&self, limit: Bytes) -> Option<Point> {
        let limit = limit.min(UNLIMITED);
        let stages = self.network.stages.len();
        let start = Way { cycles: Cycles::ZERO, slack: None, from: (0, 0), taken: Taken::Nothing };
        let mut ways: Vec<Vec<Way>> = vec![Vec::new(); stages + 1];
        ways[0].push(start);
        let mut next_cascade = 0;
        for at in 0..stages {
            prune(&mut ways[at]);
            for index in 0..ways[at].len() {
                let way = ways[at][index].clone();
                for done in self.alone(at, &way, limit) {
                    ways[at + 1].push(Way { from: (at, index), ..done });
                }
            }
            while let Some(candidate) =
                self.cascades.get(next_cascade).filter(|one| one.cascade.first == at)
            {
                if candidate.bytes <= limit {
                    self.cascaded(next_cascade, &mut ways, limit);
                }
                next_cascade += 1;
            }
        }
        prune(&mut ways[stages]);
        let best = (0..ways[stages].len()).min_by_key(|&way| ways[stages][way].cycles)?;
        Some(self.trace(&ways, best))
    }

    /// The ways of running a stage by itself.
    fn alone(&self, at: usize, before: &Way, limit: Bytes) -> Vec<Way> {
        let stage = &self.network.stages[at];
        let bytes = self.live.alone(at);
        if bytes > limit {
            return Vec::new();
        }
        let free = limit - bytes;
        let slack = if stage.after_cpu { None } else { before.slack };
        let operations = self.network.operations.get(stage.operations.clone()).unwrap_or_default();
        if operations.is_empty() {
            return vec![Way { taken: Taken::Nothing, ..before.clone() }];
        }
        let mut done: Vec<Way> = Vec::new();
        // What Vela would do without a limit, in the bytes that are free, in half of them, and
        // without buffers.
        for staging in [UNLIMITED, free, Bytes(free.get() / 2), Bytes::ZERO] {
            let mut way = Way { slack, taken: Taken::Nothing, ..before.clone() };
            let mut plans: Vec<WeightPlan> = Vec::with_capacity(operations.len());
            for (operation, index) in operations.iter().zip(stage.operations.clone()) {
                let block = &self.blocks[index];
                // Sized without fault when the search was made.
                let encoder = self.stripes.encoder(index, block).ok().flatten();
                let around = Neighbourhood { before: way.slack, free: staging, ifm_moves: false };
                let mut plan =
                    plan_weights(operation, block, encoder.as_deref(), &around, self.config);
                plan.slack.memory = free - last_buffer(&plan);
                let hidden = way.slack.map_or(Cycles::ZERO, |slack| slack.cycles);
                way.cycles += Timing::of(operation, block, &plan, self.config).total(hidden);
                way.slack = Some(plan.slack);
                plans.push(plan);
            }
            let fits = plans.iter().all(|plan| plan.buffers[0] + plan.buffers[1] <= free);
            if !fits || done.iter().any(|way| way.is_single(&plans)) {
                continue;
            }
            way.taken = Taken::Single(plans);
            done.push(way);
        }
        done
    }

    /// Runs a cascade behind every way to its first stage.
    fn cascaded(&self, number: usize, ways: &mut [Vec<Way>], limit: Bytes) {
        let candidate = &self.cascades[number];
        let Cascade { first, last, .. } = candidate.cascade;
        let free = limit - candidate.bytes;
        let after_cpu = self.network.stages[first].after_cpu;
        // Even with everything hidden a cascade costs what its operations compute; ways that are
        // far behind need not be tried.
        let best_end = ways[last + 1].iter().map(|way| way.cycles).min();
        let kept = self.resident(candidate, free);
        let none = vec![None; candidate.cascade.stripes.len()];
        let mut found = Vec::new();
        for (index, way) in ways[first].iter().enumerate() {
            let slack = if after_cpu { None } else { way.slack };
            for choice in [&kept, &none] {
                let mut choice = choice.clone();
                if let Some(Some(early)) = choice.first_mut() {
                    let bytes = self.choice(candidate, 0, Some(false)).map(|one| one.bytes());
                    *early =
                        slack.is_some_and(|slack| bytes.is_some_and(|bytes| bytes < slack.memory));
                }
                let Some((cycles, left)) = self.run(candidate, &choice, slack) else { continue };
                let used: Bytes = (0..choice.len())
                    .filter_map(|at| self.choice(candidate, at, choice[at]))
                    .map(|one| one.bytes())
                    .sum();
                let done = Way {
                    cycles: way.cycles + cycles,
                    slack: Some(Slack { cycles: left, memory: free - used }),
                    from: (first, index),
                    taken: Taken::Cascade(number, choice),
                };
                // Slack hides at most its own length of what follows.
                if best_end.is_none_or(|best| done.cycles <= best + left + left) {
                    found.push(done);
                }
                if kept == none {
                    break;
                }
            }
        }
        ways[last + 1].extend(found);
    }

    /// The operation of a cascade's stage with its weights.
    fn choice(&self, candidate: &Candidate, at: usize, resident: Option<bool>) -> Option<Choice> {
        let stage = self.network.stages.get(candidate.cascade.first + at)?;
        let striped =
            self.stripes.striped(stage.operations.start, candidate.cascade.stripes[at])?;
        match resident {
            None => Some(striped.in_place.clone()),
            Some(early) => striped.resident.as_ref().map(|both| both[usize::from(early)].clone()),
        }
    }

    /// Cycles of a cascade and the slack that it leaves.
    fn run(
        &self,
        candidate: &Candidate,
        choice: &[Option<bool>],
        before: Option<Slack>,
    ) -> Option<(Cycles, Cycles)> {
        let mut slack = before.map_or(Cycles::ZERO, |slack| slack.cycles);
        let mut cycles = Cycles::ZERO;
        for (at, resident) in choice.iter().enumerate() {
            let stage = self.network.stages.get(candidate.cascade.first + at)?;
            let height = candidate.cascade.stripes[at];
            let striped = self.stripes.striped(stage.operations.start, height)?;
            let one = match (resident, &striped.resident) {
                (Some(early), Some(both)) => &both[usize::from(*early)],
                (Some(_) | None, _) => &striped.in_place,
            };
            cycles += one.timing.total(slack);
            slack = one.plan.slack.cycles;
        }
        Some((cycles, slack))
    }

    /// The weights that are kept in `free` bytes: those that gain most cycles per byte first.
    fn resident(&self, candidate: &Candidate, free: Bytes) -> Vec<Option<bool>> {
        let stripes = &candidate.cascade.stripes;
        let mut chosen = vec![None; stripes.len()];
        let mut gains: Vec<(f64, usize, Bytes)> = Vec::new();
        let mut slack = Cycles::ZERO;
        for (at, &height) in stripes.iter().enumerate() {
            let operation = self.network.stages[candidate.cascade.first + at].operations.start;
            let Some(striped) = self.stripes.striped(operation, height) else { continue };
            if let Some([resident, _]) = &striped.resident {
                let from = striped.in_place.timing.total(slack);
                let gain = from - resident.timing.total(slack);
                let bytes = resident.bytes();
                if gain > Cycles::ZERO && bytes <= free {
                    gains.push((gain.as_f64() / bytes.as_f64().max(1.0), at, bytes));
                }
            }
            slack = striped.in_place.plan.slack.cycles;
        }
        gains.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut left = free;
        for (_, at, bytes) in gains {
            if bytes <= left {
                left = left - bytes;
                chosen[at] = Some(false);
            }
        }
        chosen
    }

    /// Follows a way back to the start and writes it down.
    fn trace(&self, ways: &[Vec<Way>], best: usize) -> Point {
        let mut path = Vec::new();
        let mut here = (self.network.stages.len(), best);
        while here.0 > 0 {
            let way = &ways[here.0][here.1];
            path.push(way);
            here = way.from;
        }
        let mut tally = Tally::default();
        for way in path.iter().rev() {
            let begin = way.from.0;
            if self.network.stages[begin].after_cpu {
                tally.slack = Cycles::ZERO;
            }
            match &way.taken {
                Taken::Nothing => tally.rest(self.live.alone(begin)),
                Taken::Single(plans) => {
                    let operations = self.network.stages[begin].operations.clone();
                    for (index, plan) in operations.zip(plans) {
                        let operation = &self.network.operations[index];
                        let block = self.blocks[index];
                        let slack = tally.slack;
                        let done = measure(operation, block, plan.clone(), slack, self.config);
                        let alive = self.live.alone(begin);
                        let staged = done.staging_bytes();
                        let remaining = last_buffer(&done.weights);
                        tally.place(operation, done, alive + staged, alive + remaining);
                    }
                }
                Taken::Cascade(number, resident) => {
                    let candidate = &self.cascades[*number];
                    let one = |at: usize| self.choice(candidate, at, resident[at]);
                    let staged: Bytes =
                        (0..resident.len()).filter_map(one).map(|one| one.bytes()).sum();
                    let alive = candidate.bytes + staged;
                    for at in 0..resident.len() {
                        let index = self.network.stages[begin + at].operations.start;
                        let operation = &self.network.operations[index];
                        let height = candidate.cascade.stripes[at];
                        let (Some(one), Some(striped)) =
                            (one(at), self.stripes.striped(index, height))
                        else {
                            continue;
                        };
                        let block = striped.block;
                        let done = one.timing.placed(operation, block, one.plan, tally.slack);
                        tally.place(operation, done, alive, alive);
                    }
                    tally.schedule.cascades.push(candidate.cascade.clone());
                }
            }
        }
        Point { bytes: tally.bytes, schedule: tally.schedule }
    }
}

/// A schedule while it is written down.
#[derive(Debug, Default)]
struct Tally {
    schedule: Schedule,
    /// Most bytes alive so far.
    bytes: Bytes,
    /// Bytes alive at the end of what ran last.
    remaining: Bytes,
    /// Slack that it leaves.
    slack: Cycles,
}

impl Tally {
    /// Another engine runs, or none.
    fn rest(&mut self, alive: Bytes) {
        self.bytes = self.bytes.max(alive);
        self.remaining = self.remaining.max(alive);
    }

    /// Appends an operation with the bytes alive while it runs and at its end.
    fn place(
        &mut self,
        operation: &NpuOperation<'_>,
        done: ScheduledOperation,
        alive: Bytes,
        remaining: Bytes,
    ) {
        if done.weights.pre_buffered {
            self.bytes = self.bytes.max(self.remaining + done.weights.buffers[0]);
        }
        self.bytes = self.bytes.max(alive);
        self.remaining = remaining;
        self.slack = done.weights.slack.cycles;
        self.schedule.push(operation, done);
    }
}

/// Bytes of the buffer that holds the last slice.
fn last_buffer(plan: &WeightPlan) -> Bytes {
    let slices = plan.depths.len().saturating_sub(1);
    match plan.buffering {
        Buffering::None => Bytes::ZERO,
        Buffering::Single => plan.buffers[0],
        Buffering::Double => plan.buffers[slices.saturating_sub(1) % 2],
    }
}

/// Keeps the ways that no other beats in cycles, slack and free bytes.
fn prune(ways: &mut Vec<Way>) {
    let slack = |way: &Way| way.slack.map_or(Cycles::ZERO, |slack| slack.cycles);
    let memory = |way: &Way| way.slack.map_or(Bytes::ZERO, |slack| slack.memory);
    ways.sort_by_key(|way| {
        (way.cycles, std::cmp::Reverse(slack(way)), std::cmp::Reverse(memory(way)))
    });
    let mut kept: Vec<Way> = Vec::new();
    for way in ways.drain(..) {
        let beaten = kept.iter().any(|other| {
            // Slack can save its length at most, so a way that is behind by more has lost.
            way.cycles >= other.cycles + slack(&way) + slack(&way)
                || (slack(other) >= slack(&way) && memory(other) >= memory(&way))
        });
        if (kept.is_empty() || !beaten) && kept.len() < KEPT {
            kept.push(way);
        }
    }
    *ways = kept;
}
