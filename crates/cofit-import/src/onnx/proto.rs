//! The messages of an ONNX file, as far as they are read.
//!
//! Field numbers and enumeration values are those of `onnx/onnx.proto` (ONNX 1.18, IR version 11).
//! Fields that are not declared here are skipped when a file is decoded. Optional fields that have
//! the default value of their type are the same as absent ones, as in the third protobuf version.

use bytes::Bytes;

/// A file: a graph with the operator sets that it is written in.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelProto {
    /// Version of the format.
    #[prost(int64, optional, tag = "1")]
    pub ir_version: Option<i64>,
    /// The exporter.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// Free text.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// The graph.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// Versions of the operator sets.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
}

/// A version of an operator set.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperatorSetIdProto {
    /// The set; empty for the standard one.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Its version.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// Nodes over named values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GraphProto {
    /// The nodes, each after those whose results it reads.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// The graph's name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// Values fed from outside; before IR version 4 the constants too.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// Values read outside.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
    /// Constants in a sparse form, of which only the presence matters.
    #[prost(message, repeated, tag = "15")]
    pub sparse_initializer: Vec<SparseTensorProto>,
}

/// A sparse constant.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SparseTensorProto {
    /// The values that are not zero; its name is the constant's.
    #[prost(message, optional, tag = "1")]
    pub values: Option<TensorProto>,
}

/// An operator with its operands and results by name.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NodeProto {
    /// Operands; an empty name is an absent one.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Results; an empty name is one that nobody reads.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// The node's name, which may be empty.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The operator.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Attributes.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
    /// The operator's set; empty for the standard one.
    #[prost(string, tag = "7")]
    pub domain: String,
}

/// An attribute; the one field that its type names has the value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeProto {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A float.
    #[prost(float, tag = "2")]
    pub f: f32,
    /// An integer.
    #[prost(int64, tag = "3")]
    pub i: i64,
    /// A string.
    #[prost(bytes = "bytes", tag = "4")]
    pub s: Bytes,
    /// A constant.
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    /// Floats.
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    /// Integers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// Strings.
    #[prost(bytes = "bytes", repeated, tag = "9")]
    pub strings: Vec<Bytes>,
    /// Which field counts; see [`attribute_type`].
    #[prost(int32, tag = "20")]
    pub r#type: i32,
}

/// Values of [`AttributeProto::type`].
pub mod attribute_type {
    /// One float.
    pub const FLOAT: i32 = 1;
    /// One integer.
    pub const INT: i32 = 2;
    /// One string.
    pub const STRING: i32 = 3;
    /// One constant.
    pub const TENSOR: i32 = 4;
    /// Floats.
    pub const FLOATS: i32 = 6;
    /// Integers.
    pub const INTS: i32 = 7;
    /// Strings.
    pub const STRINGS: i32 = 8;
}

/// A constant.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorProto {
    /// Axis lengths.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// Element type; see [`data_type`].
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// Elements of type float.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// Elements of the integer types of up to 32 bits, of bool, and the bits of the 16-bit floats.
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    /// Elements of type int64.
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    /// The name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Elements of any type, little-endian and densely packed.
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
    /// Elements of type double.
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    /// Elements of type uint32 and uint64.
    #[prost(uint64, repeated, tag = "11")]
    pub uint64_data: Vec<u64>,
    /// Where the elements are: `location`, `offset` and `length`.
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<StringStringEntryProto>,
    /// 1 where the elements are in another file.
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

/// Values of [`TensorProto::data_type`].
pub mod data_type {
    /// Single-precision float.
    pub const FLOAT: i32 = 1;
    /// 8 bits, unsigned.
    pub const UINT8: i32 = 2;
    /// 8 bits.
    pub const INT8: i32 = 3;
    /// 16 bits, unsigned.
    pub const UINT16: i32 = 4;
    /// 16 bits.
    pub const INT16: i32 = 5;
    /// 32 bits.
    pub const INT32: i32 = 6;
    /// 64 bits.
    pub const INT64: i32 = 7;
    /// Text.
    pub const STRING: i32 = 8;
    /// A truth value in a byte.
    pub const BOOL: i32 = 9;
    /// Half-precision float.
    pub const FLOAT16: i32 = 10;
    /// Double-precision float.
    pub const DOUBLE: i32 = 11;
    /// 32 bits, unsigned.
    pub const UINT32: i32 = 12;
    /// 64 bits, unsigned.
    pub const UINT64: i32 = 13;
    /// The upper half of a single-precision float.
    pub const BFLOAT16: i32 = 16;
    /// 4 bits.
    pub const INT4: i32 = 22;

    /// The format's name of a type that cofit does not read.
    pub const fn name(number: i32) -> Option<&'static str> {
        Some(match number {
            STRING => "string",
            UINT64 => "uint64",
            14 => "complex64",
            15 => "complex128",
            17 => "float8e4m3fn",
            18 => "float8e4m3fnuz",
            19 => "float8e5m2",
            20 => "float8e5m2fnuz",
            21 => "uint4",
            23 => "float4e2m1",
            _ => return None,
        })
    }
}

/// A named pair of strings.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StringStringEntryProto {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A value of the graph with its type.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueInfoProto {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

/// A type, of which only tensors are read.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TypeProto {
    /// A tensor.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

/// Element type and shape of a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorTypeProto {
    /// Element type; see [`data_type`].
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// The shape; absent where it is not known.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// A shape.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorShapeProto {
    /// The axes.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// An axis: a length, a name, or neither.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DimensionProto {
    /// The length.
    #[prost(int64, optional, tag = "1")]
    pub dim_value: Option<i64>,
    /// The name of a length that is chosen later.
    #[prost(string, optional, tag = "2")]
    pub dim_param: Option<String>,
}
