//! Borders and repetition.

use cofit_ir::{Op, ops};

use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};

use super::convolution::border_value;
use super::movement::{self, Range, sliced};

/// `Pad`: `pad` or `mirror_pad`, and a slice where the border is negative.
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
    if mode != "constant" && mode != "reflect" {
        return Err(Refusal::form(format!("attribute `mode` is `{mode}`"))
            .with_help("Pad with a constant or by reflection."));
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
    if stored.iter().any(|&amount| amount != 0) {
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
