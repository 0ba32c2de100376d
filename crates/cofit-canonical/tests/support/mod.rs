//! Whether two models compute the same.

use cofit_exec::{Buffer, Network, Options, probe};
use cofit_ir::{Graph, Verified};

/// The largest difference of floats, over the largest magnitude of the output or 1.
const TOLERANCE: f32 = 1e-5;

/// Inputs that every comparison runs on.
const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// Runs both models on the same random inputs. Integers have to be equal to the bit.
///
/// # Errors
/// What differs, or why a model cannot be executed.
pub fn same_results(before: &Verified, after: &Verified) -> Result<(), String> {
    let prepare = |model: &Verified| {
        Network::prepare(model, &Options::default()).map_err(|found| format!("{found:#?}"))
    };
    let networks = [prepare(before)?, prepare(after)?];
    for seed in SEEDS {
        let inputs: Vec<Buffer> = probe::inputs(before.main_graph(), seed)
            .into_iter()
            .collect::<Option<_>>()
            .ok_or("an input of a type that nothing computes in")?;
        let mut results = networks.iter().map(|network| {
            let inputs: Vec<Buffer> = inputs.iter().map(widened).collect();
            network
                .run(&mut network.state(), &inputs, &mut ())
                .map_err(|found| format!("{found:#?}"))
        });
        let (Some(expected), Some(found)) = (results.next(), results.next()) else {
            return Err("two networks have two results".to_owned());
        };
        let (expected, found) = (expected?.unwrap_or_default(), found?.unwrap_or_default());
        if expected.len() != found.len() {
            return Err("another number of outputs".to_owned());
        }
        for (at, (expected, found)) in expected.iter().zip(&found).enumerate() {
            compare(expected, found).map_err(|difference| format!("output {at}: {difference}"))?;
        }
    }
    Ok(())
}

/// Floats over a range in which activations bend.
fn widened(input: &Buffer) -> Buffer {
    match input {
        Buffer::F32(values) => Buffer::F32(values.iter().map(|value| value * 8.0).collect()),
        other => other.clone(),
    }
}

fn compare(expected: &Buffer, found: &Buffer) -> Result<(), String> {
    let (Buffer::F32(a), Buffer::F32(b)) = (expected, found) else {
        let is_same = expected == found;
        return if is_same { Ok(()) } else { Err(format!("{found:?}\nand not\n{expected:?}")) };
    };
    let largest = a.iter().fold(1.0f32, |largest, value| largest.max(value.abs()));
    let is_near = |(a, b): (&f32, &f32)| a == b || (a - b).abs() <= TOLERANCE * largest;
    if a.len() == b.len() && a.iter().zip(b).all(is_near) {
        return Ok(());
    }
    Err(format!("{b:?}\nand not\n{a:?}"))
}

/// Whether a graph reads constants whose values are absent, so that it cannot be executed.
pub fn has_absent_values(graph: &Graph) -> bool {
    graph.operators.values().any(|operator| {
        operator.inputs.iter().flatten().any(|&input| {
            let tensor = &graph.tensors[input];
            tensor.is_constant() && tensor.data().is_none()
        })
    })
}
