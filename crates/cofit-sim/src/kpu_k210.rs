//! Kendryte K210 KPU: row layout, AI memory, weight loads, and the time of a layer.
//!
//! The KPU works on lines of 64 bytes of its own 2 MiB memory: a cycle takes one line through
//! nine taps, 576 multiply-accumulates. Narrow feature maps put several channels into a line.
//! Weights stream from general memory in chunks while the array computes. A layer takes the
//! longer of its weight stream and of a fixed set-up plus its arithmetic.
//!
//! Sources: layout and limits from kendryte/nncase v1.9.0 (modules/k210/include/nncase/
//! runtime/k210/runtime_types.h and transforms/k210/kpu_utils.h, the code generator's load
//! times); times from the ten-row sweep of bbs.sipeed.com topic 691 as the equation
//! `max(0.339 ms, 0.25 ms + MACs / 170e9 per s)` at 300 MHz, of which the open rows are the data
//! of this module's test.

use cofit_vocab::{Bytes, Cycles, Hertz, Macs, Seconds};

use crate::causes::{Cause, Causes};
use crate::clock;

/// Bytes of a line of AI memory (nncase, KPU layout).
pub const LINE: Bytes = Bytes(64);

/// The memory for feature maps (`KPU_RAM_SIZE` of nncase's runtime_types.h). The processor can use
/// it only while the KPU is idle.
pub const AI_MEMORY: Bytes = Bytes(2 * 1024 * 1024);

/// Taps that a line passes in one cycle: a 3x3 kernel.
pub const TAPS: u64 = 9;

/// Multiply-accumulates of one cycle of a full line.
pub const PEAK_MACS_PER_CYCLE: u64 = 64 * TAPS;

/// Most channels of an input or output (nncase, kpu_utils.h).
pub const CHANNEL_LIMIT: u32 = 1024;

/// Smallest and largest width of an input (nncase, kpu_utils.h).
pub const WIDTH_LIMITS: (u32, u32) = (4, 512);

/// Smallest and largest height of an input (nncase, kpu_utils.h).
pub const HEIGHT_LIMITS: (u32, u32) = (4, 256);

/// A feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureMap {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Channels.
    pub channels: u32,
}

/// How a row of a feature map lies in lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLayout {
    /// Lines of a row of one group of channels.
    pub lines: u64,
    /// Channels that share the lines.
    pub channels_per_group: u64,
}

impl RowLayout {
    /// The layout of rows of `width` pixels: four channels to a line up to 16 pixels, two up to
    /// 32, one beyond.
    pub const fn of(width: u32) -> Self {
        match width {
            0..=16 => Self { lines: 1, channels_per_group: 4 },
            17..=32 => Self { lines: 1, channels_per_group: 2 },
            33.. => Self { lines: width.div_ceil(64) as u64, channels_per_group: 1 },
        }
    }
}

impl FeatureMap {
    /// A feature map.
    pub const fn new(width: u32, height: u32, channels: u32) -> Self {
        Self { width, height, channels }
    }

    /// Lines that the map occupies.
    pub const fn lines(self) -> u64 {
        let layout = RowLayout::of(self.width);
        let groups = (self.channels as u64).div_ceil(layout.channels_per_group);
        // At most 2^26 lines of 2^32 rows of 2^32 groups: only the last product can saturate.
        layout.lines.saturating_mul(self.height as u64).saturating_mul(groups)
    }

    /// Bytes that the map occupies in AI memory, padding included.
    pub fn bytes(self) -> Bytes {
        LINE * self.lines()
    }

    /// Whether the KPU's counters reach the map as the input of a layer.
    pub const fn within_limits(self) -> bool {
        self.channels >= 1
            && self.channels <= CHANNEL_LIMIT
            && self.width >= WIDTH_LIMITS.0
            && self.width <= WIDTH_LIMITS.1
            && self.height >= HEIGHT_LIMITS.0
            && self.height <= HEIGHT_LIMITS.1
    }
}

/// The kernels that the array has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// 1x1.
    One,
    /// 3x3.
    Three,
}

impl Kernel {
    /// Weights of one pair of input and output channel.
    pub const fn taps(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Three => TAPS,
        }
    }
}

/// Which channels a layer joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Every output channel sums over all input channels.
    Dense,
    /// Every channel by itself; there are as many outputs as inputs.
    Depthwise,
}

/// One KPU layer: convolution, batch normalisation, activation and pool in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The input.
    pub input: FeatureMap,
    /// The output as stored, after the pool.
    pub output: FeatureMap,
    /// The kernel.
    pub kernel: Kernel,
    /// Which channels are joined.
    pub grouping: Grouping,
    /// Bytes of a weight: 1 or 2.
    pub weight_bytes: u8,
}

/// How a layer's weights are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightLoads {
    /// Output channels of one load.
    pub channels_per_load: u64,
    /// Loads.
    pub loads: u64,
}

