//! Kernels of functions that are defined on reals, for reals and integers.

use cofit_vocab::ElementType;

use crate::call::Kernel;
use crate::elementwise::map;
use crate::lookup::{Segments, bytes_by_real, each_by_real};
use crate::site::{Refusal, Site};

/// How int16 operands are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// One by one, rounded to nearest.
    Each,
    /// By a table of segments, as LiteRT does.
    Segments,
}

/// The kernel of `function` on float32 as it is, on int8 and uint8 by a table, and on int16.
pub(crate) fn prepare(
    site: &Site<'_>,
    words: Words,
    function: impl Fn(f32) -> f32 + Send + Sync + 'static,
) -> Result<Kernel, Refusal> {
    match (site.elements()?, words) {
        ((ElementType::Float32, ElementType::Float32), _) => map(site, function),
        ((ElementType::Int8, ElementType::Int8), _) => bytes_by_real::<i8>(site, function),
        ((ElementType::UInt8, ElementType::UInt8), _) => bytes_by_real::<u8>(site, function),
        ((ElementType::Int16, ElementType::Int16), Words::Each) => {
            each_by_real::<i16>(site, function)
        }
        ((ElementType::Int16, ElementType::Int16), Words::Segments) => {
            let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
            let table = Segments::new(from, to, function);
            map(site, move |x: i16| table.at(x))
        }
        _ => Err(site.unsupported()),
    }
}
