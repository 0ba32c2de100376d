//! What one way to run a group takes: bytes, computations, weights read.

use cranelift_entity::EntityRef;
use smallvec::SmallVec;

use crate::channels::{ByChannels, SLICES};
use crate::lag::{Along, Behind, Lag, lag};
use crate::network::{Manner, Network, StageId, ValueId};
use crate::schedule::{Group, Pieces, Uses};
use crate::tasks::StripColumns;

/// What the search is told about the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    pub network: &'a Network,
    pub uses: &'a Uses,
    /// When values are live.
    pub spans: &'a Spans,
    /// Whether inputs lie outside the arena.
    pub inputs_outside: bool,
    /// Whether outputs lie outside the arena.
    pub outputs_outside: bool,
}

/// Bytes of values in the arena that are born, and that have died, by stage, were all of them there in
/// full. Inputs are live from the start, outputs to the end; an input that nobody reads never is.
#[derive(Clone, Debug)]
pub(crate) struct Spans {
    /// Bytes of what is live at a stage or before.
    born: Vec<u128>,
    /// Bytes of what is live before a stage and no more.
    dead: Vec<u128>,
}

impl Spans {
    pub fn of(network: &Network, uses: &Uses, is_outside: impl Fn(ValueId) -> bool) -> Self {
        let count = network.stages.len();
        let mut spans = Self { born: vec![0; count], dead: vec![0; count + 1] };
        for (value, it) in network.values.iter().filter(|(value, _)| !is_outside(*value)) {
            let written = uses.writer[value].map(StageId::index);
            let read = uses.readers[value].last().map(|reader| reader.index());
            let first = if it.is_input { Some(0) } else { written };
            let last = if it.is_output { count.checked_sub(1) } else { read.or(written) };
            if let (Some(first), Some(last)) = (first, last)
                && last < count
            {
                spans.born[first] += u128::from(it.bytes());
                spans.dead[last + 1] += u128::from(it.bytes());
            }
        }
        for list in [&mut spans.born, &mut spans.dead] {
            let mut sum = 0;
            for bytes in list {
                sum += *bytes;
                *bytes = sum;
            }
        }
        spans
    }

    /// Bytes of everything that is live at some stage of `first..=last`.
    fn within(&self, first: StageId, last: StageId) -> u128 {
        self.born[last.index()] - self.dead[first.index()]
    }
}

impl Setting<'_> {
    /// Whether a value lies outside the arena.
    pub fn is_outside(&self, value: ValueId) -> bool {
        let it = &self.network.values[value];
        (self.inputs_outside && it.is_input) || (self.outputs_outside && it.is_output)
    }
}

/// What running a stage piece by piece takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Iterations of the stages, those made twice included.
    pub iterations: u64,
    /// Multiply-accumulates, those made twice included.
    pub macs: u64,
    /// Calls of the stages' kernels.
    pub calls: u64,
    /// Times that the stages' constants are read from end to end: once a call, but only once where
    /// calls share them out among each other.
    pub constant_reads: u64,
    /// Bytes of constants read.
    pub constant_bytes: u64,
}

impl Effort {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            iterations: self.iterations.saturating_add(other.iterations),
            macs: self.macs.saturating_add(other.macs),
            calls: self.calls.saturating_add(other.calls),
            constant_reads: self.constant_reads.saturating_add(other.constant_reads),
            constant_bytes: self.constant_bytes.saturating_add(other.constant_bytes),
        }
    }
}

/// A group run in one way.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub group: Group,
    /// Bytes that the arena must have while it runs, other values that are live included.
    pub peak: u64,
    /// What it costs, by the weight that the search was given.
    pub cost: Cost,
}

/// What is to be kept small besides bytes: the first counts, the others decide between equals, the
/// second before the third.
pub type Cost = (u64, u64, u64);

/// The cost of both together.
pub(crate) const fn sum(one: Cost, other: Cost) -> Cost {
    (one.0.saturating_add(other.0), one.1.saturating_add(other.1), one.2.saturating_add(other.2))
}

