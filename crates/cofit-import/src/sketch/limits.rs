//! How much a sketch may ask for. The bounds are far above any network for an edge chip and low
//! enough that no text can fill memory or run for minutes.

/// Length of the file in bytes.
pub const SOURCE_BYTES: usize = 1 << 20;

/// Operators of the model.
pub const OPERATORS: usize = 100_000;

/// Layers after repetition, those that become no operator included.
pub const LAYERS: usize = 100_000;

/// Parameters of a sketch or of a block.
pub const PARAMETERS: usize = 64;

/// Blocks of a sketch.
pub const BLOCKS: usize = 64;

/// Names in one list.
pub const NAMES: usize = 64;

/// Bytes of a name. Names occur in every operator that a repetition makes.
pub const NAME_BYTES: usize = 48;

/// Blocks within blocks.
pub const NESTING: usize = 4;

/// A channel count, a kernel, a stride, an axis of the input.
pub const LENGTH: u32 = 1 << 16;

/// Elements of one tensor.
pub const TENSOR_ELEMENTS: u64 = 1 << 32;

/// Output channels of all weights together, each of which has a scale.
pub const CHANNELS: u64 = 1 << 20;

/// Bytes of all seeded weights together.
pub const WEIGHT_BYTES: u64 = 1 << 28;
