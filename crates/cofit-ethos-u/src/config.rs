//! The machine: MAC array, micro-blocks, SHRAM, output unit and memories.
//!
//! A caller fills a [`Config`] from a chip card; the constructors hold the figures of Arm's sizes.
//! Source of every figure of the constructors: Vela 5.2.0, `regor/architecture/ethosu55/
//! ethos_u55.cpp` (configuration and performance tables, SHRAM layout, largest block).

use cofit_vocab::Cycles;

use crate::memory::{Memories, MemoryMode, Role, SystemPreset, copy_cycles, read_cycles};
use crate::u85::channel::Channel;
use crate::u85::{Buffers, Rates, Reads};

/// Height, width and depth of a block or micro-block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// Height.
    pub h: u32,
    /// Width.
    pub w: u32,
    /// Depth in channels.
    pub c: u32,
}

impl Block {
    /// A block of the given extents.
    pub const fn new(h: u32, w: u32, c: u32) -> Self {
        Self { h, w, c }
    }

    /// The product of the extents, saturating.
    pub const fn elements(&self) -> u64 {
        (self.h as u64 * self.w as u64).saturating_mul(self.c as u64)
    }
}

/// SHRAM banks are handed out in multiples that depend on the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granules {
    /// 8-bit input.
    pub ifm8: u32,
    /// 16-bit input.
    pub ifm16: u32,
    /// 8-bit input of the elementwise unit.
    pub elementwise8: u32,
    /// 16-bit input of the elementwise unit.
    pub elementwise16: u32,
    /// 32-bit input.
    pub ifm32: u32,
    /// 32-bit accumulators.
    pub accumulator32: u32,
    /// 40-bit accumulators.
    pub accumulator40: u32,
}

/// The shared buffer memory inside the NPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shram {
    /// Number of banks.
    pub banks: u32,
    /// Bytes of a bank.
    pub bank_bytes: u32,
    /// Banks at the start that the output unit keeps.
    pub output_banks: u32,
    /// Banks at the end that hold no feature map, even without a table.
    pub end_banks: u32,
    /// Bytes that a table activation takes at the end.
    pub table_bytes: u32,
    /// Multiples in which banks are handed out.
    pub granules: Granules,
}

/// Cycles per output element, by what the output unit has to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutputCycles {
    /// Elementwise on 32-bit input, one operand.
    pub unary32: f64,
    /// Elementwise on 32-bit input, two operands.
    pub binary32: f64,
    /// Multiplication with a 32-bit result.
    pub multiply32: f64,
    /// Other multiplications, and MAC operations with 40-bit accumulators.
    pub multiply: f64,
    /// Addition and subtraction with rescaling of both operands.
    pub add: f64,
    /// Maximum pooling.
    pub max_pool: f64,
    /// Everything else.
    pub other: f64,
    /// At least this with a table, sigmoid or tanh.
    pub with_table: f64,
    /// At least this with a clamp of the ReLU family.
    pub with_clamp: f64,
}

/// Where blocks are held, which most of a family's rules follow from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Generation {
    /// Ethos-U55 and Ethos-U65: one memory, in shares ([`Shram`]).
    Shared,
    /// Ethos-U85: a memory for every purpose.
    Separate(Buffers),
}

/// How the MAC pipeline of a size differs from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// Ethos-U55-32: pooling of 16 and 32-bit elements runs at the 8-bit rate, and 40-bit
    /// accumulators stall blocks that are one micro-block wide or high.
    Small,
    /// Ethos-U55-64 and up.
    Regular,
}

/// The machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Multiply-accumulates per cycle of one core.
    pub macs_per_cycle: u32,
    /// Cores: 2 on U65-512, else 1.
    pub cores: u32,
    /// The smallest piece of an output block.
    pub ofm_micro_block: Block,
    /// The smallest piece of an input block.
    pub ifm_micro_block: Block,
    /// The largest output block.
    pub ofm_block_max: Block,
    /// Windows beyond this height and width are worked through in pieces.
    pub sub_kernel_max: (u32, u32),
    /// Where blocks are held.
    pub generation: Generation,
    /// The shared buffer, of machines that have one.
    pub shram: Shram,
    /// The output unit.
    pub output: OutputCycles,
    /// Peculiarities of the MAC pipeline.
    pub pipeline: Pipeline,
    /// Cycles between dependent accumulations into one micro-block with 32-bit accumulators.
    pub delay32: u32,
    /// The same with 40-bit accumulators.
    pub delay40: u32,
    /// The memory ports.
    pub memories: Memories,
}

