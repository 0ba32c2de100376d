//! PULP NE16, the convolution engine of GAP9: cycles of a job by tiles and passes.
//!
//! The engine computes a tile of 3x3 positions and 32 channels of the output at a time. For every
//! 16 channels of the input it makes a pass: it loads the positions that the tile reads, and goes
//! through the weights bit by bit, one bit of one output channel a cycle. A 1x1 layer has the nine
//! blocks of a column take the bits of a weight together, so there a channel takes one cycle
//! whatever its bits. A depthwise tile has 16 channels, which its one pass takes one after the
//! other, as it does for the offset of the weights before. After the passes the accumulators are
//! scaled, biased and written. Nothing overlaps within a job: the port to memory is one.
//!
//! Sources: sizes, states and their lengths from pulp-platform/ne16 at 6bd7272
//! (rtl/ctrl/ne16_ctrl.sv, ne16_ctrl_fsm.sv, accumulator/ne16_accumulator_normquant.sv,
//! input_buffer/ne16_input_buffer.sv). The lengths of states that wait for pipelines are what its
//! simulation shows: every row of `golden/rtl/ne16_rtl_cycles.csv` comes out to the cycle.

use cofit_vocab::Cycles;

/// What the engine is told to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Convolution with 3x3 taps.
    Three,
    /// Convolution with one tap.
    One,
    /// Depthwise convolution with 3x3 taps.
    Depthwise,
    /// A product of a matrix and a vector.
    Linear,
}

/// One layer as the engine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What is computed.
    pub mode: Mode,
    /// Rows of the output.
    pub height: u32,
    /// Columns of the output.
    pub width: u32,
    /// Channels of the input.
    pub inputs: u32,
    /// Channels of the output.
    pub outputs: u32,
    /// Bits of a weight, 2 to 8.
    pub weight_bits: u32,
    /// Whether activations have 16 bits; they then count as two channels of 8.
    pub is_wide: bool,
    /// Whether every second row and column of a 3x3 layer is left out. The engine computes them
    /// and keeps four of the nine positions of a tile, and each tile is a job.
    pub is_strided: bool,
}

/// Sizes and latencies of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Rows and columns of a tile of the output.
    pub tile: [u32; 2],
    /// Output channels of a tile.
    pub tile_channels: u32,
    /// Bytes of input channels of a pass; channels of a depthwise tile.
    pub pass_channels: u32,
    /// Bytes of input of a pass of the linear mode.
    pub linear_channels: u32,
    /// Cycles to load the input of a pass: 3x3, 1x1, linear.
    pub load: [u64; 3],
    /// Cycles of a pass beside loading and arithmetic.
    pub pass: u64,
    /// Cycles of a tile beside its passes, normalisation and output.
    pub tile_cycles: u64,
    /// Cycles to write a tile.
    pub store: u64,
    /// Channels scaled per cycle.
    pub scales: u32,
    /// Channels biased per cycle.
    pub biases: u32,
    /// Cycles of a job beside its tiles.
    pub job: u64,
}

/// The cycles of a layer by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Weights against inputs, and what surrounds them in a pass.
    pub passes: Cycles,
    /// Loading inputs and writing outputs.
    pub traffic: Cycles,
    /// Scaling, biases, and the set-up of tiles and jobs.
    pub tiles: Cycles,
    /// Jobs that the cores start.
    pub jobs: u64,
}

impl Cost {
    /// The cycles of all parts.
    pub fn total(&self) -> Cycles {
        self.passes + self.traffic + self.tiles
    }
}

impl Parameters {
    /// The sizes and latencies of the open hardware description.
    pub const RTL: Self = Self {
        tile: [3, 3],
        tile_channels: 32,
        pass_channels: 16,
        linear_channels: 256,
        load: [25, 13, 16],
        pass: 20,
        tile_cycles: 21,
        store: 9,
        scales: 4,
        biases: 8,
        job: 3,
    };

    /// The cost of `layer`.
    pub fn cost(&self, layer: &Layer) -> Cost {
        let (rows, columns) = match (layer.mode, layer.is_strided) {
            (Mode::Three | Mode::Depthwise, true) => {
                (self.tile[0].div_ceil(2), self.tile[1].div_ceil(2))
            }
            (Mode::Three | Mode::Depthwise | Mode::One | Mode::Linear, _) => {
                (self.tile[0], self.tile[1])
            }
        };
        let positions = match layer.mode {
            Mode::Linear => u64::from(layer.height).saturating_mul(u64::from(layer.width)),
            Mode::Three | Mode::One | Mode::Depthwise => {
                u64::from(layer.height.div_ceil(rows.max(1)))
                    .saturating_mul(u64::from(layer.width.div_ceil(columns.max(1))))
            }
        };
        let channels = match layer.mode {
            Mode::Depthwise => self.pass_channels,
            Mode::Three | Mode::One | Mode::Linear => self.tile_channels,
        }
        .max(1);
        let full = u64::from(layer.outputs / channels);
        let rest = layer.outputs % channels;
        let mut cost =
            Cost { passes: Cycles::ZERO, traffic: Cycles::ZERO, tiles: Cycles::ZERO, jobs: 1 };
        for (tiles, channels) in [(full, channels), (u64::from(rest > 0), rest)] {
            let tile = self.tile_cost(layer, channels);
            let tiles = Cycles(tiles.saturating_mul(positions));
            let times = |cycles: Cycles| Cycles(cycles.get().saturating_mul(tiles.get()));
            cost.passes += times(tile.passes);
            cost.traffic += times(tile.traffic);
            cost.tiles += times(tile.tiles);
        }
        cost.jobs = match (layer.mode, layer.is_strided) {
            (Mode::Linear, _) | (Mode::Three | Mode::Depthwise, true) => positions,
            (Mode::One, _) | (Mode::Three | Mode::Depthwise, false) => 1,
        };
        cost.tiles += Cycles(cost.jobs.saturating_mul(self.job));
        cost
    }

