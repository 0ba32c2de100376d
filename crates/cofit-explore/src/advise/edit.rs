//! Edits of a graph that suggestions are made with, and the shapes that follow from them.

use cofit_canonical::remove_unused_tensors;
use cofit_ir::verify::Verified;
use cofit_ir::{
    ConstantData, Graph, Model, Op, Operator, OperatorId, Quantisation, Shape, Tensor, TensorId,
    TensorRole, ops,
};
use cofit_vocab::ElementType;
use cranelift_entity::PrimaryMap;

/// Puts operators in the place of one. The last of them has to write what it wrote. Ids of
/// operators change, those of tensors stay.
pub fn replace_operator(graph: &mut Graph, at: OperatorId, by: Vec<Operator>) {
    let mut by = Some(by);
    let mut operators = PrimaryMap::with_capacity(graph.operators.len() + 1);
    for (id, operator) in std::mem::take(&mut graph.operators) {
        match by.take_if(|_| id == at) {
            Some(new) => new.into_iter().for_each(|operator| {
                operators.push(operator);
            }),
            None => {
                operators.push(operator);
            }
        }
    }
    graph.operators = operators;
}

/// Computes every shape again from the inputs on, in the order of execution.
///
/// A pool over its whole input and a scale of one stay so: their windows follow their input. The
/// caller has to change constants whose lengths depend on what it changed.
///
/// # Errors
/// Where a shape is fixed that no longer fits, in words: a reshape to stated lengths, a dense layer
/// over a flattened map, two maps that are added.
pub fn infer_again(graph: &mut Graph) -> Result<(), String> {
    let before: PrimaryMap<TensorId, Shape> =
        graph.tensors.values().map(|tensor| tensor.shape.clone()).collect();
    let ids: Vec<OperatorId> = graph.operators.keys().collect();
    for id in ids {
        follow_input(graph, id, &before);
        let facts = {
            let operands = graph.operands(id);
            graph.operators[id].op.infer(&operands)
        };
        let facts = match facts {
            Ok(facts) => facts,
            Err(_) if follow_elements(graph, id).is_some() => continue,
            Err(error) => return Err(format!("{}: {error}", graph.operator_name(id))),
        };
        let outputs = graph.operators[id].outputs.clone();
        for (fact, output) in facts.into_iter().zip(outputs) {
            let Some(shape) = fact.shape else { continue };
            let tensor = &mut graph.tensors[output];
            if tensor.shape.elements() != shape.elements() || tensor.shape.rank() == shape.rank() {
                tensor.shape = shape;
            }
        }
    }
    Ok(())
}

/// Lets a reshape to stated lengths take another number of elements, by the innermost of them; `None`
/// where the others do not divide it.
fn follow_elements(graph: &mut Graph, id: OperatorId) -> Option<()> {
    if !matches!(graph.operators[id].op, Op::Reshape(_)) {
        return None;
    }
    let elements = graph.tensors[graph.operators[id].input(0)?].shape.elements();
    let output = *graph.operators[id].outputs.first()?;
    let mut wanted = graph.tensors[output].shape.clone();
    let (last, outer) = wanted.dimensions_mut().split_last_mut()?;
    // An axis of one element is one that was added, and stays so.
    let outer =
        outer.iter().fold(1u64, |product, &length| product.saturating_mul(u64::from(length)));
    if *last < 2 || outer == 0 || !elements.is_multiple_of(outer) {
        return None;
    }
    *last = u32::try_from(elements / outer).ok()?;
    let lengths: Vec<i32> = wanted
        .dimensions()
        .iter()
        .map(|&length| i32::try_from(length).ok())
        .collect::<Option<_>>()?;
    if graph.operators[id].input(1).is_some() {
        let data: Vec<u8> = lengths.iter().flat_map(|length| length.to_le_bytes()).collect();
        let name = format!("{}/shape", graph.tensors[output].name);
        let shape = Shape::new(&[wanted.rank() as u32]);
        let lengths = graph.tensor(Tensor::constant(name, ElementType::Int32, shape, data));
        graph.operators[id].inputs[1] = Some(lengths);
    } else {
        graph.operators[id].op = ops::Reshape { shape: lengths }.into();
    }
    graph.tensors[output].shape = wanted;
    Some(())
}

/// Lets a pool that covers its whole input cover the new one.
fn follow_input(graph: &mut Graph, id: OperatorId, before: &PrimaryMap<TensorId, Shape>) {
    let Some(input) = graph.operators[id].input(0) else { return };
    let (Some(old), new) = (before.get(input), graph.tensors[input].shape.clone()) else { return };
    let [Some(old_height), Some(old_width)] = [1, 2].map(|axis| old.get(axis)) else { return };
    let [Some(height), Some(width)] = [1, 2].map(|axis| new.get(axis)) else { return };
    let (filter, stride) = match &mut graph.operators[id].op {
        Op::AveragePool2d(pool) => (&mut pool.filter, &mut pool.stride),
        Op::MaxPool2d(pool) => (&mut pool.filter, &mut pool.stride),
        // What else depends on the extent of its input states it in constants, and is refused by
        // its shape rule.
        _ => return,
    };
    if filter.height == old_height && filter.width == old_width {
        stride.height = if stride.height == old_height { height } else { stride.height };
        stride.width = if stride.width == old_width { width } else { stride.width };
        (filter.height, filter.width) = (height, width);
    }
}

/// The model with another main graph, verified; `None` where the verifier refuses it.
pub fn verified(model: &Verified, mut graph: Graph) -> Option<Verified> {
    remove_unused_tensors(&mut graph);
    let mut changed: Model = (**model.model()).clone();
    *changed.main_mut()? = graph;
    Verified::new(changed).ok()
}

