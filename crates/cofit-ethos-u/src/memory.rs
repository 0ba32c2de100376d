//! The memory ports of the NPU and which tensors live behind which.
//!
//! Ethos-U55 has two 64-bit AXI ports. A [`MemoryMode`] says which port serves activations and
//! which serves weights. Figures of the presets: `config_files/Arm/vela.ini` of Vela 5.2.0.

use cofit_vocab::{Cycles, Hertz};

/// One of the two AXI ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Port {
    /// Read-write port: on-chip SRAM.
    Axi0,
    /// Read port on U55: flash. Read-write on U65: DRAM.
    Axi1,
}

impl Port {
    /// Both ports, in order.
    pub const ALL: [Self; 2] = [Self::Axi0, Self::Axi1];

    /// Position of the port in arrays of both.
    pub const fn index(self) -> usize {
        match self {
            Self::Axi0 => 0,
            Self::Axi1 => 1,
        }
    }
}

/// What a tensor is to the scheduler, which decides the port that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Activations.
    Arena,
    /// Weight buffers, and activations that are kept where weight buffers are.
    Staging,
    /// Weights, scales and constant operands.
    Constants,
}

/// The memory behind a port.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryPort {
    /// Bytes per NPU cycle: the port's width times the memory's clock scale.
    pub bytes_per_cycle: f32,
    /// NPU cycles from a read request to the first data.
    pub read_latency: Cycles,
    /// NPU cycles from a write request to its acknowledgement.
    pub write_latency: Cycles,
    /// Longest burst in bytes; shorter runs waste the remainder.
    pub burst_bytes: u32,
    /// Ports that share the rate.
    pub ports: u32,
    /// Reads that each port may have under way; counts on Ethos-U85.
    pub max_reads: u32,
    /// Writes that each port may have under way; counts on Ethos-U85.
    pub max_writes: u32,
}

/// Where weights and activations live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryMode {
    /// Everything behind AXI0; weights are never copied.
    SramOnly,
    /// Activations and weight buffers behind AXI0, weights behind AXI1.
    SharedSram,
    /// Everything behind AXI1, with copies of weights and some activations behind AXI0.
    DedicatedSram,
}

impl MemoryMode {
    /// The port that serves a role.
    pub const fn port(self, role: Role) -> Port {
        match (self, role) {
            (Self::SharedSram, Role::Constants)
            | (Self::DedicatedSram, Role::Constants | Role::Arena) => Port::Axi1,
            (Self::SharedSram, Role::Arena | Role::Staging)
            | (Self::DedicatedSram, Role::Staging)
            | (Self::SramOnly, Role::Arena | Role::Staging | Role::Constants) => Port::Axi0,
        }
    }
}

/// The memory system as the NPU sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memories {
    /// Clock of the NPU, in which all cycles of this crate count.
    pub clock: Hertz,
    /// The memories behind AXI0 and AXI1.
    pub ports: [MemoryPort; 2],
    /// Who uses which.
    pub mode: MemoryMode,
}

impl Memories {
    /// The memory that serves a role.
    pub const fn of(&self, role: Role) -> &MemoryPort {
        &self.ports[self.mode.port(role).index()]
    }
}

const U55_SRAM: MemoryPort = MemoryPort {
    bytes_per_cycle: 8.0,
    read_latency: Cycles(32),
    write_latency: Cycles(32),
    burst_bytes: 32,
    ports: 1,
    max_reads: 8,
    max_writes: 8,
};

const U85_SRAM: MemoryPort =
    MemoryPort { bytes_per_cycle: 32.0, burst_bytes: 64, ports: 2, ..U55_SRAM };

const fn flash(bytes_per_cycle: f32) -> MemoryPort {
    MemoryPort {
        bytes_per_cycle,
        read_latency: Cycles(64),
        write_latency: Cycles(0),
        burst_bytes: 128,
        ports: 1,
        max_reads: 2,
        max_writes: 0,
    }
}

/// Reference systems of `vela.ini`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemPreset {
    /// `Ethos_U55_Deep_Embedded`: 200 MHz, SRAM 1.6 GB/s, flash 0.1 GB/s.
    DeepEmbedded,
    /// `Ethos_U55_High_End_Embedded`: 500 MHz, SRAM 4 GB/s, flash 0.5 GB/s.
    HighEndEmbedded,
    /// `Ethos_U85_SYS_Flash_High`: 500 MHz, SRAM 16 GB/s, flash 0.5 GB/s.
    FlashHigh,
}

impl SystemPreset {
    /// The memory system of the preset in a mode.
    pub const fn memories(self, mode: MemoryMode) -> Memories {
        let (clock, sram, flash) = match self {
            Self::DeepEmbedded => (200e6, U55_SRAM, flash(0.5)),
            Self::HighEndEmbedded => (500e6, U55_SRAM, flash(1.0)),
            Self::FlashHigh => (500e6, U85_SRAM, flash(1.0)),
        };
        Memories { clock: Hertz(clock), ports: [sram, flash], mode }
    }
}

/// Cycles that `bytes` take at the memory's bandwidth, rounded down as Vela does, in the single
/// precision that Vela uses.
pub fn stream_cycles(bytes: u64, memory: &MemoryPort) -> Cycles {
    // Float to integer casts saturate, so a bandwidth of zero costs the maximum.
    Cycles((bytes as f32 / memory.bytes_per_cycle) as u64)
}

/// Cycles of a read that pays the latency once, in the double precision of Vela's `MinReadCycles`.
pub fn read_cycles(bytes: u64, memory: &MemoryPort) -> Cycles {
    let cycles = bytes as f64 / f64::from(memory.bytes_per_cycle) + memory.read_latency.as_f64();
    Cycles(cycles as u64)
}

/// Cycles of a DMA between two memories: the slower end decides.
pub fn copy_cycles(bytes: u64, to: &MemoryPort, from: &MemoryPort) -> Cycles {
    let read = stream_cycles(bytes, from) + from.read_latency;
    let write = stream_cycles(bytes, to) + to.write_latency;
    read.max(write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_takes_as_long_as_its_slower_end() {
        let memories = SystemPreset::HighEndEmbedded.memories(MemoryMode::SharedSram);
        let (sram, flash) = (memories.of(Role::Staging), memories.of(Role::Constants));
        // 4464 bytes at 1 byte per cycle and 64 cycles of latency.
        assert_eq!(copy_cycles(4464, sram, flash), Cycles(4528));
    }

    #[test]
    fn one_memory_serves_every_role_in_sram_only() {
        let memories = SystemPreset::DeepEmbedded.memories(MemoryMode::SramOnly);
        assert_eq!(memories.of(Role::Constants), memories.of(Role::Arena));
    }
}
