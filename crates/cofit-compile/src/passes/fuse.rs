//! Joins operators into steps by the card's fusion rules.
//!
//! Rules are tried in the card's order at every operator that no step covers yet, in the order of
//! the graph. A rule's pattern runs along the chain of first results; a place marked `?` may be
//! empty. What no rule joins becomes a step of its own.

use cofit_chip::{FusedActivation, Fusion, OperatorClass, PaddingMode, PatternPresence};
use cofit_ir::{Activation, Graph, OperatorId, Padding, TensorId};
use cofit_vocab::OperatorKind;
use cranelift_entity::{EntitySet, SecondaryMap};
use smallvec::SmallVec;

use crate::context::Context;
use crate::layer::Layer;
use crate::plan::{Placement, Plan, Precision, Step, StepSchedule};

type Consumers = SecondaryMap<TensorId, SmallVec<[OperatorId; 2]>>;

/// Covers every operator of the graph by a step.
pub fn run(plan: &mut Plan, context: &Context<'_>) {
    let consumers = plan.graph.consumers();
    let mut covered: EntitySet<OperatorId> = EntitySet::new();
    let mut groups: Vec<SmallVec<[OperatorId; 2]>> = Vec::new();
    for start in plan.graph.operators.keys() {
        if covered.contains(start) {
            continue;
        }
        let group = context
            .chip
            .fusions
            .iter()
            .find_map(|rule| chain(&plan.graph, &consumers, &covered, rule, start))
            .unwrap_or_else(|| SmallVec::from_slice(&[start]));
        for &operator in &group {
            covered.insert(operator);
        }
        groups.push(group);
    }
    // A chain can start before another operand of its tail is computed; a step runs when its last
    // operator could.
    groups.sort_by_key(|group| group.last().copied());
    plan.steps.clear();
    for group in groups {
        let step = step_of(&plan.graph, &consumers, group);
        plan.steps.push(step);
    }
}

/// The operators from `start` on that `rule` joins, two at least.
fn chain(
    graph: &Graph,
    consumers: &Consumers,
    covered: &EntitySet<OperatorId>,
    rule: &Fusion,
    start: OperatorId,
) -> Option<SmallVec<[OperatorId; 2]>> {
    let mut group: SmallVec<[OperatorId; 2]> = SmallVec::new();
    let mut candidate = Some(start);
    for item in &rule.pattern {
        let fitting = candidate.filter(|&operator| {
            !covered.contains(operator)
                && item.matches(graph.operators[operator].kind())
                && allowed(graph, rule, &group, operator)
        });
        match (fitting, item.presence) {
            (Some(operator), _) => {
                group.push(operator);
                candidate = next(graph, consumers, rule, operator);
            }
            (None, PatternPresence::Optional) => {}
            (None, PatternPresence::Required) => return None,
        }
    }
    (group.len() >= 2).then_some(group)
}

/// The operator that reads `operator`'s result, where the rule lets the chain go on.
fn next(
    graph: &Graph,
    consumers: &Consumers,
    rule: &Fusion,
    operator: OperatorId,
) -> Option<OperatorId> {
    let &[result] = graph.operators[operator].outputs.as_slice() else { return None };
    if graph.outputs.contains(&result) {
        return None;
    }
    match consumers[result].as_slice() {
        &[reader] => Some(reader),
        readers if !rule.when.single_consumer => readers.first().copied(),
        _ => None,
    }
}

/// Whether the rule's conditions let `operator` follow `group`.
fn allowed(graph: &Graph, rule: &Fusion, group: &[OperatorId], operator: OperatorId) -> bool {
    let when = &rule.when;
    let layer = Layer::of(graph, operator);
    if let Some(padding) = layer.padding {
        let amounts = padding.amounts;
        let is_empty = [amounts.top, amounts.bottom, amounts.left, amounts.right] == [0; 4];
        let mode = match padding.mode {
            Padding::Same => PaddingMode::Same,
            Padding::Valid => PaddingMode::Valid,
            Padding::Explicit { .. } => PaddingMode::Explicit,
        };
        let is_convolution = OperatorClass::of(layer.kind) != OperatorClass::Pooling;
        if is_convolution && when.padding.as_ref().is_some_and(|modes| !modes.contains(&mode)) {
            return false;
        }
        if is_convolution && when.no_padding && !is_empty {
            return false;
        }
    }
    if when.not_depthwise && layer.kind == OperatorKind::DepthwiseConv2d {
        return false;
    }
    let Some(&first) = group.first() else {
        return true;
    };
    if when.no_activation_before && Layer::of(graph, first).activation != Activation::None {
        return false;
    }
    if let (Some(allowed), Some(function)) = (&when.activation, function_of(layer.kind))
        && !allowed.contains(&function)
    {
        return false;
    }
    if let Some(&last) = group.last()
        && graph.operators[last].kind() == OperatorKind::Pad
    {
        return match pad_amounts(graph, last) {
            // Only borders of height and width can become a window's padding.
            Some([top, bottom, left, right]) => {
                !when.pad_within_half_kernel
                    || (top.max(bottom) <= layer.kernel.height / 2
                        && left.max(right) <= layer.kernel.width / 2)
            }
            None => false,
        };
    }
    true
}

