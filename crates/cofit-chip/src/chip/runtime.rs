//! Kernel libraries and vendor compilers: what they add to RAM and flash.

use cofit_vocab::Bytes;

use super::operating_point::Overlay;
use crate::Sourced;
use crate::table::{card_table, card_words};

card_words! {
    /// How a runtime places buffers.
    pub enum Placement, "a placement" {
        /// One arena in one memory holds every activation.
        SingleArena = "single_arena";
        /// Each buffer goes to the first memory with room.
        PerBuffer = "per_buffer";
        /// Every tensor has bytes of its own, nothing is shared.
        NoReuse = "no_reuse";
    }

    /// Who lays the buffers of an arena out.
    pub enum Planner, "a planner" {
        /// Tools that find a low layout, ahead of time.
        Lowest = "lowest";
        /// TensorFlow Lite for Microcontrollers on the chip, unless the file brings a plan: the
        /// largest buffer first, each into the lowest gap.
        Tflm = "tflm";
    }

    /// How a runtime orders operators.
    pub enum Ordering, "an order" {
        /// As in the file.
        File = "file";
        /// Any order that the data allows.
        Free = "free";
    }

    /// What kernels ask for as working space while they run.
    pub enum KernelScratch, "a rule for kernels' scratch" {
        /// Nothing, or it is part of the fixed bytes.
        None = "none";
        /// As CMSIS-NN compiled to plain C: no packed instructions.
        CmsisNnC = "cmsis_nn_c";
        /// As CMSIS-NN with the DSP extension (`ARM_MATH_DSP`).
        CmsisNnDsp = "cmsis_nn_dsp";
        /// As CMSIS-NN with Helium (`ARM_MATH_MVEI`).
        CmsisNnMve = "cmsis_nn_mve";
    }
}

card_table! {
    /// A kernel library or a vendor's compiler. The card's first is the default. Choosing one lays
    /// its `overlay` over the card.
    pub struct Runtime {
        /// The name that `--runtime` takes.
        id: String, required;
        /// The name for a reader.
        name: String, optional;
        /// The kernel library, whose costs on a core are the same whatever the chip. Left out: the
        /// runtime's id.
        library: String, optional;
        /// The version that the figures are of.
        version: String, optional;
        /// How buffers are placed.
        placement: Placement, default(Placement::PerBuffer);
        /// Who lays them out.
        planner: Planner, default(Planner::Lowest);
        /// How operators are ordered.
        ordering: Ordering, default(Ordering::File);
        /// Whether its tools fold batch normalisation into the layer before it. Where they do not, it
        /// runs as an operator of its own unless the model comes folded.
        folds_batch_normalization: bool, default(true);
        /// RAM beside the activations.
        ram: RuntimeRam, default(RuntimeRam::default());
        /// Code in flash.
        code: RuntimeCode, default(RuntimeCode::default());
        /// Alignment of buffers, where it is not the memory's.
        alignment: Bytes, optional;
        /// How far measured times lie from simulated ones. Left out: nobody compared them.
        accuracy: RuntimeAccuracy, optional;
        /// The engines that it uses, the preferred first. Left out: all of the card's, as they stand.
        engines: Vec<String>, optional;
        /// Other names that `--runtime` takes.
        aliases: Vec<String>, default(Vec::new());
        /// Changes to the card while the runtime is chosen.
        overlay: Overlay, optional;
    }

    /// Measured times over simulated ones, of networks that were not used to fit the parameters.
    pub struct RuntimeAccuracy {
        /// The lower end.
        low: Sourced<f64>, required;
        /// The upper end.
        high: Sourced<f64>, required;
    }

    /// RAM that a runtime takes beside the activations: for good `fixed + per_operator * operators +
    /// per_tensor * tensors + per_channel * channels`, and while a kernel runs what `scratch` says.
    pub struct RuntimeRam {
        /// Whatever the model.
        fixed: Sourced<Bytes>,
            assume(Bytes::ZERO, "the runtime's RAM is unknown; none is counted");
        /// Per operator of the model.
        per_operator: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// Per tensor of the model.
        per_tensor: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// Per output channel of operators with weights: multipliers and shifts.
        per_channel: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// Working space of kernels, which shares the activations' memory step by step.
        scratch: KernelScratch, default(KernelScratch::None);
        /// The memory that the persistent part lies in. Left out: where the activations lie.
        memory: String, optional;
    }

    /// Code and tables that a runtime takes in flash: `fixed + per_kind * operator kinds used`.
    pub struct RuntimeCode {
        /// Whatever the model.
        fixed: Sourced<Bytes>,
            assume(Bytes::ZERO, "the runtime's code size is unknown; none is counted");
        /// Per operator kind that the model uses.
        per_kind: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
        /// Per operator of the model: generated calls, descriptors.
        per_operator: Sourced<Bytes>, default(Sourced::plain(Bytes::ZERO));
    }
}

impl Default for RuntimeRam {
    fn default() -> Self {
        Self {
            fixed: Sourced::assumed(Bytes::ZERO, "the runtime's RAM is unknown; none is counted"),
            per_operator: Sourced::plain(Bytes::ZERO),
            per_tensor: Sourced::plain(Bytes::ZERO),
            per_channel: Sourced::plain(Bytes::ZERO),
            scratch: KernelScratch::None,
            memory: None,
        }
    }
}

impl Default for RuntimeCode {
    fn default() -> Self {
        Self {
            fixed: Sourced::assumed(
                Bytes::ZERO,
                "the runtime's code size is unknown; none is counted",
            ),
            per_kind: Sourced::plain(Bytes::ZERO),
            per_operator: Sourced::plain(Bytes::ZERO),
        }
    }
}

impl Runtime {
    /// The id of the kernel library: what the card says, or the runtime's own id.
    pub fn library(&self) -> &str {
        self.library.as_deref().unwrap_or(&self.id)
    }
}

impl RuntimeRam {
    /// RAM that is taken for good by a model of `operators` operators and `tensors` tensors, whose operators with
    /// weights have `channels` output channels together.
    pub fn total(&self, operators: u64, tensors: u64, channels: u64) -> Bytes {
        self.fixed.value
            + self.per_operator.value * operators
            + self.per_tensor.value * tensors
            + self.per_channel.value * channels
    }
}

impl RuntimeCode {
    /// Flash for a model of `operators` operators of `kinds` kinds.
    pub fn total(&self, operators: u64, kinds: u64) -> Bytes {
        self.fixed.value + self.per_kind.value * kinds + self.per_operator.value * operators
    }
}
