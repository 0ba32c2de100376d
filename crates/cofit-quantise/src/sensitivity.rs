//! Which layers lose most accuracy for the bytes that narrower weights save.

use cofit_exec::Buffer;
use cofit_ir::Verified;
use cofit_vocab::{Bytes, Diagnostics};

use crate::evaluate::{Metric, Runner, Truth, score};
use crate::quantise::{Quantised, Settings};
use crate::{Calibration, LayerScheme, Progress, Scheme, advance, quantise};

/// What narrowing one layer costs and saves.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// The layer: the name of its first result.
    pub layer: String,
    /// The score with only this layer narrowed, where the samples have a truth.
    pub score: Option<f64>,
    /// What is lost against the model without any layer narrowed; negative where it gained. A
    /// difference of scores where there is a truth, else of the output's SQNR in decibels.
    pub loss: f64,
    /// Power of the reference's output over power of the difference, in decibels.
    pub sqnr: f64,
    /// Bytes that narrowing saves.
    pub saved: Bytes,
    /// Loss per KiB saved: the rank.
    pub loss_per_kib: f64,
}

/// What [`sensitivity`] compares on.
pub struct Ground<'a> {
    /// Samples of reals.
    pub samples: &'a [Vec<Buffer>],
    /// What their outputs should be, and how that is scored; without it outputs are compared.
    pub truth: Option<(&'a Truth, Metric)>,
}

/// Narrows one layer with weights after the other to `narrow`, all others staying at `base`, and
/// ranks them from the one that costs least per byte saved. Layers that it does not shrink are left
/// out.
///
/// # Errors
/// What quantisation and execution refuse, and the watcher's wish to stop.
pub fn sensitivity(
    model: &Verified,
    calibration: &Calibration,
    base: &Scheme,
    narrow: &LayerScheme,
    settings: &Settings,
    ground: &Ground<'_>,
    progress: &mut Progress<'_>,
) -> Result<Vec<Sensitivity>, Diagnostics> {
    let reference = quantise(model, calibration, base, settings)?;
    let all = (reference.layers.len() + 2) * ground.samples.len();
    let mut done = 0;
    let mut outputs = |quantised: &Verified| -> Result<Vec<Vec<f32>>, Diagnostics> {
        let runner = Runner::new(quantised, &settings.execution)?;
        let mut all_outputs = Vec::with_capacity(ground.samples.len());
        for sample in ground.samples {
            advance(progress, done, all)?;
            done += 1;
            all_outputs.push(runner.run(&mut runner.state(), sample)?.concat());
        }
        Ok(all_outputs)
    };
    let float_outputs = outputs(model)?;
    let base_outputs = outputs(&reference.model)?;
    let scored = |outputs: &[Vec<f32>]| match ground.truth {
        Some((truth, metric)) => {
            let score = score(ground.samples, outputs, truth, metric)?;
            Ok(Some((score.value, if metric.is_greater_better() { 1.0 } else { -1.0 })))
        }
        None => Ok::<_, Diagnostics>(None),
    };
    let base_score = scored(&base_outputs)?;
    let base_sqnr = sqnr(&float_outputs, &base_outputs);
    let mut ranked = Vec::new();
    for (index, layer) in reference.layers.iter().enumerate() {
        let mut scheme = base.clone();
        scheme.layers.insert(layer.name.clone(), narrow.clone());
        let narrowed: Quantised = quantise(model, calibration, &scheme, settings)?;
        let bytes = narrowed.layers.get(index).map_or(layer.bytes, |found| found.bytes);
        if bytes >= layer.bytes {
            continue;
        }
        let found = outputs(&narrowed.model)?;
        let found_sqnr = sqnr(&float_outputs, &found);
        let found_score = scored(&found)?;
        let loss = match (base_score, found_score) {
            (Some((base, sign)), Some((found, _))) => sign * (base - found),
            _ => decibels_lost(base_sqnr, found_sqnr),
        };
        let saved = Bytes(layer.bytes.get() - bytes.get());
        ranked.push(Sensitivity {
            layer: layer.name.clone(),
            score: found_score.map(|(score, _)| score),
            loss,
            sqnr: found_sqnr,
            saved,
            loss_per_kib: loss / (saved.get() as f64 / 1024.0),
        });
    }
    advance(progress, all, all)?;
    // Scores of few samples often tie; then the clearer output is the better one.
    ranked
        .sort_by(|a, b| a.loss_per_kib.total_cmp(&b.loss_per_kib).then(b.sqnr.total_cmp(&a.sqnr)));
    Ok(ranked)
}

/// Decibels from `base` down to `found`, where either may be infinite.
fn decibels_lost(base: f64, found: f64) -> f64 {
    if base == found { 0.0 } else { base - found }
}

/// Power of the first over power of the difference, in decibels.
fn sqnr(reference: &[Vec<f32>], other: &[Vec<f32>]) -> f64 {
    let pairs = reference.iter().flatten().zip(other.iter().flatten());
    let (signal, noise) = pairs.fold((0.0, 0.0), |(signal, noise), (&a, &b)| {
        let (a, b) = (f64::from(a), f64::from(b));
        (signal + a * a, noise + (a - b) * (a - b))
    });
    if noise == 0.0 { f64::INFINITY } else { 10.0 * (signal / noise).log10() }
}
