//! A question made ready: the sketch read once, chips resolved, axes laid out; and the evaluation of a
//! point.

use cofit_chip::Chip;
use cofit_explore::search::{
    Axis, Candidate, Limits, Objective, Outcome, Point, Proxy, Settings, Space, lower_bound,
};
use cofit_explore::{Budget, Evaluation, evaluate};
use cofit_import::sketch::{Domain, Parameter, Scalar, Sketch, SketchOptions, Weights};
use cofit_ir::Verified;
use cofit_report::search::TARGET;
use cofit_vocab::diagnostic::{search as codes, usage};
use cofit_vocab::{Diagnostics, Place};

use super::question::{Question, Target};
use crate::failure::{Failure, SourceText};
use crate::{load, size};

/// By how much a network that cannot be built counts as missing its limits.
const UNBUILDABLE: f64 = 1e6;

/// A question made ready.
#[derive(Debug)]
pub struct Setting {
    /// The question.
    pub question: Question,
    /// The axes; the target is the last one.
    pub space: Space,
    /// How the space is searched.
    pub settings: Settings,
    /// The user's limits.
    pub limits: Limits,
    /// What stands in for accuracy.
    pub proxy: Option<Proxy>,
    sketch: Sketch,
    chips: Vec<Chip>,
}

impl Setting {
    /// Reads the sketch and the cards, and lays out the axes.
    ///
    /// # Errors
    /// The sketch or a card is mistaken, or there is nothing to vary.
    pub fn new(question: Question) -> Result<Self, Failure> {
        let source = SourceText { name: question.file.clone(), text: question.sketch.clone() };
        let sketch = Sketch::parse(&question.sketch, &question.file)
            .map_err(|diagnostics| Failure::with_sources(diagnostics, vec![source]))?;
        let chips = question.chips()?;
        let space = space(&question, &sketch)?;
        let settings = Settings {
            objectives: question
                .objectives
                .iter()
                .filter_map(|name| Objective::ALL.into_iter().find(|one| one.name() == *name))
                .collect(),
            evaluations: question.evaluations,
            // A study may say anything.
            population: question.population.clamp(2, 4096),
            seed: question.seed,
        };
        let limits = limits(&question)?;
        let proxy = question.proxy.as_ref();
        let proxy = proxy.and_then(|name| Proxy::ALL.into_iter().find(|one| one.name() == *name));
        Ok(Self { question, space, settings, limits, proxy, sketch, chips })
    }

    /// Whether accuracies are asked for.
    pub fn wants_accuracy(&self) -> bool {
        self.settings.objectives.contains(&Objective::Accuracy) || self.limits.accuracy.is_some()
    }

    /// What a point is, in words that are unique within the space.
    pub fn key(&self, point: &Point) -> String {
        let values = self.space.values(point);
        let words: Vec<String> =
            values.map(|(axis, value)| format!("{}={value}", axis.name)).collect();
        words.join(" ")
    }

    /// The parameters of a point as `--param` takes them, fixed ones first.
    pub fn parameters(&self, point: &Point) -> Vec<(String, String)> {
        let fixed = self.question.parameters.iter().filter_map(|text| {
            text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        });
        let varied = self.space.values(point).filter(|(axis, _)| axis.name != TARGET);
        fixed.chain(varied.map(|(axis, value)| (axis.name.clone(), value.to_owned()))).collect()
    }

    /// The chip of a point.
    pub fn chip(&self, point: &Point) -> Option<&Chip> {
        self.chips.get(*point.0.last()? as usize)
    }

    /// The network of a point.
    ///
    /// # Errors
    /// Its layers do not fit one another.
    pub fn model(&self, point: &Point, weights: Weights) -> Result<Verified, Diagnostics> {
        let options = SketchOptions { parameters: self.parameters(point), weights };
        Verified::new(self.sketch.expand(&options)?)
    }

