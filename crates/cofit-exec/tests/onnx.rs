//! ONNX models of every origin, executed and compared with onnxruntime.
//!
//! `cofit-import/tests/onnx` holds the models with one set of inputs and onnxruntime's results
//! (`checks/onnx_models.py`). Floats must agree to 1e-5 of the tensor's largest magnitude, integers
//! exactly.
//!
//! What the network computes in integers may differ by what rounding leaves open. onnxruntime
//! requantises in floats with halves to even; the kernels of TensorFlow Lite do so in fixed point,
//! some with two roundings in sequence, so that an integer that stands for a real may come out one
//! step apart. The bound of an output is the sum of what its last tensors leave open, see [`Bound`]:
//!
//! - one step for every tensor that is quantised on the way from the last computing operator;
//! - where that operator is a softmax, besides what one step in every element of its operand does in
//!   the worst direction: when no element moves by more than `d`, a share `y` moves by at most
//!   `2 * d * y * (1 - y)` to first order, which is at most `d / 2`.
//!
//! Steps of earlier layers are not added: they mostly cancel in the sums that follow. A single element
//! before a softmax may therefore be two steps apart, all of them in the worst direction may not.
//!
//! Inputs and constants are the same on both sides and leave nothing open.

mod golden;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cofit_exec::{Buffer, Difference, Network, Options, file_order};
use cofit_import::onnx::{self, OnnxOptions};
use cofit_ir::{Graph, Op, OperatorId, Tensor, TensorId, Verified};
use golden::conclude;
use npyz::{DType, NpyFile, TypeChar};

/// The largest difference of floats over the tensor's largest magnitude.
const FLOAT_BOUND: f64 = 1e-5;

#[test]
fn models_agree_with_onnxruntime() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cofit-import/tests/onnx");
    let mut models: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    models.sort();
    assert!(models.len() > 200, "models are missing from {}", folder.display());
    let refused = refused(&folder);
    let mut findings = Vec::new();
    for path in models {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        match (compare(&path), refused.get(&name)) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => findings.push(format!("{name}: runs, and is listed as refused")),
            (Err(message), Some(reason)) if message.contains(reason.as_str()) => {}
            (Err(message), _) => findings.push(format!("{name}: {message}")),
        }
    }
    conclude(&findings);
}

/// Models that are refused, each with a part of the message that says why.
fn refused(folder: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder.join("refused.txt")).expect("the list of refusals");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .collect()
}

/// Runs one model on its inputs.
fn compare(path: &Path) -> Result<(), String> {
    let arrays = arrays(&path.with_extension("npz"))?;
    let text = |found: &cofit_vocab::Diagnostics| {
        let lines: Vec<String> =
            found.iter().map(|one| format!("[{}] {}", one.code.id, one.message)).collect();
        lines.join("; ")
    };
    let bytes = Bytes::from(std::fs::read(path).map_err(|error| error.to_string())?);
    let folder = path.parent().expect("a folder");
    let external = |location: &str, offset: u64, length: u64| -> Option<Bytes> {
        let bytes = std::fs::read(folder.join(location)).ok()?;
        let from = usize::try_from(offset).ok()?;
        let to = from.checked_add(usize::try_from(length).ok()?)?;
        bytes.get(from..to).map(Bytes::copy_from_slice)
    };
    let dimensions = onnx::open_axes(bytes.clone())
        .into_iter()
        .filter_map(|open| {
            let (shape, _) = arrays.get(&format!("in:{}", open.input))?;
            Some((open.name, u32::try_from(*shape.get(open.axis)?).ok()?))
        })
        .collect();
    let options = OnnxOptions { dimensions };
    let (model, found) = onnx::load(bytes, &path.display().to_string(), &options, &external);
    let model = model.filter(|_| !found.has_errors()).ok_or_else(|| text(&found))?;
    let model = Verified::new(model).map_err(|found| text(&found))?;
    let network = Network::prepare(&model, &Options::default()).map_err(|found| text(&found))?;
    let graph = model.main_graph();
    let inputs = graph
        .inputs
        .iter()
        .map(|&id| {
            let tensor = &graph.tensors[id];
            let (_, given) = arrays
                .get(&format!("in:{}", tensor.name))
                .ok_or_else(|| format!("the archive has no input `{}`", tensor.name))?;
            let given = as_stored(tensor, given.clone())?;
            Ok(file_order::from_file(tensor, given))
        })
        .collect::<Result<Vec<Buffer>, String>>()?;
    let outputs = network
        .run(&mut network.state(), &inputs, &mut ())
        .map_err(|found| text(&found))?
        .expect("nobody stops the run");
    let bound = Bound::of(graph);
    for (&id, output) in graph.outputs.iter().zip(&outputs) {
        let tensor = &graph.tensors[id];
        let Some((shape, theirs)) = arrays.get(&format!("out:{}", tensor.name)) else {
            return Err(format!("the archive has no output `{}`", tensor.name));
        };
        let (ours_shape, ours) = file_order::to_file(tensor, output);
        if ours_shape.iter().product::<u64>() != shape.iter().product::<u64>() {
            return Err(format!("`{}` is {ours_shape:?}, not {shape:?}", tensor.name));
        }
        agree(tensor, bound.open(id), &ours, theirs)?;
    }
    Ok(())
}

