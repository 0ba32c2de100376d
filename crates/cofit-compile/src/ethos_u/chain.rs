//! Operations that join the operation before them, on an Ethos-U85.
//!
//! A step of one elementwise operation joins where it runs next, reads what the operation before
//! makes in the same shape, and nothing else reads that. What was between is neither written nor
//! read. An exchange of axes joins alike: results are written in the other order. Source: Vela 5.2.0, `compiler/scheduler_packing.cpp` `CanPack`, `ethos_u85.cpp`
//! `EthosU85OpGroup`.

use cofit_ethos_u::Chained;
use cofit_ethos_u::operation::{FeatureMap, OperationKind, Shape, Unit};

use crate::ethos_u::network::Lowered;
use crate::plan::{Placement, Plan, StepId};
use crate::values::Values;

/// Operations of the longest chain.
const LONGEST: usize = 4;
/// Operands from memory of a chain.
const OPERANDS: usize = 3;

/// Joins what can join. A step that joined is left without operations.
pub(crate) fn join(plan: &Plan, all: &mut [Lowered<'_>], values: &Values) {
    // The step whose last operation the next one may join.
    let mut head = 0;
    for at in 1..all.len() {
        let is_next = is_adjacent(plan, all[at - 1].step, all[at].step);
        let joined = if is_next && !all[at].after_cpu {
            joining(plan, &all[head], all[at - 1].step, &all[at], values)
        } else {
            None
        };
        match (joined, all[head].operations.last_mut()) {
            (Some(Joined::Elementwise(joined)), Some(operation)) => operation.chained.push(joined),
            (Some(Joined::Transpose(ofm)), Some(operation)) => {
                operation.before_transpose = Some(operation.ofm.shape);
                operation.ofm = ofm;
            }
            (Some(_), None) | (None, _) => {
                head = at;
                continue;
            }
        }
        all[at].operations.clear();
    }
}

/// What joins an operation.
enum Joined {
    Elementwise(Chained),
    /// An exchange of axes, with what is written then.
    Transpose(FeatureMap),
}

/// Whether nothing runs between two steps.
fn is_adjacent(plan: &Plan, before: StepId, after: StepId) -> bool {
    (before.as_u32() + 1..after.as_u32())
        .all(|between| plan.steps[StepId::from_u32(between)].placement == Placement::View)
}

/// What joins `head`, of which `last` is the last step so far; none where `next` does not.
fn joining(
    plan: &Plan,
    head: &Lowered<'_>,
    last: StepId,
    next: &Lowered<'_>,
    values: &Values,
) -> Option<Joined> {
    let (operation, [joined]) = (head.operations.last()?, next.operations.as_slice()) else {
        return None;
    };
    if operation.before_transpose.is_some() {
        return None;
    }
    let &[between] = plan.steps[last].outputs.as_slice() else { return None };
    let value = values.of[between]?;
    let readers = plan
        .steps
        .values()
        .flat_map(|step| &step.inputs)
        .filter(|&&tensor| values.of[tensor] == Some(value))
        .count();
    if readers != 1 || values.is_live_out(&plan.graph, value) {
        return None;
    }
    let operator = match joined.kind {
        OperationKind::Elementwise(operator) => operator,
        OperationKind::Transpose => {
            let may_join = operation.chained.is_empty()
                && operation.kind.unit() != Unit::Transpose
                && joined.ifm.shape == operation.ofm.shape;
            return may_join.then_some(Joined::Transpose(joined.ofm));
        }
        OperationKind::Convolution
        | OperationKind::VectorProduct
        | OperationKind::Depthwise
        | OperationKind::MaxPool
        | OperationKind::AveragePool
        | OperationKind::ReduceSum => return None,
    };
    let main = &plan.graph.operators[plan.steps[next.step].main];
    let reads = |index: usize| main.input(index).and_then(|id| values.of[id]) == Some(value);
    let (chained, other) = match (reads(0), reads(1)) {
        (true, false) => (joined.ifm, joined.ifm2),
        (false, true) => (joined.ifm2?, Some(joined.ifm)),
        (true, true) | (false, false) => return None,
    };
    let from_memory = |shape: Shape| usize::from(shape.elements() > 1);
    let own = from_memory(operation.ifm.shape)
        + operation.ifm2.map_or(0, |map| from_memory(map.shape))
        + operation.chained.iter().filter_map(|it| it.other).count();
    let fits = operation.chained.len() + 2 <= LONGEST
        && own + other.map_or(0, |map| from_memory(map.shape)) <= OPERANDS;
    let starts = match operation.kind.unit() {
        Unit::Convolution
        | Unit::Depthwise
        | Unit::Pooling
        | Unit::ReduceSum
        | Unit::Elementwise => true,
        Unit::Transpose => false,
    };
    let before = operation.chained.last().map_or(operation.ofm, |last| last.ofm);
    let is_same = before.shape == joined.ofm.shape && chained.shape == before.shape;
    (fits && starts && is_same).then_some(Joined::Elementwise(Chained {
        operator,
        element: before.element,
        other,
        ofm: joined.ofm,
    }))
}
