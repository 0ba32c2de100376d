//! How fast each kind of access can go.
//!
//! A channel moves no more than its read buffers and the memory's requests under way allow within
//! a latency, and no more than the port; of both a fifth is taken to be lost.
//! Source: Vela 5.2.0, `ethos_u85_performance.cpp` `ChannelBW`.

use cofit_vocab::Cycles;

use crate::memory::MemoryPort;
use crate::operation::Unit;
use crate::u85::Reads;

/// Bytes of a word of the ports.
const WORD_BYTES: u32 = 16;
/// The share of what is possible that is taken to be reached.
const REACHED: f64 = 0.8;

/// A kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The reading side of a copy between memories.
    Copies,
    /// Operands of the elementwise unit.
    Operands,
    /// Compressed weights.
    Weights,
    /// Weights for the fast decoder.
    FastWeights,
    /// Input of the array.
    Input,
    /// Scales and biases.
    Scales,
    /// Everything that is written.
    Write,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 7] = [
        Self::Copies,
        Self::Operands,
        Self::Weights,
        Self::FastWeights,
        Self::Input,
        Self::Scales,
        Self::Write,
    ];

    /// The channel that the input of a unit comes through.
    pub const fn of_input(unit: Unit) -> Self {
        match unit {
            Unit::Elementwise => Self::Operands,
            Unit::Convolution
            | Unit::Depthwise
            | Unit::Pooling
            | Unit::ReduceSum
            | Unit::Transpose => Self::Input,
        }
    }

    /// Position of the channel in arrays of all.
    pub const fn index(self) -> usize {
        match self {
            Self::Copies => 0,
            Self::Operands => 1,
            Self::Weights => 2,
            Self::FastWeights => 3,
            Self::Input => 4,
            Self::Scales => 5,
            Self::Write => 6,
        }
    }

    /// Bytes per cycle of the channel at a memory.
    pub fn bytes_per_cycle(self, memory: &MemoryPort, reads: &Reads) -> f32 {
        let burst_words = (memory.burst_bytes / WORD_BYTES).max(1) as f32;
        let buffered = |words: u32| words as f32 / burst_words;
        let (limit, latency, outstanding) = match self {
            Self::Copies => (buffered(reads.copies), memory.read_latency, memory.max_reads),
            Self::Operands => (buffered(reads.operands), memory.read_latency, memory.max_reads),
            Self::Weights => (buffered(reads.weights), memory.read_latency, memory.max_reads),
            Self::FastWeights => {
                (buffered(reads.fast_weights), memory.read_latency, memory.max_reads)
            }
            Self::Input => (buffered(reads.input), memory.read_latency, memory.max_reads),
            Self::Scales => (buffered(reads.scales), memory.read_latency, memory.max_reads),
            Self::Write => (f32::MAX, memory.write_latency, memory.max_writes),
        };
        let requests = f64::from(outstanding) * f64::from(memory.ports) * REACHED;
        let under_way = limit.min(requests as f32);
        // Without latency the quotient is infinite, and the port decides.
        let reached =
            f64::from(memory.burst_bytes as f32 * under_way / latency.as_f64() as f32) * REACHED;
        memory.bytes_per_cycle.min(reached as f32)
    }

    /// Cycles that `bytes` take, rounded down as Vela does.
    pub fn stream_cycles(self, bytes: u64, memory: &MemoryPort, reads: &Reads) -> Cycles {
        Cycles((bytes as f32 / self.bytes_per_cycle(memory, reads)) as u64)
    }

    /// Cycles of a read that pays the latency once.
    pub fn read_cycles(self, bytes: u64, memory: &MemoryPort, reads: &Reads) -> Cycles {
        let rate = f64::from(self.bytes_per_cycle(memory, reads));
        Cycles((bytes as f64 / rate + memory.read_latency.as_f64()) as u64)
    }
}
