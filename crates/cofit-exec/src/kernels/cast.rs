//! `cast`: the same numbers in another type.
//!
//! Integers that do not fit lose their high bits, as in C++. A real is cut towards zero and saturated,
//! which C++ leaves undefined. A truth value is whether the number differs from zero.

use cofit_vocab::ElementType;

use crate::buffer::Element;
use crate::call::Kernel;
use crate::elementwise::map;
use crate::site::{Refusal, Site};

/// A type that numbers are cast between.
trait Number: Element {
    fn from_integer(value: i64) -> Self;
    fn from_real(value: f32) -> Self;
    fn into<R: Number>(self) -> R;
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl Number for $type {
            fn from_integer(value: i64) -> Self {
                value as Self
            }

            fn from_real(value: f32) -> Self {
                value as Self
            }

            fn into<R: Number>(self) -> R {
                R::from_integer(i64::from(self))
            }
        })*
    };
}

integers!(i8, u8, i16, i32, i64);

impl Number for f32 {
    fn from_integer(value: i64) -> Self {
        value as Self
    }

    fn from_real(value: f32) -> Self {
        value
    }

    fn into<R: Number>(self) -> R {
        R::from_real(self)
    }
}

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.input(0)?.element {
        ElementType::Int8 => from::<i8>(site),
        ElementType::Bool | ElementType::UInt8 => from::<u8>(site),
        ElementType::Int16 => from::<i16>(site),
        ElementType::Int32 => from::<i32>(site),
        ElementType::Int64 => from::<i64>(site),
        ElementType::Float16 | ElementType::Float32 => from::<f32>(site),
        _ => Err(site.unsupported()),
    }
}

fn from<T: Number>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.output(0)?.element {
        ElementType::Bool => map(site, |x: T| u8::from(x != T::default())),
        ElementType::Int8 => map(site, T::into::<i8>),
        ElementType::UInt8 => map(site, T::into::<u8>),
        ElementType::Int16 => map(site, T::into::<i16>),
        ElementType::Int32 => map(site, T::into::<i32>),
        ElementType::Int64 => map(site, T::into::<i64>),
        ElementType::Float32 => map(site, T::into::<f32>),
        _ => Err(site.unsupported()),
    }
}

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn reals_saturate_and_integers_lose_their_high_bits() {
        let cast = |from: &str, to: &str, input: Buffer| {
            let graph = format!(
                "input t0\n output t1\n tensor t0 \"a\" {from}[4]\n tensor t1 \"b\" {to}[4]\n\
                 t1 = cast(t0)"
            );
            run(&graph, &[input], Rounding::Double)
        };
        let reals = || Buffer::F32(vec![-1.9, 300.7, f32::NAN, -1e30]);
        assert_eq!(cast("float32", "int8", reals()), Ok(Buffer::I8(vec![-1, 127, 0, -128])));
        assert_eq!(cast("float32", "bool", reals()), Ok(Buffer::U8(vec![1; 4])));
        let wide = Buffer::I64(vec![300, -1, 1 << 40, 7]);
        assert_eq!(cast("int64", "uint8", wide), Ok(Buffer::U8(vec![44, 255, 0, 7])));
    }
}
