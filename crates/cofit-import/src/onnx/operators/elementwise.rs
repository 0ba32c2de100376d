//! Element-wise operators.

use std::rc::Rc;

use cofit_ir::{Op, Shape, TensorId, ops};
use cofit_vocab::{ElementType, OperatorKind};

use crate::onnx::constant::Constant;
use crate::onnx::importer::{Importer, Value};
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{Arrangement, View};

use super::{dense, movement, pattern};

/// An operand of an element-wise operator.
#[derive(Clone)]
pub(super) enum Side {
    /// Computed.
    Activation(View),
    /// Known when the model is read.
    Constant(Rc<Constant>),
}

impl Side {
    /// Operand `index` of a node.
    pub fn of(importer: &mut Importer, node: &Node<'_>, index: usize) -> Imported<Self> {
        match importer.constant(node, index) {
            Some(constant) => Ok(Self::Constant(constant)),
            None => importer.view(node, index).map(Self::Activation),
        }
    }

    fn shape(&self) -> Shape {
        match self {
            Self::Activation(view) => view.shape(),
            Self::Constant(constant) => constant.shape.clone(),
        }
    }
}

/// An operator of two operands or, for `Min`, `Max`, `Sum` and `Mean`, of any number.
pub(super) fn binary(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let count = node.proto.input.len();
    let mut sides = Vec::new();
    for index in 0..count {
        sides.push(Side::of(importer, node, index)?);
    }
    let is_chain = matches!(node.kind(), "Min" | "Max" | "Sum" | "Mean");
    if count == 0 || (!is_chain && count != 2) {
        return Err(Refusal::node(format!("{count} operands")));
    }
    if node.kind() == "Add"
        && let Some(view) = with_bias(importer, node, &sides)?
    {
        importer.bind_result(node, 0, view);
        return Ok(());
    }
    if let Some(view) = pattern::recognised(importer, node, &sides)? {
        importer.bind_result(node, 0, view);
        return Ok(());
    }
    let name = node.result();
    if node.kind() == "Mod" && node.int("fmod", 0) != 0 {
        let view = cut_remainder(importer, &sides, name)?;
        importer.bind_result(node, 0, view);
        return Ok(());
    }
    let mut made = match &sides[0] {
        Side::Activation(view) if count == 1 => view.clone(),
        Side::Constant(constant) if count == 1 => importer.constant_view(constant)?,
        _ => {
            let last = if count == 2 && node.kind() != "Mean" {
                name.to_owned()
            } else {
                format!("{name}/1")
            };
            of_sides(importer, op(node)?, &sides[0], &sides[1], &last)?
        }
    };
    for (index, side) in sides.iter().enumerate().skip(2) {
        let is_last = index + 1 == count && node.kind() != "Mean";
        let last = if is_last { name.to_owned() } else { format!("{name}/{index}") };
        made = of_sides(importer, op(node)?, &Side::Activation(made), side, &last)?;
    }
    if node.kind() == "Mean" {
        let share = importer.scalar(&format!("{name}/share"), 1.0 / count as f64);
        let tensor = importer.emit(ops::Mul::default(), &[made.tensor, share], name)?;
        made = View { tensor, ..made };
    }
    importer.bind_result(node, 0, made);
    Ok(())
}

/// The remainder of a quotient without its fraction, which has the sign of the first operand:
/// that of the magnitudes, where both roundings agree, times this sign.
fn cut_remainder(importer: &mut Importer, sides: &[Side], name: &str) -> Imported<View> {
    let mut views = Vec::new();
    for side in sides {
        let view = match side {
            Side::Activation(view) => view.clone(),
            Side::Constant(constant) => importer.constant_view(constant)?,
        };
        if importer.graph.tensors[view.tensor].element != ElementType::Float32 {
            return Err(Refusal::form("a remainder of integers with the sign of the dividend")
                .with_help("Export the model with fmod=0, or compute the remainder on floats."));
        }
        views.push(view);
    }
    let part = |suffix: &str| format!("{name}/{suffix}");
    let size = movement::keeping(importer, &views[0], ops::Abs::default(), &part("size"))?;
    let by = movement::keeping(importer, &views[1], ops::Abs::default(), &part("by"))?;
    let rest = combine(importer, ops::FloorMod::default(), &size, &by, &part("rest"))?;
    let sign = movement::keeping(importer, &views[0], ops::Sign::default(), &part("sign"))?;
    combine(importer, ops::Mul::default(), &rest, &sign, name)
}

