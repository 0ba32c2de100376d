//! `stream-rows`: layers run by rows, so that no whole map lies between them.
//!
//! The ways are those of [`StreamingFront`]: schedules that were verified, with an address for every
//! byte and cycles by the simulator. Three are offered: the fewest bytes, the fewest that cost no more
//! than a twentieth of the cycles, and the fastest within the memory of the activations. Energy and traffic of a streamed network are not simulated.
//! An Ethos-U streams by cascades of its own compiler, which its plan has already.

use cofit_chip::Timing;
use cofit_stream::{Question, Side};
use cofit_vocab::{Bytes, Quantity};

use crate::StreamingFront;
use crate::advise::{Candidate, Edit, Figures, Found, Keeps, Kind, Setting};
use crate::verdict::{Measure, Status};

/// Operators of the largest graph that is looked at: the front of a larger one takes seconds.
const MOST_OPERATORS: usize = 40;
/// Cycles that streaming may take more, for the second way.
const SPARE: f64 = 1.05;

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let plan = &setting.evaluation.plan;
    let has_cascades =
        setting.chip.engines.iter().any(|engine| matches!(engine.timing, Timing::EthosU(_)));
    if has_cascades || plan.graph.operators.len() > MOST_OPERATORS {
        return;
    }
    let question = Question { inputs: Side::Arena, outputs: Side::Arena, may_recompute: false };
    let Ok(front) = StreamingFront::of(plan, &setting.chip, question) else { return };
    let Ok(whole) = &front.whole_cycles else { return };
    let limit = (whole.as_f64() * SPARE) as u64;
    let is_quick = |cycles: u64| cycles <= limit;
    let lowest = front.points.first();
    let quick = front.points.iter().find(|point| is_quick(point.figures().2));
    let fitting = room(setting).and_then(|bytes| front.within(bytes));
    let mut seen = Vec::new();
    for point in lowest.into_iter().chain(quick).chain(fitting) {
        let (arena, _, cycles) = point.figures();
        if seen.contains(&(arena, cycles)) {
            continue;
        }
        seen.push((arena, cycles));
        let groups = point.point.schedule.groups.len();
        found.candidates.push(Candidate {
            kind: Kind::StreamRows,
            place: "the network".to_owned(),
            change: format!("{groups} groups of layers, by rows"),
            keeps: Keeps::Bits,
            notes: vec![
                "no listed runtime streams below the tensor; generated code has to".to_owned(),
            ],
            edit: Edit::Stream { arena: Bytes(arena), cycles: point.cycles.map(|it| it.get()) },
        });
    }
}

/// Bytes that an arena may have in the memory that holds most of the activations.
fn room(setting: &Setting) -> Option<u64> {
    let memories = setting.evaluation.plan.memories.values();
    let home = memories.max_by_key(|used| used.activations)?;
    let others = home.need().saturating_sub(home.activations);
    Some(home.available?.saturating_sub(others).get())
}

/// The figures of a streamed network: the arena stands in the place of all activations, in the memory
/// that held most of them.
pub(crate) fn figures(setting: &Setting, arena: Bytes, cycles: Option<u64>) -> Figures {
    let before = setting.figures();
    let plan = &setting.evaluation.plan;
    let activations: Bytes = plan.memories.values().map(|used| used.activations).sum();
    let clock = setting.evaluation.profile.clock.get();
    let seconds = cycles.map(|cycles| cycles as f64 / clock).filter(|_| before.seconds.is_some());
    let home = plan.memories.iter().max_by_key(|(_, used)| used.activations).map(|(id, _)| id);
    let mut violations = 0;
    let mut excess = 0.0;
    let refusals = before.excess - memory_excess(setting);
    for result in &setting.evaluation.verdict.constraints {
        let limit = match &result.limit {
            Measure::Figure(limit) => limit.figure().map(|figure| figure.value),
            Measure::Words(_) => None,
        };
        let need = match (result.memory, result.name.as_str()) {
            (Some(id), _) => {
                let used = &plan.memories[id];
                let own = if home == Some(id) { arena } else { Bytes::ZERO };
                Some((used.need().saturating_sub(used.activations) + own).as_f64())
            }
            (None, "time") => seconds,
            (None, _) => None,
        };
        match (need, limit) {
            (Some(need), Some(limit)) if need > limit => {
                violations += 1;
                excess += if limit > 0.0 { (need - limit) / limit } else { need };
            }
            (Some(_), Some(_)) => {}
            (None, _) | (_, None) => violations += usize::from(result.status == Status::Fail),
        }
    }
    Figures {
        cycles,
        seconds,
        energy: Quantity::Unavailable("streamed networks have no energy model".to_owned()),
        ram: before.ram.saturating_sub(activations) + arena,
        traffic: None,
        violations,
        excess: excess + refusals,
        ..before
    }
}

/// The part of the excess that memories and the time have.
fn memory_excess(setting: &Setting) -> f64 {
    let failed = setting.evaluation.verdict.constraints.iter().filter(|result| {
        result.status == Status::Fail && (result.memory.is_some() || result.name == "time")
    });
    failed.filter_map(super::super::figures::shortfall).sum()
}