impl Layer {
    /// Multiply-accumulates. The convolution runs at stride one over the whole input, whatever
    /// the pool keeps of it.
    pub const fn macs(&self) -> Macs {
        let pixels = self.input.width as u64 * self.input.height as u64;
        Macs(pixels.saturating_mul(self.channel_pairs()).saturating_mul(self.kernel.taps()))
    }

    const fn channel_pairs(&self) -> u64 {
        let inputs = self.input.channels as u64;
        match self.grouping {
            Grouping::Dense => inputs * self.output.channels as u64,
            Grouping::Depthwise => inputs,
        }
    }

    /// Bytes of the weights of one output channel.
    const fn bytes_per_channel(&self) -> u64 {
        let inputs = match self.grouping {
            Grouping::Dense => self.input.channels as u64,
            Grouping::Depthwise => 1,
        };
        inputs * self.kernel.taps() * self.weight_bytes as u64
    }

    /// Bytes of all weights.
    pub const fn weights(&self) -> Bytes {
        Bytes(self.bytes_per_channel().saturating_mul(self.output.channels as u64))
    }

    /// Bytes of AI memory that the layer needs: the compiler does not tile, so input and output
    /// must be there whole at once (nncase, kpu_buffer_allocator.cpp).
    pub fn ai_memory(&self) -> Bytes {
        self.input.bytes() + self.output.bytes()
    }

    /// Whether the layer fits AI memory.
    pub fn fits(&self) -> bool {
        self.ai_memory() <= AI_MEMORY
    }

    /// Cycles of the array at full efficiency: one line through nine taps each. A 1x1 kernel uses
    /// one tap of the nine. That it takes as long as a 3x3 one is an assumption, in keeping with
    /// the 20 to 30 frames per second that MobileNetV1 reaches at 320x240.
    pub const fn array_cycles(&self) -> u64 {
        let passes = match self.grouping {
            Grouping::Dense => self.output.channels as u64,
            Grouping::Depthwise => 1,
        };
        self.input.lines().saturating_mul(passes)
    }
}

/// What silicon adds to the structure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// Multiply-accumulates per cycle that a large 3x3 layer reaches, of the peak of 576.
    pub macs_per_cycle: f64,
    /// Bytes per second of the weight stream, at the clock `measured_at`.
    pub weight_stream: f64,
    /// Set-up of a layer, at the clock `measured_at`.
    pub layer_setup: Seconds,
    /// The clock of the two figures above, which are taken to scale with it.
    pub measured_at: Hertz,
    /// Kernels are loaded in chunks of at most this (nncase's code generator).
    pub kernel_chunk: Bytes,
    /// Most loads of a layer (nncase's code generator).
    pub load_limit: u64,
}

impl Parameters {
    /// The open rows: 170e9 multiply-accumulates per second are 567 per cycle at 300 MHz; the
    /// floor of 0.339 ms for 294,912 bytes of 16-bit weights is 0.87 GB/s. The set-up of 0.25 ms
    /// was seen at that one weight size only and may in truth grow with the weights.
    pub const MEASURED: Self = Self {
        macs_per_cycle: 170e9 / 300e6,
        weight_stream: 0.87e9,
        layer_setup: Seconds(0.25e-3),
        measured_at: Hertz(300e6),
        kernel_chunk: Bytes(30 * 1024),
        load_limit: 64,
    };

    /// How the weights of `layer` are loaded; nothing where one output channel exceeds a chunk or
    /// the loads exceed the limit, and the KPU cannot run the layer.
    pub fn weight_loads(&self, layer: &Layer) -> Option<WeightLoads> {
        let outputs = u64::from(layer.output.channels);
        let per_channel = layer.bytes_per_channel().max(1);
        let channels_per_load = (self.kernel_chunk.0 / per_channel).min(outputs.max(1));
        let loads = outputs.checked_div(channels_per_load)?;
        let loads = loads + u64::from(!outputs.is_multiple_of(channels_per_load));
        (loads <= self.load_limit).then_some(WeightLoads { channels_per_load, loads })
    }

    /// The cost of `layer` in KPU cycles.
    pub fn cost(&self, layer: &Layer) -> LayerCost {
        let efficiency = self.macs_per_cycle / PEAK_MACS_PER_CYCLE as f64;
        LayerCost {
            compute: Cycles::ceil_from(layer.array_cycles() as f64 / efficiency),
            setup: clock::cycles_of(self.layer_setup, self.measured_at),
            weight_stream: clock::transfer(layer.weights(), self.weight_stream, self.measured_at),
        }
    }
}

/// The cost of a layer in KPU cycles, by part. Set-up and arithmetic follow each other; the
/// weight stream runs beside both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerCost {
    /// The array.
    pub compute: Cycles,
    /// Set-up.
    pub setup: Cycles,
    /// The weight stream.
    pub weight_stream: Cycles,
}

impl LayerCost {
    /// The longer of the weight stream and of set-up plus arithmetic.
    pub fn total(&self) -> Cycles {
        self.weight_stream.max(self.setup + self.compute)
    }

