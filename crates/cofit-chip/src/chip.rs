//! The typed chip: a card after overlays, for one runtime and one operating point.

pub mod class;
pub mod energy;
pub mod engine;
pub mod fusion;
pub mod identity;
pub mod memory;
pub mod operating_point;
pub mod operator_rule;
pub mod policy;
pub mod precision;
pub mod runtime;
pub mod timing;

use cofit_vocab::{Bytes, Hertz};
use indexmap::IndexMap;
use serde::Serialize;

pub use self::class::OperatorClass;
pub use self::energy::{Calibration, Energy, EnergyModel, Metric, Toolchain};
pub use self::engine::{Engine, EngineKind, EngineMemories, LookUpTable};
pub use self::fusion::{
    FusedBy, Fusion, FusionConditions, FusionEffect, Matcher, PatternItem, PatternPresence,
    Prerequisite, Saving,
};
pub use self::identity::{ChipKind, Maturity, Source, SourceKind, Target};
pub use self::memory::{
    Cache, CachePolicy, Content, Exclusion, Layout, LayoutOrder, Link, Memory, MemoryEnergy,
    PixelLimit, Reserve, Retention, RowGroup, Tier,
};
pub use self::operating_point::{Domain, OperatingPoint, Overlay};
pub use self::operator_rule::{
    Fallback, FusedActivation, Grouping, Lowering, OperatorRule, OperatorRules, PaddingLimit,
    PaddingMode, WindowLimit,
};
pub use self::policy::{
    Branching, Compression, CompressionKind, Control, GraphKind, Partitions, Reloaded, Residency,
    Staging, Tiling, TilingMode, WeightLoad, Weights,
};
pub use self::precision::{
    NumberKind, Precision, PrecisionMode, QuantisationRule, Requirement, Rounding, Scheme,
};
pub use self::runtime::{
    KernelScratch, Ordering, Placement, Planner, Runtime, RuntimeAccuracy, RuntimeCode, RuntimeRam,
};
pub use self::timing::Timing;
pub use self::timing::edge_tpu::{EdgeTpuCost, EdgeTpuTiming};
pub use self::timing::ethos_u::{
    ActivationCycles, ChannelReads, ElementCycles, EthosUTiming, Granules, OutputCycles,
    SeparateBuffers,
};
pub use self::timing::kpu_k210::KpuK210Timing;
pub use self::timing::mac_array::{Dataflow, MacArrayTiming, PoolingUnit, Unroll};
pub use self::timing::max7800x::Max7800xTiming;
pub use self::timing::ne16::Ne16Timing;
pub use self::timing::roofline::RooflineTiming;
pub use self::timing::simd::{SimdAccess, SimdCost, SimdThreads, SimdTiming};
pub use self::timing::tiles::Tiles;
use crate::Sourced;
use crate::decode::Assumption;
use crate::table::card_table;

card_table! {
    /// A chip card. Every figure may be written plainly, as `{ v = .., src = "..", conf = "..",
    /// note = ".." }`, or as `{ unknown = true, assume = .., why = ".." }`.
    pub struct CardBody {
        /// The version of the rules that the card was written for: 1.
        schema: u32, required;
        /// The card that this one changes: an id of the catalogue or a card file beside this one.
        extends: String, optional;
        /// What the chip is.
        target: Target, required;
        /// Where figures come from.
        sources: IndexMap<String, Source>, default(IndexMap::new());
        /// Clocks and voltages, the default first.
        operating_points as "operating_point": Vec<OperatingPoint>, default(Vec::new());
        /// Memory regions, the preferred first.
        memories as "memory": Vec<Memory>, required;
        /// Layouts of feature maps.
        layouts as "layout": Vec<Layout>, default(Vec::new());
        /// DMA channels and buses.
        links as "link": Vec<Link>, default(Vec::new());
        /// What computes, the preferred first.
        engines as "engine": Vec<Engine>, required;
        /// Operators that become one step, the preferred first.
        fusions as "fusion": Vec<Fusion>, default(Vec::new());
        /// What happens to steps that exceed a memory.
        tiling: Tiling, default(Tiling::default());
        /// Where weights are.
        weights: Weights, default(Weights::default());
        /// What graphs the chip runs.
        control: Control, default(Control::default());
        /// Kernel libraries and vendor compilers, the default first.
        runtimes as "runtime": Vec<Runtime>, default(Vec::new());
        /// What computing costs in energy.
        energy: Energy, optional;
        /// Measurements to compare results with.
        calibration: Vec<Calibration>, default(Vec::new());
        /// The vendor's tools.
        toolchain: Toolchain, optional;
    }
}

/// A chip, ready for use: overlays applied, one runtime and one operating point chosen, and every
/// value that nobody stated listed under [`Chip::assumptions`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chip {
    /// What the chip is.
    pub target: Target,
    /// Where figures come from, by key.
    pub sources: IndexMap<String, Source>,
    /// The chosen clocks and voltage.
    pub operating_point: OperatingPoint,
    /// The names of all operating points, the default first.
    pub operating_points: Vec<String>,
    /// The chosen runtime.
    pub runtime: Runtime,
    /// The names of all runtimes, the default first.
    pub runtimes: Vec<String>,
    /// The threads that a run asked for; `None` leaves them to each engine.
    pub threads: Option<u32>,
    /// Memory regions, the preferred first.
    pub memories: Vec<Memory>,
    /// Layouts of feature maps.
    pub layouts: Vec<Layout>,
    /// DMA channels and buses.
    pub links: Vec<Link>,
    /// What computes, the preferred first.
    pub engines: Vec<Engine>,
    /// Operators that become one step, the preferred first.
    pub fusions: Vec<Fusion>,
    /// What happens to steps that exceed a memory.
    pub tiling: Tiling,
    /// Where weights are.
    pub weights: Weights,
    /// What graphs the chip runs.
    pub control: Control,
    /// What computing costs in energy, where it is known.
    pub energy: Option<Energy>,
    /// Measurements to compare results with.
    pub calibration: Vec<Calibration>,
    /// The vendor's tools.
    pub toolchain: Option<Toolchain>,
    /// Values that nobody stated, in the order of the card.
    pub assumptions: Vec<Assumption>,
    /// SHA-256 of the card with its bases, overlays and `--set` changes, in lower-case hex.
    pub sha256: String,
}

