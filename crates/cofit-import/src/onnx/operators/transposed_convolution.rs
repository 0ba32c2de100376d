//! Transposed convolutions: `transpose_conv2d`, one for each group, and a slice where the border
//! cannot be said.

use std::rc::Rc;

use cofit_ir::ops::window::Window;
use cofit_ir::{Activation, Extent2d, Padding, Shape, TensorId, ops};

use crate::onnx::constant::Constant;
use crate::onnx::importer::Importer;
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::channels_innermost;

use super::convolution::{AutoPad, Geometry, padding, store_bias, store_weights};
use super::movement::{Range, sliced};

/// The most groups that become layers of their own.
const MOST_GROUPS: u32 = 1024;

/// `ConvTranspose`.
pub(super) fn convolution(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let input = importer.view(node, 0)?;
    let rank = input.rank();
    let space = rank.saturating_sub(2);
    let weights =
        importer.constant(node, 1).ok_or_else(|| Refusal::form("the weights are computed"))?;
    if !(1..=2).contains(&space) || weights.shape.rank() != rank {
        return Err(Refusal::form(format!("a transposed convolution over {space} axes of space")));
    }
    let geometry = Geometry::of(node, space)?;
    if geometry.dilation != Extent2d::ONE {
        return Err(Refusal::form("a transposed convolution with dilation"));
    }
    // The file has the weights as [input channels, output channels, height, width].
    let lengths = weights.shape.dimensions().to_vec();
    let (depth, of_group) = (lengths[0], lengths[1]);
    let groups = u32::try_from(node.int("group", 1)).unwrap_or(0);
    let outputs = of_group.checked_mul(groups).filter(|_| groups > 0 && depth % groups == 0);
    let outputs = outputs
        .ok_or_else(|| Refusal::node(format!("{groups} groups of {depth} input channels")))?;
    let kernel = match lengths[2..] {
        [width] => Extent2d::new(1, width),
        [height, width] => Extent2d::new(height, width),
        _ => Extent2d::ONE,
    };
    let order = channels_innermost(rank);
    let stored = input.stored_shape(&order);
    if stored[3] != depth {
        return Err(Refusal::node(format!(
            "{} input channels where the weights have {depth}",
            stored[3]
        )));
    }
    let extra = match (space, node.ints("output_padding").unwrap_or_default()) {
        (_, []) => [0, 0],
        (1, &[width]) => [0, width],
        (2, &[height, width]) => [height, width],
        (_, other) => {
            return Err(Refusal::node(format!("attribute `output_padding` is {other:?}")));
        }
    };
    let wanted = match (space, node.ints("output_shape").unwrap_or_default()) {
        (_, []) => None,
        (1, &[width]) => Some([1, width]),
        (2, &[height, width]) => Some([height, width]),
        (_, other) => return Err(Refusal::node(format!("attribute `output_shape` is {other:?}"))),
    };
    let [top, left, bottom, right] = geometry.pads;
    let height = along(
        stored[1],
        kernel.height,
        geometry.stride.height,
        extra[0],
        (top, bottom),
        geometry.auto,
        wanted.map(|w| w[0]),
    )?;
    let width = along(
        stored[2],
        kernel.width,
        geometry.stride.width,
        extra[1],
        (left, right),
        geometry.auto,
        wanted.map(|w| w[1]),
    )?;
    let window = Window { kernel, stride: geometry.stride, dilation: Extent2d::ONE };
    let borders = [height.before, width.before, height.after, width.after];
    // The border of the result counts as that of the convolution that this one transposes.
    let stated = padding(window, height.length, width.length, borders).filter(|&padding| {
        window.output(height.length, width.length, padding) == Ok((stored[1], stored[2]))
    });
    let (padding, made_height, made_width) = match stated {
        Some(padding) => (padding, height.length, width.length),
        None => (Padding::Valid, height.whole, width.whole),
    };
    let tensor = importer.arrange(&input, &order)?;
    let bias = match node.input(2) {
        Some(_) => {
            Some(importer.constant(node, 2).ok_or_else(|| Refusal::form("the bias is computed"))?)
        }
        None => None,
    };
    let is_whole = made_height == height.length && made_width == width.length;
    let name = if is_whole { node.result().to_owned() } else { format!("{}/whole", node.result()) };
    let layer = Layer {
        op: ops::TransposeConv2d { stride: geometry.stride, padding, activation: Activation::None },
        kernel,
        result: [stored[0], made_height, made_width],
    };
    let mut made = if groups == 1 {
        layer.emit(importer, tensor, &weights, bias.as_ref(), &name)?
    } else {
        grouped(importer, &layer, (tensor, groups), &weights, bias.as_ref(), &name)?
    };
    if !is_whole {
        let range = |begin: u32, count| Range { begin: i64::from(begin), step: 1, count };
        let mut ranges = vec![range(0, stored[0]), range(0, outputs)];
        if space == 2 {
            ranges.push(range(height.before, height.length));
        }
        ranges.push(range(width.before, width.length));
        made = sliced(importer, made, &order, &ranges, node.result())?;
    }
    let view = importer.result_view(made, &order, rank);
    importer.bind_result(node, 0, view);
    Ok(())
}

/// What the layers of all groups share.
struct Layer {
    op: ops::TransposeConv2d,
    kernel: Extent2d,
    /// Batch, height and width of the result.
    result: [u32; 3],
}

