//! Activations: fused into the operator before them where it can take them, else operators of their
//! own or, where there is none, made of simpler ones.

use cofit_ir::{Activation, Op, Quantisation, Shape, ops};
use cofit_vocab::ElementType;

use crate::onnx::importer::{Importer, Target};
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{Arrangement, View};

use super::convolution::fixed_target;
use super::elementwise::{self, Side};
use super::movement::{self, keeping};

/// An activation.
pub(super) fn import(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let made = activated(importer, node, &view)?;
    importer.bind_result(node, 0, made);
    Ok(())
}

fn activated(importer: &mut Importer, node: &Node<'_>, view: &View) -> Imported<View> {
    let name = node.result();
    match node.kind() {
        "Relu" => clamped(importer, view, 0.0, f64::INFINITY, name),
        "Clip" => {
            let (least, most) = clip_bounds(importer, node)?;
            clamped(importer, view, least, most, name)
        }
        "LeakyRelu" => {
            keeping(importer, view, ops::LeakyRelu { alpha: node.float("alpha", 0.01) }, name)
        }
        "PRelu" => {
            let slope = Side::of(importer, node, 1)?;
            let view = Side::Activation(view.clone());
            elementwise::of_sides(importer, ops::Prelu::default().into(), &view, &slope, name)
        }
        "Elu" => {
            let alpha = f64::from(node.float("alpha", 1.0));
            if alpha == 1.0 {
                return keeping(importer, view, ops::Elu::default(), name);
            }
            exponential(importer, view, alpha, 1.0, 1.0, name)
        }
        "Selu" => {
            // Defaults of the specification.
            let alpha = f64::from(node.float("alpha", 1.673_263_2));
            let gamma = f64::from(node.float("gamma", 1.050_701));
            exponential(importer, view, alpha, 1.0, gamma, name)
        }
        "Celu" => {
            let alpha = f64::from(node.float("alpha", 1.0));
            if alpha == 1.0 {
                return keeping(importer, view, ops::Elu::default(), name);
            }
            exponential(importer, view, alpha, alpha, 1.0, name)
        }
        "ThresholdedRelu" => {
            let alpha =
                importer.scalar(&format!("{name}/alpha"), f64::from(node.float("alpha", 1.0)));
            let zero = importer.scalar(&format!("{name}/zero"), 0.0);
            let above = importer.emit(
                ops::Greater::default(),
                &[view.tensor, alpha],
                &format!("{name}/above"),
            )?;
            let tensor =
                importer.emit(ops::Select::default(), &[above, view.tensor, zero], name)?;
            Ok(View { tensor, ..view.clone() })
        }
        "Sigmoid" => logistic(importer, view, name),
        "Tanh" => in_range(importer, view, ops::Tanh::default(), (1.0 / 128.0, 0), name),
        "HardSigmoid" => {
            let alpha = f64::from(node.float("alpha", 0.2));
            let beta = f64::from(node.float("beta", 0.5));
            hard_sigmoid(importer, view, alpha, beta, name)
        }
        "HardSwish" => keeping(importer, view, ops::HardSwish::default(), name),
        "Softplus" => softplus(importer, view, name),
        "Softsign" => {
            let size = keeping(importer, view, ops::Abs::default(), &format!("{name}/size"))?;
            let more =
                with_number(importer, &size, ops::Add::default(), 1.0, &format!("{name}/more"))?;
            let tensor = importer.emit(ops::Div::default(), &[view.tensor, more.tensor], name)?;
            Ok(View { tensor, ..view.clone() })
        }
        "Mish" => {
            let soft = softplus(importer, view, &format!("{name}/softplus"))?;
            let gate = keeping(importer, &soft, ops::Tanh::default(), &format!("{name}/gate"))?;
            let tensor = importer.emit(ops::Mul::default(), &[view.tensor, gate.tensor], name)?;
            Ok(View { tensor, ..view.clone() })
        }
        "Gelu" => {
            let approximate = node.string("approximate") == Some("tanh");
            keeping(importer, view, ops::Gelu { approximate }, name)
        }
        "FastGelu" => {
            if node.input(1).is_some() {
                return Err(Refusal::form("a bias inside FastGelu"));
            }
            keeping(importer, view, ops::Gelu { approximate: true }, name)
        }
        // `x * sigmoid(alpha * x)`.
        "QuickGelu" | "Swish" => {
            let default = if node.kind() == "QuickGelu" { 1.702 } else { 1.0 };
            let alpha = f64::from(node.float("alpha", default));
            let scaled = match alpha {
                1.0 => view.clone(),
                alpha => with_number(
                    importer,
                    view,
                    ops::Mul::default(),
                    alpha,
                    &format!("{name}/scaled"),
                )?,
            };
            let gate =
                keeping(importer, &scaled, ops::Logistic::default(), &format!("{name}/gate"))?;
            let tensor = importer.emit(ops::Mul::default(), &[view.tensor, gate.tensor], name)?;
            Ok(View { tensor, ..view.clone() })
        }
        kind => Err(Refusal::form(format!("this form of {kind}"))),
    }
}

