//! Inner products, written so that the compiler turns them into vector instructions.

/// The inner product of two vectors of at most 15 and 9 bits, in 32 bits that wrap as the reference's
/// do.
#[inline]
pub(crate) fn dot(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).fold(0_i32, |sum, (&a, &b)| sum.wrapping_add(i32::from(a) * i32::from(b)))
}

/// The inner product in 64 bits, for int16 activations and weights of at most nine bits.
#[inline]
pub(crate) fn dot_wide(a: &[i16], b: &[i16]) -> i64 {
    // 128 products of 16 and 9 bits fit into 32 bits.
    const CHUNK: usize = 128;
    a.chunks(CHUNK).zip(b.chunks(CHUNK)).map(|(a, b)| i64::from(dot(a, b))).sum()
}

/// The inner product of floats, in eight partial sums.
#[inline]
pub(crate) fn dot_float(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, a_rest) = a.as_chunks::<8>();
    let (b_chunks, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    let pairs = [sums[0] + sums[4], sums[1] + sums[5], sums[2] + sums[6], sums[3] + sums[7]];
    (pairs[0] + pairs[2]) + (pairs[1] + pairs[3]) + rest
}
