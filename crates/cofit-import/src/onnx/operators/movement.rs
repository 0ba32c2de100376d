//! Operators that move, select or rename elements.

use cofit_ir::{Op, Shape, TensorId, ops};
use cofit_vocab::ElementType;

use crate::onnx::constant::unsupported_element;
use crate::onnx::importer::{Importer, Value};
use crate::onnx::node::Node;
use crate::onnx::proto::data_type;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{Arrangement, Reading, View, in_order};

/// Positions of an axis: so many, from the first one on, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// The first position.
    pub begin: i64,
    /// From one to the next; may be negative.
    pub step: i64,
    /// How many.
    pub count: u32,
}

/// The axis that a number stands for, where negative ones count from the end.
pub(crate) fn axis(number: i64, rank: usize) -> Imported<usize> {
    let count = i64::try_from(rank).unwrap_or(i64::MAX);
    let axis = if number < 0 { number.saturating_add(count) } else { number };
    usize::try_from(axis)
        .ok()
        .filter(|&axis| axis < rank)
        .ok_or_else(|| Refusal::node(format!("axis {number} of {rank}")))
}

/// The order that a transpose states.
pub(crate) fn order(node: &Node<'_>, rank: usize) -> Imported<Vec<usize>> {
    let Some(stated) = node.ints("perm") else { return Ok((0..rank).rev().collect()) };
    let order: Vec<usize> =
        stated.iter().map(|&number| axis(number, rank)).collect::<Imported<_>>()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(Refusal::node(format!("{stated:?} is no order of {rank} axes")));
    }
    Ok(order)
}

/// The axes that an attribute or, in later versions, operand 1 lists; `None` where neither does.
pub(crate) fn listed_axes(
    importer: &Importer,
    node: &Node<'_>,
    rank: usize,
) -> Imported<Option<Vec<usize>>> {
    let listed = match node.ints("axes") {
        Some(axes) => Some(axes.to_vec()),
        None => importer.known_integers(node, 1, "the axes")?,
    };
    let Some(listed) = listed else { return Ok(None) };
    let mut axes: Vec<usize> =
        listed.iter().map(|&number| axis(number, rank)).collect::<Imported<_>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok(Some(axes))
}

/// The axes of a reduction: all where none is listed.
pub(crate) fn reduced_axes(
    importer: &Importer,
    node: &Node<'_>,
    rank: usize,
) -> Imported<Vec<usize>> {
    match listed_axes(importer, node, rank)? {
        Some(axes) if !axes.is_empty() => Ok(axes),
        _ if node.int("noop_with_empty_axes", 0) != 0 => Ok(Vec::new()),
        _ => Ok((0..rank).collect()),
    }
}

/// The element type that a cast states.
pub(crate) fn cast_element(node: &Node<'_>) -> Imported<ElementType> {
    let number = i32::try_from(node.int("to", 0)).unwrap_or(0);
    Ok(match number {
        data_type::FLOAT | data_type::FLOAT16 | data_type::DOUBLE | data_type::BFLOAT16 => {
            ElementType::Float32
        }
        data_type::UINT8 => ElementType::UInt8,
        data_type::INT8 => ElementType::Int8,
        data_type::INT16 => ElementType::Int16,
        data_type::UINT16 => ElementType::UInt16,
        data_type::INT32 => ElementType::Int32,
        data_type::INT64 => ElementType::Int64,
        data_type::BOOL => ElementType::Bool,
        other => return Err(unsupported_element(other)),
    })
}

