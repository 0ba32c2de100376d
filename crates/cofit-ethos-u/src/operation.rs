//! The descriptors of one NPU operation.
//!
//! An [`NpuOperation`] is what the hardware executes between two command-stream kicks: one kernel
//! over one or two input feature maps into one output feature map, with at most one fused
//! activation. Shapes are NHWC; vectors have N = H = W = 1.

use cofit_vocab::Macs;

use crate::memory::Role;
use crate::weight_stream::WeightValues;

/// Batch, height, width and channels of a feature map. All zero means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Batch.
    pub n: u32,
    /// Height.
    pub h: u32,
    /// Width.
    pub w: u32,
    /// Channels.
    pub c: u32,
}

impl Shape {
    /// A shape of the given extents.
    pub const fn new(n: u32, h: u32, w: u32, c: u32) -> Self {
        Self { n, h, w, c }
    }

    /// The shape of a vector: one pixel of `c` channels.
    pub const fn vector(c: u32) -> Self {
        Self::new(1, 1, 1, c)
    }

    /// The product of all extents, saturating.
    pub const fn elements(&self) -> u64 {
        self.area().saturating_mul(self.n as u64).saturating_mul(self.c as u64)
    }

    /// Height times width.
    pub const fn area(&self) -> u64 {
        self.h as u64 * self.w as u64
    }

    /// Whether every extent is one.
    pub const fn is_scalar(&self) -> bool {
        self.n == 1 && self.h == 1 && self.w == 1 && self.c == 1
    }

    /// The same shape with `c` channels.
    #[must_use]
    pub const fn with_channels(self, c: u32) -> Self {
        Self { c, ..self }
    }

    /// The smaller of both shapes in every extent.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        self.zip(other, u32::min)
    }

    /// Every extent divided by that of `other`, rounded up; an extent of zero divides as one.
    #[must_use]
    pub fn div_ceil(self, other: Self) -> Self {
        self.zip(other, |a, b| a.div_ceil(b.max(1)))
    }

    fn zip(self, other: Self, f: impl Fn(u32, u32) -> u32) -> Self {
        Self::new(f(self.n, other.n), f(self.h, other.h), f(self.w, other.w), f(self.c, other.c))
    }
}

/// The element type of a feature map, as far as the NPU distinguishes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Eight bits, signed.
    Int8,
    /// Eight bits, unsigned.
    UInt8,
    /// Sixteen bits, signed.
    Int16,
    /// Thirty-two bits, signed: inside softmax and other decompositions only.
    Int32,
}

impl Element {
    /// Width in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Int8 | Self::UInt8 => 8,
            Self::Int16 => 16,
            Self::Int32 => 32,
        }
    }

    /// Width in bytes.
    pub const fn bytes(self) -> u32 {
        self.bits() / 8
    }
}

/// The layout of a feature map in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Linear, channels innermost. Network inputs and outputs, constants, reshaped tensors.
    Nhwc,
    /// Bricks of sixteen channels: the layout that the NPU prefers. Channels round up to 16.
    Nhcwb16,
}

impl Format {
    /// Channels as stored.
    pub const fn stored_channels(self, c: u32) -> u64 {
        match self {
            Self::Nhwc => c as u64,
            Self::Nhcwb16 => (c as u64).next_multiple_of(16),
        }
    }
}

/// An input or output of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeatureMap {
    /// The extents that the operation reads or writes: the slice, where the tensor is larger.
    pub shape: Shape,
    /// Element type.
    pub element: Element,
    /// Layout.
    pub format: Format,
    /// Which memory holds it: the arena, or the constants' memory for constant operands.
    pub role: Role,
}

impl FeatureMap {
    /// An activation in the arena in brick format, as between two NPU operations.
    pub const fn activation(shape: Shape, element: Element) -> Self {
        Self { shape, element, format: Format::Nhcwb16, role: Role::Arena }
    }

    /// An activation in the arena in linear format: network inputs and outputs, and tensors that
    /// a reshape re-interprets.
    pub const fn linear(shape: Shape, element: Element) -> Self {
        Self { shape, element, format: Format::Nhwc, role: Role::Arena }
    }

    /// A constant operand, linear, beside the weights.
    pub const fn constant(shape: Shape, element: Element) -> Self {
        Self { shape, element, format: Format::Nhwc, role: Role::Constants }
    }
}

