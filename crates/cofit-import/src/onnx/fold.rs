//! Computing with constants when a file is read: what exporters write to compute shapes, and what
//! is done to weights before they are used.
//!
//! Data that only move are moved whatever their size; arithmetic is done on at most
//! [`MOST_COMPUTED`] elements. A constant whose elements are absent keeps its shape through all of
//! it.

mod arithmetic;

use std::rc::Rc;

use cofit_ir::Shape;

use super::External;
use super::constant::{self, Constant};
use super::importer::{Importer, Value};
use super::node::Node;
use super::operators::movement::{self, Range};
use super::operators::selection;
use super::quantised;
use super::refusal::{Imported, Refusal};

/// The most elements of a constant that repeats one value.
const MOST_FILLED: u64 = 1 << 26;

/// The most elements that are computed. Shapes have a few, per-channel parameters hundreds.
const MOST_COMPUTED: u64 = 1 << 20;

/// Computes a node's results where all its operands are constants; `false` where it is left to be
/// imported as an operator.
///
/// # Errors
/// The operands contradict the operator's definition.
pub(crate) fn node(
    importer: &mut Importer,
    node: &Node<'_>,
    external: &External<'_>,
) -> Imported<bool> {
    if !node.proto.domain.is_empty() && node.proto.domain != "ai.onnx" {
        return Ok(false);
    }
    match node.kind() {
        "Constant" => {
            let constant = stated(node, external)?;
            importer.bind_constant(node, 0, constant);
            return Ok(true);
        }
        "Shape" => return shape_of(importer, node),
        "Size" => {
            let Some(shape) = operand_shape(importer, node) else { return Ok(false) };
            let count = i64::try_from(shape.elements()).unwrap_or(i64::MAX);
            let size = Constant::of_integers(&[count], Shape::scalar());
            importer.bind_constant(node, 0, size);
            return Ok(true);
        }
        "ConstantOfShape" => {
            let made = filled(importer, node, external)?;
            importer.bind_constant(node, 0, made);
            return Ok(true);
        }
        _ => {}
    }
    let mut operands: Vec<Option<Rc<Constant>>> = Vec::new();
    for index in 0..node.proto.input.len() {
        let constant = importer.constant(node, index);
        if constant.is_none() && node.input(index).is_some() {
            return Ok(false);
        }
        operands.push(constant);
    }
    let Some(Some(first)) = operands.first().cloned() else { return Ok(false) };
    let made = match node.kind() {
        "Identity" | "Dropout" => Some((*first).clone()),
        "Cast" | "CastLike" => cast(importer, node, &first, operands.get(1))?,
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
            let shape = movement::new_shape(importer, node, &first.shape)?;
            Some(Constant { shape, ..(*first).clone() }).filter(|made| made.quantisation.is_none())
        }
        "Transpose" if first.quantisation.as_ref().is_none_or(|q| !q.is_per_axis()) => {
            let order = movement::order(node, first.shape.rank())?;
            let data = match &first.data {
                Some(data) => {
                    let lengths = first.shape.dimensions();
                    Some(importer.permuted(data, first.width(), lengths, &order)?)
                }
                None => None,
            };
            let shape = order.iter().map(|&axis| first.shape[axis]).collect();
            Some(Constant { shape, data, ..(*first).clone() })
        }
        "Gather" => gather(importer, node, &first, operands.get(1))?,
        "Slice" => {
            let ranges = movement::ranges(importer, node, &first.shape)?;
            Some(select(importer, &first, &ranges)?)
        }
        "Split" => return split(importer, node, &first),
        "Concat" => concat(importer, node, &operands)?,
        "Expand" => {
            let wanted = importer.known_integers(node, 1, "the shape")?.unwrap_or_default();
            let shape = movement::expanded(&first.shape, &wanted)?;
            broadcast(importer, &first, &shape)?
        }
        "Trilu" => Some(triangle(importer, node, &first)?),
        "Range" => arithmetic::range(&operands),
        "DequantizeLinear" => quantised::dequantised_constant(importer, node, &first)?,
        "QuantizeLinear" => quantised::quantised_constant(importer, node, &first)?,
        _ => arithmetic::arithmetic(importer, node, &operands)?,
    };
    let Some(made) = made else { return Ok(false) };
    importer.bind_constant(node, 0, made);
    Ok(true)
}

