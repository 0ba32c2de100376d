//! Affine quantisation: `real = scale * (stored - zero_point)`.

use smallvec::SmallVec;

/// How stored integers map to real numbers, for a whole tensor or along one axis.
///
/// `scales` and `zero_points` have either one element (per tensor) or as many as the axis is long.
/// `minimum` and `maximum` are the exporter's calibration range where the file keeps it; nothing
/// computes with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantisation {
    /// Real size of one step, per tensor or per slice of `axis`.
    pub scales: SmallVec<[f32; 1]>,
    /// The stored value that means zero, beside each scale.
    pub zero_points: SmallVec<[i64; 1]>,
    /// The axis that `scales` runs along. Without meaning for a single scale.
    pub axis: u32,
    /// Lower ends of the calibration range.
    pub minimum: SmallVec<[f32; 1]>,
    /// Upper ends of the calibration range.
    pub maximum: SmallVec<[f32; 1]>,
}

impl Quantisation {
    /// One scale for the whole tensor.
    pub fn per_tensor(scale: f32, zero_point: i64) -> Self {
        Self {
            scales: SmallVec::from_slice(&[scale]),
            zero_points: SmallVec::from_slice(&[zero_point]),
            ..Self::default()
        }
    }

    /// A symmetric scale for every slice of `axis`.
    pub fn per_axis(axis: u32, scales: &[f32]) -> Self {
        Self {
            scales: SmallVec::from_slice(scales),
            zero_points: SmallVec::from_elem(0, scales.len()),
            axis,
            ..Self::default()
        }
    }

    /// Whether slices have scales of their own.
    pub fn is_per_axis(&self) -> bool {
        self.scales.len() > 1
    }

    /// Whether stored integers have a real meaning at all. Float tensors of converted models carry
    /// a calibration range without scales.
    pub fn is_quantised(&self) -> bool {
        !self.scales.is_empty()
    }

    /// The scale and zero point of slice `index`; those of the tensor where it has only one.
    pub fn at(&self, index: usize) -> Option<(f32, i64)> {
        let pick = |length: usize| if length == 1 { 0 } else { index };
        let scale = *self.scales.get(pick(self.scales.len()))?;
        let zero_point = self.zero_points.get(pick(self.zero_points.len())).copied().unwrap_or(0);
        Some((scale, zero_point))
    }

    /// Whether both map every stored value to the same real one.
    pub fn same_mapping(&self, other: &Self) -> bool {
        self.scales == other.scales
            && self.zero_points == other.zero_points
            && (!self.is_per_axis() || self.axis == other.axis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_scale_serves_every_slice() {
        assert_eq!(Quantisation::per_tensor(0.5, -128).at(7), Some((0.5, -128)));
        assert_eq!(Quantisation::per_axis(3, &[0.5, 0.25]).at(1), Some((0.25, 0)));
        assert_eq!(Quantisation::per_axis(3, &[0.5, 0.25]).at(2), None);
    }
}
