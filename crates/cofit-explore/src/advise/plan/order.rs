//! `order`: operators are written in the order that needs the fewest bytes.
//!
//! A runtime that keeps the file's order holds whatever is alive in it. The order that the compiler
//! finds where it is free is written into the model instead. Nothing else changes.

use cofit_canonical::has_effect;
use cofit_chip::Ordering;
use cofit_compile::compile;
use cofit_ir::{Graph, OperatorId, TensorId};
use cranelift_entity::{PrimaryMap, SecondaryMap};

use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, edit};

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    if setting.chip.runtime.ordering == Ordering::Free {
        return;
    }
    let graph = setting.model.main_graph();
    if graph.operators.values().any(|operator| has_effect(operator.kind())) {
        return;
    }
    let mut chip = setting.chip.clone();
    chip.runtime.ordering = Ordering::Free;
    let plan = compile(setting.model.model(), &chip, &mut ()).plan;
    // Passes keep the ids of tensors, so that an operator is found by what it writes.
    let mut turns: SecondaryMap<TensorId, Option<usize>> = SecondaryMap::new();
    for (turn, step) in plan.steps.values().enumerate() {
        for &operator in &step.operators {
            for &output in &plan.graph.operators[operator].outputs {
                turns[output] = Some(turn);
            }
        }
    }
    let order = ordered(graph, &turns);
    if order.is_sorted() {
        return;
    }
    let mut changed = graph.clone();
    changed.operators =
        order.iter().map(|&id| graph.operators[id].clone()).collect::<PrimaryMap<_, _>>();
    let Some(model) = edit::verified(&setting.model, changed) else { return };
    found.candidates.push(Candidate {
        kind: Kind::Order,
        place: "the network".to_owned(),
        change: "operators in the order of fewest bytes".to_owned(),
        keeps: Keeps::Bits,
        notes: Vec::new(),
        edit: Edit::Model(model),
    });
}

/// The operators by the turn of what they write, each behind those that it reads from. One whose
/// result has no turn goes right before who reads it.
fn ordered(graph: &Graph, turns: &SecondaryMap<TensorId, Option<usize>>) -> Vec<OperatorId> {
    let producers = graph.producers();
    let mut turn: SecondaryMap<OperatorId, usize> = SecondaryMap::with_default(usize::MAX);
    for (id, operator) in graph.operators.iter().rev() {
        let own = operator.outputs.iter().filter_map(|&output| turns[output]).min();
        turn[id] = own.unwrap_or(turn[id]);
        for &input in operator.inputs.iter().flatten() {
            if let Some(producer) = producers[input].filter(|_| turns[input].is_none()) {
                turn[producer] = turn[producer].min(turn[id]);
            }
        }
    }
    let consumers = graph.consumers();
    let mut waits: SecondaryMap<OperatorId, usize> = SecondaryMap::new();
    let mut ready = std::collections::BTreeSet::new();
    for (id, operator) in &graph.operators {
        let inputs = operator.inputs.iter().flatten();
        waits[id] = inputs.filter(|&&input| producers[input].is_some()).count();
        if waits[id] == 0 {
            ready.insert((turn[id], id));
        }
    }
    let mut order = Vec::with_capacity(graph.operators.len());
    while let Some((_, id)) = ready.pop_first() {
        order.push(id);
        for &output in &graph.operators[id].outputs {
            for &reader in &consumers[output] {
                waits[reader] = waits[reader].saturating_sub(1);
                if waits[reader] == 0 {
                    ready.insert((turn[reader], reader));
                }
            }
        }
    }
    order
}
