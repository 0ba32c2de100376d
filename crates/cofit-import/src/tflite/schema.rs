//! Numbers of the TFLite schema: fields of the tables that are read, and values of its enums.
//!
//! Source of every number: TensorFlow Lite schema.fbs, version 3
//! (tensorflow/lite/schema/schema.fbs). Fields of option tables stand beside the operators in
//! [`super::operators`].

use cofit_vocab::ElementType;

/// The identifier at byte 4.
pub const IDENTIFIER: [u8; 4] = *b"TFL3";

/// The schema version of every released converter.
pub const VERSION: u32 = 3;

/// Alignment of constant data (`force_align` of `Buffer.data`).
pub const BUFFER_ALIGNMENT: usize = 16;

/// Fields of `Model`.
pub mod model {
    /// `version`.
    pub const VERSION: u16 = 0;
    /// `operator_codes`.
    pub const OPERATOR_CODES: u16 = 1;
    /// `subgraphs`.
    pub const SUBGRAPHS: u16 = 2;
    /// `description`.
    pub const DESCRIPTION: u16 = 3;
    /// `buffers`.
    pub const BUFFERS: u16 = 4;
    /// `metadata_buffer`, an older list of buffers that hold metadata.
    pub const METADATA_BUFFER: u16 = 5;
    /// `metadata`.
    pub const METADATA: u16 = 6;
    /// `signature_defs`.
    pub const SIGNATURE_DEFS: u16 = 7;
    /// `external_buffer_groups`: files that hold constants.
    pub const EXTERNAL_BUFFER_GROUPS: u16 = 8;
    /// `external_buffers`: constants in other files.
    pub const EXTERNAL_BUFFERS: u16 = 9;
}

/// Fields of `OperatorCode`.
pub mod operator_code {
    /// `deprecated_builtin_code`, the only one of files before codes outgrew a byte.
    pub const DEPRECATED_BUILTIN_CODE: u16 = 0;
    /// `custom_code`.
    pub const CUSTOM_CODE: u16 = 1;
    /// `version`.
    pub const VERSION: u16 = 2;
    /// `builtin_code`.
    pub const BUILTIN_CODE: u16 = 3;
    /// Value of the deprecated field where the code does not fit it
    /// (`PLACEHOLDER_FOR_GREATER_OP_CODES`).
    pub const PLACEHOLDER: i8 = 127;
}

/// Fields of `SubGraph`.
pub mod subgraph {
    /// `tensors`.
    pub const TENSORS: u16 = 0;
    /// `inputs`.
    pub const INPUTS: u16 = 1;
    /// `outputs`.
    pub const OUTPUTS: u16 = 2;
    /// `operators`.
    pub const OPERATORS: u16 = 3;
    /// `name`.
    pub const NAME: u16 = 4;
}

/// Fields of `Tensor`.
pub mod tensor {
    /// `shape`.
    pub const SHAPE: u16 = 0;
    /// `type`.
    pub const TYPE: u16 = 1;
    /// `buffer`.
    pub const BUFFER: u16 = 2;
    /// `name`.
    pub const NAME: u16 = 3;
    /// `quantization`.
    pub const QUANTIZATION: u16 = 4;
    /// `is_variable`.
    pub const IS_VARIABLE: u16 = 5;
    /// `sparsity`.
    pub const SPARSITY: u16 = 6;
    /// `has_rank`: a tensor without axes is a scalar and not one of unknown rank.
    pub const HAS_RANK: u16 = 8;
    /// `external_buffer`.
    pub const EXTERNAL_BUFFER: u16 = 10;
}

/// Fields of `QuantizationParameters`.
pub mod quantization {
    /// `min`.
    pub const MIN: u16 = 0;
    /// `max`.
    pub const MAX: u16 = 1;
    /// `scale`.
    pub const SCALE: u16 = 2;
    /// `zero_point`.
    pub const ZERO_POINT: u16 = 3;
    /// `details_type`; 0 is affine.
    pub const DETAILS_TYPE: u16 = 4;
    /// `quantized_dimension`.
    pub const QUANTIZED_DIMENSION: u16 = 6;
}

