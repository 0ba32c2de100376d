//! Operators, one file each: attributes, shape rule, MAC count and documentation.
//!
//! [`Op`] is the closed set. To add an operator:
//! 1. Add its name and one sentence to [`OperatorKind`].
//! 2. Write its file here: attributes with their defaults, the number of operands, the shape rule
//!    and the MACs, with operands and results documented.
//! 3. Add the file to the list below.
//! 4. Write `tests/operators/KIND.txt` with its cases, refusals included.
//! 5. Follow the compiler to every place that has to decide about it.
//!
//! Rules see values from files: they take checked arithmetic and allocate nothing whose size such
//! a value chooses.

pub mod attributes;
mod blocks;
mod border;
pub mod operands;
mod reduction;
pub mod window;

use std::ops::RangeInclusive;

use cofit_vocab::{Macs, OperatorKind};

pub use attributes::{AttributeError, AttributeReader, AttributeValue};
pub use mirror_pad::MirrorMode;
pub use operands::{Operands, OutputFact, RuleError};
pub use window::{Activation, Extent2d, Padding};

/// What every operator file provides.
pub(crate) trait OperatorRules: Sized {
    /// How many operands it takes, optional ones at the end included.
    const OPERANDS: RangeInclusive<usize>;

    /// Attributes by name, as text that [`OperatorRules::from_attributes`] reads back. Those at
    /// their default are left out.
    fn attributes(&self) -> Vec<(&'static str, String)>;

    /// Reads the attributes that [`OperatorRules::attributes`] prints; missing ones take their
    /// default.
    fn from_attributes(reader: &mut AttributeReader) -> Result<Self, AttributeError>;

    /// Element type and shape of every output, from the operands.
    fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError>;

    /// Multiply-accumulates as written: one per product that the definition adds to something,
    /// none for element-wise products, plain sums, data movement, comparisons and look-ups.
    fn macs(&self, operands: &Operands<'_>) -> Macs;
}

macro_rules! operators {
    ($($module:ident :: $variant:ident,)*) => {
        $(
            mod $module;
            pub use $module::$variant;
        )*

        /// An operator's kind with its attributes.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Op {
            $(
                #[doc = concat!("See [`", stringify!($variant), "`].")]
                $variant($variant),
            )*
        }

        impl Op {
            /// The kind without attributes.
            pub const fn kind(&self) -> OperatorKind {
                match self { $(Self::$variant(_) => OperatorKind::$variant,)* }
            }

            /// How many operands the kind takes, optional ones at the end included.
            pub const fn operand_counts(&self) -> RangeInclusive<usize> {
                match self { $(Self::$variant(_) => <$variant as OperatorRules>::OPERANDS,)* }
            }

            /// Name and Rust type of every attribute that `kind` has, for documentation.
            pub const fn attribute_types(
                kind: OperatorKind,
            ) -> &'static [(&'static str, &'static str)] {
                match kind { $(OperatorKind::$variant => $variant::ATTRIBUTE_TYPES,)* }
            }

            /// Attributes by name, as text that [`Op::from_attributes`] reads back.
            pub fn attributes(&self) -> Vec<(&'static str, String)> {
                match self { $(Self::$variant(op) => op.attributes(),)* }
            }

            /// The operator of `kind` with attributes read from text.
            ///
            /// # Errors
            /// An attribute that the kind does not have, or a value that does not parse.
            pub fn from_attributes(
                kind: OperatorKind,
                reader: &mut AttributeReader,
            ) -> Result<Self, AttributeError> {
                match kind {
                    $(OperatorKind::$variant => $variant::from_attributes(reader).map(Self::$variant),)*
                }
            }

            /// Element type and shape of every output, from the operands.
            ///
            /// # Errors
            /// Operands that the operator's definition does not allow.
            pub fn infer(&self, operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
                match self { $(Self::$variant(op) => op.infer(operands),)* }
            }

            /// Multiply-accumulates as written; 0 where the operands break the operator's rules.
            pub fn macs(&self, operands: &Operands<'_>) -> Macs {
                match self { $(Self::$variant(op) => op.macs(operands),)* }
            }
        }

        $(
            impl From<$variant> for Op {
                fn from(op: $variant) -> Self {
                    Self::$variant(op)
                }
            }
        )*
    };
}

operators! {
    abs::Abs,
    add::Add,
    arg_max::ArgMax,
    arg_min::ArgMin,
    assign_variable::AssignVariable,
    average_pool2d::AveragePool2d,
    batch_mat_mul::BatchMatMul,
    batch_normalization::BatchNormalization,
    batch_to_space_nd::BatchToSpaceNd,
    broadcast_to::BroadcastTo,
    call_once::CallOnce,
    cast::Cast,
    ceil::Ceil,
    concatenation::Concatenation,
    conv2d::Conv2d,
    cos::Cos,
    cumsum::Cumsum,
    custom::Custom,
    depth_to_space::DepthToSpace,
    depthwise_conv2d::DepthwiseConv2d,
    dequantize::Dequantize,
    div::Div,
    elu::Elu,
    equal::Equal,
    erf::Erf,
    exp::Exp,
    expand_dims::ExpandDims,
    fill::Fill,
    floor::Floor,
    floor_div::FloorDiv,
    floor_mod::FloorMod,
    fully_connected::FullyConnected,
    gather::Gather,
    gather_nd::GatherNd,
    gelu::Gelu,
    greater::Greater,
    greater_equal::GreaterEqual,
    gru::Gru,
    hard_swish::HardSwish,
    l2_normalization::L2Normalization,
    leaky_relu::LeakyRelu,
    less::Less,
    less_equal::LessEqual,
    log::Log,
    log_softmax::LogSoftmax,
    logical_and::LogicalAnd,
    logical_not::LogicalNot,
    logical_or::LogicalOr,
    logistic::Logistic,
    max_pool2d::MaxPool2d,
    maximum::Maximum,
    mean::Mean,
    minimum::Minimum,
    mirror_pad::MirrorPad,
    mul::Mul,
    neg::Neg,
    not_equal::NotEqual,
    pack::Pack,
    pad::Pad,
    pow::Pow,
    prelu::Prelu,
    quantize::Quantize,
    read_variable::ReadVariable,
    reduce_max::ReduceMax,
    reduce_min::ReduceMin,
    reduce_prod::ReduceProd,
    relu::Relu,
    relu6::Relu6,
    relu_n1_to_1::ReluN1To1,
    reshape::Reshape,
    resize_bilinear::ResizeBilinear,
    resize_nearest_neighbor::ResizeNearestNeighbor,
    reverse::Reverse,
    round::Round,
    rsqrt::Rsqrt,
    select::Select,
    shape::Shape,
    sign::Sign,
    sin::Sin,
    slice::Slice,
    softmax::Softmax,
    space_to_batch_nd::SpaceToBatchNd,
    space_to_depth::SpaceToDepth,
    split::Split,
    split_v::SplitV,
    sqrt::Sqrt,
    square::Square,
    squared_difference::SquaredDifference,
    squeeze::Squeeze,
    strided_slice::StridedSlice,
    sub::Sub,
    sum::Sum,
    svdf::Svdf,
    tanh::Tanh,
    tile::Tile,
    transpose::Transpose,
    transpose_conv2d::TransposeConv2d,
    unidirectional_sequence_lstm::UnidirectionalSequenceLstm,
    unpack::Unpack,
    var_handle::VarHandle,
    while_loop::While,
}
