//! Verdicts on a model and a chip.
//!
//! [`evaluate`] is the front door: it compiles, simulates and judges. [`Verdict`] lists every
//! constraint with need, limit, headroom, where it binds and what kind of figure it is.
//! [`diff`] compares two results. [`choose`] ranks chips and engines for a model.

pub mod choose;
pub mod diff;
mod evaluate;
pub mod goldens;
pub mod streaming;
pub mod verdict;

pub use evaluate::{Evaluation, evaluate};
pub use streaming::{StreamingFront, StreamingPoint};
pub use verdict::{Budget, ConstraintResult, Hotspot, Measure, Status, Verdict};