impl Chip {
    /// The id by which commands name the chip.
    pub fn id(&self) -> &str {
        &self.target.id
    }

    /// The name for a reader: the card's, or the id.
    pub fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or(&self.target.id)
    }

    /// The memory `id`.
    pub fn memory(&self, id: &str) -> Option<&Memory> {
        self.memories.iter().find(|memory| memory.id == id)
    }

    /// The memories that may hold `content`, the preferred first.
    pub fn memories_for(&self, content: Content) -> impl Iterator<Item = &Memory> {
        self.memories.iter().filter(move |memory| memory.may_hold(content))
    }

    /// The memories that `engine` may have `content` in while it works, the preferred first.
    pub fn memories_of(&self, engine: &Engine, content: Content) -> Vec<&Memory> {
        match engine.memories.ids(content) {
            Some(ids) => ids.iter().filter_map(|id| self.memory(id)).collect(),
            None => self.memories_for(content).collect(),
        }
    }

    /// The engine `id`.
    pub fn engine(&self, id: &str) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.id == id)
    }

    /// The engine that runs what no other takes.
    pub fn host(&self) -> Option<&Engine> {
        self.engine(self.target.host.as_deref()?)
    }

    /// The chip with the engines that `is_kept` names alone, as if the tools knew no other; `None`
    /// where that is all of them or none. Without its host the chip refuses what no other engine
    /// takes.
    pub fn with_engines(&self, is_kept: impl Fn(&Engine) -> bool) -> Option<Self> {
        let kept = self.engines.iter().filter(|engine| is_kept(engine)).count();
        if kept == 0 || kept == self.engines.len() {
            return None;
        }
        let mut chip = self.clone();
        chip.engines.retain(&is_kept);
        chip.target.host = chip.host().map(|engine| engine.id.clone());
        Some(chip)
    }

    /// The threads that `engine` runs: 1 unless its timing knows of several cores.
    pub fn threads_of(&self, engine: &Engine) -> u32 {
        match &engine.timing {
            Timing::Simd(timing) => timing.threads(self.threads),
            Timing::EdgeTpu(_)
            | Timing::EthosU(_)
            | Timing::Max7800x(_)
            | Timing::KpuK210(_)
            | Timing::Ne16(_)
            | Timing::MacArray(_)
            | Timing::Roofline(_) => 1,
        }
    }

    /// The most threads that help on any engine.
    pub fn most_threads(&self) -> u32 {
        self.engines
            .iter()
            .filter_map(|engine| match &engine.timing {
                Timing::Simd(timing) => timing.threads.as_ref().map(|table| table.most.value),
                Timing::EdgeTpu(_)
                | Timing::EthosU(_)
                | Timing::Max7800x(_)
                | Timing::KpuK210(_)
                | Timing::Ne16(_)
                | Timing::MacArray(_)
                | Timing::Roofline(_) => None,
            })
            .max()
            .unwrap_or(1)
    }

    /// The most threads that any engine of this run takes.
    pub fn running_threads(&self) -> u32 {
        self.engines.iter().map(|engine| self.threads_of(engine)).max().unwrap_or(1)
    }

    /// The layout `id`.
    pub fn layout(&self, id: &str) -> Option<&Layout> {
        self.layouts.iter().find(|layout| layout.id == id)
    }

    /// The clock of `domain`: as stated, or the first clock that is.
    pub fn clock(&self, domain: Domain) -> Option<&Sourced<Hertz>> {
        let point = &self.operating_point;
        [domain, Domain::Npu, Domain::Cpu, Domain::Memory]
            .into_iter()
            .find_map(|domain| point.clock(domain))
    }

    /// The clock that cycles of results count: the first engine's.
    pub fn reference_clock(&self) -> Option<&Sourced<Hertz>> {
        self.clock(self.reference_domain())
    }

    /// The clock domain of the first engine.
    pub fn reference_domain(&self) -> Domain {
        self.engines.first().map_or(Domain::Cpu, Engine::clock_domain)
    }

    /// Bytes that `memory` moves per cycle of the reference clock, where its rate is known.
    pub fn bytes_per_cycle(&self, memory: &Memory) -> Option<f64> {
        let reference = self.reference_clock()?.value.get();
        if let Some(bandwidth) = &memory.bandwidth {
            return Some(bandwidth.value.get() / reference);
        }
        let own = memory.domain.unwrap_or(self.reference_domain());
        let clock = self.clock(own)?.value.get();
        memory.bytes_per_cycle.as_ref().map(|rate| rate.value * clock / reference)
    }

    /// All bytes of the memories that may hold `content`, before reserves.
    pub fn capacity(&self, content: Content) -> Bytes {
        self.memories_for(content).map(|memory| memory.size.value).sum()
    }
}
