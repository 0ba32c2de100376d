//! New points from good ones: NSGA-II (K. Deb et al., "A fast and elitist multiobjective genetic
//! algorithm: NSGA-II", 2002) with its rule for constraints, joined by steps to neighbours of the front
//! and by random points.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::front::dominates;
use super::outcome::Score;
use super::random::Random;
use super::space::{Point, Space};

/// A point that may have children.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) point: Point,
    pub(super) score: Score,
}

/// Whether one member beats another: what is feasible beats what is not, the smaller miss beats the
/// larger, and among the feasible dominance decides.
fn beats(one: &Score, other: &Score) -> bool {
    match (one, other) {
        (Score::Feasible(one), Score::Feasible(other)) => dominates(one, other),
        (Score::Feasible(_), Score::Infeasible(_)) => true,
        (Score::Infeasible(_), Score::Feasible(_)) => false,
        (Score::Infeasible(one), Score::Infeasible(other)) => one < other,
    }
}

/// Keeps the best `count` members, best first: by rank, within a rank the loneliest first.
pub(super) fn survive(members: &mut Vec<Member>, count: usize) {
    let mut left: Vec<Member> = std::mem::take(members);
    while !left.is_empty() && members.len() < count {
        let is_beaten: Vec<bool> = left
            .iter()
            .map(|one| left.iter().any(|other| beats(&other.score, &one.score)))
            .collect();
        let mut rank = Vec::new();
        let mut rest = Vec::new();
        for (member, is_beaten) in left.into_iter().zip(is_beaten) {
            if is_beaten { rest.push(member) } else { rank.push(member) }
        }
        members.extend(by_crowding(rank));
        left = rest;
    }
    members.truncate(count);
}

/// Members of one rank, those with the most room around them first.
fn by_crowding(rank: Vec<Member>) -> Vec<Member> {
    let values = |member: &Member, at: usize| match &member.score {
        Score::Feasible(values) => values.get(at).copied().unwrap_or(0.0),
        Score::Infeasible(violation) => *violation,
    };
    let objectives = rank.first().map_or(0, |member| match &member.score {
        Score::Feasible(values) => values.len(),
        Score::Infeasible(_) => 1,
    });
    let mut room = vec![0.0f64; rank.len()];
    for at in 0..objectives {
        let mut order: Vec<usize> = (0..rank.len()).collect();
        order.sort_by(|&a, &b| values(&rank[a], at).total_cmp(&values(&rank[b], at)));
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else { continue };
        let span = values(&rank[last], at) - values(&rank[first], at);
        room[first] = f64::INFINITY;
        room[last] = f64::INFINITY;
        for around in order.windows(3) {
            if span > 0.0 {
                room[around[1]] +=
                    (values(&rank[around[2]], at) - values(&rank[around[0]], at)) / span;
            }
        }
    }
    let mut order: Vec<usize> = (0..rank.len()).collect();
    order.sort_by(|&a, &b| room[b].partial_cmp(&room[a]).unwrap_or(Ordering::Equal));
    let mut slots: Vec<Option<Member>> = rank.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| slots[at].take()).collect()
}

/// Attempts at a point that is new, for each one that is wanted.
const ATTEMPTS: usize = 32;

/// Points of a generation in the making.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    space: &'a Space,
    seen: &'a HashSet<Point>,
    own: HashSet<Point>,
    points: Vec<Point>,
    count: usize,
}

impl<'a> Draft<'a> {
    pub(super) fn new(space: &'a Space, seen: &'a HashSet<Point>, count: usize) -> Self {
        Self { space, seen, own: HashSet::new(), points: Vec::new(), count }
    }

    pub(super) fn points(self) -> Vec<Point> {
        self.points
    }

    fn is_full(&self) -> bool {
        self.points.len() >= self.count
    }

    fn add(&mut self, point: Point) {
        if !self.is_full() && !self.seen.contains(&point) && self.own.insert(point.clone()) {
            self.points.push(point);
        }
    }

    /// The sketch's own values first, then random ones.
    pub(super) fn first(&mut self, random: &mut Random) {
        self.add(self.space.own());
        self.fill(random);
    }

    /// Half children of two, a quarter neighbours of the best, the rest random. `members` stand best
    /// first.
    pub(super) fn next(&mut self, members: &[Member], random: &mut Random) {
        let parents = members.len();
        let best = members
            .iter()
            .filter(|one| !members.iter().any(|other| beats(&other.score, &one.score)))
            .count();
        if parents > 0 && best > 0 {
            let (children, neighbours) = (self.count * 5 / 8, self.count * 7 / 8);
            for _ in 0..self.count * ATTEMPTS {
                if self.points.len() >= children {
                    break;
                }
                let [mother, father] = [0, 1].map(|_| {
                    // Members stand best first, so the smaller of two positions wins.
                    random.below(parents).min(random.below(parents))
                });
                let mut child = members[mother].point.clone();
                for (own, other) in child.0.iter_mut().zip(&members[father].point.0) {
                    if random.one_in(2) {
                        *own = *other;
                    }
                }
                self.mutate(&mut child, random);
                self.add(child);
            }
            for _ in 0..self.count * ATTEMPTS {
                if self.points.len() >= neighbours {
                    break;
                }
                let mut point = members[random.below(best)].point.clone();
                let axis = random.below(self.space.axes.len().max(1));
                self.step(&mut point, axis, random, 1);
                self.add(point);
            }
        }
        self.fill(random);
    }

    /// Random points until the generation is full, and neighbouring ones where chance finds none.
    fn fill(&mut self, random: &mut Random) {
        for _ in 0..self.count * ATTEMPTS {
            if self.is_full() {
                return;
            }
            let point = self.space.axes.iter().map(|axis| random.below(axis.values.len()) as u32);
            let point = Point(point.collect());
            self.add(point);
        }
        // The space is nearly used up: the points behind a random one, in order, until one is new.
        let offset = random.below(self.seen.len().saturating_add(1));
        let mut from = offset;
        let limit = self.seen.len().saturating_add(self.count).saturating_add(offset);
        while !self.is_full() && from <= limit {
            for point in super::enumerate::points(self.space, from, self.count.max(64)) {
                self.add(point);
            }
            from += self.count.max(64);
        }
    }

    /// Changes about one axis.
    fn mutate(&self, point: &mut Point, random: &mut Random) {
        let axes = self.space.axes.len();
        for axis in 0..axes {
            if random.one_in(axes) {
                let reach = (self.space.axes[axis].values.len() / 8).max(1);
                self.step(point, axis, random, reach);
            }
        }
    }

    /// Moves a point along an axis: by up to `reach` where values have neighbours, else anywhere.
    fn step(&self, point: &mut Point, axis: usize, random: &mut Random, reach: usize) {
        let (Some(known), Some(value)) = (self.space.axes.get(axis), point.0.get_mut(axis)) else {
            return;
        };
        let last = known.values.len().saturating_sub(1);
        *value = if known.is_ordered {
            let by = 1 + random.below(reach);
            let at = *value as usize;
            let moved =
                if random.one_in(2) { at.saturating_sub(by) } else { at.saturating_add(by) };
            moved.min(last) as u32
        } else {
            random.below(last + 1) as u32
        };
    }
}
