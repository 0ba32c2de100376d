//! What a search does not plan would not have fitted: on every chip of the catalogue, networks of
//! growing size.

use cofit_chip::{Card, Selection, catalogue};
use cofit_explore::search::lower_bound;
use cofit_explore::{Budget, Status, evaluate};
use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::Verified;

/// A keyword spotter whose weights grow with the square of its channels.
const SKETCH: &str = "
sketch = 1
input = [25, 10, 1]
[parameters]
channels = 8
[[layer]]
conv = \"channels\"
stride = 2
[[layer]]
conv = \"channels\"
batch_norm = true
[[layer]]
separable = \"channels\"
[[layer]]
global_average_pool = true
[[layer]]
dense = 12
";

#[test]
fn what_is_pruned_does_not_fit() {
    let mut pruned = 0;
    for entry in catalogue() {
        let card = Card::from_catalogue(entry.id).expect("it is listed").expect("a sound card");
        let chip = card.resolve(&Selection::default()).expect("defaults exist");
        for channels in ["64", "256", "512", "1024", "2048"] {
            let parameters = vec![("channels".to_owned(), channels.to_owned())];
            let options = SketchOptions { parameters, weights: Weights::Absent };
            let model = expand(SKETCH, "bound.toml", &options).expect("a sound sketch");
            let model = Verified::new(model).expect("a sound model");
            let graph = model.model().main().expect("a graph");
            if lower_bound(graph, &chip).is_some() {
                pruned += 1;
                let evaluation = evaluate(&model, &chip, &Budget::default()).expect("a plan");
                let status = evaluation.verdict.status;
                assert_eq!(status, Status::Fail, "{channels} channels on {}", entry.id);
            }
        }
    }
    assert!(pruned > 10, "{pruned} networks were pruned");
}
