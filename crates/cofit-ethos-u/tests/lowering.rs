//! The lowering against the operations that Vela 5.2.0 made of the golden networks.

use std::path::Path;

use cofit_ethos_u::goldens::{Golden, parse};
use cofit_ethos_u::lowering::{self, MeanOver, Rescaling};
use cofit_ethos_u::weight_stream::{Encoder, WeightEncoding};
use cofit_ethos_u::{
    Config, Element, FeatureMap, Format, NpuOperation, OperationKind, Options, Role, Shape,
    schedule,
};

fn table(name: &str, macs: u32) -> Vec<Golden> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/vela-5.2.0")
        .join(format!("{name}.csv"));
    let text = std::fs::read_to_string(file).expect("the golden tables are in the repository");
    let rows = parse(&text).expect("a golden table");
    rows.into_iter().filter(|row| row.macs == macs).collect()
}

/// Vela's operations that came from one operator of the file.
fn from_operator(rows: &[Golden], operator: u32) -> Vec<NpuOperation<'static>> {
    rows.iter()
        .filter(|row| row.tflite_operator == Some(operator))
        .map(|row| row.operation.clone())
        .collect()
}

/// Compares all but the weight values, of which a table knows the encoded share only.
#[track_caller]
fn check(ours: &[NpuOperation<'_>], vela: &[NpuOperation<'static>]) {
    assert!(!vela.is_empty(), "the operator is in the table");
    for (index, (ours, vela)) in ours.iter().zip(vela).enumerate() {
        let shapes = |operation: &NpuOperation<'_>| operation.weights.map(|weights| weights.shape);
        assert_eq!(shapes(ours), shapes(vela), "operation {index}");
        let (mut ours, mut vela) = (ours.clone(), vela.clone());
        (ours.weights, vela.weights) = (None, None);
        assert_eq!(ours, vela, "operation {index}");
    }
    assert_eq!(ours.len(), vela.len());
}

/// Operators that are one operation each must come through as Vela has them: strides without
/// effect dropped, vectors as vectors, shallow sums deepened.
#[test]
fn single_operations_of_every_network_are_velas() {
    let names = [
        "mcunet_vww",
        "mlperf_ad01_int8",
        "mlperf_ic_resnet8_int8",
        "mlperf_kws_dscnn_int8",
        "mlperf_sww_int8",
        "mlperf_vww96_int8",
        "mobilenet_v1_0.25_128_uint8",
        "mobilenet_v2_1.0_224_int8",
        "tflm_micro_speech",
        "tflm_person_detect_int8",
    ];
    let mut compared = 0;
    for row in names.iter().flat_map(|name| table(name, 128)) {
        let NpuOperation { kind, ifm, ofm, kernel, activation, weights, .. } = row.operation;
        if ifm.element == Element::Int32 || ofm.element == Element::Int32 {
            continue;
        }
        let ours = match (kind, weights) {
            (OperationKind::Convolution, Some(weights)) => {
                lowering::convolution(&ifm, &ofm, kernel, weights, activation)
            }
            (OperationKind::Depthwise, Some(weights)) => {
                lowering::depthwise(&ifm, &ofm, kernel, weights, activation)
            }
            (OperationKind::VectorProduct, Some(weights)) => {
                // As a reshape that nobody carried out would leave it.
                let flat = FeatureMap { shape: Shape::new(1, ifm.shape.c, 1, 1), ..ifm };
                lowering::fully_connected(&flat, &ofm, weights, activation)
            }
            (OperationKind::AveragePool, None) => {
                lowering::average_pool(&ifm, &ofm, kernel, activation)
            }
            (OperationKind::MaxPool, None) => lowering::max_pool(&ifm, &ofm, kernel, activation),
            (OperationKind::Elementwise(operator), None) => {
                let ifm2 = row.operation.ifm2.expect("all of them are sums");
                lowering::binary(operator, &ifm, &ifm2, &ofm, activation)
            }
            _ => continue,
        };
        assert_eq!(ours.expect("lowered"), std::slice::from_ref(&row.operation));
        compared += 1;
    }
    assert!(compared > 250, "only {compared} operations were compared");
}

#[test]
fn softmax_is_velas() {
    for (name, operator, classes, element) in [
        ("mlperf_kws_dscnn_int8", 12, 12, Element::Int8),
        ("mlperf_ic_resnet8_int8", 15, 10, Element::Int8),
        ("mobilenet_v1_0.25_128_uint8", 30, 1001, Element::UInt8),
        ("mobilenet_v2_1.0_224_int8", 66, 1001, Element::Int8),
        ("tflm_micro_speech", 3, 4, Element::Int8),
    ] {
        let mut rows = from_operator(&table(name, 128), operator);
        let ifm = FeatureMap::linear(Shape::vector(classes), element);
        // One of the networks requantises behind the softmax, the others end there.
        let format = rows.last().expect("operations").ofm.format;
        let ours = lowering::softmax(&ifm, &FeatureMap { format, ..ifm }).expect("lowered");
        // The tables do not tell signed from unsigned bytes.
        for row in &mut rows {
            for map in [Some(&mut row.ifm), row.ifm2.as_mut(), Some(&mut row.ofm)] {
                if let Some(map) = map
                    && map.element == Element::Int8
                {
                    map.element = element;
                }
            }
        }
        check(&ours, &rows);
    }
}

