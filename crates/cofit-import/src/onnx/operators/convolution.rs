//! Convolutions: `conv2d` and `depthwise_conv2d`, with channels innermost.

use std::rc::Rc;

use cofit_ir::ops::window::Window;
use cofit_ir::{Activation, Extent2d, Op, Padding, Quantisation, Shape, TensorId, ops};
use cofit_vocab::ElementType;

use crate::onnx::constant::Constant;
use crate::onnx::importer::{Importer, Target, bias_quantisation};
use crate::onnx::node::Node;
use crate::onnx::quantised::symmetric;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{View, channels_innermost};

use super::activation;

/// Strides, dilations and borders of a window over one or two axes of space. With one axis the
/// height is 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub stride: Extent2d,
    pub dilation: Extent2d,
    /// Above, to the left, below, to the right.
    pub pads: [u32; 4],
    pub auto: AutoPad,
}

/// How borders are stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutoPad {
    /// By the attribute `pads`.
    NotSet,
    /// As many as TFLite's `SAME`.
    SameUpper,
    /// As many, the odd one above and to the left.
    SameLower,
    /// None.
    Valid,
}

impl Geometry {
    /// The attributes of a node over `space` axes of space.
    pub fn of(node: &Node<'_>, space: usize) -> Imported<Self> {
        let extent = |name: &str| -> Imported<Extent2d> {
            Ok(match space {
                1 => Extent2d::new(1, node.lengths::<1>(name, 1)?[0]),
                _ => {
                    let [height, width] = node.lengths(name, 1)?;
                    Extent2d::new(height, width)
                }
            })
        };
        let amount = |amount: i64| {
            u32::try_from(amount).map_err(|_| Refusal::form(format!("a border of {amount}")))
        };
        let pads = match (space, node.ints("pads").unwrap_or_default()) {
            (_, []) => [0; 4],
            (1, &[left, right]) => [0, amount(left)?, 0, amount(right)?],
            (2, &[top, left, bottom, right]) => {
                [amount(top)?, amount(left)?, amount(bottom)?, amount(right)?]
            }
            (_, pads) => return Err(Refusal::node(format!("attribute `pads` is {pads:?}"))),
        };
        let auto = match node.string("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" | "" => AutoPad::NotSet,
            "SAME_UPPER" => AutoPad::SameUpper,
            "SAME_LOWER" => AutoPad::SameLower,
            "VALID" => AutoPad::Valid,
            other => return Err(Refusal::form(format!("attribute `auto_pad` is `{other}`"))),
        };
        Ok(Self { stride: extent("strides")?, dilation: extent("dilations")?, pads, auto })
    }

    /// The border of a window with `kernel` over `height` by `width`: above, left, below, right.
    pub fn borders(&self, kernel: Extent2d, height: u32, width: u32) -> Imported<[u32; 4]> {
        let same = || {
            let window = Window { kernel, stride: self.stride, dilation: self.dilation };
            window
                .padding_amounts(height, width, Padding::Same)
                .map_err(|error| Refusal::node(error.to_string()))
        };
        Ok(match self.auto {
            AutoPad::NotSet => self.pads,
            AutoPad::Valid => [0; 4],
            AutoPad::SameUpper => same().map(|p| [p.top, p.left, p.bottom, p.right])?,
            AutoPad::SameLower => same().map(|p| [p.bottom, p.right, p.top, p.left])?,
        })
    }
}

/// The padding of an operator for a border, where it can be said without a `pad` before it.
pub(super) fn padding(
    window: Window,
    height: u32,
    width: u32,
    borders: [u32; 4],
) -> Option<Padding> {
    if borders == [0; 4] {
        return Some(Padding::Valid);
    }
    let same = window.padding_amounts(height, width, Padding::Same).ok()?;
    let [top, left, bottom, right] = borders;
    (same.top == top && same.left == left && same.bottom == bottom && same.right == right)
        .then_some(Padding::Same)
}

/// The operand with a border of zeros, or of `value`, around height and width.
pub(super) fn bordered(
    importer: &mut Importer,
    tensor: TensorId,
    borders: [u32; 4],
    value: Option<f32>,
    name: &str,
) -> Imported<TensorId> {
    if borders == [0; 4] {
        return Ok(tensor);
    }
    let [top, left, bottom, right] = borders.map(i64::from);
    let amounts = [0, 0, top, bottom, left, right, 0, 0];
    let amounts = importer.integers(&format!("{name}/borders"), &amounts, &[4, 2])?;
    let mut operands = vec![tensor, amounts];
    if let Some(value) = value {
        operands.push(border_value(importer, tensor, value, name)?);
    }
    importer.emit(ops::Pad::default(), &operands, &format!("{name}/bordered"))
}

