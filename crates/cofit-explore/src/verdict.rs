//! Each constraint with need, limit, headroom, where it binds, and what kind of figure it is.

use std::collections::BTreeSet;

use cofit_chip::{Chip, Content, Tier};
use cofit_compile::plan::{Constraint, EngineId, MemoryId, Placement, Plan, StepId};
use cofit_sim::{Cause, Profile};
use cofit_vocab::diagnostic::chip_rule as code;
use cofit_vocab::{Code, Figure, FigureKind, PicoJoules, Quantity, Seconds, Unit};
use cranelift_entity::EntityRef;

/// Limits that the user sets beside the chip's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Longest time of one inference.
    pub latency: Option<Seconds>,
    /// Largest energy of one inference.
    pub energy: Option<PicoJoules>,
}

/// How a constraint came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It holds.
    Pass,
    /// It cannot be told.
    Unknown,
    /// It is violated.
    Fail,
}

impl Status {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

/// A need or a limit: a figure, or words where no number says it.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// A figure.
    Figure(Quantity),
    /// Words.
    Words(String),
}

/// One constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintResult {
    /// What is constrained.
    pub name: String,
    /// The memory, where it is about one.
    pub memory: Option<MemoryId>,
    /// What the model needs.
    pub need: Measure,
    /// What there is.
    pub limit: Measure,
    /// Limit less need, negative where the need is larger; `None` where neither is a number.
    pub headroom: Option<f64>,
    /// How it came out.
    pub status: Status,
    /// How the need is known; `None` for rules.
    pub kind: Option<FigureKind>,
    /// Where it binds.
    pub place: String,
    /// The rule that is broken.
    pub rule: Option<&'static Code>,
}

/// A step that takes a large share of the cycles.
#[derive(Clone, Debug, PartialEq)]
pub struct Hotspot {
    /// The step.
    pub step: StepId,
    /// What most of its cycles are spent on.
    pub cause: Cause,
    /// Its share of all cycles, 0 to 1.
    pub share: f64,
}

/// Whether a chip runs a plan within a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The worst of the constraints.
    pub status: Status,
    /// The constraints: memories first, then rules, then budgets.
    pub constraints: Vec<ConstraintResult>,
    /// The steps that take most cycles, at most three.
    pub hotspots: Vec<Hotspot>,
}

impl Verdict {
    /// Judges a plan and its profile.
    pub fn of(plan: &Plan, profile: &Profile, chip: &Chip, budget: &Budget) -> Self {
        let mut constraints: Vec<ConstraintResult> =
            plan.memories.keys().filter_map(|id| memory(plan, chip, id)).collect();
        constraints.extend(maps(plan));
        constraints.push(precision(plan, chip));
        constraints.push(operators(plan, chip));
        constraints.extend(network(plan));
        constraints.extend(latency(profile, budget));
        constraints.extend(energy(profile, budget));
        let status = constraints.iter().map(|result| result.status).max().unwrap_or(Status::Pass);
        Self { status, constraints, hotspots: hotspots(profile) }
    }
}

/// A byte count as a planned figure.
fn bytes(value: f64, kind: FigureKind) -> Measure {
    Measure::Figure(Figure::point(value, Unit::Bytes, kind).into())
}

/// Whether a memory holds what the plan puts into it; `None` for memories that it does not use.
fn memory(plan: &Plan, chip: &Chip, id: MemoryId) -> Option<ConstraintResult> {
    let used = &plan.memories[id];
    let card = &chip.memories[id.index()];
    if used.need().is_zero() {
        return None;
    }
    let has_activations = !used.activations.is_zero();
    let name = match (has_activations, card.tier) {
        (true, Tier::Sram | Tier::Scratch | Tier::Register) => format!("SRAM: {}", card.id),
        (false, Tier::Flash) => format!("flash: {}", card.id),
        _ if card.may_hold(Content::Weight) && !has_activations => format!("weights: {}", card.id),
        _ => format!("memory: {}", card.id),
    };
    let need = used.need().as_f64();
    let refusals = plan.refusals.iter().filter(|refusal| refusal.constraint == Constraint::Memory);
    let mut rules = refusals.map(|refusal| refusal.diagnostic.code).filter(|_| !used.fits());
    // Constants can overflow a memory that the activations alone fit.
    let any = rules.clone().next();
    let rule = rules.find(|rule| (**rule == code::WEIGHTS_EXCEEDED) != has_activations).or(any);
    let (limit, headroom, status) = match used.available {
        Some(available) => {
            let kind = if card.size.is_assumed() { FigureKind::Assumed } else { FigureKind::Exact };
            let status = if used.fits() { Status::Pass } else { Status::Fail };
            (bytes(available.as_f64(), kind), Some(available.as_f64() - need), status)
        }
        None => (Measure::Words("unknown".to_owned()), None, Status::Unknown),
    };
    let place = match used.peak_step {
        Some(step) => plan.step_name(step),
        None => "all layers".to_owned(),
    };
    let kind = FigureKind::Planned;
    Some(ConstraintResult {
        name,
        memory: Some(id),
        need: bytes(need, kind),
        limit,
        headroom,
        status,
        kind: Some(kind),
        place,
        rule,
    })
}

