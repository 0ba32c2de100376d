//! The words that a model and a chip card have in common.
//!
//! A model knows nothing of chips and a card nothing of models, but both speak of operators,
//! element types, bytes and cycles, and every crate above them reports mistakes in one shape.
//! This crate holds those words and nothing else: no I/O, no policy, no arithmetic beyond units.
//!
//! - [`units`]: [`Bytes`], [`Cycles`], [`Hertz`], [`Macs`], [`PicoJoules`], [`Seconds`],
//!   [`Watts`].
//! - [`figure`]: a number with its unit, kind and interval, the only way a number reaches a screen.
//! - [`element`]: element types of tensors, by name and width.
//! - [`operator`]: the closed set of operator kinds, by name.
//! - [`diagnostic`]: coded messages that say whose fault, where, which rule and what to do.

pub mod diagnostic;
pub mod element;
pub mod figure;
pub mod operator;
pub mod units;

pub use diagnostic::{Code, Diagnostic, Diagnostics, Fault, Place, Severity};
pub use element::ElementType;
pub use figure::{Figure, FigureKind, Quantity, Unit};
pub use operator::OperatorKind;
pub use units::{Bytes, Cycles, Hertz, Macs, PicoJoules, Seconds, Watts};
