//! Memory regions, layouts and links.

use cofit_vocab::{Bytes, Cycles, PicoJoules};

use super::operating_point::Domain;
use crate::Sourced;
use crate::quantity::{BytesPerSecond, Watts};
use crate::table::{card_table, card_words};

card_words! {
    /// How far a memory is from the arithmetic.
    pub enum Tier, "a memory tier" {
        /// Registers of an engine.
        Register = "register";
        /// A buffer private to an engine.
        Scratch = "scratch";
        /// On-chip static memory.
        Sram = "sram";
        /// Non-volatile memory that can be read in place.
        Flash = "flash";
        /// External dynamic memory.
        Dram = "dram";
        /// Memory of the host behind a link.
        Host = "host";
    }

    /// What a memory may hold.
    pub enum Content, "a content of memories" {
        /// Activations: feature maps, inputs and outputs.
        Activation = "act";
        /// Weights.
        Weight = "weight";
        /// Biases and per-channel scales.
        Bias = "bias";
        /// Program code.
        Code = "code";
        /// Look-up tables.
        LookUpTable = "lut";
        /// Data that the runtime keeps beside the tensors: its persistent and scratch allocations.
        Runtime = "runtime";
    }

    /// When the CPU cannot use a memory.
    pub enum Exclusion, "a time of exclusion" {
        /// While the accelerator runs.
        NpuBusy = "npu_busy";
    }

    /// How a cache treats writes.
    pub enum CachePolicy, "a cache policy" {
        /// Dirty lines are written when they are evicted.
        WriteBack = "write_back";
        /// Every write goes through.
        WriteThrough = "write_through";
        /// The cache is never written.
        ReadOnly = "read_only";
    }

    /// The order of a feature map's axes in memory.
    pub enum LayoutOrder, "an order of axes" {
        /// Row, column, channel.
        Hwc = "hwc";
        /// Channel, row, column.
        Chw = "chw";
        /// Row, group of 16 channels, column, channel in the group.
        Hcwb16 = "hcwb16";
    }
}

