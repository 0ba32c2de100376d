//! `cofit quantize`: a float model to an integer one, with what that saves and costs.

use std::ffi::OsStr;
use std::path::Path;

use cofit_chip::Chip;
use cofit_import::tflite;
use cofit_ir::Verified;
use cofit_ir::text::{ConstantText, print};
use cofit_quantise::bias_correction::bias_shifts;
use cofit_quantise::chip_rules::{ChipLayer, execution_options};
use cofit_quantise::equalise::{Equalised, Relu6, equalise};
use cofit_quantise::evaluate::Score;
use cofit_quantise::layer_error::layer_errors;
use cofit_quantise::quantise::{Quantised, Settings};
use cofit_quantise::scheme::Border;
use cofit_quantise::{Method, Scheme, calibrate, quantise};
use cofit_report::quantize::{Comparison, Quantisation};
use cofit_report::score::DataUsed;
use cofit_report::words;
use cofit_vocab::diagnostic::{quantisation, usage};
use cofit_vocab::{Bytes, Diagnostic, Diagnostics, ElementType, Place};

use super::emit;
use crate::args::{DataArgs, JudgeArgs, OutputArgs, QuantizeArgs};
use crate::data::Dataset;
use crate::failure::Failure;
use crate::progress::Bar;
use crate::scoring::{self, Judge};
use crate::{Outcome, load, output};

/// What the new file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Tflite,
    Text,
}

/// Runs the command.
pub fn run(args: &QuantizeArgs) -> Result<Outcome, Failure> {
    let stored = stored(&args.output)?;
    let mut settings = settings(&args.range)?;
    let chip = args.chip.as_ref().map(|chip| load::chip(chip, &args.tuning)).transpose()?;
    let source = load::model(&args.model.model, &args.model.reading)?;
    require_float(&source)?;
    let (model, balanced) = match args.equalise {
        true => {
            let Equalised { model, pairs } = equalise(&source, Relu6::Keep)?;
            (model, pairs.len())
        }
        false => (source.clone(), 0),
    };
    let (scheme, name, allowed) = scheme(args, &model, chip.as_ref())?;
    let mut chip_notes = Diagnostics::new();
    if let Some(chip) = &chip {
        (settings.execution, chip_notes) = execution_options(chip);
    }
    let data = calibration_data(&args.data, &args.judge, &model)?;
    let test = judged_data(&args.data, &args.judge, &model)?;
    let judged = test.as_ref().unwrap_or(&data);
    let judge = Judge::new(judged, &model, args.judge.metric)?;

    let samples = data.samples()?;
    let mut bar = Bar::new("calibrating");
    let calibration =
        calibrate(&model, &samples, &settings.execution, &mut |done, all| bar.step(done, all))?;
    drop(bar);
    let mut measures = measures(args, balanced);
    let mut quantised = quantise(&model, &calibration, &scheme, &settings)?;
    if !args.no_bias_correction {
        let mut bar = Bar::new("correcting biases");
        let mut watch = |done, all| bar.step(done, all);
        let shifts = bias_shifts(&model, &calibration, &scheme, &settings, &samples, &mut watch)?;
        drop(bar);
        let corrected = Settings { bias_shifts: shifts, ..settings.clone() };
        let corrected = quantise(&model, &calibration, &scheme, &corrected)?;
        let outputs = |model: &Verified| {
            scoring::outputs(model, &data, &settings.execution, "correcting biases")
        };
        let float = outputs(&model)?;
        let sqnr = |quantised: &Quantised| {
            Ok::<_, Failure>(scoring::change(&float, &outputs(&quantised.model)?, None).sqnr)
        };
        let (before, after) = (sqnr(&quantised)?, sqnr(&corrected)?);
        if after > before {
            measures.push(format!("biases corrected: {:.1} dB closer", after - before));
            quantised = corrected;
        } else {
            measures.push("biases left: correcting them brings nothing".to_owned());
        }
    }
    let mut notes = chip_notes;
    notes.extend(quantised.notes.iter().cloned());
    let bytes = encoded(&quantised.model, stored, &args.output)?;

    let before = scoring::outputs(&source, judged, &settings.execution, "float")?;
    let after = scoring::outputs(&quantised.model, judged, &settings.execution, "quantised")?;
    let (scores, change) = match &judge {
        Some(judge) => {
            let scores: (Score, Score) = (judge.score(&before)?, judge.score(&after)?);
            (Some((judge.metric, scores.0, scores.1)), judge.change(&before, &after))
        }
        None => (None, scoring::change(&before, &after, None)),
    };
    let mut bar = Bar::new("comparing layers");
    let errors =
        layer_errors(&model, &quantised.model, &samples, &settings.execution, &mut |done, all| {
            bar.step(done, all)
        })?;
    drop(bar);

    output::write_new(&args.output, &bytes)?;
    let used = |data: &Dataset| DataUsed { name: data.name().to_owned(), samples: data.len() };
    let report = Quantisation {
        float: source.model(),
        scheme: name,
        range: range_words(settings.method),
        measures,
        calibration: used(&data),
        comparison: Comparison {
            data: used(judged),
            is_calibration: test.is_none(),
            scores,
            change,
        },
        layers: &quantised.layers,
        errors: &errors,
        notes: &notes,
        chip: chip.as_ref(),
        allowed,
        file: (args.output.display().to_string(), Bytes(bytes.len() as u64)),
        float_file: file_bytes(&args.model.model),
    };
    let output = OutputArgs { format: args.format, output: None };
    emit(
        &output,
        || report.text(output::rendering(&output)),
        || report.json_value(),
        || report.csv(),
        || report.markdown(),
    )?;
    Ok(Outcome::Holds)
}

