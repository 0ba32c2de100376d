//! Matrix products: `fully_connected` where one side is constant, else `batch_mat_mul`.

use std::rc::Rc;

use cofit_ir::{Op, Shape, TensorId, ops};

use crate::onnx::constant::Constant;
use crate::onnx::importer::{Importer, Value};
use crate::onnx::node::Node;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{Arrangement, View, in_order};

use super::convolution::{store_bias, store_weights};
use super::elementwise;

/// `Gemm`: `alpha * A * B + beta * C`.
pub(super) fn gemm(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let alpha = f64::from(node.float("alpha", 1.0));
    let beta = f64::from(node.float("beta", 1.0));
    let mut left = importer.view(node, 0)?;
    if left.rank() != 2 {
        return Err(Refusal::node(format!("a left side of {}", left.shape())));
    }
    if node.int("transA", 0) != 0 {
        left = left.transposed(&[1, 0]);
    }
    let is_transposed = node.int("transB", 0) != 0;
    if node
        .string("activation")
        .is_some_and(|activation| !activation.is_empty() && activation != "Relu")
    {
        return Err(Refusal::form("a fused activation other than Relu"));
    }
    let made = match importer.constant(node, 1) {
        Some(weights) if weights.shape.rank() == 2 => {
            let outputs = weights.shape[usize::from(!is_transposed)];
            let weights = scaled(importer, &weights, alpha)?;
            let bias = match importer.constant(node, 2) {
                Some(bias) => fitted(importer, &bias, outputs, beta)?,
                None => None,
            };
            let has_bias = bias.is_some();
            let made =
                dense(importer, node.result(), &left, &weights, is_transposed, bias.as_ref())?;
            if has_bias || node.input(2).is_none() {
                made
            } else {
                let addend = importer.view(node, 2)?;
                let addend = factor(importer, node, addend, beta)?;
                elementwise::combine(importer, ops::Add::default(), &made, &addend, node.result())?
            }
        }
        _ => {
            let mut right = importer.view(node, 1)?;
            if right.rank() != 2 {
                return Err(Refusal::node(format!("a right side of {}", right.shape())));
            }
            if is_transposed {
                right = right.transposed(&[1, 0]);
            }
            let product = multiply(importer, node, &left, &right)?;
            let product = factor(importer, node, product, alpha)?;
            match node.input(2) {
                None => product,
                Some(_) => {
                    let addend = importer.view(node, 2)?;
                    let addend = factor(importer, node, addend, beta)?;
                    elementwise::combine(
                        importer,
                        ops::Add::default(),
                        &product,
                        &addend,
                        node.result(),
                    )?
                }
            }
        }
    };
    let made = if node.string("activation") == Some("Relu") {
        super::movement::keeping(importer, &made, ops::Relu::default(), node.result())?
    } else {
        made
    };
    importer.bind_result(node, 0, made);
    Ok(())
}

/// A view times a number.
fn factor(importer: &mut Importer, node: &Node<'_>, view: View, number: f64) -> Imported<View> {
    if number == 1.0 {
        return Ok(view);
    }
    let name = format!("{}/factor", node.result());
    let scale = importer.scalar(&name, number);
    let made = importer.emit(
        ops::Mul::default(),
        &[view.tensor, scale],
        &format!("{}/scaled", node.result()),
    )?;
    Ok(View { tensor: made, ..view })
}

/// A constant times a number.
fn scaled(importer: &mut Importer, constant: &Rc<Constant>, number: f64) -> Imported<Rc<Constant>> {
    if number == 1.0 {
        return Ok(Rc::clone(constant));
    }
    if importer.target.is_some() {
        return Err(Refusal::form("a factor other than 1 on quantised operands"));
    }
    importer.spend(constant.shape.elements().saturating_mul(4))?;
    let real = importer.real(constant)?;
    let data = real.reals(u64::MAX).map(|reals| {
        let scaled = reals.iter().flat_map(|real| ((real * number) as f32).to_le_bytes());
        scaled.collect::<Vec<u8>>().into()
    });
    Ok(importer.adopt(Constant { data, ..(*real).clone() }))
}

