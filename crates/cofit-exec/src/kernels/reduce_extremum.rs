//! `reduce_max` and `reduce_min`: the largest and the smallest element over axes.
//!
//! Elements are compared as they are stored, so quantised ones must keep their scale, as TensorFlow
//! Lite and TFLM demand. An element that is no number is passed over.

use cofit_vocab::ElementType;

use crate::buffer::Element;
use crate::call::Kernel;
use crate::copy_box::same_type;
use crate::reduction::Reduction;
use crate::site::{Refusal, Site};

/// Which element is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Largest,
    Smallest,
}

/// Compares elements of any type.
pub(crate) fn prepare(site: &Site<'_>, kind: Kind) -> Result<Kernel, Refusal> {
    same_type(site, 0, 0)?;
    let (input, output) = (site.input(0)?, site.output(0)?);
    if let (Some(from), Some(to)) = (&input.quantisation, &output.quantisation)
        && from.is_quantised()
        && to.is_quantised()
        && !from.same_mapping(to)
    {
        return Err(site.refuse(
            format!("`{}` and `{}` differ in scale", input.name, output.name),
            "quantise both alike",
        ));
    }
    let reduction = Reduction::of(site)?;
    match input.element {
        ElementType::Float32 => Ok(compare(reduction, kind, f32::MIN, f32::MAX)),
        ElementType::Int8 => Ok(compare(reduction, kind, i8::MIN, i8::MAX)),
        ElementType::UInt8 => Ok(compare(reduction, kind, u8::MIN, u8::MAX)),
        ElementType::Bool => Ok(compare::<u8>(reduction, kind, 0, 1)),
        ElementType::Int16 => Ok(compare(reduction, kind, i16::MIN, i16::MAX)),
        ElementType::Int32 => Ok(compare(reduction, kind, i32::MIN, i32::MAX)),
        ElementType::Int64 => Ok(compare(reduction, kind, i64::MIN, i64::MAX)),
        _ => Err(site.unsupported()),
    }
}

fn compare<T: Element>(reduction: Reduction, kind: Kind, lowest: T, highest: T) -> Kernel {
    Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        match kind {
            Kind::Largest => {
                let next = |best, value| if value > best { value } else { best };
                reduction.fold(input, output, lowest, next, |best| best)
            }
            Kind::Smallest => {
                let next = |best, value| if value < best { value } else { best };
                reduction.fold(input, output, highest, next, |best| best)
            }
        }
    })
}
