//! `space_to_depth`: pixels to channels.

use cofit_ir::ops::SpaceToDepth;

use crate::call::Kernel;
use crate::copy_box::{self, CopyBox, Move, elements, found, lengths};
use crate::site::{Refusal, Site};

/// The channels of the result are rows, columns and channels of a block of the input.
pub(crate) fn prepare(site: &Site<'_>, op: &SpaceToDepth) -> Result<Kernel, Refusal> {
    let (input, output) = (site.input(0)?, site.output(0)?);
    let block = i64::from(op.block_size);
    let part = match (lengths(input).as_slice(), lengths(output).as_slice()) {
        (&[batch, height, width, depth], &[_, rows, columns, _]) => {
            let line = width.saturating_mul(depth);
            CopyBox::gather(
                &[batch, rows, columns, block, block, depth],
                &[
                    height.saturating_mul(line),
                    block.saturating_mul(line),
                    block.saturating_mul(depth),
                    line,
                    depth,
                    1,
                ],
                (0, elements(input)),
                elements(output),
            )
        }
        _ => None,
    };
    copy_box::kernel(site, vec![Move { input: 0, output: 0, part: found(site, part)? }])
}
