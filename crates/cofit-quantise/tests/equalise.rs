//! Equalisation leaves the float model's results as they are, and balances what it says it does.

mod support;

use cofit_exec::{Buffer, Options};
use cofit_ir::Verified;
use cofit_quantise::equalise::{Relu6, equalise};
use cofit_quantise::evaluate::Runner;
use support::{Data, model};

/// The largest difference of both models' outputs over samples, relative to the largest output.
fn difference(a: &Verified, b: &Verified, samples: &[Vec<Buffer>]) -> f32 {
    let options = Options::default();
    let (a, b) = (Runner::new(a, &options).unwrap(), Runner::new(b, &options).unwrap());
    let (mut most, mut size) = (0.0_f32, 0.0_f32);
    for sample in samples {
        let left = a.run(&mut a.state(), sample).unwrap().concat();
        let right = b.run(&mut b.state(), sample).unwrap().concat();
        for (left, right) in left.iter().zip(&right) {
            most = most.max((left - right).abs());
            size = size.max(left.abs());
        }
    }
    most / size
}

#[test]
fn the_examples_compute_the_same() {
    for (name, data, pairs) in [
        ("digits_cnn_float32", "digits", 5),
        ("vibration_cnn_float32", "vibration", 4),
        ("vibration_autoencoder_float32", "vibration_spectrum", 5),
    ] {
        let model = model(&format!("{name}.tflite"));
        let equalised = equalise(&model, Relu6::Keep).unwrap();
        let samples = &Data::read(&format!("{data}_calibration")).samples;
        let found = difference(&model, &equalised.model, samples);
        assert!(found < 1e-5, "{name}: {found}");
        assert_eq!(equalised.pairs.len(), pairs, "{name}: {:?}", equalised.pairs);
        assert_ne!(equalised.model, model, "{name} was balanced already");
    }
}

/// A chain of every kind of layer, with a weight for every element of `conv`'s two channels.
fn chain(activation: &str, between: &str) -> Verified {
    let text = format!(
        r#"model "chain"
graph "main" {{
  input x
  output y
  tensor x "x" float32[1,4,4,1]
  tensor w1 "w1" float32[2,1,1,1] const [8.0,0.5]
  tensor b1 "b1" float32[2] const [1.0,-0.25]
  tensor c "c" float32[1,4,4,2]
  tensor m "m" float32[1,4,4,2]
  tensor w2 "w2" float32[1,1,1,4] const [0.5,0.25,4.0,-2.0]
  tensor d "d" float32[1,4,4,4]
  tensor w3 "w3" float32[2,1,1,2] const [1.0,16.0,-1.0,0.125]
  tensor y "y" float32[1,4,4,2]
  c = conv2d(x, w1, b1) activation={activation}
  m = {between}(c)
  d = depthwise_conv2d(m, w2) multiplier=2 activation=relu
  y = conv2d(d, w3)
}}
"#
    );
    Verified::new(cofit_ir::text::parse(&text, None).unwrap()).unwrap()
}

/// A ramp from -2 to 2.
fn ramp() -> Vec<Vec<Buffer>> {
    vec![vec![Buffer::F32((0..16).map(|at| at as f32 / 4.0 - 2.0).collect())]]
}

#[test]
fn depthwise_and_grouped_layers_are_balanced_channel_by_channel() {
    let model = chain("none", "relu");
    let equalised = equalise(&model, Relu6::Keep).unwrap();
    assert_eq!(equalised.pairs, [("c".into(), "d".into()), ("d".into(), "y".into())]);
    assert!(difference(&model, &equalised.model, &ramp()) < 1e-6);
    let ranges = |name: &str| {
        let graph = equalised.model.main_graph();
        let tensor = graph.tensors.values().find(|tensor| tensor.name == name).unwrap();
        tensor.floats().unwrap()
    };
    // Channel by channel, the weights of the first layer reach as far as those of the second.
    let (first, second) = (ranges("w1"), ranges("w2"));
    for channel in 0..2 {
        let next = second[2 * channel].abs().max(second[2 * channel + 1].abs());
        assert!((first[channel] - next).abs() < 1e-2, "{first:?} {second:?}");
    }
}

#[test]
fn only_homogeneous_operators_join_layers() {
    let pairs = |model: &Verified, relu6| equalise(model, relu6).unwrap().pairs.len();
    assert_eq!(pairs(&chain("none", "relu6"), Relu6::Keep), 1);
    assert_eq!(pairs(&chain("relu6", "relu"), Relu6::Keep), 1);
    assert_eq!(pairs(&chain("none", "relu6"), Relu6::Replace), 2);
    assert_eq!(pairs(&chain("relu6", "relu"), Relu6::Replace), 2);
    assert_eq!(pairs(&chain("none", "logistic"), Relu6::Replace), 1);
}
