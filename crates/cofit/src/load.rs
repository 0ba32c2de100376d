//! Reading models and cards from files.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use cofit_chip::{Card, Chip, Rejected, Selection, catalogue};
use cofit_explore::Budget;
use cofit_import::onnx::OnnxOptions;
use cofit_import::{Format, sketch};
use cofit_ir::verify::Verified;
use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Diagnostic, Diagnostics, Hertz, PicoJoules, Place, Seconds, Severity};

use crate::args::{ReadingArgs, TuningArgs};
use crate::failure::{Failure, SHOWN, SourceText, render};
use crate::output;

/// The largest model file that is read. Far above any model for the chips that cofit knows, and
/// below what would fill a small machine's memory.
pub const MODEL_LIMIT: u64 = 2 << 30;

/// The largest array file that is read.
pub const ARRAY_LIMIT: u64 = 2 << 30;

/// Reads and verifies a model file of any format.
///
/// # Errors
/// The file cannot be read, or its content is no sound model.
pub fn model(path: &Path, reading: &ReadingArgs) -> Result<Verified, Failure> {
    let name = path.display().to_string();
    let bytes = bytes::Bytes::from(read(path, MODEL_LIMIT)?);
    let format = Format::detect(&bytes);
    let source = || {
        matches!(format, Some(Format::Text | Format::Sketch)).then(|| SourceText {
            name: name.clone(),
            text: String::from_utf8_lossy(&bytes).into(),
        })
    };
    let with_source = |diagnostics: Diagnostics| {
        Failure::with_sources(in_file(diagnostics, &name), source().into_iter().collect())
    };
    if format != Some(Format::Onnx) && !reading.dimensions.is_empty() {
        let message = "`--dim` is for ONNX files, and the model is none";
        return Err(Failure::new(&usage::BAD_ARGUMENT, message, Place::default()));
    }
    let mut model = match format {
        Some(Format::Sketch) => {
            let text = String::from_utf8_lossy(&bytes);
            sketch::expand(&text, &name, &sketch_options(reading)?).map_err(with_source)?
        }
        Some(Format::Tflite | Format::Text | Format::Onnx) | None => {
            refuse_sketch_arguments(reading)?;
            let options = onnx_options(reading)?;
            let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
            let external =
                |location: &str, offset, length| beside(&folder, location, offset, length);
            let (model, diagnostics) =
                cofit_import::load_with(bytes.clone(), &name, &options, &external);
            match model {
                Some(model) if !diagnostics.has_errors() => {
                    warn(&diagnostics);
                    model
                }
                Some(_) | None => return Err(with_source(diagnostics)),
            }
        }
    };
    if model.name.is_empty() {
        model.name = stem(path);
    }
    Verified::new(model).map_err(with_source)
}

/// How a model is read that the command line says nothing about.
pub const fn reading_as_is() -> ReadingArgs {
    ReadingArgs { parameters: Vec::new(), seed: None, dimensions: Vec::new() }
}

/// Messages that say which file they are about, as one command may read several.
fn in_file(diagnostics: Diagnostics, name: &str) -> Diagnostics {
    let mut named = Diagnostics::new();
    named.extend(diagnostics.into_vec().into_iter().map(|mut diagnostic| {
        diagnostic.place.file.get_or_insert_with(|| name.into());
        diagnostic
    }));
    named
}

/// The file's name without directories and extension.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Shows what is worth knowing about a model that was read all the same.
pub fn warn(diagnostics: &Diagnostics) {
    let mut worth = Diagnostics::new();
    worth.extend(diagnostics.iter().filter(|one| one.severity >= Severity::Warning).cloned());
    output::complain(&render(&worth, &[], SHOWN));
}

fn sketch_options(arguments: &ReadingArgs) -> Result<sketch::SketchOptions, Failure> {
    let mut parameters = Vec::new();
    for parameter in &arguments.parameters {
        let (name, value) = parameter.split_once('=').ok_or_else(|| {
            let message = format!("`--param {parameter}` is not of the form NAME=VALUE");
            Failure::new(&usage::BAD_ARGUMENT, message, Place::default())
        })?;
        parameters.push((name.to_owned(), value.to_owned()));
    }
    let weights = match arguments.seed {
        Some(seed) => sketch::Weights::Random { seed },
        None => sketch::Weights::Absent,
    };
    Ok(sketch::SketchOptions { parameters, weights })
}

/// The axes that `--dim` fixes.
fn onnx_options(arguments: &ReadingArgs) -> Result<OnnxOptions, Failure> {
    let mut dimensions = Vec::new();
    for dimension in &arguments.dimensions {
        let fixed = dimension.rsplit_once('=').and_then(|(name, length)| {
            let length: u32 = length.trim().parse().ok().filter(|&length| length > 0)?;
            Some((name.to_owned(), length))
        });
        dimensions.push(fixed.ok_or_else(|| {
            let message = format!("`--dim {dimension}` is not of the form NAME=N");
            Failure::new(&usage::BAD_ARGUMENT, message, Place::default())
        })?);
    }
    Ok(OnnxOptions { dimensions })
}

/// Bytes of a file in the model's folder, where an ONNX model keeps constants. The location comes
/// from the model, so one that leads out of the folder is not followed.
fn beside(folder: &Path, location: &str, offset: u64, length: u64) -> Option<bytes::Bytes> {
    let location = Path::new(location);
    let is_inside =
        location.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !is_inside || length > MODEL_LIMIT {
        return None;
    }
    // A link may still lead elsewhere.
    let path = folder.join(location).canonicalize().ok()?;
    let root = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !path.starts_with(root.canonicalize().ok()?) {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() < offset.checked_add(length)? {
        return None;
    }
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?);
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(bytes.into())
}

