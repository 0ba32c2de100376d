//! What layers expand to: operators with attributes, operand shapes and result.

use cofit_import::sketch::{SketchOptions, Weights, expand};
use cofit_ir::{Graph, TensorId};
use expect_test::{Expect, expect};

/// A tensor as `name[shape] type`, the name only for what is computed.
fn tensor(graph: &Graph, id: TensorId) -> String {
    let tensor = &graph.tensors[id];
    let name = if tensor.is_constant() { "" } else { tensor.name.as_str() };
    format!("{name}{} {}", tensor.shape, tensor.element)
}

#[track_caller]
fn check(input: &str, layers: &str, expected: Expect) {
    let source = format!("sketch = 1\ninput = {input}\n{layers}");
    let options = SketchOptions { parameters: Vec::new(), weights: Weights::Absent };
    let model = expand(&source, "net.toml", &options).unwrap_or_else(|complaints| {
        panic!("{:?}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    let graph = model.main().expect("a graph");
    let mut text = String::new();
    for operator in graph.operators.values() {
        text.push_str(operator.kind().name());
        for (name, value) in operator.op.attributes() {
            text.push_str(&format!(" {name}={value}"));
        }
        let inputs: Vec<String> =
            operator.inputs.iter().flatten().map(|&id| tensor(graph, id)).collect();
        text.push_str(&format!(
            "\n    {} -> {}\n",
            inputs.join(", "),
            tensor(graph, operator.outputs[0])
        ));
    }
    if graph.outputs.len() > 1 {
        let outputs: Vec<String> = graph.outputs.iter().map(|&id| tensor(graph, id)).collect();
        text.push_str(&format!("outputs {}\n", outputs.join(", ")));
    }
    expected.assert_eq(&text);
}

#[test]
fn activations_run_inside_convolutions_where_they_can() {
    check(
        "[8, 8, 3]",
        "[[layer]]\nconv = 4\nstride = 2\nactivation = \"relu6\"\n\
         [[layer]]\nconv = 4\nkernel = [3, 1]\nactivation = \"hard_swish\"\n\
         [[layer]]\nconv = 4\nkernel = 1\nactivation = \"swish\"\n",
        expect![[r#"
            conv2d stride=2x2 activation=relu6
                input[1,8,8,3] int8, [4,3,3,3] int8, [4] int32 -> conv1[1,4,4,4] int8
            conv2d
                conv1[1,4,4,4] int8, [4,3,1,4] int8, [4] int32 -> conv2[1,4,4,4] int8
            hard_swish
                conv2[1,4,4,4] int8 -> conv2/hard_swish[1,4,4,4] int8
            conv2d
                conv2/hard_swish[1,4,4,4] int8, [4,1,1,4] int8, [4] int32 -> conv3[1,4,4,4] int8
            logistic
                conv3[1,4,4,4] int8 -> conv3/sigmoid[1,4,4,4] int8
            mul
                conv3[1,4,4,4] int8, conv3/sigmoid[1,4,4,4] int8 -> conv3/swish[1,4,4,4] int8
        "#]],
    );
}

#[test]
fn batch_normalisation_takes_the_place_of_the_bias() {
    check(
        "[8, 8, 3]",
        "[[layer]]\ndepthwise = 2\nbatch_norm = true\nactivation = \"relu\"\n\
         [[layer]]\nconv = 4\nbatch_norm = true\nbias = true\ngroups = 2\n",
        expect![[r#"
            depthwise_conv2d multiplier=2
                input[1,8,8,3] int8, [1,3,3,6] int8 -> depthwise1[1,8,8,6] int8
            batch_normalization
                depthwise1[1,8,8,6] int8, [6] float32, [6] float32, [6] float32, [6] float32 -> depthwise1/batch_norm[1,8,8,6] int8
            relu
                depthwise1/batch_norm[1,8,8,6] int8 -> depthwise1/relu[1,8,8,6] int8
            conv2d
                depthwise1/relu[1,8,8,6] int8, [4,3,3,3] int8, [4] int32 -> conv2[1,8,8,4] int8
            batch_normalization
                conv2[1,8,8,4] int8, [4] float32, [4] float32, [4] float32, [4] float32 -> conv2/batch_norm[1,8,8,4] int8
        "#]],
    );
}

#[test]
fn a_stride_counts_for_the_first_repetition() {
    check(
        "[8, 8, 8]",
        "[[layer]]\ninverted_residual = 8\nexpansion = 2\nstride = 2\nrepeat = 2\n",
        expect![[r#"
            conv2d
                input[1,8,8,8] int8, [16,1,1,8] int8, [16] int32 -> inverted_residual1.1/expand[1,8,8,16] int8
            depthwise_conv2d stride=2x2
                inverted_residual1.1/expand[1,8,8,16] int8, [1,3,3,16] int8, [16] int32 -> inverted_residual1.1/depthwise[1,4,4,16] int8
            conv2d
                inverted_residual1.1/depthwise[1,4,4,16] int8, [8,1,1,16] int8, [8] int32 -> inverted_residual1.1/project[1,4,4,8] int8
            conv2d
                inverted_residual1.1/project[1,4,4,8] int8, [16,1,1,8] int8, [16] int32 -> inverted_residual1.2/expand[1,4,4,16] int8
            depthwise_conv2d
                inverted_residual1.2/expand[1,4,4,16] int8, [1,3,3,16] int8, [16] int32 -> inverted_residual1.2/depthwise[1,4,4,16] int8
            conv2d
                inverted_residual1.2/depthwise[1,4,4,16] int8, [8,1,1,16] int8, [8] int32 -> inverted_residual1.2/project[1,4,4,8] int8
            add
                inverted_residual1.1/project[1,4,4,8] int8, inverted_residual1.2/project[1,4,4,8] int8 -> inverted_residual1.2[1,4,4,8] int8
        "#]],
    );
}

#[test]
fn residual_blocks_project_where_the_shape_changes() {
    check(
        "[8, 8, 4]",
        "[[layer]]\nresidual = 4\nactivation = \"relu\"\n\
         [[layer]]\nresidual = 8\nstride = 2\nactivation = \"leaky_relu\"\n\
         [[layer]]\nresidual = 8\nshortcut = \"none\"\nkernel = 1\n",
        expect![[r#"
            conv2d activation=relu
                input[1,8,8,4] int8, [4,3,3,4] int8, [4] int32 -> residual1/conv1[1,8,8,4] int8
            conv2d
                residual1/conv1[1,8,8,4] int8, [4,3,3,4] int8, [4] int32 -> residual1/conv2[1,8,8,4] int8
            add activation=relu
                input[1,8,8,4] int8, residual1/conv2[1,8,8,4] int8 -> residual1[1,8,8,4] int8
            conv2d stride=2x2
                residual1[1,8,8,4] int8, [8,3,3,4] int8, [8] int32 -> residual2/conv1[1,4,4,8] int8
            leaky_relu alpha=0.1
                residual2/conv1[1,4,4,8] int8 -> residual2/conv1/leaky_relu[1,4,4,8] int8
            conv2d
                residual2/conv1/leaky_relu[1,4,4,8] int8, [8,3,3,8] int8, [8] int32 -> residual2/conv2[1,4,4,8] int8
            conv2d stride=2x2
                residual1[1,8,8,4] int8, [8,1,1,4] int8, [8] int32 -> residual2/shortcut[1,4,4,8] int8
            add
                residual2/shortcut[1,4,4,8] int8, residual2/conv2[1,4,4,8] int8 -> residual2[1,4,4,8] int8
            leaky_relu alpha=0.1
                residual2[1,4,4,8] int8 -> residual2/leaky_relu[1,4,4,8] int8
            conv2d
                residual2/leaky_relu[1,4,4,8] int8, [8,1,1,8] int8, [8] int32 -> residual3/conv1[1,4,4,8] int8
            conv2d
                residual3/conv1[1,4,4,8] int8, [8,1,1,8] int8, [8] int32 -> residual3/conv2[1,4,4,8] int8
        "#]],
    );
}

#[test]
fn precision_changes_are_bridged() {
    check(
        "[4, 4, 2]",
        "precision = { weights = 4, activations = 8 }\n\
         [[layer]]\nconv = 2\nkernel = 1\n\
         [[layer]]\nconv = 2\nkernel = 1\nprecision = { weights = 8, activations = 16 }\n\
         [[layer]]\nactivate = \"tanh\"\nprecision = \"float32\"\n\
         [[layer]]\nmax_pool = 2\nprecision = \"uint8\"\n",
        expect![[r#"
            conv2d
                input[1,4,4,2] int8, [2,1,1,2] int4, [2] int32 -> conv1[1,4,4,2] int8
            quantize
                conv1[1,4,4,2] int8 -> conv2/quantize[1,4,4,2] int16
            conv2d
                conv2/quantize[1,4,4,2] int16, [2,1,1,2] int8, [2] int64 -> conv2[1,4,4,2] int16
            dequantize
                conv2[1,4,4,2] int16 -> activate3/dequantize[1,4,4,2] float32
            tanh
                activate3/dequantize[1,4,4,2] float32 -> activate3/tanh[1,4,4,2] float32
            quantize
                activate3/tanh[1,4,4,2] float32 -> max_pool4/quantize[1,4,4,2] uint8
            max_pool2d filter=2x2 stride=2x2 padding=valid
                max_pool4/quantize[1,4,4,2] uint8 -> max_pool4[1,2,2,2] uint8
        "#]],
    );
}

#[test]
fn one_number_counts_along_the_length_of_a_one_dimensional_input() {
    check(
        "[16, 2]",
        "[[layer]]\nconv = 4\nkernel = 5\nstride = 2\n\
         [[layer]]\nconv = 4\nkernel = 3\ndilation = 2\npadding = \"causal\"\n\
         [[layer]]\npad = [1, 0]\n\
         [[layer]]\nmax_pool = 3\n\
         [[layer]]\nupsample = 2\n",
        expect![[r#"
            conv2d stride=2x1
                input[1,16,1,2] int8, [4,5,1,2] int8, [4] int32 -> conv1[1,8,1,4] int8
            pad
                conv1[1,8,1,4] int8, [4,2] int32 -> conv2/pad[1,12,1,4] int8
            conv2d dilation=2x1 padding=valid
                conv2/pad[1,12,1,4] int8, [4,3,1,4] int8, [4] int32 -> conv2[1,8,1,4] int8
            pad
                conv2[1,8,1,4] int8, [4,2] int32 -> pad3[1,9,1,4] int8
            max_pool2d filter=3x1 stride=3x1 padding=valid
                pad3[1,9,1,4] int8 -> max_pool4[1,3,1,4] int8
            resize_nearest_neighbor
                max_pool4[1,3,1,4] int8, [2] int32 -> upsample5[1,6,1,4] int8
        "#]],
    );
}

#[test]
fn named_results_branch_and_join() {
    check(
        "[4, 4, 4]",
        "outputs = [\"boxes\", \"previous\"]\n\
         [[layer]]\nconv = 8\nkernel = 1\nas = \"stem\"\n\
         [[layer]]\nconv = 8\nactivation = \"relu\"\n\
         [[layer]]\nconcat = [\"stem\", \"previous\", \"input\"]\nas = \"boxes\"\n\
         [[layer]]\nadd = [\"stem\", \"stem\", \"stem\"]\nactivation = \"relu\"\n",
        expect![[r#"
            conv2d
                input[1,4,4,4] int8, [8,1,1,4] int8, [8] int32 -> stem[1,4,4,8] int8
            conv2d activation=relu
                stem[1,4,4,8] int8, [8,3,3,8] int8, [8] int32 -> conv2[1,4,4,8] int8
            quantize
                conv2[1,4,4,8] int8 -> boxes/quantize2[1,4,4,8] int8
            quantize
                input[1,4,4,4] int8 -> boxes/quantize3[1,4,4,4] int8
            concatenation axis=-1
                stem[1,4,4,8] int8, boxes/quantize2[1,4,4,8] int8, boxes/quantize3[1,4,4,4] int8 -> boxes[1,4,4,20] int8
            add
                stem[1,4,4,8] int8, stem[1,4,4,8] int8 -> add4/sum1[1,4,4,8] int8
            add activation=relu
                add4/sum1[1,4,4,8] int8, stem[1,4,4,8] int8 -> add4[1,4,4,8] int8
            outputs boxes[1,4,4,20] int8, add4[1,4,4,8] int8
        "#]],
    );
}

/// A concatenation's operands and result have one scale, and no operand is cut off.
#[test]
fn concatenated_results_share_the_wider_scale() {
    let source = "sketch = 1\ninput = [4, 4, 4]\n\
                  [[layer]]\nconv = 8\nas = \"linear\"\n\
                  [[layer]]\nconv = 8\nactivation = \"relu\"\nas = \"rectified\"\n\
                  [[layer]]\nconcat = [\"rectified\", \"linear\"]\n";
    let options = SketchOptions { parameters: Vec::new(), weights: Weights::Absent };
    let model = expand(source, "net.toml", &options).expect("a sound sketch");
    let graph = model.main().expect("a graph");
    let scale = |id: TensorId| graph.tensors[id].quantisation.clone();
    let last = graph.operators.values().last().expect("operators");
    let linear = graph.operators.values().next().expect("operators").outputs[0];
    for operand in last.inputs.iter().flatten() {
        assert_eq!(scale(*operand), scale(linear));
    }
    assert_eq!(scale(last.outputs[0]), scale(linear));
}

#[test]
fn heads_flatten_and_switch() {
    check(
        "[4, 4, 4]",
        "[parameters]\nhead = false\n\
         [[layer]]\nglobal_average_pool = true\n\
         [[layer]]\ndense = 6\nactivation = \"sigmoid\"\n\
         [[layer]]\nreshape = [2, -1]\n\
         [[layer]]\nsoftmax = \"head\"\n",
        expect![[r#"
            average_pool2d filter=4x4 stride=4x4 padding=valid
                input[1,4,4,4] int8 -> global_average_pool1[1,1,1,4] int8
            reshape shape=[1,-1]
                global_average_pool1[1,1,1,4] int8 -> dense2/flatten[1,4] int8
            fully_connected
                dense2/flatten[1,4] int8, [6,4] int8, [6] int32 -> dense2[1,6] int8
            logistic
                dense2[1,6] int8 -> dense2/sigmoid[1,6] int8
            reshape shape=[1,2,-1]
                dense2/sigmoid[1,6] int8 -> reshape3[1,2,3] int8
        "#]],
    );
}

#[test]
fn a_block_hands_the_repetition_in() {
    check(
        "[4, 4, 1]",
        "[block.b.parameters]\nn = 1\nact = \"none\"\n\
         [[block.b.layer]]\nconv = \"n\"\nkernel = 1\nactivation = \"$act\"\n\
         [[layer]]\nuse = \"b\"\nwith = { n = \"2 ^ (index + 1)\", act = \"relu\" }\nas = \"stage\"\nrepeat = 2\n\
         [[layer]]\nuse = \"b\"\nfrom = \"stage\"\n",
        expect![[r#"
            conv2d activation=relu
                input[1,4,4,1] int8, [2,1,1,1] int8, [2] int32 -> stage.1/conv1[1,4,4,2] int8
            conv2d activation=relu
                stage.1/conv1[1,4,4,2] int8, [4,1,1,2] int8, [4] int32 -> stage.2/conv1[1,4,4,4] int8
            conv2d
                stage.2/conv1[1,4,4,4] int8, [1,1,1,4] int8, [1] int32 -> use2/conv1[1,4,4,1] int8
        "#]],
    );
}

#[test]
fn a_gate_is_an_average_two_convolutions_and_a_product() {
    check(
        "[4, 4, 8]",
        "[[layer]]\nsqueeze_excite = 2\nactivation = \"relu\"\ngate = \"hard_sigmoid\"\nas = \"gated\"\n\
         [[layer]]\nmultiply = [\"gated\", \"input\"]\nactivation = \"relu6\"\n",
        expect![[r#"
            average_pool2d filter=4x4 stride=4x4 padding=valid
                input[1,4,4,8] int8 -> gated/average[1,1,1,8] int8
            conv2d activation=relu
                gated/average[1,1,1,8] int8, [2,1,1,8] int8, [2] int32 -> gated/squeeze[1,1,1,2] int8
            conv2d
                gated/squeeze[1,1,1,2] int8, [8,1,1,2] int8, [8] int32 -> gated/excite[1,1,1,8] int8
            add activation=relu6
                gated/excite[1,1,1,8] int8, [1] int8 -> gated/excite/shifted[1,1,1,8] int8
            mul
                gated/excite/shifted[1,1,1,8] int8, [1] int8 -> gated/excite/hard_sigmoid[1,1,1,8] int8
            mul
                input[1,4,4,8] int8, gated/excite/hard_sigmoid[1,1,1,8] int8 -> gated[1,4,4,8] int8
            mul activation=relu6
                gated[1,4,4,8] int8, input[1,4,4,8] int8 -> multiply2[1,4,4,8] int8
        "#]],
    );
}

#[test]
fn channels_are_cut_and_dealt_out() {
    check(
        "[4, 4, 8]",
        "[[layer]]\nslice = [0, 2]\nas = \"left\"\n\
         [[layer]]\nslice = [2, -1]\nfrom = \"input\"\n\
         [[layer]]\nconcat = [\"left\", \"previous\"]\n\
         [[layer]]\nshuffle = 2\n",
        expect![[r#"
            slice
                input[1,4,4,8] int8, [4] int32, [4] int32 -> left[1,4,4,2] int8
            slice
                input[1,4,4,8] int8, [4] int32, [4] int32 -> slice2[1,4,4,6] int8
            concatenation axis=-1
                left[1,4,4,2] int8, slice2[1,4,4,6] int8 -> concat3[1,4,4,8] int8
            reshape shape=[1,4,4,2,4]
                concat3[1,4,4,8] int8 -> shuffle4/groups[1,4,4,2,4] int8
            transpose
                shuffle4/groups[1,4,4,2,4] int8, [5] int32 -> shuffle4/transpose[1,4,4,4,2] int8
            reshape shape=[1,4,4,8]
                shuffle4/transpose[1,4,4,4,2] int8 -> shuffle4[1,4,4,8] int8
        "#]],
    );
}

#[test]
fn maps_grow_by_interpolation_and_by_transposed_convolution() {
    check(
        "[4, 5, 8]",
        "[[layer]]\nresize = [9, 7]\n\
         [[layer]]\ntranspose_conv = 3\nkernel = 2\nstride = 2\nactivation = \"relu\"\n",
        expect![[r#"
            resize_bilinear half_pixel_centers=true
                input[1,4,5,8] int8, [2] int32 -> resize1[1,9,7,8] int8
            transpose_conv2d stride=2x2 activation=relu
                [4] int32, [3,2,2,8] int8, resize1[1,9,7,8] int8, [3] int32 -> transpose_conv2[1,18,14,3] int8
        "#]],
    );
}

#[test]
fn a_parameter_names_a_block_and_no_repetition_leaves_a_layer_out() {
    check(
        "[8, 8, 3]",
        "[[block.thin.layer]]\nconv = 2\n[[block.wide.layer]]\nconv = 16\n\
         [parameters]\nblock = { value = \"wide\", choices = [\"thin\", \"wide\"] }\nnone = 0\n\
         [[layer]]\nuse = \"$block\"\nas = \"first\"\n\
         [[layer]]\nconv = 4\nkernel = 1\n\
         [[layer]]\nmax_pool = 2\nfrom = \"first\"\nrepeat = \"none\"\nas = \"same\"\n\
         [[layer]]\nconv = 5\nkernel = 1\n",
        expect![[r#"
            conv2d
                input[1,8,8,3] int8, [16,3,3,3] int8, [16] int32 -> first/conv1[1,8,8,16] int8
            conv2d
                first/conv1[1,8,8,16] int8, [4,1,1,16] int8, [4] int32 -> conv2[1,8,8,4] int8
            conv2d
                first/conv1[1,8,8,16] int8, [5,1,1,16] int8, [5] int32 -> conv4[1,8,8,5] int8
        "#]],
    );
}
