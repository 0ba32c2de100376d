//! A chip, or some engines of it, with what the model costs there.

use cofit_chip::{Chip, OperatorClass, Tier};
use cofit_compile::plan::{EngineId, Placement, Plan, TransferRole};
use cofit_compile::step_layer::StepLayer;
use cofit_ir::verify::Verified;
use cofit_sim::{Profile, class_of};
use cofit_vocab::{Bytes, Cycles, Diagnostics, Macs};
use cranelift_entity::EntityRef;

use super::duty::{Duty, Power, Wake};
use crate::evaluate::{Evaluation, evaluate};
use crate::verdict::Budget;

/// Which engines of a chip may run operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engines {
    /// All of them, as the chip's tools place operators.
    All,
    /// One, by its id: nothing is handed to another.
    Only(String),
}

/// What one engine does of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineShare {
    /// The engine's id.
    pub engine: String,
    /// Steps that it runs.
    pub steps: usize,
    /// Their multiply-accumulates.
    pub macs: Macs,
    /// Their cycles, of the chip's reference clock.
    pub cycles: Cycles,
    /// Multiply-accumulates over the most that the engine could do in those cycles, 0 to 1.
    pub utilisation: f64,
}

/// Where weights are while the network runs, most bytes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residence {
    /// Memories with bytes of constants, by their position in the card; `false` for those that are
    /// off the chip or flash.
    pub memories: Vec<(usize, Bytes, bool)>,
    /// Bytes that are copied to faster memory during every inference.
    pub streamed: Bytes,
}

/// The class of operators on one engine that takes most of the cycles.
#[derive(Clone, Debug, PartialEq)]
pub struct Hottest {
    /// The class.
    pub class: OperatorClass,
    /// The engine's id.
    pub engine: String,
    /// Of all cycles, 0 to 1.
    pub share: f64,
}

/// A chip, or some engines of it, with what the model costs there.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The position of the chip in the list that was asked for.
    pub chip: usize,
    /// The chip as it was tried.
    pub tried: Chip,
    /// Which engines may run operators.
    pub engines: Engines,
    /// Plan, profile and verdict.
    pub evaluation: Evaluation,
    /// What each engine does, the busiest first.
    pub shares: Vec<EngineShare>,
    /// What takes most of the cycles.
    pub hottest: Option<Hottest>,
    /// How often a step's input comes from another engine.
    pub handovers: usize,
    /// Where weights are.
    pub residence: Residence,
    /// From sleep to the first result.
    pub wake: Wake,
    /// Average power at the rate, or why it is unknown.
    pub power: Result<Power, String>,
}

/// Every way to run the model on the chip: all engines, and each by itself where that differs.
///
/// # Errors
/// A plan breaks its own rules.
pub(super) fn of(
    model: &Verified,
    at: usize,
    chip: &Chip,
    budget: &Budget,
    duty: Option<Duty>,
) -> Result<Vec<Candidate>, Diagnostics> {
    let whole = candidate(model, at, chip.clone(), Engines::All, budget, duty)?;
    let mut candidates = Vec::new();
    if whole.shares.len() > 1 || whole.shares.first().is_some_and(|one| is_accelerator(chip, one)) {
        for engine in &chip.engines {
            // What one engine does anyway is no other way of running the model.
            if whole.shares.len() == 1 && whole.shares[0].engine == engine.id {
                continue;
            }
            let Some(tried) = chip.with_engines(|other| other.id == engine.id) else { continue };
            let only = Engines::Only(engine.id.clone());
            candidates.push(candidate(model, at, tried, only, budget, duty)?);
        }
    }
    candidates.insert(0, whole);
    Ok(candidates)
}

fn is_accelerator(chip: &Chip, share: &EngineShare) -> bool {
    chip.host().is_some_and(|host| host.id != share.engine)
}

fn candidate(
    model: &Verified,
    at: usize,
    tried: Chip,
    engines: Engines,
    budget: &Budget,
    duty: Option<Duty>,
) -> Result<Candidate, Diagnostics> {
    let evaluation = evaluate(model, &tried, budget)?;
    let Evaluation { plan, profile, .. } = &evaluation;
    let power = match duty {
        Some(duty) => Power::of(profile, &tried, duty),
        None => Err("no rate was given".to_owned()),
    };
    Ok(Candidate {
        chip: at,
        shares: shares(plan, profile, &tried),
        hottest: hottest(plan, profile, &tried),
        handovers: handovers(plan),
        residence: residence(plan, &tried),
        wake: Wake::of(profile, &tried),
        power,
        engines,
        evaluation,
        tried,
    })
}