/// The card's word for an operator that is an activation.
const fn function_of(kind: OperatorKind) -> Option<FusedActivation> {
    match kind {
        OperatorKind::Relu => Some(FusedActivation::Relu),
        OperatorKind::Relu6 => Some(FusedActivation::Relu6),
        OperatorKind::ReluN1To1 => Some(FusedActivation::ReluN1To1),
        OperatorKind::Tanh => Some(FusedActivation::Tanh),
        OperatorKind::Logistic => Some(FusedActivation::Logistic),
        _ => None,
    }
}

/// Rows above and below, columns left and right, of a pad operator that pads nothing else.
pub(crate) fn pad_amounts(graph: &Graph, pad: OperatorId) -> Option<[u32; 4]> {
    let amounts = graph.tensors[graph.operators[pad].input(1)?].integers()?;
    match amounts.as_slice() {
        &[0, 0, top, bottom, left, right, 0, 0] => {
            let side = |amount: i64| u32::try_from(amount).ok();
            Some([side(top)?, side(bottom)?, side(left)?, side(right)?])
        }
        _ => None,
    }
}

/// The step that covers `operators`; its engine is decided later.
pub(super) fn step_of(
    graph: &Graph,
    consumers: &Consumers,
    operators: SmallVec<[OperatorId; 2]>,
) -> Step {
    let mut inputs: SmallVec<[TensorId; 2]> = SmallVec::new();
    let mut outputs: SmallVec<[TensorId; 1]> = SmallVec::new();
    let mut constants: SmallVec<[TensorId; 2]> = SmallVec::new();
    for &id in &operators {
        let operator = &graph.operators[id];
        for &output in &operator.outputs {
            let stays_inside = !consumers[output].is_empty()
                && !graph.outputs.contains(&output)
                && consumers[output].iter().all(|reader| operators.contains(reader));
            if !stays_inside {
                outputs.push(output);
            }
        }
        for &input in operator.inputs.iter().flatten() {
            let is_made_inside =
                operators.iter().any(|&other| graph.operators[other].outputs.contains(&input));
            let list =
                if graph.tensors[input].is_constant() { &mut constants } else { &mut inputs };
            if !is_made_inside && !list.contains(&input) {
                list.push(input);
            }
        }
    }
    Step {
        main: main_of(graph, &operators),
        operators,
        engine: crate::plan::EngineId::from_u32(0),
        placement: Placement::Native,
        inputs,
        outputs,
        constants,
        precision: Precision::of_activations(8),
        schedule: StepSchedule::Whole,
    }
}

/// The operator that gives a step its name and engine: the one with weights, else a pooling, else
/// the first that is not padding.
fn main_of(graph: &Graph, operators: &[OperatorId]) -> OperatorId {
    let rank = |&&operator: &&OperatorId| {
        let kind = graph.operators[operator].kind();
        match OperatorClass::of(kind) {
            OperatorClass::Convolution
            | OperatorClass::Pointwise
            | OperatorClass::Shallow
            | OperatorClass::Depthwise
            | OperatorClass::Transposed
            | OperatorClass::Dense
            | OperatorClass::MatrixProduct
            | OperatorClass::Recurrent => 0,
            OperatorClass::Pooling => 1,
            OperatorClass::Movement if kind == OperatorKind::Pad => 3,
            OperatorClass::Elementwise
            | OperatorClass::Clamp
            | OperatorClass::Nonlinear
            | OperatorClass::Exponential
            | OperatorClass::Reduction
            | OperatorClass::Movement
            | OperatorClass::View
            | OperatorClass::Resampling
            | OperatorClass::Requantisation
            | OperatorClass::Control => 2,
        }
    };
    operators.iter().min_by_key(rank).copied().unwrap_or(operators[0])
}