/// An operator of a view and a number, which is its second operand.
pub(super) fn with_number(
    importer: &mut Importer,
    view: &View,
    op: impl Into<Op>,
    number: f64,
    name: &str,
) -> Imported<View> {
    let number = importer.scalar(&format!("{name}/number"), number);
    let tensor = importer.emit(op, &[view.tensor, number], name)?;
    Ok(View { tensor, ..view.clone() })
}

/// `1 / (1 + exp(-x))`.
pub(super) fn logistic(importer: &mut Importer, view: &View, name: &str) -> Imported<View> {
    in_range(importer, view, ops::Logistic::default(), (1.0 / 256.0, -128), name)
}

/// `max(0, min(1, alpha * x + beta))`; with a sixth and a half as TFLite's converters write it,
/// `relu6(x + 3) / 6`.
fn hard_sigmoid(
    importer: &mut Importer,
    view: &View,
    alpha: f64,
    beta: f64,
    name: &str,
) -> Imported<View> {
    let part = |suffix: &str| format!("{name}/{suffix}");
    if (alpha - 1.0 / 6.0).abs() < 1e-6 && beta == 0.5 {
        let op = ops::Add { activation: Activation::Relu6, ..ops::Add::default() };
        let gate = with_number(importer, view, op, 3.0, &part("gate"))?;
        return with_number(importer, &gate, ops::Mul::default(), 1.0 / 6.0, name);
    }
    let scaled = with_number(importer, view, ops::Mul::default(), alpha, &part("scaled"))?;
    let moved = with_number(importer, &scaled, ops::Add::default(), beta, &part("moved"))?;
    let least = with_number(importer, &moved, ops::Maximum::default(), 0.0, &part("least"))?;
    with_number(importer, &least, ops::Minimum::default(), 1.0, name)
}

/// `max(x, 0) + ln(1 + exp(-|x|))`, which is `ln(1 + exp(x))` without overflow.
fn softplus(importer: &mut Importer, view: &View, name: &str) -> Imported<View> {
    let size = keeping(importer, view, ops::Abs::default(), &format!("{name}/size"))?;
    let less = keeping(importer, &size, ops::Neg::default(), &format!("{name}/less"))?;
    let small = keeping(importer, &less, ops::Exp::default(), &format!("{name}/small"))?;
    let more = with_number(importer, &small, ops::Add::default(), 1.0, &format!("{name}/more"))?;
    let soft = keeping(importer, &more, ops::Log::default(), &format!("{name}/soft"))?;
    let hard = keeping(importer, view, ops::Relu::default(), &format!("{name}/hard"))?;
    let tensor = importer.emit(ops::Add::default(), &[hard.tensor, soft.tensor], name)?;
    Ok(View { tensor, ..view.clone() })
}

