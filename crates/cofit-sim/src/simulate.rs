//! Plan and chip to a profile.

use cofit_chip::{Chip, Maturity, Residency, Timing};
use cofit_compile::plan::{
    BufferRole, ConstantRole, EngineId, MemoryId, Placement, Plan, Step, StepId, TransferId,
    TransferRole,
};
use cofit_vocab::{Bytes, Cycles, FigureKind, Hertz, Seconds};
use cranelift_entity::{EntityRef, PrimaryMap};

use crate::causes::Causes;
use crate::clock;
use crate::energy;
use crate::event::StepIndex;
use crate::loading::Loading;
use crate::profile::{Accuracy, ColdStart, Demand, Profile, StepProfile, Traffic, TransferProfile};
use crate::timing::{self, Issuer, StepView, Whereabouts, processor};

/// The clock that is taken where a card states none.
pub const ASSUMED_CLOCK: Hertz = Hertz(100e6);

/// Simulates one inference in the steady state: weights where they are kept, caches as they are.
pub fn simulate(plan: &Plan, chip: &Chip) -> Profile {
    let clock = chip.reference_clock().map_or(ASSUMED_CLOCK, |clock| clock.value);
    let places = Whereabouts::of(plan, chip);
    let mut issuer = Issuer::new(plan, chip, clock);
    issuer.start(inference_overhead(plan, chip, clock));
    let mut steps: PrimaryMap<StepId, StepProfile> = PrimaryMap::new();
    let mut traffic: PrimaryMap<MemoryId, Traffic> =
        chip.memories.iter().map(|_| Traffic::default()).collect();
    let mut work: Vec<energy::Work> = Vec::new();
    for (id, step) in &plan.steps {
        let view = StepView::new(plan, chip, id, &places);
        timing::issue(&view, id, &mut issuer);
        let mut profile = StepProfile::default();
        for (memory, moved) in timing::traffic(&view, id) {
            traffic[memory] += moved;
            profile.traffic.push(moved);
        }
        let class = processor::class_of(&view.layer.main);
        work.push(energy::Work { pair: energy::pair_key(step), class, macs: view.layer.macs });
        steps.push(profile);
    }
    let resources = issuer.resource_kinds();
    let (schedule, transfers) = issuer.finish();
    let timeline = schedule.run();
    let transfers = transfers.profiles(plan, chip, &timeline);
    for (id, profile) in &mut steps {
        profile.causes = timeline.step(StepIndex(id.as_u32()));
        profile.unhidden = unhidden(plan, &transfers, id);
    }
    for task in schedule.tasks() {
        let Some(profile) = steps.get_mut(StepId::from_u32(task.step.0)) else { continue };
        for resource in &task.resources {
            let name = &schedule.resources()[resource.index()];
            match profile.demands.iter_mut().find(|demand| demand.resource == *name) {
                Some(demand) => demand.cycles += task.duration,
                None => {
                    profile.demands.push(Demand { resource: name.clone(), cycles: task.duration });
                }
            }
        }
    }
    let cycles = timeline.makespan;
    let causes: Causes = timeline.causes();
    let accuracy = accuracy(plan, chip, &steps);
    let energy = energy::of(chip, cycles.at(clock), cycles, &work, &traffic);
    Profile {
        clock,
        steps,
        cycles,
        causes,
        traffic,
        accuracy,
        energy,
        cold_start: cold_start(plan, chip, &places),
        transfers,
        schedule,
        resources,
        timeline,
    }
}

/// Cycles that a step waited for its transfers. Those for its activations and for its first slice
/// are awaited together, so only the latest of them counts.
fn unhidden(
    plan: &Plan,
    transfers: &PrimaryMap<TransferId, TransferProfile>,
    step: StepId,
) -> Cycles {
    let mut first = Cycles::ZERO;
    let mut sum = Cycles::ZERO;
    for (id, one) in plan.transfers.iter().filter(|(_, one)| one.step == step) {
        let own = transfers[id].unhidden;
        match one.role {
            TransferRole::FetchBack | TransferRole::Weights { slice: 0, .. } => {
                first = first.max(own);
            }
            TransferRole::Weights { .. } | TransferRole::Spill => sum += own,
        }
    }
    first + sum
}

/// Cycles of one inference whatever the model, charged to its first step.
fn inference_overhead(plan: &Plan, chip: &Chip, clock: Hertz) -> Cycles {
    match chip.engines.first().map(|engine| &engine.timing) {
        // A model of which the array runs nothing never wakes its driver.
        Some(Timing::EdgeTpu(timing)) => {
            let first = EngineId::new(0);
            let runs = |step: &Step| step.engine == first && step.placement != Placement::View;
            if plan.steps.values().any(runs) {
                clock::cycles_of(timing.per_inference.value, clock)
            } else {
                Cycles::ZERO
            }
        }
        Some(Timing::Max7800x(timing)) => Cycles(timing.start_cycles.value),
        Some(Timing::Simd(timing)) => Cycles::ceil_from(timing.per_inference.value),
        Some(
            Timing::EthosU(_)
            | Timing::KpuK210(_)
            | Timing::Ne16(_)
            | Timing::MacArray(_)
            | Timing::Roofline(_),
        )
        | None => Cycles::ZERO,
    }
}