    /// The network of a point on its chip.
    ///
    /// # Errors
    /// The plan breaks its own rules, which is a mistake of cofit.
    pub fn evaluate(&self, point: &Point) -> Result<Outcome, Diagnostics> {
        let Some(chip) = self.chip(point) else { return Ok(unbuildable("no such target")) };
        let model = match self.model(point, Weights::Absent) {
            Ok(model) => model,
            Err(diagnostics) => {
                let first = diagnostics.iter().next();
                let reason = first.map_or_else(String::new, |one| one.message.clone());
                return Ok(unbuildable(&reason));
            }
        };
        let Some(graph) = model.model().main() else { return Ok(unbuildable("no graph")) };
        if let Some(refused) = lower_bound(graph, chip) {
            return Ok(refused);
        }
        let candidate = Candidate {
            macs: graph.total_macs().0,
            parameters: cofit_report::inspect::parameters(graph),
        };
        let evaluation = self.plan(&model, chip)?;
        let outcome = Outcome::of(&evaluation, candidate, &self.limits);
        Ok(match self.proxy {
            Some(Proxy::Parameters) => {
                outcome.with_accuracy(candidate.parameters as f64, &self.limits)
            }
            Some(Proxy::Macs) => outcome.with_accuracy(candidate.macs as f64, &self.limits),
            None => outcome,
        })
    }

    /// The plan, profile and verdict of a network on a chip.
    ///
    /// # Errors
    /// The plan breaks its own rules, which is a mistake of cofit.
    pub fn plan(&self, model: &Verified, chip: &Chip) -> Result<Evaluation, Diagnostics> {
        evaluate(model, chip, &Budget::default())
    }

    /// The sketch's text with the values of a point in place of its own.
    pub fn fixed_sketch(&self, point: &Point) -> String {
        let mut text = self.question.sketch.clone();
        let given = self.parameters(point);
        let mut places: Vec<(&Parameter, &str)> = self
            .sketch
            .parameters()
            .iter()
            .filter_map(|own| {
                let (_, value) = given.iter().rev().find(|(name, _)| *name == own.name)?;
                Some((own, value.as_str()))
            })
            .collect();
        // From the end on, so that earlier places stay where they are.
        places.sort_by_key(|(own, _)| std::cmp::Reverse(own.span.start));
        for (own, value) in places {
            let written = match own.value {
                Scalar::Number(_) => value.to_owned(),
                Scalar::Word(_) => format!("\"{}\"", value.escape_default()),
            };
            if text.get(own.span.clone()).is_some() {
                text.replace_range(own.span.clone(), &written);
            }
        }
        text
    }
}

fn unbuildable(reason: &str) -> Outcome {
    Outcome::Pruned { violation: UNBUILDABLE, reason: reason.to_owned() }
}

fn refuse(message: String) -> Failure {
    Failure::new(&codes::BAD_AXIS, message, Place::default())
}

/// The axes of a question.
fn space(question: &Question, sketch: &Sketch) -> Result<Space, Failure> {
    let named = |list: &[String]| -> Result<Vec<(String, String)>, Failure> {
        list.iter()
            .map(|text| {
                let (name, value) = text
                    .split_once('=')
                    .ok_or_else(|| refuse(format!("`{text}` is not of the form NAME=VALUE")))?;
                if !sketch.parameters().iter().any(|own| own.name == name) {
                    return Err(refuse(format!("the sketch has no parameter `{name}`")));
                }
                Ok((name.to_owned(), value.to_owned()))
            })
            .collect()
    };
    let fixed = named(&question.parameters)?;
    let vary = named(&question.vary)?;
    let mut axes = Vec::new();
    for parameter in sketch.parameters() {
        let given = vary.iter().rev().find(|(name, _)| *name == parameter.name);
        let is_fixed = fixed.iter().any(|(name, _)| *name == parameter.name);
        let axis = match given {
            Some((name, _)) if is_fixed => {
                return Err(refuse(format!("`{name}` cannot be fixed and vary")));
            }
            Some((name, values)) => Some(
                written_axis(parameter, values)
                    .ok_or_else(|| refuse(format!("`{name}={values}` gives no values")))?,
            ),
            None if is_fixed || !vary.is_empty() => None,
            None => declared_axis(parameter)?,
        };
        axes.extend(axis);
    }
    let targets: Vec<String> = question.targets.iter().map(target_name).collect();
    if axes.is_empty() && targets.len() < 2 {
        let message = "no parameter of the sketch varies, and there is one target";
        return Err(Failure::new(&codes::NOTHING_TO_VARY, message, Place::default()));
    }
    let own = targets.first().cloned().unwrap_or_default();
    axes.push(Axis::choices(TARGET, targets, &own));
    Ok(Space { axes })
}

