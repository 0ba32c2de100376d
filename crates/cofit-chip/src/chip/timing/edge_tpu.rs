//! Parameters of the `edge_tpu` timing model: an array with a cache for weights, behind a link.
//!
//! One inference costs `per_inference` on the host, the transfer of what crosses the link, and the
//! layers. A layer costs `per_call + per_mac * MACs + per_output * outputs` cycles of the array, by
//! the row of its operator class, where the multiply-accumulates are those of channels rounded up
//! to what the array takes at once. Weights that do not fit into the cache are streamed over the
//! link at every inference, beside the arithmetic. Times are linear in the costs, in the seconds and
//! in the inverse of the rates.

use cofit_vocab::{Bytes, Seconds};

use crate::Sourced;
use crate::chip::OperatorClass;
use crate::quantity::BytesPerSecond;
use crate::table::card_table;

card_table! {
    /// Parameters of `model = "edge_tpu"`.
    pub struct EdgeTpuTiming {
        /// Always `edge_tpu`.
        model: String, required;
        /// On-chip memory for the executable and for weights that stay from one inference to the
        /// next.
        cache: Sourced<Bytes>, required;
        /// What the executable takes of it, whatever the model.
        executable: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// What each step of the model adds to the executable.
        executable_per_step: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// Rate from the host to the array: weights that are streamed, inputs.
        to_device: Sourced<BytesPerSecond>, required;
        /// Rate from the array to the host: outputs.
        from_device: Sourced<BytesPerSecond>, required;
        /// Time to start one transfer of activations over the link.
        transfer_setup: Sourced<Seconds>, default(Sourced::plain(Seconds(0.0)));
        /// Time of the host for one inference, whatever the model.
        per_inference: Sourced<Seconds>, default(Sourced::plain(Seconds(0.0)));
        /// Input channels that the array takes at once; a dense layer's are rounded up to it.
        input_channels: Sourced<u32>, default(Sourced::plain(1));
        /// Output channels that the array makes at once.
        output_channels: Sourced<u32>, default(Sourced::plain(1));
        /// What layers cost by operator class.
        cost: Vec<EdgeTpuCost>, default(Vec::new());
    }

    /// The cost of one operator class on the array, in cycles of its clock.
    pub struct EdgeTpuCost {
        /// The name of the row for overlays and `--set`.
        id: String, required;
        /// The class that the row is for.
        class: OperatorClass, required;
        /// Cycles per multiply-accumulate.
        per_mac: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles per output element.
        per_output: Sourced<f64>, default(Sourced::plain(0.0));
        /// Cycles per layer.
        per_call: Sourced<f64>, default(Sourced::plain(0.0));
    }
}

impl EdgeTpuTiming {
    /// The row for `class`, if the card has one.
    pub fn cost_of(&self, class: OperatorClass) -> Option<&EdgeTpuCost> {
        self.cost.iter().find(|row| row.class == class)
    }
}