    /// The cost of one tile of so many output channels.
    fn tile_cost(&self, layer: &Layer, channels: u32) -> Cost {
        let width = if layer.is_wide { 2 } else { 1 };
        let bytes = u64::from(layer.inputs) * width;
        let bits = u64::from(layer.weight_bits);
        let each = u64::from(channels);
        let [load_three, load_one, load_linear] = self.load;
        let by = |channels: u32| bytes.div_ceil(u64::from(channels.max(1)).saturating_mul(width));
        let narrow = bytes.div_ceil(u64::from(self.pass_channels.max(1)));
        let (passes, load, array) = match layer.mode {
            Mode::Three => (narrow, load_three, each * bits),
            Mode::One => (narrow, load_one, each),
            // The offset of the weights is found for each channel, once for all elsewhere.
            Mode::Depthwise => (1, load_three, each * bits + each),
            // At 16 bits twice as many blocks work, and twice as much is loaded.
            Mode::Linear => {
                (by(self.linear_channels), load_linear.saturating_mul(width), each * bits)
            }
        };
        let normalisation = u64::from(channels.div_ceil(self.scales.max(1)))
            + u64::from(channels.div_ceil(self.biases.max(1)));
        Cost {
            passes: Cycles(passes.saturating_mul(self.pass.saturating_add(array))),
            traffic: Cycles(
                passes.saturating_mul(load).saturating_add(self.store.saturating_mul(width)),
            ),
            tiles: Cycles(self.tile_cycles.saturating_add(normalisation)),
            jobs: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use cofit_shared::shared_dir;
    use proptest::prelude::*;

    use super::*;

    fn layer(mode: Mode, height: u32, width: u32, inputs: u32, outputs: u32) -> Layer {
        Layer {
            mode,
            height,
            width,
            inputs,
            outputs,
            weight_bits: 8,
            is_wide: false,
            is_strided: false,
        }
    }

    fn total(layer: Layer) -> u64 {
        Parameters::RTL.cost(&layer).total().get()
    }

    /// Every row of the simulation of the hardware description, to the cycle.
    #[test]
    fn the_simulated_hardware_takes_as_long() {
        let Some(shared) = shared_dir() else { return };
        let rows = std::fs::read_to_string(shared.join("golden/rtl/ne16_rtl_cycles.csv"))
            .expect("the rows");
        let mut seen = 0;
        for row in rows.lines().filter(|row| !row.starts_with(['#', 'o'])) {
            let fields: Vec<&str> = row.split(',').collect();
            let number = |at: usize| fields[at].parse::<u32>().expect("a number");
            let mode = match fields[0] {
                "1x1" => Mode::One,
                "3x3" => Mode::Three,
                "dw3x3" => Mode::Depthwise,
                other => panic!("{other}"),
            };
            let ours = total(layer(mode, number(1), number(2), number(3), number(4)));
            assert_eq!(ours, u64::from(number(6)), "{row}");
            seen += 1;
        }
        assert_eq!(seen, 26);
    }

    /// Weights of fewer bits take fewer cycles, but not in 1x1 layers, where all bits of a weight
    /// are taken at once: 2 * 32 cycles of arithmetic at one bit less per pass of 16 channels.
    #[test]
    fn bits_of_weights_count_where_they_are_taken_one_by_one() {
        for (mode, saved) in
            [(Mode::Three, 64), (Mode::Depthwise, 32), (Mode::Linear, 32), (Mode::One, 0)]
        {
            let eight = layer(mode, 1, 1, 32, 32);
            let seven = Layer { weight_bits: 7, ..eight };
            assert_eq!(total(eight) - total(seven), saved, "{mode:?}");
        }
    }

    /// 256 inputs are one pass of the linear mode: 16 + 20 + 32 * 8, and 30 + 8 + 4 a tile.
    #[test]
    fn a_linear_layer_is_one_position() {
        assert_eq!(total(layer(Mode::Linear, 1, 1, 256, 64)), 2 * (292 + 42) + 3);
        assert_eq!(total(layer(Mode::Linear, 1, 1, 257, 32)), 2 * 292 + 42 + 3);
    }

    /// Four of nine positions stay of a strided tile: 3x3 tiles for 6x6 positions instead of 2x2,
    /// and a job for each.
    #[test]
    fn strides_waste_positions() {
        let dense = layer(Mode::Three, 6, 6, 32, 32);
        let strided = Layer { is_strided: true, ..dense };
        assert_eq!((total(dense), total(strided)), (4 * 644 + 3, 9 * (644 + 3)));
        let point = layer(Mode::One, 6, 6, 32, 32);
        assert_eq!(total(point), total(Layer { is_strided: true, ..point }));
    }

    proptest! {
        #[test]
        fn nothing_overflows_and_more_takes_longer(
            height: u32, width: u32, inputs: u32, outputs: u32, is_wide: bool, is_strided: bool,
        ) {
            for mode in [Mode::Three, Mode::One, Mode::Depthwise, Mode::Linear] {
                let small = Layer { is_wide, is_strided, ..layer(mode, height, width, inputs, outputs) };
                let large = Layer { inputs: inputs.saturating_add(1), ..small };
                prop_assert!(total(small) <= total(large));
            }
        }
    }
}