/// How a stage's effort is weighed.
pub type Weigh<'a> = dyn Fn(StageId, Effort) -> Cost + 'a;

/// Numbers of pixels that pieces of a row are tried with.
pub(crate) const PIXELS: [u32; 5] = [1, 2, 4, 8, 16];

/// A group's stages, and what does not depend on how they are run.
pub(crate) struct GroupView<'a> {
    setting: Setting<'a>,
    first: StageId,
    last: StageId,
    rows: Lag,
    /// By the number of pixels of a piece.
    columns: SmallVec<[(u32, Lag); PIXELS.len()]>,
    /// Bytes of values that lie in the arena in full while the group runs.
    full: u64,
    /// Internal values that are no streams.
    fixed: u64,
    /// Sums, which a stage that runs at once has no need of.
    sums: u64,
    /// Whether the group may be cut into strips.
    may_strip: bool,
    /// Iterations' columns of the last stage.
    driver_columns: u32,
    /// Whether and how the group may run by channels.
    by_channels: Option<ByChannels>,
}

impl<'a> GroupView<'a> {
    /// Looks at stages `first..=last` as a group; `None` where it would hold a stage back that cannot
    /// be streamed and has company.
    pub fn of(setting: Setting<'a>, first: StageId, last: StageId) -> Option<Self> {
        let Setting { network, uses, .. } = setting;
        let is_alone = first == last;
        let stages = || (first.index()..last.index() + 1).map(StageId::new);
        if !is_alone && stages().any(|id| network.stages[id].manner == Manner::Whole) {
            return None;
        }
        let mut full = setting.spans.within(first, last);
        for id in stages() {
            for &value in &network.stages[id].writes {
                let is_ring = uses.is_internal(network, value, first, last)
                    && !uses.readers[value].is_empty();
                if is_ring && !setting.is_outside(value) {
                    full -= u128::from(network.values[value].bytes());
                }
            }
        }
        let full = u64::try_from(full).unwrap_or(u64::MAX);
        let (mut fixed, mut sums) = (0_u64, 0_u64);
        for id in stages() {
            let stage = &network.stages[id];
            if let Manner::Accumulated { bytes } = stage.manner {
                sums = sums.saturating_add(bytes);
            }
            if !matches!(stage.manner, Manner::Streamed { .. }) {
                let inner =
                    stage.writes.iter().filter(|&&it| uses.is_internal(network, it, first, last));
                let inner = inner.filter(|&&it| !uses.readers[it].is_empty());
                fixed =
                    inner.fold(fixed, |sum, &it| sum.saturating_add(network.values[it].bytes()));
            }
        }
        let driver = &network.stages[last];
        let may_strip = driver.manner != Manner::Whole
            && stages().all(|id| {
                let stage = &network.stages[id];
                let is_last = id == last;
                let is_streamed = matches!(stage.manner, Manner::Streamed { .. });
                let is_inner =
                    stage.writes.iter().all(|&it| uses.is_internal(network, it, first, last));
                is_last || (is_streamed && is_inner && !stage.writes.is_empty())
            });
        Some(Self {
            setting,
            first,
            last,
            rows: lag(network, uses, first, last, Along::Rows, 1),
            columns: PIXELS
                .iter()
                .filter(|&&count| count == 1 || count < driver.grid.columns)
                .map(|&count| (count, lag(network, uses, first, last, Along::Columns, count)))
                .collect(),
            full,
            fixed,
            sums,
            may_strip,
            driver_columns: driver.grid.columns,
            by_channels: ByChannels::of(network, uses, first, last),
        })
    }

