//! Our execution against another interpreter's, tensor by tensor.
//!
//! The interpreters are Python packages of the user's own; `reference.py` runs one of them in a
//! process of its own, so that a crash there is a finding and not ours.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};

use cofit_exec::{Buffer, Difference, Network, Observer, Slice, file_order, probe};
use cofit_ir::{Graph, TensorId};
use cofit_report::verify::{Compared, Layer};
use cofit_vocab::diagnostic::{execution, usage};
use cofit_vocab::{Diagnostic, Place};

use crate::arrays::{read_npy, write_npy};
use crate::commands::run::index;
use crate::failure::Failure;

const SCRIPT: &str = include_str!("verify/reference.py");

/// What became of one interpreter.
pub enum Answer {
    /// It ran the model.
    Ran {
        /// Its version.
        version: String,
        /// Its tensors by index, or by name where the file has names only.
        tensors: BTreeMap<String, Buffer>,
    },
    /// The package is not installed, or there is no Python.
    Missing(String),
    /// It does not take the model.
    Refused(String),
}

/// Runs `reference` on a model file and the given inputs.
///
/// # Errors
/// The temporary folder cannot be written.
pub fn ask(
    python: &str,
    reference: &str,
    model: &Path,
    graph: &Graph,
    inputs: &[Buffer],
) -> Result<Answer, Failure> {
    let trouble = |error: std::io::Error| {
        Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), Place::default())
    };
    let folder = tempfile::tempdir().map_err(trouble)?;
    let [given, taken] = ["given", "taken"].map(|name| folder.path().join(name));
    for path in [&given, &taken] {
        fs::create_dir(path).map_err(trouble)?;
    }
    let script = folder.path().join("reference.py");
    fs::write(&script, SCRIPT).map_err(trouble)?;
    for (at, (&id, buffer)) in graph.inputs.iter().zip(inputs).enumerate() {
        let tensor = &graph.tensors[id];
        let (shape, buffer) = file_order::to_file(tensor, buffer);
        let bytes = write_npy(tensor.element, &shape, buffer.as_slice()).map_err(trouble)?;
        fs::write(given.join(format!("{at}.npy")), bytes).map_err(trouble)?;
    }
    let output = Command::new(python)
        .arg(&script)
        .arg(reference)
        .args([model, &given, &taken])
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return Ok(Answer::Missing(format!("{python}: {error}"))),
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    let Some(answer) = printed.lines().last().and_then(|line| serde_json::from_str(line).ok())
    else {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().last().unwrap_or("it ended without an answer");
        return Ok(Answer::Refused(last.chars().take(300).collect()));
    };
    let answer: serde_json::Value = answer;
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    if let Some(missing) = text("missing") {
        return Ok(Answer::Missing(missing));
    }
    if let Some(refused) = text("refused") {
        return Ok(Answer::Refused(refused));
    }
    let mut tensors = BTreeMap::new();
    for pair in answer["tensors"].as_array().into_iter().flatten() {
        let key = pair[0].as_str().map_or_else(|| pair[0].to_string(), str::to_owned);
        let file = pair[1].as_str().unwrap_or_default();
        let bytes = fs::read(taken.join(file)).map_err(trouble)?;
        if let Ok(array) = read_npy(&bytes) {
            tensors.insert(key, array.values);
        }
    }
    Ok(Answer::Ran { version: text("version").unwrap_or_default(), tensors })
}

/// Inputs for a comparison, from a seed.
///
/// # Errors
/// An input of a type that nothing computes in.
pub fn random_inputs(graph: &Graph, seed: u64) -> Result<Vec<Buffer>, Failure> {
    let inputs = probe::inputs(graph, seed);
    inputs.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| {
        let message = "an input has a type that nothing computes in";
        Diagnostic::error(&execution::WRONG_INPUT, message, Place::default()).into()
    })
}

/// Runs our kernels on the same inputs and compares every tensor that both have.
///
/// # Errors
/// A value that one of our kernels is not defined for.
pub fn compare(
    network: &Network,
    inputs: &[Buffer],
    theirs: &BTreeMap<String, Buffer>,
) -> Result<Compared, Failure> {
    let graph = network.model().main_graph();
    let mut watcher = Watcher { graph, theirs, layers: Vec::new() };
    network.run(&mut network.state(), inputs, &mut watcher)?;
    Ok(Compared { layers: watcher.layers })
}

struct Watcher<'a> {
    graph: &'a Graph,
    theirs: &'a BTreeMap<String, Buffer>,
    layers: Vec<Layer>,
}

impl Observer for Watcher<'_> {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        let tensor = &self.graph.tensors[id];
        let index = index(self.graph, id);
        let theirs = self.theirs.get(&index.to_string()).or_else(|| self.theirs.get(&tensor.name));
        if let Some(theirs) = theirs {
            let (_, ours) = file_order::to_file(tensor, &values.to_buffer());
            let producer = self.graph.producers()[id];
            self.layers.push(Layer {
                index,
                name: tensor.name.clone(),
                kind: producer.map(|id| self.graph.operators[id].kind()),
                shape: format!("{}{}", tensor.element, tensor.shape),
                difference: Difference::between(ours.as_slice(), theirs.as_slice()),
            });
        }
        ControlFlow::Continue(())
    }
}
