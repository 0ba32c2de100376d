//! Joins permutations of permutations, and brings them together.
//!
//! Models that were exported from a framework with channels in front stand between transposes. Two in
//! a row become one, or none where they undo each other. Element-wise operators between two of them
//! run on the first one's input instead, and the first one goes. A transpose that only moves axes of
//! length 1 moves no data and becomes a reshape.

use cofit_ir::{Graph, Op, Operator, OperatorId, Shape, TensorId, TensorRole, ops};
use smallvec::SmallVec;

use super::cancel_reshapes::reshape_to;
use crate::constants::integer_constant;
use crate::passes::Pass;
use crate::rewrite::{Rewriter, same_meaning};

/// The pass.
pub const PASS: Pass = Pass {
    name: "cancel_transposes",
    description: "joins chains of transposes and removes those that change nothing",
    run,
};

/// The input's axis for each axis of the result.
type Order = SmallVec<[usize; 4]>;

/// The longest chain of element-wise operators that a transpose is moved over.
const LONGEST_CHAIN: usize = 16;

/// Joins, moves and removes transposes.
pub fn run(graph: &mut Graph) -> usize {
    let mut rewriter = Rewriter::new(graph);
    for id in rewriter.ids() {
        if order_of(&rewriter, id).is_none() {
            continue;
        }
        if let Some(chain) = chain(&rewriter, id) {
            move_over(&mut rewriter, id, &chain);
            rewriter.count();
        } else if simplify(&mut rewriter, id) {
            rewriter.count();
        }
    }
    rewriter.finish()
}

/// The order of an operator that is a transpose in a constant order.
fn order_of(rewriter: &Rewriter<'_>, id: OperatorId) -> Option<Order> {
    transposing(rewriter, rewriter.operator(id)?)
}

fn transposing(rewriter: &Rewriter<'_>, operator: &Operator) -> Option<Order> {
    if !matches!(operator.op, Op::Transpose(_)) {
        return None;
    }
    let shape = &rewriter.tensor(operator.input(0)?).shape;
    let order = rewriter.tensor(operator.input(1)?).integers()?;
    let order: Order = order.iter().map(|&axis| shape.resolve_axis(axis)).collect::<Option<_>>()?;
    (order.len() == shape.rank()).then_some(order)
}

/// `first` and then `second`.
fn compose(first: &Order, second: &Order) -> Option<Order> {
    second.iter().map(|&axis| first.get(axis).copied()).collect()
}

fn is_identity(order: &Order) -> bool {
    order.iter().enumerate().all(|(position, &axis)| position == axis)
}

/// Joins a transpose with the one before it, and removes one that moves nothing. Says whether it
/// changed anything.
fn simplify(rewriter: &mut Rewriter<'_>, id: OperatorId) -> bool {
    let mut is_changed = false;
    let Some((source, order)) = source_and_order(rewriter, id) else { return false };
    let inner = rewriter.producer(source).and_then(|(_, inner)| {
        let first = transposing(rewriter, inner)?;
        let beginning = inner.input(0).filter(|&it| rewriter.is_fixed(it))?;
        Some((beginning, compose(&first, &order)?))
    });
    if let Some((beginning, order)) = inner {
        set_order(rewriter, id, beginning, &order);
        is_changed = true;
    }
    remove_if_still(rewriter, id) || is_changed
}

/// Removes a transpose that leaves every axis where it is, and makes one that moves axes of length 1
/// only a reshape. Says whether it did either.
fn remove_if_still(rewriter: &mut Rewriter<'_>, id: OperatorId) -> bool {
    let Some((source, order)) = source_and_order(rewriter, id) else { return false };
    let Some(&result) = rewriter.operator(id).and_then(|operator| operator.outputs.first()) else {
        return false;
    };
    let (from, to) = (rewriter.tensor(source), rewriter.tensor(result));
    if is_identity(&order) && same_meaning(from, to) {
        return rewriter.forward(id, source);
    }
    let moved: Order = order.iter().copied().filter(|&axis| from.shape[axis] != 1).collect();
    if moved.is_sorted()
        && !is_identity(&order)
        && let Some(op) = reshape_to(to.shape.dimensions())
    {
        rewriter.replace(id, op, &[source]);
        return true;
    }
    false
}