/// A scalar of the type of `like` that stands for `value`, clamped to what the type holds.
pub(super) fn border_value(
    importer: &mut Importer,
    like: TensorId,
    value: f32,
    name: &str,
) -> Imported<TensorId> {
    let tensor = &importer.graph.tensors[like];
    let (element, quantisation) = (tensor.element, tensor.quantisation.clone());
    let name = format!("{name}/border");
    match (element, quantisation) {
        (ElementType::Float32, _) => Ok(importer.floats(&name, &[value], &[])),
        (ElementType::Int8, Some(quantisation)) => {
            let (scale, zero_point) = quantisation.at(0).unwrap_or((1.0, 0));
            let stored = (f64::from(value) / f64::from(scale)).round() + zero_point as f64;
            let data = vec![(stored.clamp(-128.0, 127.0) as i8) as u8];
            let tensor = cofit_ir::Tensor::constant(name, element, Shape::scalar(), data);
            Ok(importer.graph.tensor(tensor.quantised(quantisation)))
        }
        (element, _) => Err(Refusal::form(format!("a border of {value} around {element}"))),
    }
}

/// `Conv`.
pub(super) fn convolution(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = convolved(importer, node, Activation::None)?;
    importer.bind_result(node, 0, view);
    Ok(())
}

/// `com.microsoft.FusedConv`: a convolution with the activation that follows it.
pub(super) fn fused(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let function = match node.string("activation").unwrap_or("") {
        "" => Activation::None,
        "Relu" => Activation::Relu,
        "Clip" => match node.floats("activation_params") {
            Some(&[least, most]) => {
                let bounds = (f64::from(least), f64::from(most));
                activation::clamp(bounds.0, bounds.1)
                    .ok_or_else(|| Refusal::form(format!("it clips to {least}..{most}")))?
            }
            _ => return Err(Refusal::node("attribute `activation_params` has not two entries")),
        },
        other => return Err(Refusal::form(format!("attribute `activation` is `{other}`"))),
    };
    if node.input(3).is_some() {
        return Err(Refusal::form("a sum inside the convolution"));
    }
    let view = convolved(importer, node, function)?;
    importer.bind_result(node, 0, view);
    Ok(())
}

fn convolved(importer: &mut Importer, node: &Node<'_>, function: Activation) -> Imported<View> {
    let input = importer.view(node, 0)?;
    let weights =
        importer.constant(node, 1).ok_or_else(|| Refusal::form("the weights are computed"))?;
    let bias = match node.input(2) {
        Some(_) => {
            Some(importer.constant(node, 2).ok_or_else(|| Refusal::form("the bias is computed"))?)
        }
        None => None,
    };
    convolve(importer, node, &input, &weights, bias.as_ref(), function)
}

