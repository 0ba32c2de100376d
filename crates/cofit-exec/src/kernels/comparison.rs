//! `equal`, `not_equal`, `less`, `less_equal`, `greater` and `greater_equal`.
//!
//! Quantised int8 and uint8 are compared as the reals that they stand for: less their zero points,
//! shifted left by 8 bits and multiplied by their scales, rounded (`kernels/comparisons.cc` of TFLM).
//! Other types, int16 among them as in LiteRT, and integers without a scale are compared as they are
//! stored. (TFLM has `greater` of int16 alone, and its published builds never prepare its factors.)
//! Nothing equals a NaN or compares with it.

use std::cmp::Ordering;

use cofit_ir::{Op, Tensor};
use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::arithmetic::common_scale::ToCommon;
use crate::buffer::Element;
use crate::call::Kernel;
use crate::elementwise::{binary_types, zip};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

/// Whether a comparison holds for operands in an order.
type Holds = fn(Option<Ordering>) -> bool;

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let holds: Holds = match &site.operator().op {
        Op::Equal(_) => |order| order == Some(Ordering::Equal),
        Op::NotEqual(_) => |order| order != Some(Ordering::Equal),
        Op::Less(_) => |order| order == Some(Ordering::Less),
        Op::LessEqual(_) => |order| matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Op::Greater(_) => |order| order == Some(Ordering::Greater),
        Op::GreaterEqual(_) => |order| matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => return Err(site.unsupported()),
    };
    match binary_types(site)? {
        Some((ElementType::Int8, ElementType::Bool)) => integers::<i8>(site, holds),
        Some((ElementType::UInt8, ElementType::Bool)) => integers::<u8>(site, holds),
        Some((ElementType::Int16, ElementType::Bool)) => plain::<i16>(site, holds),
        Some((ElementType::Bool, ElementType::Bool)) => plain::<u8>(site, holds),
        Some((ElementType::Int32, ElementType::Bool)) => plain::<i32>(site, holds),
        Some((ElementType::Int64, ElementType::Bool)) => plain::<i64>(site, holds),
        Some((ElementType::Float32, ElementType::Bool)) => plain::<f32>(site, holds),
        _ => Err(site.unsupported()),
    }
}

fn plain<T: Element>(site: &Site<'_>, holds: Holds) -> Result<Kernel, Refusal> {
    zip(site, move |a: T, b: T| u8::from(holds(a.partial_cmp(&b))))
}

fn integers<T: Integer>(site: &Site<'_>, holds: Holds) -> Result<Kernel, Refusal> {
    let (a, b) = (site.input(0)?, site.input(1)?);
    let has_scale =
        |found: &Tensor| found.quantisation.as_ref().is_some_and(|found| found.is_quantised());
    if !has_scale(a) && !has_scale(b) {
        return plain::<T>(site, holds);
    }
    let real = |operand: &Tensor| -> Result<ToCommon, Refusal> {
        let from = site.affine(operand)?;
        let factor = Multiplier::new(f64::from(from.scale));
        Ok(ToCommon::new(from, factor, 8, site.rounding))
    };
    let (to_a, to_b) = (real(a)?, real(b)?);
    zip(site, move |a: T, b: T| {
        u8::from(holds(Some(to_a.apply(a.widen()).cmp(&to_b.apply(b.widen())))))
    })
}

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn nothing_compares_with_a_nan() {
        for (kind, expected) in [
            ("equal", [0, 1]),
            ("not_equal", [1, 0]),
            ("less", [0, 0]),
            ("less_equal", [0, 1]),
            ("greater", [0, 0]),
            ("greater_equal", [0, 1]),
        ] {
            let graph = format!(
                "input t0, t1\n output t2\n tensor t0 \"a\" float32[2]\n\
                 tensor t1 \"b\" float32[2]\n tensor t2 \"c\" bool[2]\n t2 = {kind}(t0, t1)"
            );
            let inputs = [Buffer::F32(vec![f32::NAN, 1.0]), Buffer::F32(vec![f32::NAN, 1.0])];
            let found = run(&graph, &inputs, Rounding::Double);
            assert_eq!(found, Ok(Buffer::U8(expected.to_vec())), "{kind}");
        }
    }
}