/// What a transpose reads, and its order.
fn source_and_order(rewriter: &Rewriter<'_>, id: OperatorId) -> Option<(TensorId, Order)> {
    let operator = rewriter.operator(id)?;
    Some((operator.input(0)?, transposing(rewriter, operator)?))
}

/// Makes a transpose permute `source` in `order`.
fn set_order(rewriter: &mut Rewriter<'_>, id: OperatorId, source: TensorId, order: &Order) {
    let name = rewriter
        .operator(id)
        .and_then(|operator| operator.outputs.first())
        .map_or_else(String::new, |&result| format!("{}/order", rewriter.tensor(result).name));
    let axes: Vec<i32> = order.iter().map(|&axis| axis as i32).collect();
    let constant = integer_constant(name, Shape::new(&[axes.len() as u32]), &axes);
    let constant = rewriter.add_tensor(constant);
    rewriter.replace(id, ops::Transpose {}, &[source, constant]);
}

/// An operand of an element-wise operator, once it runs before the transpose.
enum Operand {
    /// The result of the operator before it in the chain.
    Chain,
    /// A tensor as it is.
    As(TensorId),
    /// A constant under another shape.
    Reshaped(TensorId, Shape),
}

/// An element-wise operator between two transposes.
struct Link {
    id: OperatorId,
    operands: SmallVec<[Operand; 2]>,
}

/// Element-wise operators from transpose `id` to the next one, if there is a next one.
fn chain(rewriter: &Rewriter<'_>, id: OperatorId) -> Option<(Vec<Link>, OperatorId)> {
    let (source, order) = source_and_order(rewriter, id)?;
    let mut at = *rewriter.operator(id)?.outputs.first()?;
    let shape = rewriter.tensor(at).shape.clone();
    let mut links = Vec::new();
    if !rewriter.is_fixed(source) || is_sliced(rewriter, source) || is_sliced(rewriter, at) {
        return None;
    }
    loop {
        if !rewriter.is_read_once(at) {
            return None;
        }
        let &[reader] = rewriter.readers(at).as_slice() else { return None };
        let operator = rewriter.operator(reader)?;
        if order_of(rewriter, reader).is_some() {
            return (!links.is_empty()).then_some((links, reader));
        }
        let &[result] = operator.outputs.as_slice() else { return None };
        let is_kept = rewriter.tensor(result).shape == shape && rewriter.is_fixed(result);
        if links.len() == LONGEST_CHAIN
            || !is_elementwise(&operator.op)
            || !is_kept
            || is_sliced(rewriter, result)
        {
            return None;
        }
        let operands = operator
            .inputs
            .iter()
            .map(|&input| match input? {
                input if input == at => Some(Operand::Chain),
                input => operand(rewriter, input, &order),
            })
            .collect::<Option<_>>()?;
        links.push(Link { id: reader, operands });
        at = result;
    }
}

/// What stands for operand `input` of an element-wise operator before a transpose in `order`.
fn operand(rewriter: &Rewriter<'_>, input: TensorId, order: &Order) -> Option<Operand> {
    let tensor = rewriter.tensor(input);
    if is_sliced(rewriter, input) {
        return None;
    }
    if !matches!(tensor.role, TensorRole::Constant(_)) {
        let (_, other) = rewriter.producer(input)?;
        let source = other.input(0).filter(|&source| rewriter.is_fixed(source))?;
        let is_alike = transposing(rewriter, other).as_ref() == Some(order);
        return is_alike.then_some(Operand::As(source));
    }
    if tensor.shape.elements() == 1 {
        return Some(Operand::As(input));
    }
    let missing = order.len().checked_sub(tensor.shape.rank())?;
    let mut before = vec![1; order.len()];
    for (position, &axis) in order.iter().enumerate().skip(missing) {
        before[axis] = tensor.shape[position - missing];
    }
    // The elements have to lie in the order in which they are.
    let moved: Order =
        order.iter().copied().skip(missing).filter(|&axis| before[axis] != 1).collect();
    moved.is_sorted().then(|| Operand::Reshaped(input, before.into_iter().collect()))
}

