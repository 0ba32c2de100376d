//! `cofit validate`: how wrong simulated times are, by measured rows whose network is left out.

use std::collections::BTreeMap;
use std::path::Path;

use cofit_calibrate::conformal::{self, NOMINAL, Scores};
use cofit_calibrate::fit::{Observation, Posterior};
use cofit_calibrate::hierarchy::{Effect, Setting};
use cofit_calibrate::leave_out::{Prediction, leave_networks_out};
use cofit_calibrate::overlay::{Fitted, head};
use cofit_calibrate::pool::{Pool, Sample};
use cofit_calibrate::validation::{Method, Score};
use cofit_chip::{Card, Chip, Selection, catalogue};
use cofit_report::validate::{self, Validation};
use cofit_sim::terms::{Coefficient, coefficients};

use super::emit;
use crate::args::ValidateArgs;
use crate::failure::Failure;
use crate::measured::{self, Measured, Measurements, Networks};
use crate::progress::Bar;
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(args: &ValidateArgs) -> Result<Outcome, Failure> {
    let models = args.models.clone().unwrap_or_else(|| beside(&args.rows));
    let measured = measured::read(&args.rows, &mut Networks::in_folder(&models))?;
    let Study { mut pool, posterior, factors, scores } = study(&measured);
    if let Some(folder) = &args.fitted {
        write_fitted(&mut pool, &posterior, &factors, folder)?;
    }
    let others = measured.others.iter().map(|(reason, count)| (reason.words(), *count)).collect();
    let validation = Validation { scores, others, nominal: NOMINAL };
    if let Some(folder) = &args.page {
        output::replace(&folder.join("accuracy.md"), validate::page(&validation).as_bytes())?;
        for (name, plot) in validate::plots(&validation) {
            output::replace(&folder.join(name), plot.as_bytes())?;
        }
    }
    emit(
        &args.output,
        || validate::text(&validation, output::rendering(&args.output)),
        || validate::json_value(&validation),
        || validate::csv(&validation),
        || validate::markdown(&validation),
    )?;
    Ok(Outcome::Holds)
}

/// The folder of models beside the folder of rows.
pub fn beside(rows: &Path) -> std::path::PathBuf {
    let folder = rows.parent().map(|folder| folder.join("..").join("models"));
    folder.unwrap_or_default()
}

/// A pool, its fit, and what was predicted for the networks left out.
struct Study {
    pool: Pool,
    posterior: Posterior,
    factors: Scores,
    scores: Vec<Score>,
}

fn study(measured: &Measurements) -> Study {
    let mut pool = Pool::default();
    let mut pooled: Vec<&Measured> = Vec::new();
    let mut scores = Vec::new();
    for one in &measured.rows {
        if one.sample.terms.others == 0 && pool.add(one.sample.clone()) {
            pooled.push(one);
        } else if one.row.layer().is_none() {
            scores.push(by_equations(one));
        }
    }
    let posterior = pool.fit();
    let mut bar = Bar::new("leaving networks out");
    let predictions = leave_networks_out(&pool, &posterior, |done, all| {
        let _ = bar.step(done, all);
    });
    drop(bar);
    // Layers are predicted too, but intervals are of whole networks.
    let whole: Vec<Prediction> = predictions
        .iter()
        .filter(|prediction| pooled[prediction.row].row.layer().is_none())
        .copied()
        .collect();
    let factors = Scores::of(&pool, &whole);
    for prediction in &predictions {
        let sample = &pool.samples[prediction.row];
        let own = factors.factor(&sample.setting, Some(sample.network), NOMINAL);
        scores.push(score(pooled[prediction.row], prediction, own.unwrap_or(1.0)));
    }
    Study { pool, posterior, factors, scores }
}

fn score(one: &Measured, prediction: &Prediction, factor: f64) -> Score {
    let predicted = one.sample.cycles * prediction.error.exp();
    let spread = (factor * prediction.deviation).exp();
    Score {
        interval: (predicted / spread, predicted * spread),
        predicted,
        method: Method::Fitted,
        ..blank(one)
    }
}

/// The prediction of a timing model that has nothing fitted.
fn by_equations(one: &Measured) -> Score {
    let predicted = one.profile.cycles.as_f64();
    let accuracy = &one.profile.accuracy;
    Score {
        interval: (predicted * accuracy.low, predicted * accuracy.high),
        predicted,
        method: Method::Equations,
        ..blank(one)
    }
}

fn blank(one: &Measured) -> Score {
    Score {
        card: one.row.card.clone(),
        runtime: one.row.runtime.clone(),
        release: one.row.release.clone(),
        model: one.row.model.clone(),
        network: one.sample.network,
        is_whole: one.row.layer().is_none(),
        class: one.class(),
        method: Method::Fitted,
        clock: one.clock,
        measured: one.sample.cycles,
        predicted: 0.0,
        interval: (0.0, 0.0),
    }
}