/// The addend of a `Gemm` as a bias of one element an output, where it is one.
fn fitted(
    importer: &mut Importer,
    addend: &Rc<Constant>,
    outputs: u32,
    beta: f64,
) -> Imported<Option<Rc<Constant>>> {
    let count = addend.shape.elements();
    let is_row = addend.shape.last() == outputs && count == u64::from(outputs);
    if is_row {
        let bias = scaled(importer, addend, beta)?;
        let shape = Shape::new(&[outputs]);
        return Ok(Some(Rc::new(Constant { shape, ..(*bias).clone() })));
    }
    if count == 1 && importer.target.is_none() {
        importer.spend(u64::from(outputs).saturating_mul(4))?;
        let data = addend
            .scalar()
            .map(|value| ((value * beta) as f32).to_le_bytes().repeat(outputs as usize).into());
        let shape = Shape::new(&[outputs]);
        let real = importer.real(addend)?;
        return Ok(Some(importer.adopt(Constant { shape, data, ..(*real).clone() })));
    }
    Ok(None)
}

/// The product of an activation `[.., depth]` with constant weights, `[depth, outputs]` or, where
/// `is_transposed`, `[outputs, depth]`. The order in which memory has the depth goes into the
/// weights.
pub(super) fn dense(
    importer: &mut Importer,
    name: &str,
    input: &View,
    weights: &Rc<Constant>,
    is_transposed: bool,
    bias: Option<&Rc<Constant>>,
) -> Imported<View> {
    let rank = input.rank();
    let inner = rank.checked_sub(1).ok_or_else(|| Refusal::node("a product with a scalar"))?;
    let (outputs, depth) = match *weights.shape.dimensions() {
        [outputs, depth] if is_transposed => (outputs, depth),
        [depth, outputs] => (outputs, depth),
        _ => return Err(Refusal::node(format!("weights of {}", weights.shape))),
    };
    if input.length(inner) != depth {
        return Err(Refusal::node(format!(
            "{} does not multiply with {}",
            input.shape(),
            weights.shape
        )));
    }
    // The depth has to be innermost in memory; its own order is free.
    let outer: Vec<usize> = input.axes[..inner].iter().flatten().copied().collect();
    let deep = &input.axes[inner];
    let is_innermost = outer.iter().all(|&factor| deep.iter().all(|&other| factor < other));
    let outer_order =
        (rank > 2 && is_innermost).then(|| outer_arrangement(importer, input, inner)).flatten();
    let keeps_order = is_innermost && (rank == 2 && outer.is_sorted() || outer_order.is_some());
    let (tensor, order, factors): (TensorId, Arrangement, Vec<usize>) = if keeps_order {
        let order = outer_order.unwrap_or_else(|| in_order(rank));
        let tensor = if rank == 2 {
            input.tensor
        } else {
            let lengths = order.iter().map(|axis| axis.map_or(1, |axis| input.length(axis)));
            importer.reshaped(input.tensor, &lengths.collect())?
        };
        (tensor, order, deep.to_vec())
    } else {
        let order = in_order(rank);
        (importer.arrange(input, &order)?, order, Vec::new())
    };
    // The weights' depth, divided as the memory's, and put into its order.
    let divided: Vec<u32> = match factors.as_slice() {
        [] => vec![depth],
        factors => factors.iter().map(|&factor| input.factors[factor]).collect(),
    };
    let mut sorted: Vec<usize> = (0..divided.len()).collect();
    sorted.sort_by_key(|&place| factors.get(place));
    let (lengths, order_of_weights): (Vec<u32>, Vec<usize>) = if is_transposed {
        let lengths = [outputs].into_iter().chain(divided).collect();
        (lengths, [0].into_iter().chain(sorted.iter().map(|place| place + 1)).collect())
    } else {
        let last = divided.len();
        let lengths = divided.into_iter().chain([outputs]).collect();
        (lengths, [last].into_iter().chain(sorted.iter().copied()).collect())
    };
    let shape = Shape::new(&[outputs, depth]);
    let stored = store_weights(importer, weights, &lengths, &order_of_weights, shape, 0)?;
    let mut operands = vec![tensor, stored];
    if let Some(bias) = bias {
        operands.push(store_bias(importer, bias, tensor, stored, outputs)?);
    }
    let op = ops::FullyConnected { keep_axes: rank != 2, ..ops::FullyConnected::default() };
    let made = importer.emit(op, &operands, name)?;
    Ok(importer.result_view(made, &order, rank))
}

