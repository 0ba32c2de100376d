//! `cofit advise`: what would help, each change applied and simulated again.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use cofit_canonical::{remove_unused_tensors, spell_out_padding};
use cofit_exec::Options as Execution;
use cofit_explore::advise::{self, Ending, Kind, Options, Setting, Suggestion};
use cofit_import::tflite;
use cofit_ir::Verified;
use cofit_ir::text::{ConstantText, print};
use cofit_report::Subject;
use cofit_report::advise::{self as report, Advised, Scores};
use cofit_vocab::Place;
use cofit_vocab::diagnostic::usage;

use super::emit;
use crate::args::{AdviseArgs, DataArgs};
use crate::data::Dataset;
use crate::failure::Failure;
use crate::scoring::{self, Judge};
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(args: &AdviseArgs) -> Result<Outcome, Failure> {
    let budget = load::budget(args.max_latency.as_deref(), args.max_energy.as_deref())?;
    let only = args.only.iter().map(|id| kind(id)).collect::<Result<BTreeSet<Kind>, Failure>>()?;
    let options = Options { only, most_evaluations: args.evaluations };
    let (card, selection, chip) = load::target(&args.target.chip, &args.target.tuning)?;
    let model = load::model(&args.model.model, &args.model.reading)?;
    let setting = Setting::new(model, card, selection, chip, budget)?;

    let (advice, chain);
    let (result, outcome) = if args.until_fits {
        chain = advise::until_fits(&setting, &options)?;
        let outcome = match chain.ending {
            Ending::Fits | Ending::Cheapest | Ending::Found => Outcome::Holds,
            Ending::None | Ending::OutOfEvaluations => Outcome::Violated,
        };
        (report::Outcome::Chain(&chain), outcome)
    } else {
        advice = advise::advise(&setting, &options)?;
        (report::Outcome::Advice(&advice), Outcome::Holds)
    };
    let scores = match &args.data {
        Some(path) => Some(scores(args, path, &setting, result.suggestions())?),
        None => None,
    };
    let subject = Subject {
        model: setting.model.model(),
        chip: &setting.chip,
        evaluation: &setting.evaluation,
    };
    let advised = Advised { subject, result, scores };
    emit(
        &args.output,
        || report::text(&advised, output::rendering(&args.output)),
        || report::json_value(&advised),
        || report::csv(&advised),
        || report::markdown(&advised),
    )?;
    if let Some(path) = &args.apply {
        apply(path, result)?;
    }
    Ok(outcome)
}

/// The kind of suggestion that an id names.
fn kind(id: &str) -> Result<Kind, Failure> {
    Kind::find(id).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.id()).collect();
        let message = format!("there is no suggestion `{id}`; there are {}", known.join(", "));
        Failure::new(&usage::BAD_ARGUMENT, message, Place::default())
    })
}

/// Scores of the model and of what suggestions make of it, where it has values.
fn scores(
    args: &AdviseArgs,
    path: &Path,
    setting: &Setting,
    suggestions: &[Suggestion],
) -> Result<Scores, Failure> {
    let arguments = DataArgs {
        data: path.to_owned(),
        labels: args.labels.clone(),
        label_column: None,
        pixels: None,
        input_scale: None,
        samples: args.samples,
        skip: 0,
    };
    let score = |model: &Verified| {
        let data = Dataset::open(&arguments, model)?;
        let Some(judge) = Judge::new(&data, model, args.metric)? else {
            let message = "there are no labels";
            let code = &cofit_vocab::diagnostic::data::LABELS_MISSING;
            return Err(Failure::new(code, message, data.place()));
        };
        judge.score(&scoring::outputs(model, &data, &Execution::default(), "evaluating")?)
    };
    let before = score(&setting.model)?;
    let after = suggestions.iter().map(|suggestion| {
        let reached = suggestion.setting.as_ref()?;
        // What cannot be executed, for want of values, is not measured.
        score(&reached.model).ok()
    });
    let after = after.collect();
    Ok(Scores { before, after })
}

/// Writes the changed model: of a chain that of its last step, otherwise that of the first suggestion
/// which changes it; into a folder, every one.
fn apply(path: &Path, result: report::Outcome<'_>) -> Result<(), Failure> {
    let changed: Vec<(usize, &Suggestion, &Setting)> = result
        .suggestions()
        .iter()
        .enumerate()
        .filter(|(_, it)| matches!(it.candidate.edit, advise::Edit::Model(_)))
        .filter_map(|(at, it)| Some((at, it, &**it.setting.as_ref()?)))
        .collect();
    if path.extension().is_none() {
        std::fs::create_dir_all(path).map_err(|error| {
            let place = Place::default().with_file(path.display().to_string());
            Failure::new(&usage::UNWRITABLE_FILE, error.to_string(), place)
        })?;
        for (at, suggestion, setting) in changed {
            let name = format!("{:02}-{}", at + 1, suggestion.candidate.kind);
            // TFLite has no weights of 1 or 2 bits; model text has everything.
            match bytes_of(OsStr::new("tflite"), &setting.model) {
                Ok(bytes) => output::write_new(&path.join(name + ".tflite"), &bytes)?,
                Err(_) => write(&path.join(name + ".cofit"), &setting.model)?,
            }
        }
        return Ok(());
    }
    // Of a chain the last setting has the changes of all steps.
    let chosen = match result {
        report::Outcome::Advice(_) => changed.first().map(|(.., setting)| *setting),
        report::Outcome::Chain(chain) => {
            let last = chain.steps.iter().rev().find_map(|step| step.setting.as_deref());
            last.filter(|_| !changed.is_empty())
        }
    };
    match chosen {
        Some(setting) => write(path, &setting.model),
        None => {
            let message = "no suggestion changes the model, so that there is nothing to write";
            let place = Place::default().with_file(path.display().to_string());
            Err(Failure::new(&usage::BAD_ARGUMENT, message, place))
        }
    }
}

/// Writes a model in the format that the file's name says.
fn write(path: &Path, model: &Verified) -> Result<(), Failure> {
    let format = path.extension().unwrap_or_default();
    let bytes = bytes_of(format, model)
        .map_err(|failure| failure.unwrap_or_else(|| unknown_format(path)))?;
    output::write_new(path, &bytes)
}

fn unknown_format(path: &Path) -> Failure {
    let message = "the new file's name says its format, and ends in `.tflite` or `.cofit`";
    let place = Place::default().with_file(path.display().to_string());
    Failure::new(&usage::BAD_ARGUMENT, message, place)
}

/// A model as a file of a format; no failure at all for a format that is none. TFLite has no constants
/// without values, so that they get random ones there, which is told.
fn bytes_of(format: &OsStr, model: &Verified) -> Result<Vec<u8>, Option<Failure>> {
    match format.to_str() {
        Some("tflite") => {
            let (model, count) =
                advise::with_random_values(model).unwrap_or_else(|| (model.clone(), 0));
            let mut model = model.into_model();
            if let Some(graph) = model.main_mut() {
                spell_out_padding(graph);
                remove_unused_tensors(graph);
            }
            let bytes = tflite::write(&model).map_err(|found| Some(found.into()))?;
            if count > 0 {
                let plural = if count == 1 { "" } else { "s" };
                output::complain(&format!(
                    "{count} constant{plural} without values got random ones; train the model\n"
                ));
            }
            Ok(bytes)
        }
        Some("cofit") => Ok(print(model.model(), ConstantText::Whole).into_bytes()),
        _ => Err(None),
    }
}
