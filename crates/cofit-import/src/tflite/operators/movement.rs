//! Operators that move, select or resample elements: `ReshapeOptions`, `ConcatenationOptions`,
//! `StridedSliceOptions` and their kin.

use cofit_ir::ops::{
    Concatenation, DepthToSpace, Gather, MirrorMode, MirrorPad, Pack, Reshape, ResizeBilinear,
    ResizeNearestNeighbor, Shape, SpaceToDepth, Split, SplitV, Squeeze, StridedSlice, Unpack,
};

use super::fields::{Fields, OptionError, Options, no_fields};

impl Options for Concatenation {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.integer(0, "axis", &mut self.axis, 0)?;
        fields.activation(1, &mut self.activation)
    }
}

impl Options for Gather {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.integer(0, "axis", &mut self.axis, 0)?;
        fields.integer(1, "batch_dims", &mut self.batch_dims, 0)
    }
}

impl Options for Pack {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.count(0, "values_count", &mut self.values_count, 0)?;
        fields.integer(1, "axis", &mut self.axis, 0)
    }
}

impl Options for Unpack {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.count(0, "num", &mut self.num, 0)?;
        fields.integer(1, "axis", &mut self.axis, 0)
    }
}

impl Options for Reshape {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.integers(0, &mut self.shape)
    }
}

impl Options for Squeeze {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.integers(0, &mut self.axes)
    }
}

impl Options for Shape {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.index_type(0, "out_type", &mut self.output)
    }
}

// Fields 0 and 1 were the new height and width before these became an operand.
impl Options for ResizeBilinear {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.flag(2, &mut self.align_corners, false)?;
        fields.flag(3, &mut self.half_pixel_centers, false)
    }
}

impl Options for ResizeNearestNeighbor {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.flag(0, &mut self.align_corners, false)?;
        fields.flag(1, &mut self.half_pixel_centers, false)
    }
}

macro_rules! split {
    ($($operator:ident),*) => {
        $(impl Options for $operator {
            fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
                fields.count(0, "num_splits", &mut self.num_splits, 0)
            }
        })*
    };
}

split!(Split, SplitV);

impl Options for StridedSlice {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.mask(0, "begin_mask", &mut self.begin_mask)?;
        fields.mask(1, "end_mask", &mut self.end_mask)?;
        fields.mask(2, "ellipsis_mask", &mut self.ellipsis_mask)?;
        fields.mask(3, "new_axis_mask", &mut self.new_axis_mask)?;
        fields.mask(4, "shrink_axis_mask", &mut self.shrink_axis_mask)?;
        fields.flag(5, &mut self.offset, false)
    }
}

macro_rules! blocks {
    ($($operator:ident),*) => {
        $(impl Options for $operator {
            fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
                fields.count(0, "block_size", &mut self.block_size, 0)
            }
        })*
    };
}

blocks!(DepthToSpace, SpaceToDepth);

impl Options for MirrorPad {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        const CHOICES: &[(i8, MirrorMode)] =
            &[(0, MirrorMode::Reflect), (1, MirrorMode::Symmetric)];
        fields.choice(0, "mode", &mut self.mode, CHOICES)
    }
}

no_fields!(
    BatchToSpaceNd,
    BroadcastTo,
    ExpandDims,
    Fill,
    GatherNd,
    Pad,
    Reverse,
    Slice,
    SpaceToBatchNd,
    Tile,
    Transpose,
);
