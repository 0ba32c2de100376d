//! Real networks, layer by layer and in groups by rows, pixels and strips.

use std::path::PathBuf;

use cofit_ir::Verified;
use cofit_stream::{Network, Pieces};

use crate::execution::Reference;
use crate::rooms::{groups, lay_out, one_by_one};

/// A shared model; `None` where there are none.
fn load(name: &str) -> Option<Verified> {
    let path = cofit_shared::shared_dir()?.join("models").join(name);
    Some(read(&path).unwrap_or_else(|message| panic!("{message}")))
}

fn read(path: &PathBuf) -> Result<Verified, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (model, found) = cofit_import::load(bytes.into(), &path.display().to_string());
    let model = model.ok_or_else(|| format!("{found:?}"))?;
    Verified::new(model).map_err(|found| format!("{found:?}"))
}

/// Runs a model one by one, and in groups of these lengths, pieces and strips.
fn check(name: &str, ways: &[(usize, Pieces, u32)]) {
    let Some(model) = load(name) else { return };
    let reference = Reference::of(&model).expect("a model that runs");
    let network = Network::of(model.main_graph());
    let run = |groups, what: &str| {
        let schedule = lay_out(&network, groups);
        let account = reference.check(&network, &schedule);
        account.unwrap_or_else(|found| panic!("{name} {what}: {found}"))
    };
    let account = run(one_by_one(&network), "one by one");
    assert_eq!(account.total_macs(), network.macs(), "{name}");
    for &(length, pieces, strips) in ways {
        let what = format!("in groups of {length} by {pieces:?} in {strips} strips");
        let account = run(groups(&network, length, pieces, strips), &what);
        assert!(
            account.pieces > network.stages.len() as u64,
            "{name} {what}: nothing is in pieces"
        );
    }
}

#[test]
fn a_visual_wake_words_network_is_the_same_in_pieces() {
    let ways = [2, 3, 5, 8].into_iter().flat_map(|length| {
        [(Pieces::Rows, 1), (Pieces::Pixels(1), 1), (Pieces::Rows, 2), (Pieces::Pixels(4), 3)]
            .map(|(pieces, strips)| (length, pieces, strips))
    });
    check("mlperf_tiny/vww_96_int8.tflite", &ways.collect::<Vec<_>>());
}

#[test]
fn a_keyword_network_is_the_same_in_pieces() {
    let ways = [2, 4, 7].into_iter().flat_map(|length| {
        [(Pieces::Rows, 1), (Pieces::Pixels(1), 1), (Pieces::Rows, 3), (Pieces::Pixels(4), 2)]
            .map(|(pieces, strips)| (length, pieces, strips))
    });
    check("mlperf_tiny/kws_ref_model.tflite", &ways.collect::<Vec<_>>());
}

#[test]
fn a_residual_network_is_the_same_in_pieces() {
    let ways = [2, 3, 6].into_iter().flat_map(|length| {
        [(Pieces::Rows, 1), (Pieces::Pixels(1), 1), (Pieces::Rows, 2), (Pieces::Pixels(4), 3)]
            .map(|(pieces, strips)| (length, pieces, strips))
    });
    check("mlperf_tiny/pretrainedResnet_quant.tflite", &ways.collect::<Vec<_>>());
}

#[test]
fn a_mobile_network_is_the_same_in_pieces() {
    let ways = [(6, Pieces::Rows, 1), (3, Pieces::Rows, 3), (8, Pieces::Pixels(1), 1)];
    check("coral_test_data/tf2_mobilenet_v2_1.0_224_ptq.tflite", &ways);
}
