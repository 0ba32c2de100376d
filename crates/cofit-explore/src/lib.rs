//! Verdicts on a model and a chip.
//!
//! [`evaluate`] is the front door: it compiles, simulates and judges. [`Verdict`] lists every
//! constraint with need, limit, headroom, where it binds and what kind of figure it is.
//! [`choose`] ranks chips and engines for a model, [`sketching`] builds networks that a chip accepts,
//! [`advise`] looks for changes of model, plan and target that help, and [`search`] for the front of a
//! sketch's parameters. [`diff`] compares two results.

pub mod advise;
pub mod choose;
pub mod diff;
mod evaluate;
pub mod goldens;
pub mod search;
pub mod sketching;
pub mod streaming;
pub mod verdict;

pub use evaluate::{Evaluation, evaluate};
pub use streaming::{StreamingFront, StreamingPoint};
pub use verdict::{Budget, ConstraintResult, Hotspot, Measure, Status, Verdict};
