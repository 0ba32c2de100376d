//! A plan's steps as the network that the search for cascades sees.

use cofit_ethos_u::operation::{FeatureMap, Format, Kernel, NpuOperation, OperationKind};
use cofit_ethos_u::{Network, Rows, Stage, Value};
use cofit_ir::TensorId;
use cofit_vocab::Bytes;

use crate::plan::{Plan, Step, StepId};
use crate::step_layer::StepLayer;
use crate::values::Values;

/// One step of the NPU, lowered.
#[derive(Clone, Debug)]
pub(crate) struct Lowered<'a> {
    /// The step.
    pub step: StepId,
    /// Its operations.
    pub operations: Vec<NpuOperation<'a>>,
    /// Whether another engine ran last.
    pub after_cpu: bool,
    /// The input that its result may take the place of.
    pub overwrites: Option<TensorId>,
}

/// The network of a plan's steps, one stage a step. `bytes` and `formats` are those of the values
/// before any overwrites another; addresses are multiples of `alignment`.
pub(crate) fn network<'a>(
    plan: &Plan,
    lowered: Vec<Lowered<'a>>,
    values: &Values,
    bytes: &[Bytes],
    formats: &[Format],
    alignment: u64,
) -> Network<'a> {
    let mut network = Network {
        operations: Vec::new(),
        stages: vec![Stage::default(); plan.steps.len()],
        values: lifetimes(plan, values, bytes, alignment),
    };
    for one in &lowered {
        let stage = &mut network.stages[one.step.as_u32() as usize];
        stage.after_cpu = one.after_cpu;
        stage.rows = rows(plan, one, values, &network.values);
        stage.overwritten = one
            .overwrites
            .and_then(|input| {
                let result = *plan.steps[one.step].outputs.first()?;
                let of = |tensor: TensorId| network.values.get(values.of[tensor]?);
                Some(of(input)?.bytes.min(of(result)?.bytes))
            })
            .unwrap_or_default();
    }
    for value in rolling(plan, &lowered, &network, values, formats) {
        network.values[value].rolls = true;
    }
    for one in lowered {
        let first = network.operations.len();
        network.operations.extend(one.operations);
        network.stages[one.step.as_u32() as usize].operations = first..network.operations.len();
    }
    network
}

/// Sizes and lifetimes of all values, none of which rolls yet.
fn lifetimes(plan: &Plan, values: &Values, bytes: &[Bytes], alignment: u64) -> Vec<Value> {
    let end = plan.steps.len().saturating_sub(1);
    let mut all: Vec<Value> = bytes
        .iter()
        .map(|bytes| Value {
            bytes: bytes.round_up_to(alignment),
            first: usize::MAX,
            last: 0,
            rolls: false,
        })
        .collect();
    for (id, step) in &plan.steps {
        let at = id.as_u32() as usize;
        for &tensor in step.inputs.iter().chain(&step.outputs) {
            if let Some(value) = values.of[tensor] {
                all[value].first = all[value].first.min(at);
                all[value].last = all[value].last.max(at);
            }
        }
    }
    for (index, value) in all.iter_mut().enumerate() {
        if value.first == usize::MAX {
            // No step touches it.
            *value = Value { bytes: Bytes::ZERO, first: 0, last: 0, rolls: false };
            continue;
        }
        if values.is_live_in(&plan.graph, index) {
            value.first = 0;
        }
        if values.is_live_out(&plan.graph, index) {
            value.last = end;
        }
    }
    all
}

/// The operand of a step that the step before wrote last, or else its first.
fn streamed(plan: &Plan, id: StepId) -> Option<(usize, TensorId)> {
    let step = &plan.steps[id];
    let before = id.as_u32().checked_sub(1).map(|before| &plan.steps[StepId::from_u32(before)]);
    let is_fresh = |tensor: &TensorId| before.is_some_and(|step| step.outputs.contains(tensor));
    step.inputs
        .iter()
        .copied()
        .enumerate()
        .find(|(_, tensor)| is_fresh(tensor))
        .or_else(|| step.inputs.first().map(|&tensor| (0, tensor)))
}

