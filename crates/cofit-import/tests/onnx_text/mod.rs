//! A short text form of ONNX graphs, for tests.
//!
//! ```text
//! # a comment
//! opset 13
//! dim batch=2
//! input x float [batch,3,8,8]
//! const w float [4,3,3,3]
//! const s int64 [2] = 1 -1
//! y, z = Conv(x, w, _) pads=[1,1,1,1] alpha=0.5 mode="linear"
//! com.microsoft.Gelu ...
//! output y
//! ```
//!
//! A constant without values counts up from 0 in steps of 1/8; `absent` instead of values keeps it
//! in another file.

use bytes::Bytes;
use cofit_import::onnx::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto, attribute_type, data_type,
};
use prost::Message;

/// The file of a graph in text form.
pub fn encode(text: &str) -> Bytes {
    model(text).encode_to_vec().into()
}

/// The axes that the text fixes.
#[allow(dead_code, reason = "not every test fixes axes")]
pub fn dimensions(text: &str) -> Vec<(String, u32)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("dim "));
    lines
        .map(|line| {
            let (name, length) = line.split_once('=').expect("NAME=N");
            (name.to_owned(), length.parse().expect("a length"))
        })
        .collect()
}

/// The message of a graph in text form.
pub fn model(text: &str) -> ModelProto {
    let mut graph = GraphProto::default();
    let mut version = 13;
    let mut domains = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') || line.starts_with("dim ") {
            continue;
        }
        let (word, rest) = line.split_once(' ').expect("two words");
        match word {
            "opset" => version = rest.parse().expect("a version"),
            "input" => graph.input.push(value(rest)),
            "output" => {
                let name = rest.to_owned();
                graph.output.push(ValueInfoProto { name, r#type: None });
            }
            "const" => graph.initializer.push(constant(rest)),
            _ => graph.node.push(node(line)),
        }
    }
    for node in &graph.node {
        if !node.domain.is_empty() && !domains.contains(&node.domain) {
            domains.push(node.domain.clone());
        }
    }
    let sets = std::iter::once((String::new(), version));
    let sets = sets.chain(domains.into_iter().map(|domain| (domain, 1)));
    ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: sets
            .map(|(domain, version)| OperatorSetIdProto { domain, version })
            .collect(),
        ..ModelProto::default()
    }
}

fn element(name: &str) -> i32 {
    match name {
        "float" => data_type::FLOAT,
        "float16" => data_type::FLOAT16,
        "int8" => data_type::INT8,
        "uint8" => data_type::UINT8,
        "int16" => data_type::INT16,
        "int32" => data_type::INT32,
        "int64" => data_type::INT64,
        "bool" => data_type::BOOL,
        "string" => data_type::STRING,
        other => panic!("no element type {other}"),
    }
}

fn list(text: &str) -> Vec<&str> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).expect("a list");
    inner.split(',').filter(|item| !item.is_empty()).collect()
}

fn value(text: &str) -> ValueInfoProto {
    let words: Vec<&str> = text.split_whitespace().collect();
    let dimension = |item: &str| match item.parse() {
        Ok(length) => DimensionProto { dim_value: Some(length), dim_param: None },
        Err(_) if item == "?" => DimensionProto::default(),
        Err(_) => DimensionProto { dim_value: None, dim_param: Some(item.to_owned()) },
    };
    let dim = list(words[2]).into_iter().map(dimension).collect();
    let tensor_type =
        TensorTypeProto { elem_type: element(words[1]), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: words[0].to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
    }
}

fn constant(text: &str) -> TensorProto {
    let (head, values) =
        text.split_once(" = ").map_or((text, None), |(head, values)| (head, Some(values)));
    let words: Vec<&str> = head.split_whitespace().collect();
    let dims: Vec<i64> =
        list(words[2]).iter().map(|item| item.parse().expect("a length")).collect();
    let count: i64 = dims.iter().product();
    let mut tensor = TensorProto {
        name: words[0].to_owned(),
        dims,
        data_type: element(words[1]),
        ..TensorProto::default()
    };
    if values == Some("absent") {
        let entry = |key: &str, value: &str| StringStringEntryProto {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        tensor.external_data = vec![entry("location", "weights.bin"), entry("offset", "0")];
        tensor.data_location = 1;
        return tensor;
    }
    let numbers: Vec<f64> = match values {
        Some(values) => {
            values.split_whitespace().map(|value| value.parse().expect("a number")).collect()
        }
        None if tensor.data_type == data_type::FLOAT => {
            (0..count).map(|index| index as f64 / 8.0).collect()
        }
        None => (0..count).map(|index| (index % 100) as f64).collect(),
    };
    match tensor.data_type {
        data_type::FLOAT => tensor.float_data = numbers.iter().map(|&value| value as f32).collect(),
        data_type::INT64 => tensor.int64_data = numbers.iter().map(|&value| value as i64).collect(),
        _ => tensor.int32_data = numbers.iter().map(|&value| value as i32).collect(),
    }
    tensor
}

fn node(line: &str) -> NodeProto {
    let (outputs, rest) = line.split_once(" = ").expect("results");
    let names = |text: &str| -> Vec<String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| if item == "_" { String::new() } else { item.to_owned() }).collect()
    };
    let (kind, rest) = rest.split_once('(').expect("operands");
    let (inputs, attributes) = rest.split_once(')').expect("operands");
    let (domain, op_type) = kind.rsplit_once('.').unwrap_or(("", kind));
    NodeProto {
        input: names(inputs),
        output: names(outputs),
        op_type: op_type.to_owned(),
        domain: domain.to_owned(),
        attribute: attributes.split_whitespace().map(attribute).collect(),
        ..NodeProto::default()
    }
}

fn attribute(text: &str) -> AttributeProto {
    let (name, value) = text.split_once('=').expect("NAME=VALUE");
    let mut attribute = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    if let Some(text) = value.strip_prefix('"') {
        attribute.s = Bytes::from(text.trim_end_matches('"').to_owned());
        attribute.r#type = attribute_type::STRING;
    } else if value.starts_with('[') {
        let items = list(value);
        if items.iter().any(|item| item.contains('.')) {
            attribute.floats = items.iter().map(|item| item.parse().expect("a float")).collect();
            attribute.r#type = attribute_type::FLOATS;
        } else {
            attribute.ints = items.iter().map(|item| item.parse().expect("a number")).collect();
            attribute.r#type = attribute_type::INTS;
        }
    } else if value.contains('.') {
        attribute.f = value.parse().expect("a float");
        attribute.r#type = attribute_type::FLOAT;
    } else {
        attribute.i = value.parse().expect("a number");
        attribute.r#type = attribute_type::INT;
    }
    attribute
}