/// What a `Constant` node states.
fn stated(node: &Node<'_>, external: &External<'_>) -> Imported<Constant> {
    if let Some(tensor) = node.tensor("value") {
        return Ok(constant::decode(tensor, external)?.constant);
    }
    let vector = |length: usize| Shape::new(&[u32::try_from(length).unwrap_or(u32::MAX)]);
    if let Some(values) = node.ints("value_ints") {
        return Ok(Constant::of_integers(values, vector(values.len())));
    }
    if let Some(values) = node.floats("value_floats") {
        return Ok(Constant::of_floats(values, vector(values.len())));
    }
    if node.has("value_int") {
        return Ok(Constant::of_integers(&[node.int("value_int", 0)], Shape::scalar()));
    }
    if node.has("value_float") {
        return Ok(Constant::of_floats(&[node.float("value_float", 0.0)], Shape::scalar()));
    }
    Err(Refusal::form("a constant that is neither numbers nor a dense tensor"))
}

/// The shape of the first operand.
fn operand_shape(importer: &Importer, node: &Node<'_>) -> Option<Shape> {
    match importer.value(node.input(0)?)? {
        Value::Constant(constant) => Some(constant.shape.clone()),
        Value::Activation(view) => Some(view.shape()),
        Value::Refused => None,
    }
}

fn shape_of(importer: &mut Importer, node: &Node<'_>) -> Imported<bool> {
    let Some(shape) = operand_shape(importer, node) else { return Ok(false) };
    let rank = i64::try_from(shape.rank()).unwrap_or(0);
    let bound = |position: i64| {
        let position = if position < 0 { position.saturating_add(rank) } else { position };
        usize::try_from(position.clamp(0, rank)).unwrap_or(0)
    };
    let (start, end) = (bound(node.int("start", 0)), bound(node.int("end", rank)));
    let lengths = shape.dimensions().get(start..end).unwrap_or_default();
    let lengths: Vec<i64> = lengths.iter().map(|&length| i64::from(length)).collect();
    let shape = Shape::new(&[lengths.len() as u32]);
    importer.bind_constant(node, 0, Constant::of_integers(&lengths, shape));
    Ok(true)
}

/// What `ConstantOfShape` makes.
fn filled(importer: &mut Importer, node: &Node<'_>, external: &External<'_>) -> Imported<Constant> {
    let wanted = importer.known_integers(node, 0, "the shape")?.unwrap_or_default();
    let shape: Option<Shape> = wanted.iter().map(|&length| u32::try_from(length).ok()).collect();
    let shape = shape
        .filter(|shape| shape.rank() <= Shape::MAX_RANK && shape.elements() <= MOST_FILLED)
        .ok_or_else(|| Refusal::form(format!("a constant of the shape {wanted:?}")))?;
    let value = match node.tensor("value") {
        Some(tensor) => constant::decode(tensor, external)?.constant,
        None => Constant::of_floats(&[0.0], Shape::new(&[1])),
    };
    if value.shape.elements() != 1 {
        return Err(Refusal::node("the value is not one element"));
    }
    importer.spend(shape.elements().saturating_mul(value.width() as u64))?;
    let data = value.data.as_ref().map(|data| data.repeat(shape.elements() as usize).into());
    Ok(Constant { shape, data, ..value })
}

