//! `mirror_pad`: a tensor with its own reflection as a border.

use cofit_ir::ops::{MirrorMode, MirrorPad};

use crate::axis_tables::AxisTables;
use crate::call::Kernel;
use crate::copy_box::{elements, lengths, same_type};
use crate::site::{Refusal, Site};

/// Along each axis, the border reads the positions nearest to it in the opposite order.
pub(crate) fn prepare(site: &Site<'_>, op: &MirrorPad) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let (input, output) = (site.input(0)?, site.output(0)?);
    let border = site.integers(1)?;
    let (from, to) = (lengths(input), lengths(output));
    if elements(output) == 0 {
        return Ok(Box::new(|_| Ok(())));
    }
    let positions = positions(op.mode, &border, &from, &to);
    let tables = positions.and_then(|positions| AxisTables::new(&positions, &from));
    let tables = tables.ok_or_else(|| {
        site.refuse(
            format!("a border of {border:?} does not mirror {}", input.shape),
            "make it narrower",
        )
    })?;
    Ok(Box::new(move |call| tables.copy(call.inputs.any(0)?, call.outputs.any(0)?)))
}

/// The position that each position of the result reads.
fn positions(
    mode: MirrorMode,
    border: &[i64],
    from: &[i64],
    to: &[i64],
) -> Option<Vec<Vec<usize>>> {
    if border.len() != from.len() * 2 || to.len() != from.len() {
        return None;
    }
    // How far the mirror stands outside the outermost element, doubled.
    let outside = match mode {
        MirrorMode::Reflect => 0,
        MirrorMode::Symmetric => 1,
    };
    from.iter()
        .zip(to)
        .zip(border.chunks_exact(2))
        .map(|((&length, &wanted), border)| {
            let whole = length.checked_add(border[0])?.checked_add(border[1])?;
            if whole != wanted || border[0] < 0 || border[1] < 0 {
                return None;
            }
            let position = |at: i64| {
                let at = at - border[0];
                let mirrored = if at < 0 {
                    -at - outside
                } else if at >= length {
                    2 * (length - 1) - at + outside
                } else {
                    at
                };
                usize::try_from(mirrored).ok()
            };
            (0..wanted).map(position).collect()
        })
        .collect()
}
