//! Golden files, and runs that remember every tensor.

#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use cofit_exec::{Buffer, Network, Observer, Options, Rounding, Slice, State, probe};
use cofit_ir::{TensorId, Verified};

/// What one inference computed, as hashes.
#[derive(Clone, Debug)]
pub struct Golden {
    pub model: String,
    pub seed: u64,
    /// Which inference on the same input, for models with state.
    pub call: u32,
    /// Hash of every tensor by index; `None` for floats.
    pub tensors: Vec<(u32, Option<u64>)>,
}

/// One tensor of floats.
#[derive(Clone, Debug)]
pub struct Floats {
    pub model: String,
    pub seed: u64,
    pub call: u32,
    pub tensor: u32,
    pub values: Vec<f32>,
}

/// A row of a golden file.
pub trait Row {
    /// The model that it is about.
    fn model(&self) -> &str;
}

impl Row for Golden {
    fn model(&self) -> &str {
        &self.model
    }
}

impl Row for Floats {
    fn model(&self) -> &str {
        &self.model
    }
}

fn lines(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(file);
    let text = std::fs::read_to_string(path).expect("a golden file");
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// The rows of a file of hashes.
pub fn rows(file: &str) -> Vec<Golden> {
    lines(file)
        .into_iter()
        .map(|row| {
            let [model, _, seed, call, tensors] = row.as_slice() else { panic!("{row:?}") };
            let tensors = tensors.split(' ').filter(|entry| !entry.is_empty()).map(|entry| {
                let (index, hash) = entry.split_once(':').expect("index:hash");
                (index.parse().expect("an index"), u64::from_str_radix(hash, 16).ok())
            });
            Golden {
                model: model.clone(),
                seed: seed.parse().expect("a seed"),
                call: call.parse().expect("a call"),
                tensors: tensors.collect(),
            }
        })
        .collect()
}

/// The rows of the file of floats.
pub fn floats() -> Vec<Floats> {
    lines("litert_float_operators.csv")
        .into_iter()
        .map(|row| {
            let [model, seed, call, tensor, values] = row.as_slice() else { panic!("{row:?}") };
            let digits = values.as_bytes().as_chunks::<8>().0;
            let values = digits.iter().map(|digits| {
                let text = std::str::from_utf8(digits).expect("ASCII");
                let bits = u32::from_str_radix(text, 16).expect("hexadecimal").swap_bytes();
                f32::from_bits(bits)
            });
            Floats {
                model: model.clone(),
                seed: seed.parse().expect("a seed"),
                call: call.parse().expect("a call"),
                tensor: tensor.parse().expect("an index"),
                values: values.collect(),
            }
        })
        .collect()
}

/// Reads and verifies a model file.
pub fn load(path: &Path) -> Result<Verified, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (model, found) = cofit_import::load(bytes.into(), &path.display().to_string());
    let model = model.ok_or_else(|| format!("{found:?}"))?;
    Verified::new(model).map_err(|found| format!("{found:?}"))
}

/// A network that is run again and again.
pub struct Run {
    network: Network,
    state: State,
}

#[derive(Default)]
struct Keep(BTreeMap<u32, Buffer>);

impl Observer for Keep {
    fn tensor(&mut self, id: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        self.0.insert(id.as_u32(), values.to_buffer());
        ControlFlow::Continue(())
    }
}

impl Run {
    /// Prepares a model.
    pub fn new(model: &Verified, rounding: Rounding) -> Result<Self, String> {
        let options = Options { rounding, ..Options::default() };
        let network = Network::prepare(model, &options).map_err(|found| {
            let first = found.iter().next().map(ToString::to_string);
            first.unwrap_or_default()
        })?;
        let state = network.state();
        Ok(Self { network, state })
    }

    /// Every tensor that an inference on the input of a seed computes. State is forgotten before the
    /// first call on an input.
    pub fn infer(&mut self, seed: u64, call: u32) -> Result<BTreeMap<u32, Buffer>, String> {
        if call == 0 {
            self.state = self.network.state();
        }
        let inputs = probe::inputs(self.network.model().main_graph(), seed);
        let inputs: Vec<Buffer> =
            inputs.into_iter().collect::<Option<_>>().ok_or("an input without kernels")?;
        let mut keep = Keep::default();
        self.network
            .run(&mut self.state, &inputs, &mut keep)
            .map_err(|found| format!("{:?}", found.iter().next().map(ToString::to_string)))?;
        Ok(keep.0)
    }

    /// The kind of the operator that writes a tensor.
    pub fn producer(&self, tensor: u32) -> String {
        let graph = self.network.model().main_graph();
        let producer = graph.producers()[TensorId::from_u32(tensor)];
        producer.map_or_else(String::new, |id| graph.operators[id].kind().to_string())
    }
}

/// Ends the test with every finding, or not at all.
pub fn conclude(findings: &[String]) {
    if !findings.is_empty() {
        let _ = writeln!(std::io::stderr(), "{}", findings.join("\n"));
        panic!("{} findings", findings.len());
    }
}
