//! Google's Edge TPU: an array with a cache for weights, behind USB or PCIe.
//!
//! The array is 16 tiles of 64 cells; the compiler puts a model's first operators, up to the first
//! that it does not take, into one executable, and lays as many of its weights as fit beside it into
//! the chip's memory. They are copied there by the first inference and stay; what does not fit is
//! streamed from the host at every inference (google-coral/libedgetpu: executable types
//! `PARAMETER_CACHING` and `EXECUTION_ONLY`, driver/config/beagle/beagle_chip_structures.h; the
//! compiler page of coral.ai).
//!
//! The compiler is closed and no cycle model is published, so a layer's cost is a table by operator
//! class on multiply-accumulates of rounded channels. A layer takes the longer of its arithmetic
//! and the stream of its weights.

use cofit_vocab::{Bytes, Macs};

/// Channels that the array takes and makes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// Input channels of one product.
    pub input: u32,
    /// Output channels made beside each other.
    pub output: u32,
}

impl Lanes {
    /// The multiply-accumulates of a layer once its channels are rounded up to the lanes.
    ///
    /// `input_channels` is those of one product: 1 for a depthwise convolution. A layer without
    /// channels is left as it is.
    pub fn occupied(self, macs: Macs, input_channels: u32, output_channels: u32) -> f64 {
        let rounded = |channels: u32, lanes: u32| {
            let (channels, lanes) = (u64::from(channels), u64::from(lanes.max(1)));
            if channels == 0 {
                1.0
            } else {
                (channels.div_ceil(lanes) * lanes) as f64 / channels as f64
            }
        };
        macs.as_f64() * rounded(input_channels, self.input) * rounded(output_channels, self.output)
    }
}

/// What one operator class costs, in cycles of the array.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Per multiply-accumulate.
    pub per_mac: f64,
    /// Per output element.
    pub per_output: f64,
    /// Per layer.
    pub per_call: f64,
}

impl Cost {
    /// Cycles of a layer with so many occupied multiply-accumulates and output elements.
    pub fn cycles(&self, occupied_macs: f64, outputs: u64) -> f64 {
        self.per_call + self.per_mac * occupied_macs + self.per_output * outputs as f64
    }
}

/// The weights of each layer that are streamed at every inference, where `weights` are the layers'
/// in order and the cache has room for `room`: a layer's stay as long as they fit, whole, beside
/// those of the layers before.
pub fn streamed(weights: impl IntoIterator<Item = Bytes>, room: Bytes) -> Vec<Bytes> {
    let mut left = room;
    weights
        .into_iter()
        .map(|bytes| {
            if bytes <= left {
                left = left - bytes;
                Bytes::ZERO
            } else {
                bytes
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_lanes(macs: u64, input: u32, output: u32, expected: f64) {
        let lanes = Lanes { input: 4, output: 64 };
        assert_eq!(lanes.occupied(Macs(macs), input, output), expected);
    }

    #[test]
    fn channels_are_rounded_up_to_the_lanes() {
        check_lanes(1000, 4, 64, 1000.0);
        check_lanes(1000, 3, 64, 1000.0 * 4.0 / 3.0);
        check_lanes(1000, 8, 32, 2000.0);
        check_lanes(1000, 8, 65, 1000.0 * 128.0 / 65.0);
        check_lanes(1000, 0, 0, 1000.0);
        let none = Lanes { input: 0, output: 0 };
        assert_eq!(none.occupied(Macs(7), 3, 5), 7.0);
    }

    #[track_caller]
    fn check_stream(room: u64, weights: &[u64], expected: &[u64]) {
        let weights = weights.iter().map(|&bytes| Bytes(bytes));
        let expected: Vec<Bytes> = expected.iter().map(|&bytes| Bytes(bytes)).collect();
        assert_eq!(streamed(weights, Bytes(room)), expected);
    }

    #[test]
    fn weights_stay_while_they_fit() {
        check_stream(100, &[40, 60], &[0, 0]);
        check_stream(99, &[40, 60], &[0, 60]);
        // A later, smaller layer still finds room.
        check_stream(100, &[40, 80, 60], &[0, 80, 0]);
        check_stream(0, &[0, 1], &[0, 1]);
        check_stream(10, &[], &[]);
    }

    #[test]
    fn a_layer_is_linear_in_its_costs() {
        let cost = Cost { per_mac: 0.5, per_output: 2.0, per_call: 100.0 };
        assert_eq!(cost.cycles(1000.0, 10), 620.0);
        assert_eq!(Cost::default().cycles(1e9, 10), 0.0);
    }
}
