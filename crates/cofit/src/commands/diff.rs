//! `cofit diff`: two results side by side.

use std::path::Path;

use cofit_explore::diff::{Comparison, ResultDocument, document};
use cofit_explore::{Budget, evaluate};
use cofit_import::Format;
use cofit_report::diff::{self, Compared};
use cofit_report::{Subject, json, sim};
use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Diagnostic, Diagnostics, Place};

use super::emit;
use crate::args::diff::DiffArgs;
use crate::args::{ReadingArgs, TuningArgs};
use crate::failure::Failure;
use crate::{Outcome, load, output};

/// Runs the command. That the sides cannot be compared outweighs a regression.
pub fn run(args: &DiffArgs) -> Result<Outcome, Failure> {
    if let Some(percent) = args.fail_on_regression
        && !(percent.is_finite() && percent >= 0.0)
    {
        let message = format!("`--fail-on-regression {percent}` is no share from 0");
        return Err(Failure::new(&usage::BAD_ARGUMENT, message, Place::default()));
    }
    let (other_chip, other_tuning) = args.other_target();
    let other_reading = args.other_reading();
    let path_b = args.b.as_deref().unwrap_or(&args.a);
    let one = Side {
        path: &args.a,
        chip: args.chip.as_ref(),
        tuning: &args.tuning,
        reading: &args.reading,
    };
    let other =
        Side { path: path_b, chip: other_chip, tuning: &other_tuning, reading: &other_reading };
    let (is_result_a, is_result_b) = (is_result(one.path)?, is_result(other.path)?);
    refuse_idle(args, is_result_a, is_result_b)?;
    let a = if is_result_a { one.result()? } else { one.model()? };
    let b = if is_result_b { other.result()? } else { other.model()? };
    let comparison = Comparison::of(&a, &b);
    let names = [args.a.display().to_string(), path_b.display().to_string()];
    let compared = Compared {
        comparison: &comparison,
        names: [&names[0], &names[1]],
        is_forced: args.force,
        tolerance: args.fail_on_regression,
    };
    emit(
        &args.output,
        || diff::text(&compared, output::rendering(&args.output)),
        || diff::json_value(&compared),
        || diff::csv(&compared),
        || diff::markdown(&compared),
    )?;
    if comparison.is_blocked() {
        return Ok(Outcome::NotComparable);
    }
    let percent = args.fail_on_regression;
    let is_worse = percent.is_some_and(|percent| !comparison.regressions(percent).is_empty());
    Ok(if is_worse { Outcome::Violated } else { Outcome::Holds })
}

/// One side as the command line states it.
struct Side<'a> {
    path: &'a Path,
    chip: Option<&'a String>,
    tuning: &'a TuningArgs,
    reading: &'a ReadingArgs,
}

impl Side<'_> {
    /// A result that was written before.
    fn result(&self) -> Result<ResultDocument, Failure> {
        let bytes = load::read(self.path, document::MAX_BYTES as u64)?;
        ResultDocument::read(&bytes).map_err(|diagnostic| self.named(*diagnostic))
    }

    /// A model on its chip, through the same door as a file.
    fn model(&self) -> Result<ResultDocument, Failure> {
        let chip = self.chip.ok_or_else(|| {
            let message = "a model is compared on a chip, and none is given";
            let place = Place::default().with_file(self.path.display().to_string());
            let failure = Diagnostic::error(&usage::BAD_ARGUMENT, message, place);
            failure.with_help("give `--chip ID`, or results that `cofit sim --format json` wrote")
        })?;
        let chip = load::chip(chip, self.tuning)?;
        let model = load::model(self.path, self.reading)?;
        let evaluation = evaluate(&model, &chip, &Budget::default())?;
        let subject = Subject { model: model.model(), chip: &chip, evaluation: &evaluation };
        let text = json::text(&sim::json_value(&subject));
        ResultDocument::read(text.as_bytes()).map_err(|diagnostic| self.named(*diagnostic))
    }

    fn named(&self, mut diagnostic: Diagnostic) -> Failure {
        diagnostic.place.file = Some(self.path.display().to_string());
        Failure::from(Diagnostics::from(diagnostic))
    }
}

/// Whether a file is a result: JSON begins with a brace, and no model does.
fn is_result(path: &Path) -> Result<bool, Failure> {
    let bytes = load::read(path, load::MODEL_LIMIT)?;
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(Format::detect(&bytes).is_none() && matches!(first, Some(b'{' | b'[')))
}

/// Options that would change nothing are mistakes.
fn refuse_idle(args: &DiffArgs, is_result_a: bool, is_result_b: bool) -> Result<(), Failure> {
    let is_tuned = |chip: &Option<String>, tuning: &TuningArgs| {
        chip.is_some()
            || tuning.runtime.is_some()
            || tuning.op_point.is_some()
            || tuning.clock.is_some()
            || tuning.threads.is_some()
            || !tuning.overrides.is_empty()
    };
    let is_read = |reading: &ReadingArgs| {
        !reading.parameters.is_empty() || reading.seed.is_some() || !reading.dimensions.is_empty()
    };
    let other = &args.other;
    let is_other = is_tuned(
        &other.b_chip,
        &TuningArgs {
            runtime: other.b_runtime.clone(),
            op_point: other.b_op_point.clone(),
            clock: other.b_clock.clone(),
            threads: other.b_threads,
            overrides: other.b_overrides.clone(),
        },
    ) || is_read(&ReadingArgs {
        parameters: other.b_parameters.clone(),
        seed: other.b_seed,
        dimensions: other.b_dimensions.clone(),
    });
    let refuse = |message: &str, help: &str| {
        let failure = Diagnostic::error(&usage::BAD_ARGUMENT, message, Place::default());
        Err(failure.with_help(help).into())
    };
    if is_result_b && is_other {
        let help = "leave the `--b-` options out, or give the model in place of its result";
        return refuse("B is a result, in which chip and options are settled", help);
    }
    let is_any = is_tuned(&args.chip, &args.tuning) || is_read(&args.reading);
    if is_result_a && is_result_b && is_any {
        let help = "leave the options out, or give the models in place of their results";
        return refuse("both sides are results, in which chip and options are settled", help);
    }
    if args.b.is_none() && !is_other {
        let help = "give B, or an option of B alone, such as `--b-chip ID`";
        return refuse("there is nothing to compare with", help);
    }
    Ok(())
}
