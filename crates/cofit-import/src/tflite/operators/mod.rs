//! Built-in operators: which of ours each one is, and its options.
//!
//! One list maps both ways. The fields of the options are described per family of operators, also
//! once for both ways: see [`fields`].

pub mod fields;
pub mod version;

mod control;
mod convolution;
mod dense;
mod elementwise;
mod movement;
mod recurrent;
mod reduction;

use cofit_ir::{Op, Operator, ops};

use crate::flatbuffer::{Table, TableBuilder};
use fields::{OptionError, Options, Reading, Writing};

/// `BuiltinOperator` CUSTOM, whose code and options stand beside the option union.
pub const CUSTOM: i32 = 32;

/// What a file says of an operator's options.
#[derive(Clone, Copy, Debug)]
pub struct OptionUnion<'a> {
    /// Member of the `BuiltinOptions` union; 0 for none.
    pub member: u8,
    /// The table, where there is one.
    pub table: Option<Table<'a>>,
}

/// Why a built-in operator cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// There is none of ours for it.
    Unsupported,
    /// The options are missing or another operator's.
    MissingOptions,
    /// The options are wrong.
    Option(OptionError),
}

/// A built-in operator as it is written.
#[derive(Clone, Debug)]
pub struct Builtin {
    /// `BuiltinOperator`.
    pub code: i32,
    /// Member of the `BuiltinOptions` union; 0 for none.
    pub member: u8,
    /// The options.
    pub options: TableBuilder,
}

/// Why an operator cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// TFLite has no such operator.
    NoCounterpart,
    /// An attribute that the options cannot hold.
    Option(OptionError),
}

/// Whether an operator means something without its option table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// It does not.
    Required,
    /// Every option then has its default; older converters leave such tables out.
    Optional,
}

/// Reads the options of one operator.
fn read_options<O: Default + Options + Into<Op>>(
    member: u8,
    presence: Presence,
    union: OptionUnion<'_>,
    hints: &mut Vec<&'static str>,
) -> Result<Op, ReadError> {
    let table = match (union.member, union.table) {
        (given, Some(table)) if given == member => Some(table),
        (0, _) | (_, None) if presence == Presence::Optional => None,
        _ if member == 0 => None,
        _ => return Err(ReadError::MissingOptions),
    };
    let mut op = O::default();
    let mut reading = Reading { table, hints: Vec::new() };
    op.fields(&mut reading).map_err(ReadError::Option)?;
    hints.extend(reading.hints);
    Ok(op.into())
}

/// Writes the options of one operator.
fn write_options<O: Clone + Options>(op: &O, code: i32, member: u8) -> Result<Builtin, WriteError> {
    let mut writing = Writing::default();
    op.clone().fields(&mut writing).map_err(WriteError::Option)?;
    Ok(Builtin { code, member, options: writing.table })
}

macro_rules! builtin_operators {
    (
        table: {$($variant:ident = $code:literal, $member:literal, $presence:ident;)*}
        special: {$($other:ident => $written:expr;)*}
    ) => {
        /// The operator behind `code` with the options of `union`. Options that were passed over
        /// are added to `hints`.
        ///
        /// # Errors
        /// [`ReadError`].
        pub fn read(
            code: i32,
            union: OptionUnion<'_>,
            hints: &mut Vec<&'static str>,
        ) -> Result<Op, ReadError> {
            match code {
                $($code => {
                    read_options::<ops::$variant>($member, Presence::$presence, union, hints)
                })*
                PAD_V2 => read_options::<ops::Pad>(PAD_V2_OPTIONS, Presence::Optional, union, hints),
                SELECT => {
                    read_options::<ops::Select>(SELECT_OPTIONS, Presence::Optional, union, hints)
                }
                _ => Err(ReadError::Unsupported),
            }
        }

        /// The built-in operator that stands for `operator`, which is not a custom one.
        ///
        /// # Errors
        /// [`WriteError`].
        pub fn write(operator: &Operator) -> Result<Builtin, WriteError> {
            match &operator.op {
                Op::Pad(pad) if operator.inputs.len() > 2 => {
                    write_options(pad, PAD_V2, PAD_V2_OPTIONS)
                }
                $(Op::$variant(op) => write_options(op, $code, $member),)*
                $(Op::$other(_) => $written,)*
            }
        }

        /// The numbers that [`read`] knows.
        #[cfg(test)]
        const CODES: &[i32] = &[$($code,)*];
    };
}

/// PADV2: a pad with the border's value as a third operand.
const PAD_V2: i32 = 60;
/// `PadV2Options`.
const PAD_V2_OPTIONS: u8 = 43;
/// SELECT: the choice that stretches nothing. A condition of one axis chooses whole slices, which
/// [`ops::Select`] does not; whoever reads operands has to look.
pub const SELECT: i32 = 64;
/// `SelectOptions`.
const SELECT_OPTIONS: u8 = 47;

