//! Float models to integer models, and what that costs in accuracy.
//!
//! # One way through
//! [`canonical()`] brings the float model into the form that the others start from.
//! [`calibration::calibrate`] runs it on samples and keeps statistics of every
//! activation. [`quantise::quantise`] turns them, with a [`Scheme`], into an integer model in
//! TensorFlow Lite's conventions, which TensorFlow Lite for Microcontrollers runs as it is.
//! [`chip_rules`] makes the scheme from a chip's card instead.
//!
//! Before that, [`equalise`] may balance the ranges of neighbouring layers; within it,
//! [`bias_correction`] takes out the mean error that coarse weights make. Afterwards,
//! [`evaluate`] scores a model on user data, [`layer_error`] finds the layer that a loss comes
//! from, and [`sensitivity`] ranks layers by what narrower weights cost there.
//!
//! # Conventions
//! `real = scale * (stored - zero_point)`. Weights are symmetric, per output channel where the
//! scheme says so; biases have 32 bits (64 beside 16-bit activations) and the scale of input times
//! weight; 8-bit activations have a zero point that means zero exactly; 16-bit ones are symmetric.
//! Source of what each operator demands: TensorFlow's `lite/tools/optimize/operator_property.cc` and
//! its page "TensorFlow Lite 8-bit quantization specification".
//!
//! # Long work
//! Whatever runs a model over many samples takes a [`Progress`], which is told how far the work is
//! and may stop it.
//!
//! # What is absent
//! Nothing here reads files, compiles for a chip, or knows time.

pub mod bias_correction;
pub mod calibration;
pub mod canonical;
pub mod chip_rules;
pub mod equalise;
pub mod evaluate;
mod forms;
pub mod histogram;
pub mod layer_error;
mod lstm;
pub mod mapping;
mod operator_rules;
pub mod quantise;
mod ranges;
pub mod scheme;
pub mod sensitivity;
pub mod weights;

use std::ops::ControlFlow;

use cofit_vocab::diagnostic::quantisation as rules;
use cofit_vocab::{Diagnostic, Diagnostics, Place};

pub use calibration::{Calibration, Method, calibrate};
pub use canonical::canonical;
pub use quantise::{Quantised, quantise};
pub use scheme::{LayerScheme, Scheme};

/// Who watches long work: called with the number of steps done and of all; break to stop.
pub type Progress<'a> = dyn FnMut(usize, usize) -> ControlFlow<()> + 'a;

/// A [`Progress`] that looks at nothing.
///
/// ```
/// assert!(cofit_quantise::unwatched(1, 2).is_continue());
/// ```
pub fn unwatched(_done: usize, _all: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Tells the watcher, and makes an error of its wish to stop.
fn advance(progress: &mut Progress<'_>, done: usize, all: usize) -> Result<(), Diagnostics> {
    match progress(done, all) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            let message = format!("stopped after {done} of {all} steps");
            Err(Diagnostic::error(&rules::STOPPED, message, Place::default()).into())
        }
    }
}
