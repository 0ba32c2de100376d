//! Parameters of the `simd` timing model: a CPU or DSP with a kernel library.
//!
//! A step costs, in cycles of the engine's clock, `per_call + per_mac * MACs + per_output *
//! output elements + per_input * input elements + per_weight * weight elements` by the row of its
//! operator class and widths, plus `read` and `write` cycles per byte of each memory it touches.
//! Each coefficient can be fitted by itself.
//!
//! Costs are those of one core. Where the card states `threads` and a run takes several, the terms
//! of arithmetic (`per_mac`, `per_output`, `per_input`) are divided by [`SimdThreads::speed_up`].
//! The rest is serial: calls are made one after the other, and all cores wait for the same memories.

use indexmap::IndexMap;

use crate::Sourced;
use crate::chip::OperatorClass;
use crate::chip::precision::NumberKind;
use crate::chip::timing::tiles::Tiles;
use crate::table::card_table;

// Where nobody ran more than one thread. It has no source and is listed among the chip's assumptions.
const EFFICIENCY: f64 = 0.8;
const WHY_EFFICIENCY: &str = "nobody compared threads; a fifth of each is taken to be lost";

card_table! {
    /// Parameters of `model = "simd"`.
    pub struct SimdTiming {
        /// Always `simd`.
        model: String, required;
        /// Cycles of one inference whatever the model: interpreter, set-up.
        per_inference: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles of one operator whatever its kind: dispatch.
        per_operator: Sourced<f64>, default(Sourced::plain(0.0));
        /// What operators cost by class and widths.
        cost: Vec<SimdCost>, default(Vec::new());
        /// What bytes cost beyond the kernels' own loads, by memory.
        access: Vec<SimdAccess>, default(Vec::new());
        /// How the library uses several cores. Left out: it uses one.
        threads: SimdThreads, optional;
        /// The small memory through which tensors pass, where there is one.
        tiles: Tiles, optional;
    }

    /// How a kernel library uses several cores.
    pub struct SimdThreads {
        /// The largest number of threads that helps: the cores.
        most: Sourced<u32>, required;
        /// The number of threads of a run that does not say.
        default: Sourced<u32>, default(Sourced::plain(1));
        /// How much of a thread's arithmetic is gained, once there is more than one: `t` threads
        /// are as fast as `t * efficiency` of one.
        efficiency: Sourced<f64>, assume(EFFICIENCY, WHY_EFFICIENCY);
        /// Efficiencies of single operator classes, by the class's name.
        efficiencies: IndexMap<String, Sourced<f64>>, default(IndexMap::new());
    }

    /// The cost of one operator class at one pair of widths.
    pub struct SimdCost {
        /// The name of the row for overlays and `--set`.
        id: String, required;
        /// The class that the row is for.
        class: OperatorClass, required;
        /// Bits of weights. Left out: any, or no weights.
        weight_bits as "w": u32, optional;
        /// Bits of activations. Left out: any.
        activation_bits as "a": u32, optional;
        /// Integers or floats.
        kind: NumberKind, default(NumberKind::Integer);
        /// Cycles per multiply-accumulate.
        per_mac: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles per output element.
        per_output: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles per input element.
        per_input: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles per weight element: unpacking, cold reads.
        per_weight: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles per call.
        per_call: Sourced<f64>, default(Sourced::plain(0.0));
    }

    /// Wait cycles of one memory.
    pub struct SimdAccess {
        /// The memory.
        id: String, required;
        /// Cycles per byte of weights read.
        weight_read: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles per byte of activations read.
        read: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles per byte of activations written.
        write: Sourced<f64>, default(Sourced::plain(0.0));
    }
}

impl SimdTiming {
    /// The most specific row for `class` at the given widths: one that states both widths before
    /// one that states one, and one that states one before one that states none.
    pub fn cost_of(
        &self,
        class: OperatorClass,
        weight_bits: Option<u32>,
        activation_bits: u32,
        kind: NumberKind,
    ) -> Option<&SimdCost> {
        let specificity = |row: &SimdCost| {
            u32::from(row.weight_bits.is_some()) + u32::from(row.activation_bits.is_some())
        };
        let mut best: Option<&SimdCost> = None;
        for row in &self.cost {
            let applies = row.class == class
                && row.kind == kind
                && row.weight_bits.is_none_or(|bits| weight_bits == Some(bits))
                && row.activation_bits.is_none_or(|bits| bits == activation_bits);
            if applies && best.is_none_or(|best| specificity(row) > specificity(best)) {
                best = Some(row);
            }
        }
        best
    }

    /// The threads of a run for which `wanted` were asked: the card's default where none were, and
    /// never more than help.
    pub fn threads(&self, wanted: Option<u32>) -> u32 {
        self.threads.as_ref().map_or(1, |threads| {
            wanted.unwrap_or(threads.default.value).clamp(1, threads.most.value.max(1))
        })
    }

    /// How many times faster the arithmetic of `class` is with so many threads than with one.
    pub fn speed_up(&self, class: OperatorClass, threads: u32) -> f64 {
        self.threads.as_ref().map_or(1.0, |table| table.speed_up(class, threads))
    }

    /// The wait cycles of the memory `id`.
    pub fn access_to(&self, id: &str) -> Option<&SimdAccess> {
        self.access.iter().find(|access| access.id == id)
    }
}

impl SimdThreads {
    /// How many times faster the arithmetic of `class` is with so many threads than with one:
    /// never less than 1.
    pub fn speed_up(&self, class: OperatorClass, threads: u32) -> f64 {
        let efficiency = self.efficiencies.get(class.name()).unwrap_or(&self.efficiency).value;
        if threads <= 1 { 1.0 } else { (f64::from(threads) * efficiency).max(1.0) }
    }
}