const fn shram(banks: u32, granules: [u32; 7]) -> Shram {
    Shram {
        banks,
        bank_bytes: 1024,
        output_banks: 2,
        end_banks: if banks > 16 { 2 } else { 0 },
        table_bytes: 2048,
        granules: Granules {
            ifm8: granules[0],
            ifm16: granules[1],
            elementwise8: granules[2],
            elementwise16: granules[3],
            ifm32: granules[4],
            accumulator32: granules[5],
            accumulator40: granules[6],
        },
    }
}

const fn output(cycles: [f64; 7], with_table: f64, with_clamp: f64) -> OutputCycles {
    OutputCycles {
        // Vela names the first entry "32-bit binary" and the second "unary" but indexes them the
        // other way round; the names here follow the use, which the golden tables confirm.
        unary32: cycles[0],
        binary32: cycles[1],
        multiply32: cycles[2],
        multiply: cycles[3],
        add: cycles[4],
        max_pool: cycles[5],
        other: cycles[6],
        with_table,
        with_clamp,
    }
}

impl Config {
    const fn base() -> Self {
        Self {
            macs_per_cycle: 256,
            cores: 1,
            ofm_micro_block: Block::new(2, 2, 8),
            ifm_micro_block: Block::new(2, 2, 8),
            ofm_block_max: Block::new(32, 64, 128),
            sub_kernel_max: (8, 8),
            generation: Generation::Shared,
            shram: shram(48, [8, 8, 8, 8, 16, 16, 20]),
            output: output([0.625, 1.125, 0.5, 0.375, 0.75, 0.125, 0.25], 1.0, 0.25),
            pipeline: Pipeline::Regular,
            delay32: 2,
            delay40: 2,
            memories: SystemPreset::HighEndEmbedded.memories(MemoryMode::SharedSram),
        }
    }

    /// Ethos-U55 with 32 MACs, in `Ethos_U55_High_End_Embedded` with `Shared_Sram`.
    pub const fn ethos_u55_32() -> Self {
        Self {
            macs_per_cycle: 32,
            ofm_micro_block: Block::new(1, 1, 4),
            ifm_micro_block: Block::new(1, 1, 8),
            shram: shram(16, [2, 2, 2, 2, 4, 4, 4]),
            output: output([2.0, 3.0, 3.0, 3.0, 6.0, 1.0, 2.0], 1.0, 1.0),
            pipeline: Pipeline::Small,
            delay32: 3,
            delay40: 7,
            ..Self::base()
        }
    }

    /// Ethos-U55 with 64 MACs, in `Ethos_U55_High_End_Embedded` with `Shared_Sram`.
    pub const fn ethos_u55_64() -> Self {
        Self {
            macs_per_cycle: 64,
            ofm_micro_block: Block::new(1, 1, 8),
            ifm_micro_block: Block::new(1, 1, 8),
            shram: shram(16, [2, 2, 2, 2, 4, 4, 8]),
            output: output([1.0, 1.5, 1.5, 1.5, 3.0, 0.5, 1.0], 1.0, 1.0),
            delay40: 3,
            ..Self::base()
        }
    }

    /// Ethos-U55 with 128 MACs, in `Ethos_U55_High_End_Embedded` with `Shared_Sram`.
    pub const fn ethos_u55_128() -> Self {
        Self {
            macs_per_cycle: 128,
            ofm_micro_block: Block::new(1, 2, 8),
            ifm_micro_block: Block::new(1, 2, 8),
            shram: shram(24, [4, 4, 4, 4, 8, 8, 12]),
            output: output([0.75, 1.25, 0.75, 0.75, 1.5, 0.25, 0.5], 1.0, 0.5),
            delay40: 3,
            ..Self::base()
        }
    }

    /// Ethos-U55 with 256 MACs, in `Ethos_U55_High_End_Embedded` with `Shared_Sram`.
    pub const fn ethos_u55_256() -> Self {
        Self::base()
    }

