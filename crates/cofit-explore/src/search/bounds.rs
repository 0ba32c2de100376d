//! What cannot fit whatever the plan, told from the network's sizes alone.

use cofit_chip::{Chip, Content, Timing};
use cofit_ir::Graph;
use cofit_vocab::OperatorKind;
use cranelift_entity::EntitySet;

use super::outcome::Outcome;

/// A refusal where the weights alone exceed every memory that may hold weights; `None` where that does
/// not show.
///
/// Only weights of convolutions and dense layers count, since a compiler may fold other constants away,
/// and only on chips whose compiler does not compress them. A memory of unknown size holds anything.
pub fn lower_bound(graph: &Graph, chip: &Chip) -> Option<Outcome> {
    let compresses = |engine: &cofit_chip::chip::Engine| matches!(engine.timing, Timing::EthosU(_));
    if chip.weights.compression.is_some() || chip.engines.iter().any(compresses) {
        return None;
    }
    let homes = || chip.memories.iter().filter(|memory| memory.may_hold(Content::Weight));
    if homes().any(|memory| memory.size.is_assumed()) {
        return None;
    }
    let room = homes().fold(0, |sum: u64, memory| sum.saturating_add(memory.size.value.get()));
    let mut counted = EntitySet::new();
    let mut weights: u64 = 0;
    for operator in graph.operators.values() {
        let holds_weights = matches!(
            operator.kind(),
            OperatorKind::Conv2d | OperatorKind::DepthwiseConv2d | OperatorKind::FullyConnected
        );
        let Some(id) = operator.input(1).filter(|_| holds_weights) else { continue };
        if graph.tensors[id].is_constant() && counted.insert(id) {
            weights = weights.saturating_add(graph.tensors[id].bytes().get());
        }
    }
    (weights > room).then(|| Outcome::Pruned {
        violation: (weights - room) as f64 / room.max(1) as f64,
        reason: "the weights alone exceed the chip's memories".to_owned(),
    })
}
