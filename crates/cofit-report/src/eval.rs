//! The score of a model on user data.

use std::fmt::Write as _;

use cofit_chip::Chip;
use cofit_ir::Model;
use cofit_quantise::evaluate::{Metric, Score};
use cofit_vocab::Bytes;
use serde_json::{Map, Value, json};

use crate::score::{self, Change, Class, DataUsed};
use crate::table::{ColumnKind, Table};
use crate::{Rendering, json, words};

/// A model with its score, if its outputs were scored.
pub struct Judged<'a> {
    /// The model.
    pub model: &'a Model,
    /// Its score.
    pub score: Option<Score>,
}

/// The score of a model, alone or against another one.
pub struct Eval<'a> {
    /// The model.
    pub subject: Judged<'a>,
    /// What it was scored on.
    pub data: DataUsed,
    /// What was scored; `None` where only two models were compared.
    pub metric: Option<Metric>,
    /// What became of every class.
    pub classes: Vec<Class>,
    /// Another model on the same data, and how this one differs from it.
    pub against: Option<(Judged<'a>, Change)>,
    /// How requantisations rounded, and whose rounding that is.
    pub rounding: &'static str,
    /// The chip whose arithmetic was followed.
    pub chip: Option<&'a Chip>,
}

/// Bytes of a model's constants.
fn constants(model: &Model) -> Bytes {
    model.main().map_or(Bytes::ZERO, cofit_ir::Graph::constant_bytes)
}

/// Classes that a text lists; of more, the worst.
const LISTED: usize = 20;

impl Eval<'_> {
    /// Models in the order in which they are told: the other one first.
    fn models(&self) -> impl Iterator<Item = &Judged<'_>> {
        self.against.iter().map(|(judged, _)| judged).chain([&self.subject])
    }

    fn table(&self) -> Table {
        let name = self.metric.map_or_else(|| "score".to_owned(), score::metric_name);
        let title = name.to_uppercase();
        let has_interval =
            self.models().any(|judged| judged.score.is_some_and(|score| score.interval.is_some()));
        let mut columns = vec![("MODEL", ColumnKind::Name)];
        if self.metric.is_some() {
            columns.push((&title, ColumnKind::Number));
        }
        if has_interval {
            columns.push(("95 % INTERVAL", ColumnKind::Word));
        }
        columns.push(("WEIGHTS", ColumnKind::Number));
        let mut table = Table::new(&columns);
        for judged in self.models() {
            let mut row = vec![judged.model.name.clone()];
            if let (Some(metric), Some(score)) = (self.metric, &judged.score) {
                row.push(score::number(metric, score.value));
                row.extend(score.interval.map(score::interval));
            }
            row.push(constants(judged.model).human());
            table.row(row);
        }
        table
    }

    /// The classes that a text lists, and how many it leaves out.
    fn listed(&self) -> (Vec<Class>, usize) {
        let mut classes = self.classes.clone();
        if classes.len() <= LISTED {
            return (classes, 0);
        }
        let rate = |class: &Class| class.right as f64 / class.samples.max(1) as f64;
        classes.sort_by(|a, b| rate(a).total_cmp(&rate(b)).then(a.class.cmp(&b.class)));
        let left_out = classes.len() - LISTED;
        classes.truncate(LISTED);
        (classes, left_out)
    }

    /// The score, what changed, and what became of every class.
    pub fn text(&self, rendering: Rendering) -> String {
        let mut text = format!("data  {}  {} samples\n", self.data.name, self.data.samples);
        if let Some(chip) = self.chip {
            let (id, runtime) = (chip.id(), &chip.runtime.id);
            let _ = writeln!(text, "chip  {id}  {runtime}  {} rounding", self.rounding);
        }
        text.push('\n');
        text.push_str(&self.table().text(rendering.width));
        if let Some((_, change)) = &self.against {
            let line = format!("\n{}", score::change_text(change, self.metric));
            text.push_str(&words::wrapped(&line, rendering.width, 2));
            text.push('\n');
        }
        if !self.classes.is_empty() {
            let (classes, left_out) = self.listed();
            text.push('\n');
            text.push_str(&score::class_table(&classes).text(rendering.width));
            if left_out > 0 {
                let _ = writeln!(text, "and {left_out} classes that are right more often");
            }
        }
        text
    }

    /// One row a model.
    pub fn csv(&self) -> String {
        let titles = ["MODEL", "METRIC", "VALUE", "LOW", "HIGH", "SAMPLES", "WEIGHT_BYTES"];
        let mut table = Table::new(&titles.map(|title| (title, ColumnKind::Word)));
        for judged in self.models() {
            let score = judged.score.as_ref();
            let interval = score.and_then(|score| score.interval);
            table.row(vec![
                judged.model.name.clone(),
                self.metric.map_or_else(String::new, score::metric_key),
                score.map_or_else(String::new, |score| score.value.to_string()),
                interval.map_or_else(String::new, |(low, _)| low.to_string()),
                interval.map_or_else(String::new, |(_, high)| high.to_string()),
                self.data.samples.to_string(),
                constants(judged.model).get().to_string(),
            ]);
        }
        table.csv()
    }

    /// One row a model, then one a class, in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = self.table().markdown();
        if !self.classes.is_empty() {
            text.push('\n');
            text.push_str(&score::class_table(&self.classes).markdown());
        }
        text
    }

    /// The score as JSON.
    pub fn json_value(&self) -> Value {
        let judged = |judged: &Judged<'_>| {
            let score = match &judged.score {
                Some(found) => score::figure(found),
                None => json!({ "unavailable": "the data has no labels" }),
            };
            json!({ "model": json::model(judged.model), "score": score })
        };
        let mut value = Map::new();
        value.insert("schema".to_owned(), json!(json::SCHEMA));
        value.insert("tool".to_owned(), json::tool());
        value.insert("model".to_owned(), json::model(self.subject.model));
        value.insert("chip".to_owned(), self.chip.map_or(Value::Null, json::chip));
        value.insert("rounding".to_owned(), json!(self.rounding));
        value.insert("data".to_owned(), self.data.json_value());
        value.insert("metric".to_owned(), json!(self.metric.map(score::metric_key)));
        value.insert("score".to_owned(), judged(&self.subject)["score"].clone());
        let classes: Vec<Value> = self.classes.iter().map(score::class_json).collect();
        value.insert("classes".to_owned(), json!(classes));
        if let Some((other, change)) = &self.against {
            let mut other = judged(other);
            other["change"] = score::change_json(change);
            value.insert("against".to_owned(), other);
        }
        Value::Object(value)
    }
}
