//! Parameters of the `mac_array` timing model: any array of multipliers with a buffer and a port.

use cofit_vocab::{Bytes, Cycles};

use crate::Sourced;
use crate::table::{card_table, card_words};

card_words! {
    /// What stays in the array while the rest passes by.
    pub enum Dataflow, "a dataflow" {
        /// A set of weights, while positions of the output stream.
        WeightStationary = "weight_stationary";
        /// A set of sums, while input channels and taps stream.
        OutputStationary = "output_stationary";
        /// A set of inputs, while output channels stream.
        InputStationary = "input_stationary";
    }
}

card_table! {
    /// Parameters of `model = "mac_array"`. Everything that the array does follows from how its
    /// multipliers are shared among the dimensions of a layer, and from its buffer and port.
    pub struct MacArrayTiming {
        /// Always `mac_array`.
        model: String, required;
        /// How many of each dimension are computed at once.
        unroll: Unroll, required;
        /// What stays in the array.
        dataflow: Dataflow, required;
        /// The fewest and the most positions for which a set of weights stays, in a
        /// weight-stationary array.
        stripe: Sourced<[u32; 2]>, default(Sourced::plain([1, u32::MAX]));
        /// Cycles to fill and drain the array, each time that what stays in it changes.
        fold_cycles: Sourced<Cycles>, default(Sourced::plain(Cycles::ZERO));
        /// Channels of one pixel are stored and moved in multiples of so many.
        channel_granule: Sourced<u32>, default(Sourced::plain(1));
        /// Bytes per cycle of the port by which inputs and weights come.
        read_rate: Sourced<f64>, required;
        /// Bytes of the buffer of inputs and weights.
        buffer: Sourced<Bytes>, required;
        /// Bytes per cycle in which results leave. Left out: they never delay the array.
        write_rate: Sourced<f64>, optional;
        /// Cycles from the last product of a stripe until its results begin to leave.
        write_latency: Sourced<Cycles>, default(Sourced::plain(Cycles::ZERO));
        /// Cycles of a layer beside everything else: programming, first read, last write.
        layer_cycles: Sourced<Cycles>, required;
        /// The pooling unit beside the array.
        pooling: PoolingUnit, optional;
    }

    /// How many of each dimension an array computes at once; their product is its multipliers.
    pub struct Unroll {
        /// Input channels, whose products are summed.
        inputs: Sourced<u32>, default(Sourced::plain(1));
        /// Output channels.
        outputs: Sourced<u32>, default(Sourced::plain(1));
        /// Positions of the output.
        positions: Sourced<u32>, default(Sourced::plain(1));
        /// Taps of the kernel, whose products are summed.
        taps: Sourced<u32>, default(Sourced::plain(1));
        /// Whether taps and input channels share one dimension of `inputs` times `taps`, as when
        /// windows are copied out into columns.
        joined: bool, default(false);
    }

    /// A unit that pools from memory to memory.
    pub struct PoolingUnit {
        /// Elements of the input per cycle.
        elements_per_cycle: Sourced<f64>, required;
        /// Cycles of a layer beside its elements.
        layer_cycles: Sourced<Cycles>, required;
        /// Cycles of each group of channels of the granule.
        group_cycles: Sourced<Cycles>, default(Sourced::plain(Cycles::ZERO));
    }
}
