//! The K210 model against the published rows of single layers.

use cofit_shared::shared_dir;
use cofit_sim::kpu_k210::{FeatureMap, Grouping, Kernel, Layer, Parameters};

/// Error of the model in per cent of the measured time, by width and height of the feature map,
/// all 3x3 convolutions of 128 to 128 channels with 16-bit weights at 300 MHz. The largest maps
/// take longer than their arithmetic at the asymptotic rate; the cause is not published.
const RESIDUALS: &[(u32, u32, f64)] =
    &[(128, 64, -4.6), (16, 4, 0.0), (32, 16, 0.3), (4, 4, 0.0), (64, 64, -2.3)];

#[test]
fn every_published_layer_has_its_known_residual() {
    let Some(shared) = shared_dir() else { return };
    let rows = std::fs::read_to_string(shared.join("silicon/open.csv")).expect("the rows");
    let mut seen = Vec::new();
    for row in rows.lines().filter(|row| row.starts_with("k210,nncase,k210_conv3x3_128to128_")) {
        let fields: Vec<&str> = row.split(',').collect();
        let (model, clock_mhz, measured_ms) = (fields[2], fields[5], fields[6]);
        assert_eq!(clock_mhz, "300", "{model}");
        let size = model.rsplit('_').next().and_then(|size| size.split_once('x')).expect("a size");
        let (width, height) = (size.0.parse().expect("width"), size.1.parse().expect("height"));
        let map = FeatureMap::new(width, height, 128);
        let layer = Layer {
            input: map,
            output: map,
            kernel: Kernel::Three,
            grouping: Grouping::Dense,
            weight_bytes: 2,
        };
        let parameters = Parameters::MEASURED;
        let ours = parameters.cost(&layer).total().at(parameters.measured_at).0 * 1e3;
        let measured: f64 = measured_ms.parse().expect("milliseconds");
        seen.push((width, height, (ours / measured - 1.0) * 100.0));
    }
    assert_eq!(seen.len(), RESIDUALS.len(), "{seen:?}");
    for (row, known) in seen.iter().zip(RESIDUALS) {
        assert_eq!((row.0, row.1), (known.0, known.1));
        assert!((row.2 - known.2).abs() < 0.06, "{}x{}: {:.2} %", row.0, row.1, row.2);
    }
}
