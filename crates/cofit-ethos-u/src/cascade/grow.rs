//! The cascades worth trying.
//!
//! A cascade grows stage by stage. For every stripe height of the last stage the choices of the
//! heights before it are kept that no other beats in bytes and cycles, weights in place; a stage
//! need not take what its reader takes at once. Not grown: cascades longer than [`LONGEST`] stages
//! (fewer in networks of many stages, so that the work is bounded by the network's size), heights
//! other than small ones, ever coarser ones and the fractions of the output, and what takes no fewer
//! bytes than its stages by themselves.

use std::collections::BTreeMap;

use cofit_vocab::{Bytes, Cycles};

use crate::cascade::live::Live;
use crate::cascade::rolling::Link;
use crate::cascade::stripe::Stripes;
use crate::cascade::{Cascade, Network, Rolling, Rows};
use crate::operation::{Format, NpuOperation, Shape, Unit};

/// Stages of the longest cascade that is tried.
pub const LONGEST: usize = 24;

/// Stages of a network of which cascades of [`LONGEST`] stages are tried.
const MANY: usize = 512;

/// Stripes of a map; more would take long to play through and longer to run.
const STRIPES: u32 = 4096;

/// Choices of stripe heights that are kept for a cascade of given ends.
const RUNS: usize = 24;

/// A cascade that may be part of a schedule.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The cascade.
    pub cascade: Cascade,
    /// Bytes alive without weight buffers.
    pub bytes: Bytes,
}

/// A cascade while it grows, up to a stage.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Rows of the stage's stripe.
    height: u32,
    /// Cycles with all weights in place and nothing hidden.
    cycles: Cycles,
    /// Bytes of the rolling buffers.
    held: Bytes,
    /// Bytes of the maps that they replace.
    whole: Bytes,
    /// Rows of the buffer before the stage.
    rows: u32,
    /// The run that this one makes longer.
    from: usize,
}

/// Rows of rolling buffers by reading stage, written and read stripe.
type Links = BTreeMap<(usize, u32, u32), u32>;

/// Growing the cascades of a network.
#[derive(Debug)]
pub struct Growth<'s, 'n, 'a> {
    network: &'n Network<'a>,
    stripes: &'s Stripes<'n, 'a>,
    live: &'s Live<'n, 'a>,
}

impl<'s, 'n, 'a> Growth<'s, 'n, 'a> {
    /// Nothing grown yet.
    pub const fn new(
        network: &'n Network<'a>,
        stripes: &'s Stripes<'n, 'a>,
        live: &'s Live<'n, 'a>,
    ) -> Self {
        Self { network, stripes, live }
    }

    /// Every cascade worth trying, by its first stage.
    pub fn candidates(&self) -> Vec<Candidate> {
        let stages = self.network.stages.len();
        let most = (0..stages).map(|at| self.live.alone(at)).max().unwrap_or_default();
        let mut links = Links::default();
        let longest = (LONGEST * MANY / stages.max(1)).clamp(2, LONGEST);
        let mut found = Vec::new();
        for first in 0..stages {
            if first + 1 >= stages || !self.is_striped(first) || !self.follows(first + 1) {
                continue;
            }
            let mut runs: Vec<Vec<Run>> = vec![self.begun(first)];
            for last in first + 1..stages.min(first + longest) {
                if !self.follows(last) {
                    break;
                }
                let live = self.live.during(first..last + 1);
                let extended = self.extended(&runs, first, last, &mut links, most);
                if extended.is_empty() {
                    break;
                }
                runs.push(extended);
                let alone = (first..=last).map(|at| self.live.alone(at)).max().unwrap_or_default();
                let mut whole: Vec<usize> = (0..runs[last - first].len()).collect();
                whole.retain(|&at| {
                    live + runs[last - first][at].held - runs[last - first][at].whole < alone
                });
                thin(&mut whole, |&at| {
                    let run = &runs[last - first][at];
                    (run.held, run.cycles)
                });
                for at in whole {
                    found.push(self.candidate(&runs, first, at));
                }
            }
        }
        found
    }

    /// The first stage of cascades.
    fn begun(&self, first: usize) -> Vec<Run> {
        self.heights(first)
            .into_iter()
            .map(|(height, cycles)| Run {
                height,
                cycles,
                held: Bytes::ZERO,
                whole: Bytes::ZERO,
                rows: 0,
                from: 0,
            })
            .collect()
    }

    /// Stripe heights of a stage with the cycles that each takes, weights in place.
    fn heights(&self, at: usize) -> Vec<(u32, Cycles)> {
        let operation = self.network.stages[at].operations.start;
        let rows = self.output_of(at).map_or(1, |shape| shape.h);
        heights(rows)
            .into_iter()
            .filter_map(|height| {
                let striped = self.stripes.striped(operation, height)?;
                Some((height, striped.in_place.timing.total(Cycles::ZERO)))
            })
            .collect()
    }

