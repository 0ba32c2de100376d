//! Energy of one inference: by cycle, by multiply-accumulate, by byte, and by being on.
//!
//! Which of the first two count is the card's to say ([`EnergyModel`]); bytes count where a memory
//! states what they cost, and static power where the card states it. An operating point lays its own
//! figures over the card's.

use cofit_chip::{Chip, EnergyModel, OperatorClass};
use cofit_compile::plan::{MemoryId, Step};
use cofit_vocab::{Cycles, Macs, PicoJoules, Seconds};
use cranelift_entity::{EntityRef, PrimaryMap};

use crate::profile::{Energy, Traffic};

/// Multiply-accumulates of one kind of work.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Work {
    /// The widths, as the keys of the card's table have them.
    pub(crate) pair: String,
    /// The class of the operator.
    pub(crate) class: OperatorClass,
    /// How many.
    pub(crate) macs: Macs,
}

/// The key of the card's energy table for a step's widths.
pub(crate) fn pair_key(step: &Step) -> String {
    let precision = &step.precision;
    match precision.weight_bits {
        _ if precision.is_float => format!("f{}", precision.activation_bits),
        Some(weights) => format!("w{weights}a{}", precision.activation_bits),
        None => format!("w{0}a{0}", precision.activation_bits),
    }
}

/// Energy of one inference of so many cycles, that takes so long and does so much.
///
/// # Errors
/// The figure that the card's model needs and the card does not state.
pub(crate) fn of(
    chip: &Chip,
    latency: Seconds,
    cycles: Cycles,
    work: &[Work],
    traffic: &PrimaryMap<MemoryId, Traffic>,
) -> Result<Energy, String> {
    let card = chip.energy.as_ref().ok_or("the card states no energy")?;
    let nothing = PicoJoules(0.0);
    let by_cycle = || {
        let each = card.per_cycle.as_ref().ok_or("the card states no energy of a cycle")?;
        Ok::<_, String>(each.value * cycles.as_f64())
    };
    let by_mac = || {
        let mut sum = nothing;
        for part in work.iter().filter(|part| part.macs != Macs(0)) {
            let each = card.of_mac(&part.pair, part.class).ok_or_else(|| {
                format!("the card states no energy of a {} multiplication", part.pair)
            })?;
            sum += each.value * part.macs.as_f64();
        }
        Ok::<_, String>(sum)
    };
    let (by_cycle, by_mac) = match card.model {
        EnergyModel::CycleByteStatic => (by_cycle()?, nothing),
        EnergyModel::MacByteStatic => (nothing, by_mac()?),
        EnergyModel::CycleMacByteStatic => (by_cycle()?, by_mac()?),
        EnergyModel::WholeChipPerMac => {
            let each = card.per_mac.values().next().ok_or("the card states no energy of a MAC")?;
            let macs: f64 = work.iter().map(|part| part.macs.as_f64()).sum();
            (nothing, each.value * macs)
        }
    };
    let mut by_byte = nothing;
    for (id, moved) in traffic {
        let Some(access) = &chip.memories[id.index()].energy else { continue };
        if let Some(read) = &access.read_per_byte {
            by_byte += read.value * moved.read.as_f64();
        }
        if let Some(write) = &access.write_per_byte {
            by_byte += write.value * moved.written.as_f64();
        }
    }
    let leakage = card
        .static_power
        .as_ref()
        .map_or(nothing, |power| PicoJoules(power.value.get() * latency.get() * 1e12));
    Ok(Energy { by_cycle, by_mac, by_byte, leakage, is_borrowed: card.class_default })
}