/// An arrangement of the outer axes in memory's order with the innermost last, where there is one.
fn outer_arrangement(importer: &Importer, input: &View, inner: usize) -> Option<Arrangement> {
    let mut outer = input.clone();
    let deep = outer.axes.pop()?;
    let first = deep.iter().copied().min().unwrap_or(outer.factors.len());
    outer.factors.truncate(first);
    let file = in_order(inner);
    let stored = &importer.graph.tensors[input.tensor].shape;
    let order = if outer.lies_in(&file) {
        file
    } else {
        outer.natural(&Shape::new(&stored.dimensions()[..stored.rank().saturating_sub(1)]))?
    };
    Some(order.into_iter().chain([Some(inner)]).collect())
}

/// `MatMul`; `alpha` is a factor on the product.
pub(super) fn matmul(importer: &mut Importer, node: &Node<'_>, alpha: f64) -> Imported {
    let is_constant = |index| {
        node.input(index)
            .and_then(|name| importer.value(name))
            .is_some_and(|value| matches!(value, Value::Constant(_)))
    };
    let made = if is_constant(1)
        && let Some(weights) = importer.constant(node, 1)
        && weights.shape.rank() == 2
    {
        let input = importer.view(node, 0)?;
        let weights = scaled(importer, &weights, alpha)?;
        if input.rank() == 1 {
            vector_matrix(importer, node, &input, &weights)?
        } else {
            dense(importer, node.result(), &input, &weights, false, None)?
        }
    } else {
        let left = importer.view(node, 0)?;
        let right = importer.view(node, 1)?;
        let made = multiply(importer, node, &left, &right)?;
        factor(importer, node, made, alpha)?
    };
    importer.bind_result(node, 0, made);
    Ok(())
}

/// A vector times a constant matrix.
fn vector_matrix(
    importer: &mut Importer,
    node: &Node<'_>,
    input: &View,
    weights: &Rc<Constant>,
) -> Imported<View> {
    let row = Shape::new(&[1, input.length(0)]);
    let row = super::movement::reshaped(importer, input, &row)?;
    let mut made = dense(importer, node.result(), &row, weights, false, None)?;
    made.axes.remove(0);
    Ok(made)
}

/// `com.microsoft.FusedMatMul`: a product of transposed operands with a factor.
pub(super) fn fused_matmul(importer: &mut Importer, node: &Node<'_>) -> Imported {
    if node.int("transBatchA", 0) != 0 || node.int("transBatchB", 0) != 0 {
        return Err(Refusal::form("transposed batches"));
    }
    let swap = |view: View| {
        let rank = view.rank();
        let mut order: Vec<usize> = (0..rank).collect();
        if rank >= 2 {
            order.swap(rank - 2, rank - 1);
        }
        view.transposed(&order)
    };
    let mut left = importer.view(node, 0)?;
    let mut right = importer.view(node, 1)?;
    if node.int("transA", 0) != 0 {
        left = swap(left);
    }
    if node.int("transB", 0) != 0 {
        right = swap(right);
    }
    let made = multiply(importer, node, &left, &right)?;
    let made = factor(importer, node, made, f64::from(node.float("alpha", 1.0)))?;
    importer.bind_result(node, 0, made);
    Ok(())
}

