//! Whether a chip accepts a member within the question's limits.

use cofit_chip::{Chip, Tier};
use cofit_compile::plan::Constraint;
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Verified;
use cofit_vocab::{Bytes, Code, Diagnostics, Figure, FigureKind, Unit};
use cranelift_entity::EntityRef;

use super::member::Form;
use super::{Member, Question};
use crate::{ConstraintResult, Evaluation, Measure, Status, evaluate};

/// What refuses a member.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// The constraint.
    pub name: String,
    /// What the member needs.
    pub need: Measure,
    /// What there is.
    pub limit: Measure,
    /// Where it binds.
    pub place: String,
    /// The rule that is broken, where there is one.
    pub rule: Option<&'static Code>,
    /// How many places of the network break the rule; 1 where need and limit say it all.
    pub places: usize,
    /// What the rule says of the place; empty where need and limit say it all.
    pub message: String,
}

impl Obstacle {
    /// How many times the limit is needed; `None` for broken rules.
    pub fn excess(&self) -> Option<f64> {
        let number = |measure: &Measure| match measure {
            Measure::Figure(quantity) => quantity.figure().map(|figure| figure.value),
            Measure::Words(_) => None,
        };
        match (number(&self.need), number(&self.limit)) {
            (Some(need), Some(limit)) if limit > 0.0 => Some(need / limit),
            (Some(_), Some(_)) => Some(f64::INFINITY),
            _ => None,
        }
    }
}

/// A member that was evaluated.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// Its model and what became of it; `None` where the template cannot be built so.
    pub(super) outcome: Option<(Verified, Box<Evaluation>)>,
    /// What refuses it.
    pub(super) obstacles: Vec<Obstacle>,
}

impl Judged {
    pub(super) fn is_accepted(&self) -> bool {
        self.outcome.is_some() && self.obstacles.is_empty()
    }
}

/// Evaluates members, and counts how often.
pub(super) struct Judge<'a> {
    pub(super) question: &'a Question,
    chip: &'a Chip,
    /// The form of the members.
    pub(super) form: Form,
    spent: u32,
}

impl<'a> Judge<'a> {
    pub(super) const fn new(question: &'a Question, chip: &'a Chip, form: Form) -> Self {
        Self { question, chip, form, spent: 0 }
    }

