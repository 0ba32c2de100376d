//! Our execution against another interpreter's.

use std::fmt::Write as _;

use cofit_exec::Difference;
use cofit_vocab::OperatorKind;
use serde_json::{Map, Value, json};

use crate::table::{ColumnKind, Table};
use crate::{Rendering, json, words};

/// The largest relative difference of floats that counts as agreement: the order of additions is no
/// part of an operator's definition.
pub const FLOAT_BOUND: f64 = 1e-5;

/// One tensor that both computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its index in the source file.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What computed it.
    pub kind: Option<OperatorKind>,
    /// Its element type and shape.
    pub shape: String,
    /// How far apart the two are; `None` where their types or lengths differ.
    pub difference: Option<Difference>,
}

/// How two computations of one tensor compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreement {
    /// The same bits.
    Equal,
    /// Floats within [`FLOAT_BOUND`] of the tensor's largest magnitude.
    Close,
    /// Anything else.
    Different,
}

impl Layer {
    /// How the two compare.
    pub fn agreement(&self) -> Agreement {
        match self.difference {
            Some(difference) if difference.differing == 0 => Agreement::Equal,
            Some(difference)
                if self.shape.starts_with("float") && difference.relative <= FLOAT_BOUND =>
            {
                Agreement::Close
            }
            Some(_) | None => Agreement::Different,
        }
    }
}

/// All tensors of one run that both computed, in the order of execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// The tensors.
    pub layers: Vec<Layer>,
}

/// What became of one model.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Both ran it, on these many inputs.
    Compared {
        /// The other interpreter with its version.
        reference: String,
        /// One comparison an input.
        runs: Vec<Compared>,
    },
    /// It could not be compared, and why.
    Skipped(String),
    /// Ours does not run it, and why.
    Refused(String),
}

/// One model with what became of it.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The file as the user named it.
    pub file: String,
    /// What became of it.
    pub outcome: Outcome,
}

impl Verified {
    /// The worst agreement of any tensor; `None` where nothing was compared.
    pub fn agreement(&self) -> Option<Agreement> {
        match &self.outcome {
            Outcome::Compared { runs, .. } => {
                runs.iter().flat_map(|run| &run.layers).map(Layer::agreement).max()
            }
            Outcome::Skipped(_) | Outcome::Refused(_) => None,
        }
    }
}

/// The tensors of all inputs merged: the worst difference of each.
fn merged(runs: &[Compared]) -> Vec<Layer> {
    let mut layers: Vec<Layer> = runs.first().map(|run| run.layers.clone()).unwrap_or_default();
    for (at, layer) in layers.iter_mut().enumerate() {
        for run in &runs[1..] {
            let Some(other) = run.layers.get(at) else { continue };
            layer.difference = layer.difference.zip(other.difference).map(|(a, b)| Difference {
                elements: a.elements + b.elements,
                differing: a.differing + b.differing,
                largest: a.largest.max(b.largest),
                relative: a.relative.max(b.relative),
            });
        }
    }
    layers
}

/// One row a tensor.
fn layer_table(runs: &[Compared]) -> Table {
    let mut table = Table::new(&[
        ("#", ColumnKind::Number),
        ("OPERATOR", ColumnKind::Term),
        ("TENSOR", ColumnKind::Word),
        ("DIFFERING", ColumnKind::Number),
        ("LARGEST", ColumnKind::Number),
        ("NAME", ColumnKind::Name),
    ]);
    for layer in merged(runs) {
        let (differing, largest) = match layer.difference {
            None => ("another type".to_owned(), String::new()),
            Some(one) if one.differing == 0 => ("0".to_owned(), String::new()),
            Some(one) => {
                (format!("{} of {}", one.differing, one.elements), words::significant(one.largest))
            }
        };
        table.row(vec![
            layer.index.to_string(),
            layer.kind.map_or("", OperatorKind::name).to_owned(),
            layer.shape.clone(),
            differing,
            largest,
            words::short_name(&layer.name).to_owned(),
        ]);
    }
    table
}

/// One row a model.
fn model_table(models: &[Verified]) -> Table {
    let mut table = Table::new(&[
        ("MODEL", ColumnKind::Name),
        ("AGAINST", ColumnKind::Term),
        ("TENSORS", ColumnKind::Number),
        ("VERDICT", ColumnKind::Term),
    ]);
    for model in models {
        let (reference, tensors) = match &model.outcome {
            Outcome::Compared { reference, runs } => {
                let tensors: usize = runs.iter().map(|run| run.layers.len()).sum();
                (reference.clone(), tensors.to_string())
            }
            Outcome::Skipped(_) | Outcome::Refused(_) => ("-".to_owned(), "-".to_owned()),
        };
        table.row(vec![model.file.clone(), reference, tensors, verdict(model)]);
    }
    table
}