/// `gamma * (max(x, 0) + alpha * (exp(min(x, 0) / slope) - 1))`.
fn exponential(
    importer: &mut Importer,
    view: &View,
    alpha: f64,
    slope: f64,
    gamma: f64,
    name: &str,
) -> Imported<View> {
    let part = |suffix: &str| format!("{name}/{suffix}");
    let below = with_number(importer, view, ops::Minimum::default(), 0.0, &part("below"))?;
    let steep = match slope {
        1.0 => below,
        slope => with_number(importer, &below, ops::Mul::default(), 1.0 / slope, &part("steep"))?,
    };
    let raised = keeping(importer, &steep, ops::Exp::default(), &part("raised"))?;
    let centred = with_number(importer, &raised, ops::Sub::default(), 1.0, &part("centred"))?;
    let curved =
        with_number(importer, &centred, ops::Mul::default(), alpha * gamma, &part("curved"))?;
    let above = keeping(importer, view, ops::Relu::default(), &part("above"))?;
    let above = match gamma {
        1.0 => above,
        gamma => with_number(importer, &above, ops::Mul::default(), gamma, &part("straight"))?,
    };
    let tensor = importer.emit(ops::Add::default(), &[above.tensor, curved.tensor], name)?;
    Ok(View { tensor, ..view.clone() })
}

/// The bounds of a `Clip`, from attributes or operands.
pub(crate) fn clip_bounds(importer: &Importer, node: &Node<'_>) -> Imported<(f64, f64)> {
    let bound = |name: &str, index: usize, default: f64| -> Imported<f64> {
        if node.has(name) {
            return Ok(f64::from(node.float(name, 0.0)));
        }
        let known = importer.known_reals(node, index, "the bound")?;
        Ok(known.and_then(|bound| bound.first().copied()).unwrap_or(default))
    };
    let (least, most) = (bound("min", 1, f64::NEG_INFINITY)?, bound("max", 2, f64::INFINITY)?);
    // The largest floats stand for no bound in older versions.
    let open = |bound: f64| {
        if bound.abs() >= f64::from(f32::MAX) { bound.signum() * f64::INFINITY } else { bound }
    };
    Ok((open(least), open(most)))
}

/// The activation that a clamp is.
pub(crate) fn clamp(least: f64, most: f64) -> Option<Activation> {
    match (least, most) {
        (0.0, f64::INFINITY) => Some(Activation::Relu),
        (0.0, 6.0) => Some(Activation::Relu6),
        (-1.0, 1.0) => Some(Activation::ReluN1To1),
        _ => None,
    }
}

/// Whether a target's range makes a clamp say nothing.
pub(crate) fn is_subsumed(target: &Target, least: f64, most: f64) -> bool {
    let Some((scale, zero_point)) = target.quantisation.at(0) else { return false };
    let (low, high) = match target.element.bits() {
        8 => (-128.0, 127.0),
        _ => (-32768.0, 32767.0),
    };
    let stored = |real: f64| (real / f64::from(scale)).round() + zero_point as f64;
    stored(least) <= low && stored(most) >= high
}

/// A clamp: fused, an operator of its own, or a maximum and a minimum.
pub(super) fn clamped(
    importer: &mut Importer,
    view: &View,
    least: f64,
    most: f64,
    name: &str,
) -> Imported<View> {
    let activation = clamp(least, most);
    if let Some(activation) = activation
        && let Some(fused) = fuse(importer, view, activation, name)
    {
        return Ok(fused);
    }
    if importer.target.as_ref().is_some_and(|target| is_subsumed(target, least, most)) {
        importer.rename(view.tensor, name);
        return Ok(view.clone());
    }
    match activation {
        Some(Activation::Relu) => keeping(importer, view, ops::Relu::default(), name),
        Some(Activation::Relu6) => keeping(importer, view, ops::Relu6::default(), name),
        Some(Activation::ReluN1To1) => keeping(importer, view, ops::ReluN1To1::default(), name),
        Some(Activation::None | Activation::Tanh | Activation::SignBit) | None => {
            if importer.target.is_some() {
                return Err(Refusal::form(format!("a quantised clamp to {least}..{most}")));
            }
            let (is_low, is_high) = (least.is_finite(), most.is_finite());
            let mut view = view.clone();
            if is_low {
                let last = if is_high { format!("{name}/least") } else { name.to_owned() };
                view = with_number(importer, &view, ops::Maximum::default(), least, &last)?;
            }
            if is_high {
                view = with_number(importer, &view, ops::Minimum::default(), most, name)?;
            }
            Ok(view)
        }
    }
}