    /// The judge of another form, with what is left to spend.
    pub(super) fn of(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Judges a member without weights; `None` where the evaluations are spent.
    ///
    /// # Errors
    /// The plan breaks its own rules.
    pub(super) fn judge(&mut self, member: &Member) -> Result<Option<Judged>, Diagnostics> {
        if self.spent >= self.question.evaluations {
            return Ok(None);
        }
        self.spent += 1;
        self.weigh(self.form.model(member)).map(Some)
    }

    /// Judges a member with its weights, whatever was spent: what leaves must have been seen.
    ///
    /// # Errors
    /// The plan breaks its own rules.
    pub(super) fn seeded(&mut self, member: &Member) -> Result<Judged, Diagnostics> {
        let name = &self.question.name;
        let weights = Weights::Random { seed: self.question.seed };
        let options = SketchOptions { parameters: Vec::new(), weights };
        let model = expand(&member.text(name)?, &format!("{name}.toml"), &options);
        self.weigh(model.and_then(Verified::new))
    }

    /// What refuses a member, without its weights or else with them, whatever was spent.
    ///
    /// # Errors
    /// The plan breaks its own rules.
    pub(super) fn obstacles(&mut self, member: &Member) -> Result<Vec<Obstacle>, Diagnostics> {
        let light = self.weigh(self.form.model(member))?.obstacles;
        if light.is_empty() { Ok(self.seeded(member)?.obstacles) } else { Ok(light) }
    }

    fn weigh(&self, model: Result<Verified, Diagnostics>) -> Result<Judged, Diagnostics> {
        let model = match model {
            Ok(model) => model,
            Err(diagnostics) => {
                let obstacles = diagnostics.iter().map(|diagnostic| Obstacle {
                    name: "form".to_owned(),
                    need: Measure::Words("-".to_owned()),
                    limit: Measure::Words("-".to_owned()),
                    place: diagnostic.place.to_string(),
                    rule: Some(diagnostic.code),
                    places: 1,
                    message: diagnostic.message.clone(),
                });
                return Ok(Judged { outcome: None, obstacles: obstacles.collect() });
            }
        };
        let evaluation = evaluate(&model, self.chip, &self.question.budget)?;
        let mut obstacles: Vec<Obstacle> = evaluation
            .verdict
            .constraints
            .iter()
            .filter(|result| is_refusal(result))
            .map(|result| obstacle(result, &evaluation))
            .collect();
        obstacles.extend(self.ceilings(&evaluation));
        Ok(Judged { outcome: Some((model, Box::new(evaluation))), obstacles })
    }

    /// The question's own limits on memories.
    fn ceilings(&self, evaluation: &Evaluation) -> Vec<Obstacle> {
        let plan = &evaluation.plan;
        let used = |wanted: &dyn Fn(usize, bool) -> bool| -> Bytes {
            let memories = plan
                .memories
                .iter()
                .filter(|(id, used)| wanted(id.index(), !used.activations.is_zero()));
            Bytes(memories.fold(0u64, |sum, (_, used)| sum.saturating_add(used.need().get())))
        };
        let is_flash = |at: usize| self.chip.memories[at].tier == Tier::Flash;
        let sram = used(&|at, has_activations| has_activations && !is_flash(at));
        let flash = used(&|at, _| is_flash(at));
        let limits =
            [("SRAM limit", sram, self.question.sram), ("flash limit", flash, self.question.flash)];
        limits
            .into_iter()
            .filter_map(|(name, need, limit)| Some((name, need, limit?)))
            .filter(|(_, need, limit)| need > limit)
            .map(|(name, need, limit)| {
                let bytes = |bytes: Bytes, kind| {
                    Measure::Figure(Figure::point(bytes.as_f64(), Unit::Bytes, kind).into())
                };
                Obstacle {
                    name: name.to_owned(),
                    need: bytes(need, FigureKind::Planned),
                    limit: bytes(limit, FigureKind::Exact),
                    place: "the network".to_owned(),
                    rule: None,
                    places: 1,
                    message: String::new(),
                }
            })
            .collect()
    }
}

/// Whether a constraint refuses: it fails, or it is a figure with a limit whose interval reaches over
/// that limit. What nobody can tell, such as a memory of unknown size, refuses nothing.
fn is_refusal(result: &ConstraintResult) -> bool {
    match result.status {
        Status::Pass => false,
        Status::Fail => true,
        Status::Unknown => match (&result.need, &result.limit) {
            (Measure::Figure(need), Measure::Figure(limit)) => {
                let ends = need.figure().zip(limit.figure());
                result.name == "energy" && ends.is_some_and(|(need, limit)| need.high > limit.value)
                    || result.name == "time"
                        && ends.is_some_and(|(need, limit)| need.high > limit.value)
            }
            _ => false,
        },
    }
}

/// A constraint with the message of the refusal behind it.
fn obstacle(result: &ConstraintResult, evaluation: &Evaluation) -> Obstacle {
    let kind = match result.name.as_str() {
        "precision" => Some(Constraint::Precision),
        "operators" => Some(Constraint::Operators),
        "network" => Some(Constraint::Network),
        "layer memory" => Some(Constraint::Memory),
        _ => None,
    };
    let refusals = evaluation.plan.refusals.iter();
    let refusals = refusals.filter(|refusal| Some(refusal.constraint) == kind);
    let message = refusals
        .clone()
        .find(|refusal| Some(refusal.diagnostic.code) == result.rule)
        .map_or_else(String::new, |refusal| refusal.diagnostic.message.clone());
    let places = refusals.count().max(1);
    Obstacle {
        name: result.name.clone(),
        need: result.need.clone(),
        limit: result.limit.clone(),
        place: result.place.clone(),
        rule: result.rule,
        places,
        message,
    }
}