/// The format that the new file's name says. A file that is there already is refused before the
/// work and not after it.
fn stored(path: &Path) -> Result<Stored, Failure> {
    let place = || Place::default().with_file(path.display().to_string());
    let stored = match path.extension().and_then(OsStr::to_str) {
        Some("tflite") => Stored::Tflite,
        Some("cofit") => Stored::Text,
        _ => {
            let message = "the new file's name says its format, and ends in `.tflite` or `.cofit`";
            return Err(Failure::new(&usage::BAD_ARGUMENT, message, place()));
        }
    };
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::new(&usage::OUTPUT_EXISTS, "the file exists already", place())),
        Err(_) => Ok(stored),
    }
}

/// The model in its new file's format. What TFLite has no type for goes into model text.
fn encoded(model: &Verified, stored: Stored, path: &Path) -> Result<Vec<u8>, Failure> {
    match stored {
        Stored::Text => Ok(print(model.model(), ConstantText::Whole).into_bytes()),
        Stored::Tflite => tflite::write(model.model()).map_err(|refused| {
            let text = path.with_extension("cofit");
            let help =
                format!("model text stores every width: write it with `-o {}`", text.display());
            // One layer says what all the others would say again.
            let first = refused.into_vec().into_iter().next();
            let told: Diagnostics =
                first.map_or_else(Diagnostics::new, |one| one.with_help(help).into());
            Failure::from(told)
        }),
    }
}

/// Refuses a model without floats before it is run on float samples.
///
/// # Errors
/// There is nothing to quantise.
pub(super) fn require_float(model: &Verified) -> Result<(), Failure> {
    let graph = model.main_graph();
    let mut results = graph.operators.values().flat_map(|operator| &operator.outputs);
    if results.any(|&id| graph.tensors[id].element == ElementType::Float32) {
        return Ok(());
    }
    let message = "no operator of the model computes in float32";
    Err(Failure::new(&quantisation::NOT_FLOAT, message, Place::default()))
}

/// The data that ranges are measured on. It needs no labels where other data is judged on.
///
/// # Errors
/// Those of [`Dataset::open`].
pub(super) fn calibration_data(
    data: &DataArgs,
    judge: &JudgeArgs,
    model: &Verified,
) -> Result<Dataset, Failure> {
    let mut args = data.clone();
    args.labels = args.labels.filter(|_| judge.test.is_none());
    Dataset::open(&args, model)
}

/// The data that models are judged on, where it is not the data of the calibration.
///
/// # Errors
/// Those of [`Dataset::open`].
pub(super) fn judged_data(
    data: &DataArgs,
    judge: &JudgeArgs,
    model: &Verified,
) -> Result<Option<Dataset>, Failure> {
    let Some(path) = &judge.test else { return Ok(None) };
    let args = DataArgs { data: path.clone(), samples: None, skip: 0, ..data.clone() };
    Dataset::open(&args, model).map(Some)
}

/// How a model is quantised beside the scheme.
///
/// # Errors
/// A range that is none.
pub(super) fn settings(range: &str) -> Result<Settings, Failure> {
    let percentile = || {
        let share: f64 = range.strip_prefix("percentile=")?.parse().ok()?;
        (share > 50.0 && share <= 100.0).then_some(Method::Percentile(share))
    };
    let method = match range {
        "minmax" => Method::MinMax,
        "mse" => Method::Mse,
        _ => percentile().ok_or_else(|| {
            let message = format!("`--range {range}` is not minmax, mse or percentile=P");
            let diagnostic = Diagnostic::error(&usage::BAD_ARGUMENT, message, Place::default());
            diagnostic.with_help("P lies above 50 and up to 100, as in `--range percentile=99.9`")
        })?,
    };
    Ok(Settings { method, ..Settings::default() })
}

