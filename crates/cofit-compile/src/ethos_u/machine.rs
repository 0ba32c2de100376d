//! The Ethos-U that a card describes.

use cofit_chip::{Chip, Content, Engine, EthosUTiming, SeparateBuffers, Sourced};
use cofit_ethos_u::config::Block;
use cofit_ethos_u::memory::{Memories, MemoryMode, MemoryPort};
use cofit_ethos_u::u85::{Buffers, Rates, Reads};
use cofit_ethos_u::{Config, Generation};
use cofit_vocab::{Bytes, Cycles, Hertz};

/// The machine that a card describes.
pub(crate) fn config(chip: &Chip, engine: &Engine, timing: &EthosUTiming) -> Config {
    let block = |extents: [u32; 3]| Block::new(extents[1], extents[0], extents[2]);
    let macs = timing.macs.value;
    if let Some(buffers) = &timing.buffers {
        return separate(chip, engine, timing, buffers);
    }
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

/// An Ethos-U85.
fn separate(
    chip: &Chip,
    engine: &Engine,
    timing: &EthosUTiming,
    buffers: &SeparateBuffers,
) -> Config {
    let [width, height, depth] = timing.max_block.value;
    let base = Config::ethos_u85(timing.macs.value).unwrap_or_else(Config::ethos_u55_256);
    let bytes = |size: &Sourced<Bytes>| u32::try_from(size.value.get()).unwrap_or(u32::MAX);
    let (reads, cycles) = (&buffers.reads, &buffers.cycles);
    Config {
        macs_per_cycle: timing.macs.value,
        ofm_block_max: Block::new(height, width, depth),
        sub_kernel_max: (timing.sub_kernel.value[1], timing.sub_kernel.value[0]),
        generation: Generation::Separate(Buffers {
            ifm_bytes: bytes(&buffers.ifm),
            accumulator_bytes: bytes(&buffers.accumulators),
            chaining_bytes: bytes(&buffers.chaining),
            output_bytes: bytes(&buffers.output),
            decoders: buffers.decoders.value,
            reads: Reads {
                copies: reads.copies,
                operands: reads.operands,
                weights: reads.weights,
                fast_weights: reads.fast_weights,
                input: reads.input,
                scales: reads.scales,
            },
            output: Rates {
                bits8: cycles.bits8,
                bits16: cycles.bits16,
                bits32: cycles.bits32,
                narrowed: cycles.narrowed,
                binary32: cycles.binary32,
                function: cycles.function,
            },
        }),
        memories: memories(chip, engine),
        ..base
    }
}

/// The memory ports: the arena's behind the first, the constants' behind the second.
fn memories(chip: &Chip, engine: &Engine) -> Memories {
    let held = chip.memories_of(engine, Content::Activation);
    let arena = held.first().copied();
    let constants = chip.memories_of(engine, Content::Weight).first().copied();
    let port = |memory: Option<&cofit_chip::Memory>| {
        let latency =
            |figure: Option<&Sourced<Cycles>>| figure.map_or(Cycles::ZERO, |figure| figure.value);
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
            ports: memory.map_or(1, |memory| memory.ports.max(1)),
            max_reads: memory.and_then(|memory| memory.max_reads).unwrap_or(8),
            max_writes: memory.and_then(|memory| memory.max_writes).unwrap_or(8),
        }
    };
    let is_shared = arena.map(|memory| &memory.id) == constants.map(|memory| &memory.id);
    Memories {
        clock: chip.clock(engine.clock_domain()).map_or(Hertz(500e6), |clock| clock.value),
        ports: [port(arena), port(constants)],
        mode: if held.len() > 1 && held.last().map(|it| &it.id) == constants.map(|it| &it.id) {
            MemoryMode::DedicatedSram
        } else if is_shared {
            MemoryMode::SramOnly
        } else {
            MemoryMode::SharedSram
        },
    }
}
