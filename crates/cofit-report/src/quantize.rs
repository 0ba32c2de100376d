//! What a precision costs: a float model against its quantised one.

use std::fmt::Write as _;

use cofit_chip::Chip;
use cofit_ir::Model;
use cofit_quantise::evaluate::{Metric, Score};
use cofit_quantise::layer_error::{LayerError, culprit};
use cofit_quantise::quantise::QuantisedLayer;
use cofit_vocab::{Bytes, Diagnostics, FigureKind};
use serde_json::{Map, Value, json};

use crate::score::{self, Change, DataUsed};
use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, json, words};

/// What the two models were compared on.
pub struct Comparison {
    /// The data.
    pub data: DataUsed,
    /// Whether that is the data that ranges were measured on.
    pub is_calibration: bool,
    /// What was scored, with the scores of the float model and of the quantised one; `None` without
    /// labels.
    pub scores: Option<(Metric, Score, Score)>,
    /// How the answers differ.
    pub change: Change,
}

/// A float model and its quantised one.
pub struct Quantisation<'a> {
    /// The float model.
    pub float: &'a Model,
    /// What it was quantised to.
    pub scheme: String,
    /// How ranges were chosen, in words.
    pub range: String,
    /// What was done beside it, in words.
    pub measures: Vec<String>,
    /// What ranges were measured on.
    pub calibration: DataUsed,
    /// How the models compare.
    pub comparison: Comparison,
    /// Layers with weights.
    pub layers: &'a [QuantisedLayer],
    /// Errors of every layer, in the order of the model.
    pub errors: &'a [LayerError],
    /// What stayed float, and why; what the chip's card allowed.
    pub notes: &'a Diagnostics,
    /// The chip that the model was quantised for.
    pub chip: Option<&'a Chip>,
    /// What the chip's card made of the scheme, in words.
    pub allowed: Vec<String>,
    /// The new file and its bytes.
    pub file: (String, Bytes),
    /// Bytes of the float file.
    pub float_file: Bytes,
}