#[test]
fn means_are_velas() {
    let rows = from_operator(&table("mobilenet_v2_1.0_224_int8", 256), 63);
    let ifm = FeatureMap::activation(Shape::new(1, 7, 7, 1280), Element::Int8);
    let ofm = FeatureMap::activation(Shape::vector(1280), Element::Int8);
    check(&lowering::mean(&ifm, &ofm, MeanOver::HeightAndWidth).expect("lowered"), &rows);

    let rows = from_operator(&table("mcunet_vww", 64), 60);
    let ifm = FeatureMap::linear(Shape::new(1, 1, 160, 3), Element::Int8);
    let ofm = FeatureMap::linear(Shape::vector(160), Element::Int8);
    check(&lowering::mean(&ifm, &ofm, MeanOver::Channels).expect("lowered"), &rows);
}

#[test]
fn shallow_requantisation_is_velas() {
    let mut rows = from_operator(&table("mobilenet_v2_1.0_224_int8", 32), 0);
    let shape = Shape::new(1, 224, 224, 3);
    let ifm = FeatureMap::linear(shape, Element::UInt8);
    let ofm = FeatureMap::linear(shape, Element::Int8);
    for row in &mut rows {
        row.ifm.element = Element::UInt8;
    }
    check(&lowering::quantize(&ifm, &ofm).expect("lowered"), &rows);
}

#[test]
fn the_weights_of_a_mean_encode_as_velas() {
    let ifm = FeatureMap::activation(Shape::new(1, 7, 7, 1280), Element::Int8);
    let ofm = FeatureMap::activation(Shape::vector(1280), Element::Int8);
    let ours = lowering::mean(&ifm, &ofm, MeanOver::HeightAndWidth).expect("lowered");
    for macs in [32, 64, 128, 256] {
        let config = Config::ethos_u55(macs).expect("a size");
        let golden = table("mobilenet_v2_1.0_224_int8", macs);
        let sum = golden
            .iter()
            .find(|row| row.tflite_operator == Some(63) && row.weight_bytes > 0)
            .expect("the mean has weights");
        let encoder = Encoder::new(&ours[0], &sum.block, WeightEncoding::Exact, &config)
            .expect("sound weights")
            .expect("weights");
        assert_eq!(encoder.encode(&sum.depths).weights(), sum.weight_bytes, "U55-{macs}");
    }
}

