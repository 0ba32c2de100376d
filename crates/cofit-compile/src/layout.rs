//! How many bytes a feature map takes in the layout of an engine.

use cofit_chip::{Chip, Engine, Layout};
use cofit_ir::Tensor;
use cofit_vocab::Bytes;

use crate::layer::Extents;

/// Bytes of `tensor` in the layout of `engine`: densely packed where the engine has none.
pub fn bytes(chip: &Chip, engine: &Engine, tensor: &Tensor) -> Bytes {
    let layout = engine.layout.as_deref().and_then(|id| chip.layout(id));
    match layout {
        // Packing never shrinks a tensor, whatever a card's layout says.
        Some(layout) => padded(layout, tensor).max(tensor.bytes()),
        None => tensor.bytes(),
    }
}

/// Bytes with channels and rows rounded as the layout wants them.
fn padded(layout: &Layout, tensor: &Tensor) -> Bytes {
    let extents = Extents::of(&tensor.shape);
    let batch = match tensor.shape.rank() {
        0 | 1 => 1,
        _ => u64::from(tensor.shape[0].max(1)),
    };
    let row = tensor.element.bytes_for(u64::from(extents.width));
    let group = layout
        .groups
        .iter()
        .find(|group| group.max_width.is_none_or(|widest| extents.width <= widest));
    if let Some(group) = group {
        // Several channels share a line, so that narrow maps waste less of it.
        let lines = row.get().div_ceil(layout.row_align.get().max(1));
        let line = layout.row_align * lines;
        let stacks = u64::from(extents.channels).div_ceil(u64::from(group.channels.max(1)));
        return line * u64::from(extents.height) * stacks * batch;
    }
    let round = u64::from(layout.channel_round.max(1));
    let channels = u64::from(extents.channels).next_multiple_of(round);
    let pixel_row = tensor.element.bytes_for(channels.saturating_mul(extents.width.into()));
    pixel_row.round_up_to(layout.row_align.get()) * u64::from(extents.height) * batch
}

/// Pixels of one channel of `tensor`, as an engine with `channels_per_pass` parallel channels
/// stacks them: each further pass lies behind the first.
pub fn pixels_per_channel(tensor: &Tensor, channels_per_pass: u32) -> u64 {
    let extents = Extents::of(&tensor.shape);
    let passes = u64::from(extents.channels).div_ceil(u64::from(channels_per_pass.max(1)));
    extents.pixels().saturating_mul(passes)
}
