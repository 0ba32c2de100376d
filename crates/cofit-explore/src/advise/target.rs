//! Suggestions that change what the model runs on.

pub mod operating_point;
pub mod other_engine;
pub mod runtime;
pub mod sibling_chip;
pub mod sram_placement;
