//! Versions of built-in operators.
//!
//! A file states for every operator code the version whose abilities it needs, and an interpreter
//! refuses one that is newer than its own. We state the smallest that suffices.
//! Source: tensorflow/tensorflow, tensorflow/lite/tools/versioning/op_version.cc, and for what came
//! after it tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc.

use cofit_ir::{Activation, Extent2d, Graph, Op, Operator, Tensor};
use cofit_vocab::ElementType::{
    self, Bool, Float16, Float32, Float64, Int4, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32,
};

/// The version that `operator` needs.
pub fn version(graph: &Graph, operator: &Operator) -> i32 {
    let input = |index: usize| operator.input(index).and_then(|id| graph.tensors.get(id));
    let element = |index: usize| input(index).map(|tensor: &Tensor| tensor.element);
    let output =
        operator.outputs.first().and_then(|&id| graph.tensors.get(id)).map(|tensor| tensor.element);
    let per_axis = |index: usize| {
        input(index)
            .and_then(|tensor| tensor.quantisation.as_ref())
            .is_some_and(|quantisation| quantisation.is_per_axis())
    };
    let quantised = |index: usize| input(index).is_some_and(|tensor| tensor.quantisation.is_some());
    let rank = |index: usize| input(index).map_or(0, |tensor| tensor.shape.rank());
    let stretches = || {
        let shapes = (input(0).map(|tensor| &tensor.shape), input(1).map(|tensor| &tensor.shape));
        shapes.0 != shapes.1 && rank(0).max(rank(1)) > 4
    };
    // Integer activations over integer weights: the pair of their types.
    let pair = (element(0), element(1));
    let hybrid = pair == (Some(Float32), Some(Int8)) && output == Some(Float32);

    match &operator.op {
        Op::Conv2d(_) => {
            let channels = |index: usize| input(index).map(|tensor| tensor.shape.last());
            if channels(0) != channels(1) {
                6
            } else if hybrid {
                if per_axis(1) { 5 } else { 2 }
            } else {
                by_weights(pair, [3, 7, 4])
            }
        }
        Op::DepthwiseConv2d(conv) => {
            if hybrid {
                return if per_axis(1) { 6 } else { 4 };
            }
            match by_weights(pair, [3, 7, 5]) {
                1 if conv.dilation != Extent2d::ONE => 2,
                version => version,
            }
        }
        Op::FullyConnected(dense) => {
            if hybrid && per_axis(1) {
                12
            } else if pair == (Some(Int16), Some(Int16)) {
                7
            } else if pair.1 == Some(Int4) {
                10
            } else if operator.inputs.len() == 2 || operator.inputs.get(2) == Some(&None) {
                6
            } else if dense.keep_axes {
                5
            } else if hybrid {
                3
            } else {
                by_weights(pair, [4, 10, 7])
            }
        }
        Op::TransposeConv2d(conv) => {
            if conv.activation != Activation::None {
                4
            } else if input(3).is_some() {
                3
            } else {
                by_element(element(1), &[(Int8, 2)])
            }
        }
        Op::Svdf(svdf) => match element(0) {
            Some(Int8) => 3,
            _ if hybrid && svdf.asymmetric_quantize_inputs => 4,
            _ if hybrid => 2,
            _ => 1,
        },
        Op::UnidirectionalSequenceLstm(lstm) => {
            let pair = (element(0), element(2));
            if pair == (Some(Int16), Some(Int8)) {
                5
            } else if lstm.diagonal_recurrent_tensors {
                4
            } else if pair == (Some(Float32), Some(Int8)) {
                if lstm.asymmetric_quantize_inputs { 3 } else { 2 }
            } else {
                1
            }
        }
        Op::BatchMatMul(product) => match element(0) {
            Some(Int16) => 3,
            Some(Int8) => 2,
            _ if hybrid && product.asymmetric_quantize_inputs => 4,
            _ => 1,
        },
        Op::Add(add) => match element(0) {
            Some(Int16) if !quantised(0) => 5,
            Some(Int64) => 4,
            Some(Int16) if !add.pot_scale_int16 => 3,
            Some(Int8) => 2,
            _ => 1,
        },
        Op::Sub(sub) => match element(0) {
            Some(Int16) if !sub.pot_scale_int16 => 5,
            Some(Int64) => 4,
            _ if stretches() => 3,
            Some(Int8) => 2,
            _ => 1,
        },
        Op::Mul(_) => match element(0) {
            Some(Int16) if !quantised(0) => 7,
            Some(UInt32) => 7,
            Some(Int64) => 5,
            Some(Int16) => 4,
            _ if mul_scale_reaches_one(graph, operator) => 3,
            Some(Int8) => 2,
            _ => 1,
        },
        Op::Maximum(_) | Op::Minimum(_) => match element(0) {
            Some(Int16) => 4,
            _ if stretches() => 3,
            Some(Int8) => 2,
            _ => 1,
        },
        Op::Gather(gather) => match (element(0), element(1)) {
            (Some(Int4), _) => 7,
            (_, Some(Int16)) => 6,
            _ if gather.batch_dims != 0 => 5,
            (element, _) => by_element(element, &[(Int16, 4), (Bool, 3), (Int8, 2)]),
        },
        Op::Dequantize(_) => match element(0) {
            Some(Int8) if per_axis(0) => 5,
            element => by_element(element, &[(Int4, 6), (Int16, 3), (Float16, 3), (Int8, 2)]),
        },
        Op::Quantize(_) => {
            let result = operator.outputs.first().and_then(|&id| graph.tensors.get(id));
            let per_axis = result
                .and_then(|tensor| tensor.quantisation.as_ref())
                .is_some_and(|quantisation| quantisation.is_per_axis());
            match output {
                Some(Int4) => 4,
                _ if element(0) == Some(Int4) => 4,
                _ if per_axis => 3,
                Some(Int16) => 2,
                _ => 1,
            }
        }
        Op::StridedSlice(slice) => {
            if slice.offset {
                8
            } else if element(0) == Some(UInt32) {
                7
            } else if slice.ellipsis_mask != 0 || slice.new_axis_mask != 0 {
                6
            } else if rank(0) > 4 {
                4
            } else {
                by_element(element(0), &[(Bool, 3), (Int8, 2)])
            }
        }
        Op::ResizeBilinear(resize) => match element(0) {
            Some(Int16) => 4,
            _ if resize.half_pixel_centers => 3,
            element => by_element(element, &[(Int8, 2)]),
        },
        Op::ResizeNearestNeighbor(resize) => match element(0) {
            Some(Int16) => 4,
            _ if resize.half_pixel_centers || resize.align_corners => 3,
            element => by_element(element, &[(Int8, 2)]),
        },
        Op::Transpose(_) => match (rank(0), element(0)) {
            (6.., _) => 6,
            (_, Some(Int16)) => 5,
            (5, _) => 4,
            (_, element) => by_element(element, &[(Bool, 3), (Int8, 2)]),
        },
        Op::Slice(_) => match (rank(0), element(0)) {
            (_, Some(UInt32)) => 6,
            (5.., _) => 5,
            (_, element) => by_element(element, &[(Int16, 4), (Int8, 2)]),
        },
        Op::Pad(_) => match rank(0) {
            5.. => 4,
            _ => by_element(element(0), &[(Int16, 3), (Int8, 2)]),
        },
        Op::Split(_) => by_element(element(1), &[(Int16, 4), (Int32, 3), (Int8, 2)]),
        Op::Unpack(_) => by_element(element(0), &[(Int16, 4), (Bool, 3), (Int8, 2), (UInt8, 2)]),
        Op::Pack(_) => by_element(element(0), &[(UInt32, 4), (Int16, 3), (Int8, 2)]),
        Op::Concatenation(_) => by_element(element(0), &[(UInt32, 4), (Int16, 3), (Int8, 2)]),
        Op::Relu(_) => by_element(element(0), &[(Int16, 3), (Int8, 2), (UInt8, 2)]),
        Op::LeakyRelu(_) => by_element(element(0), &[(Int16, 2)]),
        Op::ArgMax(_) | Op::ArgMin(_) => by_element(element(0), &[(Bool, 3), (Int8, 2)]),
        Op::Abs(_) => match element(0) {
            Some(Int16) if !quantised(0) => 4,
            element => by_element(element, &[(Int32, 5), (Int16, 3), (Int8, 2), (UInt8, 2)]),
        },
        Op::Div(_) => {
            if stretches() {
                2
            } else {
                1
            }
        }
        Op::SpaceToBatchNd(_) | Op::BatchToSpaceNd(_) => match (element(0), rank(0)) {
            (Some(Int16), _) => 4,
            (element, 4) => by_element(element, &[(Int8, 2)]),
            _ => 3,
        },
        // Version 1 was withdrawn.
        Op::BroadcastTo(_) => match element(0) {
            Some(Int8 | Int16) => 3,
            _ => 2,
        },
        Op::GatherNd(_) => match (element(0), element(1)) {
            (Some(Bool), _) => 5,
            (_, Some(Int16)) => 4,
            (element, _) => by_element(element, &[(Int16, 3)]),
        },
        Op::Fill(_) => by_element(element(1), &[(Float16, 4), (Int8, 3), (Int16, 3), (Bool, 2)]),
        Op::L2Normalization(_) => by_element(output, &[(Int8, 2)]),
        Op::Gelu(_) => by_element(element(0), &[(Int8, 2), (UInt8, 2)]),
        Op::FloorDiv(_) => by_element(element(0), &[(Int16, 3), (Int8, 3), (Float32, 2)]),
        Op::FloorMod(_) | Op::Exp(_) | Op::Log(_) | Op::ReduceProd(_) | Op::Sqrt(_) => {
            by_element(element(0), &[(Int16, 2), (Int8, 2)])
        }
        Op::Equal(_) | Op::NotEqual(_) => by_element(element(0), &[(Int16, 4), (Int8, 2)]),
        Op::Reverse(_) => by_element(element(0), &[(Int8, 3), (Bool, 2)]),
        Op::Tile(_) => by_element(element(0), &[(Int8, 3)]),
        Op::AveragePool2d(_)
        | Op::MaxPool2d(_)
        | Op::Logistic(_)
        | Op::Tanh(_)
        | Op::Softmax(_)
        | Op::Mean(_)
        | Op::MirrorPad(_)
        | Op::ReduceMax(_)
        | Op::ReduceMin(_)
        | Op::Less(_)
        | Op::GreaterEqual(_)
        | Op::Rsqrt(_)
        | Op::Relu6(_) => by_element(element(0), &[(Int16, 3), (Int8, 2)]),
        Op::DepthToSpace(_)
        | Op::Greater(_)
        | Op::LessEqual(_)
        | Op::LogSoftmax(_)
        | Op::SpaceToDepth(_)
        | Op::SplitV(_)
        | Op::SquaredDifference(_)
        | Op::Sum(_) => by_element(element(0), &[(Int8, 2)]),
        Op::Cast(_) => cast(element(0), output),
        Op::AssignVariable(_)
        | Op::BatchNormalization(_)
        | Op::CallOnce(_)
        | Op::Ceil(_)
        | Op::Cos(_)
        | Op::Cumsum(_)
        | Op::Custom(_)
        | Op::Elu(_)
        | Op::Erf(_)
        | Op::ExpandDims(_)
        | Op::Floor(_)
        | Op::Gru(_)
        | Op::HardSwish(_)
        | Op::LogicalAnd(_)
        | Op::LogicalNot(_)
        | Op::LogicalOr(_)
        | Op::Neg(_)
        | Op::Pow(_)
        | Op::Prelu(_)
        | Op::ReadVariable(_)
        | Op::ReluN1To1(_)
        | Op::Reshape(_)
        | Op::Round(_)
        | Op::Select(_)
        | Op::Shape(_)
        | Op::Sign(_)
        | Op::Sin(_)
        | Op::Square(_)
        | Op::Squeeze(_)
        | Op::VarHandle(_)
        | Op::While(_) => 1,
    }
}

