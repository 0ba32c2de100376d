//! What computing costs in energy, and measured rows to compare with.

use cofit_vocab::PicoJoules;
use indexmap::IndexMap;

use super::class::OperatorClass;
use crate::Sourced;
use crate::quantity::Watts;
use crate::table::{card_table, card_words};

card_words! {
    /// What dynamic energy is counted by.
    pub enum EnergyModel, "an energy model" {
        /// By cycle, by byte, and static power.
        CycleByteStatic = "cycle+byte+static";
        /// By cycle, by multiply-accumulate, by byte, and static power.
        CycleMacByteStatic = "cycle+mac+byte+static";
        /// By multiply-accumulate, by byte, and static power.
        MacByteStatic = "mac+byte+static";
        /// One figure per multiply-accumulate for the whole chip.
        WholeChipPerMac = "whole_chip_per_mac";
    }

    /// What a calibration row measures.
    pub enum Metric, "a metric" {
        /// Cycles of the first engine.
        Cycles = "cycles";
        /// Milliseconds.
        Milliseconds = "ms";
        /// Microseconds.
        Microseconds = "us";
        /// Microjoules.
        Microjoules = "uJ";
        /// Bytes.
        Bytes = "bytes";
    }
}

card_table! {
    /// What computing costs in energy.
    pub struct Energy {
        /// What dynamic energy is counted by.
        model: EnergyModel, required;
        /// Dynamic energy of a cycle.
        per_cycle: Sourced<PicoJoules>, optional;
        /// Dynamic energy of a multiply-accumulate, by widths: `w8a8`, `w4a8`, `f32`.
        per_mac: IndexMap<String, Sourced<PicoJoules>>, default(IndexMap::new());
        /// Dynamic energy of a multiply-accumulate of single operator classes, whatever its widths.
        per_mac_of: IndexMap<String, Sourced<PicoJoules>>, default(IndexMap::new());
        /// Static power while computing.
        static_power: Sourced<Watts>, optional;
        /// Power between inferences.
        idle_power: Sourced<Watts>, optional;
        /// Whether the figures are borrowed from a similar chip. Results say so.
        class_default: bool, default(false);
    }

    /// A measurement to compare results with.
    pub struct Calibration {
        /// The network, by its name in the models' manifest.
        workload: String, required;
        /// What was measured.
        metric: Metric, required;
        /// The value, in the metric's unit.
        value: Sourced<f64>, required;
        /// The relative difference that is not an error.
        tolerance: f64, default(0.05);
        /// The operating point. Left out: the first.
        operating_point: String, optional;
        /// The runtime. Left out: the first.
        runtime: String, optional;
        /// The tools that made it.
        toolchain: String, optional;
    }

    /// The vendor's tools.
    pub struct Toolchain {
        /// The compiler.
        compiler: String, optional;
        /// Its version.
        version: String, optional;
        /// Formats that it reads.
        frontends: Vec<String>, default(Vec::new());
        /// A command that computes the vendor's own figures.
        oracle: String, optional;
    }
}

impl Energy {
    /// The energy of a multiply-accumulate of `class` at the widths `pair`: the class's own, else the
    /// pair's.
    pub fn of_mac(&self, pair: &str, class: OperatorClass) -> Option<&Sourced<PicoJoules>> {
        self.per_mac_of.get(class.name()).or_else(|| self.per_mac.get(pair))
    }
}
