//! Which layers bear narrower weights.

use std::fmt::Write as _;

use cofit_ir::Model;
use cofit_quantise::evaluate::{Metric, Score};
use cofit_quantise::sensitivity::Sensitivity;
use cofit_vocab::{Bytes, Figure, FigureKind, Quantity, Unit};
use serde_json::{Map, Value, json};

use crate::score::{self, DataUsed};
use crate::table::{ColumnKind, Table};
use crate::words::Numbers;
use crate::{Rendering, json, words};

/// Layers, ranked by what narrowing each of them alone costs for a byte saved.
pub struct Ranking<'a> {
    /// The float model.
    pub model: &'a Model,
    /// What every other layer is quantised to.
    pub base: String,
    /// What one layer at a time is narrowed to.
    pub narrow: String,
    /// What ranges were measured on.
    pub calibration: DataUsed,
    /// What the layers were judged on.
    pub data: DataUsed,
    /// What was scored; `None` where outputs were compared with the float model's.
    pub metric: Option<Metric>,
    /// The score without any layer narrowed.
    pub reference: Option<Score>,
    /// The layers, from the one that costs least.
    pub layers: &'a [Sensitivity],
}

impl Ranking<'_> {
    fn table(&self, numbers: Numbers) -> Table {
        let name = self.metric.map_or_else(|| "score".to_owned(), score::metric_name);
        let title = name.to_uppercase();
        let mut columns = vec![("LAYER", ColumnKind::Name), ("SAVES", ColumnKind::Number)];
        if self.metric.is_some() {
            columns.extend([(title.as_str(), ColumnKind::Number), ("LOSES", ColumnKind::Number)]);
        } else {
            columns.push(("LOSES dB", ColumnKind::Number));
        }
        columns.extend([("PER KiB", ColumnKind::Number), ("SQNR dB", ColumnKind::Number)]);
        let mut table = Table::new(&columns);
        for layer in self.layers {
            let mut row =
                vec![words::short_name(&layer.layer).to_owned(), numbers.bytes(layer.saved)];
            match (self.metric, layer.score) {
                (Some(metric), Some(score)) => {
                    row.extend([score::number(metric, score), loss(metric, layer.loss)]);
                    row.push(loss(metric, layer.loss_per_kib));
                }
                _ => row.extend([layer.loss, layer.loss_per_kib].map(|loss| format!("{loss:.1}"))),
            }
            row.push(score::decibels_text(layer.sqnr, numbers));
            table.row(row);
        }
        table
    }

    /// The layers with what they cost and save.
    pub fn text(&self, rendering: Rendering) -> String {
        let mut text = format!("model       {}\n", self.model.name);
        let _ = writeln!(
            text,
            "calibrated  {}  {} samples",
            self.calibration.name, self.calibration.samples
        );
        let _ = writeln!(text, "judged      {}  {} samples", self.data.name, self.data.samples);
        if let (Some(metric), Some(score)) = (self.metric, &self.reference) {
            let name = score::metric_name(metric);
            let _ = writeln!(text, "all {:<6}  {name} {}", self.base, score::text(metric, score));
        }
        let _ = writeln!(
            text,
            "\none layer at a time at {}, the others at {}:",
            self.narrow, self.base
        );
        text.push_str(&self.table(Numbers::Grouped).text(rendering.width));
        let saved: Bytes = self.layers.iter().map(|layer| layer.saved).sum();
        let line = match self.layers.len() {
            0 => format!("\nno layer becomes smaller at {}", self.narrow),
            _ => format!(
                "\nall of them save {}; the first costs least for a byte, the last most",
                saved.human()
            ),
        };
        text.push_str(&words::wrapped(&line, rendering.width, 2));
        text.push('\n');
        text
    }

    /// One row a layer.
    pub fn csv(&self) -> String {
        let titles = ["LAYER", "SAVED_BYTES", "SCORE", "LOSS", "LOSS_PER_KIB", "SQNR_DB"];
        let mut table = Table::new(&titles.map(|title| (title, ColumnKind::Word)));
        for layer in self.layers {
            table.row(vec![
                layer.layer.clone(),
                layer.saved.get().to_string(),
                layer.score.map_or_else(String::new, |score| score.to_string()),
                layer.loss.to_string(),
                layer.loss_per_kib.to_string(),
                score::decibels_text(layer.sqnr, Numbers::Plain),
            ]);
        }
        table.csv()
    }

    /// One row a layer, in Markdown.
    pub fn markdown(&self) -> String {
        self.table(Numbers::Grouped).markdown()
    }

    /// The layers as JSON.
    pub fn json_value(&self) -> Value {
        let unit = if self.metric.is_some() { Unit::One } else { Unit::Decibels };
        let sampled = |value: f64| {
            json::quantity(&match value.is_finite() {
                true => Figure::point(value, unit, FigureKind::Sampled).into(),
                false => Quantity::Unavailable("without narrowing nothing differs".to_owned()),
            })
        };
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| {
                json!({
                    "layer": layer.layer,
                    "saved": json::bytes(layer.saved, FigureKind::Exact),
                    "score": layer.score.map(sampled),
                    "loss": sampled(layer.loss),
                    "loss_per_kib": sampled(layer.loss_per_kib),
                    "sqnr": score::decibels(layer.sqnr),
                })
            })
            .collect();
        let mut value = Map::new();
        value.insert("schema".to_owned(), json!(json::SCHEMA));
        value.insert("tool".to_owned(), json::tool());
        value.insert("model".to_owned(), json::model(self.model));
        value.insert("base".to_owned(), json!(self.base));
        value.insert("narrow".to_owned(), json!(self.narrow));
        value.insert("calibration".to_owned(), self.calibration.json_value());
        value.insert("data".to_owned(), self.data.json_value());
        value.insert("metric".to_owned(), json!(self.metric.map(score::metric_key)));
        value.insert("reference".to_owned(), json!(self.reference.as_ref().map(score::figure)));
        value.insert("layers".to_owned(), json!(layers));
        Value::Object(value)
    }
}

/// What is lost: shares in points of a per cent.
fn loss(metric: Metric, loss: f64) -> String {
    match metric {
        // A zero has no sign.
        Metric::TopK(_) => format!("{:.2}", loss * 100.0 + 0.0),
        Metric::MeanSquaredError | Metric::ReconstructionRocAuc => words::significant(loss),
    }
}
