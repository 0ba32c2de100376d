//! Elements that positions choose: constant positions along an axis, whole coordinates, one-hot
//! rows and triangles.

use cofit_ir::{Shape, TensorId, ops};
use cofit_vocab::ElementType;

use crate::onnx::constant::{Constant, MOST_FOLDED};
use crate::onnx::importer::{Importer, Value};
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{View, in_order};

use super::elementwise::{Side, of_sides};
use super::movement::{self, moved};

/// The positions `indices` of the stored axis `place`, one after another.
pub(super) fn chosen(
    importer: &mut Importer,
    tensor: TensorId,
    place: usize,
    indices: &[i64],
    name: &str,
) -> Imported<TensorId> {
    let count = u32::try_from(indices.len()).unwrap_or(u32::MAX);
    let indices = importer.integers(&format!("{name}/indices"), indices, &[count])?;
    let axis = i32::try_from(place).unwrap_or(0);
    let op = ops::Gather { axis, ..ops::Gather::default() };
    importer.emit(op, &[tensor, indices], name)
}

/// A position of an axis, where negative ones count from the end.
///
/// # Errors
/// There is no such position.
pub(super) fn position(index: i64, length: u32) -> Imported<i64> {
    let from_start = if index < 0 { index.saturating_add(i64::from(length)) } else { index };
    if (0..i64::from(length)).contains(&from_start) {
        Ok(from_start)
    } else {
        Err(Refusal::node(format!("index {index} of an axis of {length}")))
    }
}

/// `GatherND`: `gather_nd` in the file's order. Known coordinates count from the start afterwards.
pub(super) fn coordinates(importer: &mut Importer, node: &Node<'_>) -> Imported {
    if node.int("batch_dims", 0) != 0 {
        return Err(Refusal::form("attribute `batch_dims` is not 0")
            .with_help("Write the selection with Gather, or with batch_dims=0."));
    }
    let (view, reading) = moved(importer, node)?;
    let known = importer.constant(node, 1);
    let stated = known.as_ref().and_then(|known| Some((known.shape.clone(), known.integers()?)));
    let indices = match stated {
        Some((shape, mut values)) => {
            let depth = shape.last() as usize;
            if depth == 0 || depth > view.rank() {
                return Err(Refusal::node(format!("{depth} coordinates into {}", view.shape())));
            }
            for (at, value) in values.iter_mut().enumerate() {
                *value = position(*value, view.length(at % depth))?;
            }
            let name = format!("{}/indices", node.result());
            importer.integers(&name, &values, shape.dimensions())?
        }
        None => {
            let indices = importer.view(node, 1)?;
            importer.arrange(&indices, &in_order(indices.rank()))?
        }
    };
    let tensor = importer.arrange(&view, &in_order(view.rank()))?;
    let made = importer.emit(ops::GatherNd::default(), &[tensor, indices], node.result())?;
    let rank = importer.graph.tensors[made].shape.rank();
    let result = View { reading, ..importer.result_view(made, &in_order(rank), rank) };
    importer.bind_result(node, 0, result);
    Ok(())
}

/// `GatherElements` at known positions: `gather_nd` at the coordinates that they stand for.
pub(super) fn elements(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let (view, reading) = moved(importer, node)?;
    let rank = view.rank();
    let axis = movement::axis(node.int("axis", 0), rank)?;
    let known = importer.constant(node, 1);
    let stated = known.and_then(|known| Some((known.shape.clone(), known.integers()?)));
    let (shape, chosen) = stated.ok_or_else(|| {
        Refusal::dynamic("the positions of GatherElements are not known when the model is read")
            .with_help("Express the selection with Gather or GatherND.")
    })?;
    let fits = shape.rank() == rank
        && (0..rank).all(|other| other == axis || shape[other] <= view.length(other));
    if !fits || rank == Shape::MAX_RANK {
        return Err(Refusal::node(format!("positions of {shape} in {}", view.shape())));
    }
    let mut coordinates = Vec::new();
    for (at, &index) in (0u64..).zip(&chosen) {
        let mut rest = at;
        let mut place = vec![0i64; rank];
        for other in (0..rank).rev() {
            let length = u64::from(shape[other]).max(1);
            place[other] = (rest % length) as i64;
            rest /= length;
        }
        place[axis] = position(index, view.length(axis))?;
        coordinates.extend(place);
    }
    let lengths: Vec<u32> = shape.dimensions().iter().copied().chain([rank as u32]).collect();
    let name = node.result();
    let indices = importer.integers(&format!("{name}/coordinates"), &coordinates, &lengths)?;
    let tensor = importer.arrange(&view, &in_order(rank))?;
    let made = importer.emit(ops::GatherNd::default(), &[tensor, indices], name)?;
    let result = View { reading, ..importer.result_view(made, &in_order(rank), rank) };
    importer.bind_result(node, 0, result);
    Ok(())
}