/// The feature map of an operation that is the operand `tensor` of a step.
fn operand_map<'o>(
    plan: &Plan,
    step: &Step,
    operation: &'o NpuOperation<'_>,
    tensor: TensorId,
) -> Option<&'o FeatureMap> {
    let is_elementwise = matches!(operation.kind, OperationKind::Elementwise(_));
    let is_second = is_elementwise
        && plan.graph.operators[step.main].input(1) == Some(tensor)
        && plan.graph.operators[step.main].input(0) != Some(tensor);
    if is_second { operation.ifm2.as_ref() } else { Some(&operation.ifm) }
}

/// How a step's rows follow those of an input; none where they do not, or not one to one.
fn rows(plan: &Plan, one: &Lowered<'_>, values: &Values, all: &[Value]) -> Option<Rows> {
    let step = &plan.steps[one.step];
    let ([operation], &[result]) = (one.operations.as_slice(), step.outputs.as_slice()) else {
        return None;
    };
    let (_, input) = streamed(plan, one.step)?;
    let (from, to) = (values.of[input]?, values.of[result]?);
    let map = operand_map(plan, step, operation, input)?;
    // A slice, a spread or a resized input is not read row by row from the top.
    let own = plan.graph.tensors[input].shape.as_nhwc()?;
    let result_own = plan.graph.tensors[result].shape.as_nhwc()?;
    let is_whole = [map.shape.n, map.shape.h, map.shape.w] == own[..3]
        && [operation.ofm.shape.n, operation.ofm.shape.h, operation.ofm.shape.w] == result_own[..3];
    if !is_whole || from == to || all[from].bytes.is_zero() {
        return None;
    }
    if operation.kernel == Kernel::UNIT {
        return (map.shape.h == operation.ofm.shape.h).then_some(Rows { from, to, top: 0 });
    }
    let amounts = StepLayer::of(&plan.graph, step).main.padding?.amounts;
    // The last window ends within the input and its zeros below.
    let last = u64::from(operation.ofm.shape.h.saturating_sub(1))
        .saturating_mul(operation.kernel.stride.0.into())
        .saturating_add(operation.kernel.dilated().0.into());
    let padded = u64::from(map.shape.h)
        .saturating_add(amounts.top.into())
        .saturating_add(amounts.bottom.into());
    (last <= padded).then_some(Rows { from, to, top: amounts.top })
}

/// The values that can lie in rolling buffers: written by one step and read by the next alone, in
/// bricks, inside the network.
fn rolling(
    plan: &Plan,
    lowered: &[Lowered<'_>],
    network: &Network<'_>,
    values: &Values,
    formats: &[Format],
) -> Vec<usize> {
    let (mut reads, mut writes) = (vec![0usize; formats.len()], vec![0usize; formats.len()]);
    for step in plan.steps.values() {
        for value in step.inputs.iter().filter_map(|&tensor| values.of[tensor]) {
            reads[value] += 1;
        }
        for value in step.outputs.iter().filter_map(|&tensor| values.of[tensor]) {
            writes[value] += 1;
        }
    }
    let between = |pair: &[Lowered<'_>]| -> Option<usize> {
        let [writer, reader] = pair else { return None };
        if writer.step.as_u32() + 1 != reader.step.as_u32() {
            return None;
        }
        let rows = |one: &Lowered<'_>| network.stages[one.step.as_u32() as usize].rows;
        let value = rows(reader)?.from;
        let (_, input) = streamed(plan, reader.step)?;
        let step = &plan.steps[reader.step];
        let map = operand_map(plan, step, reader.operations.first()?, input)?;
        let is_inside = !values.is_live_in(&plan.graph, value)
            && !values.is_live_out(&plan.graph, value)
            && !values.is_viewed[value]
            && values.tensors[value].len() == 1;
        (rows(writer)?.to == value
            && reads[value] == 1
            && writes[value] == 1
            && is_inside
            && formats[value] == Format::Nhcwb16
            && writer.operations.first()?.ofm == *map)
            .then_some(value)
    };
    lowered.windows(2).filter_map(between).collect()
}
