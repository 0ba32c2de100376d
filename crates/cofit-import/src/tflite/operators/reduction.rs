//! Reductions along axes: `ReducerOptions`, `ArgMaxOptions`, `ArgMinOptions`,
//! `CumsumOptions`.

use cofit_ir::ops::{ArgMax, ArgMin, Cumsum, Mean, ReduceMax, ReduceMin, ReduceProd, Sum};

use super::fields::{Fields, OptionError, Options};

macro_rules! reduction {
    ($($operator:ident),*) => {
        $(impl Options for $operator {
            fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
                fields.flag(0, &mut self.keep_dims, false)
            }
        })*
    };
}

reduction!(Mean, ReduceMax, ReduceMin, ReduceProd, Sum);

macro_rules! index {
    ($($operator:ident),*) => {
        $(impl Options for $operator {
            fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
                fields.index_type(0, "output_type", &mut self.output)
            }
        })*
    };
}

index!(ArgMax, ArgMin);

impl Options for Cumsum {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.flag(0, &mut self.exclusive, false)?;
        fields.flag(1, &mut self.reverse, false)
    }
}
