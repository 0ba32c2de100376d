//! Which widths of weights and activations an engine multiplies, and what each costs.

use cofit_vocab::OperatorKind;
use indexmap::IndexMap;

use crate::Sourced;
use crate::table::{card_table, card_words};

card_words! {
    /// How an engine treats a pair of widths.
    pub enum PrecisionMode, "a precision mode" {
        /// In hardware, at the engine's rate.
        Native = "native";
        /// In hardware, at a rate that depends on the bits.
        BitSerial = "bit_serial";
        /// By unpacking to a wider native pair in software.
        Emulated = "emulated";
        /// Stored narrow and multiplied wide: memory shrinks, cycles do not.
        StorageOnly = "storage_only";
        /// Refused.
        Unsupported = "unsupported";
    }

    /// What the numbers of a pair are.
    pub enum NumberKind, "a kind of numbers" {
        /// Integers with a scale.
        Integer = "int";
        /// IEEE 754 floats.
        Float = "float";
    }

    /// How a quantised tensor maps to real numbers.
    pub enum Scheme, "a quantisation scheme" {
        /// A scale per tensor, zero point 0.
        PerTensorSymmetric = "per_tensor_sym";
        /// A scale and a zero point per tensor.
        PerTensorAsymmetric = "per_tensor_asym";
        /// A scale per output channel, zero point 0.
        PerChannelSymmetric = "per_channel_sym";
        /// A power of two as scale, zero point 0.
        PowerOfTwo = "pow2";
    }

    /// How an accumulator becomes an output element.
    pub enum Rounding, "a rounding" {
        /// Twice: the high half of the doubled product to nearest, ties away from zero, and the shift
        /// that follows again, as TensorFlow Lite for Microcontrollers does by default.
        Double = "double";
        /// Once, half upwards.
        Single = "single";
    }

    /// What a pair needs of the model.
    pub enum Requirement, "a requirement" {
        /// Every operator with weights has a bias.
        Bias = "bias";
        /// The first layer must use wider weights.
        WideFirstLayer = "wide_first_layer";
    }
}

card_table! {
    /// One pair of weight and activation widths.
    pub struct Precision {
        /// Bits of a weight.
        weight_bits as "w": u32, required;
        /// Bits of an activation.
        activation_bits as "a": u32, required;
        /// Bits of an accumulator.
        accumulator_bits as "acc": u32, optional;
        /// Bits of an output element, where it is not the activation's width.
        output_bits as "out": u32, optional;
        /// Integers or floats.
        kind: NumberKind, default(NumberKind::Integer);
        /// How the engine treats the pair.
        mode: PrecisionMode, default(PrecisionMode::Native);
        /// Bits that one weight occupies in memory. Left out: `w`.
        stored_bits: u32, optional;
        /// Cycles relative to the engine's own rate.
        cycle_factor: Sourced<f64>, default(Sourced::plain(1.0));
        /// Cycle factors of single operator kinds.
        cycle_factors: IndexMap<String, Sourced<f64>>, default(IndexMap::new());
        /// Bytes moved per stored byte of weights.
        weight_traffic_factor: Sourced<f64>, default(Sourced::plain(1.0));
        /// The values that a weight can take, where they are not all of its width.
        values: Vec<i64>, optional;
        /// Least and greatest weight, where they are not those of its width.
        range: [i64; 2], optional;
        /// What the pair needs of the model.
        requires: Vec<Requirement>, default(Vec::new());
        /// The only operator kinds that take the pair. Left out: all of the engine's.
        operators: Vec<OperatorKind>, optional;
        /// How tensors must be quantised.
        quantisation: QuantisationRule, optional;
    }

    /// How tensors must be quantised.
    pub struct QuantisationRule {
        /// Schemes of weights; empty: any.
        weights: Vec<Scheme>, default(Vec::new());
        /// Schemes of activations; empty: any.
        activations: Vec<Scheme>, default(Vec::new());
        /// Bits of a bias.
        bias_bits: u32, optional;
        /// Least and greatest shift of the accumulator.
        shift: [i64; 2], optional;
    }
}

impl Precision {
    /// Bits that one weight occupies in memory.
    pub fn bits_stored(&self) -> u32 {
        self.stored_bits.unwrap_or(self.weight_bits)
    }

    /// The cycle factor of `kind`.
    pub fn factor(&self, kind: OperatorKind) -> f64 {
        self.cycle_factors.get(kind.name()).unwrap_or(&self.cycle_factor).value
    }

    /// Whether the pair applies to `kind` at all.
    pub fn covers(&self, kind: OperatorKind) -> bool {
        self.operators.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }
}
