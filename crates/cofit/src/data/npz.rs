//! NumPy's `.npy` and `.npz` files.

use std::io::{Cursor, Read};
use std::path::Path;

use cofit_vocab::Place;
use cofit_vocab::diagnostic::data as rules;
use zip::ZipArchive;

use super::fit::{Need, reals};
use super::labels::Labels;
use super::{Found, checked_scale, fault};
use crate::arrays::{Array, read_npy};
use crate::failure::Failure;
use crate::load;

/// The most bytes of one array, unpacked. A small archive can claim far more than memory holds.
const ARRAY_LIMIT: u64 = 1 << 30;

/// Keys that the first input may have besides its name, in order of preference.
const INPUT_KEYS: [&str; 4] = ["inputs", "x", "x_test", "arr_0"];

/// Keys of labels, in order of preference.
const LABEL_KEYS: [&str; 3] = ["labels", "y", "y_test"];

/// Key of the number that inputs are multiplied by.
const SCALE_KEY: &str = "scale";

/// Reads the inputs from a `.npy` file, for a model with one input.
pub fn read_inputs(path: &Path) -> Result<Found, Failure> {
    let array = read_array(path)?;
    Ok(Found { inputs: vec![array], labels: None, scale: None })
}

/// Reads the labels of `samples` samples from a `.npy` file.
pub fn read_labels(path: &Path, samples: usize) -> Result<Labels, Failure> {
    let array = read_array(path)?;
    let name = path.display().to_string();
    Labels::of(&array, samples).map_err(|message| fault(&rules::BAD_LABELS, message, &name))
}

fn read_array(path: &Path) -> Result<Array, Failure> {
    let bytes = load::read(path, ARRAY_LIMIT)?;
    let name = path.display().to_string();
    read_npy(&bytes).map_err(|message| fault(&rules::BROKEN_ARRAY, message, &name))
}

/// Reads inputs, labels and scale from a `.npz` file.
pub fn read_npz(path: &Path, needs: &[Need]) -> Result<Found, Failure> {
    let mut archive = Archive::open(path)?;
    let mut inputs = Vec::new();
    for (position, need) in needs.iter().enumerate() {
        let key = archive.input_key(need, position, needs.len())?;
        inputs.push(archive.array(&key)?);
    }
    let samples = inputs.first().and_then(|array| array.shape.first().copied()).unwrap_or(0);
    let labels = match LABEL_KEYS.iter().find(|key| archive.has(key)) {
        Some(key) => {
            let array = archive.array(key)?;
            let labels = Labels::of(&array, usize::try_from(samples).unwrap_or(usize::MAX));
            let place = archive.place(key);
            Some(labels.map_err(|message| Failure::new(&rules::BAD_LABELS, message, place))?)
        }
        None => None,
    };
    let scale = match archive.has(SCALE_KEY) {
        true => {
            let array = archive.array(SCALE_KEY)?;
            let numbers: Vec<f64> = reals(array.values.as_slice()).take(2).collect();
            let [number] = numbers.as_slice() else {
                let message = format!("`scale` holds {} numbers", array.values.len());
                return Err(Failure::new(&rules::BAD_SCALE, message, archive.place(SCALE_KEY)));
            };
            Some(checked_scale(*number as f32, &archive.name)?)
        }
        false => None,
    };
    Ok(Found { inputs, labels, scale })
}

/// An open `.npz` file.
struct Archive {
    name: String,
    zip: ZipArchive<Cursor<Vec<u8>>>,
}

impl Archive {
    fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let bytes = load::read(path, ARRAY_LIMIT)?;
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| {
            fault(&rules::BROKEN_ARRAY, format!("it is no .npz archive: {error}"), &name)
        })?;
        Ok(Self { name, zip })
    }

    fn has(&self, key: &str) -> bool {
        self.zip.index_for_name(&format!("{key}.npy")).is_some()
    }

    fn place(&self, key: &str) -> Place {
        Place::key(key).with_file(self.name.clone())
    }

    /// The key of the input at `position`.
    fn input_key(&self, need: &Need, position: usize, inputs: usize) -> Result<String, Failure> {
        let mut keys = names(&need.name);
        if inputs == 1 {
            keys.extend(INPUT_KEYS.map(str::to_owned));
        }
        keys.push(format!("arr_{position}"));
        if let Some(key) = keys.iter().find(|key| self.has(key)) {
            return Ok(key.clone());
        }
        /// Keys that are listed; an archive may hold any number.
        const LISTED: usize = 12;
        let mut found: Vec<String> = self
            .zip
            .file_names()
            .take(LISTED)
            .flatten()
            .map(|name| format!("`{}`", name.strip_suffix(".npy").unwrap_or(&name)))
            .collect();
        if self.zip.len() > LISTED {
            found.push("...".to_owned());
        }
        let message = format!(
            "there is no array for the input `{}`; the keys are {}",
            need.name,
            if found.is_empty() { "none".to_owned() } else { found.join(", ") }
        );
        Err(fault(&rules::NO_INPUT_ARRAY, message, &self.name))
    }

    fn array(&mut self, key: &str) -> Result<Array, Failure> {
        let place = self.place(key);
        let refuse = |message: String| Failure::new(&rules::BROKEN_ARRAY, message, place.clone());
        let entry = self.zip.by_name(&format!("{key}.npy"));
        let entry = entry.map_err(|error| refuse(error.to_string()))?;
        let mut bytes = Vec::new();
        // The size that the archive states is not believed: unpacking stops at the limit.
        let mut entry = entry.take(ARRAY_LIMIT + 1);
        entry.read_to_end(&mut bytes).map_err(|error| refuse(error.to_string()))?;
        if bytes.len() as u64 > ARRAY_LIMIT {
            let message = format!("the array unpacks to more than {ARRAY_LIMIT} bytes");
            return Err(Failure::new(&rules::DATA_TOO_LARGE, message, place));
        }
        read_npy(&bytes).map_err(refuse)
    }
}

/// The names that users know an input by: converters wrap the one that was given in training into
/// `serving_default_NAME:0`.
fn names(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    let short = name.rsplit_once(':').map_or(name, |(short, _)| short);
    let short = short.strip_prefix("serving_default_").unwrap_or(short);
    if short != name {
        names.push(short.to_owned());
    }
    names
}
