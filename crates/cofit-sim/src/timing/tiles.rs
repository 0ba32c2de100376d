//! Tasks of a step whose tensors pass through a small memory in tiles, two at a time.
//!
//! The first tile is fetched before anything is computed, the last result stored after everything
//! is; between the two, the engine computes beside the transfers. What lies in a memory that is
//! slower than the small one occupies that memory's port as well.

use cofit_chip::Tiles;
use cofit_compile::plan::MemoryId;
use cofit_vocab::{Bytes, Cycles};
use cranelift_entity::EntityRef;

use super::{Issuer, StepView};
use crate::causes::{Cause, Causes};

/// The work of a step, of which the tables of its model say what it costs once its data is there.
pub(crate) fn issue(
    view: &StepView<'_>,
    tiles: &Tiles,
    arithmetic: &Causes,
    issuer: &mut Issuer<'_>,
) {
    let small = view.chip.memories.iter().position(|memory| memory.id == tiles.memory);
    let Some(small) = small else {
        issuer.compute_all(arithmetic);
        return;
    };
    let room = view.chip.memories[small].size.value;
    let constants: Bytes = view.moved.values().map(|moved| moved.constants).sum();
    let read: Bytes = view.moved.values().map(|moved| moved.read).sum();
    let written: Bytes = view.moved.values().map(|moved| moved.written).sum();
    let count = tiles_of(constants + read + written, room);
    let cycles = |bytes: Bytes| Cycles::ceil_from(bytes.as_f64() / tiles.rate.value);
    let part = |whole: Cycles| Cycles(whole.get() / count);

    let port = MemoryId::new(small);
    let (constants, read, written) = (cycles(constants), cycles(read), cycles(written));
    issuer.compute(tiles.step_cycles.value, Cause::TransferSetup);
    issuer.barrier();
    issuer.transfer(port, part(constants), Cause::WeightFetch);
    issuer.transfer(port, part(read), Cause::ActivationTraffic);
    issuer.barrier();
    issuer.compute_all(arithmetic);
    let descriptors = tiles.tile_cycles.value.get().saturating_mul(count);
    issuer.compute(Cycles(descriptors), Cause::TransferSetup);
    issuer.transfer(port, constants.saturating_sub(part(constants)), Cause::WeightFetch);
    let others = (read + written).saturating_sub(part(read) + part(written));
    issuer.transfer(port, others, Cause::ActivationTraffic);
    for (memory, moved) in &view.moved {
        let rate = view.chip.bytes_per_cycle(&view.chip.memories[memory.index()]);
        let Some(rate) = rate.filter(|&rate| rate < tiles.rate.value && memory != port) else {
            continue;
        };
        let weights = Cycles::ceil_from(moved.constants.as_f64() / rate);
        let activations = Cycles::ceil_from((moved.read + moved.written).as_f64() / rate);
        issuer.transfer(memory, weights, Cause::WeightFetch);
        issuer.transfer(memory, activations, Cause::ActivationTraffic);
    }
    issuer.barrier();
    issuer.transfer(port, part(written), Cause::ActivationTraffic);
}

/// Tiles of `bytes`, each in half of the small memory; at least one.
fn tiles_of(bytes: Bytes, room: Bytes) -> u64 {
    bytes.get().saturating_mul(2).div_ceil(room.get().max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tiles_share_the_memory() {
        for (bytes, tiles) in [(0, 1), (500, 1), (501, 2), (1000, 2), (1001, 3)] {
            assert_eq!(tiles_of(Bytes(bytes), Bytes(1000)), tiles, "{bytes}");
        }
        assert_eq!(tiles_of(Bytes(u64::MAX), Bytes(0)), u64::MAX);
    }
}
