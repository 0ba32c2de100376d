//! `cofit sensitivity`: which layers bear narrower weights.

use cofit_quantise::sensitivity::{Ground, sensitivity};
use cofit_quantise::{LayerScheme, Scheme, calibrate};
use cofit_report::score::DataUsed;
use cofit_report::sensitivity::Ranking;

use super::emit;
use super::quantize::{calibration_data, judged_data, require_float, settings};
use crate::args::SensitivityArgs;
use crate::data::Dataset;
use crate::failure::Failure;
use crate::progress::Bar;
use crate::scoring::{self, Judge};
use crate::{Outcome, load, output};

/// Runs the command.
pub fn run(args: &SensitivityArgs) -> Result<Outcome, Failure> {
    let narrow: LayerScheme = args.scheme.parse()?;
    let base: Scheme = args.base.parse()?;
    let settings = settings(&args.range)?;
    let model = load::model(&args.model.model, &args.model.reading)?;
    require_float(&model)?;
    let data = calibration_data(&args.data, &args.judge, &model)?;
    let test = judged_data(&args.data, &args.judge, &model)?;
    let judged = test.as_ref().unwrap_or(&data);
    let judge = Judge::new(judged, &model, args.judge.metric)?;
    let calibration_samples = data.samples()?;
    let mut bar = Bar::new("calibrating");
    let calibration =
        calibrate(&model, &calibration_samples, &settings.execution, &mut |done, all| {
            bar.step(done, all)
        })?;
    drop(bar);
    let samples = match &test {
        Some(test) => test.samples()?,
        None => calibration_samples,
    };
    let ground = Ground {
        samples: &samples,
        truth: judge.as_ref().map(|judge| (judge.truth(), judge.metric)),
    };
    let mut bar = Bar::new("narrowing");
    let layers =
        sensitivity(&model, &calibration, &base, &narrow, &settings, &ground, &mut |done, all| {
            bar.step(done, all)
        })?;
    drop(bar);
    let reference = match &judge {
        Some(judge) => {
            let quantised = cofit_quantise::quantise(&model, &calibration, &base, &settings)?;
            let outputs =
                scoring::outputs(&quantised.model, judged, &settings.execution, "evaluating")?;
            Some(judge.score(&outputs)?)
        }
        None => None,
    };
    let used = |data: &Dataset| DataUsed { name: data.name().to_owned(), samples: data.len() };
    let ranking = Ranking {
        model: model.model(),
        base: args.base.clone(),
        narrow: args.scheme.clone(),
        calibration: used(&data),
        data: used(judged),
        metric: judge.as_ref().map(|judge| judge.metric),
        reference,
        layers: &layers,
    };
    emit(
        &args.output,
        || ranking.text(output::rendering(&args.output)),
        || ranking.json_value(),
        || ranking.csv(),
        || ranking.markdown(),
    )?;
    Ok(Outcome::Holds)
}
