//! The error function, in double precision.
//!
//! Near zero by its series `2 / sqrt(pi) * exp(-x^2) * sum(2^n * x^(2n+1) / (1 * 3 * ... * (2n+1)))`,
//! of which no terms cancel; far from it by the continued fraction of the complement (Abramowitz and
//! Stegun, "Handbook of Mathematical Functions", 7.1.6 and 7.1.14).

/// From where on the complement is computed by its continued fraction.
const FAR: f64 = 2.5;

/// `2 / sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`.
pub(crate) fn error_function(x: f64) -> f64 {
    match x {
        x if x.is_nan() => x,
        x if x.abs() < FAR => series(x),
        x if x < 0.0 => far_complement(-x) - 1.0,
        x => 1.0 - far_complement(x),
    }
}

/// One less the error function, without cancellation for large `x`.
pub(crate) fn complementary_error_function(x: f64) -> f64 {
    match x {
        x if x.is_nan() => x,
        x if x >= FAR => far_complement(x),
        x if x <= -FAR => 2.0 - far_complement(-x),
        x => 1.0 - series(x),
    }
}

fn series(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..60 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

fn far_complement(x: f64) -> f64 {
    // sqrt(pi) * exp(x^2) * erfc(x) = 1 / (x + (1/2) / (x + (2/2) / (x + (3/2) / (x + ...)))).
    let fraction = (1..=60).rev().fold(x, |rest, n| x + f64::from(n) / 2.0 / rest);
    let result = (-x * x).exp() / fraction * (std::f64::consts::FRAC_2_SQRT_PI / 2.0);
    if result.is_nan() { 0.0 } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of tables 7.1 and 7.3 of the handbook, and of the tail.
    #[test]
    fn values_are_those_of_the_tables() {
        for (x, value) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_8),
            (1.0, 0.842_700_792_9),
            (2.0, 0.995_322_265_0),
            (2.5, 0.999_593_048_0),
            (3.0, 0.999_977_909_5),
        ] {
            assert!((error_function(x) - value).abs() < 1e-10, "{x}");
            assert!((error_function(-x) + value).abs() < 1e-10, "{x}");
        }
        for (x, value) in [(3.0, 2.209_049_7e-5), (5.0, 1.537_459_8e-12), (2.5, 4.069_520_2e-4)] {
            let found = complementary_error_function(x);
            assert!((found / value - 1.0).abs() < 1e-7, "{x}: {found}");
        }
        assert_eq!(complementary_error_function(f64::INFINITY), 0.0);
        assert_eq!(error_function(f64::NEG_INFINITY), -1.0);
    }

    #[test]
    fn both_ways_meet() {
        let (below, above) = (FAR - 1e-12, FAR);
        let step = complementary_error_function(below) / complementary_error_function(above);
        assert!((step - 1.0).abs() < 1e-9, "{step}");
    }
}