    /// The Ethos-U55 with that many MACs per cycle, if Arm makes one.
    pub const fn ethos_u55(macs_per_cycle: u32) -> Option<Self> {
        match macs_per_cycle {
            32 => Some(Self::ethos_u55_32()),
            64 => Some(Self::ethos_u55_64()),
            128 => Some(Self::ethos_u55_128()),
            256 => Some(Self::ethos_u55_256()),
            _ => None,
        }
    }

    /// The Ethos-U85 with that many MACs per cycle, if Arm makes one, in
    /// `Ethos_U85_SYS_Flash_High` with `Shared_Sram`. Source: Vela 5.2.0,
    /// `regor/architecture/ethosu85/ethos_u85.cpp` (configuration and performance tables).
    pub const fn ethos_u85(macs_per_cycle: u32) -> Option<Self> {
        // Bytes of the four memories, decoders, read buffers by channel, cycles per element.
        let (bytes, decoders, reads, rates) = match macs_per_cycle {
            128 => (
                [8192, 8192, 2048, 768],
                1,
                [64, 64, 128, 128, 104, 16],
                [0.5, 0.5, 0.5, 1.0, 1.0, 0.5],
            ),
            256 => (
                [16384, 16384, 2048, 1536],
                1,
                [104, 104, 128, 128, 128, 16],
                [0.25, 0.25, 0.25, 0.5, 0.5, 0.25],
            ),
            512 => (
                [16384, 32768, 4096, 3072],
                2,
                [128, 128, 256, 256, 128, 16],
                [0.125, 0.125, 0.25, 0.25, 0.25, 0.125],
            ),
            1024 => (
                [16384, 65536, 4096, 6144],
                4,
                [256, 256, 416, 208, 256, 16],
                [0.0625, 0.125, 0.25, 0.125, 0.25, 0.0625],
            ),
            2048 => (
                [32768, 131_072, 8192, 12288],
                4,
                [256, 256, 512, 256, 256, 16],
                [0.03125, 0.0625, 0.125, 0.0625, 0.125, 0.03125],
            ),
            _ => return None,
        };
        let buffers = Buffers {
            ifm_bytes: bytes[0],
            accumulator_bytes: bytes[1],
            chaining_bytes: bytes[2],
            output_bytes: bytes[3],
            decoders,
            reads: Reads {
                copies: reads[0],
                operands: reads[1],
                weights: reads[2],
                fast_weights: reads[3],
                input: reads[4],
                scales: reads[5],
            },
            output: Rates {
                bits8: rates[0],
                bits16: rates[1],
                bits32: rates[2],
                narrowed: rates[3],
                binary32: rates[4],
                function: rates[5],
            },
        };
        Some(Self {
            macs_per_cycle,
            ofm_block_max: Block::new(128, 128, 1024),
            generation: Generation::Separate(buffers),
            delay40: if macs_per_cycle <= 128 { 3 } else { 2 },
            memories: SystemPreset::FlashHigh.memories(MemoryMode::SharedSram),
            ..Self::base()
        })
    }

    /// Cycles of a copy between the memories of two roles.
    pub fn copy_cycles(&self, bytes: u64, to: Role, from: Role) -> Cycles {
        let (to, from) = (self.memories.of(to), self.memories.of(from));
        match &self.generation {
            Generation::Shared => copy_cycles(bytes, to, from),
            Generation::Separate(Buffers { reads, .. }) => {
                let read = Channel::Copies.stream_cycles(bytes, from, reads) + from.read_latency;
                let write = Channel::Write.stream_cycles(bytes, to, reads) + to.write_latency;
                read.max(write)
            }
        }
    }

    /// Cycles of a read through a channel from the memory of a role, the latency paid once.
    pub fn read_cycles(&self, bytes: u64, from: Role, channel: Channel) -> Cycles {
        let memory = self.memories.of(from);
        match &self.generation {
            Generation::Shared => read_cycles(bytes, memory),
            Generation::Separate(Buffers { reads, .. }) => {
                channel.read_cycles(bytes, memory, reads)
            }
        }
    }

    /// The same machine with another memory system.
    #[must_use]
    pub const fn with_memories(self, memories: Memories) -> Self {
        Self { memories, ..self }
    }
}
