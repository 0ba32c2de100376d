//! The size of the encoded weight stream.
//!
//! Weights are reordered as the MAC array consumes them and compressed without loss; beside them
//! travel 10 bytes of bias, scale and shift per output channel. The stream itself is never built:
//! cycles depend on its size only. Two ways lead to the size:
//!
//! - [`WeightEncoding::Exact`] takes the encoder's decisions weight by weight. It agrees with
//!   Vela 5.2.0 to the byte (`tests/weight_stream.rs`).
//! - [`WeightEncoding::Histogram`] takes them on the distribution of the values, as if the order
//!   did not matter. It is several times faster; its error is stated at [`estimate`].
//!
//! Without values (a sketch, or a model stripped of constants) the caller states bytes per weight.
//! Sources: Vela 5.2.0, `ethos_u55_weight_encoder.cpp` (order, scales), `compiler/scheduler.cpp`
//! `TryEncodeWeightAndScaleTensor` (slices, alignment), `dependencies/mlw_codec` (stream format).

pub mod estimate;
pub mod order;
pub mod palette;
pub mod rice;

use std::cell::RefCell;
use std::collections::BTreeMap;

use cofit_vocab::{Diagnostic, Place};

use crate::block_search::BlockConfig;
use crate::config::Config;
use crate::operation::{NpuOperation, Weights};
use crate::output_stage::SCALE_BYTES_PER_CHANNEL;

/// Weight streams and scale tables start and end on this many bytes.
pub const STREAM_ALIGNMENT: u64 = 16;

/// Uniform tensors of more weights than this are not laid out to be sized.
const UNIFORM_MAX: u64 = 1 << 24;

/// Bytes per weight to assume where values are absent: the middle of the encoded share over the
/// networks of the golden tables, which spread from 0.23 (vww96) to 1.09 (DS-CNN).
pub const TYPICAL_BYTES_PER_WEIGHT: f64 = 0.9;

/// How a weight byte is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightSign {
    /// int8.
    Signed,
    /// uint8.
    Unsigned,
}

/// The order of a weight tensor in the model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightLayout {
    /// Output channels outermost: convolutions and fully connected layers.
    Ohwi,
    /// Output channels innermost: depthwise convolutions.
    Hwo,
}

/// What is known of weight values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeightValues<'a> {
    /// The values.
    Known {
        /// One byte per weight, in `layout`.
        bytes: &'a [u8],
        /// How to read a byte.
        sign: WeightSign,
        /// Order of the bytes.
        layout: WeightLayout,
        /// The value that means zero. One per tensor: per-axis quantisation is symmetric.
        zero_point: i16,
    },
    /// One value throughout, made by a lowering.
    Uniform {
        /// The value.
        value: i8,
    },
    /// Nothing but a guess.
    Assumed {
        /// Encoded bytes per weight.
        bytes_per_weight: f64,
    },
}

/// How to find the encoded size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightEncoding {
    /// By the encoder's decisions, weight by weight.
    Exact,
    /// By the distribution of the values.
    Histogram,
    /// Exactly for networks of up to that many weights, by the distribution for larger ones: their
    /// tensors are where the estimate is good and the exact way slow.
    ExactUpTo(u64),
}

impl WeightEncoding {
    /// The way for a network of that many weights.
    #[must_use]
    pub const fn for_network(self, weights: u64) -> Self {
        match self {
            Self::ExactUpTo(most) if weights <= most => Self::Exact,
            Self::ExactUpTo(_) | Self::Histogram => Self::Histogram,
            Self::Exact => Self::Exact,
        }
    }
}

impl Default for WeightEncoding {
    fn default() -> Self {
        Self::ExactUpTo(320 * 1024)
    }
}

/// Encoded bytes of one depth slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SliceBytes {
    /// The weight stream, padded to 16 bytes.
    pub weights: u64,
    /// Biases and scales, not padded.
    pub scales: u64,
    /// What pads the scales of every stream to 16 bytes.
    pub padding: u64,
}

impl SliceBytes {
    /// Everything, scales padded to 16 bytes: what a DMA moves.
    pub const fn stored(&self) -> u64 {
        self.weights.saturating_add(self.scales).saturating_add(self.padding)
    }

    /// A slice of so many weight bytes, with the scales of so many output channels in as many
    /// streams as there are cores to share them.
    pub fn new(weights: u64, channels: u32, cores: u32) -> Self {
        let cores = cores.max(1);
        let streams = (0..cores).map(|core| u64::from((channels + cores - 1 - core) / cores));
        let (scales, stored) = streams.map(|channels| channels * SCALE_BYTES_PER_CHANNEL).fold(
            (0, 0),
            |(scales, stored): (u64, u64), bytes| {
                (scales + bytes, stored + bytes.next_multiple_of(STREAM_ALIGNMENT))
            },
        );
        Self { weights, scales, padding: stored - scales }
    }
}

/// The encoded weights of an operation, slice by slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedWeights {
    /// The slices in order of depth.
    pub slices: Vec<SliceBytes>,
}

impl EncodedWeights {
    /// Bytes of all weight streams.
    pub fn weights(&self) -> u64 {
        self.slices.iter().fold(0, |sum, slice| sum.saturating_add(slice.weights))
    }

    /// Bytes of everything.
    pub fn stored(&self) -> u64 {
        self.slices.iter().fold(0, |sum, slice| sum.saturating_add(slice.stored()))
    }

