//! Kernels for pieces of operators.

use std::ops::Range;

use cofit_ir::{ConstantData, Graph, Op, OperatorId, Padding, Shape, Tensor, TensorRole};
use cofit_stream::{ChannelRole, Reach, Stage, Task};
use cofit_vocab::{ElementType, Macs};
use smallvec::SmallVec;

use super::part::Part;
use crate::arithmetic::Rounding;
use crate::buffer::{Buffer, Slice};
use crate::call::{Call, Fault, Inputs, Kernel, Outputs, Variables};
use crate::kernels;
use crate::site::{Refusal, Site};

/// Bytes of constants that kernels for pieces of one stage hold together. Integer weights are widened
/// to 16 bits, and every kernel has its own.
const MOST_CONSTANTS: u64 = 16 << 20;

/// What kernels for pieces of one stage differ in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// Rows and columns of the result.
    result: (u32, u32),
    /// Rows and columns of operand 0.
    operand: (u32, u32),
    /// Rows of border above and columns to the left.
    before: (u32, u32),
    /// Rows of border below and columns to the right.
    after: (u32, u32),
    /// Channels of the result, where it has not all of them.
    channels: Option<Range<u32>>,
}

impl Signature {
    /// That of a task that reads `operands` and writes `result`.
    pub fn of(stage: &Stage, task: &Task, operands: &[Part], result: &Part) -> Self {
        let mut signature = Self {
            result: result.extent(),
            operand: operands.first().map_or((0, 0), Part::extent),
            before: (0, 0),
            after: (0, 0),
            channels: result.channels.clone(),
        };
        let reach = stage.reads.first().map(|read| read.reach);
        if let (Some(Reach::Window { rows, columns }), Some(operand)) = (reach, operands.first()) {
            let (above, below) =
                border(rows.ideal(task.rows.start, task.rows.end), operand.rows.clone());
            let (left, right) = border(
                columns.ideal(task.columns.start, task.columns.end),
                operand.columns.clone(),
            );
            signature.before = (above, left);
            signature.after = (below, right);
        }
        signature
    }
}

/// The border before and after `read` that would be read if it was there.
fn border((first, end): (i64, i64), read: Range<u32>) -> (u32, u32) {
    let amount = |length: i64| u32::try_from(length.max(0)).unwrap_or(u32::MAX);
    if read.is_empty() {
        return (amount(end.saturating_sub(first)), 0);
    }
    (amount(i64::from(read.start) - first), amount(end - i64::from(read.end)))
}

/// A kernel for pieces of one signature.
pub(super) struct PieceKernel {
    kernel: Kernel,
    /// Constant operands that the kernel reads when it runs, by position.
    constants: SmallVec<[Option<Buffer>; 4]>,
    result: (ElementType, usize),
    /// Multiply-accumulates of one piece.
    pub macs: Macs,
}

impl PieceKernel {
    /// The kernel of an operator of `graph` for pieces of a signature.
    pub fn prepare(
        graph: &Graph,
        stage: &Stage,
        signature: &Signature,
        rounding: Rounding,
    ) -> Result<Self, Refusal> {
        let whole = Site::new(graph, stage.operator, rounding);
        let mut operator = graph.operators[stage.operator].clone();
        let is_even = stage.reads.iter().all(|read| read.reach == Reach::PIXEL);
        let border = set_border(&mut operator.op, signature);
        if border == Border::None && !is_even {
            return Err(whole.refuse("it has no pieces", "run it at once"));
        }
        let mut part = Graph { name: graph.name.clone(), ..Graph::default() };
        for (position, operand) in operator.inputs.iter_mut().enumerate() {
            let Some(id) = operand else { continue };
            let mut tensor = graph.tensors[*id].clone();
            if stage.reads.iter().any(|read| read.operand == position) {
                // Operands that are read pixel by pixel are all as large as the first.
                tensor.shape = extended(&tensor.shape, signature.operand);
                if let (Some(channels), ChannelRole::Apart) = (&signature.channels, stage.channels)
                {
                    tensor.shape = with_channels(&tensor.shape, channels);
                }
            } else if border == Border::Operand && position == 1 {
                tensor = border_operand(&tensor, signature);
            } else if let Some(channels) = &signature.channels
                && let Some(axis) = channel_axis(&operator.op, position)
            {
                tensor = cut(&tensor, axis, channels);
            }
            *id = part.tensor(tensor);
        }
        for id in &mut operator.outputs {
            let mut tensor = graph.tensors[*id].clone();
            tensor.shape = extended(&tensor.shape, signature.result);
            if let Some(channels) = &signature.channels {
                tensor.shape = with_channels(&tensor.shape, channels);
            }
            *id = part.tensor(tensor);
        }
        let id = part.operator(operator);
        Self::of(&part, id, rounding)
    }

