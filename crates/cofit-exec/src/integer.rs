//! Integer types as kernels compute with them: widened to 32 bits, and narrowed by saturation.

use crate::buffer::Element;

/// An integer type of tensors of up to 32 bits.
pub(crate) trait Integer: Element {
    /// The smallest value.
    const LOWEST: i32;
    /// The largest value.
    const HIGHEST: i32;

    /// The value in 32 bits.
    fn widen(self) -> i32;

    /// The nearest value of this type.
    fn saturate(value: i32) -> Self;
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl Integer for $type {
            const LOWEST: i32 = <$type>::MIN as i32;
            const HIGHEST: i32 = <$type>::MAX as i32;

            #[inline]
            fn widen(self) -> i32 {
                self as i32
            }

            #[inline]
            fn saturate(value: i32) -> Self {
                value.clamp(Self::LOWEST, Self::HIGHEST) as Self
            }
        })*
    };
}

integers!(i8, u8, i16, i32);
