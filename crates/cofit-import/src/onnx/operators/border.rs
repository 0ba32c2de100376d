//! Borders and repetition.

use cofit_ir::{Op, TensorId, ops};

use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};

use super::convolution::border_value;
use super::movement::{self, Range, sliced};
use super::selection::chosen;

/// The longest axis that is written position by position.
const MOST_POSITIONS: i64 = 1 << 16;

/// `Pad`: `pad`, `mirror_pad` or `gather`, and a slice where the border is negative.
pub(super) fn pad(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let rank = view.rank();
    let stated = match node.ints("pads").or_else(|| node.ints("paddings")) {
        Some(pads) => pads.to_vec(),
        None => importer.known_integers(node, 1, "the border")?.unwrap_or_default(),
    };
    let axes = importer.known_integers(node, 3, "the axes")?;
    let axes = match axes {
        Some(axes) => {
            axes.iter().map(|&axis| movement::axis(axis, rank)).collect::<Imported<_>>()?
        }
        None => (0..rank).collect::<Vec<usize>>(),
    };
    if stated.len() != axes.len() * 2 {
        return Err(Refusal::node(format!("{} borders of {} axes", stated.len(), axes.len())));
    }
    let mut amounts = vec![[0i64; 2]; rank];
    for (index, &axis) in axes.iter().enumerate() {
        amounts[axis] = [stated[index], stated[index + axes.len()]];
    }
    let mode = node.string("mode").unwrap_or("constant");
    if !matches!(mode, "constant" | "reflect" | "edge" | "wrap") {
        return Err(Refusal::form(format!("attribute `mode` is `{mode}`"))
            .with_help("Pad with a constant, by reflection, with the edge or around it."));
    }
    let value = match node.has("value") {
        true => f64::from(node.float("value", 0.0)),
        false => {
            let known = importer.known_reals(node, 2, "the border's value")?;
            known.and_then(|value| value.first().copied()).unwrap_or(0.0)
        }
    };
    let (mut tensor, order) = importer.complete(&view)?;
    let name = node.result();
    if amounts.iter().flatten().any(|&amount| amount < 0) {
        let mut ranges = movement::whole(&view.shape());
        for (range, amount) in ranges.iter_mut().zip(&amounts) {
            let cut = amount.map(|amount| amount.min(0).saturating_neg());
            let count = i64::from(range.count).saturating_sub(cut[0].saturating_add(cut[1]));
            let count =
                u32::try_from(count).map_err(|_| Refusal::node("more is cut than there is"))?;
            *range = Range { begin: cut[0], step: 1, count };
        }
        let is_all = amounts.iter().flatten().all(|&amount| amount <= 0);
        let cut_name = if is_all { name.to_owned() } else { format!("{name}/cut") };
        tensor = sliced(importer, tensor, &order, &ranges, &cut_name)?;
    }
    let stored: Vec<i64> = order
        .iter()
        .flat_map(|axis| axis.map_or([0, 0], |axis| amounts[axis].map(|amount| amount.max(0))))
        .collect();
    if mode == "edge" || mode == "wrap" {
        tensor = continued(importer, tensor, &stored, mode == "wrap", name)?;
    } else if stored.iter().any(|&amount| amount != 0) {
        let rank = order.len() as u32;
        let borders = importer.integers(&format!("{name}/borders"), &stored, &[rank, 2])?;
        let mut operands = vec![tensor, borders];
        let op: Op = if mode == "reflect" {
            ops::MirrorPad::default().into()
        } else {
            if value != 0.0 {
                operands.push(border_value(importer, tensor, value as f32, name)?);
            }
            ops::Pad::default().into()
        };
        tensor = importer.emit(op, &operands, name)?;
    }
    let result = importer.result_view(tensor, &order, rank);
    importer.bind_result(node, 0, result);
    Ok(())
}

/// A tensor continued beyond its ends: by its outermost elements, or around by those of the other
/// end. One `gather` for each axis that grows; the amounts are those before and after each axis.
fn continued(
    importer: &mut Importer,
    mut tensor: TensorId,
    amounts: &[i64],
    is_round: bool,
    name: &str,
) -> Imported<TensorId> {
    let grows = |pair: &[i64]| pair.iter().any(|&amount| amount > 0);
    let last = amounts.chunks_exact(2).rposition(grows);
    for (place, pair) in amounts.chunks_exact(2).enumerate().filter(|(_, pair)| grows(pair)) {
        let length = i64::from(importer.graph.tensors[tensor].shape.get(place).unwrap_or(0));
        let total = length.saturating_add(pair[0]).saturating_add(pair[1]);
        if length == 0 || total > MOST_POSITIONS {
            return Err(Refusal::form(format!("an axis of {length} continued to {total}"))
                .with_help("Pad by fewer elements, or pad the data before they are fed."));
        }
        let indices: Vec<i64> = (-pair[0]..length + pair[1])
            .map(|at| if is_round { at.rem_euclid(length) } else { at.clamp(0, length - 1) })
            .collect();
        let is_last = Some(place) == last;
        let part = if is_last { name.to_owned() } else { format!("{name}/axis_{place}") };
        tensor = chosen(importer, tensor, place, &indices, &part)?;
    }
    Ok(tensor)
}

/// `Expand`: `broadcast_to`, or nothing where only axes of length 1 are added.
pub(super) fn expand(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let wanted = importer.known_integers(node, 1, "the shape")?.unwrap_or_default();
    let shape = movement::expanded(&view.shape(), &wanted)?;
    let missing = shape.rank() - view.rank();
    let mut widened = view.clone();
    for _ in 0..missing {
        widened.axes.insert(0, smallvec::SmallVec::new());
    }
    if widened.shape() == shape {
        importer.bind_view(node, widened);
        return Ok(());
    }
    let (tensor, order) = importer.complete(&widened)?;
    let lengths: Vec<i64> =
        order.iter().map(|axis| axis.map_or(1, |axis| i64::from(shape[axis]))).collect();
    let target = importer.integers(
        &format!("{}/shape", node.result()),
        &lengths,
        &[lengths.len() as u32],
    )?;
    let made = importer.emit(ops::BroadcastTo::default(), &[tensor, target], node.result())?;
    let result = importer.result_view(made, &order, shape.rank());
    importer.bind_result(node, 0, result);
    Ok(())
}

/// `Tile`.
pub(super) fn tile(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let times = importer.known_integers(node, 1, "the repetitions")?.unwrap_or_default();
    if times.len() != view.rank() {
        return Err(Refusal::node(format!("{} repetitions of {}", times.len(), view.shape())));
    }
    if times.iter().all(|&times| times == 1) {
        importer.bind_view(node, view);
        return Ok(());
    }
    let (tensor, order) = importer.complete(&view)?;
    let stored: Vec<i64> = order.iter().map(|axis| axis.map_or(1, |axis| times[axis])).collect();
    let multiples =
        importer.integers(&format!("{}/times", node.result()), &stored, &[stored.len() as u32])?;
    let made = importer.emit(ops::Tile::default(), &[tensor, multiples], node.result())?;
    let result = importer.result_view(made, &order, view.rank());
    importer.bind_result(node, 0, result);
    Ok(())
}