fn cast(
    importer: &mut Importer,
    node: &Node<'_>,
    first: &Rc<Constant>,
    like: Option<&Option<Rc<Constant>>>,
) -> Imported<Option<Constant>> {
    let element = match like {
        Some(Some(like)) => like.element,
        _ => movement::cast_element(node)?,
    };
    if element == first.element {
        return Ok(Some((**first).clone()));
    }
    if first.shape.elements() > MOST_COMPUTED {
        return Ok(None);
    }
    importer.spend(first.shape.elements().saturating_mul(8))?;
    Ok(Some(arithmetic::converted(first, element)))
}

/// Selects ranges of every axis.
fn select(importer: &mut Importer, from: &Constant, ranges: &[Range]) -> Imported<Constant> {
    let shape: Shape = ranges.iter().map(|range| range.count).collect();
    let width = from.width();
    importer.spend(shape.elements().saturating_mul(width as u64))?;
    let Some(data) = from.data.clone() else {
        return Ok(Constant { shape, ..from.clone() });
    };
    let lengths = from.shape.dimensions();
    let mut strides = vec![1i64; lengths.len()];
    for axis in (1..lengths.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(i64::from(lengths[axis]));
    }
    let mut result = Vec::new();
    let mut position = vec![0u32; ranges.len()];
    for _ in 0..shape.elements() {
        let offset: i64 = ranges
            .iter()
            .zip(&position)
            .zip(&strides)
            .map(|((range, &at), stride)| (range.begin + i64::from(at) * range.step) * stride)
            .sum();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).saturating_mul(width);
        result
            .extend_from_slice(data.get(offset..offset.saturating_add(width)).unwrap_or_default());
        for axis in (0..ranges.len()).rev() {
            position[axis] += 1;
            if position[axis] < ranges[axis].count {
                break;
            }
            position[axis] = 0;
        }
    }
    Ok(Constant { shape, data: Some(result.into()), ..from.clone() })
}

fn split(importer: &mut Importer, node: &Node<'_>, first: &Rc<Constant>) -> Imported<bool> {
    let (axis, parts) = movement::parts(importer, node, &first.shape)?;
    let mut begin = 0i64;
    for (index, &part) in parts.iter().enumerate() {
        let mut ranges = movement::whole(&first.shape);
        ranges[axis] = Range { begin, step: 1, count: part };
        begin += i64::from(part);
        let made = select(importer, first, &ranges)?;
        importer.bind_constant(node, index, made);
    }
    Ok(true)
}

fn gather(
    importer: &mut Importer,
    node: &Node<'_>,
    from: &Rc<Constant>,
    indices: Option<&Option<Rc<Constant>>>,
) -> Imported<Option<Constant>> {
    let Some(Some(indices)) = indices else { return Ok(None) };
    let Some(chosen) = indices.integers() else { return Ok(None) };
    let axis = movement::axis(node.int("axis", 0), from.shape.rank())?;
    let length = i64::from(from.shape[axis]);
    let (outer, inner) = from.shape.dimensions().split_at(axis);
    let inner = &inner[1..];
    let shape: Shape = [outer, indices.shape.dimensions(), inner].concat().into_iter().collect();
    if shape.rank() > Shape::MAX_RANK || shape.elements() > MOST_COMPUTED {
        return Ok(None);
    }
    importer.spend(shape.elements().saturating_mul(from.width() as u64))?;
    let Some(data) = &from.data else {
        return Ok(Some(Constant { shape, ..(**from).clone() }));
    };
    let block = Shape::new(inner).elements() as usize * from.width();
    let mut result = Vec::new();
    for row in 0..Shape::new(outer).elements() as usize {
        for &index in &chosen {
            let index = if index < 0 { index + length } else { index };
            let Some(index) = usize::try_from(index).ok().filter(|_| index < length) else {
                return Err(Refusal::node(format!("index {index} of an axis of {length}")));
            };
            let at = (row * length as usize + index) * block;
            result.extend_from_slice(data.get(at..at + block).unwrap_or_default());
        }
    }
    Ok(Some(Constant { shape, data: Some(result.into()), ..(**from).clone() }))
}

