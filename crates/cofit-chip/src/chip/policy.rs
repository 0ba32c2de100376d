//! What the chip and its tools do with a model that is larger than a memory, with weights, and
//! with control flow.

use cofit_vocab::{Bytes, Hertz, PicoJoules, Seconds};

use crate::Sourced;
use crate::quantity::{BytesPerSecond, Watts};
use crate::table::{card_table, card_words};

card_words! {
    /// What happens when a step's tensors exceed the memory.
    pub enum TilingMode, "a tiling mode" {
        /// The tools split the step.
        Auto = "auto";
        /// Compilation fails.
        NoneFail = "none_fail";
        /// The first layers may stream their input; the rest must fit.
        StreamingPrefix = "streaming_prefix";
        /// The user splits the map into patches with halos.
        HaloPatches = "halo_patches";
        /// Buffers that do not fit go to the next memory whole.
        Spill = "spill";
    }

    /// Where weights are while the network runs.
    pub enum Residency, "a weight residency" {
        /// All of them in the engine's own memory before the first inference.
        AllResident = "all_resident";
        /// Fetched for each layer.
        StreamPerLayer = "stream_per_layer";
        /// Read where they are stored.
        InPlace = "in_place";
        /// Kept after the first inference.
        CachedFirstRun = "cached_first_run";
    }

    /// How weights are copied to a faster memory while the network runs.
    pub enum Staging, "a staging of weights" {
        /// Not at all: they are read where they are stored.
        None = "none";
        /// Before the layer that needs them begins.
        Single = "single";
        /// While the layer before computes, where there is room for both.
        Double = "double";
    }

    /// What is loaded again after sleep.
    pub enum Reloaded, "a thing reloaded" {
        /// Biases.
        Bias = "bias";
        /// Configuration registers.
        Configuration = "config";
        /// Weights.
        Weight = "weight";
    }

    /// How weights are compressed.
    pub enum CompressionKind, "a compression" {
        /// Lossless: palette, zero runs, Golomb-Rice.
        Mlw = "mlw";
    }

    /// Whether the graph may change while it runs.
    pub enum GraphKind, "a kind of graph" {
        /// Fixed before the first inference.
        Static = "static";
        /// Anything.
        Dynamic = "dynamic";
    }

    /// What control flow the engine follows.
    pub enum Branching, "a kind of branching" {
        /// None.
        None = "none";
        /// Jumps between layers.
        LayerGoto = "layer_goto";
        /// Any.
        Any = "any";
    }

    /// How often a model may change engines.
    pub enum Partitions, "a number of partitions" {
        /// As often as it likes.
        Any = "any";
        /// Once: after the first operator that the engine refuses, everything is the host's.
        One = "one";
    }
}

card_table! {
    /// What happens to steps that exceed a memory.
    pub struct Tiling {
        /// What happens.
        mode: TilingMode, default(TilingMode::NoneFail);
        /// Memories from the farthest to the nearest through which tiles move.
        levels: Vec<String>, default(Vec::new());
        /// Whether the next tile is fetched while one is computed.
        double_buffer: bool, default(false);
        /// Most layers that may stream.
        streaming_layers_max: Sourced<u32>, optional;
        /// Whether a buffer may wait in a slower memory between two uses, over a link each way.
        fetch_back: bool, default(false);
        /// What the vendor's compiler says when it fails.
        error: String, optional;
    }

    /// Where weights are and what it takes to get them there.
    pub struct Weights {
        /// Where they are while the network runs.
        residency: Residency, default(Residency::InPlace);
        /// Whether weights are copied, before the first inference, to a faster memory that has
        /// room left and may hold them.
        promote: bool, default(false);
        /// How weights are copied to a faster memory while the network runs, over a link. With
        /// `stream_per_layer` every layer's weights are; with `in_place` those whose copy hides
        /// behind the layer before. Has no bearing on engines that buffer weights by themselves.
        staging: Staging, default(Staging::None);
        /// What loading costs.
        load: WeightLoad, optional;
        /// Weights are moved in chunks of at most this.
        chunk: Sourced<Bytes>, optional;
        /// Sleep modes that keep them.
        retained_in: Vec<String>, default(Vec::new());
        /// What is loaded again after sleep.
        reload: Vec<Reloaded>, default(Vec::new());
        /// How they are compressed.
        compression: Compression, optional;
    }

    /// What loading weights costs.
    pub struct WeightLoad {
        /// The memory that they come from.
        from: String, optional;
        /// The memory that they go to.
        to: String, optional;
        /// Rate, whatever the clock.
        bandwidth: Sourced<BytesPerSecond>, optional;
        /// Cycles of `clock` that each byte takes beside.
        cycles_per_byte: Sourced<f64>, optional;
        /// The clock while loading. Left out: the first engine's.
        clock: Sourced<Hertz>, optional;
        /// Energy per byte.
        energy_per_byte: Sourced<PicoJoules>, optional;
        /// Power while loading, whatever the clock.
        power: Sourced<Watts>, optional;
        /// Energy of each cycle of `clock` while loading.
        energy_per_cycle: Sourced<PicoJoules>, optional;
        /// Time whatever the bytes.
        setup: Sourced<Seconds>, optional;
    }

    /// Compression of weights.
    pub struct Compression {
        /// The code.
        kind: CompressionKind, required;
        /// Compressed bytes per byte, where the encoder is not run.
        ratio: Sourced<f64>, default(Sourced::plain(1.0));
        /// Least and greatest ratio that was seen.
        ratio_range: Sourced<[f64; 2]>, optional;
    }

    /// What graphs the chip runs.
    pub struct Control {
        /// Whether the graph may change while it runs.
        graph: GraphKind, default(GraphKind::Static);
        /// Names of dimensions that may vary.
        dynamic_dimensions: Vec<String>, default(Vec::new());
        /// What control flow the engine follows.
        branching: Branching, default(Branching::None);
        /// Most layers of a network.
        max_layers: Sourced<u32>, optional;
        /// How often a model may change engines.
        partitions: Partitions, default(Partitions::Any);
    }
}

impl Default for Tiling {
    fn default() -> Self {
        Self {
            mode: TilingMode::NoneFail,
            levels: Vec::new(),
            double_buffer: false,
            streaming_layers_max: None,
            fetch_back: false,
            error: None,
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            residency: Residency::InPlace,
            promote: false,
            staging: Staging::None,
            load: None,
            chunk: None,
            retained_in: Vec::new(),
            reload: Vec::new(),
            compression: None,
        }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self {
            graph: GraphKind::Static,
            dynamic_dimensions: Vec::new(),
            branching: Branching::None,
            max_layers: None,
            partitions: Partitions::Any,
        }
    }
}