/// A rate that nobody measured is taken to be right within this factor, either way. The published
/// figures of one core with different kernel libraries differ by up to seven times, and by about
/// three around their middle.
const ASSUMED_FACTOR: f64 = 3.0;

/// The share of cycles on assumed rates above which a time is no figure any more.
const STRUCTURAL_SHARE: f64 = 0.5;

/// How well the card lets a time be known: calibrated where the runtime states how far it was off,
/// else simulated; wider and weaker by the share of the cycles that rests on assumed rates.
fn accuracy(plan: &Plan, chip: &Chip, steps: &PrimaryMap<StepId, StepProfile>) -> Accuracy {
    let is_assumed = |timing: &Timing| match timing {
        Timing::Roofline(roofline) => roofline.utilisation.is_assumed(),
        // Kernel costs that nobody compared with measurements are guesses.
        Timing::Simd(_) | Timing::EdgeTpu(_) => chip.runtime.accuracy.is_none(),
        Timing::EthosU(_)
        | Timing::Max7800x(_)
        | Timing::KpuK210(_)
        | Timing::Ne16(_)
        | Timing::MacArray(_) => false,
    };
    let mut assumed = Cycles::ZERO;
    let mut total = Cycles::ZERO;
    for (id, step) in &plan.steps {
        let cycles = steps[id].cycles();
        total += cycles;
        if chip.engines.get(step.engine.index()).is_some_and(|engine| is_assumed(&engine.timing)) {
            assumed += cycles;
        }
    }
    let share = assumed.as_f64() / total.as_f64().max(1.0);
    let (known_kind, low, high) = match &chip.runtime.accuracy {
        Some(stated) => (FigureKind::Calibrated, stated.low.value, stated.high.value),
        None => (FigureKind::Simulated, 1.0, 1.0),
    };
    Accuracy {
        kind: if share > 0.0 { FigureKind::Assumed } else { known_kind },
        low: low * (1.0 - share) + share / ASSUMED_FACTOR,
        high: high * (1.0 - share) + share * ASSUMED_FACTOR,
        is_structural: share > STRUCTURAL_SHARE || chip.target.maturity == Maturity::Sparse,
    }
}

/// Loading what must be resident before the first inference.
fn cold_start(plan: &Plan, chip: &Chip, places: &Whereabouts) -> Result<ColdStart, String> {
    match chip.weights.residency {
        Residency::InPlace | Residency::StreamPerLayer => {
            return brought_in(plan, chip).map_or_else(|| promotion(plan, chip), Ok);
        }
        Residency::AllResident | Residency::CachedFirstRun => {}
    }
    let bytes: Bytes = match places.cached() {
        // What does not fit into the cache is streamed at every inference and not loaded.
        Some(cached) => cached,
        None => plan.constants.iter().map(|placement| placement.bytes).sum(),
    };
    let load = chip.weights.load.as_ref().and_then(|load| Loading::of(load, chip));
    let load = load.ok_or("the card states no rate of loading weights")?;
    Ok(ColdStart { bytes, time: load.time(bytes), energy: load.energy(bytes) })
}

/// Copying constants to the memory that keeps them while the chip is on, where the card says from
/// where, to where and how fast; `None` where it does not, or no constant lies there.
fn brought_in(plan: &Plan, chip: &Chip) -> Option<ColdStart> {
    let card = chip.weights.load.as_ref()?;
    let to = card.to.as_deref()?;
    let lies_there = |id: MemoryId| chip.memories[id.index()].id == to;
    let kept = plan.constants.iter().filter(|one| one.memory.is_some_and(lies_there));
    let bytes: Bytes = kept.map(|one| one.bytes).sum();
    let load = Loading::of(card, chip).filter(|_| !bytes.is_zero())?;
    Some(ColdStart { bytes, time: load.time(bytes), energy: load.energy(bytes) })
}

/// Copying the weights that stay in a faster memory than the one they are stored in.
fn promotion(plan: &Plan, chip: &Chip) -> Result<ColdStart, String> {
    let mut cold = ColdStart::default();
    let clock = chip.reference_clock().map_or(ASSUMED_CLOCK, |clock| clock.value);
    for buffer in plan.buffers.values() {
        let BufferRole::ResidentWeights(step) = buffer.role else { continue };
        let stored = plan
            .constants
            .iter()
            .find(|one| one.step == step && one.role == ConstantRole::Weights)
            .and_then(|one| one.memory);
        let rate = stored
            .and_then(|id| chip.bytes_per_cycle(&chip.memories[id.index()]))
            .ok_or("the card states no rate of the memory that weights are copied from")?;
        cold.bytes += buffer.bytes;
        cold.time += Seconds(buffer.bytes.as_f64() / (rate * clock.get()));
    }
    Ok(cold)
}
