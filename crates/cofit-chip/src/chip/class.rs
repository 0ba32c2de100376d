//! Classes of operators that cost and fuse alike.

use cofit_vocab::OperatorKind;

use crate::table::card_words;

card_words! {
    /// A class of operators. Words differ from the names of operator kinds, so that a fusion
    /// pattern may use both.
    pub enum OperatorClass, "a class of operators" {
        /// Dense or grouped convolution.
        Convolution = "convolution";
        /// Convolution with a 1x1 kernel and stride 1: a matrix product. Only timing tables
        /// distinguish it; [`OperatorClass::of`] cannot see kernels and never returns it.
        Pointwise = "pointwise";
        /// Convolution over fewer than four input channels, which fills no vector. Only timing
        /// tables distinguish it; [`OperatorClass::of`] never returns it.
        Shallow = "shallow";
        /// Convolution of each channel by itself.
        Depthwise = "depthwise";
        /// Transposed convolution.
        Transposed = "transposed";
        /// Dense layer with constant weights.
        Dense = "dense";
        /// Product of two activations.
        MatrixProduct = "matrix_product";
        /// Maximum or average over windows.
        Pooling = "pooling";
        /// Arithmetic on two tensors element by element.
        Elementwise = "elementwise";
        /// A function of each element that only clamps.
        Clamp = "clamp";
        /// Any other function of each element.
        Nonlinear = "nonlinear";
        /// Exponentials normalised along an axis.
        Exponential = "exponential";
        /// Reductions over axes.
        Reduction = "reduction";
        /// Copies that rearrange elements.
        Movement = "movement";
        /// Reinterpretations that move nothing where buffers can be shared.
        View = "view";
        /// Changes of resolution.
        Resampling = "resampling";
        /// Changes of quantisation or element type.
        Requantisation = "requantisation";
        /// Networks with state inside one operator.
        Recurrent = "recurrent";
        /// Variables, control flow, custom operators.
        Control = "control";
    }
}

impl OperatorClass {
    /// The class of `kind`.
    pub const fn of(kind: OperatorKind) -> Self {
        use OperatorKind as K;
        match kind {
            K::Conv2d => Self::Convolution,
            K::DepthwiseConv2d => Self::Depthwise,
            K::TransposeConv2d => Self::Transposed,
            K::FullyConnected => Self::Dense,
            K::BatchMatMul => Self::MatrixProduct,
            K::AveragePool2d | K::MaxPool2d => Self::Pooling,
            K::Add
            | K::BatchNormalization
            | K::Div
            | K::Equal
            | K::FloorDiv
            | K::FloorMod
            | K::Greater
            | K::GreaterEqual
            | K::Less
            | K::LessEqual
            | K::LogicalAnd
            | K::LogicalOr
            | K::Maximum
            | K::Minimum
            | K::Mul
            | K::NotEqual
            | K::Pow
            | K::Select
            | K::SquaredDifference
            | K::Sub => Self::Elementwise,
            K::Relu | K::Relu6 | K::ReluN1To1 => Self::Clamp,
            K::Abs
            | K::Ceil
            | K::Cos
            | K::Elu
            | K::Erf
            | K::Exp
            | K::Floor
            | K::Gelu
            | K::HardSwish
            | K::LeakyRelu
            | K::Log
            | K::LogicalNot
            | K::Logistic
            | K::Neg
            | K::Prelu
            | K::Round
            | K::Rsqrt
            | K::Sign
            | K::Sin
            | K::Sqrt
            | K::Square
            | K::Tanh => Self::Nonlinear,
            K::LogSoftmax | K::Softmax => Self::Exponential,
            K::ArgMax
            | K::ArgMin
            | K::Cumsum
            | K::L2Normalization
            | K::Mean
            | K::ReduceMax
            | K::ReduceMin
            | K::ReduceProd
            | K::Sum => Self::Reduction,
            K::BatchToSpaceNd
            | K::BroadcastTo
            | K::Concatenation
            | K::DepthToSpace
            | K::Fill
            | K::Gather
            | K::GatherNd
            | K::MirrorPad
            | K::Pack
            | K::Pad
            | K::Reverse
            | K::Slice
            | K::SpaceToBatchNd
            | K::SpaceToDepth
            | K::Split
            | K::SplitV
            | K::StridedSlice
            | K::Tile
            | K::Transpose
            | K::Unpack => Self::Movement,
            K::ExpandDims | K::Reshape | K::Shape | K::Squeeze => Self::View,
            K::ResizeBilinear | K::ResizeNearestNeighbor => Self::Resampling,
            K::Cast | K::Dequantize | K::Quantize => Self::Requantisation,
            K::Gru | K::Svdf | K::UnidirectionalSequenceLstm => Self::Recurrent,
            K::AssignVariable
            | K::CallOnce
            | K::Custom
            | K::ReadVariable
            | K::VarHandle
            | K::While => Self::Control,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_is_named_like_an_operator_kind() {
        for (word, _) in OperatorClass::ALL {
            assert!(word.parse::<OperatorKind>().is_err(), "{word} names both");
        }
    }
}
