//! `add`.
//!
//! int8, uint8 and int16 operands are brought to twice the larger of their scales, shifted left by 20
//! bits (15 for int16), added and requantised: `reference/integer_ops/add.h` and `kernels/add_common.cc`
//! of TFLM. int16 models with power-of-two scales take the same way there. int32 and int64 are added
//! as they are and wrap. TFLM leaves out the fused activation of an int32 sum, and so does this; that
//! of an int64 sum, which only LiteRT has, is applied.

use cofit_ir::{Activation, Op};
use cofit_vocab::ElementType;

use crate::arithmetic::activation::{activate, integer_range, quantised_range};
use crate::arithmetic::common_scale::{SumFactors, ToCommon};
use crate::call::Kernel;
use crate::elementwise::{binary_types, zip};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let activation = match &site.operator().op {
        Op::Add(op) => op.activation,
        _ => return Err(site.unsupported()),
    };
    match binary_types(site)? {
        Some((ElementType::Int8, ElementType::Int8)) => {
            quantised::<i8>(site, activation, 20, i32::wrapping_add)
        }
        Some((ElementType::UInt8, ElementType::UInt8)) => {
            quantised::<u8>(site, activation, 20, i32::wrapping_add)
        }
        Some((ElementType::Int16, ElementType::Int16)) => {
            quantised::<i16>(site, activation, 15, i32::wrapping_add)
        }
        Some((ElementType::Int32, ElementType::Int32)) => {
            integer_range(site, activation)?;
            zip(site, |a: i32, b: i32| a.wrapping_add(b))
        }
        Some((ElementType::Int64, ElementType::Int64)) => {
            let range = integer_range(site, activation)?;
            zip(site, move |a: i64, b: i64| a.wrapping_add(b).clamp(*range.start(), *range.end()))
        }
        Some((ElementType::Float32, ElementType::Float32)) => {
            zip(site, move |a: f32, b: f32| activate(activation, a + b))
        }
        _ => Err(site.unsupported()),
    }
}

/// Operands on their common scale, joined by `join` and requantised; for differences too.
pub(super) fn quantised<T: Integer>(
    site: &Site<'_>,
    activation: Activation,
    left_shift: u32,
    join: fn(i32, i32) -> i32,
) -> Result<Kernel, Refusal> {
    let (of_a, of_b) = (site.affine(site.input(0)?)?, site.affine(site.input(1)?)?);
    let of_result = site.affine(site.output(0)?)?;
    let factors = SumFactors::new(of_a, of_b, of_result, left_shift);
    let range = quantised_range::<T>(site, activation, of_result)?;
    let rounding = site.rounding;
    let to_a = ToCommon::new(of_a, factors.a, left_shift, rounding);
    let to_b = ToCommon::new(of_b, factors.b, left_shift, rounding);
    zip(site, move |a: T, b: T| {
        let joined = join(to_a.apply(a.widen()), to_b.apply(b.widen()));
        let result = factors.result.apply(joined, rounding).wrapping_add(of_result.zero_point);
        T::saturate(result.clamp(*range.start(), *range.end()))
    })
}

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    fn sum(
        element: &str,
        of_a: &str,
        activation: &str,
        inputs: &[Buffer],
    ) -> Result<Buffer, String> {
        let graph = format!(
            "input t0, t1\n output t2\n\
             tensor t0 \"a\" {element}[2] {of_a}\n tensor t1 \"b\" {element}[2] {of_a}\n\
             tensor t2 \"sum\" {element}[2] {of_a}\n t2 = add(t0, t1) activation={activation}"
        );
        run(&graph, inputs, Rounding::Double)
    }

    #[test]
    fn an_activation_without_integer_form_is_refused_for_integers_alone() {
        let bytes = [Buffer::I8(vec![1, 2]), Buffer::I8(vec![3, 4])];
        let refused = sum("int8", "scale=0.5", "tanh", &bytes).unwrap_err();
        assert_eq!(
            refused,
            "CF-EXE-001: the fused activation `tanh` is not defined for integers (operator `sum`)"
        );
        let reals = [Buffer::F32(vec![1.0, -2.0]), Buffer::F32(vec![0.5, 2.0])];
        let expected = Buffer::F32(vec![1.5_f32.tanh(), 0.0]);
        assert_eq!(sum("float32", "", "tanh", &reals), Ok(expected));
        assert_eq!(sum("float32", "", "relu", &reals), Ok(Buffer::F32(vec![1.5, 0.0])));
    }

    #[test]
    fn integers_need_one_scale() {
        let bytes = [Buffer::I8(vec![1, 2]), Buffer::I8(vec![3, 4])];
        for scales in ["", "axis=0 scale=[0.5,0.25]"] {
            let refused = sum("int8", scales, "none", &bytes).unwrap_err();
            let expected = "CF-EXE-001: `a` has no scale for the whole tensor (operator `sum`)";
            assert_eq!(refused, expected);
        }
    }
}