/// A target in one word.
fn target_name(target: &Target) -> String {
    format!("{}/{}/{}", target.chip, target.runtime, target.operating_point)
}

/// The axis that a parameter declares; `None` where it declares none.
fn declared_axis(parameter: &Parameter) -> Result<Option<Axis>, Failure> {
    match (&parameter.domain, &parameter.value) {
        (Domain::Between(least, most), Scalar::Number(own))
            if least.is_finite() && most.is_finite() =>
        {
            let axis = Axis::numbers(&parameter.name, *least, *most, None, *own);
            axis.map(Some).ok_or_else(|| {
                refuse(format!("`{}` has too many values; narrow it with `--vary`", parameter.name))
            })
        }
        (Domain::Choices(choices), own) => {
            let values: Vec<String> = choices.iter().map(Scalar::to_string).collect();
            let mut axis = Axis::choices(&parameter.name, values, &own.to_string());
            axis.is_ordered = choices.iter().all(|choice| matches!(choice, Scalar::Number(_)));
            Ok((!axis.values.is_empty()).then_some(axis))
        }
        (Domain::Any | Domain::Between(..), _) => Ok(None),
    }
}

/// The axis that `--vary` writes.
fn written_axis(parameter: &Parameter, values: &str) -> Option<Axis> {
    if let Some((least, rest)) = values.split_once("..") {
        let (most, step) = match rest.split_once(':') {
            Some((most, step)) => (most, Some(step.parse::<f64>().ok()?)),
            None => (rest, None),
        };
        let (least, most): (f64, f64) = (least.parse().ok()?, most.parse().ok()?);
        let own = match parameter.value {
            Scalar::Number(own) if (least..=most).contains(&own) => own,
            Scalar::Number(_) => least,
            Scalar::Word(_) => return None,
        };
        return Axis::numbers(&parameter.name, least, most, step, own);
    }
    let mut list: Vec<String> = Vec::new();
    for value in values.split(',').map(str::trim).filter(|value| !value.is_empty()) {
        if !list.iter().any(|known| known == value) {
            list.push(value.to_owned());
        }
    }
    let is_ordered = list.iter().all(|value| value.parse::<f64>().is_ok());
    let axis = Axis::choices(&parameter.name, list, &parameter.value.to_string());
    (!axis.values.is_empty() && axis.values.len() <= 4096).then_some(Axis { is_ordered, ..axis })
}

/// The limits of a question.
fn limits(question: &Question) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for (name, text) in &question.limits {
        let bytes = || size::parse(text).map(|bytes| Some(bytes.get()));
        match name.as_str() {
            "latency" => {
                let units = [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0)];
                limits.latency = Some(load::quantity(text, &units, "a time", "50ms")?);
            }
            "energy" => {
                let units = [("pJ", 1e-12), ("nJ", 1e-9), ("uJ", 1e-6), ("mJ", 1e-3), ("J", 1.0)];
                limits.energy = Some(load::quantity(text, &units, "an energy", "2mJ")?);
            }
            "sram" => limits.sram = bytes()?,
            "flash" => limits.flash = bytes()?,
            "traffic" => limits.traffic = bytes()?,
            "accuracy" => {
                let least = text.parse().ok().filter(|least: &f64| least.is_finite());
                limits.accuracy = Some(least.ok_or_else(|| {
                    let message = format!("`{text}` is no accuracy");
                    Failure::new(&usage::BAD_ARGUMENT, message, Place::default())
                })?);
            }
            other => {
                let message = format!("there is no limit `{other}`");
                return Err(Failure::new(&codes::BROKEN_STUDY, message, Place::default()));
            }
        }
    }
    Ok(limits)
}