/// `OneHot` of a known depth: a comparison with every class, which selects one of two values. A
/// class may also be counted from the last; one outside the depth has no place in its row.
pub(super) fn one_hot(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let depth = importer.known_reals(node, 1, "the depth")?.unwrap_or_default();
    let depth = match depth.as_slice() {
        &[depth] if (1.0..=MOST_FOLDED as f64).contains(&depth) => depth as u32,
        other => return Err(Refusal::node(format!("a depth of {other:?}"))),
    };
    let values = importer.constant(node, 2).filter(|values| values.shape.elements() == 2);
    let values = values.ok_or_else(|| Refusal::dynamic("the two values are not known"))?;
    let view = importer.view(node, 0)?;
    let rank = view.rank();
    let axis = movement::axis(node.int("axis", -1), rank + 1)?;
    if rank >= Shape::MAX_RANK {
        return Err(Refusal::node(format!("classes of {rank} axes")));
    }
    let mut spread = view.clone();
    spread.axes.insert(axis, smallvec::SmallVec::new());
    let element = importer.graph.tensors[view.tensor].element;
    let mut lengths = vec![1; rank + 1];
    lengths[axis] = depth;
    let name = node.result();
    let mut sides = Vec::new();
    for (first, what) in [(0, "classes"), (-i64::from(depth), "classes_from_last")] {
        let classes: Vec<i64> = (first..first + i64::from(depth)).collect();
        let shape = Shape::new(&lengths);
        let constant = match element {
            ElementType::Int64 => Constant::of_integers(&classes, shape),
            ElementType::Int32 => {
                let data = classes.iter().flat_map(|&class| (class as i32).to_le_bytes());
                let data: Vec<u8> = data.collect();
                Constant::anonymous(element, shape, Some(data.into()))
            }
            ElementType::Float32 => {
                let classes: Vec<f32> = classes.iter().map(|&class| class as f32).collect();
                Constant::of_floats(&classes, shape)
            }
            other => {
                return Err(Refusal::form(format!("classes of type {other}"))
                    .with_help("Cast the classes to int32 or int64 first."));
            }
        };
        let constant = importer.adopt(Constant { name: format!("{name}/{what}"), ..constant });
        let op = ops::Equal::default().into();
        let side = Side::Activation(spread.clone());
        let part = format!("{name}/in_{what}");
        sides.push(of_sides(importer, op, &side, &Side::Constant(constant), &part)?);
    }
    let (low, high) = (Side::Activation(sides.remove(0)), Side::Activation(sides.remove(0)));
    let part = format!("{name}/is_class");
    let hit = of_sides(importer, ops::LogicalOr::default().into(), &low, &high, &part)?;
    let mut picked = Vec::new();
    for (index, what) in [(1, "on"), (0, "off")] {
        let value = values.part(index, Shape::scalar(), &format!("{name}/{what}"));
        let value = importer.adopt(value);
        picked.push(importer.constant_view(&value)?.tensor);
    }
    let tensor =
        importer.emit(ops::Select::default(), &[hit.tensor, picked[0], picked[1]], name)?;
    importer.bind_result(node, 0, View { tensor, ..hit });
    Ok(())
}