/// The shape that `Reshape`, `Flatten`, `Squeeze` or `Unsqueeze` gives to elements of `shape`.
pub(crate) fn new_shape(importer: &Importer, node: &Node<'_>, shape: &Shape) -> Imported<Shape> {
    let rank = shape.rank();
    let lengths = shape.dimensions();
    match node.kind() {
        "Flatten" => {
            let number = node.int("axis", 1);
            let count = i64::try_from(rank).unwrap_or(i64::MAX);
            let at = if number < 0 { number.saturating_add(count) } else { number };
            let at = usize::try_from(at).ok().filter(|&at| at <= rank);
            let at = at.ok_or_else(|| Refusal::node(format!("axis {number} of {rank}")))?;
            let (outer, inner) = lengths.split_at(at);
            joined(&[outer, inner])
        }
        "Squeeze" => {
            let axes = listed_axes(importer, node, rank)?
                .unwrap_or_else(|| (0..rank).filter(|&axis| lengths[axis] == 1).collect());
            if let Some(&axis) = axes.iter().find(|&&axis| lengths[axis] != 1) {
                return Err(Refusal::node(format!("axis {axis} of {shape} is not of length 1")));
            }
            Ok((0..rank).filter(|axis| !axes.contains(axis)).map(|axis| lengths[axis]).collect())
        }
        "Unsqueeze" => {
            let count = match node.ints("axes") {
                Some(axes) => axes.len(),
                None => importer.known_integers(node, 1, "the axes")?.map_or(0, |axes| axes.len()),
            };
            let total = rank.saturating_add(count);
            if total > Shape::MAX_RANK {
                return Err(Refusal::node(format!("{total} axes")));
            }
            let axes = listed_axes(importer, node, total)?.unwrap_or_default();
            if axes.len() != count {
                return Err(Refusal::node("an axis is inserted twice"));
            }
            let mut rest = lengths.iter().copied();
            let length = |axis| if axes.contains(&axis) { Some(1) } else { rest.next() };
            (0..total)
                .map(length)
                .collect::<Option<Shape>>()
                .ok_or_else(|| Refusal::node("too few axes"))
        }
        _ => {
            let wanted = match node.ints("shape") {
                Some(shape) => shape.to_vec(),
                None => importer.known_integers(node, 1, "the shape")?.unwrap_or_default(),
            };
            resolve(shape, &wanted, node.int("allowzero", 0) != 0)
        }
    }
}

fn joined(groups: &[&[u32]]) -> Imported<Shape> {
    groups
        .iter()
        .map(|group| u32::try_from(Shape::new(group).elements()).ok())
        .collect::<Option<Shape>>()
        .ok_or_else(|| Refusal::node("the joined axes are too long"))
}

/// The shape that `wanted` stands for: 0 keeps an axis, one -1 takes what is left.
fn resolve(shape: &Shape, wanted: &[i64], zero_is_zero: bool) -> Imported<Shape> {
    let refuse = || Refusal::node(format!("{shape} does not reshape to {wanted:?}"));
    if wanted.len() > Shape::MAX_RANK {
        return Err(refuse());
    }
    let mut lengths = Vec::new();
    let mut open = None;
    for (axis, &length) in wanted.iter().enumerate() {
        lengths.push(match length {
            0 if !zero_is_zero => shape.get(axis).ok_or_else(refuse)?,
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            length => u32::try_from(length).map_err(|_| refuse())?,
        });
    }
    let known = Shape::new(&lengths).elements();
    let elements = shape.elements();
    if let Some(axis) = open {
        if known == 0 || !elements.is_multiple_of(known) {
            return Err(refuse());
        }
        lengths[axis] = u32::try_from(elements / known).map_err(|_| refuse())?;
    } else if known != elements {
        return Err(refuse());
    }
    Ok(Shape::new(&lengths))
}

/// The shape that `shape` is stretched to by `Expand`.
pub(crate) fn expanded(shape: &Shape, wanted: &[i64]) -> Imported<Shape> {
    let refuse = || Refusal::node(format!("{shape} does not stretch to {wanted:?}"));
    let other: Option<Shape> = wanted.iter().map(|&length| u32::try_from(length).ok()).collect();
    let other = other.filter(|other| other.rank() <= Shape::MAX_RANK).ok_or_else(refuse)?;
    shape.broadcast(&other).ok_or_else(refuse)
}

/// Every position of every axis.
pub(crate) fn whole(shape: &Shape) -> Vec<Range> {
    let all = |&length: &u32| Range { begin: 0, step: 1, count: length };
    shape.dimensions().iter().map(all).collect()
}

/// The positions that a slice keeps.
pub(crate) fn ranges(importer: &Importer, node: &Node<'_>, shape: &Shape) -> Imported<Vec<Range>> {
    let rank = shape.rank();
    let list = |name: &str, index: usize, what: &str| match node.ints(name) {
        Some(values) => Ok(Some(values.to_vec())),
        None => importer.known_integers(node, index, what),
    };
    let starts = list("starts", 1, "the starts")?.unwrap_or_default();
    let ends = list("ends", 2, "the ends")?.unwrap_or_default();
    let axes = list("axes", 3, "the axes")?;
    let steps = importer.known_integers(node, 4, "the steps")?;
    let axes: Vec<i64> = axes.unwrap_or_else(|| (0..).take(starts.len()).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(Refusal::node("starts, ends, axes and steps are not of one length"));
    }
    let mut ranges = whole(shape);
    for (((&start, &end), &number), &step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let axis = axis(number, rank)?;
        let length = i64::from(shape[axis]);
        if step == 0 {
            return Err(Refusal::node("a step of 0"));
        }
        let from_start = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let begin = from_start(start).clamp(low.max(0), high.max(0));
        let end = from_start(end).clamp(low, high.max(low));
        let span = if step > 0 { end - begin } else { begin - end };
        let count = u64::try_from(span).unwrap_or(0).div_ceil(step.unsigned_abs());
        ranges[axis] = Range { begin, step, count: u32::try_from(count).unwrap_or(0) };
    }
    Ok(ranges)
}