    /// Numbers of pixels that a piece may have.
    pub fn pixels(&self) -> impl Iterator<Item = u32> + '_ {
        self.columns.iter().map(|lag| lag.0)
    }

    /// Ways to run the group by channels, if there are any.
    pub fn by_channels(&self, weigh: &Weigh<'_>) -> Vec<Candidate> {
        let Some(all) = self.by_channels else { return Vec::new() };
        let counts = SLICES.iter().filter(|&&count| count < all.channels);
        counts.map(|&count| self.by_slices(all, count, weigh)).collect()
    }

    /// The group run by `count` channels at a time.
    fn by_slices(&self, all: ByChannels, count: u32, weigh: &Weigh<'_>) -> Candidate {
        let Setting { network, .. } = self.setting;
        let group = Group {
            first: self.first,
            last: self.last,
            pieces: Pieces::Channels(count),
            strips: even_strips(self.driver_columns, 1),
        };
        let mut cost: Cost = (0, 0, 0);
        let mut peak = all.sums;
        for id in group.stages() {
            let stage = &network.stages[id];
            cost = sum(cost, weigh(id, slices_effort(network, id, all.slices(count))));
            let held = stage.grid.area().saturating_mul(count.into());
            peak = peak.saturating_add(if id == self.last { 0 } else { held });
        }
        // The result lies over the sums that it is made from.
        let result = network.stages[self.last].writes.iter();
        let result = result.filter(|&&value| !self.setting.is_outside(value));
        let result = result.map(|&value| network.values[value].bytes());
        let others = self.full.saturating_sub(result.fold(0, u64::saturating_add));
        let peak = peak.saturating_add(others);
        Candidate { group, peak, cost }
    }

    /// Whether strips are possible, and how many columns there are to cut.
    pub const fn strippable_columns(&self) -> Option<u32> {
        if self.may_strip && self.driver_columns > 1 { Some(self.driver_columns) } else { None }
    }

    /// The group run in pieces of a size, in as many strips of even width.
    pub fn candidate(&self, pieces: Pieces, strips: u32, weigh: &Weigh<'_>) -> Candidate {
        let Setting { network, uses, .. } = self.setting;
        let group = Group {
            first: self.first,
            last: self.last,
            pieces,
            strips: even_strips(self.driver_columns, strips),
        };
        let count = group.stages().len();
        let mut widest: SmallVec<[u32; 16]> = SmallVec::from_elem(0, count);
        let mut total: SmallVec<[u64; 16]> = SmallVec::from_elem(0, count);
        for strip in 0..group.strips.len() {
            let columns = StripColumns::of(network, uses, &group, strip);
            for (at, id) in group.stages().enumerate() {
                let own = columns.stage(id);
                let width = own.end - own.start;
                widest[at] = widest[at].max(width);
                total[at] += u64::from(width);
            }
        }
        let mut cost: Cost = (0, 0, 0);
        for (at, id) in group.stages().enumerate() {
            let effort = effort_of(network, id, pieces, total[at], group.strips.len());
            cost = sum(cost, weigh(id, effort));
        }
        let rings = self.rows.rings.iter().map(|&(value, rows)| {
            let it = &network.values[value];
            let width = uses.writer[value]
                .map_or(it.grid.columns, |writer| widest[writer.index() - self.first.index()]);
            let pixels = match pieces {
                Pieces::Whole | Pieces::Rows | Pieces::Channels(_) => {
                    u64::from(rows) * u64::from(width)
                }
                Pieces::Pixels(count) => {
                    let of = |ring: &&(ValueId, u32)| ring.0 == value;
                    let lag = self.columns.iter().find(|lag| lag.0 == count);
                    let ring = lag.and_then(|lag| lag.1.rings.iter().find(of));
                    let columns = ring.map_or(width, |ring| ring.1);
                    u64::from(rows.saturating_sub(1)) * u64::from(width)
                        + u64::from(columns.min(width))
                }
            };
            pixels.min(it.grid.area()).saturating_mul(it.pixel_bytes)
        });
        let rings = rings.fold(0, u64::saturating_add);
        let saved = match (pieces, group.strips.len()) {
            (Pieces::Whole | Pieces::Channels(_), _) => 0,
            (Pieces::Rows | Pieces::Pixels(_), 1) => {
                self.rows.behind.iter().map(|it| self.saved(it, pieces)).max().unwrap_or(0)
            }
            (Pieces::Rows | Pieces::Pixels(_), _) => 0,
        };
        let sums = if pieces == Pieces::Whole { 0 } else { self.sums };
        let peak = self.full.saturating_add(rings).saturating_add(self.fixed).saturating_add(sums);
        let peak = peak.saturating_sub(saved);
        Candidate { group, peak, cost }
    }

    /// Bytes that a result and a dying operand share.
    fn saved(&self, behind: &Behind, pieces: Pieces) -> u64 {
        // Both leave the group or come from before it, so that they lie there in full.
        if self.setting.is_outside(behind.operand) || self.setting.is_outside(behind.result) {
            return 0;
        }
        let network = self.setting.network;
        let (result, operand) = (&network.values[behind.result], &network.values[behind.operand]);
        let mut distance = behind.bytes;
        if let Pieces::Pixels(count) = pieces {
            // The first piece of a row is written when all other pixels of it are still to come.
            let row = |grid: crate::Grid, bytes: u64| {
                let others = u64::from(grid.columns.saturating_sub(count));
                i64::try_from(others.saturating_mul(bytes)).unwrap_or(0)
            };
            distance -= row(result.grid, result.pixel_bytes)
                .min(row(operand.grid, operand.pixel_bytes))
                .max(0);
        }
        saved_bytes(result.bytes(), operand.bytes(), distance)
    }
}

