//! What Ethos-U85 does otherwise than Ethos-U55 and -U65.
//!
//! Input, accumulators, chained operands and output have a memory each instead of shares of one
//! ([`Buffers`]). The array works in one of several micro-blocks, by operation and element
//! ([`micro_block`]); blocks are looked for in other ways ([`block_search`], [`area_fit`]).
//! Memory ports limit every kind of access by its own read buffers ([`channel`]). Weights come in
//! another order ([`weight_order`]) and in a second, uncompressed format for the fast decoder; an
//! array that skips half of the products of weights with two zeros in four is used where the
//! input has one or two channels, which leaves the others zero.
//!
//! An elementwise operation behind another operation joins it, so that what is between is neither
//! written nor read ([`crate::operation::Chained`]).
//!
//! Source: Vela 5.2.0, `regor/architecture/ethosu85`. Not modelled: two-in-four sparse weights by
//! value, chains inside the lowering of one operator, fused transposes.

pub mod area_fit;
pub mod block_search;
pub mod channel;
pub mod micro_block;
pub mod weight_order;

use crate::operation::{Element, NpuOperation, OperationKind};

/// Bricks of feature maps have this many channels, and so have granules of accumulators.
pub const BRICK_CHANNELS: u32 = 16;

/// Buffers inside the NPU and the rates of its output unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Buffers {
    /// Bytes for input blocks.
    pub ifm_bytes: u32,
    /// Bytes for accumulators.
    pub accumulator_bytes: u32,
    /// Bytes for operands of chained operations.
    pub chaining_bytes: u32,
    /// Bytes for output blocks.
    pub output_bytes: u32,
    /// Weight decoders, each with a stream of its own.
    pub decoders: u32,
    /// Words of 16 bytes that reads may have under way, by channel.
    pub reads: Reads,
    /// Cycles per output element.
    pub output: Rates,
}

/// Words of 16 bytes that reads may have under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reads {
    /// Copies between memories.
    pub copies: u32,
    /// Operands of the elementwise unit.
    pub operands: u32,
    /// Compressed weights.
    pub weights: u32,
    /// Weights for the fast decoder.
    pub fast_weights: u32,
    /// Input of the array.
    pub input: u32,
    /// Scales and biases.
    pub scales: u32,
}

/// Cycles per output element, by the width of the elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Results of 8 bits.
    pub bits8: f64,
    /// Results of 16 bits.
    pub bits16: f64,
    /// Results of 32 bits.
    pub bits32: f64,
    /// Results narrower than operands of 32 bits, and operands of 32 bits that chain on.
    pub narrowed: f64,
    /// Results of 32 bits from two operands of 32 bits.
    pub binary32: f64,
    /// A table or another function behind an operation.
    pub function: f64,
}

impl Rates {
    /// Cycles per element of an operator that takes `from`, makes `to` and, where `chains_on`, hands
    /// it to the next without writing it.
    pub fn of(&self, is_binary: bool, from: Element, to: Element, chains_on: bool) -> f64 {
        let is_wide = |element: Element| element.bits() == 32;
        if chains_on && (is_wide(from) || is_wide(to)) {
            return self.narrowed;
        }
        match (is_binary && is_wide(from), to) {
            (true, Element::Int32) => self.binary32,
            (true, Element::Int8 | Element::UInt8 | Element::Int16) => self.narrowed,
            (false, Element::Int32) => self.bits32,
            (false, Element::Int16) => self.bits16,
            (false, Element::Int8 | Element::UInt8) => self.bits8,
        }
    }
}

/// Cycles that the output unit spends on each element of an operation and of what chains on.
/// Source: Vela 5.2.0, `ethos_u85_performance.cpp` `EstimateAOCyclesPerElement`.
pub fn cycles_per_element(operation: &NpuOperation<'_>, buffers: &Buffers) -> f64 {
    use crate::operation::Activation;
    let rates = &buffers.output;
    let is_binary =
        matches!(operation.kind, OperationKind::Elementwise(_)) && operation.ifm2.is_some();
    let chains_on = !operation.chained.is_empty();
    let own = rates.of(is_binary, operation.ifm.element, operation.ofm.element, chains_on);
    let function = match operation.activation {
        Activation::None | Activation::OwnTable { .. } => 0.0,
        Activation::Clamp | Activation::Curve | Activation::FusedTable => rates.function,
    };
    let last = operation.chained.len().saturating_sub(1);
    let chained = operation.chained.iter().enumerate().map(|(at, next)| {
        rates.of(next.other.is_some(), next.element, next.ofm.element, at < last)
    });
    own.max(function) + chained.sum::<f64>()
}
