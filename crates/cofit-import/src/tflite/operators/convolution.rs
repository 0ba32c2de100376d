//! Convolutions and pooling: `Conv2DOptions`, `DepthwiseConv2DOptions`, `TransposeConvOptions`,
//! `Pool2DOptions`.

use cofit_ir::ops::{AveragePool2d, Conv2d, DepthwiseConv2d, MaxPool2d, TransposeConv2d};

use super::fields::{Fields, OptionError, Options};

const STRIDE: [&str; 2] = ["stride_w", "stride_h"];
const DILATION: [&str; 2] = ["dilation_w_factor", "dilation_h_factor"];
const FILTER: [&str; 2] = ["filter_width", "filter_height"];

// `quantized_bias_type` repeats the bias tensor's own type and is not read.
impl Options for Conv2d {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.padding(0, &mut self.padding)?;
        fields.extent(1, STRIDE, &mut self.stride, 0)?;
        fields.activation(3, &mut self.activation)?;
        fields.extent(4, DILATION, &mut self.dilation, 1)
    }
}

impl Options for DepthwiseConv2d {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.padding(0, &mut self.padding)?;
        fields.extent(1, STRIDE, &mut self.stride, 0)?;
        fields.count(3, "depth_multiplier", &mut self.multiplier, 0)?;
        fields.activation(4, &mut self.activation)?;
        fields.extent(5, DILATION, &mut self.dilation, 1)
    }
}

impl Options for TransposeConv2d {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.padding(0, &mut self.padding)?;
        fields.extent(1, STRIDE, &mut self.stride, 0)?;
        fields.activation(3, &mut self.activation)
    }
}

macro_rules! pool {
    ($($operator:ident),*) => {
        $(impl Options for $operator {
            fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
                fields.padding(0, &mut self.padding)?;
                fields.extent(1, STRIDE, &mut self.stride, 0)?;
                fields.extent(3, FILTER, &mut self.filter, 0)?;
                fields.activation(5, &mut self.activation)
            }
        })*
    };
}

pool!(AveragePool2d, MaxPool2d);
