//! What computes.

use cofit_vocab::{Bytes, OperatorKind};

use super::memory::Content;
use super::operating_point::Domain;
use super::operator_rule::{Fallback, OperatorRules};
use super::precision::{NumberKind, Precision, Rounding};
use super::timing::Timing;
use crate::Sourced;
use crate::table::{card_table, card_words};

card_words! {
    /// How an engine is built.
    pub enum EngineKind, "a kind of engine" {
        /// A scalar processor.
        Cpu = "cpu";
        /// A processor with vector instructions.
        Simd = "simd";
        /// A processor with several operations per instruction.
        Vliw = "vliw";
        /// An array of multipliers.
        MacArray = "mac_array";
        /// An array whose rate depends on the bits of the weights.
        BitSerial = "bit_serial";
        /// An array through which operands flow.
        Systolic = "systolic";
    }
}

card_table! {
    /// Something that computes. The card's first engine that accepts an operator runs it.
    pub struct Engine {
        /// The id that placements, overlays and messages use.
        id: String, required;
        /// The name for a reader.
        name: String, optional;
        /// How it is built.
        kind: EngineKind, default(EngineKind::MacArray);
        /// The clock that its cycles count. Left out: `npu` for arrays, `cpu` for processors.
        domain: Domain, optional;
        /// Cores or processors of the kind.
        count: Sourced<u32>, default(Sourced::plain(1));
        /// Greatest number of multiply-accumulates per cycle, all cores together.
        peak_macs_per_cycle: Sourced<f64>,
            assume(1.0, "the card states no peak; one multiply-accumulate per cycle is taken");
        /// The id of the layout of its feature maps. Left out: rows, columns, channels, unpadded.
        layout: String, optional;
        /// The memories that it works in, by content. Left out: every memory that may hold it.
        memories: EngineMemories, default(EngineMemories::ANYWHERE);
        /// Pairs of widths that it multiplies. An empty list allows none.
        precision: Vec<Precision>, default(Vec::new());
        /// How it rounds when an accumulator becomes an output element. Left out: nobody said.
        rounding: Sourced<Rounding>, optional;
        /// Operators that it runs. An empty list allows none.
        operators: OperatorRules, default(OperatorRules::default());
        /// What happens to operators that it does not run.
        fallback: Fallback, default(Fallback::Host);
        /// Whether a dense layer takes a feature map as it lies and flattens it itself, so that its
        /// limits are those of the map.
        flattens: bool, default(false);
        /// Operators that the tools hand to the host where the engine lacks them, whatever
        /// `fallback` says.
        handed_over: Vec<OperatorKind>, default(Vec::new());
        /// Its table for arbitrary functions of one element.
        lut: LookUpTable, optional;
        /// How long operators take. Left out: a roofline with assumed parameters.
        timing: Timing, otherwise(Timing::unstated);
    }

    /// Ids of the memories that an engine works in, the preferred first. A content left out may lie
    /// in every memory that holds it; an empty list allows none.
    pub struct EngineMemories {
        /// Activations.
        activation as "act": Vec<String>, optional;
        /// Weights while they are used.
        weight: Vec<String>, optional;
        /// Biases while they are used.
        bias: Vec<String>, optional;
    }

    /// A table for arbitrary functions of one element.
    pub struct LookUpTable {
        /// Its size, where it is a table of values.
        bytes: Sourced<Bytes>, optional;
        /// Linear segments, where it interpolates.
        segments: Sourced<u32>, optional;
    }
}

impl EngineMemories {
    /// No restriction.
    pub const ANYWHERE: Self = Self { activation: None, weight: None, bias: None };

    /// The ids for `content`, or `None` where the engine does not restrict it.
    pub fn ids(&self, content: Content) -> Option<&[String]> {
        match content {
            Content::Activation => self.activation.as_deref(),
            Content::Weight => self.weight.as_deref(),
            Content::Bias => self.bias.as_deref(),
            Content::Code | Content::LookUpTable | Content::Runtime => None,
        }
    }
}

impl Engine {
    /// The clock that the engine's cycles count.
    pub fn clock_domain(&self) -> Domain {
        self.domain.unwrap_or(match self.kind {
            EngineKind::Cpu | EngineKind::Simd | EngineKind::Vliw => Domain::Cpu,
            EngineKind::MacArray | EngineKind::BitSerial | EngineKind::Systolic => Domain::Npu,
        })
    }

    /// The pair for `kind` at the given widths. `weight_bits` is `None` for operators without
    /// weights, which take the first pair with the activation's width.
    pub fn precision_for(
        &self,
        kind: OperatorKind,
        weight_bits: Option<u32>,
        activation_bits: u32,
        number: NumberKind,
    ) -> Option<&Precision> {
        self.precision.iter().find(|pair| {
            pair.covers(kind)
                && pair.kind == number
                && pair.activation_bits == activation_bits
                && weight_bits.is_none_or(|bits| bits == pair.weight_bits)
        })
    }
}