// Operator, `BuiltinOperator`, member of `BuiltinOptions`.
builtin_operators! {
    table: {
        Abs = 101, 78, Optional;
        Add = 0, 11, Optional;
        ArgMax = 56, 40, Required;
        ArgMin = 79, 57, Required;
        AssignVariable = 144, 113, Optional;
        AveragePool2d = 1, 5, Required;
        BatchMatMul = 126, 101, Optional;
        BatchToSpaceNd = 37, 24, Optional;
        BroadcastTo = 130, 104, Optional;
        CallOnce = 129, 103, Required;
        Cast = 53, 37, Optional;
        Ceil = 104, 0, Optional;
        Concatenation = 2, 10, Required;
        Conv2d = 3, 1, Required;
        Cos = 108, 84, Optional;
        Cumsum = 128, 102, Optional;
        DepthToSpace = 5, 94, Required;
        DepthwiseConv2d = 4, 2, Required;
        Dequantize = 6, 38, Optional;
        Div = 42, 29, Optional;
        Elu = 111, 0, Optional;
        Equal = 71, 53, Optional;
        Exp = 47, 33, Optional;
        ExpandDims = 70, 52, Optional;
        Fill = 94, 68, Optional;
        Floor = 8, 0, Optional;
        FloorDiv = 90, 65, Optional;
        FloorMod = 95, 72, Optional;
        FullyConnected = 9, 8, Required;
        Gather = 36, 23, Optional;
        GatherNd = 107, 83, Optional;
        Gelu = 150, 116, Optional;
        Greater = 61, 44, Optional;
        GreaterEqual = 62, 45, Optional;
        HardSwish = 117, 91, Optional;
        L2Normalization = 11, 12, Optional;
        LeakyRelu = 98, 75, Required;
        Less = 58, 41, Optional;
        LessEqual = 63, 46, Optional;
        Log = 73, 0, Optional;
        LogSoftmax = 50, 36, Optional;
        LogicalAnd = 86, 62, Optional;
        LogicalNot = 87, 63, Optional;
        LogicalOr = 84, 60, Optional;
        Logistic = 14, 0, Optional;
        MaxPool2d = 17, 5, Required;
        Maximum = 55, 39, Optional;
        Mean = 40, 27, Optional;
        Minimum = 57, 39, Optional;
        MirrorPad = 100, 77, Required;
        Mul = 18, 21, Optional;
        Neg = 59, 42, Optional;
        NotEqual = 72, 54, Optional;
        Pack = 83, 59, Required;
        Pad = 34, 22, Optional;
        Pow = 78, 56, Optional;
        Prelu = 54, 0, Optional;
        Quantize = 114, 89, Optional;
        ReadVariable = 143, 112, Optional;
        ReduceMax = 82, 27, Optional;
        ReduceMin = 89, 27, Optional;
        ReduceProd = 81, 27, Optional;
        Relu = 19, 0, Optional;
        Relu6 = 21, 0, Optional;
        ReluN1To1 = 20, 0, Optional;
        Reshape = 22, 17, Optional;
        ResizeBilinear = 23, 15, Optional;
        ResizeNearestNeighbor = 97, 74, Optional;
        Reverse = 105, 81, Optional;
        Round = 116, 0, Optional;
        Rsqrt = 76, 0, Optional;
        Select = 123, 98, Optional;
        Shape = 77, 55, Required;
        Sign = 158, 0, Optional;
        Sin = 66, 0, Optional;
        Slice = 65, 48, Optional;
        Softmax = 25, 9, Required;
        SpaceToBatchNd = 38, 25, Optional;
        SpaceToDepth = 26, 19, Required;
        Split = 49, 35, Required;
        SplitV = 102, 79, Required;
        Sqrt = 75, 0, Optional;
        Square = 92, 66, Optional;
        SquaredDifference = 99, 76, Optional;
        Squeeze = 43, 30, Optional;
        StridedSlice = 45, 32, Required;
        Sub = 41, 28, Optional;
        Sum = 74, 27, Optional;
        Svdf = 27, 6, Required;
        Tanh = 28, 0, Optional;
        Tile = 69, 51, Optional;
        Transpose = 39, 26, Optional;
        TransposeConv2d = 67, 49, Required;
        UnidirectionalSequenceLstm = 44, 71, Required;
        Unpack = 88, 64, Required;
        VarHandle = 142, 111, Optional;
        While = 119, 93, Required;
    }
    special: {
        BatchNormalization => Err(WriteError::NoCounterpart);
        Custom => Ok(Builtin { code: CUSTOM, member: 0, options: TableBuilder::new() });
        Erf => Err(WriteError::NoCounterpart);
        Gru => Err(WriteError::NoCounterpart);
    }
}

