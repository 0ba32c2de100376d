//! Parameters of the `kpu_k210` timing model.

use cofit_vocab::{Bytes, Seconds};

use crate::Sourced;
use crate::quantity::BytesPerSecond;
use crate::table::card_table;

card_table! {
    /// Parameters of `model = "kpu_k210"`: a layer takes the longer of its weight stream and of
    /// `layer_overhead` plus its multiply-accumulates.
    pub struct KpuK210Timing {
        /// Always `kpu_k210`.
        model: String, required;
        /// Multiply-accumulates per cycle that a large layer reaches.
        macs_per_cycle: Sourced<f64>, required;
        /// Rate at which weights are streamed, at the clock `measured_at`.
        weight_stream: Sourced<BytesPerSecond>, required;
        /// Time of a layer whatever its size, at the clock `measured_at`.
        layer_overhead: Sourced<Seconds>, required;
        /// The clock at which the two times were measured; both scale with the clock.
        measured_at: Sourced<cofit_vocab::Hertz>, required;
        /// Kernels are loaded in chunks of at most this.
        kernel_chunk: Sourced<Bytes>, required;
        /// Most chunks of one layer.
        max_loads: Sourced<u32>, required;
        /// Bytes of one line of the AI memory.
        line: Sourced<Bytes>, default(Sourced::plain(Bytes(64)));
        /// Linear segments of the activation.
        activation_segments: Sourced<u32>, default(Sourced::plain(16));
    }
}
