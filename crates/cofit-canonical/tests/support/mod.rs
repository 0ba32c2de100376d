//! Whether two models compute the same.

use std::ops::ControlFlow;

use cofit_exec::{Buffer, Network, Observer, Options, Slice, probe};
use cofit_ir::{TensorId, Verified};

/// The largest difference of floats, over the largest magnitude that counts or 1.
const TOLERANCE: f32 = 1e-5;

/// The magnitudes that a difference of floats is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "a test crate uses one of them")]
pub enum Against {
    /// Those of the output.
    Output,
    /// Those of every tensor on the way, which may cancel in the output.
    Everything,
}

/// Inputs that every comparison runs on.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// Runs both models on the same random inputs. Integers have to be equal to the bit.
///
/// # Errors
/// What differs, or why a model cannot be executed.
pub fn same_results(before: &Verified, after: &Verified, against: Against) -> Result<(), String> {
    let prepare = |model: &Verified| {
        Network::prepare(model, &Options::default()).map_err(|found| format!("{found:#?}"))
    };
    let (before, after) = (prepare(before)?, prepare(after)?);
    for seed in SEEDS {
        let inputs: Vec<Buffer> = probe::inputs(before.model().main_graph(), seed)
            .iter()
            .map(|input| input.as_ref().map(widened))
            .collect::<Option<_>>()
            .ok_or("an input of a type that nothing computes in")?;
        let run = |network: &Network, largest: &mut Largest| {
            let outputs = network.run(&mut network.state(), &inputs, largest);
            outputs.map(Option::unwrap_or_default).map_err(|found| format!("{found:#?}"))
        };
        let mut largest = Largest(1.0);
        let (expected, found) = (run(&before, &mut largest)?, run(&after, &mut Largest(1.0))?);
        if expected.len() != found.len() {
            return Err("another number of outputs".to_owned());
        }
        for (at, (expected, found)) in expected.iter().zip(&found).enumerate() {
            let mut scale = Largest(1.0);
            scale.see(expected.as_slice());
            if against == Against::Everything {
                scale = Largest(scale.0.max(largest.0));
            }
            compare(expected, found, scale.0 * TOLERANCE)
                .map_err(|difference| format!("output {at}: {difference}"))?;
        }
    }
    Ok(())
}

/// The largest magnitude of floats seen.
struct Largest(f32);

impl Largest {
    fn see(&mut self, values: Slice<'_>) {
        if let Slice::F32(values) = values {
            self.0 = values.iter().fold(self.0, |largest, value| largest.max(value.abs()));
        }
    }
}

impl Observer for Largest {
    fn tensor(&mut self, _: TensorId, values: Slice<'_>) -> ControlFlow<()> {
        self.see(values);
        ControlFlow::Continue(())
    }
}

/// Floats over a range in which activations bend.
fn widened(input: &Buffer) -> Buffer {
    match input {
        Buffer::F32(values) => Buffer::F32(values.iter().map(|value| value * 8.0).collect()),
        other => other.clone(),
    }
}

fn compare(expected: &Buffer, found: &Buffer, allowed: f32) -> Result<(), String> {
    let is_same = match (expected, found) {
        (Buffer::F32(a), Buffer::F32(b)) => {
            let is_near = |(a, b): (&f32, &f32)| a == b || (a - b).abs() <= allowed;
            a.len() == b.len() && a.iter().zip(b).all(is_near)
        }
        _ => expected == found,
    };
    if is_same { Ok(()) } else { Err(format!("{found:?}\nand not\n{expected:?}")) }
}
