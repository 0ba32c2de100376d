//! What a model is fed: arrays from files, or random numbers.

use std::path::Path;

use cofit_exec::{Buffer, file_order, probe};
use cofit_ir::{Graph, Tensor};
use cofit_vocab::diagnostic::{data, execution, usage};
use cofit_vocab::{Diagnostic, Place};

use crate::arrays::{Array, read_npy};
use crate::failure::Failure;
use crate::load;

/// Values of every input, and what each of them is, in a few words.
type Fed = (Vec<Buffer>, Vec<String>);

/// Random inputs, and what they are.
///
/// # Errors
/// An input of a type that nothing computes in.
pub fn random(graph: &Graph, seed: u64) -> Result<Fed, Failure> {
    let mut fed = Fed::default();
    for (&id, buffer) in graph.inputs.iter().zip(probe::inputs(graph, seed)) {
        let tensor = &graph.tensors[id];
        let Some(buffer) = buffer else {
            return Err(wrong(tensor, format!("nothing computes in {}", tensor.element)).into());
        };
        fed.0.push(buffer);
        fed.1.push(format!(
            "{}{}  {}: random, seed {seed}",
            tensor.element, tensor.shape, tensor.name
        ));
    }
    Ok(fed)
}

/// Inputs from files, and what they are.
///
/// # Errors
/// An input without a file, a file without an input, or an array that does not fit.
pub fn from_files(graph: &Graph, files: &[String]) -> Result<Fed, Failure> {
    let mut named: Vec<(Option<&str>, &Path)> = Vec::new();
    for file in files {
        // A path may contain `=`; only what names an input is taken for a name.
        let is_input = |name: &str| graph.inputs.iter().any(|&id| graph.tensors[id].name == name);
        named.push(match file.split_once('=').filter(|(name, _)| is_input(name)) {
            Some((name, path)) => (Some(name), Path::new(path)),
            None => (None, Path::new(file.as_str())),
        });
    }
    let mut unnamed = named.iter().filter(|(name, _)| name.is_none()).map(|(_, path)| *path);
    let mut buffers = Vec::new();
    let mut described = Vec::new();
    for &id in &graph.inputs {
        let tensor = &graph.tensors[id];
        let by_name = named.iter().find(|(name, _)| *name == Some(tensor.name.as_str()));
        let path = by_name.map(|(_, path)| *path).or_else(|| unnamed.next()).ok_or_else(|| {
            wrong(tensor, "no file is given for the input")
                .with_help(format!("give `--input '{}=FILE.npy'`, or `--random SEED`", tensor.name))
        })?;
        let array = read_array(path)?;
        let (buffer, conversion) = as_input(tensor, array)?;
        let buffer = file_order::from_file(tensor, buffer);
        described.push(format!(
            "{}{}  {}: {}{conversion}",
            tensor.element,
            tensor.shape,
            tensor.name,
            path.display()
        ));
        buffers.push(buffer);
    }
    if let Some(path) = unnamed.next() {
        let message = "there is no input left for the file";
        let place = Place::default().with_file(path.display().to_string());
        return Err(Failure::new(&usage::BAD_ARGUMENT, message, place));
    }
    Ok((buffers, described))
}

/// Reads a `.npy` file.
///
/// # Errors
/// The file cannot be read or is no array of numbers.
pub fn read_array(path: &Path) -> Result<Array, Failure> {
    let bytes = load::read(path, load::ARRAY_LIMIT)?;
    read_npy(&bytes).map_err(|message| {
        let place = Place::default().with_file(path.display().to_string());
        Failure::new(&data::BROKEN_ARRAY, message, place)
    })
}

/// An array as the model's input takes it, and what was done to it: floats are quantised for integer
/// inputs, integers become floats for float ones.
///
/// # Errors
/// Another number of elements, or a type that does not convert.
pub fn as_input(tensor: &Tensor, array: Array) -> Result<(Buffer, &'static str), Failure> {
    if array.values.len() as u64 != tensor.shape.elements() {
        return Err(wrong(
            tensor,
            format!("it has {} elements, the file {:?}", tensor.shape.elements(), array.shape),
        )
        .into());
    }
    let mut needed = Buffer::zeros(tensor.element, array.values.len())
        .ok_or_else(|| wrong(tensor, format!("nothing computes in {}", tensor.element)))?;
    if std::mem::discriminant(&needed) == std::mem::discriminant(&array.values) {
        return Ok((array.values, ""));
    }
    let quantisation = tensor.quantisation.as_ref().and_then(|found| found.at(0));
    match (&mut needed, &array.values, quantisation) {
        (Buffer::F32(to), from, _) => {
            for (at, value) in to.iter_mut().enumerate() {
                *value = real(from, at) as f32;
            }
            Ok((needed, ", as float32"))
        }
        (to, Buffer::F32(from), Some((scale, zero_point))) if scale > 0.0 => {
            let stored = |value: f32| (value / scale).round() + zero_point as f32;
            match to {
                // An `as` conversion saturates.
                Buffer::I8(to) => assign(to, from, |value| stored(value) as i8),
                Buffer::U8(to) => assign(to, from, |value| stored(value) as u8),
                Buffer::I16(to) => assign(to, from, |value| stored(value) as i16),
                Buffer::I32(to) => assign(to, from, |value| stored(value) as i32),
                Buffer::I64(to) => assign(to, from, |value| stored(value) as i64),
                Buffer::F32(_) => {}
            }
            Ok((needed, ", quantised"))
        }
        (Buffer::I32(to), Buffer::I64(from), _) => {
            assign(to, from, |value| value.clamp(i32::MIN.into(), i32::MAX.into()) as i32);
            Ok((needed, ", as int32"))
        }
        (Buffer::I64(to), Buffer::I32(from), _) => {
            assign(to, from, i64::from);
            Ok((needed, ", as int64"))
        }
        _ => Err(wrong(
            tensor,
            format!("it takes {}, and the file holds another type", tensor.element),
        )
        .into()),
    }
}

fn assign<T: Copy, U: Copy>(to: &mut [T], from: &[U], convert: impl Fn(U) -> T) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = convert(from);
    }
}

/// Element `at` as a number.
fn real(buffer: &Buffer, at: usize) -> f64 {
    match buffer {
        Buffer::I8(values) => f64::from(values[at]),
        Buffer::U8(values) => f64::from(values[at]),
        Buffer::I16(values) => f64::from(values[at]),
        Buffer::I32(values) => f64::from(values[at]),
        Buffer::I64(values) => values[at] as f64,
        Buffer::F32(values) => f64::from(values[at]),
    }
}

fn wrong(tensor: &Tensor, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&execution::WRONG_INPUT, message, Place::tensor(tensor.name.clone()))
}
