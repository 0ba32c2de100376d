//! Measured rows and the networks that they name: which resolve, and that what resolves expands.

use std::collections::BTreeMap;
use std::io::Write;

use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_shared::shared_dir;

/// The fields of a line of CSV, quotes removed.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => {
                if let Some(field) = fields.last_mut() {
                    field.push(letter);
                }
            }
        }
    }
    fields
}

/// Rows about whole models of `silicon/open.csv`: the model's name, and whether there is a file.
fn rows() -> Option<Vec<(String, bool)>> {
    let shared = shared_dir()?;
    let text = std::fs::read_to_string(shared.join("silicon/open.csv")).expect("measured rows");
    let mut lines = text.lines().map(fields);
    let header = lines.next().expect("a header");
    let column = |name: &str| header.iter().position(|field| field == name).expect("the column");
    let (model, file, level) = (column("model"), column("model_file"), column("level"));
    let whole = lines.filter(|row| row[level] == "whole_model");
    Some(whole.map(|row| (row[model].clone(), !row[file].is_empty())).collect())
}

#[test]
fn most_measured_rows_have_a_model() {
    let Some(rows) = rows() else { return };
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    let mut known = 0;
    for (model, has_file) in &rows {
        if *has_file || cofit_zoo::find(model).is_some() {
            known += 1;
        } else {
            *unknown.entry(model).or_default() += 1;
        }
    }
    let mut list = String::new();
    for (model, count) in &unknown {
        list.push_str(&format!("  {count:3} {model}\n"));
    }
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{known} of {} rows have a model; without:\n{list}", rows.len())
        .expect("stderr");
    assert!(known >= 600, "{known} of {} rows have a model", rows.len());
}

#[test]
fn every_measured_model_that_resolves_expands() {
    let Some(rows) = rows() else { return };
    let mut complaints = Vec::new();
    let mut models: Vec<&str> = rows.iter().map(|(model, _)| model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    for model in models {
        let Some(instance) = cofit_zoo::find(model) else { continue };
        let parameters = instance.parameters_at("int8");
        let options = SketchOptions { parameters, weights: Weights::Absent };
        let found = match expand(instance.text, instance.architecture, &options) {
            Ok(expanded) => cofit_ir::verify::verify(&expanded),
            Err(found) => found,
        };
        if found.has_errors() {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            complaints.push(format!("{model}: {}", found.join("; ")));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