    fn of(graph: &Graph, id: OperatorId, rounding: Rounding) -> Result<Self, Refusal> {
        let site = Site::new(graph, id, rounding);
        let kernel = kernels::prepare(&site)?;
        let mut constants = SmallVec::new();
        for (position, operand) in site.operator().inputs.iter().enumerate() {
            let tensor = operand
                .map(|id| &graph.tensors[id])
                .filter(|tensor| tensor.is_constant() && !site.has_taken(position));
            constants.push(tensor.map(|tensor| site.constant(tensor)).transpose()?);
        }
        let result = site.output(0)?;
        let count = usize::try_from(result.shape.elements()).unwrap_or(usize::MAX);
        Ok(Self { kernel, constants, result: (result.element, count), macs: graph.macs(id) })
    }

    /// Computes a piece from its operands, given with their positions.
    pub fn run(&self, operands: &[(usize, Buffer)]) -> Result<Buffer, Fault> {
        let (element, count) = self.result;
        let mut result = Buffer::zeros(element, count)
            .ok_or_else(|| Fault::new("a result has a type without kernels"))?;
        let mut inputs: SmallVec<[Option<Slice<'_>>; 4]> =
            self.constants.iter().map(|constant| constant.as_ref().map(Buffer::as_slice)).collect();
        for (position, operand) in operands {
            if let Some(input) = inputs.get_mut(*position) {
                *input = Some(operand.as_slice());
            }
        }
        let mut call = Call {
            inputs: Inputs(inputs),
            outputs: Outputs([result.as_mut_slice()].into_iter().collect()),
            variables: Variables(SmallVec::new()),
        };
        (self.kernel)(&mut call)?;
        drop(call);
        Ok(result)
    }
}

/// Where an operator states its border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Border {
    /// It has none.
    None,
    /// In its attributes, which now state the border of a piece.
    Attribute,
    /// In operand 1.
    Operand,
}

/// States the border of a piece in the attributes of an operator that has it there.
fn set_border(op: &mut Op, signature: &Signature) -> Border {
    let explicit = Padding::Explicit {
        top: signature.before.0,
        bottom: signature.after.0,
        left: signature.before.1,
        right: signature.after.1,
    };
    let padding = match op {
        Op::Conv2d(op) => &mut op.padding,
        Op::DepthwiseConv2d(op) => &mut op.padding,
        Op::AveragePool2d(op) => &mut op.padding,
        Op::MaxPool2d(op) => &mut op.padding,
        Op::Pad(_) => return Border::Operand,
        _ => return Border::None,
    };
    *padding = explicit;
    Border::Attribute
}

/// Operand 1 of a pad for a piece, of the type of that of the whole operator.
fn border_operand(whole: &Tensor, signature: &Signature) -> Tensor {
    let ((above, left), (below, right)) = (signature.before, signature.after);
    let amounts = [0, 0, above, below, left, right, 0, 0];
    let bytes: Vec<u8> =
        amounts.iter().flat_map(|&amount| i64::from(amount).to_le_bytes()).collect();
    Tensor::constant(whole.name.clone(), ElementType::Int64, Shape::new(&[4, 2]), bytes)
}