/// An array in the type in which the network takes it.
fn as_stored(tensor: &Tensor, given: Buffer) -> Result<Buffer, String> {
    let needed = Buffer::zeros(tensor.element, 0).ok_or("an input of a type without kernels")?;
    Ok(match (needed, given) {
        // Integers that the file holds unsigned are stored signed, half the range lower.
        (Buffer::I8(_), Buffer::U8(values)) => {
            Buffer::I8(values.into_iter().map(|value| value.wrapping_sub(128) as i8).collect())
        }
        (Buffer::I32(_), Buffer::I64(values)) => {
            Buffer::I32(values.into_iter().map(|value| value as i32).collect())
        }
        (_, given) => given,
    })
}

fn agree(tensor: &Tensor, open: f64, ours: &Buffer, theirs: &Buffer) -> Result<(), String> {
    let theirs = match (ours, theirs) {
        (Buffer::I8(_), Buffer::U8(values)) => {
            Buffer::I8(values.iter().map(|value| value.wrapping_sub(128) as i8).collect())
        }
        (Buffer::I32(_), Buffer::I64(values)) => {
            Buffer::I32(values.iter().map(|&value| value as i32).collect())
        }
        (_, theirs) => theirs.clone(),
    };
    let difference = Difference::between(ours.as_slice(), theirs.as_slice())
        .ok_or_else(|| format!("`{}` is of another type: {}", tensor.name, tensor.element))?;
    let holds = match ours {
        Buffer::F32(_) if open == 0.0 => difference.relative <= FLOAT_BOUND,
        // The step itself is a rounded float.
        Buffer::F32(_) => difference.largest <= open * (1.0 + FLOAT_BOUND),
        _ => difference.largest <= (open / step(tensor).unwrap_or(1.0)).round(),
    };
    if holds { Ok(()) } else { Err(format!("`{}`: {difference:?}, open {open}", tensor.name)) }
}

/// The step of a tensor of integers that stand for reals.
fn step(tensor: &Tensor) -> Option<f64> {
    let quantisation = tensor.quantisation.as_ref().filter(|found| found.is_quantised())?;
    (!tensor.element.is_float()).then(|| f64::from(quantisation.scales[0]))
}

/// What rounding leaves open.
struct Bound<'a> {
    graph: &'a Graph,
    producers: BTreeMap<TensorId, OperatorId>,
}

impl<'a> Bound<'a> {
    fn of(graph: &'a Graph) -> Self {
        let written = graph.operators.iter();
        let producers = written
            .flat_map(|(id, operator)| operator.outputs.iter().map(move |&output| (output, id)))
            .collect();
        Self { graph, producers }
    }

    /// The largest difference of a tensor, in the unit of the reals.
    fn open(&self, tensor: TensorId) -> f64 {
        let Some(&producer) = self.producers.get(&tensor) else { return 0.0 };
        let operator = &self.graph.operators[producer];
        let own = step(&self.graph.tensors[tensor]).unwrap_or(0.0);
        let operand = |index| operator.input(index).map_or(0.0, |id| self.open(id));
        match &operator.op {
            Op::Quantize(_) => own + operand(0),
            // These round nothing.
            Op::Dequantize(_) | Op::Reshape(_) | Op::Transpose(_) => operand(0),
            Op::Softmax(_) => own + operand(0) / 2.0,
            // Whatever else computes: its own rounding.
            _ => own,
        }
    }
}

/// Every array of an archive with its shape.
fn arrays(path: &Path) -> Result<BTreeMap<String, (Vec<u64>, Buffer)>, String> {
    let file = BufReader::new(File::open(path).map_err(|error| error.to_string())?);
    let mut archive = npyz::npz::NpzArchive::new(file).map_err(|error| error.to_string())?;
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut arrays = BTreeMap::new();
    for name in names {
        let array = archive.by_name(&name).map_err(|error| error.to_string())?;
        let array = array.ok_or("a name without an array")?;
        arrays.insert(name, values(array)?);
    }
    Ok(arrays)
}

fn values<R: Read>(array: NpyFile<R>) -> Result<(Vec<u64>, Buffer), String> {
    let shape = array.shape().to_vec();
    let DType::Plain(element) = array.dtype() else { return Err("records".to_owned()) };
    let fault = |error: std::io::Error| error.to_string();
    let buffer = match (element.type_char(), element.size_field()) {
        (TypeChar::Bool, _) => {
            let values = array.into_vec::<bool>().map_err(fault)?;
            Buffer::U8(values.into_iter().map(u8::from).collect())
        }
        (TypeChar::Int, 1) => Buffer::I8(array.into_vec().map_err(fault)?),
        (TypeChar::Uint, 1) => Buffer::U8(array.into_vec().map_err(fault)?),
        (TypeChar::Int, 4) => Buffer::I32(array.into_vec().map_err(fault)?),
        (TypeChar::Int, 8) => Buffer::I64(array.into_vec().map_err(fault)?),
        (TypeChar::Float, 4) => Buffer::F32(array.into_vec().map_err(fault)?),
        (TypeChar::Float, 8) => {
            let values = array.into_vec::<f64>().map_err(fault)?;
            Buffer::F32(values.into_iter().map(|value| value as f32).collect())
        }
        _ => return Err(format!("arrays of {element}")),
    };
    Ok((shape, buffer))
}
