//! Every trade of memory for work that a network offers, laid out byte by byte.

use std::collections::BTreeMap;

use cofit_ir::Graph;
use cranelift_entity::EntityRef;

use crate::candidate::{Effort, Setting};
use crate::geometry::{Geometry, geometry};
use crate::layout::lay_out;
use crate::network::Network;
use crate::partition::Candidates;
use crate::schedule::{Group, Pieces, Schedule, Uses};

/// Where what comes from outside, or goes there, lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In the arena: inputs until they are read for the last time, outputs to the end.
    Arena,
    /// Elsewhere, for as long as the inference takes: a camera's driver holds an input, whoever takes
    /// an output has room for it.
    Outside,
}

/// What a front is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Where inputs lie.
    pub inputs: Side,
    /// Where outputs lie.
    pub outputs: Side,
    /// Whether pixels may be computed twice.
    pub may_recompute: bool,
}

/// One way to run the network.
#[derive(Clone, Debug)]
pub struct Point {
    /// Groups and addresses.
    pub schedule: Schedule,
    /// What running it takes.
    pub effort: Effort,
}

/// Ways to run a network of which none is better than another in memory and work both, from the
/// fewest bytes to the least work.
#[derive(Clone, Debug)]
pub struct Front {
    /// The ways.
    pub points: Vec<Point>,
    /// What running each stage once takes.
    pub whole: Effort,
}

/// How the work of a group is weighed: less is better. The first figure decides, the second between
/// equals.
pub type Weigh<'a> = dyn Fn(&Group, Effort) -> (u64, u64) + 'a;

/// Multiply-accumulates first, then bytes of constants read.
pub fn by_macs(_: &Group, effort: Effort) -> (u64, u64) {
    (effort.macs, effort.constant_bytes)
}

/// The front of a network whose graph is `graph`.
pub fn front(graph: &Graph, network: &Network, question: Question, weigh: &Weigh<'_>) -> Front {
    let uses = Uses::of(network);
    let setting = Setting {
        network,
        uses: &uses,
        inputs_outside: question.inputs == Side::Outside,
        outputs_outside: question.outputs == Side::Outside,
    };
    let whole = network.stages.values().fold(Effort::default(), |sum, stage| {
        sum.plus(Effort { macs: stage.macs.get(), calls: 1, constant_bytes: stage.constant_bytes })
    });
    let candidates = Candidates::of(setting, question.may_recompute);
    let mut known: BTreeMap<(usize, usize, Pieces, usize), Geometry> = BTreeMap::new();
    let mut points: Vec<((u64, u64), Point)> = Vec::new();
    let key =
        |group: &Group| (group.first.index(), group.last.index(), group.pieces, group.strips.len());
    for partition in candidates.front(weigh) {
        for group in &partition.groups {
            known.entry(key(group)).or_insert_with(|| geometry(setting, group));
        }
        let geometries: Vec<&Geometry> =
            partition.groups.iter().filter_map(|group| known.get(&key(group))).collect();
        let effort =
            geometries.iter().fold(Effort::default(), |sum, geometry| sum.plus(geometry.effort));
        let schedule = lay_out(setting, graph, partition.groups, &geometries);
        points.push((partition.cost, Point { schedule, effort }));
    }
    points.sort_by_key(|(cost, point)| (point.schedule.arena, *cost));
    let mut best = None;
    points.retain(|(cost, _)| {
        let keeps = best.is_none_or(|best| *cost < best);
        if keeps {
            best = Some(*cost);
        }
        keeps
    });
    Front { points: points.into_iter().map(|(_, point)| point).collect(), whole }
}
