//! What a run computed.

use std::fmt::Write as _;

use cofit_exec::{Slice, probe};
use cofit_ir::{Model, Tensor};
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, json, words};

/// One tensor with its values, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Computed {
    /// Its index in the source file, or in the model where there is no file.
    pub index: u32,
    /// Its name in the source file.
    pub name: String,
    /// Its element type and shape.
    pub shape: String,
    /// Least and greatest value, stored integers scaled to reals; `None` without elements.
    pub range: Option<(f64, f64)>,
    /// FNV-1a of its little-endian bytes.
    pub hash: u64,
    /// The file that it was written to.
    pub file: Option<String>,
}

impl Computed {
    /// Sums up the values of `tensor`.
    pub fn new(index: u32, tensor: &Tensor, values: Slice<'_>, file: Option<String>) -> Self {
        let quantisation = tensor.quantisation.as_ref().filter(|found| !found.is_per_axis());
        let (scale, zero_point) = quantisation.and_then(|found| found.at(0)).unwrap_or((1.0, 0));
        let range = bounds(values).map(|(least, greatest)| {
            let real = |stored: f64| (stored - zero_point as f64) * f64::from(scale);
            (real(least), real(greatest))
        });
        Self {
            index,
            name: tensor.name.clone(),
            shape: format!("{}{}", tensor.element, tensor.shape),
            range,
            hash: probe::hash(values),
            file,
        }
    }
}

/// Least and greatest element.
fn bounds(values: Slice<'_>) -> Option<(f64, f64)> {
    fn of<T: Copy>(values: &[T], real: impl Fn(T) -> f64) -> Option<(f64, f64)> {
        values.iter().map(|&value| real(value)).fold(None, |found, value| {
            let (least, greatest) = found.unwrap_or((value, value));
            Some((value.min(least), value.max(greatest)))
        })
    }
    match values {
        Slice::I8(values) => of(values, f64::from),
        Slice::U8(values) => of(values, f64::from),
        Slice::I16(values) => of(values, f64::from),
        Slice::I32(values) => of(values, f64::from),
        Slice::I64(values) => of(values, |value| value as f64),
        Slice::F32(values) => of(values, f64::from),
    }
}

/// What a run computed.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The model.
    pub model: &'a Model,
    /// How requantisations rounded: `double` or `single`.
    pub rounding: &'a str,
    /// What every input was, in a few words.
    pub inputs: Vec<String>,
    /// The outputs.
    pub outputs: Vec<Computed>,
    /// Every tensor that an operator computed, where asked for.
    pub tensors: Vec<Computed>,
}

impl Run<'_> {
    fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("#", ColumnKind::Number),
            ("TENSOR", ColumnKind::Word),
            ("LEAST", ColumnKind::Number),
            ("GREATEST", ColumnKind::Number),
            ("HASH", ColumnKind::Word),
            ("NAME", ColumnKind::Name),
        ]);
        let rows = if self.tensors.is_empty() { &self.outputs } else { &self.tensors };
        for computed in rows {
            let (least, greatest) = computed.range.map_or_else(Default::default, |(a, b)| {
                (words::significant(a), words::significant(b))
            });
            table.row(vec![
                computed.index.to_string(),
                computed.shape.clone(),
                least,
                greatest,
                format!("{:016x}", computed.hash),
                words::short_name(&computed.name).to_owned(),
            ]);
        }
        table
    }

    /// Inputs, then what was computed.
    pub fn text(&self, rendering: Rendering) -> String {
        let mut text = format!("model {}", self.model.name);
        if !self.model.source.sha256.is_empty() {
            let _ = write!(text, "  sha {}", words::short_hash(&self.model.source.sha256));
        }
        let _ = writeln!(text, "  {} rounding", self.rounding);
        for input in &self.inputs {
            let _ = writeln!(text, "input {input}");
        }
        text.push('\n');
        text.push_str(&self.table().text(rendering.width));
        let files = self.outputs.iter().chain(&self.tensors).filter(|one| one.file.is_some());
        let files = files.count();
        if files > 0 {
            let _ = writeln!(text, "\n{files} files written");
        }
        text
    }

    /// One row a tensor.
    pub fn csv(&self) -> String {
        self.table().csv()
    }

    /// One row a tensor, in Markdown.
    pub fn markdown(&self) -> String {
        self.table().markdown()
    }

    /// The run as JSON.
    pub fn json_value(&self) -> Value {
        let list = |computed: &[Computed]| -> Vec<Value> {
            computed
                .iter()
                .map(|one| {
                    json!({
                        "index": one.index,
                        "name": one.name,
                        "type": one.shape,
                        "least": one.range.map(|(least, _)| least),
                        "greatest": one.range.map(|(_, greatest)| greatest),
                        "fnv1a": format!("{:016x}", one.hash),
                        "file": one.file,
                    })
                })
                .collect()
        };
        let mut value = Map::new();
        value.insert("schema".to_owned(), json!(json::SCHEMA));
        value.insert("tool".to_owned(), json::tool());
        value.insert("model".to_owned(), json::model(self.model));
        value.insert("rounding".to_owned(), json!(self.rounding));
        value.insert("outputs".to_owned(), json!(list(&self.outputs)));
        value.insert("tensors".to_owned(), json!(list(&self.tensors)));
        Value::Object(value)
    }
}
