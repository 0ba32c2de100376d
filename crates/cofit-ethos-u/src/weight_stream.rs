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

use cofit_vocab::{Cycles, Diagnostic, Place};

use crate::block_search::BlockConfig;
use crate::config::{Config, Generation};
use crate::memory::Role;
use crate::operation::{NpuOperation, Unit, Weights};
use crate::output_stage::SCALE_BYTES_PER_CHANNEL;
use crate::u85::channel::Channel;
use crate::u85::{BRICK_CHANNELS, Buffers, weight_order};

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
    /// Whether they are in the format of the fast decoder, which Ethos-U85 has.
    pub is_fast: bool,
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

/// The order of a generation.
#[derive(Clone, Copy, Debug)]
enum Walk {
    Shared(order::Order),
    Separate(weight_order::Order),
}

/// How the weights of an operation are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Compressed.
    Compressed,
    /// Of that many bits each, for the fast decoder.
    Fast(u32),
}

/// Bytes before the weights of the fast decoder (Vela 5.2.0, `mlw_encode_fwd.cpp`).
const FAST_HEADER_BYTES: u64 = 32;

/// Everything needed to size any slicing of one operation's weights.
#[derive(Debug)]
pub struct Encoder<'o, 'a> {
    weights: &'o Weights<'a>,
    walk: Walk,
    /// Decoders or cores, each with a stream.
    streams: u32,
    /// Scales come for multiples of so many channels.
    scale_granule: u32,
    format: Format,
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
        let shape = weights.shape;
        let (walk, streams, scale_granule) = match &config.generation {
            Generation::Shared => {
                let order = order::Order::new(operation, shape, block, config);
                (Walk::Shared(order), config.cores.max(1), 1)
            }
            Generation::Separate(buffers) => {
                let order = weight_order::Order::new(operation, shape, block, config, buffers);
                let granule = block.micro_block.c.max(1).next_multiple_of(BRICK_CHANNELS);
                (Walk::Separate(order), buffers.decoders.max(1), granule)
            }
        };
        let mut encoder = Self {
            weights,
            walk,
            streams,
            scale_granule,
            format: Format::Compressed,
            histograms,
            known: RefCell::default(),
        };
        if let Generation::Separate(buffers) = &config.generation
            && operation.kind.unit() == Unit::Convolution
            && let Some(bits) = encoder.fast_bits(config, buffers)
        {
            encoder.format = Format::Fast(bits);
            encoder.known = RefCell::default();
        }
        Ok(Some(encoder))
    }

    /// Whether the weights are in the format of the fast decoder.
    pub const fn is_fast(&self) -> bool {
        match self.format {
            Format::Fast(_) => true,
            Format::Compressed => false,
        }
    }

    /// Sizes of the slices between successive depths.
    pub fn encode(&self, depths: &[u32]) -> EncodedWeights {
        let slices = depths.windows(2).map(|ends| self.slice(ends[0], ends[1])).collect();
        EncodedWeights { slices, is_fast: self.is_fast() }
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
        let streams = match &self.walk {
            Walk::Shared(_) => self.streams.min(channels),
            Walk::Separate(_) => self.streams,
        };
        let weights = match (self.format, self.weights.values) {
            (Format::Fast(bits), _) => {
                let bits = self.length(from, to, 0, 1).saturating_mul(u64::from(bits));
                (FAST_HEADER_BYTES + bits.div_ceil(8)).next_multiple_of(STREAM_ALIGNMENT)
            }
            (Format::Compressed, WeightValues::Assumed { bytes_per_weight }) => {
                let all = self.weights.shape.elements() as f64 * bytes_per_weight;
                let share = f64::from(channels) / f64::from(self.weights.shape.o.max(1));
                ((all * share) as u64).div_ceil(STREAM_ALIGNMENT).saturating_mul(STREAM_ALIGNMENT)
            }
            (Format::Compressed, WeightValues::Uniform { .. } | WeightValues::Known { .. }) => (0
                ..streams)
                .map(|stream| self.stream_bytes(from, to, stream, streams))
                .fold(0, u64::saturating_add),
        };
        match &self.walk {
            Walk::Shared(_) => SliceBytes::new(weights, channels, streams),
            Walk::Separate(_) => {
                let scaled = channels.checked_next_multiple_of(self.scale_granule);
                SliceBytes::new(weights, scaled.unwrap_or(channels), 1)
            }
        }
    }

    /// Weights of one of `streams` streams of a slice, fillers included.
    fn length(&self, from: u32, to: u32, stream: u32, streams: u32) -> u64 {
        match &self.walk {
            Walk::Shared(order) => order.length(order::Channels { from, to, core: stream }),
            Walk::Separate(order) => order.length(to.saturating_sub(from)) / u64::from(streams),
        }
    }

    fn values(&self, from: u32, to: u32, stream: u32) -> Vec<i16> {
        match &self.walk {
            Walk::Shared(order) => {
                order.stream(self.weights, order::Channels { from, to, core: stream })
            }
            Walk::Separate(order) => order.stream(self.weights, from, to, stream),
        }
    }

    /// Bytes of one of `streams` compressed streams of a slice.
    fn stream_bytes(&self, from: u32, to: u32, stream: u32, streams: u32) -> u64 {
        let length = self.length(from, to, stream, streams);
        let is_uniform = matches!(self.weights.values, WeightValues::Uniform { .. });
        if is_uniform && length > UNIFORM_MAX {
            // One value takes about a bit; beyond any real tensor that is near enough.
            (length / 8).next_multiple_of(STREAM_ALIGNMENT)
        } else if is_uniform || self.histograms.is_empty() {
            rice::stream_bytes(&self.values(from, to, stream))
        } else {
            estimate::stream_bytes(&self.histograms, from, to, length, streams)
        }
    }

    /// Bits of a weight for the fast decoder where it is done sooner than the other with all the
    /// weights; none where it is not. Source: Vela 5.2.0, `compiler/scheduler.cpp`
    /// `UseFastDecoder`, `ethos_u85_performance.cpp` `WeightDecodeCycles`.
    fn fast_bits(&self, config: &Config, buffers: &Buffers) -> Option<u32> {
        let channels = self.weights.shape.o;
        let length = self.length(0, channels, 0, 1);
        let (zeros, distinct) = self.spread(length);
        let bits = match distinct {
            0..=4 => 2,
            5..=16 => 4,
            _ => 8,
        };
        let memory = config.memories.of(Role::Constants);
        let fetched = |bytes: u64, channel: Channel| {
            channel.stream_cycles(bytes, memory, &buffers.reads) + memory.read_latency
        };
        // The more zeros, the more weights a decoder delivers at once: 8 to 32.
        let share = (zeros as f32 / length.max(1) as f32).clamp(0.5, 0.9);
        let rate = (8.0 + (f64::from(share) - 0.5) * 24.0 / 0.4) as u64;
        let decoded = Cycles(length / (rate * u64::from(buffers.decoders.max(1))).max(1));
        let compressed = self.slice(0, channels).weights;
        let usual = decoded.max(fetched(compressed, Channel::Weights));
        let at_once = if distinct < 16 { 64 } else { 32 };
        let raw = FAST_HEADER_BYTES + length.saturating_mul(bits) / 8;
        let fast = Cycles(length / at_once).max(fetched(raw, Channel::FastWeights));
        (fast < usual).then_some(bits as u32)
    }

    /// Zeros among so many weights with fillers, and the number of different weights; of weights
    /// without values what is typical.
    fn spread(&self, length: u64) -> (u64, u64) {
        match self.weights.values {
            WeightValues::Assumed { .. } => (0, 256),
            WeightValues::Uniform { .. } => (0, 1),
            WeightValues::Known { bytes, sign, zero_point, .. } => {
                let mut counts = [0u64; 256];
                for byte in bytes {
                    counts[usize::from(*byte)] += 1;
                }
                let fillers = length.saturating_sub(bytes.len() as u64);
                let zeros = (0..=255u8)
                    .filter(|byte| value(*byte, sign, zero_point) == 0)
                    .map(|byte| counts[usize::from(byte)]);
                let zeros: u64 = zeros.sum();
                let distinct = counts.iter().filter(|count| **count > 0).count() as u64;
                (zeros + fillers, distinct + u64::from(zeros == 0 && fillers > 0))
            }
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
