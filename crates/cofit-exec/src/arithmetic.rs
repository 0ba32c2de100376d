//! Fixed-point arithmetic that integer kernels share.
//!
//! The definitions are those of gemmlowp's `fixedpoint.h` and of TensorFlow Lite's
//! `kernels/internal/common.h` and `quantization_util.cc`, restated as equations.

pub(crate) mod activation;
pub(crate) mod common_scale;
pub(crate) mod exponentials;
mod fixed_point;
pub(crate) mod four_bits;
pub(crate) mod gaussian;
pub(crate) mod inverse_root;
pub(crate) mod logarithm;
mod requantise;
pub(crate) mod sigmoid_table;

pub use fixed_point::*;
pub use requantise::{Multiplier, Rounding};