/// The version beside `element`, or 1.
fn by_element(element: Option<ElementType>, versions: &[(ElementType, i32)]) -> i32 {
    let found = versions.iter().find(|(candidate, _)| Some(*candidate) == element);
    found.map_or(1, |&(_, version)| version)
}

/// The versions of int8 over int8, int8 over int4 and int16 over int16; 1 for any other pair.
fn by_weights(pair: (Option<ElementType>, Option<ElementType>), versions: [i32; 3]) -> i32 {
    match pair {
        (Some(Int8), Some(Int8)) => versions[0],
        (Some(Int8), Some(Int4)) => versions[1],
        (Some(Int16), Some(Int16)) => versions[2],
        _ => 1,
    }
}

/// The version of a cast, which grew by element types on either side.
fn cast(from: Option<ElementType>, to: Option<ElementType>) -> i32 {
    let either = |element| from == Some(element) || to == Some(element);
    if from == Some(Int4) && to == Some(Float32) {
        6
    } else if either(Float64) || either(Float16) {
        5
    } else if either(UInt16) {
        4
    } else if either(Int8) {
        3
    } else if either(UInt32) {
        2
    } else {
        1
    }
}

/// Whether the product of the operands' scales reaches the result's.
fn mul_scale_reaches_one(graph: &Graph, operator: &Operator) -> bool {
    let scale = |id: Option<cofit_ir::TensorId>| {
        let tensor = graph.tensors.get(id?)?;
        tensor.quantisation.as_ref()?.at(0).map(|(scale, _)| scale)
    };
    let result = scale(operator.outputs.first().copied());
    match (scale(operator.input(0)), scale(operator.input(1)), result) {
        (Some(a), Some(b), Some(result)) if result != 0.0 => a * b / result >= 1.0,
        _ => false,
    }
}