/// The axis of a constant operand that runs along the channels of the result, if one does.
const fn channel_axis(op: &Op, position: usize) -> Option<usize> {
    match (op, position) {
        (Op::Conv2d(_), 1 | 2) | (Op::DepthwiseConv2d(_), 2) => Some(0),
        (Op::DepthwiseConv2d(_), 1) => Some(3),
        _ => None,
    }
}

/// A map's shape with fewer channels.
fn with_channels(shape: &Shape, channels: &Range<u32>) -> Shape {
    let mut lengths = shape.dimensions().to_vec();
    if let Some(last) = lengths.last_mut() {
        *last = channels.end - channels.start;
    }
    Shape::new(&lengths)
}

/// Positions `range` along an axis of a constant of whole bytes, with the scales of their own.
fn cut(tensor: &Tensor, axis: usize, range: &Range<u32>) -> Tensor {
    let mut part = tensor.clone();
    let mut lengths = tensor.shape.dimensions().to_vec();
    let all = lengths.get(axis).copied().unwrap_or(1) as usize;
    let (from, to) = (range.start as usize, range.end as usize);
    let width = tensor.element.bits().div_ceil(8) as usize;
    let inner: usize = lengths.iter().skip(axis + 1).map(|&length| length as usize).product();
    let inner = inner * width;
    if let Some(length) = lengths.get_mut(axis) {
        *length = range.end - range.start;
    }
    part.shape = Shape::new(&lengths);
    if let TensorRole::Constant(ConstantData::Present(data)) = &tensor.role {
        let rows = data.chunks_exact((all * inner).max(1));
        let data: Vec<u8> = rows
            .flat_map(|row| row.get(from * inner..to * inner).unwrap_or_default())
            .copied()
            .collect();
        part.role = TensorRole::Constant(ConstantData::Present(data.into()));
    }
    if let Some(found) = part.quantisation.as_mut().filter(|it| it.is_per_axis()) {
        found.scales = found.scales.get(from..to).unwrap_or_default().into();
        // Kernels take the first zero point for every position, so a part has the whole's.
        if found.zero_points.len() == all {
            found.zero_points = found.zero_points.get(..to - from).unwrap_or_default().into();
        }
    }
    part
}

/// A map's shape with other rows and columns.
fn extended(shape: &Shape, (rows, columns): (u32, u32)) -> Shape {
    match shape.dimensions() {
        &[images, _, _, channels] => Shape::new(&[images, rows, columns, channels]),
        // A value that is no map is a single pixel, and so are its pieces.
        _ => shape.clone(),
    }
}

/// The kernels for pieces of one stage, the last used first.
#[derive(Default)]
pub(super) struct PieceKernels(Vec<(Signature, PieceKernel)>);

impl PieceKernels {
    /// The kernel for pieces of a signature, prepared where it is not there.
    pub fn get(
        &mut self,
        graph: &Graph,
        stage: &Stage,
        signature: Signature,
        rounding: Rounding,
    ) -> Result<&PieceKernel, Refusal> {
        match self.0.iter().position(|(known, _)| *known == signature) {
            Some(0) => {}
            Some(at) => self.0[..=at].rotate_right(1),
            None => {
                let kernel = PieceKernel::prepare(graph, stage, &signature, rounding)?;
                let most = (MOST_CONSTANTS / stage.constant_bytes.max(1)).clamp(8, 64) as usize;
                self.0.truncate(most - 1);
                self.0.insert(0, (signature, kernel));
            }
        }
        Ok(&self.0[0].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_are_what_is_not_there() {
        assert_eq!(border((-1, 2), 0..2), (1, 0));
        assert_eq!(border((5, 8), 5..6), (0, 2));
        assert_eq!(border((-2, 7), 0..4), (2, 3));
        assert_eq!(border((-3, -1), 0..0), (2, 0));
        assert_eq!(border((i64::MIN, i64::MAX), 3..3), (u32::MAX, 0));
    }
}
