//! Reductions.

use cofit_ir::{Op, Shape, ops};
use cofit_vocab::ElementType;

use crate::onnx::constant::Constant;
use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{Arrangement, View};

use super::movement::{self, keeping, place, reduced_axes, without};

/// `Reduce...`: a reduction, with element-wise operators before and after for those that are made
/// of several.
pub(super) fn reduce(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let axes = reduced_axes(importer, node, view.rank())?;
    let keep = node.int("keepdims", 1) != 0;
    let name = node.result();
    let part = |suffix: &str| format!("{name}/{suffix}");
    let sum: Op = ops::Sum { keep_dims: keep }.into();
    let made = match node.kind() {
        "ReduceMean" => {
            over(importer, &view, ops::Mean { keep_dims: keep }.into(), &axes, keep, name)?
        }
        "ReduceSum" => over(importer, &view, sum, &axes, keep, name)?,
        "ReduceMax" => {
            over(importer, &view, ops::ReduceMax { keep_dims: keep }.into(), &axes, keep, name)?
        }
        "ReduceMin" => {
            over(importer, &view, ops::ReduceMin { keep_dims: keep }.into(), &axes, keep, name)?
        }
        "ReduceProd" => {
            over(importer, &view, ops::ReduceProd { keep_dims: keep }.into(), &axes, keep, name)?
        }
        "ReduceL1" => {
            let size = keeping(importer, &view, ops::Abs::default(), &part("size"))?;
            over(importer, &size, sum, &axes, keep, name)?
        }
        "ReduceSumSquare" => {
            let square = keeping(importer, &view, ops::Square::default(), &part("square"))?;
            over(importer, &square, sum, &axes, keep, name)?
        }
        "ReduceL2" => {
            let square = keeping(importer, &view, ops::Square::default(), &part("square"))?;
            let total = over(importer, &square, sum, &axes, keep, &part("sum"))?;
            keeping(importer, &total, ops::Sqrt::default(), name)?
        }
        "ReduceLogSum" => {
            let total = over(importer, &view, sum, &axes, keep, &part("sum"))?;
            keeping(importer, &total, ops::Log::default(), name)?
        }
        "ReduceLogSumExp" => {
            // The largest is taken out of the sum, so that no exponential overflows.
            let largest = over(
                importer,
                &view,
                ops::ReduceMax { keep_dims: true }.into(),
                &axes,
                true,
                &part("largest"),
            )?;
            let less = super::elementwise::combine(
                importer,
                ops::Sub::default(),
                &view,
                &largest,
                &part("less"),
            )?;
            let raised = keeping(importer, &less, ops::Exp::default(), &part("raised"))?;
            let total = over(
                importer,
                &raised,
                ops::Sum { keep_dims: true }.into(),
                &axes,
                true,
                &part("sum"),
            )?;
            let log = keeping(importer, &total, ops::Log::default(), &part("log"))?;
            let whole =
                super::elementwise::combine(importer, ops::Add::default(), &log, &largest, name)?;
            if keep { whole } else { drop_axes(whole, &axes) }
        }
        kind => return Err(Refusal::form(format!("this form of {kind}"))),
    };
    importer.bind_result(node, 0, made);
    Ok(())
}

/// A view without axes that have length 1.
pub(super) fn drop_axes(view: View, axes: &[usize]) -> View {
    let kept = view.axes.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    View { axes: kept.map(|(_, factors)| factors.clone()).collect(), ..view }
}

/// A reduction of a view over axes of the file.
pub(super) fn over(
    importer: &mut Importer,
    view: &View,
    op: Op,
    axes: &[usize],
    keep: bool,
    name: &str,
) -> Imported<View> {
    if axes.is_empty() {
        return Ok(view.clone());
    }
    let (tensor, order) = importer.complete(view)?;
    let mut places = Vec::new();
    for &axis in axes {
        places.push(place(&order, axis)?);
    }
    places.sort_unstable();
    let axes_tensor =
        importer.integers(&format!("{name}/axes"), &places, &[places.len() as u32])?;
    let made = importer.emit(op, &[tensor, axes_tensor], name)?;
    if keep {
        return Ok(importer.result_view(made, &order, view.rank()));
    }
    Ok(importer.result_view(made, &without(&order, axes), view.rank() - axes.len()))
}

/// `ArgMax` and `ArgMin`.
pub(super) fn position(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let is_last = node.int("select_last_index", 0) != 0;
    let view = importer.view(node, 0)?;
    let axis = movement::axis(node.int("axis", 0), view.rank())?;
    let (mut tensor, order) = importer.complete(&view)?;
    let name = node.result();
    let stored_axis = place(&order, axis)?;
    let at = importer.integers(&format!("{name}/axis"), &[stored_axis], &[])?;
    if is_last {
        // The last of several is the first from the end.
        let turned = importer.integers(&format!("{name}/axes"), &[stored_axis], &[1])?;
        let part = format!("{name}/turned");
        tensor = importer.emit(ops::Reverse::default(), &[tensor, turned], &part)?;
    }
    let output = ElementType::Int64;
    let op: Op = if node.kind() == "ArgMax" {
        ops::ArgMax { output }.into()
    } else {
        ops::ArgMin { output }.into()
    };
    let part = if is_last { format!("{name}/from_end") } else { name.to_owned() };
    let mut made = importer.emit(op, &[tensor, at], &part)?;
    if is_last {
        let last = Constant::of_integers(&[i64::from(view.length(axis)) - 1], Shape::scalar());
        let last = importer.adopt(Constant { name: format!("{name}/end"), ..last });
        let last = importer.constant_view(&last)?.tensor;
        made = importer.emit(ops::Sub::default(), &[last, made], name)?;
    }
    let mut result = importer.result_view(made, &without(&order, &[axis]), view.rank() - 1);
    result.reading = crate::onnx::view::Reading::Plain;
    if node.int("keepdims", 1) != 0 {
        result.axes.insert(axis, smallvec::SmallVec::new());
    }
    importer.bind_result(node, 0, result);
    Ok(())
}

/// `CumSum`.
pub(super) fn running_sum(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let axis = importer.known_integers(node, 1, "the axis")?;
    let axis = axis.and_then(|axis| axis.first().copied()).unwrap_or(0);
    let axis = movement::axis(axis, view.rank())?;
    let (tensor, order): (_, Arrangement) = importer.complete(&view)?;
    let at = importer.integers(&format!("{}/axis", node.result()), &[place(&order, axis)?], &[])?;
    let op = ops::Cumsum {
        exclusive: node.int("exclusive", 0) != 0,
        reverse: node.int("reverse", 0) != 0,
    };
    let made = importer.emit(op, &[tensor, at], node.result())?;
    let result = importer.result_view(made, &order, view.rank());
    importer.bind_result(node, 0, result);
    Ok(())
}
