//! A loss is traced to the layer that it was put into.

mod support;

use cofit_exec::Options;
use cofit_quantise::evaluate::Metric;
use cofit_quantise::layer_error::{culprit, layer_errors};
use cofit_quantise::quantise::Settings;
use cofit_quantise::sensitivity::{Ground, sensitivity};
use cofit_quantise::{Scheme, quantise, unwatched};
use support::{Data, calibration, model};

#[test]
fn the_layer_with_one_bit_is_the_culprit() {
    let model = model("digits_cnn_float32.tflite");
    let calibration = calibration(&model, "digits");
    let samples = &Data::read("digits_calibration").samples[..20];
    let settings = Settings::default();
    let base: Scheme = "w8a8".parse().unwrap();
    let layers = quantise(&model, &calibration, &base, &settings).unwrap().layers;
    // The first layer's input is the model's, which no layer writes: it has no step of its own.
    for layer in &layers[1..] {
        let mut scheme = base.clone();
        scheme.layers.insert(layer.name.clone(), "w1a8".parse().unwrap());
        let quantised = quantise(&model, &calibration, &scheme, &settings).unwrap();
        let errors =
            layer_errors(&model, &quantised.model, samples, &Options::default(), &mut unwatched)
                .unwrap();
        let found = culprit(&errors).unwrap();
        assert_eq!(found.name, layer.name);
        assert!(found.step.unwrap() < -10.0 && found.cosine < 0.999, "{found:?}");
        assert!(errors.iter().all(|error| error.cosine <= 1.000_001 && error.saturated < 0.5));
    }
}

#[test]
fn layers_are_ranked_by_what_they_lose_for_what_they_save() {
    let model = model("digits_cnn_float32.tflite");
    let calibration = calibration(&model, "digits");
    let data = Data::read("digits_calibration");
    let truth = data.truth();
    let (base, narrow) = ("w8a8".parse().unwrap(), "w1a8".parse().unwrap());
    let settings = Settings::default();
    let ranked = |truth| {
        let ground = Ground { samples: &data.samples, truth };
        sensitivity(&model, &calibration, &base, &narrow, &settings, &ground, &mut unwatched)
            .unwrap()
    };
    let layers = quantise(&model, &calibration, &base, &settings).unwrap().layers;
    for found in [ranked(Some((&truth, Metric::TopK(1)))), ranked(None)] {
        assert_eq!(found.len(), layers.len());
        assert!(found.is_sorted_by(|a, b| a.loss_per_kib <= b.loss_per_kib), "{found:?}");
        for layer in &found {
            let own = layers.iter().find(|own| own.name == layer.layer).unwrap();
            // Seven of eight bits of the weights; biases and rounding to bytes aside.
            let bytes = own.bytes.get() as f64;
            assert!(layer.saved.get() as f64 <= bytes * 7.0 / 8.0, "{layer:?}");
            assert!(layer.saved.get() as f64 >= bytes * 0.25, "{layer:?} of {bytes}");
        }
    }
}

#[test]
fn work_stops_when_it_is_asked_to() {
    let model = model("digits_cnn_float32.tflite");
    let samples = Data::read("digits_calibration").samples;
    let mut calls = 0;
    let stopped =
        cofit_quantise::calibrate(&model, &samples, &Options::default(), &mut |done, all| {
            calls += 1;
            assert_eq!(all, samples.len());
            if done == 3 {
                std::ops::ControlFlow::Break(())
            } else {
                std::ops::ControlFlow::Continue(())
            }
        });
    assert_eq!((stopped.unwrap_err().iter().next().unwrap().code.id, calls), ("CF-QNT-009", 4));
}