    /// Bytes of scales, padding included.
    pub fn scales(&self) -> u64 {
        self.stored().saturating_sub(self.weights())
    }

    /// Bytes of the largest slice.
    pub fn largest(&self) -> u64 {
        self.slices.iter().map(SliceBytes::stored).max().unwrap_or(0)
    }

    /// Sizes of the two halves of a double buffer: slices alternate between them.
    pub fn double_buffer(&self) -> [u64; 2] {
        let mut halves = [0; 2];
        for (index, slice) in self.slices.iter().enumerate() {
            halves[index % 2] = slice.stored().max(halves[index % 2]);
        }
        halves
    }
}

/// Everything needed to size any slicing of one operation's weights.
#[derive(Debug)]
pub struct Encoder<'o, 'a> {
    weights: &'o Weights<'a>,
    order: order::Order,
    /// Per group of [`estimate::GROUP_CHANNELS`] output channels; empty when encoding exactly.
    histograms: Vec<estimate::Histogram>,
    /// Slices already sized: plans that are compared share most of theirs.
    known: RefCell<BTreeMap<(u32, u32), SliceBytes>>,
}

impl<'o, 'a> Encoder<'o, 'a> {
    /// Prepares the weights of an operation, or nothing if it has none.
    ///
    /// # Errors
    ///
    /// `CF-NPU-004` where the number of values is not what the shape says, or the zero point is
    /// out of the element's range.
    pub fn new(
        operation: &'o NpuOperation<'a>,
        block: &BlockConfig,
        encoding: WeightEncoding,
        config: &Config,
    ) -> Result<Option<Self>, Box<Diagnostic>> {
        let Some(weights) = &operation.weights else { return Ok(None) };
        let mut histograms = Vec::new();
        if let WeightValues::Known { bytes, zero_point, .. } = weights.values {
            check(weights, bytes, zero_point)?;
            let encoding = encoding.for_network(weights.shape.elements());
            if encoding == WeightEncoding::Histogram {
                histograms = estimate::histograms(weights);
            }
        }
        let order = order::Order::new(operation, weights.shape, block, config);
        Ok(Some(Self { weights, order, histograms, known: RefCell::default() }))
    }

    /// Sizes of the slices between successive depths.
    pub fn encode(&self, depths: &[u32]) -> EncodedWeights {
        let slices = depths.windows(2).map(|ends| self.slice(ends[0], ends[1])).collect();
        EncodedWeights { slices }
    }

    fn slice(&self, from: u32, to: u32) -> SliceBytes {
        if let Some(known) = self.known.borrow().get(&(from, to)) {
            return *known;
        }
        let sized = self.size(from, to);
        self.known.borrow_mut().insert((from, to), sized);
        sized
    }

    fn size(&self, from: u32, to: u32) -> SliceBytes {
        let channels = to.saturating_sub(from);
        let streams = self.order.streams(channels);
        let weights = match self.weights.values {
            WeightValues::Assumed { bytes_per_weight } => {
                let all = self.weights.shape.elements() as f64 * bytes_per_weight;
                let share = f64::from(channels) / f64::from(self.weights.shape.o.max(1));
                ((all * share) as u64).div_ceil(STREAM_ALIGNMENT).saturating_mul(STREAM_ALIGNMENT)
            }
            WeightValues::Uniform { .. } | WeightValues::Known { .. } => (0..streams)
                .map(|core| self.stream_bytes(order::Channels { from, to, core }, streams))
                .fold(0, u64::saturating_add),
        };
        SliceBytes::new(weights, channels, streams)
    }

    /// Bytes of one of `streams` streams of a slice.
    fn stream_bytes(&self, channels: order::Channels, streams: u32) -> u64 {
        let length = self.order.length(channels);
        let is_uniform = matches!(self.weights.values, WeightValues::Uniform { .. });
        if is_uniform && length > UNIFORM_MAX {
            // One value takes about a bit; beyond any real tensor that is near enough.
            (length / 8).next_multiple_of(STREAM_ALIGNMENT)
        } else if is_uniform || self.histograms.is_empty() {
            rice::stream_bytes(&self.order.stream(self.weights, channels))
        } else {
            let order::Channels { from, to, .. } = channels;
            estimate::stream_bytes(&self.histograms, from, to, length, streams)
        }
    }
}

fn check(weights: &Weights<'_>, bytes: &[u8], zero_point: i16) -> Result<(), Box<Diagnostic>> {
    let fault = |message: String| {
        let code = &cofit_vocab::diagnostic::npu::BAD_WEIGHTS;
        Err(Box::new(Diagnostic::error(code, message, Place::default())))
    };
    if bytes.len() as u64 != weights.shape.elements() {
        return fault(format!(
            "{} weight bytes for a tensor of {}x{}x{}x{}",
            bytes.len(),
            weights.shape.o,
            weights.shape.h,
            weights.shape.w,
            weights.shape.i
        ));
    }
    if !(-128..=255).contains(&zero_point) {
        return fault(format!("weight zero point {zero_point} is not an 8-bit value"));
    }
    Ok(())
}

/// The weight that a byte stands for, limited to the nine bits of the stream.
pub(crate) fn value(byte: u8, sign: WeightSign, zero_point: i16) -> i16 {
    let stored = match sign {
        WeightSign::Signed => i16::from(byte as i8),
        WeightSign::Unsigned => i16::from(byte),
    };
    (stored - zero_point).clamp(-255, 255)
}
