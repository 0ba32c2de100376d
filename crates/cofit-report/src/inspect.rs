//! What is in a model.

use std::fmt::Write as _;

use cofit_ir::{Graph, Model, TensorRole};
use cofit_vocab::units;
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, json, words};

/// Elements of the weights and biases of a graph: constants of floats, or quantised ones.
pub fn parameters(graph: &Graph) -> u64 {
    let mut is_data = cranelift_entity::EntitySet::new();
    for id in graph.operators.keys() {
        let layer = cofit_compile::layer::Layer::of(graph, id);
        for tensor in [layer.weights, layer.bias].into_iter().flatten() {
            is_data.insert(tensor);
        }
    }
    graph
        .tensors
        .iter()
        .filter(|(id, tensor)| tensor.is_constant() && is_data.contains(*id))
        .map(|(_, tensor)| tensor.shape.elements())
        .fold(0, u64::saturating_add)
}

fn table(graph: &Graph, numbers: Numbers) -> Table {
    let mut table = Table::new(&[
        ("#", ColumnKind::Number),
        ("OPERATOR", ColumnKind::Word),
        ("OUTPUT", ColumnKind::Word),
        ("MACS", ColumnKind::Number),
        ("CONSTANTS", ColumnKind::Number),
        ("NAME", ColumnKind::Name),
    ]);
    for (id, operator) in &graph.operators {
        let layer = cofit_compile::layer::Layer::of(graph, id);
        let output = operator.outputs.first().map_or_else(String::new, |&output| {
            let tensor = &graph.tensors[output];
            format!("{}{}", tensor.element, tensor.shape)
        });
        table.row(vec![
            id.as_u32().to_string(),
            operator.kind().name().to_owned(),
            output,
            numbers.count(layer.macs.get()),
            numbers.bytes(layer.constant_bytes),
            graph.operator_name(id),
        ]);
    }
    table
}

/// Operators of every graph, then sums.
pub fn text(model: &Model, rendering: Rendering) -> String {
    let mut text = format!("model {}", model.name);
    if !model.source.sha256.is_empty() {
        let _ = write!(text, "  sha {}", words::short_hash(&model.source.sha256));
    }
    text.push('\n');
    for (id, graph) in &model.graphs {
        if id.as_u32() > 0 {
            let _ = writeln!(text, "\ngraph {} {}", id.as_u32(), graph.name);
        }
        for (name, list) in [("input", &graph.inputs), ("output", &graph.outputs)] {
            for &tensor in list {
                let tensor = &graph.tensors[tensor];
                let _ =
                    writeln!(text, "{name:<6} {}{}  {}", tensor.element, tensor.shape, tensor.name);
            }
        }
        text.push('\n');
        text.push_str(&table(graph, Numbers::Grouped).text(rendering.width));
        let variables =
            graph.tensors.values().filter(|tensor| tensor.role == TensorRole::Variable).count();
        let _ = write!(
            text,
            "\n{} operators, {} MACs, {} parameters, {} of constants",
            graph.operators.len(),
            units::grouped(graph.total_macs().get()),
            units::grouped(parameters(graph)),
            graph.constant_bytes().human()
        );
        if variables > 0 {
            let _ = write!(text, ", {variables} variables");
        }
        text.push('\n');
    }
    text
}

/// One row an operator of the main graph.
pub fn csv(model: &Model) -> String {
    model.main().map_or_else(String::new, |graph| table(graph, Numbers::Plain).csv())
}

/// One row an operator of the main graph, in Markdown.
pub fn markdown(model: &Model) -> String {
    model.main().map_or_else(String::new, |graph| table(graph, Numbers::Grouped).markdown())
}

/// The model as JSON.
pub fn json_value(model: &Model) -> Value {
    let mut value = Map::new();
    value.insert("schema".to_owned(), json!(json::SCHEMA));
    value.insert("tool".to_owned(), json::tool());
    value.insert("model".to_owned(), json::model(model));
    let graphs: Vec<Value> = model.graphs.values().map(graph_value).collect();
    value.insert("graphs".to_owned(), json!(graphs));
    Value::Object(value)
}

fn graph_value(graph: &Graph) -> Value {
    let operators: Vec<Value> = graph
        .operators
        .iter()
        .map(|(id, operator)| {
            let layer = cofit_compile::layer::Layer::of(graph, id);
            let attributes: Map<String, Value> = operator
                .op
                .attributes()
                .into_iter()
                .map(|(name, text)| (name.to_owned(), json!(text)))
                .collect();
            json!({
                "id": id.as_u32(),
                "kind": operator.kind().name(),
                "name": graph.operator_name(id),
                "attributes": attributes,
                "macs": layer.macs.get(),
                "constant_bytes": layer.constant_bytes.get(),
                "file_index": operator.origin.index,
                "file_offset": operator.origin.offset,
            })
        })
        .collect();
    json!({ "name": graph.name, "operators": operators })
}
