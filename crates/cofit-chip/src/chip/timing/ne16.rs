//! Parameters of the `ne16` timing model.
//!
//! Sizes and latencies are those of the open register-transfer description of NE16
//! (pulp-platform/ne16); the model that uses them is `cofit_sim::ne16`.

use crate::Sourced;
use crate::chip::timing::tiles::Tiles;
use crate::table::card_table;

card_table! {
    /// Parameters of `model = "ne16"`: an array of bit-serial blocks that computes one tile of the
    /// output after another from a port of its own to a tightly coupled memory.
    pub struct Ne16Timing {
        /// Always `ne16`.
        model: String, required;
        /// Rows and columns of a tile of the output.
        tile: Sourced<[u32; 2]>, default(Sourced::plain([3, 3]));
        /// Output channels of a tile.
        tile_channels: Sourced<u32>, default(Sourced::plain(32));
        /// Bytes of input channels that one pass takes; a depthwise tile has as many channels.
        pass_channels: Sourced<u32>, default(Sourced::plain(16));
        /// Bytes of input features that one pass of the linear mode takes.
        linear_channels: Sourced<u32>, default(Sourced::plain(256));
        /// Cycles to load the input of a pass: of 3x3, of 1x1 and of linear layers.
        load_cycles: Sourced<[u64; 3]>, default(Sourced::plain([25, 13, 16]));
        /// Cycles of a pass beside loading and arithmetic: fill and drain of the pipeline, offset of
        /// the weights, update of indices.
        pass_cycles: Sourced<u64>, default(Sourced::plain(20));
        /// Cycles of a tile beside its passes, normalisation and output.
        tile_cycles: Sourced<u64>, default(Sourced::plain(21));
        /// Cycles to write the output of a tile at 8 bits, one for each position.
        store_cycles: Sourced<u64>, default(Sourced::plain(9));
        /// Channels that normalisation scales per cycle.
        scales_per_cycle: Sourced<u32>, default(Sourced::plain(4));
        /// Channels whose bias is added per cycle.
        biases_per_cycle: Sourced<u32>, default(Sourced::plain(8));
        /// Cycles of a job from its trigger to its event, beside its tiles.
        job_cycles: Sourced<u64>, default(Sourced::plain(3));
        /// The small memory through which tensors pass. Left out: the engine computes from where
        /// they lie, without waiting.
        tiles: Tiles, optional;
    }
}