/// The convolution of a view.
pub(super) fn convolve(
    importer: &mut Importer,
    node: &Node<'_>,
    input: &View,
    weights: &Rc<Constant>,
    bias: Option<&Rc<Constant>>,
    activation: Activation,
) -> Imported<View> {
    let rank = input.rank();
    let space = rank.saturating_sub(2);
    if !(1..=2).contains(&space) || weights.shape.rank() != rank {
        return Err(Refusal::form(format!("a convolution over {space} axes of space")));
    }
    let geometry = Geometry::of(node, space)?;
    let lengths = weights.shape.dimensions().to_vec();
    let (outputs, depth) = (lengths[0], lengths[1]);
    let kernel = match lengths[2..] {
        [width] => Extent2d::new(1, width),
        [height, width] => Extent2d::new(height, width),
        _ => Extent2d::ONE,
    };
    let order = channels_innermost(rank);
    let stored = input.stored_shape(&order);
    let (height, width, channels) = (stored[1], stored[2], stored[3]);
    let groups = u32::try_from(node.int("group", 1)).unwrap_or(0);
    if depth.checked_mul(groups) != Some(channels) || channels == 0 {
        return Err(Refusal::node(format!(
            "{groups} groups of {depth} channels where the input has {channels}"
        )));
    }
    let window = Window { kernel, stride: geometry.stride, dilation: geometry.dilation };
    let borders = geometry.borders(kernel, height, width)?;
    let mut tensor = importer.arrange(input, &order)?;
    let padding = match padding(window, height, width, borders) {
        Some(padding) => padding,
        None => {
            tensor = bordered(importer, tensor, borders, None, node.result())?;
            Padding::Valid
        }
    };
    let (stride, dilation) = (geometry.stride, geometry.dilation);
    let is_depthwise = depth == 1 && groups == channels && groups > 1;
    // The weights' axes in the file: outputs, depth, height (not with one axis of space), width.
    let divided = [outputs, depth, kernel.height, kernel.width];
    let (weights_tensor, op): (TensorId, Op) = if is_depthwise {
        let shape = Shape::new(&[1, kernel.height, kernel.width, outputs]);
        let stored = store_weights(importer, weights, &divided, &[1, 2, 3, 0], shape, 3)?;
        let multiplier = outputs / channels;
        (stored, ops::DepthwiseConv2d { stride, dilation, padding, activation, multiplier }.into())
    } else {
        let shape = Shape::new(&[outputs, kernel.height, kernel.width, depth]);
        let stored = store_weights(importer, weights, &divided, &[0, 2, 3, 1], shape, 0)?;
        (stored, ops::Conv2d { stride, dilation, padding, activation }.into())
    };
    let mut operands = vec![tensor, weights_tensor];
    if let Some(bias) = bias {
        operands.push(store_bias(importer, bias, tensor, weights_tensor, outputs)?);
    }
    let made = importer.emit(op, &operands, node.result())?;
    Ok(importer.result_view(made, &order, rank))
}

/// Stores weights; in integer mode as signed integers with their scales along `axis`.
///
/// # Errors
/// Integer mode with weights that are not quantised.
pub(super) fn store_weights(
    importer: &mut Importer,
    weights: &Rc<Constant>,
    lengths: &[u32],
    order: &[usize],
    shape: Shape,
    axis: u32,
) -> Imported<TensorId> {
    if importer.target.is_none() {
        return importer.store(weights, lengths, order, shape);
    }
    let weights = symmetric(importer, weights)?;
    let tensor = importer.store(&weights, lengths, order, shape)?;
    let stored = &mut importer.graph.tensors[tensor];
    match &mut stored.quantisation {
        Some(quantisation) => {
            quantisation.axis = if quantisation.is_per_axis() { axis } else { 0 };
            Ok(tensor)
        }
        None => Err(Refusal::form("float weights between quantised activations")),
    }
}

/// Stores a bias of `outputs` elements; in integer mode as 32-bit integers whose scale is the
/// product of the input's and the weights'.
pub(super) fn store_bias(
    importer: &mut Importer,
    bias: &Rc<Constant>,
    input: TensorId,
    weights: TensorId,
    outputs: u32,
) -> Imported<TensorId> {
    if bias.shape.elements() != u64::from(outputs) {
        return Err(Refusal::node(format!("a bias of {} for {outputs} outputs", bias.shape)));
    }
    let shape = Shape::new(&[outputs]);
    if importer.target.is_none() {
        return importer.store(bias, &[outputs], &[0], shape);
    }
    let of = |id: TensorId| importer.graph.tensors[id].quantisation.clone().unwrap_or_default();
    let quantisation = bias_quantisation(&of(input), &of(weights));
    let stored = if bias.element == ElementType::Int32 {
        // The file's own scale is this product; stating it anew spares its rounding.
        importer.store(bias, &[outputs], &[0], shape)?
    } else {
        importer.spend(u64::from(outputs).saturating_mul(4))?;
        let data = bias.reals(u64::MAX).map(|reals| {
            let integer = |(index, real): (usize, &f64)| {
                let step = quantisation.at(index).map_or(1.0, |(step, _)| f64::from(step));
                let value = (real / step).round_ties_even();
                (value.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32).to_le_bytes()
            };
            reals.iter().enumerate().flat_map(integer).collect::<Vec<u8>>().into()
        });
        let constant = Constant {
            name: bias.name.clone(),
            ..Constant::anonymous(ElementType::Int32, shape.clone(), data)
        };
        let constant = importer.adopt(constant);
        importer.store(&constant, &[outputs], &[0], shape)?
    };
    importer.graph.tensors[stored].quantisation = Some(quantisation);
    Ok(stored)
}

/// The target of an operator that has a fixed scale.
pub(super) fn fixed_target(scale: f32, zero_point: i64) -> Target {
    Target { element: ElementType::Int8, quantisation: Quantisation::per_tensor(scale, zero_point) }
}
