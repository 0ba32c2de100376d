//! Moves borders into the padding of the window behind them.
//!
//! PyTorch and Keras write a strided convolution as a border of zeros and a convolution without
//! padding. A convolution's own padding is of zeros as well (of the zero point, where it is
//! quantised), so that a `pad` of height and width which it alone reads becomes its padding: `same`
//! or `valid` where the amounts are those, explicit amounts elsewhere.
//!
//! A `max_pool2d` leaves its padding out instead of reading zeros. That is the same where nothing
//! below zero comes in, as behind a `relu`, and every window holds more than padding.
//!
//! A border around a border becomes one.

use cofit_ir::ops::window::{PaddingAmounts, Window};
use cofit_ir::{Activation, Graph, Op, Operator, Padding, Shape, TensorId, ops};
use cofit_vocab::ElementType;
use smallvec::SmallVec;

use crate::constants::integer_constant;
use crate::passes::Pass;
use crate::rewrite::{Rewriter, same_meaning};

/// The pass.
pub const PASS: Pass = Pass {
    name: "merge_pads",
    description: "moves borders of zeros into the padding of the window behind them",
    run,
};

/// Merges borders.
pub fn run(graph: &mut Graph) -> usize {
    let mut rewriter = Rewriter::new(graph);
    for id in rewriter.ids() {
        let Some(operator) = rewriter.operator(id) else { continue };
        match &operator.op {
            Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::MaxPool2d(_) => {
                let Some((op, source)) = into_window(&rewriter, operator) else { continue };
                rewriter.set_op(id, op);
                rewriter.set_input(id, 0, source);
            }
            Op::Pad(_) => {
                let Some((border, source)) = into_border(&rewriter, operator) else { continue };
                let shape = Shape::new(&[border.len() as u32 / 2, 2]);
                let name = format!("{}/border", rewriter.graph().operator_name(id));
                let border = rewriter.add_tensor(integer_constant(name, shape, &border));
                rewriter.set_input(id, 0, source);
                rewriter.set_input(id, 1, border);
            }
            _ => continue,
        }
        rewriter.count();
    }
    rewriter.finish()
}

/// A windowed operator with the border of the `pad` before it as its own padding, and what it then
/// reads.
fn into_window(rewriter: &Rewriter<'_>, operator: &Operator) -> Option<(Op, TensorId)> {
    let padded = operator.input(0)?;
    let (_, pad) = rewriter.inner(padded)?;
    let source = pad.input(0).filter(|&source| rewriter.is_fixed(source))?;
    let border = zero_border(rewriter, pad)?;
    let &[(0, 0), (top, bottom), (left, right), (0, 0)] = border.as_slice() else { return None };
    let border = PaddingAmounts { top, bottom, left, right };

    let mut op = operator.op.clone();
    let (window, padding) = match &mut op {
        Op::Conv2d(conv) => {
            let weights = &rewriter.tensor(operator.input(1)?).shape;
            (conv.window(weights)?, &mut conv.padding)
        }
        Op::DepthwiseConv2d(conv) => {
            let weights = &rewriter.tensor(operator.input(1)?).shape;
            (conv.window(weights)?, &mut conv.padding)
        }
        Op::MaxPool2d(pool) => (pool.window(), &mut pool.padding),
        _ => return None,
    };
    let is_pool = matches!(operator.op, Op::MaxPool2d(_));
    let kernel = window.kernel;
    let has_padding_only = top.max(bottom) >= kernel.height || left.max(right) >= kernel.width;
    // What the pool leaves out already is not all zero.
    let is_open = is_pool && *padding != Padding::Valid;
    if is_pool && (is_open || has_padding_only || !is_rectified(rewriter, source)) {
        return None;
    }
    *padding = merged_padding(
        &window,
        *padding,
        border,
        &rewriter.tensor(source).shape,
        &rewriter.tensor(padded).shape,
    )?;
    Some((op, source))
}

