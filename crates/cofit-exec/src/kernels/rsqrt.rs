//! `rsqrt`: one over the square root.
//!
//! int8 and int16 in fixed point (`kernels/elementwise.cc` of TFLM): zero gives the largest value, a
//! negative operand is a fault. uint8 alike.

use cofit_vocab::ElementType;

use crate::arithmetic::Multiplier;
use crate::arithmetic::inverse_root::inverse_root;
use crate::call::{Fault, Kernel};
use crate::elementwise::{check_lengths, map};
use crate::integer::Integer;
use crate::site::{Refusal, Site};

/// Bits by which the root is shifted to stay an integer.
const SHIFT: i32 = 20;

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match site.elements()? {
        (ElementType::Int8, ElementType::Int8) => quantised::<i8>(site),
        (ElementType::UInt8, ElementType::UInt8) => quantised::<u8>(site),
        (ElementType::Int16, ElementType::Int16) => quantised::<i16>(site),
        (ElementType::Float32, ElementType::Float32) => map(site, |x: f32| 1.0 / x.sqrt()),
        _ => Err(site.unsupported()),
    }
}

fn quantised<T: Integer>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    check_lengths(site)?;
    let (from, to) = (site.affine(site.input(0)?)?, site.affine(site.output(0)?)?);
    let factor = Multiplier::new(1.0 / (f64::from(from.scale).sqrt() * f64::from(to.scale)));
    let factor = Multiplier { exponent: factor.exponent - SHIFT, ..factor };
    let rounding = site.rounding;
    Ok(Box::new(move |call| {
        let input = call.inputs.get::<T>(0)?;
        let output = call.outputs.get::<T>(0)?;
        for (result, stored) in output.iter_mut().zip(input) {
            let x = stored.widen().wrapping_sub(from.zero_point);
            if x < 0 {
                return Err(Fault::new("the root of a negative number is not defined"));
            }
            *result = T::saturate(T::HIGHEST);
            if x > 0 {
                let root = inverse_root(x);
                let root = Multiplier { exponent: root.exponent + SHIFT, ..root };
                let scaled = factor.apply(root.apply(1, rounding), rounding);
                *result = T::saturate(scaled.wrapping_add(to.zero_point));
            }
        }
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn negative_integers_have_no_root() {
        let graph = "input t0\n output t1\n tensor t0 \"a\" int8[2] scale=0.25 zero=-1\n\
                     tensor t1 \"b\" int8[2] scale=0.5 zero=-2\n t1 = rsqrt(t0)";
        let found = |values: Vec<i8>| run(graph, &[Buffer::I8(values)], Rounding::Double);
        assert_eq!(
            found(vec![-1, 3]),
            Ok(Buffer::I8(vec![127, 0])),
            "1 over the root of 1 is 2 steps"
        );
        let fault = "CF-EXE-003: the root of a negative number is not defined (operator `b`)";
        assert_eq!(found(vec![3, -2]), Err(fault.to_owned()));
    }
}