#[cfg(test)]
mod tests {
    use cofit_ir::Operator;

    use super::*;
    use crate::flatbuffer::Reader;

    /// Writes `op` and reads it back.
    fn round_trip(op: &Op) -> Op {
        let built = write(&Operator::new(op.clone(), &[], &[])).expect("expressible");
        let file = built.options.finish(*b"TEST").expect("small");
        let reader = Reader::new(&file, 10_000);
        let union = OptionUnion { member: built.member, table: reader.root().ok() };
        read(built.code, union, &mut Vec::new()).expect("readable")
    }

    #[test]
    fn every_operator_goes_both_ways() {
        for &code in CODES {
            let file = TableBuilder::new().finish(*b"TEST").expect("small");
            let reader = Reader::new(&file, 10_000);
            let table = reader.root().ok();
            // Any union member will do for the operators that have none.
            let found = (0..=126)
                .find_map(|member| read(code, OptionUnion { member, table }, &mut Vec::new()).ok());
            // An empty table leaves the index type at FLOAT32, which is meaningless.
            let Some(op) = found else {
                assert!([56, 77, 79].contains(&code), "{code} cannot be read");
                continue;
            };
            assert_eq!(round_trip(&op), op);
        }
    }

    #[test]
    fn attributes_survive() {
        use cofit_ir::{Activation, Extent2d, GraphId, Padding};
        use cofit_vocab::ElementType;

        let all: Vec<Op> = vec![
            ops::Conv2d {
                stride: Extent2d::new(2, 3),
                dilation: Extent2d::new(4, 5),
                padding: Padding::Valid,
                activation: Activation::Relu6,
            }
            .into(),
            ops::DepthwiseConv2d {
                stride: Extent2d::new(2, 3),
                multiplier: 0,
                activation: Activation::Tanh,
                ..ops::DepthwiseConv2d::default()
            }
            .into(),
            ops::MaxPool2d {
                filter: Extent2d::new(3, 2),
                stride: Extent2d::new(1, 2),
                ..ops::MaxPool2d::default()
            }
            .into(),
            ops::FullyConnected { keep_axes: true, activation: Activation::Relu }.into(),
            ops::Add { activation: Activation::ReluN1To1, pot_scale_int16: false }.into(),
            ops::Softmax { beta: -0.0 }.into(),
            ops::Reshape { shape: vec![1, -1] }.into(),
            ops::ArgMax { output: ElementType::Int32 }.into(),
            ops::StridedSlice { begin_mask: u32::MAX, offset: true, ..Default::default() }.into(),
            ops::VarHandle { container: "c".to_owned(), shared_name: "n".to_owned() }.into(),
            ops::ArgMin { output: ElementType::Int32 }.into(),
            ops::Cumsum { exclusive: true, reverse: false }.into(),
            ops::Cumsum { exclusive: false, reverse: true }.into(),
            ops::DepthToSpace { block_size: 2 }.into(),
            ops::Div { activation: Activation::Relu }.into(),
            ops::Gelu { approximate: true }.into(),
            ops::L2Normalization { activation: Activation::Relu6 }.into(),
            ops::MirrorPad { mode: ops::MirrorMode::Symmetric }.into(),
            ops::ReduceMin { keep_dims: true }.into(),
            ops::ReduceProd { keep_dims: true }.into(),
            ops::SpaceToDepth { block_size: 3 }.into(),
            ops::While { cond: GraphId::from_u32(1), body: GraphId::from_u32(2) }.into(),
            ops::UnidirectionalSequenceLstm {
                cell_clip: 10.0,
                proj_clip: 0.5,
                time_major: true,
                ..Default::default()
            }
            .into(),
        ];
        for op in &all {
            // As text, where -0.0 differs from 0.0.
            assert_eq!(round_trip(op).attributes(), op.attributes());
        }
    }

    #[test]
    fn operators_without_a_counterpart_cannot_be_written() {
        let all: [Op; 3] = [
            ops::Erf::default().into(),
            ops::Gru::default().into(),
            ops::BatchNormalization::default().into(),
        ];
        for op in all {
            let written = write(&Operator::new(op, &[], &[]));
            assert_eq!(written.err(), Some(WriteError::NoCounterpart));
        }
    }

    #[test]
    fn explicit_padding_cannot_be_written() {
        let padding = cofit_ir::Padding::Explicit { top: 1, bottom: 0, left: 1, right: 0 };
        let conv = ops::Conv2d { padding, ..ops::Conv2d::default() };
        assert_eq!(
            write(&Operator::new(conv.into(), &[], &[])).err(),
            Some(WriteError::Option(OptionError::Inexpressible { option: "padding" }))
        );
    }
}