/// A model file has no parameters to set.
fn refuse_sketch_arguments(arguments: &ReadingArgs) -> Result<(), Failure> {
    if arguments.parameters.is_empty() && arguments.seed.is_none() {
        return Ok(());
    }
    let message = "`--param` and `--seed` are for sketches, and the model is none";
    Err(Failure::new(&usage::BAD_ARGUMENT, message, Place::default()))
}

/// Reads a card, by its id in the catalogue or from a file.
///
/// # Errors
/// There is no such card, or it is mistaken.
pub fn card(chip: &str) -> Result<Card, Failure> {
    if !chip.ends_with(".toml") {
        return match Card::from_catalogue(chip) {
            Some(card) => card.map_err(|rejected| rejection(&rejected)),
            None => Err(unknown_chip(chip)),
        };
    }
    let path = Path::new(chip);
    let bytes = read(path, cofit_chip::MAX_CARD_BYTES as u64)?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    Card::parse_bytes(&bytes, chip, &|base| neighbour(&folder, base))
        .map_err(|rejected| rejection(&rejected))
}

/// The text of a card file that another one extends.
fn neighbour(folder: &Path, base: &str) -> Option<(String, String)> {
    let path: PathBuf = folder.join(base);
    let bytes = read(&path, cofit_chip::MAX_CARD_BYTES as u64).ok()?;
    Some((path.display().to_string(), String::from_utf8(bytes).ok()?))
}

fn unknown_chip(chip: &str) -> Failure {
    let mut diagnostic = Diagnostic::error(
        &usage::UNKNOWN_CHIP,
        format!("there is no chip `{chip}` in the catalogue"),
        Place::default(),
    );
    if let Some(near) = catalogue::suggest(chip) {
        diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
    }
    diagnostic.into()
}

/// A card's messages with the texts that they point into.
pub fn rejection(rejected: &Rejected) -> Failure {
    let sources = rejected
        .sources
        .files()
        .iter()
        .map(|file| SourceText { name: file.name.clone(), text: file.text.to_string() })
        .collect();
    Failure::with_sources(rejected.diagnostics.clone(), sources)
}

/// The chip that the command line chooses.
///
/// # Errors
/// There is no such card, runtime or operating point, or an override does not apply.
pub fn chip(chip: &str, tuning: &TuningArgs) -> Result<Chip, Failure> {
    Ok(target(chip, tuning)?.2)
}

/// The chip that the command line chooses, with its card and what was chosen of it.
///
/// # Errors
/// As [`chip`].
pub fn target(chip: &str, tuning: &TuningArgs) -> Result<(Card, Selection, Chip), Failure> {
    let mut card = card(chip)?;
    for change in &tuning.overrides {
        card.set(change).map_err(|rejected| rejection(&rejected))?;
    }
    let clock = tuning.clock.as_deref().map(clock).transpose()?;
    let selection = Selection {
        runtime: tuning.runtime.clone(),
        operating_point: tuning.op_point.clone(),
        clock,
        threads: tuning.threads,
    };
    let chip = card.resolve(&selection).map_err(|rejected| rejection(&rejected))?;
    Ok((card, selection, chip))
}

/// A clock as `120MHz`.
fn clock(text: &str) -> Result<Hertz, Failure> {
    quantity(text, &[("GHz", 1e9), ("MHz", 1e6), ("kHz", 1e3), ("Hz", 1.0)], "a clock", "120MHz")
        .map(Hertz)
}

/// A number with one of `units`, in the unit of factor 1.
///
/// # Errors
/// Any other text.
pub fn quantity(
    text: &str,
    units: &[(&str, f64)],
    what: &str,
    example: &str,
) -> Result<f64, Failure> {
    units
        .iter()
        .find_map(|(unit, factor)| {
            let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
            Some(number * factor)
        })
        .filter(|value| value.is_finite() && *value > 0.0)
        .ok_or_else(|| {
            let message = format!("`{text}` is not {what}; write it as in `{example}`");
            Failure::new(&usage::BAD_ARGUMENT, message, Place::default())
        })
}

/// The limits on time and energy that arguments such as `50ms` and `2mJ` set.
///
/// # Errors
/// Any other text.
pub fn budget(latency: Option<&str>, energy: Option<&str>) -> Result<Budget, Failure> {
    let seconds = |text: &str| {
        let units = [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
        quantity(text, &units, "a time", "50ms").map(Seconds)
    };
    let picojoules = |text: &str| {
        let units = [("pJ", 1.0), ("nJ", 1e3), ("uJ", 1e6), ("mJ", 1e9), ("J", 1e12)];
        quantity(text, &units, "an energy", "2mJ").map(PicoJoules)
    };
    Ok(Budget {
        latency: latency.map(seconds).transpose()?,
        energy: energy.map(picojoules).transpose()?,
    })
}

/// The bytes of a regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let refuse = |message: String| {
        let place = Place::default().with_file(path.display().to_string());
        Failure::new(&usage::UNREADABLE_FILE, message, place)
    };
    let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| refuse(error.to_string()))?;
    if !metadata.is_file() {
        return Err(refuse("it is not a regular file".to_owned()));
    }
    if metadata.len() > limit {
        return Err(refuse(format!(
            "{} bytes are more than the {limit} that are read",
            metadata.len()
        )));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.take(limit).read_to_end(&mut bytes).map_err(|error| refuse(error.to_string()))?;
    Ok(bytes)
}