/// Refusals about single maps, blocks and constants that no memory's sum shows.
fn maps(plan: &Plan) -> Option<ConstraintResult> {
    let shown = |rule: &Code| *rule == code::MEMORY_EXCEEDED || *rule == code::WEIGHTS_EXCEEDED;
    let memory_fits = plan.memories.values().all(cofit_compile::plan::MemoryUse::fits);
    let mut refusals = plan
        .refusals
        .iter()
        .filter(|refusal| refusal.constraint == Constraint::Memory)
        .filter(|refusal| memory_fits || !shown(refusal.diagnostic.code));
    let first = refusals.next()?;
    let more = refusals.count();
    Some(rule_result(
        "layer memory",
        first.step.map_or_else(|| "the network".to_owned(), |step| plan.step_name(step)),
        more,
        first.diagnostic.code,
    ))
}

/// A violated rule.
fn rule_result(name: &str, place: String, more: usize, rule: &'static Code) -> ConstraintResult {
    let place = if more == 0 { place } else { format!("{place} and {more} more") };
    ConstraintResult {
        name: name.to_owned(),
        memory: None,
        need: Measure::Words("-".to_owned()),
        limit: Measure::Words("-".to_owned()),
        headroom: None,
        status: Status::Fail,
        kind: None,
        place,
        rule: Some(rule),
    }
}

/// Whether every step's widths are ones that its engine multiplies.
fn precision(plan: &Plan, chip: &Chip) -> ConstraintResult {
    let mut used: BTreeSet<(bool, u32, u32)> = BTreeSet::new();
    for step in plan.steps.values() {
        let precision = &step.precision;
        if let Some(weights) = precision.weight_bits {
            used.insert((precision.is_float, weights, precision.activation_bits));
        }
    }
    let need: Vec<String> = used
        .iter()
        .map(|(is_float, weights, activations)| {
            if *is_float { format!("f{activations}") } else { format!("w{weights}a{activations}") }
        })
        .collect();
    let limit: Vec<String> = chip.engines.first().map_or_else(Vec::new, |engine| {
        engine
            .precision
            .iter()
            .filter(|pair| pair.mode != cofit_chip::PrecisionMode::Unsupported)
            .map(|pair| match pair.kind {
                cofit_chip::NumberKind::Integer => {
                    format!("w{}a{}", pair.weight_bits, pair.activation_bits)
                }
                cofit_chip::NumberKind::Float => format!("f{}", pair.activation_bits),
            })
            .collect()
    });
    let refused: Vec<_> = plan
        .refusals
        .iter()
        .filter(|refusal| refusal.constraint == Constraint::Precision)
        .collect();
    let emulated = plan.steps.values().filter(|step| step.precision.is_emulated).count();
    let (status, place, rule) = match refused.first() {
        Some(first) => {
            let name = first.step.map_or_else(String::new, |step| plan.step_name(step));
            let more = refused.len() - 1;
            let place = if more == 0 { name } else { format!("{name} and {more} more") };
            (Status::Fail, place, Some(first.diagnostic.code))
        }
        None if emulated > 0 => (Status::Pass, format!("{emulated} layers emulated"), None),
        None => (Status::Pass, format!("all {} layers", plan.steps.len()), None),
    };
    ConstraintResult {
        name: "precision".to_owned(),
        memory: None,
        need: Measure::Words(if need.is_empty() { "-".to_owned() } else { need.join(" ") }),
        limit: Measure::Words(limit.join(" ")),
        headroom: None,
        status,
        kind: None,
        place,
        rule,
    }
}

/// Whether every operator has an engine.
fn operators(plan: &Plan, chip: &Chip) -> ConstraintResult {
    let counted: Vec<_> =
        plan.steps.iter().filter(|(_, step)| step.placement != Placement::View).collect();
    let main = EngineId::new(0);
    let native = counted
        .iter()
        .filter(|(_, step)| step.engine == main && step.placement == Placement::Native)
        .count();
    let engine = chip.engines.first().map_or("-", |engine| engine.id.as_str());
    let refused: Vec<_> = plan
        .refusals
        .iter()
        .filter(|refusal| refusal.constraint == Constraint::Operators)
        .collect();
    let fallbacks: Vec<StepId> = counted
        .iter()
        .filter(|(_, step)| matches!(step.placement, Placement::Fallback(_)))
        .map(|(id, _)| *id)
        .collect();
    let place = |first: StepId, count: usize| {
        let name = plan.step_name(first);
        if count == 1 { name } else { format!("{name} and {} more", count - 1) }
    };
    let (status, place, rule) = match (refused.first(), fallbacks.first()) {
        (Some(first), _) => (
            Status::Fail,
            first.step.map_or_else(String::new, |step| place(step, refused.len())),
            Some(first.diagnostic.code),
        ),
        (None, Some(&first)) => {
            (Status::Pass, format!("on the host: {}", place(first, fallbacks.len())), None)
        }
        (None, None) => (Status::Pass, "all layers".to_owned(), None),
    };
    ConstraintResult {
        name: "operators".to_owned(),
        memory: None,
        need: Measure::Words(format!("{native}/{} on {engine}", counted.len())),
        limit: Measure::Words("-".to_owned()),
        headroom: None,
        status,
        kind: None,
        place,
        rule,
    }
}

