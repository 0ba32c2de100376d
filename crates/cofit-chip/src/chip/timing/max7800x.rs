//! Parameters of the `max7800x` timing model.
//!
//! The formula is the vendor's (analogdevicesinc/ai8x-synthesis:izer/latency.py); the parameters
//! are what differs between the devices of izer/tornadocnn.py.

use crate::Sourced;
use crate::table::card_table;

card_table! {
    /// Parameters of `model = "max7800x"`.
    pub struct Max7800xTiming {
        /// Always `max7800x`.
        model: String, required;
        /// Cycles to start the layer sequence, once per inference.
        start_cycles: Sourced<u64>, required;
        /// Input channels that one pass takes.
        channels_per_pass: Sourced<u32>, default(Sourced::plain(64));
        /// Cycles of a streaming layer relative to the formula, as [numerator, denominator];
        /// the quotient is rounded up.
        streaming_factor: Sourced<[u32; 2]>, default(Sourced::plain([15, 10]));
        /// Cycles to read one input pixel.
        read_cycles: Sourced<u64>, default(Sourced::plain(1));
        /// Cycles to write the line buffer.
        line_buffer_cycles: Sourced<u64>, default(Sourced::plain(1));
        /// Cycles to write one output.
        write_cycles: Sourced<u64>, default(Sourced::plain(1));
        /// Extra cycles of a layer that flattens its input.
        flatten_cycles: Sourced<u64>, default(Sourced::plain(1));
        /// Whether layers of several passes or operands read kernels ahead.
        kernel_pre_read: bool, default(false);
    }
}
