//! `depth_to_space`: channels to pixels.

use cofit_ir::ops::DepthToSpace;

use crate::call::Kernel;
use crate::copy_box::{self, CopyBox, Move, elements, found, lengths};
use crate::site::{Refusal, Site};

/// Rows and columns of the result are blocks and positions within a block; the latter step through
/// the channels of the input.
pub(crate) fn prepare(site: &Site<'_>, op: &DepthToSpace) -> Result<Kernel, Refusal> {
    let (input, output) = (site.input(0)?, site.output(0)?);
    let block = i64::from(op.block_size);
    let part = match (lengths(input).as_slice(), lengths(output).as_slice()) {
        (&[batch, height, width, channels], &[.., depth]) => CopyBox::gather(
            &[batch, height, block, width, block, depth],
            &[
                height.saturating_mul(width).saturating_mul(channels),
                width.saturating_mul(channels),
                block.saturating_mul(depth),
                channels,
                depth,
                1,
            ],
            (0, elements(input)),
            elements(output),
        ),
        _ => None,
    };
    copy_box::kernel(site, vec![Move { input: 0, output: 0, part: found(site, part)? }])
}
