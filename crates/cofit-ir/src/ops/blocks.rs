//! Blocks of positions that change places with batch entries.

use super::{Operands, RuleError};
use crate::Shape;

/// The constants of `space_to_batch_nd` and `batch_to_space_nd`.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// The block's side along each axis of position.
    sides: Vec<i64>,
    /// Border or crop before and after along each axis of position.
    margins: Vec<i64>,
}

impl Blocks {
    /// Those of operands 1 and 2; `None` where they are not known.
    pub(crate) fn of(operands: &Operands<'_>) -> Result<Option<Self>, RuleError> {
        let input = operands.input(0)?;
        // Between the batch and the channels.
        let Some(positions) = input.shape.rank().checked_sub(2) else {
            return Err(RuleError::Rank {
                index: 0,
                expected: "[batch,positions..,channels]",
                shape: input.shape.clone(),
            });
        };
        operands.expect_elements(1, positions as u64)?;
        operands.expect_elements(2, (positions as u64).saturating_mul(2))?;
        let (sides, margins) = (operands.integers(1)?, operands.integers(2)?);
        Ok(sides.zip(margins).map(|(sides, margins)| Self { sides, margins }))
    }

    /// Batch entries become positions, which are then cropped.
    pub(crate) fn join(&self, shape: &Shape) -> Option<Shape> {
        let mut joined = shape.clone();
        let (batch, positions) = joined.dimensions_mut().split_first_mut()?;
        let crops = self.margins.chunks_exact(2);
        for ((length, &side), crop) in positions.iter_mut().zip(&self.sides).zip(crops) {
            let side = u32::try_from(side).ok().filter(|&side| side != 0)?;
            if !batch.is_multiple_of(side) {
                return None;
            }
            *batch /= side;
            let (before, after) = (u32::try_from(crop[0]).ok()?, u32::try_from(crop[1]).ok()?);
            *length = length.checked_mul(side)?.checked_sub(before)?.checked_sub(after)?;
        }
        Some(joined)
    }

    /// Positions are given a border and become batch entries.
    pub(crate) fn part(&self, shape: &Shape) -> Option<Shape> {
        let mut parted = shape.clone();
        let (batch, positions) = parted.dimensions_mut().split_first_mut()?;
        let borders = self.margins.chunks_exact(2);
        for ((length, &side), border) in positions.iter_mut().zip(&self.sides).zip(borders) {
            let side = u32::try_from(side).ok().filter(|&side| side != 0)?;
            let (before, after) = (u32::try_from(border[0]).ok()?, u32::try_from(border[1]).ok()?);
            let padded = length.checked_add(before)?.checked_add(after)?;
            if !padded.is_multiple_of(side) {
                return None;
            }
            *length = padded / side;
            *batch = batch.checked_mul(side)?;
        }
        Some(parted)
    }

    /// Why neither was possible.
    pub(crate) fn refuse(&self, shape: &Shape) -> RuleError {
        RuleError::mismatch(format!(
            "blocks of {:?} with margins {:?} do not fit {shape}",
            self.sides, self.margins
        ))
    }
}
