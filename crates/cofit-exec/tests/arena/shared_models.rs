//! Real networks, layer by layer and in groups by rows, pixels and strips.

use std::path::{Path, PathBuf};

use cofit_ir::{Graph, Verified};
use cofit_stream::{Network, Pieces, Question, Schedule, Side, by_macs, front};
use cofit_vocab::Macs;

use crate::execution::Reference;
use crate::rooms::{groups, lay_out, one_by_one, pack};

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

/// Every model file below a folder, in order.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of models");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "tflite") {
            found.push(path);
        }
    }
}

/// Runs schedules of every model that runs at all, and returns how many.
fn run_all(schedules: impl Fn(&Graph, &Network) -> Vec<(Schedule, Macs)>) -> usize {
    let Some(folder) = cofit_shared::shared_dir() else { return usize::MAX };
    let mut paths = Vec::new();
    files(&folder.join("models"), &mut paths);
    let mut runs = 0;
    for path in paths {
        // What layer by layer does not run either, other tests name.
        let Some(reference) = read(&path).ok().as_ref().and_then(Reference::of) else { continue };
        let network = Network::of(reference.graph());
        for (schedule, macs) in schedules(reference.graph(), &network) {
            let outcome = reference.check(&network, &schedule);
            let place = || format!("{} in {}", path.display(), schedule.arena);
            let account = outcome.unwrap_or_else(|found| panic!("{}: {found}", place()));
            assert_eq!(account.total_macs(), macs, "{}", place());
            // An arena is a multiple of its largest element.
            let unused = schedule.arena.saturating_sub(account.highest);
            assert!(unused.get() < 8, "{}: {unused} are not used", place());
            runs += 1;
        }
    }
    runs
}

#[test]
fn every_model_runs_layer_by_layer_in_a_packed_arena() {
    let runs = run_all(|_, network| vec![(pack(network), network.macs())]);
    assert!(runs > 100, "{runs} models");
}

#[test]
fn every_model_runs_as_planned() {
    let runs = run_all(|graph, network| {
        let questions = [Side::Arena, Side::Outside].map(|side| Question {
            inputs: side,
            outputs: side,
            may_recompute: true,
        });
        let points = questions.into_iter().flat_map(|question| {
            let mut points = front(graph, network, question, &by_macs).points;
            // Both ends, and some between: the fewest bytes compute the most twice.
            let count = points.len();
            let meant = [0, count / 4, count / 2, count.saturating_sub(1)];
            let mut at = 0;
            points.retain(|_| {
                at += 1;
                meant.contains(&(at - 1))
            });
            points
        });
        points.map(|point| (point.schedule.clone(), Macs(point.effort().macs))).collect()
    });
    assert!(runs > 400, "{runs} schedules");
}
