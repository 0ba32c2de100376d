//! What a statement of a program does: calls, their sizes and operands.

use cofit_ir::ops::window::{PaddingAmounts, Window};
use cofit_ir::{Extent2d, Padding, TensorId};

/// A function of single elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// `max(x, 0)`.
    Relu,
    /// `x` between two bounds.
    Clip(f32, f32),
    /// The hyperbolic tangent.
    Tanh,
    /// The logistic function.
    Sigmoid,
    /// `x * relu6(x + 3) / 6`.
    HardSwish,
    /// `x`, or a share of it below zero.
    LeakyRelu(f32),
    /// The exponential linear unit.
    Elu,
    /// The Gaussian error linear unit; approximated by the hyperbolic tangent, or not.
    Gelu(bool),
    /// The exponential function.
    Exp,
    /// One over the square root.
    Rsqrt,
    /// The square root.
    Sqrt,
    /// The square.
    Square,
    /// The magnitude.
    Abs,
    /// The negative.
    Neg,
}

/// A function of two elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// The sum.
    Add,
    /// The difference.
    Sub,
    /// The product.
    Mul,
    /// The quotient.
    Div,
    /// The greater.
    Maximum,
    /// The lesser.
    Minimum,
    /// The square of the difference.
    SquaredDifference,
}

/// A window over a map of height and width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sliding {
    /// Taps, strides and dilations.
    pub window: Window,
    /// What surrounds the map.
    pub padding: Padding,
    /// Zeros on each side.
    pub amounts: PaddingAmounts,
}

/// What a call does. Sizes of maps are height and width; axes count from the front, the batch included.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// A convolution.
    Conv {
        /// Channels of the input.
        depth: u32,
        /// Channels of the result.
        channels: u32,
        /// Groups of channels; as many as the input has for a depthwise convolution.
        groups: u32,
        /// The window.
        sliding: Sliding,
        /// Whether a bias is added.
        has_bias: bool,
    },
    /// A transposed convolution.
    TransposeConv {
        /// Channels of the input.
        depth: u32,
        /// Channels of the result.
        channels: u32,
        /// The window over the result.
        sliding: Sliding,
        /// Height and width of the input.
        input: Extent2d,
        /// Height and width of the result.
        output: Extent2d,
        /// Whether a bias is added.
        has_bias: bool,
    },
    /// A dense layer over the innermost axis.
    Dense {
        /// Length of the innermost axis.
        depth: u32,
        /// Results.
        units: u32,
        /// Rows that the input is brought into before; `None` where it has them.
        rows: Option<u32>,
        /// Whether a bias is added.
        has_bias: bool,
    },
    /// Batch normalisation.
    BatchNorm {
        /// Channels.
        channels: u32,
        /// What is added to the variance.
        epsilon: f32,
    },
    /// The largest element or the average of each window.
    Pool {
        /// Whether the largest counts, not the average.
        is_largest: bool,
        /// The window.
        sliding: Sliding,
    },
    /// A gated recurrent unit over `[batch, time, inputs]`, its reset gate on the product.
    Gru {
        /// Inputs.
        depth: u32,
        /// Cells.
        cells: u32,
    },
    /// A long short-term memory over `[batch, time, inputs]`.
    Lstm {
        /// Inputs.
        depth: u32,
        /// Cells.
        cells: u32,
    },
    /// A function of single elements.
    Function(Function),
    /// A function of two elements.
    Pairing(Pairing),
    /// Normalised exponentials of the innermost axis, of so many times the input.
    Softmax(f32),
    /// Results one after another along an axis.
    Concatenation(usize),
    /// The same elements in another shape.
    Reshape(Vec<u32>),
    /// Axes in another order.
    Transpose(Vec<usize>),
    /// Zeros before and after along each axis.
    Pad(Vec<[i64; 2]>),
    /// Another height and width.
    Resize {
        /// Height and width of the result.
        size: Extent2d,
        /// Whether neighbours are interpolated, not the nearest taken.
        is_bilinear: bool,
    },
    /// The average, sum or greatest over axes.
    Reduce {
        /// The framework-free word: `mean`, `sum` or `max`.
        word: &'static str,
        /// The axes.
        axes: Vec<usize>,
        /// Whether reduced axes stay with length 1.
        keeps: bool,
    },
    /// The matrix product, either operand transposed.
    MatMul(bool, bool),
    /// Elements from one position of each axis up to another.
    Slice(Vec<[i64; 2]>),
    /// The input itself: a change of type.
    Identity,
}

/// An operand of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A value that was computed.
    Value(TensorId),
    /// A number.
    Number(f32),
    /// An array that training finds, by its name, and its shape.
    Learned(String, Vec<u32>),
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Name of the layer: an identifier; the same for calls that share weights.
    pub name: String,
    /// The first part of its name in the model, where that has several; else empty.
    pub group: String,
    /// What it does.
    pub call: Call,
    /// What runs behind it.
    pub then: Option<Function>,
    /// Operands.
    pub operands: Vec<Operand>,
    /// The result.
    pub result: TensorId,
}
