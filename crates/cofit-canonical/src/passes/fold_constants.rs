//! Computes operators on constants ahead of time.
//!
//! Exporters leave transposed weights, casts and arithmetic on constants in the graph. An operator
//! all of whose operands are constants with values is executed here by `cofit_exec`, and its results
//! become constants.
//!
//! A result that is larger than its operands stays computed: half-precision weights that a
//! `dequantize` widens take twice the flash once they are folded. So does one that depends on how
//! requantisations round, which the chip's library decides. And so does the `dequantize` of an integer
//! constant, which says how the model is quantised.

use cofit_exec::{Network, Options, Rounding};
use cofit_ir::{
    ConstantData, Graph, Model, Op, Operator, OperatorId, TensorId, TensorRole, Verified,
};
use cofit_vocab::Bytes;
use cranelift_entity::EntitySet;

use crate::passes::Pass;
use crate::rewrite::{has_effect, remove_operators};

/// The pass.
pub const PASS: Pass = Pass {
    name: "fold_constants",
    description: "computes operators on constants ahead of time",
    run,
};

/// Results of so many bytes are computed whatever the size of their operands.
const SHORT: Bytes = Bytes(256);

/// Most elements and multiply-accumulates that all operators together may take: a few seconds.
const MOST_WORK: u64 = 1 << 28;

/// Replaces operators on constants by their results.
pub fn run(graph: &mut Graph) -> usize {
    let mut doomed: EntitySet<OperatorId> = EntitySet::new();
    let mut count = 0;
    let mut work = MOST_WORK;
    let mut outputs: EntitySet<TensorId> = EntitySet::new();
    outputs.extend(graph.outputs.iter().copied());
    let ids: Vec<OperatorId> = graph.operators.keys().collect();
    for id in ids {
        let is_read_outside =
            graph.operators[id].outputs.iter().any(|&output| outputs.contains(output));
        let Some(results) = (!is_read_outside).then(|| evaluate(graph, id, &mut work)).flatten()
        else {
            continue;
        };
        for (&output, data) in graph.operators[id].outputs.iter().zip(results) {
            graph.tensors[output].role = TensorRole::Constant(ConstantData::Present(data.into()));
        }
        doomed.insert(id);
        count += 1;
    }
    if count > 0 {
        remove_operators(graph, &doomed);
    }
    count
}

/// The results of an operator on constants, each as a constant's bytes; `None` where it has to stay.
fn evaluate(graph: &Graph, id: OperatorId, work: &mut u64) -> Option<Vec<Vec<u8>>> {
    let operator = &graph.operators[id];
    if has_effect(operator.kind()) || matches!(&operator.op, Op::VarHandle(_) | Op::ReadVariable(_))
    {
        return None;
    }
    let is_quantised = |id: TensorId| !graph.tensors[id].element.is_float();
    if matches!(&operator.op, Op::Dequantize(_)) && operator.input(0).is_none_or(is_quantised) {
        return None;
    }
    let operands: Vec<TensorId> = operator.inputs.iter().copied().flatten().collect();
    let is_known = operands.iter().all(|&operand| graph.tensors[operand].data().is_some());
    if operands.is_empty() || !is_known {
        return None;
    }
    let bytes =
        |ids: &[TensorId]| -> Bytes { ids.iter().map(|&id| graph.tensors[id].bytes()).sum() };
    let result_bytes = bytes(&operator.outputs);
    if result_bytes > bytes(&operands) && result_bytes > SHORT {
        return None;
    }
    let elements = operands
        .iter()
        .chain(&operator.outputs)
        .fold(0u64, |sum, &id| sum.saturating_add(graph.tensors[id].shape.elements()));
    *work = work.checked_sub(elements.saturating_add(graph.macs(id).get()))?;

    let network = alone(graph, operator)?;
    let double = execute(&network, Rounding::Double)?;
    let single = execute(&network, Rounding::Single)?;
    (double == single).then_some(double)
}

/// A model of one operator on constants.
fn alone(graph: &Graph, operator: &Operator) -> Option<Verified> {
    let mut single = Graph::default();
    let mut copy = operator.clone();
    for input in copy.inputs.iter_mut().flatten() {
        *input = single.tensor(graph.tensors[*input].clone());
    }
    for output in &mut copy.outputs {
        *output = single.tensor(graph.tensors[*output].clone());
    }
    copy.intermediates.clear();
    single.outputs = copy.outputs.to_vec();
    single.operator(copy);
    Verified::new(Model::of("", single)).ok()
}

/// The outputs of a model without inputs, as constants' bytes.
fn execute(model: &Verified, rounding: Rounding) -> Option<Vec<Vec<u8>>> {
    let network = Network::prepare(model, &Options { rounding, ..Options::default() }).ok()?;
    let results = network.run(&mut network.state(), &[], &mut ()).ok()??;
    let graph = model.main_graph();
    graph
        .outputs
        .iter()
        .zip(results)
        .map(|(&output, result)| result.to_packed(graph.tensors[output].element))
        .collect()
}