/// The chip's limits on whole networks that are broken.
fn network(plan: &Plan) -> impl Iterator<Item = ConstraintResult> {
    plan.refusals
        .iter()
        .filter(|refusal| refusal.constraint == Constraint::Network)
        .map(|refusal| rule_result("network", "the network".to_owned(), 0, refusal.diagnostic.code))
}

/// Whether the time is within the user's budget.
fn latency(profile: &Profile, budget: &Budget) -> Option<ConstraintResult> {
    let limit = budget.latency?;
    let figure = latency_figure(profile);
    let status = match figure {
        _ if profile.accuracy.is_structural => Status::Unknown,
        figure if figure.high <= limit.get() => Status::Pass,
        figure if figure.value > limit.get() => Status::Fail,
        // The estimate is within the limit and its interval is not.
        _ => Status::Unknown,
    };
    Some(ConstraintResult {
        name: "time".to_owned(),
        memory: None,
        need: Measure::Figure(figure.into()),
        limit: Measure::Figure(Figure::point(limit.get(), Unit::Seconds, FigureKind::Exact).into()),
        headroom: Some(limit.get() - figure.value),
        status,
        kind: Some(figure.kind),
        place: "the network".to_owned(),
        rule: (status == Status::Fail).then_some(&code::BUDGET_EXCEEDED),
    })
}

/// The time of one inference with its interval.
pub fn latency_figure(profile: &Profile) -> Figure {
    let seconds = profile.cycles.at(profile.clock).get();
    let accuracy = &profile.accuracy;
    Figure::between(
        seconds,
        Unit::Seconds,
        accuracy.kind,
        seconds * accuracy.low,
        seconds * accuracy.high,
    )
}

/// The energy of one inference.
pub fn energy_quantity(profile: &Profile) -> Quantity {
    match &profile.energy {
        Ok(energy) => {
            let kind = if energy.is_borrowed { FigureKind::Assumed } else { FigureKind::Simulated };
            let joules = energy.total().get() * 1e-12;
            let accuracy = &profile.accuracy;
            Figure::between(
                joules,
                Unit::Joules,
                kind.max(accuracy.kind),
                joules * accuracy.low,
                joules * accuracy.high,
            )
            .into()
        }
        Err(reason) => Quantity::Unavailable(reason.clone()),
    }
}

/// Whether the energy is within the user's budget.
fn energy(profile: &Profile, budget: &Budget) -> Option<ConstraintResult> {
    let limit = budget.energy?.get() * 1e-12;
    let quantity = energy_quantity(profile);
    let (status, headroom, kind) = match quantity.figure() {
        Some(figure) if figure.high <= limit => {
            (Status::Pass, Some(limit - figure.value), Some(figure.kind))
        }
        Some(figure) if figure.value > limit => {
            (Status::Fail, Some(limit - figure.value), Some(figure.kind))
        }
        Some(figure) => (Status::Unknown, Some(limit - figure.value), Some(figure.kind)),
        None => (Status::Unknown, None, None),
    };
    Some(ConstraintResult {
        name: "energy".to_owned(),
        memory: None,
        need: Measure::Figure(quantity),
        limit: Measure::Figure(Figure::point(limit, Unit::Joules, FigureKind::Exact).into()),
        headroom,
        status,
        kind,
        place: "the network".to_owned(),
        rule: (status == Status::Fail).then_some(&code::BUDGET_EXCEEDED),
    })
}

/// The steps that take most cycles.
fn hotspots(profile: &Profile) -> Vec<Hotspot> {
    let mut steps: Vec<(StepId, u64)> =
        profile.steps.iter().map(|(id, step)| (id, step.cycles().get())).collect();
    steps.sort_by_key(|&(id, cycles)| (std::cmp::Reverse(cycles), id));
    let total = profile.cycles.as_f64();
    steps
        .into_iter()
        .take(3)
        .filter(|&(_, cycles)| cycles > 0)
        .filter_map(|(step, cycles)| {
            let cause = profile.steps[step].bound()?;
            Some(Hotspot { step, cause, share: cycles as f64 / total })
        })
        .collect()
}
