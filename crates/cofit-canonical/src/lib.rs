//! Models in canonical form.
//!
//! Exporters write one network in many ways: a batch normalisation as an operator or as a product
//! and a sum, a hard swish as five operators, a border in front of a convolution or inside it.
//! [`canonicalise`] brings them to one form by the passes of [`PASSES`], so that quantisation, cards
//! and kernels meet few.
//!
//! # What a pass may do
//! - Results stay what they were: bit for bit where they are integers, up to the order of float
//!   operations where they are floats. A pass that cannot show this leaves the graph alone.
//! - The graph's inputs and outputs stay, with their ids, names, types and shapes.
//! - A model that the verifier accepted before is one that it accepts after.
//! - Values that are absent are not made up: where they are needed to decide, nothing happens.
//! - No pass grows a model: constants that it makes are no longer than those that they replace,
//!   but for short ones, and none adds an operator without removing one.
//!
//! # Where things are
//! One pass is one file under [`passes`], with its tests in `tests/passes/NAME/`: each a model
//! before and after, both executed on the same inputs and compared. `rewrite.rs` holds the edits
//! that passes are written with, `constants.rs` what they read of constants.
//!
//! # For exporters
//! The canonical form has explicit padding, which TFLite has not: [`spell_out_padding`] writes it as
//! operators again. Tensors keep their ids through all passes, so that what passes leave unused stays
//! in the arena; [`remove_unused_tensors`] takes it out.
//!
//! # What is absent
//! Nothing here knows chips. A chip that wants operators joined or kept apart says so on its card,
//! and the compiler does it.

mod constants;
pub mod passes;
mod rewrite;
mod spell_out_padding;

pub use passes::{Change, PASSES, Pass, canonicalise};
pub use rewrite::{has_effect, remove_unused_tensors};
pub use spell_out_padding::spell_out_padding;
