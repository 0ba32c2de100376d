//! `cofit choose`: which engine and which chip for this model, and why.

use cofit_chip::{Chip, catalogue};
use cofit_explore::choose::{Criterion, Duty, choose};
use cofit_report::choose as report;
use cofit_vocab::diagnostic::usage;
use cofit_vocab::{Diagnostic, Hertz, Place};

use super::emit;
use crate::args::TuningArgs;
use crate::args::choose::{By, ChooseArgs};
use crate::failure::Failure;
use crate::{Outcome, load, output};

/// Runs the command. That no chip fits is a violated constraint.
pub fn run(args: &ChooseArgs) -> Result<Outcome, Failure> {
    let budget = load::budget(args.max_latency.as_deref(), args.max_energy.as_deref())?;
    let duty = args.rate.as_deref().map(rate).transpose()?;
    let criterion = match args.by {
        Some(By::Latency) => Criterion::Latency,
        Some(By::Energy) => Criterion::Energy,
        Some(By::WakeUp) => Criterion::WakeUp,
        Some(By::Power) if duty.is_none() => {
            let message = "an average power needs a rate";
            let failure = Diagnostic::error(&usage::BAD_ARGUMENT, message, Place::default());
            return Err(failure.with_help("give `--rate`, as in `--rate 10Hz`").into());
        }
        Some(By::Power) => Criterion::Power,
        None if duty.is_some() => Criterion::Power,
        None => Criterion::Latency,
    };
    let tuning = TuningArgs::default();
    let ids: Vec<String> = match args.chips.is_empty() {
        true => catalogue().map(|entry| entry.id.to_owned()).collect(),
        false => args.chips.clone(),
    };
    let chips: Vec<Chip> =
        ids.iter().map(|id| load::chip(id, &tuning)).collect::<Result<_, _>>()?;
    let model = load::model(&args.model.model, &args.model.reading)?;
    let choice = choose(&model, &chips, &budget, duty, criterion)?;
    emit(
        &args.output,
        || report::text(model.model(), &choice, output::rendering(&args.output)),
        || report::json_value(model.model(), &choice),
        || report::csv(model.model(), &choice),
        || report::markdown(model.model(), &choice),
    )?;
    let best = choice.candidates.first();
    Ok(match best.map(|best| best.evaluation.verdict.status) {
        Some(cofit_explore::Status::Fail) | None => Outcome::Violated,
        Some(cofit_explore::Status::Pass | cofit_explore::Status::Unknown) => Outcome::Holds,
    })
}

fn rate(text: &str) -> Result<Duty, Failure> {
    let units = [("mHz", 1e-3), ("kHz", 1e3), ("Hz", 1.0)];
    let rate = load::quantity(text, &units, "a rate", "10Hz")?;
    Ok(Duty { rate: Hertz(rate) })
}