/// The matrix product of two views, `[.., rows, depth]` and `[.., depth, columns]`.
pub(super) fn multiply(
    importer: &mut Importer,
    node: &Node<'_>,
    left: &View,
    right: &View,
) -> Imported<View> {
    let widened = |importer: &mut Importer, view: &View, at_front: bool| -> Imported<View> {
        if view.rank() >= 2 {
            return Ok(view.clone());
        }
        let length = view.length(0);
        let shape = if at_front { [1, length] } else { [length, 1] };
        super::movement::reshaped(importer, view, &Shape::new(&shape))
    };
    if left.rank() == 0 || right.rank() == 0 {
        return Err(Refusal::node("a product with a scalar"));
    }
    let (is_row, is_column) = (left.rank() == 1, right.rank() == 1);
    let (left, right) = (widened(importer, left, true)?, widened(importer, right, false)?);
    let (x, adj_x) = matrix(importer, &left)?;
    let (y, adj_y) = matrix(importer, &right)?;
    let op = ops::BatchMatMul { adj_x, adj_y, ..ops::BatchMatMul::default() };
    let made = importer.emit(op, &[x, y], node.result())?;
    let rank = importer.graph.tensors[made].shape.rank();
    let mut view = importer.result_view(made, &in_order(rank), rank);
    if is_column {
        view.axes.remove(rank - 1);
    }
    if is_row {
        view.axes.remove(rank - 2);
    }
    Ok(view)
}

/// A tensor of matrices, and whether it has them transposed.
fn matrix(importer: &mut Importer, view: &View) -> Imported<(TensorId, bool)> {
    let rank = view.rank();
    let plain = in_order(rank);
    let mut swapped = plain.clone();
    swapped.swap(rank - 2, rank - 1);
    let order = if !view.lies_in(&plain) && view.lies_in(&swapped) { &swapped } else { &plain };
    let tensor = importer.arrange(view, order)?;
    Ok((tensor, order != &plain))
}

/// `Einsum` of two operands that is a matrix product.
pub(super) fn einsum(importer: &mut Importer, node: &Node<'_>) -> Imported {
    let refuse = || {
        Refusal::form("an Einsum that is no plain product of two matrices or batches of them")
            .with_help("Write it as Transpose, MatMul and Reshape.")
    };
    let equation: String =
        node.string("equation").unwrap_or("").chars().filter(|c| !c.is_whitespace()).collect();
    let (operands, result) = equation.split_once("->").ok_or_else(refuse)?;
    let (first, second) = operands.split_once(',').ok_or_else(refuse)?;
    let letters = |text: &str| -> Option<Vec<char>> {
        let letters: Vec<char> = text.chars().collect();
        let is_plain = letters.iter().enumerate().all(|(index, letter)| {
            letter.is_ascii_alphabetic() && !letters[..index].contains(letter)
        });
        is_plain.then_some(letters)
    };
    let (a, b) = (letters(first).ok_or_else(refuse)?, letters(second).ok_or_else(refuse)?);
    let c = letters(result).ok_or_else(refuse)?;
    let (left, right) = (importer.view(node, 0)?, importer.view(node, 1)?);
    if node.proto.input.len() != 2 || left.rank() != a.len() || right.rank() != b.len() {
        return Err(refuse());
    }
    // Letters of both and the result are batches, of both only are summed, of one are its own.
    let batch: Vec<char> = c.iter().copied().filter(|l| a.contains(l) && b.contains(l)).collect();
    let rows: Vec<char> = c.iter().copied().filter(|l| a.contains(l) && !b.contains(l)).collect();
    let columns: Vec<char> =
        c.iter().copied().filter(|l| b.contains(l) && !a.contains(l)).collect();
    let depth: Vec<char> = a.iter().copied().filter(|l| b.contains(l) && !c.contains(l)).collect();
    let is_whole = a.len() == batch.len() + rows.len() + depth.len()
        && b.len() == batch.len() + columns.len() + depth.len()
        && c.len() == batch.len() + rows.len() + columns.len();
    if !is_whole || depth.is_empty() {
        return Err(refuse());
    }
    let ordered = |importer: &mut Importer,
                   view: &View,
                   own: &[char],
                   groups: [&[char]; 3]|
     -> Imported<View> {
        let place = |letter: &char| own.iter().position(|other| other == letter).unwrap_or(0);
        let order: Vec<usize> = groups.iter().flat_map(|group| group.iter().map(place)).collect();
        let view = view.transposed(&order);
        let length = |group: &[char]| {
            group.iter().fold(1u32, |n, l| n.saturating_mul(view_length(&view, &groups, l)))
        };
        let shape: Shape = groups[0]
            .iter()
            .map(|letter| view_length(&view, &groups, letter))
            .chain([length(groups[1]), length(groups[2])])
            .collect();
        super::movement::reshaped(importer, &view, &shape)
    };
    let lengths: Vec<u32> = c
        .iter()
        .map(|letter| match a.iter().position(|other| other == letter) {
            Some(axis) => left.length(axis),
            None => b.iter().position(|other| other == letter).map_or(1, |axis| right.length(axis)),
        })
        .collect();
    let x = ordered(importer, &left, &a, [&batch, &rows, &depth])?;
    let y = ordered(importer, &right, &b, [&batch, &depth, &columns])?;
    let product = multiply(importer, node, &x, &y)?;
    let parts: Vec<char> = [batch, rows, columns].concat();
    let length = |letter: &char| c.iter().position(|l| l == letter).map_or(1, |at| lengths[at]);
    let product =
        super::movement::reshaped(importer, &product, &parts.iter().map(length).collect())?;
    let order: Vec<usize> = c
        .iter()
        .map(|letter| parts.iter().position(|other| other == letter).unwrap_or(0))
        .collect();
    importer.bind_result(node, 0, product.transposed(&order));
    Ok(())
}