card_table! {
    /// A memory region. The order of the card is the order of preference: a buffer goes to the
    /// first region that may hold it and has room.
    pub struct Memory {
        /// The id that placements, overlays and messages use.
        id: String, required;
        /// The name for a reader.
        name: String, optional;
        /// How far the memory is from the arithmetic.
        tier: Tier, default(Tier::Sram);
        /// All of it, reserves included.
        size: Sourced<Bytes>, required;
        /// The largest block that one buffer can have. Left out: the whole region.
        max_contiguous: Sourced<Bytes>, optional;
        /// Banks that can be accessed at the same time.
        banks: u32, optional;
        /// Size of one bank.
        bank_size: Sourced<Bytes>, optional;
        /// Accesses per cycle.
        ports: u32, default(1);
        /// Reads that each port may have under way. Counts for an Ethos-U85.
        max_reads: u32, optional;
        /// Writes that each port may have under way. Counts for an Ethos-U85.
        max_writes: u32, optional;
        /// Transfer rate. Give this or `bytes_per_cycle`.
        bandwidth: Sourced<BytesPerSecond>, optional;
        /// Transfer rate per cycle of `domain`.
        bytes_per_cycle: Sourced<f64>, optional;
        /// The clock that the cycles of this table count. Left out: the first engine's.
        domain: Domain, optional;
        /// Cycles from a read to its first byte.
        read_latency: Sourced<Cycles>, optional;
        /// Cycles from a write to its completion.
        write_latency: Sourced<Cycles>, optional;
        /// Bytes moved by one burst; shorter accesses cost as much.
        burst: Sourced<Bytes>, optional;
        /// What the memory may hold. An empty list allows nothing. Left out: what the tier
        /// suggests, as a stated assumption.
        holds: Vec<Content>, optional;
        /// Alignment of every buffer.
        alignment: Bytes, default(Bytes(16));
        /// Bytes that are not free for the model.
        reserve: Reserve, default(Reserve::default());
        /// Regions on one bus share its bandwidth.
        bus: String, optional;
        /// Who else uses the region.
        shared_with: Vec<String>, default(Vec::new());
        /// When the CPU cannot use the region.
        exclusive_when: Exclusion, optional;
        /// The cache that the region is reached through.
        cache: Cache, optional;
        /// What retaining the contents costs.
        retention: Retention, optional;
        /// What accesses cost.
        energy: MemoryEnergy, optional;
    }

    /// Bytes of a region that are not free for the model.
    pub struct Reserve {
        /// For the operating system.
        rtos: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// For the runtime, whatever the model.
        runtime_fixed: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// For the runtime, per operator of the model.
        runtime_per_node: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// For stacks.
        stack: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// For peripherals: frame buffers, sample buffers.
        io: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
    }

    /// A cache in front of a memory.
    pub struct Cache {
        /// Its size.
        size: Sourced<Bytes>, required;
        /// Bytes of a line.
        line: Sourced<Bytes>, optional;
        /// Associativity.
        ways: u32, optional;
        /// How writes are treated.
        policy: CachePolicy, optional;
    }

    /// Power of keeping contents while the rest sleeps.
    pub struct Retention {
        /// Sleep power without retention.
        without: Sourced<Watts>, optional;
        /// Sleep power with retention.
        with: Sourced<Watts>, optional;
    }

    /// Energy of accesses.
    pub struct MemoryEnergy {
        /// Per byte read.
        read_per_byte: Sourced<PicoJoules>, optional;
        /// Per byte written.
        write_per_byte: Sourced<PicoJoules>, optional;
        /// While powered.
        static_power: Sourced<Watts>, optional;
    }

    /// How bytes of a feature map are counted.
    pub struct Layout {
        /// The id that engines use.
        id: String, required;
        /// The order of the axes.
        order: LayoutOrder, default(LayoutOrder::Hwc);
        /// Rows start at multiples of this.
        row_align: Bytes, default(Bytes(1));
        /// How many channels share a line, by width. The first row that is wide enough applies.
        groups: Vec<RowGroup>, default(Vec::new());
        /// Channels are rounded up to a multiple of this.
        channel_round: u32, default(1);
        /// Most pixels of one channel, where the hardware limits them.
        max_pixels: PixelLimit, optional;
    }

    /// Channels that share a line of memory.
    pub struct RowGroup {
        /// Greatest width, in elements, of this row. Left out: any width.
        max_width: u32, optional;
        /// Channels in a line.
        channels: u32, required;
    }

    /// Most pixels of one channel.
    pub struct PixelLimit {
        /// With channels last.
        hwc: Sourced<u32>, optional;
        /// With channels first.
        chw: Sourced<u32>, optional;
    }

    /// A DMA channel or a bus between two memories.
    pub struct Link {
        /// The id for messages.
        id: String, required;
        /// The memory read.
        from: String, required;
        /// The memory written.
        to: String, required;
        /// Transfer rate. Give this or `bytes_per_cycle`.
        bandwidth: Sourced<BytesPerSecond>, optional;
        /// Transfer rate per cycle of the first engine's clock.
        bytes_per_cycle: Sourced<f64>, optional;
        /// Cycles to start a transfer.
        setup: Sourced<Cycles>, optional;
        /// Bytes of one burst.
        burst: Sourced<Bytes>, optional;
        /// Transfers under way at the same time.
        max_outstanding: u32, default(1);
        /// Whether transfers run while the engine computes.
        overlap: bool, default(true);
    }
}

impl Default for Reserve {
    fn default() -> Self {
        let none = Sourced::plain(Bytes::ZERO);
        Self {
            rtos: none.clone(),
            runtime_fixed: none.clone(),
            runtime_per_node: none.clone(),
            stack: none.clone(),
            io: none,
        }
    }
}

impl Reserve {
    /// Everything reserved when the model has `operators` operators.
    pub fn total(&self, operators: u64) -> Bytes {
        self.rtos.value
            + self.runtime_fixed.value
            + self.runtime_per_node.value * operators
            + self.stack.value
            + self.io.value
    }
}

impl Memory {
    /// The largest block that one buffer can have.
    pub fn largest_block(&self) -> Bytes {
        self.max_contiguous.as_ref().map_or(self.size.value, Sourced::get)
    }

    /// What is left for the model when it has `operators` operators.
    pub fn usable(&self, operators: u64) -> Bytes {
        self.size.value - self.reserve.total(operators)
    }

    /// Whether the memory may hold `content`.
    pub fn may_hold(&self, content: Content) -> bool {
        self.contents().contains(&content)
    }

    /// What the memory may hold: what the card says, or what the tier suggests.
    pub fn contents(&self) -> &[Content] {
        self.holds.as_deref().unwrap_or(self.tier.usual_contents())
    }
}

impl Tier {
    /// What a memory of the tier holds where its card does not say.
    pub const fn usual_contents(self) -> &'static [Content] {
        use Content::{Activation, Bias, Code, LookUpTable, Runtime, Weight};
        match self {
            Self::Register | Self::Scratch => &[],
            Self::Sram => &[Activation, Weight, Bias, LookUpTable, Runtime],
            Self::Flash => &[Weight, Bias, Code, LookUpTable],
            Self::Dram => &[Activation, Weight, Bias, LookUpTable, Runtime],
            Self::Host => &[Weight, Bias],
        }
    }
}