fn concat(
    importer: &mut Importer,
    node: &Node<'_>,
    operands: &[Option<Rc<Constant>>],
) -> Imported<Option<Constant>> {
    let parts: Vec<&Rc<Constant>> = operands.iter().flatten().collect();
    let Some(first) = parts.first() else { return Ok(None) };
    let axis = movement::axis(node.int("axis", 0), first.shape.rank())?;
    let mut shape = first.shape.clone();
    let mut length = 0u32;
    for part in &parts {
        let agrees = part.element == first.element
            && part.shape.rank() == shape.rank()
            && (0..shape.rank()).all(|other| other == axis || part.shape[other] == shape[other]);
        if !agrees || part.quantisation.is_some() {
            return Ok(None);
        }
        length = length.saturating_add(part.shape[axis]);
    }
    shape.dimensions_mut()[axis] = length;
    importer.spend(shape.elements().saturating_mul(first.width() as u64))?;
    let all: Option<Vec<_>> = parts.iter().map(|part| part.data.clone()).collect();
    let Some(all) = all else {
        return Ok(Some(Constant { shape, data: None, ..(***first).clone() }));
    };
    let rows = Shape::new(&shape.dimensions()[..axis]).elements() as usize;
    let mut result = Vec::new();
    for row in 0..rows {
        for data in &all {
            let block = data.len() / rows.max(1);
            result.extend_from_slice(&data[row * block..(row + 1) * block]);
        }
    }
    Ok(Some(Constant { shape, data: Some(result.into()), ..(***first).clone() }))
}

/// What `Trilu` leaves of a constant.
fn triangle(importer: &mut Importer, node: &Node<'_>, from: &Rc<Constant>) -> Imported<Constant> {
    let real = importer.real(from)?;
    let kept = selection::triangle_kept(importer, node, &real.shape)?;
    let width = real.width();
    let data = match &real.data {
        Some(data) => {
            importer.spend(data.len() as u64)?;
            let mut data = data.to_vec();
            for (element, kept) in data.chunks_exact_mut(width).zip(kept.iter().cycle()) {
                if !kept {
                    element.fill(0);
                }
            }
            Some(data.into())
        }
        None => None,
    };
    Ok(Constant { data, ..(*real).clone() })
}

/// The constant stretched to a shape.
fn broadcast(
    importer: &mut Importer,
    from: &Rc<Constant>,
    shape: &Shape,
) -> Imported<Option<Constant>> {
    if from.shape == *shape {
        return Ok(Some((**from).clone()));
    }
    if shape.elements() > MOST_COMPUTED || from.quantisation.is_some() {
        return Ok(None);
    }
    importer.spend(shape.elements().saturating_mul(from.width() as u64))?;
    let data = from.data.as_ref().map(|data| {
        let width = from.width();
        let places = stretched(&from.shape, shape);
        places
            .into_iter()
            .flat_map(|at| {
                data.get(at * width..(at + 1) * width).unwrap_or_default().iter().copied()
            })
            .collect::<Vec<u8>>()
            .into()
    });
    Ok(Some(Constant { shape: shape.clone(), data, ..(**from).clone() }))
}

/// For each element of `to` the element of `from` that is stretched over it.
fn stretched(from: &Shape, to: &Shape) -> Vec<usize> {
    let offset = to.rank() - from.rank().min(to.rank());
    let mut strides = vec![0usize; to.rank()];
    let mut stride = 1usize;
    for axis in (0..from.rank()).rev() {
        let length = from[axis] as usize;
        if length != 1 {
            strides[axis + offset] = stride;
        }
        stride = stride.saturating_mul(length);
    }
    let mut places = Vec::new();
    let mut position = vec![0u32; to.rank()];
    for _ in 0..to.elements() {
        places.push(position.iter().zip(&strides).map(|(&at, stride)| at as usize * stride).sum());
        for axis in (0..to.rank()).rev() {
            position[axis] += 1;
            if position[axis] < to[axis] {
                break;
            }
            position[axis] = 0;
        }
    }
    places
}