/// Puts an activation into the operator that writes the view, where nothing else reads it and the
/// operator takes activations.
fn fuse(importer: &mut Importer, view: &View, activation: Activation, name: &str) -> Option<View> {
    let producer = importer.sole_producer(view)?;
    let slot = match &mut importer.graph.operators[producer].op {
        Op::Conv2d(op) => &mut op.activation,
        Op::DepthwiseConv2d(op) => &mut op.activation,
        Op::TransposeConv2d(op) => &mut op.activation,
        Op::FullyConnected(op) => &mut op.activation,
        Op::Add(op) => &mut op.activation,
        Op::Sub(op) => &mut op.activation,
        Op::Mul(op) => &mut op.activation,
        Op::Div(op) => &mut op.activation,
        // Other operators have none, or, like pools, are only followed by one in odd models.
        _ => return None,
    };
    if *slot != Activation::None {
        return None;
    }
    *slot = activation;
    importer.rename(view.tensor, name);
    Some(view.clone())
}

/// An operator whose integer kernels write one fixed scale, rescaled to the target where that is
/// another.
fn in_range(
    importer: &mut Importer,
    view: &View,
    op: impl Into<Op>,
    (scale, zero_point): (f32, i64),
    name: &str,
) -> Imported<View> {
    let Some(target) = importer.target.clone() else {
        return keeping(importer, view, op, name);
    };
    // On 16 bits all of them write a range of one on both sides of zero.
    let fixed = match target.element {
        ElementType::Int16 => Target {
            element: ElementType::Int16,
            quantisation: Quantisation::per_tensor(1.0 / 32768.0, 0),
        },
        _ => fixed_target(scale, zero_point),
    };
    if fixed == target {
        return keeping(importer, view, op, name);
    }
    let made = importer.emit_as(op, &[view.tensor], &format!("{name}/unscaled"), fixed)?;
    let tensor = importer.emit_as(ops::Quantize::default(), &[made], name, target)?;
    Ok(View { tensor, ..view.clone() })
}

/// `Softmax` and `LogSoftmax`.
pub(super) fn softmax(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let rank = view.rank();
    let name = node.result();
    let is_log = node.kind() == "LogSoftmax";
    let default = if node.version < 13 { 1 } else { -1 };
    let axis = movement::axis(node.int("axis", default), rank)?;
    let inner_is_one = (axis + 1..rank).all(|other| view.length(other) == 1);
    let made = if node.version < 13 && !inner_is_one {
        // Earlier versions flatten the axes from `axis` on into one.
        let shape = view.shape();
        let (outer, inner) = shape.dimensions().split_at(axis);
        let count = |axes: &[u32]| {
            u32::try_from(Shape::new(axes).elements())
                .map_err(|_| Refusal::node("the joined axes are too long"))
        };
        let flat = Shape::new(&[count(outer)?, count(inner)?]);
        let flat = movement::reshaped(importer, &view, &flat)?;
        let made = along(importer, &flat, 1, is_log, name)?;
        movement::reshaped(importer, &made, &shape)?
    } else {
        along(importer, &view, axis, is_log, name)?
    };
    importer.bind_result(node, 0, made);
    Ok(())
}

/// The softmax of a view along an axis.
pub(super) fn softmax_of(
    importer: &mut Importer,
    view: &View,
    axis: usize,
    name: &str,
) -> Imported<View> {
    along(importer, view, axis, false, name)
}

/// The softmax or its logarithm, with the axis brought innermost.
fn along(
    importer: &mut Importer,
    view: &View,
    axis: usize,
    is_log: bool,
    name: &str,
) -> Imported<View> {
    let rank = view.rank();
    let (_, natural) = importer.complete(view)?;
    let order: Arrangement = if natural.last() == Some(&Some(axis)) {
        natural
    } else {
        let others = natural.iter().copied().filter(|&stored| stored != Some(axis));
        let order: Arrangement = others.chain([Some(axis)]).collect();
        let file: Arrangement =
            (0..rank).filter(|&other| other != axis).chain([axis]).map(Some).collect();
        if view.lies_in(&order) { order } else { file }
    };
    let tensor = importer.arrange(view, &order)?;
    let arranged = importer.result_view(tensor, &order, rank);
    if is_log {
        in_range(importer, &arranged, ops::LogSoftmax::default(), (16.0 / 256.0, 127), name)
    } else {
        in_range(importer, &arranged, ops::Softmax::default(), (1.0 / 256.0, -128), name)
    }
}
