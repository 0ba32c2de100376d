//! `cofit calibrate`: a runtime's costs, fitted to measured rows of one chip.

use std::path::Path;

use cofit_calibrate::conformal::{NOMINAL, Scores};
use cofit_calibrate::leave_out::leave_networks_out;
use cofit_calibrate::overlay::{Fitted, head};
use cofit_calibrate::pool::{Means, Pool};
use cofit_calibrate::validation::{Method, Score};
use cofit_chip::Chip;
use cofit_report::calibrate::{self, Calibration};
use cofit_vocab::Place;
use cofit_vocab::diagnostic::calibration;

use super::emit;
use crate::args::CalibrateArgs;
use crate::failure::Failure;
use crate::measured::{self, Measured, Networks};
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(args: &CalibrateArgs) -> Result<Outcome, Failure> {
    let chip = load::chip(&args.target.chip, &args.target.tuning)?;
    let folder = args
        .models
        .clone()
        .unwrap_or_else(|| args.rows.parent().map(Path::to_path_buf).unwrap_or_default());
    let mut networks = Networks::in_folder(&folder);
    if let Some(model) = &args.model {
        networks.otherwise(load::model(model, &load::reading_as_is())?);
    }
    let measured = measured::read_for(&args.rows, &mut networks, &chip)?;
    let mut pool = Pool::around(Means::Card);
    let mut pooled: Vec<&Measured> = Vec::new();
    for one in &measured.rows {
        if one.sample.terms.others == 0 && pool.add(one.sample.clone()) {
            pooled.push(one);
        }
    }
    if pooled.is_empty() {
        let reasons: Vec<String> = measured
            .others
            .iter()
            .map(|(reason, count)| format!("{count} with {}", reason.words()))
            .collect();
        let message = format!(
            "no row tells about {} on {}: {}",
            chip.runtime.id,
            chip.target.id,
            if reasons.is_empty() {
                "its engine has no table of costs".to_owned()
            } else {
                reasons.join(", ")
            }
        );
        let place = Place::default().with_file(args.rows.display().to_string());
        return Err(Failure::new(&calibration::NOTHING_TO_FIT, message, place));
    }
    let posterior = pool.fit();
    let left_out = leave_networks_out(&pool, &posterior, |_, _| {});
    let scores = Scores::of(&pool, &left_out);
    let setting = pooled[0].sample.setting.clone();
    // One network cannot be left out: what it leaves is the prior.
    let factor = scores.factor(&setting, None, NOMINAL).unwrap_or(1.0).max(1.0);
    let rows: Vec<Score> = pooled
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let observation = &pool.problem.observations[at];
            let (value, deviation) = posterior.predict(observation);
            let spread = (factor * deviation.hypot(observation.width)).exp();
            let predicted = value.exp();
            Score {
                card: chip.target.id.clone(),
                runtime: chip.runtime.id.clone(),
                release: one.row.release.clone(),
                model: one.row.model.clone(),
                network: one.sample.network,
                is_whole: one.row.layer().is_none(),
                class: one.class(),
                method: Method::Fitted,
                clock: one.clock,
                measured: one.sample.cycles,
                predicted,
                interval: (predicted / spread, predicted * spread),
            }
        })
        .collect();
    let before: Vec<f64> = pooled.iter().map(|one| one.sample.terms.cycles()).collect();
    let mut errors: Vec<f64> = rows.iter().map(|row| row.interval.1 / row.predicted).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let spread = errors.get(errors.len() / 2).copied().unwrap_or(1.0);
    let mut fitted = Fitted::of(&chip, (1.0 / spread, spread), |term| {
        let (base, effects) = pool.coefficient(term, &setting)?;
        let known: Vec<_> = effects
            .into_iter()
            .filter(|(id, _)| (id.0 as usize) < posterior.effects.len())
            .collect();
        Some(posterior.coefficient(base, &known).exp())
    });
    if let Some(fitted) = &mut fitted {
        fitted.rows = rows.len();
        let networks: std::collections::BTreeSet<usize> =
            pool.samples.iter().map(|sample| sample.network).collect();
        fitted.networks = networks.len();
    }
    if let (Some(path), Some(fitted)) = (&args.overlay, &fitted) {
        output::write_new(path, overlay(&chip, &args.target.chip, fitted).as_bytes())?;
    }
    let others = measured.others.iter().map(|(reason, count)| (reason.words(), *count)).collect();
    let result = Calibration { chip: &chip, rows, before, left_out: &left_out, others };
    emit(
        &args.output,
        || calibrate::text(&result, output::rendering(&args.output)),
        || calibrate::json_value(&result),
        || calibrate::csv(&result),
        || calibrate::markdown(&result),
    )?;
    Ok(Outcome::Holds)
}

/// A card that extends the chip's, with the fitted costs of the runtime.
fn overlay(chip: &Chip, base: &str, fitted: &Fitted) -> String {
    let comment = format!(
        "{} with the costs of {} fitted to measured rows by `cofit calibrate`.",
        chip.target.name.as_deref().unwrap_or(&chip.target.id),
        chip.runtime.id
    );
    let formula = "mode of the posterior around the card's costs under the user's rows";
    // A card file is found from wherever the overlay lies.
    let base = match base.ends_with(".toml") {
        true => std::path::absolute(base)
            .map_or_else(|_| base.to_owned(), |path| path.display().to_string()),
        false => base.to_owned(),
    };
    let text = head(&comment, formula) + &fitted.text();
    text.replacen(
        "schema = 1\n",
        &format!("schema = 1\nextends = {base:?}\n\n[target]\nid = {:?}\n", chip.target.id),
        1,
    )
}