/// Fields of `Operator`.
pub mod operator {
    /// `opcode_index`.
    pub const OPCODE_INDEX: u16 = 0;
    /// `inputs`.
    pub const INPUTS: u16 = 1;
    /// `outputs`.
    pub const OUTPUTS: u16 = 2;
    /// `builtin_options_type`.
    pub const BUILTIN_OPTIONS_TYPE: u16 = 3;
    /// `builtin_options`.
    pub const BUILTIN_OPTIONS: u16 = 4;
    /// `custom_options`.
    pub const CUSTOM_OPTIONS: u16 = 5;
    /// `intermediates`.
    pub const INTERMEDIATES: u16 = 8;
    /// `large_custom_options_offset`.
    pub const LARGE_CUSTOM_OPTIONS_OFFSET: u16 = 9;
    /// `large_custom_options_size`.
    pub const LARGE_CUSTOM_OPTIONS_SIZE: u16 = 10;
}

/// Fields of `Buffer`.
pub mod buffer {
    /// `data`.
    pub const DATA: u16 = 0;
    /// `offset`, from the start of the file; data of large models stands behind the tables.
    pub const OFFSET: u16 = 1;
    /// `size`.
    pub const SIZE: u16 = 2;
}

/// Fields of `Metadata`.
pub mod metadata {
    /// `name`.
    pub const NAME: u16 = 0;
    /// `buffer`.
    pub const BUFFER: u16 = 1;
}

/// `TensorType` RESOURCE: a handle to a variable, which runtimes keep as a 32-bit number.
pub const RESOURCE: i8 = 13;

/// The element type behind a `TensorType`, or its name where cofit has none.
///
/// # Errors
/// The schema's name of a type that cofit does not know, or `None` for a number that the schema
/// does not know either.
pub const fn element_type(code: i8) -> Result<ElementType, Option<&'static str>> {
    Ok(match code {
        0 => ElementType::Float32,
        1 => ElementType::Float16,
        2 | RESOURCE => ElementType::Int32,
        3 => ElementType::UInt8,
        4 => ElementType::Int64,
        5 => return Err(Some("STRING")),
        6 => ElementType::Bool,
        7 => ElementType::Int16,
        8 => return Err(Some("COMPLEX64")),
        9 => ElementType::Int8,
        10 => ElementType::Float64,
        11 => return Err(Some("COMPLEX128")),
        12 => return Err(Some("UINT64")),
        14 => return Err(Some("VARIANT")),
        15 => ElementType::UInt32,
        16 => ElementType::UInt16,
        17 => ElementType::Int4,
        18 => return Err(Some("BFLOAT16")),
        19 => ElementType::Int2,
        20 => return Err(Some("UINT4")),
        21 => return Err(Some("FLOAT8_E4M3FN")),
        22 => return Err(Some("FLOAT8_E5M2")),
        _ => return Err(None),
    })
}

/// The `TensorType` of an element type; `None` where the schema has none.
pub const fn tensor_type(element: ElementType) -> Option<i8> {
    Some(match element {
        ElementType::Float32 => 0,
        ElementType::Float16 => 1,
        ElementType::Int32 => 2,
        ElementType::UInt8 => 3,
        ElementType::Int64 => 4,
        ElementType::Bool => 6,
        ElementType::Int16 => 7,
        ElementType::Int8 => 9,
        ElementType::Float64 => 10,
        ElementType::UInt32 => 15,
        ElementType::UInt16 => 16,
        ElementType::Int4 => 17,
        ElementType::Int2 => 19,
        ElementType::Int1 => return None,
    })
}