/// The axis that is split, and the lengths of the parts.
pub(crate) fn parts(
    importer: &Importer,
    node: &Node<'_>,
    shape: &Shape,
) -> Imported<(usize, Vec<u32>)> {
    let axis = axis(node.int("axis", 0), shape.rank())?;
    let length = shape[axis];
    let count = node.proto.output.len();
    let stated = match node.ints("split") {
        Some(parts) => Some(parts.to_vec()),
        None => importer.known_integers(node, 1, "the parts")?,
    };
    let parts: Vec<u32> = match stated {
        Some(parts) => {
            let parts: Option<Vec<u32>> =
                parts.iter().map(|&part| u32::try_from(part).ok()).collect();
            parts.ok_or_else(|| Refusal::node("a part of negative length"))?
        }
        None => {
            // The last part is shorter where the axis does not divide.
            let parts = u32::try_from(count).unwrap_or(u32::MAX).max(1);
            let part = length.div_ceil(parts);
            (0..parts)
                .map(|index| part.min(length.saturating_sub(part.saturating_mul(index))))
                .collect()
        }
    };
    let sum: u64 = parts.iter().map(|&part| u64::from(part)).sum();
    if parts.len() != count || sum != u64::from(length) {
        return Err(Refusal::node(format!(
            "axis {axis} of {shape} does not divide into {parts:?}"
        )));
    }
    Ok((axis, parts))
}

/// The activation that operand 0 is, without dequantising it: for operators that only change the
/// view.
fn raw(importer: &mut Importer, node: &Node<'_>) -> Imported<View> {
    match node.input(0).and_then(|name| importer.value(name)) {
        Some(Value::Activation(view)) => Ok(view.clone()),
        Some(Value::Constant(_) | Value::Refused) | None => importer.view(node, 0),
    }
}

/// As [`raw`], for operators that move elements: what the numbers mean goes to the result.
pub(crate) fn moved(importer: &mut Importer, node: &Node<'_>) -> Imported<(View, Reading)> {
    let view = raw(importer, node)?;
    let reading = view.reading;
    Ok((View { reading: Reading::Plain, ..view }, reading))
}

/// `Identity`, `Dropout`: the operand itself.
pub(crate) fn identity(importer: &mut Importer, node: &Node<'_>) -> Imported {
    if node.output(1).is_some_and(|mask| importer.use_count(mask) > 0) {
        return Err(Refusal::form("the mask of a dropout is read"));
    }
    let view = raw(importer, node)?;
    importer.bind_view(node, view);
    Ok(())
}

/// `Reshape`, `Flatten`, `Squeeze`, `Unsqueeze`: another view, or a transpose into the file's order
/// where the new axes cut across the memory's.
pub(crate) fn reshape(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = raw(importer, node)?;
    let shape = new_shape(importer, node, &view.shape())?;
    let made = reshaped(importer, &view, &shape)?;
    importer.bind_view(node, made);
    Ok(())
}

/// The view under another shape of as many elements.
pub(crate) fn reshaped(importer: &mut Importer, view: &View, shape: &Shape) -> Imported<View> {
    let made = view.reshaped(shape).or_else(|| view.coalesced().reshaped(shape));
    if let Some(made) = made {
        return Ok(made);
    }
    let tensor = importer.arrange(view, &in_order(view.rank()))?;
    let tensor = importer.reshaped(tensor, shape)?;
    Ok(View { reading: view.reading, ..View::of(tensor, shape) })
}

/// `Transpose`: another view.
pub(crate) fn transpose(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = raw(importer, node)?;
    let order = order(node, view.rank())?;
    importer.bind_view(node, view.transposed(&order));
    Ok(())
}

