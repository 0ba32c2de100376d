//! `floor_div` and `floor_mod`: quotients rounded down, and what they leave.
//!
//! Integers are computed as they are stored and wrap; zero to divide by is a fault. A float32
//! remainder is that of the cut quotient, brought to the divisor's sign, as in LiteRT.

use cofit_ir::Op;
use cofit_vocab::ElementType;

use crate::broadcast::Broadcast;
use crate::buffer::Element;
use crate::call::Kernel;
use crate::elementwise::{binary_types, zip};
use crate::kernels::div::refuse_zeros;
use crate::site::{Refusal, Site};

/// An integer type that is divided with the quotient rounded down.
trait Divisible: Element {
    fn floor_div(self, by: Self) -> Self;
    fn floor_mod(self, by: Self) -> Self;
}

macro_rules! divisible {
    ($($type:ty),*) => {
        $(impl Divisible for $type {
            fn floor_div(self, by: Self) -> Self {
                let rest = self.wrapping_rem(by);
                let leaves = rest != 0 && (rest < 0) != (by < 0);
                self.wrapping_div(by) - Self::from(leaves)
            }

            fn floor_mod(self, by: Self) -> Self {
                let rest = self.wrapping_rem(by);
                if rest != 0 && (rest < 0) != (by < 0) { rest + by } else { rest }
            }
        })*
    };
}

divisible!(i8, i16, i32, i64);

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let is_quotient = matches!(site.operator().op, Op::FloorDiv(_));
    match binary_types(site)? {
        Some((ElementType::Int8, ElementType::Int8)) => integers::<i8>(site, is_quotient),
        Some((ElementType::Int16, ElementType::Int16)) => integers::<i16>(site, is_quotient),
        Some((ElementType::Int32, ElementType::Int32)) => integers::<i32>(site, is_quotient),
        Some((ElementType::Int64, ElementType::Int64)) => integers::<i64>(site, is_quotient),
        Some((ElementType::Float32, ElementType::Float32)) if is_quotient => {
            zip(site, |a: f32, b: f32| (a / b).floor())
        }
        Some((ElementType::Float32, ElementType::Float32)) => zip(site, |a: f32, b: f32| {
            let rest = a % b;
            if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
        }),
        _ => Err(site.unsupported()),
    }
}

fn integers<T: Divisible>(site: &Site<'_>, is_quotient: bool) -> Result<Kernel, Refusal> {
    let broadcast = Broadcast::<2>::of(site)?;
    let compute = if is_quotient { T::floor_div } else { T::floor_mod };
    Ok(Box::new(move |call| {
        refuse_zeros(call, T::default())?;
        broadcast.apply(call, compute)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_round_down_and_remainders_take_the_divisors_sign() {
        for (a, b, quotient, rest) in
            [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (6, -3, -2, 0)]
        {
            assert_eq!((a.floor_div(b), a.floor_mod(b)), (quotient, rest), "{a} by {b}");
        }
        assert_eq!(i32::MIN.floor_div(-1), i32::MIN);
        assert_eq!(i32::MIN.floor_mod(-1), 0);
    }
}
