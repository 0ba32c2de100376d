//! What memories cost a byte, and which links join them.

use cofit_chip::{Content, Link, Memory, Tier};
use cranelift_entity::EntityRef;

use crate::context::Context;
use crate::plan::{EngineId, MemoryId};

/// Costs per byte are whole thousandths of a cycle of the reference clock, times this; the rest
/// counts places in the card's list, which decide between memories of equal rates.
const PLACES: u64 = 1024;

/// Most of the cost that a rate can give: a byte in a million cycles.
const HIGHEST_RATE_COST: f64 = 1e9;

/// What a byte into or out of each memory costs, by the card's rates. `memories` stand in the
/// card's order of preference: none costs less than one before it.
pub(crate) fn costs(context: &Context<'_>, memories: &[MemoryId]) -> Vec<u64> {
    let mut dearest = 0;
    let mut costs = Vec::with_capacity(memories.len());
    for (place, &id) in memories.iter().enumerate() {
        dearest = rate_cost(context, context.memory(id)).max(dearest);
        costs.push(dearest * PLACES + (place as u64).min(PLACES - 1));
    }
    costs
}

/// Thousandths of a cycle that a byte takes: by the rate, and by the latency that every burst pays
/// where the card knows both.
pub(crate) fn rate_cost(context: &Context<'_>, memory: &Memory) -> u64 {
    let Some(rate) = context.chip.bytes_per_cycle(memory).filter(|&rate| rate > 0.0) else {
        return unknown_rate_cost(memory.tier);
    };
    let burst = match (&memory.burst, &memory.read_latency) {
        (Some(burst), Some(latency)) => latency.value.as_f64() / burst.value.as_f64().max(1.0),
        (Some(_), None) | (None, Some(_)) | (None, None) => 0.0,
    };
    (1000.0 * (1.0 / rate + burst)).round().min(HIGHEST_RATE_COST) as u64
}

/// Where no rate is known the tiers tell which memory is slower, and nothing more is made of it.
const fn unknown_rate_cost(tier: Tier) -> u64 {
    match tier {
        Tier::Register | Tier::Scratch => 100,
        Tier::Sram => 250,
        Tier::Dram => 1_000,
        Tier::Flash => 2_000,
        Tier::Host => 10_000,
    }
}

/// The first link of the card from one memory to another.
pub(crate) fn link<'a>(
    context: &Context<'a>,
    from: MemoryId,
    to: MemoryId,
) -> Option<(u32, &'a Link)> {
    let (from, to) = (&context.memory(from).id, &context.memory(to).id);
    let at = context.chip.links.iter().position(|link| link.from == *from && link.to == *to)?;
    Some((u32::try_from(at).ok()?, &context.chip.links[at]))
}

/// The memories that an engine may have `content` in, in the card's order.
pub(crate) fn reached(context: &Context<'_>, engine: EngineId, content: Content) -> Vec<MemoryId> {
    if context.chip.engines.get(engine.index()).is_none() {
        return Vec::new();
    }
    let wanted = context.chip.memories_of(context.engine(engine), content);
    wanted
        .iter()
        .filter_map(|wanted| context.memories().find(|(_, memory)| memory.id == wanted.id))
        .map(|(id, _)| id)
        .collect()
}