    /// The total by cause: what the weight stream takes beyond set-up and arithmetic is waiting
    /// for weights.
    pub fn causes(&self) -> Causes {
        let mut causes = Causes::of(Cause::Compute, self.compute);
        causes.charge(
            Cause::TransferSetup,
            self.total().saturating_sub(self.compute).min(self.setup),
        );
        causes.charge(Cause::WeightFetch, self.weight_stream - (self.setup + self.compute));
        causes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes by the layout rule: line groups of 64 bytes times rows times channel groups. The two
    /// maps of YOLOv2-tiny at 416 pixels are those of the layer after the first, for which
    /// nncase's layout gives 559,104 and 851,968 bytes.
    #[test]
    fn feature_maps_occupy_whole_lines() {
        for (width, height, channels, bytes) in [
            (16, 4, 4, 256),
            (16, 4, 5, 512),
            (17, 4, 2, 256),
            (32, 1, 3, 128),
            (33, 1, 3, 192),
            (64, 1, 1, 64),
            (65, 1, 1, 128),
            (416, 416, 3, 559_104),
            (208, 208, 16, 851_968),
        ] {
            let map = FeatureMap::new(width, height, channels);
            assert_eq!(map.bytes(), Bytes(bytes), "{map:?}");
        }
    }

    fn conv(width: u32, height: u32, inputs: u32, outputs: u32, kernel: Kernel) -> Layer {
        Layer {
            input: FeatureMap::new(width, height, inputs),
            output: FeatureMap::new(width, height, outputs),
            kernel,
            grouping: Grouping::Dense,
            weight_bytes: 2,
        }
    }

    #[test]
    fn input_and_output_share_two_mebibytes() {
        let fits = conv(64, 128, 128, 128, Kernel::Three);
        assert_eq!((fits.ai_memory(), fits.fits()), (Bytes(2 * 1024 * 1024), true));
        assert!(!conv(64, 129, 128, 128, Kernel::Three).fits());
        assert!(!conv(65, 128, 128, 128, Kernel::Three).fits());
    }

    #[test]
    fn weights_load_in_chunks_of_whole_output_channels() {
        // 128 * 9 * 2 = 2304 bytes a channel: 13 channels in 30 KiB, ten loads of 128.
        let loads = Parameters::MEASURED.weight_loads(&conv(16, 16, 128, 128, Kernel::Three));
        assert_eq!(loads, Some(WeightLoads { channels_per_load: 13, loads: 10 }));
        // 1024 * 9 * 2 = 18432 bytes: one channel a load, and 65 loads are one too many.
        let wide = |outputs| conv(16, 16, 1024, outputs, Kernel::Three);
        assert!(Parameters::MEASURED.weight_loads(&wide(64)).is_some());
        assert_eq!(Parameters::MEASURED.weight_loads(&wide(65)), None);
        let endless = conv(16, 16, u32::MAX, 1, Kernel::Three);
        assert_eq!(Parameters::MEASURED.weight_loads(&endless), None);
    }

    #[test]
    fn limits_are_those_of_the_counters() {
        assert!(FeatureMap::new(512, 256, 1024).within_limits());
        for map in [(513, 4, 1), (4, 257, 1), (3, 4, 1), (4, 3, 1), (4, 4, 1025), (4, 4, 0)] {
            assert!(!FeatureMap::new(map.0, map.1, map.2).within_limits(), "{map:?}");
        }
    }

    #[test]
    fn a_full_3x3_line_does_576_macs_per_cycle() {
        let layer = conv(128, 64, 128, 128, Kernel::Three);
        assert_eq!(layer.macs().0, layer.array_cycles() * PEAK_MACS_PER_CYCLE);
    }

    fn maps() -> impl Strategy<Value = FeatureMap> {
        (any::<u32>(), any::<u32>(), any::<u32>())
            .prop_map(|(width, height, channels)| FeatureMap::new(width, height, channels))
    }

    proptest! {
        #[test]
        fn causes_add_up_to_the_total(
            input in maps(), output in maps(), three: bool, dense: bool, weight_bytes in 1_u8..3,
        ) {
            let layer = Layer {
                input,
                output,
                kernel: if three { Kernel::Three } else { Kernel::One },
                grouping: if dense { Grouping::Dense } else { Grouping::Depthwise },
                weight_bytes,
            };
            let cost = Parameters::MEASURED.cost(&layer);
            prop_assert_eq!(cost.causes().sum(), cost.total());
            prop_assert!(layer.ai_memory() >= layer.input.bytes());
            if let Some(loads) = Parameters::MEASURED.weight_loads(&layer) {
                prop_assert!(loads.channels_per_load.saturating_mul(loads.loads) >= u64::from(output.channels));
            }
        }

        #[test]
        fn maps_hold_their_pixels(width in 1_u32..600, height in 1_u32..300, channels in 1_u32..1025) {
            let map = FeatureMap::new(width, height, channels);
            let pixels = u64::from(width) * u64::from(height) * u64::from(channels);
            prop_assert!(map.bytes() >= Bytes(pixels));
        }
    }
}
