//! Model and chip to a checked plan.
//!
//! [`compile`] runs the passes of [`passes::PASSES`] over a [`Plan`] that starts as
//! the model's main graph. The passes rewrite the graph, join operators into steps, give each step
//! an engine and each byte an address. [`verify()`](verify::verify) states what a well-formed plan
//! is and is run on every plan that leaves.
//!
//! What a chip refuses does not stop compilation: it is recorded in the plan, so that one run
//! tells everything that is wrong. Nothing here knows how long anything takes.

pub mod certificate;
mod context;
pub mod dump;
mod effects;
pub mod ethos_u;
pub mod joint_order;
pub mod layer;
pub mod layout;
mod links;
pub mod memory_search;
pub mod passes;
mod pipeline;
pub mod plan;
mod rules;
pub mod step_layer;
pub mod step_order;
pub mod tflm;
pub mod transfer;
mod values;
pub mod verify;

pub use pipeline::{Compiled, Observer, compile};
pub use plan::Plan;
