//! How a step's tensors pass through a small memory in pieces.

use cofit_vocab::Cycles;

use crate::Sourced;
use crate::table::card_table;

card_table! {
    /// Tiles in a small memory that the engine computes from. One tile is computed while the next
    /// is fetched and the one before is stored, so that a tile has half of the memory.
    pub struct Tiles {
        /// The small memory.
        memory: String, required;
        /// Bytes per cycle between it and the other memories.
        rate: Sourced<f64>, required;
        /// Cycles of a tile beside its transfers and its arithmetic: descriptors, start of the
        /// cores.
        tile_cycles: Sourced<Cycles>, default(Sourced::plain(Cycles::ZERO));
        /// Cycles of a step before its first tile.
        step_cycles: Sourced<Cycles>, default(Sourced::plain(Cycles::ZERO));
    }
}
