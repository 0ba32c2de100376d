//! Every trade of memory for work that a network offers, laid out byte by byte.

use std::collections::BTreeMap;

use cofit_ir::Graph;
use cranelift_entity::{EntityRef, SecondaryMap};

use crate::candidate::{Cost, Effort, Setting, Spans, Weigh, sum};
use crate::geometry::{Geometry, geometry};
use crate::layout::lay_out;
use crate::network::{Network, StageId};
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
    /// What running each stage takes.
    pub efforts: SecondaryMap<StageId, Effort>,
}

impl Point {
    /// What running all stages takes.
    pub fn effort(&self) -> Effort {
        self.efforts.values().fold(Effort::default(), |sum, &effort| sum.plus(effort))
    }
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

/// Multiply-accumulates first, then bytes of constants read, then calls: how [`front`] weighs work
/// unless told otherwise.
pub const fn by_macs(_: StageId, effort: Effort) -> Cost {
    (effort.macs, effort.constant_bytes, effort.calls)
}

/// The front of a network whose graph is `graph`.
pub fn front(graph: &Graph, network: &Network, question: Question, weigh: &Weigh<'_>) -> Front {
    let uses = Uses::of(network);
    let (inputs_outside, outputs_outside) =
        (question.inputs == Side::Outside, question.outputs == Side::Outside);
    let spans = Spans::of(network, &uses, |value| {
        let it = &network.values[value];
        (inputs_outside && it.is_input) || (outputs_outside && it.is_output)
    });
    let setting = Setting { network, uses: &uses, spans: &spans, inputs_outside, outputs_outside };
    let whole = network.stages.values().fold(Effort::default(), |all, stage| {
        all.plus(Effort {
            iterations: stage.grid.area(),
            macs: stage.macs.get(),
            calls: 1,
            constant_reads: 1,
            constant_bytes: stage.constant_bytes,
        })
    });
    let candidates = Candidates::of(setting, question.may_recompute, weigh);
    let mut known: BTreeMap<(usize, usize, Pieces, usize), Geometry> = BTreeMap::new();
    let mut points: Vec<(Cost, Point)> = Vec::new();
    let key =
        |group: &Group| (group.first.index(), group.last.index(), group.pieces, group.strips.len());
    for partition in candidates.front() {
        for group in &partition.groups {
            known.entry(key(group)).or_insert_with(|| geometry(setting, group));
        }
        let geometries: Vec<&Geometry> =
            partition.groups.iter().filter_map(|group| known.get(&key(group))).collect();
        let mut efforts = SecondaryMap::new();
        for (stage, effort) in geometries.iter().flat_map(|geometry| &geometry.efforts) {
            efforts[*stage] = *effort;
        }
        let cost = network.stages.keys().map(|id| weigh(id, efforts[id])).fold((0, 0, 0), sum);
        let schedule = lay_out(setting, graph, partition.groups, &geometries);
        points.push((cost, Point { schedule, efforts }));
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