/// Operations that no golden network has; cycles from running Vela 5.2.0 on the operator files
/// of tflite-micro that the names say, U55-128, High-End Embedded, Shared SRAM.
#[test]
fn single_operator_files_have_velas_cycles() {
    let map = |shape| FeatureMap::linear(shape, Element::Int16);
    #[track_caller]
    fn totals(operations: &[NpuOperation<'_>], vela: &[u64]) {
        let plan = schedule(operations, &Config::ethos_u55_128(), &Options::default());
        let ours: Vec<u64> =
            plan.expect("scheduled").operations.iter().map(|one| one.total.get()).collect();
        assert_eq!(ours, vela);
    }
    // leaky_relu1.tflite
    let tall = map(Shape::new(1, 2, 160, 8));
    let ours = lowering::leaky_relu(&tall, &tall, Rescaling::Needed).expect("lowered");
    totals(&ours, &[3840, 3840, 3840]);
    // leaky_relu10.tflite
    let flat = map(Shape::new(1, 1, 5, 64));
    let ours = lowering::leaky_relu(&flat, &flat, Rescaling::Needed).expect("lowered");
    totals(&ours, &[240, 240, 240]);
    // pad1.tflite
    let padding = lowering::Padding { w: (1, 1), ..lowering::Padding::default() };
    let wide = map(Shape::new(1, 2, 162, 8));
    totals(&lowering::pad(&tall, &wide, &padding).expect("lowered"), &[5288, 442, 442]);
    // pad10.tflite
    let long = map(Shape::new(1, 1, 10, 64));
    let longer = map(Shape::new(1, 1, 12, 64));
    totals(&lowering::pad(&long, &longer, &padding).expect("lowered"), &[1776, 568, 568]);
    // sub2.tflite, a broadcast; add10.tflite
    let none = cofit_ethos_u::Activation::None;
    let sub = cofit_ethos_u::ElementwiseOperator::Sub;
    let add = cofit_ethos_u::ElementwiseOperator::Add;
    let plane = map(Shape::new(1, 2, 42, 32));
    let row = map(Shape::vector(32));
    totals(&lowering::binary(sub, &plane, &row, &plane, none).expect("lowered"), &[4032]);
    let sum = map(Shape::new(1, 4, 82, 16));
    totals(&lowering::binary(add, &sum, &sum, &sum, none).expect("lowered"), &[7872]);
}

/// The same for single-operator files written for the purpose: int8 unless said, scale 0.1.
#[test]
fn operators_without_a_golden_network_have_velas_cycles() {
    let map = |shape| FeatureMap::linear(shape, Element::Int8);
    #[track_caller]
    fn totals(operations: &[NpuOperation<'_>], vela: &[u64]) {
        let plan = schedule(operations, &Config::ethos_u55_128(), &Options::default());
        let ours: Vec<u64> =
            plan.expect("scheduled").operations.iter().map(|one| one.total.get()).collect();
        assert_eq!(ours, vela);
    }
    use cofit_ethos_u::{Activation, ElementwiseOperator};
    // LOGISTIC, TANH and LEAKY_RELU; HARD_SWISH; RELU; LOGISTIC of int16.
    let cube = map(Shape::new(1, 8, 8, 16));
    let table = lowering::activation(&cube, &cube, Activation::FusedTable).expect("lowered");
    totals(&table, &[1888]);
    let leaky = lowering::leaky_relu(&cube, &cube, Rescaling::Unneeded).expect("lowered");
    totals(&leaky, &[1888]);
    let flat = map(Shape::new(1, 16, 8, 3));
    let table = lowering::activation(&flat, &flat, Activation::FusedTable).expect("lowered");
    totals(&table, &[960]);
    let clamp = lowering::activation(&cube, &cube, Activation::Clamp).expect("lowered");
    totals(&clamp, &[1568]);
    let wide = FeatureMap { element: Element::Int16, ..cube };
    let curve = lowering::activation(&wide, &wide, Activation::Curve).expect("lowered");
    totals(&curve, &[2832]);
    // MAXIMUM of shallow tensors; MUL by a constant; CONCATENATION of two network inputs.
    let shallow = map(Shape::new(1, 8, 8, 4));
    let none = Activation::None;
    let maximum = ElementwiseOperator::Maximum;
    let ours = lowering::binary(maximum, &shallow, &shallow, &shallow, none).expect("lowered");
    totals(&ours, &[128]);
    let constant = FeatureMap::constant(Shape::new(1, 1, 1, 1), Element::Int8);
    let mul = ElementwiseOperator::Mul;
    totals(&lowering::binary(mul, &cube, &constant, &cube, none).expect("lowered"), &[768]);
    let deep = map(Shape::new(1, 8, 8, 24));
    totals(&lowering::copy(&deep, &deep).expect("lowered"), &[2624]);
    totals(&lowering::copy(&cube, &cube).expect("lowered"), &[1568]);
    // MEAN over 100x80, which takes two sums.
    let plane = map(Shape::new(1, 100, 80, 24));
    let ours = lowering::mean(&plane, &map(Shape::vector(24)), MeanOver::HeightAndWidth);
    totals(&ours.expect("lowered"), &[124_756, 129_848, 48, 85]);
    // SOFTMAX of six rows, and of 24, whose inner tensors are deepened.
    let six = map(Shape::new(1, 1, 6, 20));
    totals(
        &lowering::softmax(&six, &six).expect("lowered"),
        &[
            650, 288, 156, 172, 96, 120, 256, 144, 256, 256, 144, 120, 144, 256, 144, 144, 120,
            144, 256, 144, 144, 120, 144, 256, 144, 288, 640, 222,
        ],
    );
    let rows = map(Shape::new(1, 4, 6, 10));
    totals(
        &lowering::softmax(&rows, &rows).expect("lowered"),
        &[
            1570, 576, 312, 228, 28, 30, 85, 40, 85, 85, 48, 40, 48, 85, 48, 48, 40, 48, 85, 48,
            48, 40, 48, 85, 44, 576, 1920, 444,
        ],
    );
}

#[test]
fn layouts_follow_velas_rule() {
    use lowering::{Visibility, tensor_format};
    let conv = Shape::new(1, 4, 4, 8);
    let bricks = tensor_format(Visibility::Internal, &[conv, conv]);
    let flattened = tensor_format(Visibility::Internal, &[conv, Shape::vector(128)]);
    let output = tensor_format(Visibility::External, &[conv]);
    assert_eq!((bricks, flattened, output), (Format::Nhcwb16, Format::Nhwc, Format::Nhwc));
}

#[test]
fn what_the_hardware_lacks_is_refused_by_code() {
    let ifm = FeatureMap::activation(Shape::new(1, 8, 8, 4), Element::Int8);
    let kernel = cofit_ethos_u::Kernel::new((5, 5), (4, 4));
    let none = cofit_ethos_u::Activation::None;
    let fault = lowering::average_pool(&ifm, &ifm, kernel, none).expect_err("stride 4");
    assert_eq!(fault.code.id, "CF-NPU-003");
    let wide = FeatureMap { element: Element::Int32, role: Role::Arena, ..ifm };
    assert_eq!(lowering::softmax(&wide, &wide).expect_err("32 bits").code.id, "CF-NPU-003");
    assert!(matches!(
        lowering::transpose(&ifm, &ifm).expect("lowered")[0].kind,
        OperationKind::Transpose
    ));
}