/// The padding on a `source` that is `padding` on what has a `border` around it.
fn merged_padding(
    window: &Window,
    padding: Padding,
    border: PaddingAmounts,
    source: &Shape,
    padded: &Shape,
) -> Option<Padding> {
    let own = window.padding_amounts(padded.get(1)?, padded.get(2)?, padding).ok()?;
    let whole = PaddingAmounts {
        top: own.top.checked_add(border.top)?,
        bottom: own.bottom.checked_add(border.bottom)?,
        left: own.left.checked_add(border.left)?,
        right: own.right.checked_add(border.right)?,
    };
    let PaddingAmounts { top, bottom, left, right } = whole;
    let explicit = Padding::Explicit { top, bottom, left, right };
    let (height, width) = (source.get(1)?, source.get(2)?);
    let wanted = window.output(padded.get(1)?, padded.get(2)?, padding).ok()?;
    [Padding::Valid, Padding::Same, explicit].into_iter().find(|&padding| {
        let amounts = window.padding_amounts(height, width, padding).ok();
        let output = window.output(height, width, padding).ok();
        // What is behind the last window is read by nobody.
        output == Some(wanted)
            && amounts.is_some_and(|amounts| amounts.top == top && amounts.left == left)
    })
}

/// The border of one `pad` that is the border of the one before and its own, and what it is around.
fn into_border(rewriter: &Rewriter<'_>, outer: &Operator) -> Option<(Vec<i32>, TensorId)> {
    let (_, inner) = rewriter.inner(outer.input(0)?)?;
    let source = inner.input(0).filter(|&source| rewriter.is_fixed(source))?;
    let (before, after) = (zero_border(rewriter, inner)?, zero_border(rewriter, outer)?);
    if before.len() != after.len() {
        return None;
    }
    let sum = |a: u32, b: u32| i32::try_from(a.checked_add(b)?).ok();
    let mut border = Vec::with_capacity(2 * before.len());
    for (before, after) in before.iter().zip(&after) {
        border.push(sum(before.0, after.0)?);
        border.push(sum(before.1, after.1)?);
    }
    Some((border, source))
}

/// Lengths before and after along each axis, where an operator is a `pad` whose border means zero
/// and whose result means what its input means.
fn zero_border(rewriter: &Rewriter<'_>, pad: &Operator) -> Option<SmallVec<[(u32, u32); 4]>> {
    if !matches!(pad.op, Op::Pad(_)) {
        return None;
    }
    let input = rewriter.tensor(pad.input(0)?);
    if !same_meaning(input, rewriter.tensor(*pad.outputs.first()?)) {
        return None;
    }
    if let Some(value) = pad.input(2) {
        let value = rewriter.tensor(value);
        let is_zero = match value.element {
            ElementType::Float32 => value.floats()?.first() == Some(&0.0),
            _ => {
                let zero = input.quantisation.as_ref().and_then(|found| found.at(0));
                value.integers()?.first() == Some(&zero.map_or(0, |(_, zero)| zero))
            }
        };
        if !is_zero || value.element != input.element {
            return None;
        }
    }
    let border = rewriter.tensor(pad.input(1)?).integers()?;
    border
        .chunks_exact(2)
        .map(|pair| Some((u32::try_from(pair[0]).ok()?, u32::try_from(pair[1]).ok()?)))
        .collect()
}

/// Whether nothing below zero is in a tensor: a rectifier wrote it.
pub(crate) fn is_rectified(rewriter: &Rewriter<'_>, tensor: TensorId) -> bool {
    let Some((_, operator)) = rewriter.producer(tensor) else { return false };
    let activation = match &operator.op {
        Op::Relu(ops::Relu {}) | Op::Relu6(ops::Relu6 {}) => Activation::Relu,
        Op::Add(op) => op.activation,
        Op::AveragePool2d(op) => op.activation,
        Op::Conv2d(op) => op.activation,
        Op::DepthwiseConv2d(op) => op.activation,
        Op::FullyConnected(op) => op.activation,
        Op::MaxPool2d(op) => op.activation,
        Op::Mul(op) => op.activation,
        Op::Sub(op) => op.activation,
        _ => Activation::None,
    };
    matches!(activation, Activation::Relu | Activation::Relu6)
}
