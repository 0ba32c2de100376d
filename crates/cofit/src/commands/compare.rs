//! `cofit compare`: models against chips.

use cofit_chip::{Chip, catalogue};
use cofit_explore::{Budget, Evaluation, evaluate};
use cofit_report::Subject;
use cofit_report::compare::{self, Pair};

use super::emit;
use crate::args::{CompareArgs, TuningArgs};
use crate::failure::Failure;
use crate::progress::Bar;
use crate::{Outcome, load, output};

/// Runs the command. Chips that refuse a model are part of the result and no failure.
pub fn run(args: &CompareArgs) -> Result<Outcome, Failure> {
    let ids: Vec<String> = if args.chips.is_empty() {
        catalogue().map(|entry| entry.id.to_owned()).collect()
    } else {
        args.chips.clone()
    };
    let chips: Vec<Chip> =
        ids.iter().map(|id| chip_of(id, args.threads)).collect::<Result<_, _>>()?;
    let models = args
        .models
        .iter()
        .map(|path| load::model(path, &args.reading))
        .collect::<Result<Vec<_>, _>>()?;
    let mut results: Vec<(usize, usize, Result<Evaluation, String>)> = Vec::new();
    let mut bar = Bar::new("comparing");
    for (m, model) in models.iter().enumerate() {
        for (c, chip) in chips.iter().enumerate() {
            let _ = bar.step(results.len(), models.len() * chips.len());
            let result = evaluate(model, chip, &Budget::default());
            let result = result.map_err(|mistakes| {
                mistakes.iter().next().map_or_else(String::new, ToString::to_string)
            });
            results.push((m, c, result));
        }
    }
    drop(bar);
    let pairs: Vec<Pair<'_>> = results
        .iter()
        .map(|(m, c, result)| Pair {
            model: &models[*m].model().name,
            chip: chips[*c].id(),
            result: result
                .as_ref()
                .map(|evaluation| Subject {
                    model: models[*m].model(),
                    chip: &chips[*c],
                    evaluation,
                })
                .map_err(Clone::clone),
        })
        .collect();
    emit(
        &args.output,
        || compare::text(&pairs, output::rendering(&args.output)),
        || compare::json_value(&pairs),
        || compare::csv(&pairs),
        || compare::markdown(&pairs),
    )?;
    Ok(Outcome::Holds)
}

/// The chip `id` with so many threads, or with as many as help there.
fn chip_of(id: &str, threads: Option<u32>) -> Result<Chip, Failure> {
    let mut tuning = TuningArgs::default();
    let chip = load::chip(id, &tuning)?;
    tuning.threads = threads.map(|threads| threads.min(chip.most_threads()));
    if tuning.threads.is_none() { Ok(chip) } else { load::chip(id, &tuning) }
}
