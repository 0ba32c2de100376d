//! Plan and chip to a profile.

use cofit_chip::{Chip, EnergyModel, Maturity, Residency, Timing};
use cofit_compile::plan::{
    BufferRole, ConstantRole, MemoryId, Plan, StepId, TransferId, TransferRole,
};
use cofit_vocab::{Bytes, Cycles, FigureKind, Hertz, PicoJoules, Seconds};
use cranelift_entity::{EntityRef, PrimaryMap};

use crate::causes::Causes;
use crate::event::StepIndex;
use crate::profile::{
    Accuracy, ColdStart, Demand, Energy, Profile, StepProfile, Traffic, TransferProfile,
};
use crate::timing::{self, Issuer, StepView, Whereabouts};

/// The clock that is taken where a card states none.
pub const ASSUMED_CLOCK: Hertz = Hertz(100e6);

/// Simulates one inference in the steady state: weights where they are kept, caches as they are.
pub fn simulate(plan: &Plan, chip: &Chip) -> Profile {
    let clock = chip.reference_clock().map_or(ASSUMED_CLOCK, |clock| clock.value);
    let places = Whereabouts::of(plan);
    let mut issuer = Issuer::new(plan, chip, clock);
    issuer.start(inference_overhead(chip));
    let mut steps: PrimaryMap<StepId, StepProfile> = PrimaryMap::new();
    let mut traffic: PrimaryMap<MemoryId, Traffic> =
        chip.memories.iter().map(|_| Traffic::default()).collect();
    let mut macs = 0.0;
    let mut energy_macs: Vec<(String, f64)> = Vec::new();
    for (id, step) in &plan.steps {
        let view = StepView::new(plan, chip, id, &places);
        timing::issue(&view, id, &mut issuer);
        let mut profile = StepProfile::default();
        for (memory, moved) in timing::traffic(&view, id) {
            traffic[memory] += moved;
            profile.traffic.push(moved);
        }
        macs += view.layer.macs.as_f64();
        energy_macs.push((pair_key(step), view.layer.macs.as_f64()));
        steps.push(profile);
    }
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
    let energy = energy(chip, cycles.at(clock), cycles, &energy_macs, macs, &traffic);
    Profile {
        clock,
        steps,
        cycles,
        causes,
        traffic,
        accuracy,
        energy,
        cold_start: cold_start(plan, chip),
        transfers,
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
fn inference_overhead(chip: &Chip) -> Cycles {
    match chip.engines.first().map(|engine| &engine.timing) {
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

/// The key of the card's energy table for a step's widths.
fn pair_key(step: &cofit_compile::plan::Step) -> String {
    let precision = &step.precision;
    match precision.weight_bits {
        _ if precision.is_float => format!("f{}", precision.activation_bits),
        Some(weights) => format!("w{weights}a{}", precision.activation_bits),
        None => format!("w{0}a{0}", precision.activation_bits),
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
        Timing::Simd(_) => chip.runtime.accuracy.is_none(),
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

/// Energy of one inference by the card's own model.
fn energy(
    chip: &Chip,
    latency: Seconds,
    cycles: Cycles,
    steps: &[(String, f64)],
    macs: f64,
    traffic: &PrimaryMap<MemoryId, Traffic>,
) -> Result<Energy, String> {
    let card = chip.energy.as_ref().ok_or("the card states no energy")?;
    let by_cycle = || {
        let each = card.per_cycle.as_ref().ok_or("the card states no energy of a cycle")?;
        Ok::<_, String>(each.value * cycles.as_f64())
    };
    let by_mac = || {
        let mut sum = PicoJoules(0.0);
        for (key, macs) in steps.iter().filter(|(_, macs)| *macs > 0.0) {
            let each = card
                .per_mac
                .get(key)
                .ok_or_else(|| format!("the card states no energy of a {key} multiplication"))?;
            sum += each.value * *macs;
        }
        Ok::<_, String>(sum)
    };
    let computing = match card.model {
        EnergyModel::CycleByteStatic => by_cycle()?,
        EnergyModel::MacByteStatic => by_mac()?,
        EnergyModel::WholeChipPerMac => {
            let each = card.per_mac.values().next().ok_or("the card states no energy of a MAC")?;
            each.value * macs
        }
    };
    let mut moving = PicoJoules(0.0);
    for (id, moved) in traffic {
        let Some(access) = &chip.memories[id.index()].energy else { continue };
        if let Some(read) = &access.read_per_byte {
            moving += read.value * moved.read.as_f64();
        }
        if let Some(write) = &access.write_per_byte {
            moving += write.value * moved.written.as_f64();
        }
    }
    let leakage = card
        .static_power
        .as_ref()
        .map_or(PicoJoules(0.0), |power| PicoJoules(power.value.get() * latency.get() * 1e12));
    Ok(Energy { dynamic: computing + moving, leakage, is_borrowed: card.class_default })
}

/// Loading what must be resident before the first inference.
fn cold_start(plan: &Plan, chip: &Chip) -> Result<ColdStart, String> {
    match chip.weights.residency {
        Residency::InPlace | Residency::StreamPerLayer => return promotion(plan, chip),
        Residency::AllResident | Residency::CachedFirstRun => {}
    }
    let bytes: Bytes = plan.constants.iter().map(|placement| placement.bytes).sum();
    let load = chip.weights.load.as_ref().ok_or("the card states no rate of loading weights")?;
    let rate = load.bandwidth.as_ref().ok_or("the card states no rate of loading weights")?;
    let setup = load.setup.as_ref().map_or(Seconds(0.0), |setup| setup.value);
    Ok(ColdStart {
        bytes,
        time: setup + Seconds(bytes.as_f64() / rate.value.get()),
        energy: load.energy_per_byte.as_ref().map(|each| each.value * bytes.as_f64()),
    })
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