/// Names of `BuiltinOperator`, by number.
const BUILTIN_OPERATORS: &[&str] = &[
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE",
    "DEQUANTIZE",
    "EMBEDDING_LOOKUP",
    "FLOOR",
    "FULLY_CONNECTED",
    "HASHTABLE_LOOKUP",
    "L2_NORMALIZATION",
    "L2_POOL_2D",
    "LOCAL_RESPONSE_NORMALIZATION",
    "LOGISTIC",
    "LSH_PROJECTION",
    "LSTM",
    "MAX_POOL_2D",
    "MUL",
    "RELU",
    "RELU_N1_TO_1",
    "RELU6",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RNN",
    "SOFTMAX",
    "SPACE_TO_DEPTH",
    "SVDF",
    "TANH",
    "CONCAT_EMBEDDINGS",
    "SKIP_GRAM",
    "CALL",
    "CUSTOM",
    "EMBEDDING_LOOKUP_SPARSE",
    "PAD",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "GATHER",
    "BATCH_TO_SPACE_ND",
    "SPACE_TO_BATCH_ND",
    "TRANSPOSE",
    "MEAN",
    "SUB",
    "DIV",
    "SQUEEZE",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "STRIDED_SLICE",
    "BIDIRECTIONAL_SEQUENCE_RNN",
    "EXP",
    "TOPK_V2",
    "SPLIT",
    "LOG_SOFTMAX",
    "DELEGATE",
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "CAST",
    "PRELU",
    "MAXIMUM",
    "ARG_MAX",
    "MINIMUM",
    "LESS",
    "NEG",
    "PADV2",
    "GREATER",
    "GREATER_EQUAL",
    "LESS_EQUAL",
    "SELECT",
    "SLICE",
    "SIN",
    "TRANSPOSE_CONV",
    "SPARSE_TO_DENSE",
    "TILE",
    "EXPAND_DIMS",
    "EQUAL",
    "NOT_EQUAL",
    "LOG",
    "SUM",
    "SQRT",
    "RSQRT",
    "SHAPE",
    "POW",
    "ARG_MIN",
    "FAKE_QUANT",
    "REDUCE_PROD",
    "REDUCE_MAX",
    "PACK",
    "LOGICAL_OR",
    "ONE_HOT",
    "LOGICAL_AND",
    "LOGICAL_NOT",
    "UNPACK",
    "REDUCE_MIN",
    "FLOOR_DIV",
    "REDUCE_ANY",
    "SQUARE",
    "ZEROS_LIKE",
    "FILL",
    "FLOOR_MOD",
    "RANGE",
    "RESIZE_NEAREST_NEIGHBOR",
    "LEAKY_RELU",
    "SQUARED_DIFFERENCE",
    "MIRROR_PAD",
    "ABS",
    "SPLIT_V",
    "UNIQUE",
    "CEIL",
    "REVERSE_V2",
    "ADD_N",
    "GATHER_ND",
    "COS",
    "WHERE",
    "RANK",
    "ELU",
    "REVERSE_SEQUENCE",
    "MATRIX_DIAG",
    "QUANTIZE",
    "MATRIX_SET_DIAG",
    "ROUND",
    "HARD_SWISH",
    "IF",
    "WHILE",
    "NON_MAX_SUPPRESSION_V4",
    "NON_MAX_SUPPRESSION_V5",
    "SCATTER_ND",
    "SELECT_V2",
    "DENSIFY",
    "SEGMENT_SUM",
    "BATCH_MATMUL",
    "PLACEHOLDER_FOR_GREATER_OP_CODES",
    "CUMSUM",
    "CALL_ONCE",
    "BROADCAST_TO",
    "RFFT2D",
    "CONV_3D",
    "IMAG",
    "REAL",
    "COMPLEX_ABS",
    "HASHTABLE",
    "HASHTABLE_FIND",
    "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE",
    "REDUCE_ALL",
    "CONV_3D_TRANSPOSE",
    "VAR_HANDLE",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
    "BROADCAST_ARGS",
    "RANDOM_STANDARD_NORMAL",
    "BUCKETIZE",
    "RANDOM_UNIFORM",
    "MULTINOMIAL",
    "GELU",
    "DYNAMIC_UPDATE_SLICE",
    "RELU_0_TO_1",
    "UNSORTED_SEGMENT_PROD",
    "UNSORTED_SEGMENT_MAX",
    "UNSORTED_SEGMENT_SUM",
    "ATAN2",
    "UNSORTED_SEGMENT_MIN",
    "SIGN",
    "BITCAST",
    "BITWISE_XOR",
    "RIGHT_SHIFT",
    "STABLEHLO_LOGISTIC",
    "STABLEHLO_ADD",
    "STABLEHLO_DIVIDE",
    "STABLEHLO_MULTIPLY",
    "STABLEHLO_MAXIMUM",
    "STABLEHLO_RESHAPE",
    "STABLEHLO_CLAMP",
    "STABLEHLO_CONCATENATE",
    "STABLEHLO_BROADCAST_IN_DIM",
    "STABLEHLO_CONVOLUTION",
    "STABLEHLO_SLICE",
    "STABLEHLO_CUSTOM_CALL",
    "STABLEHLO_REDUCE",
    "STABLEHLO_ABS",
    "STABLEHLO_AND",
    "STABLEHLO_COSINE",
    "STABLEHLO_EXPONENTIAL",
    "STABLEHLO_FLOOR",
    "STABLEHLO_LOG",
    "STABLEHLO_MINIMUM",
    "STABLEHLO_NEGATE",
    "STABLEHLO_OR",
    "STABLEHLO_POWER",
    "STABLEHLO_REMAINDER",
    "STABLEHLO_RSQRT",
    "STABLEHLO_SELECT",
    "STABLEHLO_SUBTRACT",
    "STABLEHLO_TANH",
    "STABLEHLO_SCATTER",
    "STABLEHLO_COMPARE",
    "STABLEHLO_CONVERT",
    "STABLEHLO_DYNAMIC_SLICE",
    "STABLEHLO_DYNAMIC_UPDATE_SLICE",
    "STABLEHLO_PAD",
    "STABLEHLO_IOTA",
    "STABLEHLO_DOT_GENERAL",
    "STABLEHLO_REDUCE_WINDOW",
    "STABLEHLO_SORT",
    "STABLEHLO_WHILE",
    "STABLEHLO_GATHER",
    "STABLEHLO_TRANSPOSE",
    "DILATE",
    "STABLEHLO_RNG_BIT_GENERATOR",
    "REDUCE_WINDOW",
    "STABLEHLO_COMPOSITE",
    "STABLEHLO_SHIFT_LEFT",
    "STABLEHLO_CBRT",
    "STABLEHLO_CASE",
];

/// The schema's name of a built-in operator, for messages.
pub fn builtin_operator_name(code: i32) -> String {
    usize::try_from(code)
        .ok()
        .and_then(|index| BUILTIN_OPERATORS.get(index))
        .map_or_else(|| format!("built-in operator {code}"), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_types_go_both_ways() {
        for &element in ElementType::ALL {
            if let Some(code) = tensor_type(element) {
                assert_eq!(element_type(code), Ok(element));
            }
        }
        assert_eq!(element_type(5), Err(Some("STRING")));
        assert_eq!(element_type(-1), Err(None));
    }

    #[test]
    fn operator_names_stand_at_their_number() {
        // Anchors from schema.fbs, one near the end of each growth of the list.
        for (code, name) in [
            (0, "ADD"),
            (32, "CUSTOM"),
            (67, "TRANSPOSE_CONV"),
            (127, "PLACEHOLDER_FOR_GREATER_OP_CODES"),
            (144, "ASSIGN_VARIABLE"),
            (209, "STABLEHLO_CASE"),
        ] {
            assert_eq!(builtin_operator_name(code), name);
        }
        assert_eq!(builtin_operator_name(-3), "built-in operator -3");
    }
}
