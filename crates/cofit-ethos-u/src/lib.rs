//! The machine model of Arm Ethos-U55: from NPU operations to cycles, bytes and buffers.
//!
//! The model is the one that Arm's own compiler uses to take its decisions: the estimator of
//! Vela 5.2.0, C++ core (PyPI `ethos-u-vela==5.2.0`, folder `ethosu/regor`). It is a set of closed
//! formulas over plain descriptors, re-stated here and held to Vela's own figures by the golden
//! tests of this crate (`tests/goldens.rs`). Vela says of itself that its estimates are not
//! measurements; what is exact here is the agreement with Vela.
//!
//! Agreement on the twelve golden networks and four sizes (2,524 operations): cycles, blocks,
//! slices, buffering, port cycles and encoded weight bytes all equal, and so do the totals in
//! both reference systems and memory modes (`tests/shared_models.rs`). Where weights are sized by
//! their distribution instead, see [`weight_stream::estimate`] for the error. Not modelled: feature
//! maps that spill, and what [`lowering`] lists.
//!
//! The crate knows neither models nor chip cards. A caller lowers operators to [`NpuOperation`]s
//! with the functions of [`lowering`], builds a [`Config`] from a card or takes one of the
//! presets, and calls [`schedule()`]:
//!
//! ```
//! use cofit_ethos_u::{lowering, schedule, Config, Element, FeatureMap, Options, Shape};
//!
//! let config = Config::ethos_u55_128();
//! let ifm = FeatureMap::activation(Shape::new(1, 1, 1, 12), Element::Int8);
//! let ofm = ifm;
//! let operations = lowering::softmax(&ifm, &ofm)?;
//! let plan = schedule(&operations, &config, &Options::default())?;
//! assert!(plan.total.get() > 0);
//! # Ok::<(), Box<cofit_vocab::Diagnostic>>(())
//! ```
//!
//! From the bottom up:
//!
//! - [`operation`]: the descriptors of one NPU operation.
//! - [`config`] and [`memory`]: the machine and its memory ports, with presets.
//! - [`shram`], [`traversal`], [`block_search`]: which block the operation is cut into.
//! - [`block_cycles`], [`output_stage`], [`operation_cycles`]: NPU cycles given the block.
//! - [`memory_cycles`]: bytes and cycles per memory port.
//! - [`weight_stream`]: the size of the encoded weights.
//! - [`buffering`] and [`mod@schedule`]: depth slices, weight DMA, and the sum.
//! - [`cascade`]: schedules in less SRAM, and the fewest cycles under a limit of bytes.
//! - [`lowering`]: graph operators as sequences of NPU operations.
//! - [`goldens`]: reading and comparing the golden tables.

pub mod block_cycles;
pub mod block_search;
pub mod buffering;
pub mod cascade;
pub mod config;
pub mod goldens;
pub mod lowering;
pub mod memory;
pub mod memory_cycles;
pub mod operation;
pub mod operation_cycles;
pub mod output_stage;
pub mod schedule;
pub mod shram;
pub mod staging;
pub mod traversal;
pub mod u85;
pub mod weight_stream;

pub use block_search::{BlockConfig, find_block};
pub use buffering::Buffering;
pub use cascade::{Cascade, Network, Rolling, Rows, Stage, Value};
pub use config::{Config, Generation};
pub use memory::{Memories, MemoryMode, MemoryPort, Port, Role, SystemPreset};
pub use operation::{
    Accumulation, Activation, Chained, Element, ElementwiseOperator, FeatureMap, Format, Kernel,
    NpuOperation, OperationKind, Shape, Weights,
};
pub use schedule::{Options, Schedule, ScheduledOperation, schedule};
pub use weight_stream::{EncodedWeights, WeightEncoding, WeightValues};
