//! Suggestions that change how the model runs.

pub mod order;
pub mod spill_with_prefetch;
pub mod stream_rows;
pub mod weights_in_sram;
