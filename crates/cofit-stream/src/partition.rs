//! Where to cut a network into groups, and how to run each: every trade of bytes for effort.
//!
//! The need of a group does not depend on how the stages around it are grouped: what is live across
//! it is the same in any case. So the best ways to run stages `0..n` follow from the best ways to run
//! each shorter prefix and one more group, and the front that comes out is exact over all partitions
//! into groups that are offered.

use cranelift_entity::EntityRef;

use crate::candidate::{Candidate, Cost, GroupView, Setting, Weigh, sum};
use crate::network::StageId;
use crate::schedule::{Group, Pieces};

/// The stages of the longest group.
const LONGEST_GROUP: usize = 64;

/// Points kept for one prefix. A front that is longer is thinned out evenly between its ends.
const MOST_POINTS: usize = 192;

/// Numbers of strips that are tried.
const STRIPS: &[u32] = &[2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32];

/// A way to run the whole network.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub groups: Vec<Group>,
}

/// A point of a prefix's front.
#[derive(Clone, Copy, Debug)]
struct Point {
    peak: u64,
    cost: Cost,
    /// The shorter prefix, and which of its points.
    before: (u32, u32),
    /// Which candidate of the group that follows it.
    candidate: u32,
}

/// Every group of a network in every way that is worth its cost.
pub(crate) struct Candidates {
    /// By the group's first stage, then its last.
    by_first: Vec<Vec<Vec<Candidate>>>,
}

impl Candidates {
    /// All ways to run all groups; those with recomputation only where `may_recompute`.
    pub fn of(setting: Setting<'_>, may_recompute: bool, weigh: &Weigh<'_>) -> Self {
        let count = setting.network.stages.len();
        let mut by_first = Vec::with_capacity(count);
        for first in 0..count {
            let mut ending = Vec::new();
            for last in first..count.min(first + LONGEST_GROUP) {
                let view = GroupView::of(setting, StageId::new(first), StageId::new(last));
                let Some(view) = view else { break };
                ending.push(ways(&view, first == last, may_recompute, weigh));
            }
            by_first.push(ending);
        }
        Self { by_first }
    }

    /// Every trade of bytes for cost, from the fewest bytes to the least cost.
    pub fn front(&self) -> Vec<Partition> {
        let count = self.by_first.len();
        let mut fronts: Vec<Vec<Point>> = vec![Vec::new(); count + 1];
        fronts[0].push(Point { peak: 0, cost: (0, 0, 0), before: (0, 0), candidate: 0 });
        for first in 0..count {
            let from = thinned(std::mem::take(&mut fronts[first]));
            for (length, candidates) in self.by_first[first].iter().enumerate() {
                let to = first + length + 1;
                for (index, candidate) in candidates.iter().enumerate() {
                    let own = candidate.cost;
                    for (at, point) in from.iter().enumerate() {
                        fronts[to].push(Point {
                            peak: point.peak.max(candidate.peak),
                            cost: sum(point.cost, own),
                            before: (first as u32, at as u32),
                            candidate: index as u32,
                        });
                    }
                }
                if fronts[to].len() > 8 * MOST_POINTS {
                    fronts[to] = undominated(std::mem::take(&mut fronts[to]));
                }
            }
            fronts[first] = from;
        }
        let last = undominated(std::mem::take(&mut fronts[count]));
        let last: Vec<Partition> =
            last.iter().map(|point| self.partition(&fronts, count, point)).collect();
        last
    }

    /// The groups that lead to a point.
    fn partition(&self, fronts: &[Vec<Point>], count: usize, point: &Point) -> Partition {
        let mut groups = Vec::new();
        let (mut at, mut here) = (count, *point);
        while at > 0 {
            let (first, index) = (here.before.0 as usize, here.before.1 as usize);
            let candidates = &self.by_first[first][at - first - 1];
            groups.push(candidates[here.candidate as usize].group.clone());
            here = fronts[first][index];
            at = first;
        }
        groups.reverse();
        Partition { groups }
    }
}

/// The ways to run a group.
fn ways(
    view: &GroupView<'_>,
    is_alone: bool,
    may_recompute: bool,
    weigh: &Weigh<'_>,
) -> Vec<Candidate> {
    let mut ways = Vec::new();
    if is_alone {
        ways.push(view.candidate(Pieces::Whole, 1, weigh));
    }
    for pieces in std::iter::once(Pieces::Rows).chain(view.pixels().map(Pieces::Pixels)) {
        ways.push(view.candidate(pieces, 1, weigh));
        let Some(columns) = view.strippable_columns().filter(|_| may_recompute) else { continue };
        for &strips in STRIPS.iter().filter(|&&strips| strips <= columns) {
            // Pieces as wide as the strip are its rows.
            if pieces.columns(columns.div_ceil(strips)) < columns.div_ceil(strips)
                || pieces == Pieces::Rows
                || pieces == Pieces::Pixels(1)
            {
                ways.push(view.candidate(pieces, strips, weigh));
            }
        }
    }
    ways.extend(view.by_channels(weigh));
    let is_worse = |a: &Candidate, b: &Candidate| a.peak >= b.peak && a.cost >= b.cost;
    let mut kept: Vec<Candidate> = Vec::with_capacity(ways.len());
    for way in ways {
        if !kept.iter().any(|other| is_worse(&way, other)) {
            kept.retain(|other| !is_worse(other, &way));
            kept.push(way);
        }
    }
    kept
}

/// Points that no other is better than in both, by falling peak and rising cost.
fn undominated(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_unstable_by_key(|point| (point.peak, point.cost, point.before, point.candidate));
    let mut best: Option<Cost> = None;
    points.retain(|point| {
        let keeps = best.is_none_or(|best| point.cost < best);
        if keeps {
            best = Some(point.cost);
        }
        keeps
    });
    points
}

/// As [`undominated`], and not too many.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    let points = undominated(points);
    if points.len() <= MOST_POINTS {
        return points;
    }
    let last = points.len() - 1;
    (0..MOST_POINTS).map(|at| points[at * last / (MOST_POINTS - 1)]).collect()
}
