//! A check that cannot fail proves nothing: one count more in one bias must be seen.
//!
//! Each layer with a bias gets one count too much in every channel, one layer at a time, as a wrong
//! kernel would. The comparison of every tensor must find it, in the layer where it is; the comparison
//! of outputs alone does not. A count is a small part of a step of the result, so it takes many
//! inputs until some sum rounds otherwise in every layer. The sound run stands for the official one,
//! whose hashes it has.

mod golden;

use std::collections::BTreeMap;
use std::path::Path;

use cofit_exec::{Buffer, Rounding, probe};
use cofit_ir::{ConstantData, Model, OperatorId, TensorRole, Verified};
use cofit_vocab::ElementType;
use golden::{Run, load, rows};

/// Random inputs.
const INPUTS: u64 = 256;

#[test]
fn one_count_in_a_bias_is_seen_in_its_layer() {
    let name = "examples/models/digits_cnn_int8.tflite";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let sound = load(&path).expect("an example model");
    let mut run = Run::new(&sound, Rounding::Double).expect("kernels");
    for golden in rows("tflm_models.csv").iter().filter(|golden| golden.model == name) {
        let computed = run.infer(golden.seed, golden.call).expect("a run");
        for (tensor, hash) in &golden.tensors {
            assert_eq!(Some(probe::hash(computed[tensor].as_slice())), *hash, "tensor {tensor}");
        }
    }
    let expected: Vec<BTreeMap<u32, Buffer>> =
        (0..INPUTS).map(|seed| run.infer(seed, 0).expect("a run")).collect();

    let graph = sound.main_graph();
    let order: Vec<u32> =
        graph.operators.values().map(|operator| operator.outputs[0].as_u32()).collect();
    let last = *order.last().expect("an output");
    let mut mutated = 0;
    let mut unseen_in_outputs = 0;
    for (layer, operator) in &graph.operators {
        let Some(wrong) = with_one_count_more(sound.model(), layer) else { continue };
        let mut run = Run::new(&wrong, Rounding::Double).expect("kernels");
        let computed: Vec<BTreeMap<u32, Buffer>> =
            (0..INPUTS).map(|seed| run.infer(seed, 0).expect("a run")).collect();
        let differs = |tensor: &u32| {
            expected.iter().zip(&computed).filter(|(a, b)| a[tensor] != b[tensor]).count()
        };
        let found = order.iter().find(|tensor| differs(tensor) > 0);
        assert_eq!(found, Some(&operator.outputs[0].as_u32()), "where {layer} is first seen");
        mutated += 1;
        // The three inputs of a usual check, and its outputs alone.
        let few = expected.iter().zip(&computed).take(3);
        unseen_in_outputs += usize::from(few.clone().all(|(a, b)| a[&last] == b[&last]));
    }
    assert_eq!(mutated, 6, "every convolution and dense layer has a bias");
    assert!(unseen_in_outputs >= 3, "outputs alone showed most mutations: {unseen_in_outputs}");
}

/// The model with one count more in every bias of one layer; `None` where the layer has no bias.
fn with_one_count_more(model: &Model, layer: OperatorId) -> Option<Verified> {
    let mut model = model.clone();
    let graph = model.main_mut()?;
    let bias = graph.operators[layer].input(2)?;
    let tensor = &mut graph.tensors[bias];
    if tensor.element != ElementType::Int32 {
        return None;
    }
    let data = tensor.data()?;
    let counts = Buffer::from_packed(ElementType::Int32, data.len() / 4, data)?;
    let raised: Vec<u8> =
        counts.get::<i32>()?.iter().flat_map(|count| (count + 1).to_le_bytes()).collect();
    tensor.role = TensorRole::Constant(ConstantData::Present(raised.into()));
    Some(Verified::new(model).expect("a changed bias keeps the model sound"))
}