/// Window of a convolution or pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// Height and width in elements.
    pub size: (u32, u32),
    /// Vertical and horizontal stride.
    pub stride: (u32, u32),
    /// Vertical and horizontal dilation.
    pub dilation: (u32, u32),
}

impl Kernel {
    /// The 1x1 window of pointwise and elementwise operations.
    pub const UNIT: Self = Self { size: (1, 1), stride: (1, 1), dilation: (1, 1) };

    /// A window without dilation.
    pub const fn new(size: (u32, u32), stride: (u32, u32)) -> Self {
        Self { size, stride, dilation: (1, 1) }
    }

    /// Height times width.
    pub const fn elements(&self) -> u64 {
        self.size.0 as u64 * self.size.1 as u64
    }

    /// Height and width with the gaps of the dilation, saturating.
    pub const fn dilated(&self) -> (u32, u32) {
        (
            (self.size.0.saturating_sub(1)).saturating_mul(self.dilation.0).saturating_add(1),
            (self.size.1.saturating_sub(1)).saturating_mul(self.dilation.1).saturating_add(1),
        )
    }
}

/// The operators of the elementwise unit (register `NPU_OP_ELEMENTWISE` of Ethos-U55).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElementwiseOperator {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Lesser of two.
    Minimum,
    /// Greater of two.
    Maximum,
    /// Magnitude.
    Abs,
    /// Leaky ReLU.
    LeakyRelu,
    /// Count of leading zeroes.
    CountLeadingZeros,
    /// Left shift.
    ShiftLeft,
    /// Arithmetic right shift.
    ShiftRight,
}

/// What an operation computes, which decides the hardware unit that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// 2D convolution; transposed convolutions lower to it.
    Convolution,
    /// Fully connected layer: a 1x1 convolution on a vector.
    VectorProduct,
    /// Depthwise 2D convolution.
    Depthwise,
    /// Maximum over the window.
    MaxPool,
    /// Average over the window. Copies, requantisation and stand-alone activations are average
    /// pools with a 1x1 window.
    AveragePool,
    /// Sum over the channels.
    ReduceSum,
    /// Exchange of axes by moving every element; the output has the permuted shape. Vela runs it as
    /// a series of moves and estimates it by its bytes.
    Transpose,
    /// An operator of the elementwise unit.
    Elementwise(ElementwiseOperator),
}

/// The hardware unit, which shares equations between operation kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Matrix unit over all input channels.
    Convolution,
    /// Matrix unit, channel by channel.
    Depthwise,
    /// Pooling.
    Pooling,
    /// Sum over channels.
    ReduceSum,
    /// Moves only.
    Transpose,
    /// Elementwise unit, which bypasses the MAC array.
    Elementwise,
}

impl OperationKind {
    /// The hardware unit that runs the operation.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Convolution | Self::VectorProduct => Unit::Convolution,
            Self::Depthwise => Unit::Depthwise,
            Self::MaxPool | Self::AveragePool => Unit::Pooling,
            Self::ReduceSum => Unit::ReduceSum,
            Self::Transpose => Unit::Transpose,
            Self::Elementwise(_) => Unit::Elementwise,
        }
    }
}

/// The activation fused behind the output stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// None, or a clamp that the output range already implies.
    #[default]
    None,
    /// A clamp of the ReLU family.
    Clamp,
    /// Sigmoid or tanh from the hardware's own table.
    Curve,
    /// A table fused behind another operation: room for it is reserved in SHRAM. Vela does not
    /// charge its fetch.
    FusedTable,
    /// A table that is the whole operation, behind a copy. Its fetch is charged, but not the
    /// output unit's extra time.
    OwnTable {
        /// Bytes that the DMA fetches.
        bytes: u32,
    },
}

/// Whether results are rescaled, which decides the accumulator of 16-bit operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Accumulation {
    /// The usual case: 40-bit accumulators for 16-bit input.
    #[default]
    Rescaled,
    /// Results are used as they are: 32-bit accumulators.
    Raw,
}

/// Weights, biases and scales of a convolution, depthwise convolution or vector product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights<'a> {
    /// Output channels, height, width and input channels; depthwise has one input channel.
    pub shape: WeightShape,
    /// What is known of the values.
    pub values: WeightValues<'a>,
}