fn range_words(method: Method) -> String {
    match method {
        Method::MinMax => "min-max ranges".to_owned(),
        Method::Percentile(share) => format!("ranges of {share} % of the values"),
        Method::Mse => "ranges of least squared error".to_owned(),
    }
}

/// What is done beside quantising, with the number of pairs of layers that were balanced.
fn measures(args: &QuantizeArgs, balanced: usize) -> Vec<String> {
    let mut measures = Vec::new();
    if args.equalise {
        measures.push(format!("{balanced} pairs of layers balanced"));
    }
    if args.float_io {
        measures.push("float inputs and outputs".to_owned());
    }
    measures
}

/// The scheme that is asked for, or that the chip allows; its name, and what the chip makes of it.
fn scheme(
    args: &QuantizeArgs,
    model: &Verified,
    chip: Option<&Chip>,
) -> Result<(Scheme, String, Vec<String>), Failure> {
    let is_asked = args.scheme.is_some() || !args.layers.is_empty();
    let mut asked: Scheme = args.scheme.as_deref().unwrap_or("w8a8").parse()?;
    for layer in &args.layers {
        asked.set_layer(&whole_name(model, layer))?;
    }
    if args.float_io {
        asked.border = Border::Float;
    }
    let Some(chip) = chip else {
        let name = scheme_name(&asked);
        return Ok((asked, name, Vec::new()));
    };
    let found = Scheme::for_chip(model, chip, is_asked.then_some(&asked))?;
    let mut scheme = found.scheme;
    scheme.border = asked.border;
    let name = scheme_name(&scheme);
    let allowed = allowed(&scheme, &found.layers);
    Ok((scheme, name, allowed))
}

/// `NAME=SCHEME` with the layer's name as the model has it: tables print the short one, without what
/// a converter joined to it.
fn whole_name(model: &Verified, layer: &str) -> String {
    let Some((given, scheme)) = layer.rsplit_once('=') else { return layer.to_owned() };
    let graph = model.main_graph();
    let names = || graph.operators.keys().map(|id| graph.operator_name(id));
    if names().any(|name| name == given) {
        return layer.to_owned();
    }
    let mut short = names().filter(|name| words::short_name(name) == given);
    match (short.next(), short.next()) {
        (Some(name), None) => format!("{name}={scheme}"),
        _ => layer.to_owned(),
    }
}

/// What a chip's card made of a scheme, in words.
fn allowed(scheme: &Scheme, layers: &[ChipLayer]) -> Vec<String> {
    let mut pairs: Vec<(String, usize)> = Vec::new();
    for layer in layers {
        let own = scheme.of(&layer.name);
        let pair = format!("{own} on {} ({})", layer.engine, layer.mode);
        match pairs.iter_mut().find(|(name, _)| *name == pair) {
            Some((_, count)) => *count += 1,
            None => pairs.push((pair, 1)),
        }
    }
    let count = |(pair, count): (String, usize)| match count {
        1 => format!("{pair}: 1 layer"),
        count => format!("{pair}: {count} layers"),
    };
    let mut allowed: Vec<String> = pairs.into_iter().map(count).collect();
    if scheme.power_of_two {
        allowed.push("scales are powers of two".to_owned());
    }
    if scheme.symmetric_activations {
        allowed.push("zero points are 0".to_owned());
    }
    if !layers.iter().all(|layer| scheme.of(&layer.name).per_axis) {
        allowed.push("one scale for all weights of a layer".to_owned());
    }
    if let Some(bits) = scheme.bias_bits {
        allowed.push(format!("biases have {bits} bits"));
    }
    allowed
}

/// `w4a8`; `mixed` where layers differ.
fn scheme_name(scheme: &Scheme) -> String {
    let name = scheme.all.to_string();
    let mut layers = scheme.layers.values().map(ToString::to_string).peekable();
    // Where every layer has its own, what holds for all others holds for none.
    let Some(first) = layers.next() else { return name };
    let is_alike = layers.all(|layer| layer == first);
    if is_alike && first == name { name } else { format!("{name}, mixed") }
}

/// Bytes of the model file.
fn file_bytes(path: &Path) -> Bytes {
    Bytes(path.metadata().map_or(0, |metadata| metadata.len()))
}