/// What a node's name stands for.
fn op(node: &Node<'_>) -> Imported<Op> {
    Ok(match node.kind() {
        "Add" | "Sum" | "Mean" => ops::Add::default().into(),
        "Sub" => ops::Sub::default().into(),
        "Mul" => ops::Mul::default().into(),
        "Div" => ops::Div::default().into(),
        "Pow" => ops::Pow::default().into(),
        "Min" => ops::Minimum::default().into(),
        "Max" => ops::Maximum::default().into(),
        "Mod" => ops::FloorMod::default().into(),
        "Equal" => ops::Equal::default().into(),
        "Xor" => ops::NotEqual::default().into(),
        "Less" => ops::Less::default().into(),
        "LessOrEqual" => ops::LessEqual::default().into(),
        "Greater" => ops::Greater::default().into(),
        "GreaterOrEqual" => ops::GreaterEqual::default().into(),
        "And" => ops::LogicalAnd::default().into(),
        "Or" => ops::LogicalOr::default().into(),
        kind => return Err(Refusal::form(format!("this form of {kind}"))),
    })
}

/// A sum that is the bias of the layer before it.
fn with_bias(importer: &mut Importer, node: &Node<'_>, sides: &[Side]) -> Imported<Option<View>> {
    let (view, addend) = match sides {
        [Side::Activation(view), Side::Constant(addend)]
        | [Side::Constant(addend), Side::Activation(view)] => (view, addend),
        _ => return Ok(None),
    };
    let Some(producer) = importer.producer(view.tensor) else { return Ok(None) };
    let rank = view.rank();
    let channel = match importer.graph.operators[producer].kind() {
        OperatorKind::FullyConnected => rank.checked_sub(1),
        OperatorKind::Conv2d | OperatorKind::DepthwiseConv2d if rank >= 3 => Some(1),
        // Only layers with a bias can take one.
        _ => None,
    };
    match channel {
        Some(channel) => dense::absorb_bias(importer, view, addend, channel, node.result()),
        None => Ok(None),
    }
}

/// An operator of two views in one arrangement.
pub(super) fn combine(
    importer: &mut Importer,
    op: impl Into<Op>,
    a: &View,
    b: &View,
    name: &str,
) -> Imported<View> {
    let sides = (Side::Activation(a.clone()), Side::Activation(b.clone()));
    of_sides(importer, op.into(), &sides.0, &sides.1, name)
}

/// An operator of two operands, brought into one arrangement.
pub(super) fn of_sides(
    importer: &mut Importer,
    op: Op,
    a: &Side,
    b: &Side,
    name: &str,
) -> Imported<View> {
    let shape = a.shape().broadcast(&b.shape()).ok_or_else(|| {
        Refusal::node(format!("shapes {} and {} do not broadcast", a.shape(), b.shape()))
    })?;
    let (tensors, view) = together(importer, &[a, b], &shape)?;
    let made = importer.emit(op, &tensors, name)?;
    Ok(importer.result_view(made, &view, shape.rank()))
}

/// The tensors of all operands in one arrangement of `shape`: that of the operand that covers most
/// of it.
pub(super) fn together(
    importer: &mut Importer,
    sides: &[&Side],
    shape: &Shape,
) -> Imported<(Vec<TensorId>, Arrangement)> {
    let leader = sides
        .iter()
        .filter_map(|side| match side {
            Side::Activation(view) => Some(view),
            Side::Constant(_) => None,
        })
        .max_by_key(|view| {
            let is_constant = importer.graph.tensors[view.tensor].is_constant();
            let lies_whole = view.natural(&importer.graph.tensors[view.tensor].shape).is_some();
            (view.rank(), !is_constant, view.shape().elements(), lies_whole)
        })
        .cloned();
    let rank = shape.rank();
    let order = match leader {
        Some(leader) if leader.rank() == rank => importer.complete(&leader)?.1,
        // A constant has more axes; its own order serves.
        Some(_) | None => (0..rank).map(Some).collect(),
    };
    let mut tensors = Vec::new();
    for side in sides {
        tensors.push(match side {
            Side::Activation(view) => {
                let missing = rank - view.rank();
                let own: Arrangement = order
                    .iter()
                    .map(|axis| axis.and_then(|axis| axis.checked_sub(missing)))
                    .collect();
                importer.arrange(view, &own)?
            }
            Side::Constant(constant) => arranged_constant(importer, constant, &order, rank)?,
        });
    }
    Ok((tensors, order))
}