/// `Slice`: `slice`, or `strided_slice` where there are steps.
pub(crate) fn slice(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let (view, reading) = moved(importer, node)?;
    let ranges = ranges(importer, node, &view.shape())?;
    let (tensor, order) = importer.complete(&view)?;
    let tensor = sliced(importer, tensor, &order, &ranges, node.result())?;
    let view = View { reading, ..importer.result_view(tensor, &order, view.rank()) };
    importer.bind_result(node, 0, view);
    Ok(())
}

/// The ranges of a tensor in an arrangement.
pub(crate) fn sliced(
    importer: &mut Importer,
    tensor: TensorId,
    order: &[Option<usize>],
    ranges: &[Range],
    name: &str,
) -> Imported<TensorId> {
    let stored: Vec<Range> = order
        .iter()
        .map(|axis| axis.map_or(Range { begin: 0, step: 1, count: 1 }, |axis| ranges[axis]))
        .collect();
    let rank = stored.len() as u32;
    let begins: Vec<i64> = stored.iter().map(|range| range.begin).collect();
    let begin = importer.integers(&format!("{name}/begin"), &begins, &[rank])?;
    if stored.iter().all(|range| range.step == 1) {
        let counts: Vec<i64> = stored.iter().map(|range| i64::from(range.count)).collect();
        let size = importer.integers(&format!("{name}/size"), &counts, &[rank])?;
        return importer.emit(ops::Slice::default(), &[tensor, begin, size], name);
    }
    let mut end_mask = 0;
    let mut ends = Vec::new();
    for (place, range) in stored.iter().enumerate() {
        let end = range.begin.saturating_add(range.step.saturating_mul(i64::from(range.count)));
        if end < 0 {
            // The position before the first cannot be written: it would count from the end.
            end_mask |= 1u32.checked_shl(place as u32).unwrap_or(0);
        }
        ends.push(end.max(0));
    }
    let steps: Vec<i64> = stored.iter().map(|range| range.step).collect();
    let end = importer.integers(&format!("{name}/end"), &ends, &[rank])?;
    let step = importer.integers(&format!("{name}/strides"), &steps, &[rank])?;
    let op = ops::StridedSlice { end_mask, ..ops::StridedSlice::default() };
    importer.emit(op, &[tensor, begin, end, step], name)
}

/// `Split`: `split` into equal parts, else `split_v`.
pub(crate) fn split(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let (view, reading) = moved(importer, node)?;
    let (axis, parts) = parts(importer, node, &view.shape())?;
    let (tensor, order) = importer.complete(&view)?;
    let at = place(&order, axis)?;
    let names: Vec<String> = node.proto.output.clone();
    let count = parts.len() as u32;
    let along = importer.integers(&format!("{}/axis", node.result()), &[at], &[])?;
    let made = if parts.windows(2).all(|pair| pair[0] == pair[1]) {
        let op = ops::Split { num_splits: count };
        importer.emit_all(op.into(), &[Some(along), Some(tensor)], &names, None)?
    } else {
        let lengths: Vec<i64> = parts.iter().map(|&part| i64::from(part)).collect();
        let lengths = importer.integers(&format!("{}/sizes", node.result()), &lengths, &[count])?;
        let op = ops::SplitV { num_splits: count };
        importer.emit_all(op.into(), &[Some(tensor), Some(lengths), Some(along)], &names, None)?
    };
    for (index, tensor) in made.into_iter().enumerate() {
        let view = View { reading, ..importer.result_view(tensor, &order, view.rank()) };
        importer.bind_result(node, index, view);
    }
    Ok(())
}

/// The stored axis that holds an axis of the file.
pub(crate) fn place(order: &[Option<usize>], axis: usize) -> Imported<i64> {
    let place = order.iter().position(|&stored| stored == Some(axis));
    place
        .and_then(|place| i64::try_from(place).ok())
        .ok_or_else(|| Refusal::node(format!("axis {axis} is not stored")))
}

/// `Concat`: `concatenation` in the arrangement of the operand with most elements.
pub(crate) fn concat(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let mut views = Vec::new();
    for index in 0..node.proto.input.len() {
        views.push(importer.view(node, index)?);
    }
    let made = concatenated(importer, node, &views)?;
    importer.bind_result(node, 0, made);
    Ok(())
}

