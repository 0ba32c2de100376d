//! The closed set of operator kinds.
//!
//! The names are the ones that model text, chip cards, JSON and messages use. Attributes, shape
//! rules and arithmetic live in the model crate; a card needs only the name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! operator_kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal;)*) => {
        /// What an operator does, without its attributes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum OperatorKind {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant,)*
        }

        impl OperatorKind {
            /// Every kind, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in model text, cards, JSON and messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the operator does, in one sentence.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim(),)* }
            }
        }
    };
}

operator_kinds! {
    /// Magnitude of each element.
    Abs = "abs";
    /// Element-wise sum with broadcasting.
    Add = "add";
    /// Index of the largest element along an axis.
    ArgMax = "arg_max";
    /// Index of the smallest element along an axis.
    ArgMin = "arg_min";
    /// Store into a variable.
    AssignVariable = "assign_variable";
    /// Average over a two-dimensional window.
    AveragePool2d = "average_pool2d";
    /// Matrix product of two activations, batched over the leading axes.
    BatchMatMul = "batch_mat_mul";
    /// Per-channel scale and offset with learned statistics, not yet folded.
    BatchNormalization = "batch_normalization";
    /// Batch entries interleaved into blocks of positions.
    BatchToSpaceNd = "batch_to_space_nd";
    /// Stretching a tensor to a shape.
    BroadcastTo = "broadcast_to";
    /// Run a subgraph the first time only.
    CallOnce = "call_once";
    /// Change of element type without rescaling.
    Cast = "cast";
    /// Rounding up.
    Ceil = "ceil";
    /// Joining tensors along an axis.
    Concatenation = "concatenation";
    /// Two-dimensional convolution, dense or grouped.
    Conv2d = "conv2d";
    /// The cosine.
    Cos = "cos";
    /// Running sums along an axis.
    Cumsum = "cumsum";
    /// An operator that only its author knows.
    Custom = "custom";
    /// Channels spread over blocks of pixels.
    DepthToSpace = "depth_to_space";
    /// Two-dimensional convolution, each input channel by itself.
    DepthwiseConv2d = "depthwise_conv2d";
    /// Quantised to float.
    Dequantize = "dequantize";
    /// Element-wise quotient with broadcasting.
    Div = "div";
    /// `x` where positive, `exp(x) - 1` elsewhere.
    Elu = "elu";
    /// Whether two tensors are equal, element by element with broadcasting.
    Equal = "equal";
    /// The Gauss error function.
    Erf = "erf";
    /// The exponential function.
    Exp = "exp";
    /// Insertion of an axis of length one.
    ExpandDims = "expand_dims";
    /// A tensor of one value.
    Fill = "fill";
    /// Rounding down.
    Floor = "floor";
    /// Element-wise quotient, rounded down, with broadcasting.
    FloorDiv = "floor_div";
    /// Element-wise remainder with the sign of the divisor, with broadcasting.
    FloorMod = "floor_mod";
    /// Dense layer: matrix-vector product with constant weights.
    FullyConnected = "fully_connected";
    /// Selection of slices by index.
    Gather = "gather";
    /// Selection of slices by vectors of indices.
    GatherNd = "gather_nd";
    /// `x` times the standard normal distribution function at `x`.
    Gelu = "gelu";
    /// Whether the first is above the second, element by element with broadcasting.
    Greater = "greater";
    /// Whether the first is not below the second, element by element with broadcasting.
    GreaterEqual = "greater_equal";
    /// A gated recurrent unit over a sequence.
    Gru = "gru";
    /// `x * relu6(x + 3) / 6`.
    HardSwish = "hard_swish";
    /// Vectors along the last axis brought to length one.
    L2Normalization = "l2_normalization";
    /// `x` where positive, `alpha * x` elsewhere.
    LeakyRelu = "leaky_relu";
    /// Whether the first is below the second, element by element with broadcasting.
    Less = "less";
    /// Whether the first is not above the second, element by element with broadcasting.
    LessEqual = "less_equal";
    /// The natural logarithm.
    Log = "log";
    /// Logarithms of normalised exponentials along the last axis.
    LogSoftmax = "log_softmax";
    /// Conjunction of truth values with broadcasting.
    LogicalAnd = "logical_and";
    /// Negation of truth values.
    LogicalNot = "logical_not";
    /// Disjunction of truth values with broadcasting.
    LogicalOr = "logical_or";
    /// The logistic sigmoid.
    Logistic = "logistic";
    /// Largest element of a two-dimensional window.
    MaxPool2d = "max_pool2d";
    /// Element-wise larger of two.
    Maximum = "maximum";
    /// Average over axes.
    Mean = "mean";
    /// Element-wise smaller of two.
    Minimum = "minimum";
    /// Extending a tensor with its own reflection.
    MirrorPad = "mirror_pad";
    /// Element-wise product with broadcasting.
    Mul = "mul";
    /// The negative.
    Neg = "neg";
    /// Whether two tensors differ, element by element with broadcasting.
    NotEqual = "not_equal";
    /// Stacking tensors along a new axis.
    Pack = "pack";
    /// Extending a tensor with a constant border.
    Pad = "pad";
    /// Element-wise power with broadcasting.
    Pow = "pow";
    /// Leaky ReLU with a learned slope per channel.
    Prelu = "prelu";
    /// Float to quantised, or from one quantisation to another.
    Quantize = "quantize";
    /// Load from a variable.
    ReadVariable = "read_variable";
    /// Largest element over axes.
    ReduceMax = "reduce_max";
    /// Smallest element over axes.
    ReduceMin = "reduce_min";
    /// Product over axes.
    ReduceProd = "reduce_prod";
    /// `max(x, 0)`.
    Relu = "relu";
    /// `min(max(x, 0), 6)`.
    Relu6 = "relu6";
    /// `min(max(x, -1), 1)`.
    ReluN1To1 = "relu_n1_to_1";
    /// New shape over the same elements.
    Reshape = "reshape";
    /// Change of resolution by bilinear interpolation.
    ResizeBilinear = "resize_bilinear";
    /// Change of resolution by the nearest neighbour.
    ResizeNearestNeighbor = "resize_nearest_neighbor";
    /// Elements in the opposite order along axes.
    Reverse = "reverse";
    /// Rounding to the nearest whole number, the even one of two.
    Round = "round";
    /// The reciprocal of the square root.
    Rsqrt = "rsqrt";
    /// Element-wise choice between two by a condition, with broadcasting.
    Select = "select";
    /// The shape of a tensor, as a tensor.
    Shape = "shape";
    /// The sign of each element.
    Sign = "sign";
    /// The sine.
    Sin = "sin";
    /// A contiguous box out of a tensor.
    Slice = "slice";
    /// Normalised exponentials along the last axis.
    Softmax = "softmax";
    /// Blocks of positions parted into batch entries.
    SpaceToBatchNd = "space_to_batch_nd";
    /// Blocks of pixels gathered into channels.
    SpaceToDepth = "space_to_depth";
    /// Cutting a tensor into equal parts along an axis.
    Split = "split";
    /// Cutting a tensor into parts of given lengths along an axis.
    SplitV = "split_v";
    /// The square root.
    Sqrt = "sqrt";
    /// The square of each element.
    Square = "square";
    /// Element-wise square of the difference, with broadcasting.
    SquaredDifference = "squared_difference";
    /// Removal of axes of length one.
    Squeeze = "squeeze";
    /// A strided box out of a tensor.
    StridedSlice = "strided_slice";
    /// Element-wise difference with broadcasting.
    Sub = "sub";
    /// Sum over axes.
    Sum = "sum";
    /// Singular-value-decomposition filter with state, for keyword spotting.
    Svdf = "svdf";
    /// Hyperbolic tangent.
    Tanh = "tanh";
    /// A tensor repeated along its axes.
    Tile = "tile";
    /// Permutation of axes.
    Transpose = "transpose";
    /// Transposed two-dimensional convolution.
    TransposeConv2d = "transpose_conv2d";
    /// A long short-term memory over a sequence.
    UnidirectionalSequenceLstm = "unidirectional_sequence_lstm";
    /// Unstacking a tensor along an axis.
    Unpack = "unpack";
    /// A handle to a variable that outlives one inference.
    VarHandle = "var_handle";
    /// A loop over a subgraph while another holds.
    While = "while";
}

impl fmt::Display for OperatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for OperatorKind {
    type Err = UnknownOperator;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownOperator(name.to_owned()))
    }
}

/// A name that is no operator kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOperator(pub String);

impl fmt::Display for UnknownOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no operator kind", self.0)
    }
}

impl std::error::Error for UnknownOperator {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_unique_and_parse_back() {
        for kind in OperatorKind::ALL {
            assert_eq!(kind.name().parse(), Ok(*kind));
        }
        let variants: Vec<String> =
            OperatorKind::ALL.iter().map(|kind| format!("{kind:?}")).collect();
        assert!(variants.is_sorted(), "keep the kinds in alphabetical order");
    }
}
