//! Pools: `max_pool2d`, `average_pool2d`, and reductions over all of space. A maximum over a window
//! with dilation is made of slices.

use cofit_ir::ops::window::Window;
use cofit_ir::{Activation, Extent2d, Op, Padding, TensorId, ops};

use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{View, channels_innermost};

use super::convolution::{Geometry, bordered, padding};
use super::movement;

/// The most positions of a window with dilation, each of which becomes a slice.
const MOST_TAPS: u64 = 64;

/// `MaxPool` and `AveragePool`.
pub(super) fn window(importer: &mut Importer, node: &Node<'_>) -> Imported {
    if node.output(1).is_some_and(|indices| importer.use_count(indices) > 0) {
        return Err(Refusal::form("the indices of a pool are read"));
    }
    if node.kind() == "MaxPool" {
        // The largest integer stands for the largest real, however they are read.
        let (input, reading) = movement::moved(importer, node)?;
        let view = pooled(importer, node, &input, true)?;
        importer.bind_result(node, 0, View { reading, ..view });
    } else {
        let input = importer.view(node, 0)?;
        let view = pooled(importer, node, &input, false)?;
        importer.bind_result(node, 0, view);
    }
    Ok(())
}

/// The pool of a view.
pub(super) fn pooled(
    importer: &mut Importer,
    node: &Node<'_>,
    input: &View,
    is_max: bool,
) -> Imported<View> {
    let rank = input.rank();
    let space = rank.saturating_sub(2);
    if !(1..=2).contains(&space) {
        return Err(Refusal::form(format!("a pool over {space} axes of space")));
    }
    let geometry = Geometry::of(node, space)?;
    if !node.has("kernel_shape") {
        return Err(Refusal::node("attribute `kernel_shape` is missing"));
    }
    let filter = match space {
        1 => Extent2d::new(1, node.lengths::<1>("kernel_shape", 1)?[0]),
        _ => {
            let [height, width] = node.lengths("kernel_shape", 1)?;
            Extent2d::new(height, width)
        }
    };
    let dilation = geometry.dilation;
    if dilation != Extent2d::ONE && (!is_max || filter.area() > MOST_TAPS) {
        return Err(Refusal::form("an average or a large maximum over a window with dilation")
            .with_help("Use a pool without dilation, or a depthwise convolution with dilation."));
    }
    let order = channels_innermost(rank);
    let stored = input.stored_shape(&order);
    let (height, width) = (stored[1], stored[2]);
    let stride = geometry.stride;
    let stated = geometry.borders(filter, height, width)?;
    let ceil = node.int("ceil_mode", 0) != 0;
    let [top, left, bottom, right] = stated;
    let reach = [reach(filter.height, dilation.height), reach(filter.width, dilation.width)];
    let bottom =
        bottom.saturating_add(beyond(height, reach[0], stride.height, (top, bottom), ceil));
    let right = right.saturating_add(beyond(width, reach[1], stride.width, (left, right), ceil));
    let borders = [top, left, bottom, right];
    let sliding = Window { kernel: filter, stride, dilation: Extent2d::ONE };
    let counts_border = !is_max && node.int("count_include_pad", 0) != 0;
    let tensor = importer.arrange(input, &order)?;
    let activation = Activation::None;
    let op = |padding: Padding| -> Op {
        if is_max {
            ops::MaxPool2d { filter, stride, padding, activation }.into()
        } else {
            ops::AveragePool2d { filter, stride, padding, activation }.into()
        }
    };
    // TFLite's windows leave their border out, as the default of the file's does.
    let exact = padding(sliding, height, width, borders)
        .filter(|&padding| padding == Padding::Valid || !counts_border);
    let name = node.result();
    let made = if dilation != Extent2d::ONE {
        let least = (!never_negative(importer, tensor)).then_some(f32::MIN);
        let tensor = bordered(importer, tensor, borders, least, name)?;
        spread_maximum(importer, tensor, Window { dilation, ..sliding }, name)?
    } else if let Some(padding) = exact {
        importer.emit(op(padding), &[tensor], name)?
    } else if is_max {
        let least = (!never_negative(importer, tensor)).then_some(f32::MIN);
        let tensor = bordered(importer, tensor, borders, least, name)?;
        importer.emit(op(Padding::Valid), &[tensor], name)?
    } else {
        averaged(
            importer,
            tensor,
            (stated, borders),
            sliding,
            (height, width),
            counts_border,
            &op(Padding::Valid),
            name,
        )?
    };
    Ok(importer.result_view(made, &order, rank))
}