impl Layer {
    /// The operator with weights `[input channels, output channels, height, width]`.
    fn emit(
        &self,
        importer: &mut Importer,
        input: TensorId,
        weights: &Rc<Constant>,
        bias: Option<&Rc<Constant>>,
        name: &str,
    ) -> Imported<TensorId> {
        let lengths = weights.shape.dimensions();
        let (depth, outputs) = (lengths[0], lengths[1]);
        let divided = [depth, outputs, self.kernel.height, self.kernel.width];
        let shape = Shape::new(&[outputs, self.kernel.height, self.kernel.width, depth]);
        let weights = store_weights(importer, weights, &divided, &[1, 2, 3, 0], shape, 0)?;
        let [batch, height, width] = self.result;
        let result = [batch, height, width, outputs].map(i64::from);
        let result = importer.integers(&format!("{name}/shape"), &result, &[4])?;
        let mut operands = vec![result, weights, input];
        if let Some(bias) = bias {
            operands.push(store_bias(importer, bias, input, weights, outputs)?);
        }
        importer.emit(self.op.clone(), &operands, name)
    }
}

/// A layer in groups: the channels split, a layer for each part, the results side by side.
fn grouped(
    importer: &mut Importer,
    layer: &Layer,
    (input, groups): (TensorId, u32),
    weights: &Rc<Constant>,
    bias: Option<&Rc<Constant>>,
    name: &str,
) -> Imported<TensorId> {
    if groups > MOST_GROUPS {
        return Err(Refusal::form(format!("a transposed convolution in {groups} groups"))
            .with_help("Use a resize followed by a depthwise convolution instead."));
    }
    let weights = importer.real(weights)?;
    let bias = bias.map(|bias| importer.real(bias)).transpose()?;
    let axis = importer.integers(&format!("{name}/axis"), &[3], &[])?;
    let names: Vec<String> = (0..groups).map(|group| format!("{name}/input_{group}")).collect();
    let op = ops::Split { num_splits: groups }.into();
    let inputs = importer.emit_all(op, &[Some(axis), Some(input)], &names, None)?;
    let mut shape = weights.shape.clone();
    shape.dimensions_mut()[0] /= groups;
    let outputs = shape[1];
    let mut parts = Vec::new();
    for (group, input) in (0..u64::from(groups)).zip(inputs) {
        let own = format!("{}/{group}", weights.name);
        let part = weights.part(group * shape.elements(), shape.clone(), &own);
        let part = importer.adopt(part);
        let bias = bias.as_ref().map(|bias| {
            let own = format!("{}/{group}", bias.name);
            bias.part(group * u64::from(outputs), Shape::new(&[outputs]), &own)
        });
        let bias = bias.map(|bias| importer.adopt(bias));
        let name = format!("{name}/group_{group}");
        parts.push(layer.emit(importer, input, &part, bias.as_ref(), &name)?);
    }
    let op = ops::Concatenation { axis: 3, ..ops::Concatenation::default() };
    importer.emit(op, &parts, name)
}

/// One axis of the result.
struct Axis {
    /// Its length.
    length: u32,
    /// Its length without a border.
    whole: u32,
    /// Cut away before it.
    before: u32,
    /// Cut away after it.
    after: u32,
}

/// The result along one axis: `stride * (input - 1) + extra + kernel - borders`.
fn along(
    input: u32,
    kernel: u32,
    stride: u32,
    extra: i64,
    (before, after): (u32, u32),
    auto: AutoPad,
    wanted: Option<i64>,
) -> Imported<Axis> {
    let refuse = || Refusal::form("a result of impossible size");
    let spread = i64::from(input.max(1) - 1) * i64::from(stride) + i64::from(kernel);
    let mut total = spread.checked_add(extra).ok_or_else(refuse)?;
    let mut extra = extra;
    let (before, after) = match (auto, wanted) {
        (AutoPad::NotSet, None) => (i64::from(before), i64::from(after)),
        (AutoPad::Valid, None) => (0, 0),
        (auto, wanted) => {
            let length = match wanted {
                Some(length) => length,
                None => i64::from(input) * i64::from(stride),
            };
            let border =
                total.checked_sub(length).filter(|&border| border > i64::MIN).ok_or_else(refuse)?;
            // A result that is longer than what the input spreads over ends in rows of bias.
            extra = extra.saturating_add((-border).max(0));
            total = total.max(length);
            let border = border.max(0);
            // The specification gives the odd one to the end, except for SAME_LOWER and NOTSET,
            // where it has changed between versions; that is refused.
            let half = border / 2;
            match auto {
                AutoPad::SameUpper => (half, border - half),
                AutoPad::SameLower => (border - half, half),
                AutoPad::NotSet | AutoPad::Valid if border % 2 == 0 => (half, half),
                AutoPad::NotSet | AutoPad::Valid => {
                    return Err(Refusal::form("an output shape that needs an odd border")
                        .with_help(
                            "State `pads` and `output_padding` instead of `output_shape`.",
                        ));
                }
            }
        }
    };
    let length = total.checked_sub(before + after).ok_or_else(refuse)?;
    let narrow = |value: i64| u32::try_from(value).map_err(|_| refuse());
    let length = narrow(length)?;
    // More than the window reaches cannot be computed by it: the extra rows are only a bias.
    let whole = narrow(spread.max(before + i64::from(length)))?;
    if length == 0 || spread < before + i64::from(length) && extra >= i64::from(stride) {
        return Err(refuse());
    }
    Ok(Axis { length, whole, before: narrow(before)?, after: narrow(after - extra.min(after))? })
}