impl Quantisation<'_> {
    /// The two models, one a row.
    fn models(&self) -> Table {
        let scores = self.comparison.scores.as_ref();
        let title = scores.map_or_else(String::new, |(metric, ..)| score::metric_name(*metric));
        let title = title.to_uppercase();
        let mut columns = vec![("MODEL", ColumnKind::Name)];
        if scores.is_some() {
            columns.push((&title, ColumnKind::Number));
        }
        if scores.is_some_and(|(_, score, _)| score.interval.is_some()) {
            columns.push(("95 % INTERVAL", ColumnKind::Word));
        }
        columns.extend([("WEIGHTS", ColumnKind::Number), ("FILE", ColumnKind::Number)]);
        let mut table = Table::new(&columns);
        let bytes =
            |of: fn(&QuantisedLayer) -> Bytes| -> Bytes { self.layers.iter().map(of).sum() };
        let rows = [
            (
                "float32",
                scores.map(|(metric, score, _)| (*metric, score)),
                bytes(|l| l.float_bytes),
                self.float_file,
            ),
            (
                &self.scheme,
                scores.map(|(metric, _, score)| (*metric, score)),
                bytes(|l| l.bytes),
                self.file.1,
            ),
        ];
        for (name, score, weights, file) in rows {
            let mut row = vec![name.to_owned()];
            if let Some((metric, score)) = score {
                row.push(score::number(metric, score.value));
                row.extend(score.interval.map(score::interval));
            }
            row.extend([weights.human(), file.human()]);
            table.row(row);
        }
        table
    }

    /// The error of a layer.
    fn error(&self, name: &str) -> Option<&LayerError> {
        self.errors.iter().find(|error| error.name == name)
    }

    /// Layers with weights, one a row.
    fn table(&self, numbers: Numbers) -> Table {
        let mut table = Table::new(&[
            ("LAYER", ColumnKind::Name),
            ("OP", ColumnKind::Term),
            ("SCHEME", ColumnKind::Word),
            ("BEFORE", ColumnKind::Number),
            ("AFTER", ColumnKind::Number),
            ("SQNR dB", ColumnKind::Number),
            ("CLIPPED", ColumnKind::Number),
        ]);
        for layer in self.layers {
            let error = self.error(&layer.name);
            table.row(vec![
                words::short_name(&layer.name).to_owned(),
                layer.kind.name().to_owned(),
                layer.scheme.to_string(),
                numbers.bytes(layer.float_bytes),
                numbers.bytes(layer.bytes),
                error.map_or_else(String::new, |error| score::decibels_text(error.sqnr, numbers)),
                error.map_or_else(String::new, |error| format!("{:.2} %", error.saturated * 100.0)),
            ]);
        }
        table
    }

    /// What happened, from the data to the file.
    pub fn text(&self, rendering: Rendering) -> String {
        let mut text = format!("model       {}\n", self.float.name);
        let mut line = |name: &str, body: String| {
            let line = format!("{name:<10}  {body}");
            text.push_str(&words::wrapped(&line, rendering.width, 12));
            text.push('\n');
        };
        if let Some(chip) = self.chip {
            line(
                "chip",
                format!(
                    "{}  {}  card {}",
                    chip.id(),
                    chip.runtime.id,
                    words::short_hash(&chip.sha256)
                ),
            );
        }
        for allowed in &self.allowed {
            line("", allowed.clone());
        }
        line(
            "calibrated",
            format!(
                "{}  {} samples  {}",
                self.calibration.name, self.calibration.samples, self.range
            ),
        );
        if !self.measures.is_empty() {
            line("with", self.measures.join(", "));
        }
        let comparison = &self.comparison;
        line("judged", format!("{}  {} samples", comparison.data.name, comparison.data.samples));
        if comparison.is_calibration {
            line(
                "",
                "the data that it was calibrated on, which flatters it; --test takes other data"
                    .to_owned(),
            );
        }
        text.push('\n');
        text.push_str(&self.models().text(rendering.width));
        let metric = comparison.scores.as_ref().map(|(metric, ..)| *metric);
        let change = format!("\n{}", score::change_text(&comparison.change, metric));
        text.push_str(&words::wrapped(&change, rendering.width, 2));
        text.push_str("\n\n");
        text.push_str(&self.table(Numbers::Grouped).text(rendering.width));
        if let Some(worst) = culprit(self.errors) {
            let line = format!(
                "\nmost is lost in {}: {:.1} dB, to {:.1} dB",
                words::short_name(&worst.name),
                -worst.step.unwrap_or(0.0),
                worst.sqnr
            );
            text.push_str(&words::wrapped(&line, rendering.width, 2));
            text.push('\n');
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in self.notes {
            let line = format!("{} {note}", note.severity.name());
            text.push_str(&words::wrapped(&line, rendering.width, 2));
            text.push('\n');
        }
        let _ = writeln!(text, "\nwrote {}, {}", self.file.0, self.file.1.human());
        text
    }

    /// One row a layer with weights.
    pub fn csv(&self) -> String {
        let titles =
            ["LAYER", "OP", "SCHEME", "FLOAT_BYTES", "BYTES", "SQNR_DB", "STEP_DB", "CLIPPED"];
        let mut table = Table::new(&titles.map(|title| (title, ColumnKind::Word)));
        for layer in self.layers {
            let error = self.error(&layer.name);
            let step = error.and_then(|error| error.step).filter(|step| step.is_finite());
            table.row(vec![
                layer.name.clone(),
                layer.kind.name().to_owned(),
                layer.scheme.to_string(),
                layer.float_bytes.get().to_string(),
                layer.bytes.get().to_string(),
                error
                    .map_or_else(String::new, |one| score::decibels_text(one.sqnr, Numbers::Plain)),
                step.map_or_else(String::new, |step| format!("{step:.1}")),
                error.map_or_else(String::new, |error| error.saturated.to_string()),
            ]);
        }
        table.csv()
    }

    /// The two models and the layers, in Markdown.
    pub fn markdown(&self) -> String {
        let layers = self.table(Numbers::Grouped).markdown();
        format!("{}\n{layers}", self.models().markdown())
    }

    /// All of it as JSON.
    pub fn json_value(&self) -> Value {
        let exact = |bytes: Bytes| json::bytes(bytes, FigureKind::Exact);
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| {
                json!({
                    "layer": layer.name,
                    "op": layer.kind.name(),
                    "scheme": layer.scheme.to_string(),
                    "float_bytes": exact(layer.float_bytes),
                    "bytes": exact(layer.bytes),
                })
            })
            .collect();
        let errors: Vec<Value> = self
            .errors
            .iter()
            .map(|error| {
                json!({
                    "layer": error.name,
                    "op": error.kind.name(),
                    "sqnr": score::decibels(error.sqnr),
                    "step": error.step.map(score::decibels),
                    "cosine": score::share(error.cosine),
                    "largest": score::share(error.most),
                    "clipped": score::share(error.saturated),
                })
            })
            .collect();
        let comparison = &self.comparison;
        let scores = comparison.scores.as_ref();
        let mut value = Map::new();
        value.insert("schema".to_owned(), json!(json::SCHEMA));
        value.insert("tool".to_owned(), json::tool());
        value.insert("model".to_owned(), json::model(self.float));
        value.insert("chip".to_owned(), self.chip.map_or(Value::Null, json::chip));
        value.insert("scheme".to_owned(), json!(self.scheme));
        value.insert("allowed".to_owned(), json!(self.allowed));
        value.insert("range".to_owned(), json!(self.range));
        value.insert("measures".to_owned(), json!(self.measures));
        value.insert("calibration".to_owned(), self.calibration.json_value());
        value.insert(
            "comparison".to_owned(),
            json!({
                "data": comparison.data.json_value(),
                "is_calibration": comparison.is_calibration,
                "metric": scores.map(|(metric, ..)| score::metric_key(*metric)),
                "float": scores.map(|(_, float, _)| score::figure(float)),
                "quantised": scores.map(|(_, _, quantised)| score::figure(quantised)),
                "change": score::change_json(&comparison.change),
            }),
        );
        value.insert("layers".to_owned(), json!(layers));
        value.insert("errors".to_owned(), json!(errors));
        let notes: Vec<Value> = self.notes.iter().map(json::diagnostic).collect();
        value.insert("notes".to_owned(), json!(notes));
        value.insert(
            "file".to_owned(),
            json!({
                "name": self.file.0,
                "bytes": exact(self.file.1),
                "float_bytes": exact(self.float_file),
            }),
        );
        Value::Object(value)
    }
}