/// The elements from the first to the last of a window along an axis.
fn reach(kernel: u32, dilation: u32) -> u32 {
    kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1)
}

/// The maximum over a window with dilation: of one slice for each of its positions.
fn spread_maximum(
    importer: &mut Importer,
    tensor: TensorId,
    window: Window,
    name: &str,
) -> Imported<TensorId> {
    let shape = importer.graph.tensors[tensor].shape.clone();
    let Window { kernel, stride, dilation } = window;
    let count = |length: u32, kernel: u32, dilation: u32, stride: u32| {
        let room = length.checked_sub(reach(kernel, dilation));
        let room = room.ok_or_else(|| Refusal::node("a window that is larger than its input"))?;
        Ok(room / stride + 1)
    };
    let rows = count(shape[1], kernel.height, dilation.height, stride.height)?;
    let columns = count(shape[2], kernel.width, dilation.width, stride.width)?;
    let order: [Option<usize>; 4] = [Some(0), Some(1), Some(2), Some(3)];
    let mut made = None;
    for tap in 0..kernel.area() {
        let width = u64::from(kernel.width);
        let (row, column) = ((tap / width) as i64, (tap % width) as i64);
        let mut ranges = movement::whole(&shape);
        ranges[1] = movement::Range {
            begin: row * i64::from(dilation.height),
            step: i64::from(stride.height),
            count: rows,
        };
        ranges[2] = movement::Range {
            begin: column * i64::from(dilation.width),
            step: i64::from(stride.width),
            count: columns,
        };
        let part = format!("{name}/tap_{tap}");
        let slice = movement::sliced(importer, tensor, &order, &ranges, &part)?;
        let part = format!("{name}/to_{tap}");
        let part = if tap + 1 == kernel.area() { name } else { part.as_str() };
        made = Some(match made {
            None => slice,
            Some(made) => importer.emit(ops::Maximum::default(), &[made, slice], part)?,
        });
    }
    made.ok_or_else(|| Refusal::node("a window of no elements"))
}

/// Rows that a result rounded up reads beyond the border: the last window starts inside the input
/// or the border before it.
fn beyond(length: u32, kernel: u32, stride: u32, (before, after): (u32, u32), ceil: bool) -> u32 {
    let padded = u64::from(length) + u64::from(before) + u64::from(after);
    let Some(room) = padded.checked_sub(u64::from(kernel)).filter(|_| ceil) else { return 0 };
    let mut windows = room.div_ceil(u64::from(stride)) + 1;
    if (windows - 1) * u64::from(stride) >= u64::from(length) + u64::from(before) {
        windows -= 1;
    }
    let reach = (windows - 1) * u64::from(stride) + u64::from(kernel);
    u32::try_from(reach.saturating_sub(padded)).unwrap_or(0)
}

/// Whether the values of a tensor are known not to be negative, so that zeros around them change no
/// maximum.
fn never_negative(importer: &Importer, tensor: TensorId) -> bool {
    let Some(producer) = importer.producer(tensor) else { return false };
    let is_rectified = |activation| matches!(activation, Activation::Relu | Activation::Relu6);
    let op = &importer.graph.operators[producer].op;
    match op {
        Op::Conv2d(op) => is_rectified(op.activation),
        Op::DepthwiseConv2d(op) => is_rectified(op.activation),
        Op::Add(op) => is_rectified(op.activation),
        // Any other operator may be negative; the border then has its value, at a price.
        other => matches!(other, Op::Relu(_) | Op::Relu6(_) | Op::Logistic(_)),
    }
}

