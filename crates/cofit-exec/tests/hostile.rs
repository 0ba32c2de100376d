//! Damaged model files through reading, preparing and running: whatever they say, nothing panics.
//!
//! `COFIT_MUTATIONS=5000` damages more copies of every model.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use cofit_exec::probe::SplitMix64;
use cofit_exec::{Buffer, Network, Options, Rounding, probe};
use cofit_ir::Verified;
use cofit_stream::{Question, Side, by_macs, front};
use cofit_vocab::Bytes as Size;
use cofit_vocab::diagnostic::execution::TOO_LARGE;

/// Damaged copies of every model.
const COPIES: u64 = 60;

#[test]
fn damaged_models_run_or_are_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/models");
    let mut models: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the examples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "tflite"))
        .collect();
    models.sort();
    let copies = std::env::var("COFIT_MUTATIONS").ok().and_then(|text| text.parse().ok());
    let mut outcomes = [0_u64; 3];
    for path in &models {
        let whole = std::fs::read(path).expect("an example");
        for seed in 0..copies.unwrap_or(COPIES) {
            outcomes[run(damaged(&whole, seed))] += 1;
        }
    }
    let [unread, refused, ran] = outcomes;
    // Damage that nothing notices, or that nothing survives, would test nothing.
    assert!(unread > 0 && ran > 0, "{unread} unread, {refused} refused, {ran} ran");
}

/// A copy with a few bytes changed, more often in the tables at the ends than in the weights.
fn damaged(whole: &[u8], seed: u64) -> Vec<u8> {
    let mut draws = SplitMix64(seed);
    let mut bytes = whole.to_vec();
    for _ in 0..=draws.next() % 4 {
        let length = bytes.len() as u64;
        let at = match draws.next() % 3 {
            0 => draws.next() % length.min(4096),
            1 => length - 1 - draws.next() % length.min(8192),
            _ => draws.next() % length,
        };
        bytes[at as usize] = match draws.next() % 3 {
            0 => draws.next() as u8,
            1 => 0xff,
            _ => bytes[at as usize] ^ 1 << (draws.next() % 8),
        };
    }
    bytes
}

/// 0 where the file is not read, 1 where it is not run, 2 where it runs.
fn run(bytes: Vec<u8>) -> usize {
    let (model, _) = cofit_import::load(Bytes::from(bytes), "damaged.tflite");
    let Some(model) = model.and_then(|model| Verified::new(model).ok()) else { return 0 };
    let limit = Size(64 << 20);
    let mut ran = 1;
    for rounding in [Rounding::Double, Rounding::Single] {
        let options = Options { rounding, memory_limit: limit };
        let Ok(network) = Network::prepare(&model, &options) else { continue };
        let inputs: Option<Vec<Buffer>> =
            probe::inputs(model.main_graph(), 0).into_iter().collect();
        let Some(inputs) = inputs else { continue };
        if let Ok(outputs) = network.run(&mut network.state(), &inputs, &mut ()) {
            run_in_pieces(&network, &inputs, &outputs.expect("no observer"));
            ran = 2;
        }
    }
    ran
}

/// What runs at once runs in pieces too, with the same outputs.
fn run_in_pieces(network: &Network, inputs: &[Buffer], outputs: &[Buffer]) {
    let graph = network.model().main_graph();
    let stages = cofit_stream::Network::of(graph);
    let question = Question { inputs: Side::Arena, outputs: Side::Outside, may_recompute: true };
    let Some(point) = front(graph, &stages, question, &by_macs).points.into_iter().next() else {
        return;
    };
    let mut state = network.state();
    let done = network.run_in_arena(&mut state, inputs, &stages, &point.schedule, &mut ());
    let bytes = |buffers: &[Buffer]| -> Vec<Vec<u8>> {
        buffers.iter().map(|buffer| buffer.as_slice().to_le_bytes()).collect()
    };
    match done {
        Ok(done) => assert_eq!(bytes(&done.expect("no observer").0), bytes(outputs)),
        // What is noted about bytes and pixels may exceed the limit where they alone do not.
        Err(found) => assert!(found.iter().all(|it| it.code == &TOO_LARGE), "{found:?}"),
    }
}