/// A tensor like another one, with a name and a shape of its own.
pub fn like(tensor: &Tensor, name: String, shape: Shape) -> Tensor {
    Tensor { name, shape, ..tensor.clone() }
}

/// A constant like another one whose values are absent. Scales along an axis of another length
/// become one for all.
pub fn absent_like(tensor: &Tensor, name: String, shape: Shape) -> Tensor {
    let mut new = like(tensor, name, shape);
    new.role = TensorRole::Constant(ConstantData::Absent);
    let length = |found: &Quantisation| new.shape.get(found.axis as usize).map(|it| it as usize);
    let quantisation = new
        .quantisation
        .take_if(|found| found.is_per_axis() && length(found) != Some(found.scales.len()));
    if let Some(old) = quantisation {
        let largest = old.scales.iter().copied().fold(0.0, f32::max);
        new.quantisation = Some(Quantisation::per_tensor(largest, 0));
    }
    new
}

/// The slices `kept` of a tensor's axis, in their order. Values stay where they are there and of
/// whole bytes; scales along the axis go with their slices.
pub fn take(tensor: &Tensor, axis: usize, kept: &[usize]) -> Option<Tensor> {
    let length = tensor.shape.get(axis)? as usize;
    if kept.iter().any(|&at| at >= length) {
        return None;
    }
    let mut new = tensor.clone();
    new.shape.dimensions_mut()[axis] = u32::try_from(kept.len()).ok()?;
    if let Some(found) = &mut new.quantisation
        && found.is_per_axis()
        && found.axis as usize == axis
    {
        let old = found.clone();
        found.scales = kept.iter().filter_map(|&at| old.scales.get(at).copied()).collect();
        found.zero_points = match old.zero_points.len() {
            0 | 1 => old.zero_points,
            _ => kept.iter().filter_map(|&at| old.zero_points.get(at).copied()).collect(),
        };
        found.minimum.clear();
        found.maximum.clear();
    }
    let width = tensor.element.bytes_for(1).get() as usize;
    let is_whole = tensor.element.bytes_for(8).get() as usize == width * 8;
    let data = tensor.data().filter(|_| is_whole).and_then(|data| {
        let inner: usize = tensor.shape.dimensions()[axis + 1..]
            .iter()
            .try_fold(width, |product, &length| product.checked_mul(length as usize))?;
        let row = inner.checked_mul(length)?;
        if row == 0 {
            return Some(Vec::new());
        }
        let slices = data.chunks_exact(row).flat_map(|row| {
            kept.iter().filter_map(move |&at| row.get(at * inner..(at + 1) * inner))
        });
        Some(slices.flatten().copied().collect::<Vec<u8>>())
    });
    new.role = TensorRole::Constant(match data {
        Some(data) => ConstantData::Present(data.into()),
        None => ConstantData::Absent,
    });
    Some(new)
}

/// The real values of a constant of float32 or int8; `None` where it is neither or its values are
/// absent.
pub fn reals(tensor: &Tensor) -> Option<Vec<f64>> {
    let data = tensor.data()?;
    let values: Vec<f64> = match tensor.element {
        ElementType::Float32 => data
            .chunks_exact(4)
            .map(|word| f64::from(f32::from_le_bytes([word[0], word[1], word[2], word[3]])))
            .collect(),
        ElementType::Int8 => data.iter().map(|&byte| f64::from(byte as i8)).collect(),
        _ => return None,
    };
    let Some(found) = tensor.quantisation.as_ref().filter(|it| it.is_quantised()) else {
        return Some(values);
    };
    if tensor.element == ElementType::Float32 {
        return Some(values);
    }
    let axis = found.axis as usize;
    let length = if found.is_per_axis() { tensor.shape.get(axis)? as usize } else { 1 };
    let after = tensor.shape.dimensions().get(axis + 1..).unwrap_or_default();
    let inner = after.iter().fold(1usize, |inner, &length| inner.saturating_mul(length as usize));
    let real = |(at, value): (usize, f64)| {
        let slice = at / inner.max(1) % length.max(1);
        let (scale, zero) = found.at(if found.is_per_axis() { slice } else { 0 })?;
        Some((value - zero as f64) * f64::from(scale))
    };
    values.into_iter().enumerate().map(real).collect()
}

/// The sums of the magnitudes of a constant's slices along an axis; `None` where [`reals`] has none.
pub fn magnitudes(tensor: &Tensor, axis: usize) -> Option<Vec<f64>> {
    let values = reals(tensor)?;
    let length = tensor.shape.get(axis)? as usize;
    let after = tensor.shape.dimensions().get(axis + 1..)?;
    let inner = after.iter().fold(1usize, |inner, &length| inner.saturating_mul(length as usize));
    let mut sums = vec![0.0; length];
    for (at, value) in values.iter().enumerate() {
        *sums.get_mut(at / inner.max(1) % length.max(1))? += value.abs();
    }
    Some(sums)
}

/// Operators of one kind, those with most multiply-accumulates first, at most `most`.
pub fn sites(graph: &Graph, most: usize, is_one: impl Fn(&Operator) -> bool) -> Vec<OperatorId> {
    let mut found: Vec<OperatorId> =
        graph.operators.iter().filter(|(_, it)| is_one(it)).map(|(id, _)| id).collect();
    found.sort_by_key(|&id| (std::cmp::Reverse(graph.macs(id).get()), id));
    found.truncate(most);
    found
}