/// A constant in an arrangement of a result of `rank` axes, without outer axes of length 1.
pub(super) fn arranged_constant(
    importer: &mut Importer,
    constant: &Rc<Constant>,
    order: &[Option<usize>],
    rank: usize,
) -> Imported<TensorId> {
    let own = constant.shape.dimensions();
    let missing = rank.saturating_sub(own.len());
    let mut permutation = Vec::new();
    let mut lengths = Vec::new();
    for axis in order {
        match axis.and_then(|axis| axis.checked_sub(missing)) {
            Some(axis) => {
                permutation.push(axis);
                lengths.push(own[axis]);
            }
            None => lengths.push(1),
        }
    }
    let outer = lengths.iter().take_while(|&&length| length == 1).count();
    // A scalar keeps no axis.
    let shape = Shape::new(&lengths[outer..]);
    importer.store(constant, own, &permutation, shape)
}

/// An operator of one operand.
pub(super) fn unary(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let view = importer.view(node, 0)?;
    let name = node.result();
    let op: Op = match node.kind() {
        "Abs" => ops::Abs::default().into(),
        "Ceil" => ops::Ceil::default().into(),
        "Cos" => ops::Cos::default().into(),
        "Erf" => ops::Erf::default().into(),
        "Exp" => ops::Exp::default().into(),
        "Floor" => ops::Floor::default().into(),
        "Log" => ops::Log::default().into(),
        "Neg" => ops::Neg::default().into(),
        "Not" => ops::LogicalNot::default().into(),
        "Round" => ops::Round::default().into(),
        "Sign" => ops::Sign::default().into(),
        "Sin" => ops::Sin::default().into(),
        "Sqrt" => ops::Sqrt::default().into(),
        _ => {
            let one = importer.scalar(&format!("{name}/one"), 1.0);
            let made = importer.emit(ops::Div::default(), &[one, view.tensor], name)?;
            importer.bind_result(node, 0, View { tensor: made, ..view });
            return Ok(());
        }
    };
    let made = movement::keeping(importer, &view, op, name)?;
    importer.bind_result(node, 0, made);
    Ok(())
}

/// `Where`: `select`.
pub(super) fn select(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let sides =
        [Side::of(importer, node, 0)?, Side::of(importer, node, 1)?, Side::of(importer, node, 2)?];
    let shape = sides[0]
        .shape()
        .broadcast(&sides[1].shape())
        .and_then(|shape| shape.broadcast(&sides[2].shape()))
        .ok_or_else(|| Refusal::node("the operands' shapes do not broadcast"))?;
    let (tensors, order) = together(importer, &[&sides[0], &sides[1], &sides[2]], &shape)?;
    let made = importer.emit(ops::Select::default(), &tensors, node.result())?;
    let view = importer.result_view(made, &order, shape.rank());
    importer.bind_result(node, 0, view);
    Ok(())
}

/// `Cast`: `cast`, or nothing where the type stays.
pub(super) fn cast(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let element = match node.kind() {
        "CastLike" => match node.input(1).and_then(|name| importer.value(name)) {
            Some(Value::Constant(constant)) => constant.element,
            Some(Value::Activation(view)) => importer.graph.tensors[view.tensor].element,
            Some(Value::Refused) | None => return Err(Refusal::node("operand 1 is missing")),
        },
        _ => movement::cast_element(node)?,
    };
    let view = importer.view(node, 0)?;
    let tensor = &importer.graph.tensors[view.tensor];
    if tensor.element == element {
        importer.bind_view(node, view);
        return Ok(());
    }
    if tensor.quantisation.as_ref().is_some_and(|q| q.is_quantised()) {
        return Err(Refusal::form("a cast of quantised integers"));
    }
    let made = cast_to(importer, &view, element, node.result())?;
    importer.bind_result(node, 0, made);
    Ok(())
}

/// The numbers of a view in another element type.
pub(super) fn cast_to(
    importer: &mut Importer,
    view: &View,
    element: ElementType,
    name: &str,
) -> Imported<View> {
    let target =
        crate::onnx::importer::Target { element, quantisation: cofit_ir::Quantisation::default() };
    let tensor = importer.emit_as(ops::Cast::default(), &[view.tensor], name, target)?;
    Ok(View { tensor, ..view.clone() })
}