/// An average over windows that reach into a border: the sum over zeros, then a factor where a
/// window has fewer elements that count.
#[allow(clippy::too_many_arguments, reason = "the parts of one decision")]
fn averaged(
    importer: &mut Importer,
    tensor: TensorId,
    (stated, borders): ([u32; 4], [u32; 4]),
    window: Window,
    (height, width): (u32, u32),
    counts_border: bool,
    op: &Op,
    name: &str,
) -> Imported<TensorId> {
    let tensor = bordered(importer, tensor, borders, None, name)?;
    let [top, left, bottom, right] = stated;
    let rows = counted(
        height,
        (top, bottom),
        borders[2],
        window.kernel.height,
        window.stride.height,
        counts_border,
    );
    let columns = counted(
        width,
        (left, right),
        borders[3],
        window.kernel.width,
        window.stride.width,
        counts_border,
    );
    let full = |counts: &[u32], kernel: u32| counts.iter().all(|&count| count == kernel);
    if full(&rows, window.kernel.height) && full(&columns, window.kernel.width) {
        return importer.emit(op.clone(), &[tensor], name);
    }
    if importer.target.is_some() {
        return Err(Refusal::form("a quantised average over windows that reach over the border")
            .with_help("Export the pool with count_include_pad, or without padding."));
    }
    if rows.contains(&0) || columns.contains(&0) {
        return Err(Refusal::form("a window that holds nothing but border"));
    }
    let sum = importer.emit(op.clone(), &[tensor], &format!("{name}/whole"))?;
    importer.spend((rows.len() as u64).saturating_mul(columns.len() as u64).saturating_mul(4))?;
    let area = window.kernel.area() as f32;
    let factors: Vec<f32> = rows
        .iter()
        .flat_map(|&rows| columns.iter().map(move |&columns| area / (rows * columns) as f32))
        .collect();
    let shape = [1, rows.len() as u32, columns.len() as u32, 1];
    let factors = importer.floats(&format!("{name}/factors"), &factors, &shape);
    importer.emit(ops::Mul::default(), &[sum, factors], name)
}

/// For each window along an axis, the positions that count.
fn counted(
    length: u32,
    (before, after): (u32, u32),
    after_all: u32,
    kernel: u32,
    stride: u32,
    counts_border: bool,
) -> Vec<u32> {
    let padded = u64::from(before) + u64::from(length) + u64::from(after_all);
    let (first, last) = if counts_border {
        (0, u64::from(before) + u64::from(length) + u64::from(after))
    } else {
        (u64::from(before), u64::from(before) + u64::from(length))
    };
    let Some(room) = padded.checked_sub(u64::from(kernel)) else { return Vec::new() };
    let windows = room / u64::from(stride) + 1;
    // More windows than elements cannot be: the input exists.
    (0..windows.min(1 << 20))
        .map(|window| {
            let begin = window * u64::from(stride);
            let end = begin + u64::from(kernel);
            u32::try_from(end.min(last).saturating_sub(begin.max(first))).unwrap_or(0)
        })
        .collect()
}

/// `GlobalAveragePool` and `GlobalMaxPool`.
pub(super) fn global(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let input = importer.view(node, 0)?;
    let view = globally(importer, node, &input, node.kind() == "GlobalMaxPool")?;
    importer.bind_result(node, 0, view);
    Ok(())
}

/// The average or the largest over all axes of space.
pub(super) fn globally(
    importer: &mut Importer,
    node: &Node<'_>,
    input: &View,
    is_max: bool,
) -> Imported<View> {
    if input.rank() < 3 {
        return Err(Refusal::form("a pool over no axis of space"));
    }
    let order = channels_innermost(input.rank());
    let tensor = importer.arrange(input, &order)?;
    let last = i64::try_from(order.len()).unwrap_or(0) - 1;
    let axes: Vec<i64> = (1..last).collect();
    let axes_tensor =
        importer.integers(&format!("{}/axes", node.result()), &axes, &[axes.len() as u32])?;
    let op: Op = if is_max {
        ops::ReduceMax { keep_dims: true }.into()
    } else {
        ops::Mean { keep_dims: true }.into()
    };
    let made = importer.emit(op, &[tensor, axes_tensor], node.result())?;
    Ok(importer.result_view(made, &order, input.rank()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_rounded_up_read_beyond_the_border() {
        assert_eq!(beyond(112, 3, 2, (0, 0), true), 1);
        assert_eq!(beyond(112, 3, 2, (1, 1), true), 1);
        assert_eq!(beyond(5, 2, 2, (0, 0), false), 0);
        assert_eq!(beyond(4, 2, 3, (0, 0), true), 1);
        assert_eq!(beyond(3, 1, 3, (0, 0), true), 0, "the last window would start outside");
    }

    #[test]
    fn positions_that_count() {
        assert_eq!(counted(4, (1, 1), 1, 3, 1, false), [2, 3, 3, 2]);
        assert_eq!(counted(4, (1, 1), 1, 3, 1, true), [3, 3, 3, 3]);
        assert_eq!(counted(5, (0, 0), 1, 2, 2, true), [2, 2, 1]);
    }
}