/// `Trilu`: a selection between the operand and zero.
pub(super) fn triangle(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let kept = triangle_kept(importer, node, &view.shape())?;
    let rank = view.rank();
    let shape = Shape::new(&view.shape().dimensions()[rank - 2..]);
    importer.spend(shape.elements())?;
    let name = node.result();
    let data: Vec<u8> = kept.into_iter().map(u8::from).collect();
    let mask = Constant::anonymous(ElementType::Bool, shape, Some(data.into()));
    let mask = importer.adopt(Constant { name: format!("{name}/mask"), ..mask });
    let element = importer.graph.tensors[view.tensor].element;
    let zero = vec![0; (element.bits() / 8) as usize];
    let zero = Constant::anonymous(element, Shape::scalar(), Some(zero.into()));
    let zero = importer.adopt(Constant { name: format!("{name}/zero"), ..zero });
    let whole = view.shape();
    let sides = [Side::Constant(mask), Side::Activation(view), Side::Constant(zero)];
    let sides: Vec<&Side> = sides.iter().collect();
    let (tensors, order) = super::elementwise::together(importer, &sides, &whole)?;
    let made = importer.emit(ops::Select::default(), &tensors, name)?;
    let result = importer.result_view(made, &order, rank);
    importer.bind_result(node, 0, result);
    Ok(())
}

/// Which elements of the two innermost axes a `Trilu` keeps.
///
/// # Errors
/// There are no such axes, or the diagonal is computed.
pub(crate) fn triangle_kept(
    importer: &Importer,
    node: &Node<'_>,
    shape: &Shape,
) -> Imported<Vec<bool>> {
    let &[.., rows, columns] = shape.dimensions() else {
        return Err(Refusal::node(format!("{shape} has no rows and columns")));
    };
    if u64::from(rows) * u64::from(columns) > 1 << 24 {
        return Err(Refusal::form(format!("a triangle of {rows} rows and {columns} columns")));
    }
    let diagonal = importer.known_integers(node, 1, "the diagonal")?;
    let diagonal = diagonal.and_then(|diagonal| diagonal.first().copied()).unwrap_or(0);
    let is_upper = node.int("upper", 1) != 0;
    let kept = |row: u32, column: u32| {
        let above = i64::from(column) - i64::from(row);
        if is_upper { above >= diagonal } else { above <= diagonal }
    };
    Ok((0..rows).flat_map(|row| (0..columns).map(move |column| kept(row, column))).collect())
}

/// `ai.onnx.ml.ArrayFeatureExtractor`: positions of the last axis, which exporters of scikit-learn
/// use to turn the place of the largest score into a label.
pub(super) fn features(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let rank = view.rank();
    let last = rank.checked_sub(1).ok_or_else(|| Refusal::node("a scalar has no features"))?;
    let length = view.length(last);
    let name = node.result();
    let tensor = importer.arrange(&view, &in_order(rank))?;
    let made = match importer.value(node.input(1).unwrap_or_default()).cloned() {
        Some(Value::Constant(known)) => {
            let stated = known.integers();
            let stated = stated.ok_or_else(|| Refusal::dynamic("the positions are not known"))?;
            let positions: Vec<i64> =
                stated.iter().map(|&index| position(index, length)).collect::<Imported<_>>()?;
            chosen(importer, tensor, last, &positions, name)?
        }
        _ => {
            let indices = importer.view(node, 1)?;
            let count = u32::try_from(indices.shape().elements()).unwrap_or(u32::MAX);
            let flat = movement::reshaped(importer, &indices, &Shape::new(&[count]))?;
            let indices = importer.arrange(&flat, &[Some(0)])?;
            let axis = i32::try_from(last).unwrap_or(0);
            let op = ops::Gather { axis, ..ops::Gather::default() };
            importer.emit(op, &[tensor, indices], name)?
        }
    };
    let mut result = importer.result_view(made, &in_order(rank), rank);
    if rank == 1 {
        // The features of one sample are a row.
        result.axes.insert(0, smallvec::SmallVec::new());
    }
    importer.bind_result(node, 0, result);
    Ok(())
}