/// What was found, in a few words.
fn verdict(model: &Verified) -> String {
    let worst = match &model.outcome {
        Outcome::Compared { runs, .. } => runs
            .iter()
            .flat_map(|run| &run.layers)
            .filter_map(|layer| layer.difference)
            .fold((0.0_f64, 0.0_f64), |(largest, relative), one| {
                (largest.max(one.largest), relative.max(one.relative))
            }),
        Outcome::Skipped(reason) => return format!("not compared: {reason}"),
        Outcome::Refused(reason) => return format!("not run: {reason}"),
    };
    match model.agreement() {
        None => "nothing to compare".to_owned(),
        Some(Agreement::Equal) => "equal to the bit".to_owned(),
        Some(Agreement::Close) => format!("floats within {}", words::significant(worst.1)),
        Some(Agreement::Different) => {
            let differing = match &model.outcome {
                Outcome::Compared { runs, .. } => merged(runs)
                    .iter()
                    .filter(|layer| layer.agreement() == Agreement::Different)
                    .count(),
                Outcome::Skipped(_) | Outcome::Refused(_) => 0,
            };
            format!("DIFFERS in {differing} tensors by up to {}", words::significant(worst.0))
        }
    }
}

/// `118 models: 112 equal to the bit, 2 floats within 1e-5, 0 differ, 4 not compared`.
fn summary(models: &[Verified]) -> String {
    let count = |wanted: Option<Agreement>| {
        models.iter().filter(|model| model.agreement() == wanted).count()
    };
    let tensors: usize = models
        .iter()
        .map(|model| match &model.outcome {
            Outcome::Compared { runs, .. } => runs.iter().map(|run| run.layers.len()).sum(),
            Outcome::Skipped(_) | Outcome::Refused(_) => 0,
        })
        .sum();
    format!(
        "{} models, {tensors} tensors: {} equal to the bit, {} floats within {FLOAT_BOUND:e}, {} \
         differ, {} not compared",
        models.len(),
        count(Some(Agreement::Equal)),
        count(Some(Agreement::Close)),
        count(Some(Agreement::Different)),
        count(None)
    )
}

/// Every tensor of a single model, or every model; then the sum.
pub fn text(models: &[Verified], rendering: Rendering) -> String {
    let mut text = match models {
        [Verified { outcome: Outcome::Compared { reference, runs }, file }] => {
            format!(
                "model {file} against {reference}, {} inputs\n\n{}",
                runs.len(),
                layer_table(runs).text(rendering.width)
            )
        }
        _ => model_table(models).text(rendering.width),
    };
    let _ = writeln!(text, "\n{}", summary(models));
    text
}

/// One row a model, or a tensor where there is only one model.
pub fn csv(models: &[Verified]) -> String {
    table(models).csv()
}

/// The same in Markdown.
pub fn markdown(models: &[Verified]) -> String {
    table(models).markdown()
}

fn table(models: &[Verified]) -> Table {
    match models {
        [Verified { outcome: Outcome::Compared { runs, .. }, .. }] => layer_table(runs),
        _ => model_table(models),
    }
}

/// Every model with every tensor.
pub fn json_value(models: &[Verified]) -> Value {
    let list: Vec<Value> = models
        .iter()
        .map(|model| {
            let mut value = Map::new();
            value.insert("file".to_owned(), json!(model.file));
            value.insert("verdict".to_owned(), json!(verdict(model)));
            if let Outcome::Compared { reference, runs } = &model.outcome {
                value.insert("reference".to_owned(), json!(reference));
                value.insert("inputs".to_owned(), json!(runs.len()));
                let layers: Vec<Value> = merged(runs)
                    .iter()
                    .map(|layer| {
                        json!({
                            "index": layer.index,
                            "name": layer.name,
                            "op": layer.kind.map(OperatorKind::name),
                            "type": layer.shape,
                            "elements": layer.difference.map(|one| one.elements),
                            "differing": layer.difference.map(|one| one.differing),
                            "largest": layer.difference.map(|one| one.largest),
                            "relative": layer.difference.map(|one| one.relative),
                        })
                    })
                    .collect();
                value.insert("tensors".to_owned(), json!(layers));
            }
            Value::Object(value)
        })
        .collect();
    json!({
        "schema": json::SCHEMA,
        "tool": json::tool(),
        "summary": summary(models),
        "models": list,
    })
}