fn shares(plan: &Plan, profile: &Profile, chip: &Chip) -> Vec<EngineShare> {
    let mut shares: Vec<EngineShare> = Vec::new();
    for (id, step) in &plan.steps {
        if step.placement == Placement::View {
            continue;
        }
        let Some(engine) = chip.engines.get(step.engine.index()) else { continue };
        let macs = step.operators.iter().map(|&operator| plan.graph.macs(operator).get());
        let macs = Macs(macs.fold(0, u64::saturating_add));
        let cycles = profile.steps[id].cycles();
        match shares.iter_mut().find(|share| share.engine == engine.id) {
            Some(share) => {
                share.steps += 1;
                share.macs = Macs(share.macs.get().saturating_add(macs.get()));
                share.cycles += cycles;
            }
            None => shares.push(EngineShare {
                engine: engine.id.clone(),
                steps: 1,
                macs,
                cycles,
                utilisation: 0.0,
            }),
        }
    }
    let reference = chip.reference_clock().map(|clock| clock.value.get());
    for share in &mut shares {
        let Some(engine) = chip.engine(&share.engine) else { continue };
        // The engine's peak counts its own clock, the cycles the reference.
        let own = chip.clock(engine.clock_domain()).map(|clock| clock.value.get());
        let ratio = own.zip(reference).map_or(1.0, |(own, reference)| own / reference);
        let most = share.cycles.as_f64() * ratio * engine.peak_macs_per_cycle.value;
        share.utilisation = if most > 0.0 { share.macs.as_f64() / most } else { 0.0 };
    }
    shares.sort_by_key(|share| std::cmp::Reverse(share.cycles));
    shares
}

fn hottest(plan: &Plan, profile: &Profile, chip: &Chip) -> Option<Hottest> {
    let mut sums: Vec<(OperatorClass, EngineId, Cycles)> = Vec::new();
    for (id, step) in plan.steps.iter().filter(|(_, step)| step.placement != Placement::View) {
        let class = class_of(&StepLayer::of(&plan.graph, step).main);
        let cycles = profile.steps[id].cycles();
        let is_same = |known: &&mut (OperatorClass, EngineId, Cycles)| {
            known.0 == class && known.1 == step.engine
        };
        match sums.iter_mut().find(is_same) {
            Some(known) => known.2 += cycles,
            None => sums.push((class, step.engine, cycles)),
        }
    }
    // The first of equals, so that the result does not hang on how a maximum is searched.
    let most = sums.iter().map(|known| known.2).max()?;
    let &(class, engine, cycles) = sums.iter().find(|known| known.2 == most)?;
    let engine = chip.engines.get(engine.index())?.id.clone();
    let share = cycles.as_f64() / profile.cycles.as_f64().max(1.0);
    Some(Hottest { class, engine, share })
}

/// How often a step reads what another engine wrote.
fn handovers(plan: &Plan) -> usize {
    let producers = plan.graph.producers();
    let mut engine_of: cranelift_entity::SecondaryMap<cofit_ir::OperatorId, Option<EngineId>> =
        cranelift_entity::SecondaryMap::new();
    for step in plan.steps.values().filter(|step| step.placement != Placement::View) {
        for &operator in &step.operators {
            engine_of[operator] = Some(step.engine);
        }
    }
    // A view hands on what its own input is.
    let origin = |mut tensor| loop {
        let operator = producers[tensor]?;
        match engine_of[operator] {
            Some(engine) => return Some(engine),
            None => tensor = plan.graph.operators[operator].input(0)?,
        }
    };
    let steps = plan.steps.values().filter(|step| step.placement != Placement::View);
    steps
        .map(|step| {
            let others = step.inputs.iter().filter_map(|&input| origin(input));
            others.filter(|&engine| engine != step.engine).count()
        })
        .sum()
}

fn residence(plan: &Plan, chip: &Chip) -> Residence {
    let mut memories: Vec<(usize, Bytes, bool)> = Vec::new();
    for constant in &plan.constants {
        let Some(memory) = constant.memory else { continue };
        let at = memory.index();
        match memories.iter_mut().find(|known| known.0 == at) {
            Some(known) => known.1 += constant.bytes,
            None => {
                let tier = chip.memories.get(at).map(|memory| memory.tier);
                let is_near = matches!(tier, Some(Tier::Register | Tier::Scratch | Tier::Sram));
                memories.push((at, constant.bytes, is_near));
            }
        }
    }
    memories.sort_by_key(|&(at, bytes, _)| (std::cmp::Reverse(bytes), at));
    let is_weights = |role: &TransferRole| matches!(role, TransferRole::Weights { .. });
    let streamed = plan
        .transfers
        .values()
        .filter(|transfer| is_weights(&transfer.role))
        .map(|transfer| transfer.bytes)
        .sum();
    Residence { memories, streamed }
}
