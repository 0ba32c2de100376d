//! Reductions along axes: `ReducerOptions`, `ArgMaxOptions`.

use cofit_ir::ops::{ArgMax, Mean, ReduceMax, Sum};

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

reduction!(Mean, ReduceMax, Sum);

impl Options for ArgMax {
    fn fields(&mut self, fields: &mut impl Fields) -> Result<(), OptionError> {
        fields.index_type(0, "output_type", &mut self.output)
    }
}