/// The length of a letter's axis of a view whose axes stand in the order of `groups`.
fn view_length(view: &View, groups: &[&[char]; 3], letter: &char) -> u32 {
    let place = groups.iter().flat_map(|group| group.iter()).position(|other| other == letter);
    place.map_or(1, |axis| view.length(axis))
}

/// Adds a constant of one element an output to the product before it as its bias, where that is
/// what the sum is.
pub(super) fn absorb_bias(
    importer: &mut Importer,
    view: &View,
    addend: &Rc<Constant>,
    channel_axis: usize,
    name: &str,
) -> Imported<Option<View>> {
    if importer.target.is_some() || addend.quantisation.is_some() {
        return Ok(None);
    }
    let Some(producer) = importer.sole_producer(view) else { return Ok(None) };
    let operator = &importer.graph.operators[producer];
    let is_free = operator.inputs.len() == 2
        && match &operator.op {
            Op::FullyConnected(op) => op.activation == cofit_ir::Activation::None,
            Op::Conv2d(op) => op.activation == cofit_ir::Activation::None,
            Op::DepthwiseConv2d(op) => op.activation == cofit_ir::Activation::None,
            // Only layers with a bias can take one.
            _ => false,
        };
    let channels = importer.graph.tensors[view.tensor].shape.last();
    let own = addend.shape.rank() + channel_axis;
    let place = own.checked_sub(view.rank());
    let is_bias = addend.shape.rank() <= view.rank()
        && addend.shape.elements() == u64::from(channels)
        && place.is_some_and(|place| addend.shape.get(place) == Some(channels))
        && view.length(channel_axis) == channels
        && view.axes[channel_axis].as_slice() == [view.factors.len().wrapping_sub(1)];
    if !is_free || !is_bias || channels == 1 {
        return Ok(None);
    }
    let shape = Shape::new(&[channels]);
    let bias = importer.store(addend, &[channels], &[0], shape)?;
    importer.graph.operators[producer].inputs.push(Some(bias));
    importer.rename(view.tensor, name);
    Ok(Some(view.clone()))
}