    /// Runs from `first` to the stage before `last`, made longer by `last`. Of equal heights only
    /// those stay that no other beats in bytes and cycles at once.
    fn extended(
        &self,
        runs: &[Vec<Run>],
        first: usize,
        last: usize,
        links: &mut Links,
        most: Bytes,
    ) -> Vec<Run> {
        let (Some(writer), Some(reader), Some(Rows { from, top, .. })) =
            (self.operation(last - 1), self.operation(last), self.network.stages[last].rows)
        else {
            return Vec::new();
        };
        let map = writer.ofm;
        let row = u64::from(map.shape.w)
            .saturating_mul(Format::Nhcwb16.stored_channels(map.shape.c))
            .saturating_mul(u64::from(map.element.bytes()));
        let whole = self.network.values.get(from).map_or(Bytes::ZERO, |value| value.bytes);
        let live = self.live.during(first..last + 1);
        let before = runs.last().map_or(&[][..], Vec::as_slice);
        let mut extended = Vec::new();
        for (height, cycles) in self.heights(last) {
            let mut of_height: Vec<Run> = Vec::new();
            for (at, run) in before.iter().enumerate() {
                let link = Link {
                    height: map.shape.h,
                    written: run.height,
                    read_height: reader.ofm.shape.h,
                    read: height,
                    kernel: reader.kernel,
                    top,
                };
                let rows = *links.entry((last, run.height, height)).or_insert_with(|| link.rows());
                let held = run.held + Bytes(row.saturating_mul(u64::from(rows)));
                // All of it lies in SRAM for as long as the cascade lasts.
                if live + held - (run.whole + whole) <= most {
                    let cycles = run.cycles + cycles;
                    let whole = run.whole + whole;
                    of_height.push(Run { height, cycles, held, whole, rows, from: at });
                }
            }
            thin(&mut of_height, |run| (run.held, run.cycles));
            extended.extend(of_height);
        }
        extended
    }

    /// Follows a run back to its first stage and writes it down.
    fn candidate(&self, runs: &[Vec<Run>], first: usize, at: usize) -> Candidate {
        let last = first + runs.len() - 1;
        let end = runs[last - first][at];
        let mut stripes = vec![0; runs.len()];
        let mut rolling = Vec::with_capacity(runs.len().saturating_sub(1));
        let mut here = at;
        for stage in (first..=last).rev() {
            let run = runs[stage - first][here];
            stripes[stage - first] = run.height;
            if stage > first {
                let value = self.network.stages[stage].rows.map_or(0, |rows| rows.from);
                let bytes = run.held - runs[stage - first - 1][run.from].held;
                rolling.push(Rolling { value, rows: run.rows, bytes });
            }
            here = run.from;
        }
        rolling.reverse();
        Candidate {
            cascade: Cascade { first, last, stripes, rolling },
            bytes: self.live.during(first..last + 1) + end.held - end.whole,
        }
    }

    /// Whether a stage can take its input from the stage before row by row.
    fn follows(&self, at: usize) -> bool {
        let stages = &self.network.stages;
        let (Some(here), Some(before)) = (stages[at].rows, stages[at - 1].rows) else {
            return false;
        };
        let rolls = self.network.values.get(here.from).is_some_and(|value| value.rolls);
        self.is_striped(at) && here.from == before.to && rolls && !stages[at].after_cpu
    }

    /// Whether a stage can make its output in stripes.
    fn is_striped(&self, at: usize) -> bool {
        self.network.stages[at].rows.is_some()
            && self.operation(at).is_some_and(|operation| {
                operation.ofm.shape.n <= 1
                    && match operation.kind.unit() {
                        Unit::Convolution | Unit::Depthwise | Unit::Pooling | Unit::Elementwise => {
                            true
                        }
                        Unit::ReduceSum | Unit::Transpose => false,
                    }
            })
    }

    /// The operation of a stage that is just one.
    fn operation(&self, at: usize) -> Option<&'n NpuOperation<'a>> {
        let range = self.network.stages.get(at)?.operations.clone();
        match self.network.operations.get(range)? {
            [operation] => Some(operation),
            _ => None,
        }
    }

    fn output_of(&self, at: usize) -> Option<Shape> {
        self.operation(at).map(|operation| operation.ofm.shape)
    }
}

/// Stripe heights that are tried: small ones, ever coarser ones, and the fractions of the output,
/// but none that cut it into more than [`STRIPES`].
fn heights(rows: u32) -> Vec<u32> {
    let most = rows.div_ceil(2);
    let mut heights = vec![1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64];
    heights.extend([2, 3, 4].map(|parts| rows.div_ceil(parts)));
    heights
        .retain(|&height| (1..=most).contains(&height) && height < rows && rows / height < STRIPES);
    heights.sort_unstable();
    heights.dedup();
    heights
}

/// Keeps what no other beats in bytes and cycles, and of that not more than [`RUNS`], evenly.
fn thin<T: Clone>(all: &mut Vec<T>, figures: impl Fn(&T) -> (Bytes, Cycles)) {
    all.sort_by_key(|one| figures(one));
    let mut least = Cycles(u64::MAX);
    all.retain(|one| {
        let cycles = figures(one).1;
        let better = cycles < least;
        least = least.min(cycles);
        better
    });
    if all.len() > RUNS {
        let spread = (0..RUNS).map(|at| all[at * (all.len() - 1) / (RUNS - 1)].clone());
        *all = spread.collect();
    }
}