/// The node's result: views one after another.
pub(crate) fn concatenated(
    importer: &mut Importer,
    node: &Node<'_>,
    views: &[View],
) -> Imported<View> {
    let constant =
        |importer: &Importer, view: &View| importer.graph.tensors[view.tensor].is_constant();
    let leader = views
        .iter()
        .max_by_key(|view| (!constant(importer, view), view.shape().elements()))
        .ok_or_else(|| Refusal::node("nothing to join"))?
        .clone();
    let rank = leader.rank();
    let axis = axis(node.int("axis", 0), rank)?;
    if views.iter().any(|view| view.rank() != rank) {
        return Err(Refusal::node("the operands have different numbers of axes"));
    }
    let (_, order) = importer.complete(&leader)?;
    let mut tensors = Vec::new();
    for view in views.iter().filter(|view| views.len() == 1 || view.length(axis) > 0) {
        let mut tensor = importer.arrange(view, &order)?;
        if let Some(target) = importer.target.clone()
            && importer.graph.tensors[tensor].quantisation.as_ref() != Some(&target.quantisation)
        {
            // The integer operator has one scale for all.
            let name = format!("{}/scaled", importer.graph.tensors[tensor].name);
            tensor = importer.emit_as(ops::Quantize::default(), &[tensor], &name, target)?;
        }
        tensors.push(tensor);
    }
    let at = i32::try_from(place(&order, axis)?).unwrap_or(0);
    let op = ops::Concatenation { axis: at, ..ops::Concatenation::default() };
    let made = importer.emit(op, &tensors, node.result())?;
    Ok(importer.result_view(made, &order, rank))
}

/// `Gather`: one index becomes a slice, more a `gather`.
pub(crate) fn gather(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let (view, reading) = moved(importer, node)?;
    let rank = view.rank();
    let axis = axis(node.int("axis", 0), rank)?;
    let length = i64::from(view.length(axis));
    let known = importer.constant(node, 1);
    let chosen = known.as_ref().and_then(|indices| indices.integers());
    let positive = |index: i64| if index < 0 { index + length } else { index };
    if let Some(chosen) = &chosen
        && let Some(index) = chosen.iter().find(|&&index| !(0..length).contains(&positive(index)))
    {
        return Err(Refusal::node(format!("index {index} of an axis of {length}")));
    }
    if let (Some(known), Some(&[index])) = (&known, chosen.as_deref())
        && known.shape.rank() <= 1
    {
        let (tensor, order) = importer.complete(&view)?;
        let mut ranges = whole(&view.shape());
        ranges[axis] = Range { begin: positive(index), step: 1, count: 1 };
        let made = sliced(importer, tensor, &order, &ranges, node.result())?;
        let mut result = View { reading, ..importer.result_view(made, &order, rank) };
        if known.shape.rank() == 0 {
            result.axes.remove(axis);
        }
        importer.bind_result(node, 0, result);
        return Ok(());
    }
    let (indices, index_rank) = match (&known, chosen) {
        (Some(known), Some(chosen)) => {
            let chosen: Vec<i64> = chosen.into_iter().map(positive).collect();
            let name = format!("{}/indices", node.result());
            (importer.integers(&name, &chosen, known.shape.dimensions())?, known.shape.rank())
        }
        _ => {
            let indices = importer.view(node, 1)?;
            (importer.arrange(&indices, &in_order(indices.rank()))?, indices.rank())
        }
    };
    let (tensor, order) = if index_rank == 1 {
        importer.complete(&view)?
    } else {
        (importer.arrange(&view, &in_order(rank))?, in_order(rank))
    };
    let at = i32::try_from(place(&order, axis)?).unwrap_or(0);
    let op = ops::Gather { axis: at, ..ops::Gather::default() };
    let made = importer.emit(op, &[tensor, indices], node.result())?;
    let total = rank - 1 + index_rank;
    let order = if index_rank == 1 { order } else { in_order(total) };
    let result = View { reading, ..importer.result_view(made, &order, total) };
    importer.bind_result(node, 0, result);
    Ok(())
}

/// An operator on one tensor that keeps its arrangement.
pub(crate) fn keeping(
    importer: &mut Importer,
    view: &View,
    op: impl Into<Op>,
    name: &str,
) -> Imported<View> {
    let made = importer.emit(op, &[view.tensor], name)?;
    let reading = if importer.target.is_some() { Reading::Dequantised } else { Reading::Plain };
    Ok(View { tensor: made, reading, ..view.clone() })
}

/// The arrangement of the axes that stay when some are removed.
pub(crate) fn without(order: &[Option<usize>], removed: &[usize]) -> Arrangement {
    let renumber = |axis: usize| axis - removed.iter().filter(|&&gone| gone < axis).count();
    order
        .iter()
        .filter(|axis| axis.is_none_or(|axis| !removed.contains(&axis)))
        .map(|axis| axis.map(renumber))
        .collect()
}