/// Whether slices of a tensor have scales of their own, which go along when axes move.
fn is_sliced(rewriter: &Rewriter<'_>, tensor: TensorId) -> bool {
    rewriter.tensor(tensor).quantisation.as_ref().is_some_and(|found| found.is_per_axis())
}

/// Runs a chain of element-wise operators before its transpose `id`, which thereby meets the one
/// at the chain's end.
fn move_over(rewriter: &mut Rewriter<'_>, id: OperatorId, chain: &(Vec<Link>, OperatorId)) {
    let (links, last) = chain;
    let Some((source, first)) = source_and_order(rewriter, id) else { return };
    let Some((_, second)) = source_and_order(rewriter, *last) else { return };
    let Some(order) = compose(&first, &second) else { return };
    let shape = rewriter.tensor(source).shape.clone();
    let mut at = source;
    for link in links {
        let inputs = link
            .operands
            .iter()
            .map(|operand| {
                Some(match operand {
                    Operand::Chain => at,
                    Operand::As(tensor) => *tensor,
                    Operand::Reshaped(tensor, shape) => {
                        let mut constant = rewriter.tensor(*tensor).clone();
                        constant.shape = shape.clone();
                        rewriter.add_tensor(constant)
                    }
                })
            })
            .collect();
        let Some(&result) = rewriter.operator(link.id).and_then(|it| it.outputs.first()) else {
            return;
        };
        rewriter.set_shape(result, shape.clone());
        rewriter.set_inputs(link.id, inputs);
        at = result;
    }
    set_order(rewriter, *last, at, &order);
    remove_if_still(rewriter, *last);
}

/// Whether each element of the result depends on one element of every operand, those of length 1
/// stretched.
const fn is_elementwise(op: &Op) -> bool {
    matches!(
        op,
        Op::Abs(_)
            | Op::Add(_)
            | Op::Cast(_)
            | Op::Ceil(_)
            | Op::Cos(_)
            | Op::Dequantize(_)
            | Op::Div(_)
            | Op::Elu(_)
            | Op::Equal(_)
            | Op::Erf(_)
            | Op::Exp(_)
            | Op::Floor(_)
            | Op::FloorDiv(_)
            | Op::FloorMod(_)
            | Op::Gelu(_)
            | Op::Greater(_)
            | Op::GreaterEqual(_)
            | Op::HardSwish(_)
            | Op::LeakyRelu(_)
            | Op::Less(_)
            | Op::LessEqual(_)
            | Op::Log(_)
            | Op::LogicalAnd(_)
            | Op::LogicalNot(_)
            | Op::LogicalOr(_)
            | Op::Logistic(_)
            | Op::Maximum(_)
            | Op::Minimum(_)
            | Op::Mul(_)
            | Op::Neg(_)
            | Op::NotEqual(_)
            | Op::Pow(_)
            | Op::Quantize(_)
            | Op::Relu(_)
            | Op::Relu6(_)
            | Op::ReluN1To1(_)
            | Op::Round(_)
            | Op::Rsqrt(_)
            | Op::Sign(_)
            | Op::Sin(_)
            | Op::Sqrt(_)
            | Op::Square(_)
            | Op::SquaredDifference(_)
            | Op::Sub(_)
            | Op::Tanh(_)
    )
}