/// The networks, at most, by which a runtime that has no rows of its own is judged how unsure it is.
const REFERENCES: usize = 9;

/// Writes the fitted overlay of every card of the catalogue.
fn write_fitted(
    pool: &mut Pool,
    posterior: &Posterior,
    factors: &Scores,
    folder: &Path,
) -> Result<(), Failure> {
    for entry in catalogue() {
        let Some(card) = Card::from_catalogue_unfitted(entry.id) else { continue };
        let card = card.map_err(|one| load::rejection(&one))?;
        let first = card.resolve(&Selection::default()).map_err(|one| load::rejection(&one))?;
        let mut text = String::new();
        let mut rows = 0;
        for runtime in &first.runtimes {
            let selection = Selection { runtime: Some(runtime.clone()), ..Selection::default() };
            let chip = card.resolve(&selection).map_err(|one| load::rejection(&one))?;
            if let Some(fitted) = fitted(pool, posterior, factors, &chip) {
                rows += fitted.rows;
                text += &fitted.text();
            }
        }
        if text.is_empty() {
            continue;
        }
        let comment = format!(
            "Coefficients of {} fitted to measured rows of all chips together.\n\
             Written by `cofit validate --fitted`; not to be edited.",
            first.target.name.as_deref().unwrap_or(entry.id)
        );
        let formula = "mode of the posterior of a hierarchy of effects by library, core and chip \
                       under measured rows (crate cofit-calibrate); intervals by conformal prediction \
                       with networks left out";
        let path = folder.join(format!("{}.toml", entry.id));
        // With an interval of its own a time is no structural figure any more.
        let maturity = if rows > 0 { "measured" } else { "modelled" };
        let target = format!("\n[target]\nmaturity = \"{maturity}\"\n");
        output::replace(&path, (head(&comment, formula) + &target + &text).as_bytes())?;
    }
    Ok(())
}

/// Standard deviations of a normal distribution that hold nine tenths of it.
const NORMAL_TAIL: f64 = 1.645;

/// Networks by which it is judged how unsure a runtime is: those of its own rows, else of the nearest
/// that have rows. Waiting for memories is another chip's affair.
fn references(pool: &Pool, setting: &Setting) -> Vec<Sample> {
    let mut nearest: BTreeMap<usize, (f64, &Sample)> = BTreeMap::new();
    for sample in &pool.samples {
        let near = conformal::likeness(setting, &sample.setting);
        let entry = nearest.entry(sample.network).or_insert((near, sample));
        if near > entry.0 {
            *entry = (near, sample);
        }
    }
    let most = nearest.values().map(|(near, _)| *near).fold(0.0, f64::max);
    let chosen = nearest.into_values().filter(|(near, _)| *near >= most).take(REFERENCES);
    chosen
        .map(|(_, sample)| {
            let mut sample = sample.clone();
            if sample.setting.card != setting.card {
                sample
                    .terms
                    .terms
                    .retain(|term| !matches!(term.coefficient, Coefficient::Access { .. }));
            }
            sample
        })
        .collect()
}

fn fitted(pool: &mut Pool, posterior: &Posterior, factors: &Scores, chip: &Chip) -> Option<Fitted> {
    let setting = measured::setting(chip, "");
    let own: Vec<&Sample> = pool
        .samples
        .iter()
        .filter(|sample| Setting { release: String::new(), ..sample.setting.clone() } == setting)
        .collect();
    let networks: std::collections::BTreeSet<usize> = own.iter().map(|one| one.network).collect();
    let rows = own.len();
    let references = references(pool, &setting);
    // First every effect that will be asked for, then the posterior that knows them.
    let asked: Vec<Observation> = references
        .iter()
        .map(|sample| {
            let is_own = sample.setting.library == setting.library;
            let release = if is_own { sample.setting.release.clone() } else { String::new() };
            let setting = Setting { release, ..setting.clone() };
            pool.observation(&Sample { setting, ..sample.clone() })
        })
        .collect();
    for term in coefficients(chip, 0) {
        let _ = pool.coefficient(&term, &setting);
    }
    let posterior = posterior.with_effects(&pool.problem);
    let mut deviations: Vec<f64> = asked
        .iter()
        .map(|observation| posterior.predict(observation).1.hypot(observation.width))
        .collect();
    deviations.sort_unstable_by(f64::total_cmp);
    let deviation = deviations.get(deviations.len() / 2).copied().unwrap_or(1.0);
    let factor = factors.factor(&setting, None, NOMINAL).unwrap_or(1.0);
    // A user's release is another than those measured, and releases differ.
    let release = NORMAL_TAIL * Effect::Release.width();
    let spread = (factor * deviation).hypot(release).exp();
    let mut fitted = Fitted::of(chip, (1.0 / spread, spread), |term| {
        let (base, effects) = pool.coefficient(term, &setting)?;
        Some(posterior.coefficient(base, &effects).exp())
    })?;
    fitted.rows = rows;
    fitted.networks = networks.len();
    Some(fitted)
}