/// Extents of a weight tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WeightShape {
    /// Output channels.
    pub o: u32,
    /// Kernel height.
    pub h: u32,
    /// Kernel width.
    pub w: u32,
    /// Input channels; 1 for depthwise.
    pub i: u32,
}

impl WeightShape {
    /// Number of weights, saturating.
    pub const fn elements(&self) -> u64 {
        (self.o as u64 * self.h as u64).saturating_mul(self.w as u64).saturating_mul(self.i as u64)
    }
}

/// One operation of the NPU.
#[derive(Clone, Debug, PartialEq)]
pub struct NpuOperation<'a> {
    /// What is computed.
    pub kind: OperationKind,
    /// First input.
    pub ifm: FeatureMap,
    /// Second input of a binary elementwise operation.
    pub ifm2: Option<FeatureMap>,
    /// Output.
    pub ofm: FeatureMap,
    /// Window; [`Kernel::UNIT`] where there is none.
    pub kernel: Kernel,
    /// Fused activation.
    pub activation: Activation,
    /// Accumulator choice.
    pub accumulation: Accumulation,
    /// Weights, for the kinds that have them.
    pub weights: Option<Weights<'a>>,
    /// Elementwise operations that take the results as they come, on Ethos-U85. What is between is
    /// neither written nor read; `ofm` is then what the last one would find.
    pub chained: Vec<Chained>,
    /// Where Ethos-U85 exchanges axes while it writes: the shape of the results before. `ofm` has
    /// the one after.
    pub before_transpose: Option<Shape>,
}

/// An elementwise operation behind another, that takes its results without a memory between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chained {
    /// What is computed.
    pub operator: ElementwiseOperator,
    /// Element type that comes in.
    pub element: Element,
    /// The operand that comes from a memory; none of operators of one operand.
    pub other: Option<FeatureMap>,
    /// What comes out; written by the last of a chain alone.
    pub ofm: FeatureMap,
}

impl<'a> NpuOperation<'a> {
    /// An operation without weights, second input or activation, and with a 1x1 window.
    pub const fn new(kind: OperationKind, ifm: FeatureMap, ofm: FeatureMap) -> Self {
        Self {
            kind,
            ifm,
            ifm2: None,
            ofm,
            kernel: Kernel::UNIT,
            activation: Activation::None,
            accumulation: Accumulation::Rescaled,
            weights: None,
            chained: Vec::new(),
            before_transpose: None,
        }
    }

    /// A binary elementwise operation.
    pub const fn binary(
        operator: ElementwiseOperator,
        ifm: FeatureMap,
        ifm2: FeatureMap,
        ofm: FeatureMap,
    ) -> Self {
        let mut operation = Self::new(OperationKind::Elementwise(operator), ifm, ofm);
        operation.ifm2 = Some(ifm2);
        operation
    }

    /// The same operation with a window.
    #[must_use]
    pub const fn with_kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// The same operation with a fused activation.
    #[must_use]
    pub const fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// The same operation with weights.
    #[must_use]
    pub const fn with_weights(mut self, weights: Weights<'a>) -> Self {
        self.weights = Some(weights);
        self
    }

    /// The input whose shape decides the block: the larger one of a binary operation.
    pub fn block_ifm_shape(&self) -> Shape {
        match &self.ifm2 {
            Some(ifm2) if ifm2.shape.elements() > self.ifm.shape.elements() => ifm2.shape,
            Some(_) | None => self.ifm.shape,
        }
    }

    /// The shape that the array computes, whatever the order in which it is written.
    pub fn computed(&self) -> Shape {
        self.before_transpose.unwrap_or(self.ofm.shape)
    }

    /// Multiply-accumulates as Vela counts them: window times outputs, times input channels unless
    /// the unit works channel by channel. Pools count their window too.
    pub fn macs(&self) -> Macs {
        let window = self.kernel.elements().saturating_mul(self.ofm.shape.elements());
        Macs(match self.kind.unit() {
            Unit::Elementwise | Unit::Transpose => 0,
            Unit::Depthwise | Unit::Pooling => window,
            Unit::Convolution | Unit::ReduceSum => {
                window.saturating_mul(u64::from(self.ifm.shape.c))
            }
        })
    }
}
