//! Computes shapes ahead of time.
//!
//! Exporters write a reshape whose batch may vary as `shape`, `strided_slice` and `pack` in front
//! of it. Every shape of the model is known here (an axis that the file leaves open is held at 1),
//! so these operators have constant results, and no engine needs to run them. An interpreter runs them
//! all the same; the few calls that this takes are not counted.

use cofit_ir::{ConstantData, Graph, Op, OperatorId, TensorId, TensorRole};
use cofit_vocab::ElementType;
use cranelift_entity::EntitySet;

use crate::passes::Pass;
use crate::rewrite;

/// The pass.
pub const PASS: Pass =
    Pass { name: "fold_shape_arithmetic", description: "computes shapes ahead of time", run };

/// Most elements of a result that is computed: shapes are short.
const MOST: usize = 64;

/// Replaces operators on shapes by their results.
pub fn run(graph: &mut Graph) -> usize {
    let mut doomed: EntitySet<OperatorId> = EntitySet::new();
    let mut outputs: EntitySet<TensorId> = EntitySet::new();
    outputs.extend(graph.outputs.iter().copied());
    let mut count = 0;
    let ids: Vec<OperatorId> = graph.operators.keys().collect();
    for id in ids {
        let &[output] = graph.operators[id].outputs.as_slice() else { continue };
        let is_read_outside = outputs.contains(output);
        let result = values(graph, id).and_then(|values| bytes(graph, output, &values));
        if let (Some(data), false) = (result, is_read_outside) {
            graph.tensors[output].role = TensorRole::Constant(ConstantData::Present(data.into()));
            doomed.insert(id);
            count += 1;
        }
    }
    if !doomed.is_empty() {
        rewrite::remove_operators(graph, &doomed);
    }
    count
}

/// The elements of an operator's result, where it computes with shapes that are known.
fn values(graph: &Graph, id: OperatorId) -> Option<Vec<i64>> {
    let operator = &graph.operators[id];
    let operand = |index: usize| operator.input(index).map(|id| &graph.tensors[id]);
    let known = |id: TensorId| -> Option<Vec<i64>> {
        let tensor = &graph.tensors[id];
        let is_shape = matches!(tensor.element, ElementType::Int32 | ElementType::Int64);
        tensor.integers().filter(|list| is_shape && list.len() <= MOST)
    };
    match &operator.op {
        Op::Shape(_) => {
            let shape = &operand(0)?.shape;
            Some(shape.dimensions().iter().copied().map(i64::from).collect())
        }
        Op::Pack(_) | Op::Concatenation(_) => {
            // Scalars and vectors lie one behind the other, whichever of the two joins them.
            let is_flat = |id: &TensorId| match &operator.op {
                Op::Pack(_) => graph.tensors[*id].shape.rank() == 0,
                _ => graph.tensors[*id].shape.rank() == 1,
            };
            let inputs: Vec<TensorId> = operator.inputs.iter().copied().collect::<Option<_>>()?;
            if !inputs.iter().all(is_flat) {
                return None;
            }
            let parts: Vec<Vec<i64>> = inputs.into_iter().map(known).collect::<Option<_>>()?;
            Some(parts.concat()).filter(|list| list.len() <= MOST)
        }
        Op::StridedSlice(slice) => {
            let list = known(operator.input(0)?)?;
            let single = |index: usize| -> Option<i64> {
                match known(operator.input(index)?)?.as_slice() {
                    &[value] => Some(value),
                    _ => None,
                }
            };
            let is_plain = slice.ellipsis_mask == 0 && slice.new_axis_mask == 0 && !slice.offset;
            if operand(0)?.shape.rank() != 1 || !is_plain || single(3)? != 1 {
                return None;
            }
            let length = list.len() as i64;
            let resolve =
                |at: i64| (if at < 0 { at.saturating_add(length) } else { at }).clamp(0, length);
            let begin = if slice.begin_mask & 1 == 1 { 0 } else { resolve(single(1)?) };
            let end = match (slice.shrink_axis_mask & 1, slice.end_mask & 1) {
                (1, _) => begin + 1,
                (_, 1) => length,
                _ => resolve(single(2)?),
            };
            list.get(begin as usize..end as usize).map(<[i64]>::to_vec)
        }
        _ => None,
    }
}

/// `values` as the bytes of `tensor`, where their number and type are the tensor's.
fn bytes(graph: &Graph, tensor: TensorId, values: &[i64]) -> Option<Vec<u8>> {
    let tensor = &graph.tensors[tensor];
    if tensor.shape.elements() != values.len() as u64 {
        return None;
    }
    match tensor.element {
        ElementType::Int64 => Some(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        ElementType::Int32 => {
            let narrow: Vec<i32> =
                values.iter().map(|&value| i32::try_from(value)).collect::<Result<_, _>>().ok()?;
            Some(narrow.iter().flat_map(|value| value.to_le_bytes()).collect())
        }
        _ => None,
    }
}
