//! The way back from explicit padding.

use cofit_ir::{Graph, Op, Operator, OperatorId, Padding, Shape, Tensor, TensorRole, ops};
use cranelift_entity::PrimaryMap;

use crate::constants::integer_constant;
use crate::passes::merge_pads::is_rectified;
use crate::rewrite::Rewriter;

/// Rows above and below, columns to the left and to the right.
type Border = [u32; 4];

/// Writes the explicit padding of convolutions, and of pools behind rectifiers, as a `pad` of its
/// own before an operator without padding. Says how many it wrote.
///
/// TFLite and its kernels know `same` and `valid` only. Who hands a canonical model to them calls
/// this; [`merge_pads`](crate::passes::merge_pads) is the way back. Pools that would see zeros among
/// what is below zero stay as they are.
pub fn spell_out_padding(graph: &mut Graph) -> usize {
    let wanted = explicit_paddings(graph);
    if wanted.is_empty() {
        return 0;
    }
    let count = wanted.len();
    let mut wanted = wanted.into_iter().peekable();
    let mut operators = PrimaryMap::with_capacity(graph.operators.len() + count);
    for (id, mut operator) in std::mem::take(&mut graph.operators) {
        if let Some((_, border, padded)) = wanted.next_if(|(next, _, _)| *next == id) {
            let [top, bottom, left, right] = border.map(|length| length as i32);
            let lengths = [0, 0, top, bottom, left, right, 0, 0];
            let name = format!("{}/border", padded.name);
            let border = graph.tensor(integer_constant(name, Shape::new(&[4, 2]), &lengths));
            let padded = graph.tensor(padded);
            let source = operator.inputs[0].replace(padded);
            let mut pad = Operator::new(ops::Pad {}.into(), &[padded, border], &[padded]);
            pad.inputs[0] = source;
            operators.push(pad);
            if let Some(padding) = padding_mut(&mut operator.op) {
                *padding = Padding::Valid;
            }
        }
        operators.push(operator);
    }
    graph.operators = operators;
    count
}

/// The operators with explicit padding that zeros around their input can stand for, in order, each
/// with the padding and the input as it is with it.
fn explicit_paddings(graph: &mut Graph) -> Vec<(OperatorId, Border, Tensor)> {
    let rewriter = Rewriter::new(graph);
    let find = |id: OperatorId| {
        let mut operator = rewriter.operator(id)?.clone();
        let &mut Padding::Explicit { top, bottom, left, right } = padding_mut(&mut operator.op)?
        else {
            return None;
        };
        let source = operator.input(0)?;
        if matches!(operator.op, Op::MaxPool2d(_)) && !is_rectified(&rewriter, source) {
            return None;
        }
        let mut padded = rewriter.tensor(source).clone();
        let &[batch, height, width, channels] = padded.shape.dimensions() else { return None };
        let height = height.checked_add(top)?.checked_add(bottom)?;
        let width = width.checked_add(left)?.checked_add(right)?;
        i32::try_from(height.max(width)).ok()?;
        padded.shape = Shape::new(&[batch, height, width, channels]);
        padded.name = format!("{}/padded", rewriter.graph().operator_name(id));
        padded.role = TensorRole::Activation;
        Some((id, [top, bottom, left, right], padded))
    };
    rewriter.ids().into_iter().filter_map(find).collect()
}

/// The padding of a convolution or pool.
const fn padding_mut(op: &mut Op) -> Option<&mut Padding> {
    match op {
        Op::Conv2d(conv) => Some(&mut conv.padding),
        Op::DepthwiseConv2d(conv) => Some(&mut conv.padding),
        Op::MaxPool2d(pool) => Some(&mut pool.padding),
        _ => None,
    }
}