/// Bytes that two values share where one must start at least `distance` bytes below the other.
pub(crate) fn saved_bytes(result: u64, operand: u64, distance: i64) -> u64 {
    let (low, high) = (i128::from(result), i128::from(operand));
    // The lower they lie the better; below their common end nothing is gained.
    let offset = i128::from(distance).max((low - high).min(0));
    let extent = low.max(offset + high) - offset.min(0);
    u64::try_from((low + high - extent).max(0)).unwrap_or(0)
}

/// What a stage takes over `columns` columns of its grid, all strips together.
pub(crate) fn effort_of(
    network: &Network,
    id: StageId,
    pieces: Pieces,
    columns: u64,
    strips: usize,
) -> Effort {
    let stage = &network.stages[id];
    let rows = u64::from(stage.grid.rows);
    let calls = match (stage.manner, pieces) {
        (Manner::Whole, _) | (_, Pieces::Whole) => 1,
        (_, Pieces::Rows | Pieces::Channels(_)) => rows * strips as u64,
        (_, Pieces::Pixels(count)) => {
            // Strips are about even, so that each has a last piece of its own.
            let strips = strips.max(1) as u64;
            rows * strips * columns.div_ceil(strips).div_ceil(u64::from(count.max(1)))
        }
    };
    let whole = stage.macs.get();
    let macs = match stage.manner {
        Manner::Whole => whole,
        Manner::Streamed { .. } | Manner::Accumulated { .. } => {
            let share =
                u128::from(whole) * u128::from(columns) / u128::from(stage.grid.columns.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        }
    };
    let iterations = match stage.manner {
        Manner::Whole => 1,
        Manner::Streamed { .. } | Manner::Accumulated { .. } => rows * columns,
    };
    let constant_bytes = stage.constant_bytes.saturating_mul(calls);
    Effort { iterations, macs, calls, constant_reads: calls, constant_bytes }
}

/// What a stage takes in `slices` slices of channels, each of which reads its own constants.
pub(crate) fn slices_effort(network: &Network, id: StageId, slices: u64) -> Effort {
    let stage = &network.stages[id];
    Effort {
        iterations: stage.grid.area(),
        macs: stage.macs.get(),
        calls: slices,
        constant_reads: 1,
        constant_bytes: stage.constant_bytes,
    }
}

/// `columns` columns in `strips` strips whose widths differ by one at most.
pub(crate) fn even_strips(columns: u32, strips: u32) -> Vec<std::ops::Range<u32>> {
    let strips = strips.clamp(1, columns.max(1));
    let at = |strip: u32| {
        u32::try_from(u64::from(columns) * u64::from(strip) / u64::from(strips)).unwrap_or(columns)
    };
    (0..strips).map(|strip| at(strip)..at(strip + 1)).collect()
}
