//! The Ethos-U that a card describes.

use cofit_chip::{Chip, Content, Engine, EthosUTiming};
use cofit_ethos_u::Config;
use cofit_ethos_u::config::Block;
use cofit_ethos_u::memory::{Memories, MemoryMode, MemoryPort};
use cofit_vocab::{Cycles, Hertz};

/// The machine that a card describes.
pub(crate) fn config(chip: &Chip, engine: &Engine, timing: &EthosUTiming) -> Config {
    let block = |extents: [u32; 3]| Block::new(extents[1], extents[0], extents[2]);
    let macs = timing.macs.value;
    // Pipeline depths are not on the card: they belong to the size of the array.
    let base = Config::ethos_u55(macs).unwrap_or_else(Config::ethos_u55_256);
    let granules = &timing.granules;
    Config {
        macs_per_cycle: macs,
        cores: timing.cores.value.max(1),
        ofm_micro_block: block(timing.ofm_micro_block.value),
        ifm_micro_block: block(timing.ifm_micro_block.value),
        ofm_block_max: block(timing.max_block.value),
        sub_kernel_max: (timing.sub_kernel.value[1], timing.sub_kernel.value[0]),
        shram: cofit_ethos_u::config::Shram {
            banks: timing.shram_banks.value,
            bank_bytes: u32::try_from(timing.bank_size.value.get()).unwrap_or(u32::MAX),
            output_banks: timing.reserved_output_banks.value,
            end_banks: timing.reserved_end_banks.value,
            table_bytes: u32::try_from(timing.lut_size.value.get()).unwrap_or(u32::MAX),
            granules: cofit_ethos_u::config::Granules {
                ifm8: granules.ifm8,
                ifm16: granules.ifm16,
                elementwise8: granules.ifm8_elementwise,
                elementwise16: granules.ifm16_elementwise,
                ifm32: granules.ifm32,
                accumulator32: granules.acc32,
                accumulator40: granules.acc40,
            },
        },
        output: cofit_ethos_u::config::OutputCycles {
            unary32: timing.output_cycles.elementwise32_unary,
            binary32: timing.output_cycles.elementwise32_binary,
            multiply32: timing.output_cycles.mul32,
            multiply: timing.output_cycles.mul_or_acc40,
            add: timing.output_cycles.add,
            max_pool: timing.output_cycles.max_pool,
            other: timing.output_cycles.other,
            with_table: timing.activation_cycles.lut,
            with_clamp: timing.activation_cycles.relu,
        },
        memories: memories(chip, engine),
        ..base
    }
}

/// The memory ports: the arena's behind the first, the constants' behind the second.
fn memories(chip: &Chip, engine: &Engine) -> Memories {
    let arena = chip.memories_of(engine, Content::Activation).first().copied();
    let constants = chip.memories_of(engine, Content::Weight).first().copied();
    let port = |memory: Option<&cofit_chip::Memory>| {
        let latency = |figure: Option<&cofit_chip::Sourced<Cycles>>| {
            figure.map_or(Cycles::ZERO, |figure| figure.value)
        };
        MemoryPort {
            bytes_per_cycle: memory
                .and_then(|memory| chip.bytes_per_cycle(memory))
                .map_or(8.0, |rate| rate as f32),
            read_latency: latency(memory.and_then(|memory| memory.read_latency.as_ref())),
            write_latency: latency(memory.and_then(|memory| memory.write_latency.as_ref())),
            burst_bytes: memory
                .and_then(|memory| memory.burst.as_ref())
                .and_then(|burst| u32::try_from(burst.value.get()).ok())
                .unwrap_or(32),
        }
    };
    let is_shared = arena.map(|memory| &memory.id) == constants.map(|memory| &memory.id);
    Memories {
        clock: chip.clock(engine.clock_domain()).map_or(Hertz(500e6), |clock| clock.value),
        ports: [port(arena), port(constants)],
        mode: if is_shared { MemoryMode::SramOnly } else { MemoryMode::SharedSram },
    }
}
