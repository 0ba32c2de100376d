"""Graphs by hand, for what exporters write rarely or no longer."""

import numpy as np
from onnx import TensorProto, numpy_helper

from . import hand_integers, hand_storage
from .case import Case
from .graph import constant, graph_of, node, single, value, weight


def old_forms():
    """Operator sets 7 to 12, where attributes stood for what are inputs now."""
    image = [(1, 2, 4, 5)]
    yield single(
        "upsample_7",
        "Upsample",
        image,
        [(1, 2, 8, 10)],
        7,
        mode="nearest",
        scales=[1.0, 1.0, 2.0, 2.0],
    )
    yield single(
        "upsample_9",
        "Upsample",
        image,
        [(1, 2, 8, 10)],
        9,
        [constant("s", [1, 1, 2, 2], np.float32)],
        mode="linear",
    )
    yield single("clip_7", "Clip", [(2, 5)], [(2, 5)], 7, min=-0.5, max=0.7)
    yield single("pad_7", "Pad", image, [(1, 2, 7, 7)], 7, pads=[0, 0, 1, 2, 0, 0, 2, 0], value=1.5)
    yield single(
        "pad_7_reflect",
        "Pad",
        image,
        [(1, 2, 6, 8)],
        7,
        pads=[0, 0, 1, 2, 0, 0, 1, 1],
        mode="reflect",
    )
    yield single(
        "slice_7", "Slice", image, [(1, 1, 4, 2)], 7, starts=[1, -3], ends=[9, -1], axes=[1, 3]
    )
    yield single("squeeze_7", "Squeeze", [(1, 3, 1, 2)], [(3, 2)], 7, axes=[0, 2])
    yield single("unsqueeze_7", "Unsqueeze", [(3, 2)], [(1, 3, 2, 1)], 7, axes=[0, 3])
    yield single("reduce_sum_7", "ReduceSum", image, [(1, 2)], 7, axes=[2, 3], keepdims=0)
    yield single("split_7", "Split", [(2, 6)], [(2, 1), (2, 5)], 7, axis=1, split=[1, 5])
    yield single("softmax_7", "Softmax", [(2, 3, 4)], [(2, 3, 4)], 7, axis=1)
    yield single("log_softmax_11", "LogSoftmax", [(2, 3, 4)], [(2, 3, 4)], 11, axis=1)
    yield single("dropout_7", "Dropout", [(2, 3)], [(2, 3)], 7, ratio=0.3)
    yield single(
        "resize_10",
        "Resize",
        image,
        [(1, 2, 8, 10)],
        10,
        [constant("s", [1, 1, 2, 2], np.float32)],
        mode="nearest",
    )
    scale = [weight("bn", name, 2) for name in ("g", "b", "m")]
    variance = constant("v", [0.7, 1.9], np.float32)
    case = single(
        "batch_normalization_7",
        "BatchNormalization",
        image,
        image,
        7,
        [*scale, variance],
        epsilon=0.01,
    )
    # Before version 4 of the format, constants were inputs too.
    case.model.graph.input.extend([value(name, [2]) for name in ("g", "b", "m", "v")])
    yield case
    yield single(
        "gemm_7",
        "Gemm",
        [(4, 3)],
        [(3, 2)],
        7,
        [weight("gemm", "w", 2, 4), weight("gemm", "b", 2)],
        transA=1,
        transB=1,
        alpha=0.5,
        beta=2.0,
    )
    yield single(
        "max_pool_7",
        "MaxPool",
        image,
        [(1, 2, 2, 3)],
        7,
        kernel_shape=[3, 2],
        strides=[2, 2],
        auto_pad="SAME_UPPER",
    )
    yield single(
        "cast_7", "Cast", [(2, 3)], [(2, 3)], 7, results=[TensorProto.INT32], to=TensorProto.INT32
    )


def windows():
    """Paddings and grids of convolutions, pools and resizing."""
    image = [(1, 2, 7, 6)]
    kernel, bias = weight("conv", "w", 4, 2, 3, 3), weight("conv", "b", 4)
    yield single(
        "conv_same_upper",
        "Conv",
        image,
        [(1, 4, 4, 3)],
        13,
        [kernel, bias],
        auto_pad="SAME_UPPER",
        strides=[2, 2],
    )
    yield single(
        "conv_same_lower",
        "Conv",
        image,
        [(1, 4, 4, 3)],
        13,
        [kernel],
        auto_pad="SAME_LOWER",
        strides=[2, 2],
    )
    yield single(
        "conv_valid",
        "Conv",
        image,
        [(1, 4, 3, 4)],
        13,
        [kernel, bias],
        auto_pad="VALID",
        strides=[2, 1],
    )
    yield single(
        "conv_uneven", "Conv", image, [(1, 4, 8, 5)], 13, [kernel, bias], pads=[2, 0, 1, 1]
    )
    yield single("conv_dilated", "Conv", image, [(1, 4, 3, 4)], 13, [kernel], dilations=[2, 1])
    yield single(
        "conv_depthwise_times_2",
        "Conv",
        image,
        [(1, 4, 5, 4)],
        13,
        [weight("conv", "d", 4, 1, 3, 3), bias],
        group=2,
    )
    yield single(
        "conv_3d",
        "Conv",
        [(1, 1, 3, 4, 5)],
        [(1, 2, 2, 3, 4)],
        13,
        [weight("conv", "k", 2, 1, 2, 2, 2)],
    )
    turned = weight("conv", "t", 2, 3, 3, 3)
    yield single(
        "conv_transpose",
        "ConvTranspose",
        image,
        [(1, 3, 13, 12)],
        13,
        [turned],
        strides=[2, 2],
        pads=[1, 1, 1, 1],
        output_padding=[0, 1],
    )
    yield single(
        "conv_transpose_shape",
        "ConvTranspose",
        image,
        [(1, 3, 14, 12)],
        13,
        [turned],
        strides=[2, 2],
        output_shape=[14, 12],
    )
    yield single(
        "conv_transpose_same",
        "ConvTranspose",
        image,
        [(1, 3, 14, 12)],
        13,
        [turned],
        strides=[2, 2],
        auto_pad="SAME_UPPER",
    )
    yield single(
        "average_pool_padded",
        "AveragePool",
        image,
        [(1, 2, 4, 3)],
        13,
        kernel_shape=[3, 2],
        strides=[2, 2],
        pads=[1, 0, 1, 0],
        count_include_pad=1,
    )
    yield single(
        "average_pool_ceil",
        "AveragePool",
        image,
        [(1, 2, 3, 3)],
        13,
        kernel_shape=[3, 2],
        strides=[2, 2],
        ceil_mode=1,
    )
    yield single(
        "max_pool_dilated",
        "MaxPool",
        image,
        [(1, 2, 3, 5)],
        13,
        kernel_shape=[3, 2],
        dilations=[2, 1],
    )
    yield single("global_max_pool", "GlobalMaxPool", image, [(1, 2, 1, 1)])
    yield single(
        "lrn", "LRN", [(1, 5, 3, 3)], [(1, 5, 3, 3)], size=3, alpha=0.001, beta=0.7, bias=1.5
    )
    for mode, transform, extra in (
        ("nearest", "asymmetric", {"nearest_mode": "floor"}),
        ("nearest", "half_pixel", {"nearest_mode": "round_prefer_floor"}),
        ("nearest", "align_corners", {"nearest_mode": "round_prefer_ceil"}),
        ("linear", "half_pixel", {}),
        ("linear", "pytorch_half_pixel", {}),
        ("linear", "align_corners", {}),
        ("linear", "asymmetric", {}),
        ("cubic", "half_pixel", {"cubic_coeff_a": -0.5}),
    ):
        sizes = constant("sizes", [1, 2, 11, 9])
        yield single(
            f"resize_{mode}_{transform}",
            "Resize",
            image,
            [(1, 2, 11, 9)],
            13,
            ["", "", sizes],
            mode=mode,
            coordinate_transformation_mode=transform,
            **extra,
        )


def movements():
    """Reordering and choosing."""
    cube = [(2, 3, 4)]
    yield single("lp_normalization", "LpNormalization", [(2, 5)], [(2, 5)], axis=-1, p=2)
    yield single("lp_normalization_1", "LpNormalization", [(2, 5)], [(2, 5)], axis=0, p=1)
    yield single(
        "mean_variance_normalization", "MeanVarianceNormalization", [(2, 3, 4, 4)], [(2, 3, 4, 4)]
    )
    yield single(
        "depth_to_space_dcr",
        "DepthToSpace",
        [(1, 8, 2, 3)],
        [(1, 2, 4, 6)],
        blocksize=2,
        mode="DCR",
    )
    yield single(
        "depth_to_space_crd",
        "DepthToSpace",
        [(1, 8, 2, 3)],
        [(1, 2, 4, 6)],
        blocksize=2,
        mode="CRD",
    )
    yield single("space_to_depth", "SpaceToDepth", [(1, 2, 4, 6)], [(1, 8, 2, 3)], blocksize=2)
    yield single(
        "slice_backwards",
        "Slice",
        cube,
        [(2, 2, 2)],
        13,
        [
            constant("s", [-1, 9]),
            constant("e", [-9, 0]),
            constant("a", [1, 2]),
            constant("t", [-2, -3]),
        ],
    )
    yield single(
        "gather_negative", "Gather", cube, [(2, 2, 4)], 13, [constant("i", [-1, 0])], axis=1
    )
    yield single("gather_nd", "GatherND", cube, [(2, 4)], 13, [constant("i", [[1, 2], [0, -1]])])
    yield single(
        "gather_elements",
        "GatherElements",
        [(2, 3)],
        [(2, 2)],
        13,
        [constant("i", [[2, 0], [1, 1]])],
        axis=1,
    )
    yield single(
        "scatter_nd",
        "ScatterND",
        [(3, 2)],
        [(3, 2)],
        13,
        [constant("i", [[2], [0]]), weight("scatter", "u", 2, 2)],
    )
    yield single("tile", "Tile", [(2, 3)], [(4, 3)], 13, [constant("r", [2, 1])])
    yield single("expand", "Expand", [(3, 1)], [(2, 3, 4)], 13, [constant("s", [2, 3, 4])])
    yield single(
        "top_k",
        "TopK",
        [(2, 5)],
        [(2, 3), (2, 3)],
        13,
        [constant("k", [3])],
        results=[TensorProto.FLOAT, TensorProto.INT64],
    )
    yield single(
        "arg_max_last",
        "ArgMax",
        [(2, 5)],
        [(2,)],
        results=[TensorProto.INT64],
        axis=1,
        keepdims=0,
        select_last_index=1,
    )
    yield single("trilu", "Trilu", [(3, 4)], [(3, 4)], 17, upper=0)
    yield single(
        "cum_sum", "CumSum", cube, cube, 13, [constant("a", 1, np.int32)], exclusive=1, reverse=1
    )
    yield single("reduce_l2", "ReduceL2", cube, [(2, 1, 4)], axes=[1])
    yield single("reduce_log_sum_exp", "ReduceLogSumExp", cube, [(2, 3)], axes=[-1], keepdims=0)
    yield single("einsum", "Einsum", [(2, 3), (3, 4)], [(4, 2)], equation="ij,jk->ki")
    yield single("reshape_zero", "Reshape", cube, [(2, 12)], 13, [constant("s", [0, -1])])
    yield single("flatten_axis", "Flatten", cube, [(6, 4)], axis=2)
    yield single("matmul_broadcast", "MatMul", [(2, 1, 3, 4), (5, 4, 2)], [(2, 5, 3, 2)])
    yield single("matmul_vector", "MatMul", [(2, 3, 4)], [(2, 3)], 13, [weight("matmul", "v", 4)])
    yield single("sum_of_three", "Sum", [(2, 3), (1, 3), (2, 1)], [(2, 3)])
    yield single("mean_of_two", "Mean", [(2, 3), (1, 3)], [(2, 3)])
    yield single("mod", "Mod", [(2, 3), (2, 3)], [(2, 3)], fmod=1)
    yield single(
        "layer_normalization",
        "LayerNormalization",
        cube,
        cube,
        17,
        [weight("ln", "g", 4), weight("ln", "b", 4)],
        epsilon=0.01,
    )
    yield single("hard_sigmoid", "HardSigmoid", [(2, 5)], [(2, 5)], alpha=0.3, beta=0.4)
    yield single("thresholded_relu", "ThresholdedRelu", [(2, 5)], [(2, 5)], alpha=0.4)
    model = graph_of(
        [node("OneHot", ["x", "d", "v"], ["o"], axis=-1)],
        {"x": (3,)},
        {"o": (3, 4)},
        [constant("d", [4]), constant("v", [-1, 2], np.float32)],
        types={"x": TensorProto.INT64},
    )
    yield Case("hand_one_hot", model, {"x": np.array([2, -1, 0])})


def recurrent():
    """What the recurrent operators have beyond their exporters."""
    for kind, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        name = kind.lower()
        weights = [
            weight(name, "w", 1, gates * 3, 2),
            weight(name, "r", 1, gates * 3, 3),
            weight(name, "b", 1, 2 * gates * 3),
        ]
        plain = [(4, 2, 2)]
        ends = [(4, 1, 2, 3), (1, 2, 3)]
        yield single(name, kind, plain, ends, 13, weights, hidden_size=3)
        yield single(
            f"{name}_reverse", kind, plain, ends, 13, weights, hidden_size=3, direction="reverse"
        )
        state = [
            weight(name, "h", 1, 2, 3),
            *([weight(name, "c", 1, 2, 3)] if kind == "LSTM" else []),
        ]
        yield single(
            f"{name}_initial_state", kind, plain, ends, 13, [*weights, "", *state], hidden_size=3
        )
        lengths = constant("n", [4, 2], np.int32)
        yield single(f"{name}_lengths", kind, plain, ends, 13, [*weights, lengths], hidden_size=3)
        yield single(
            f"{name}_no_bias_clip", kind, plain, ends, 13, weights[:2], hidden_size=3, clip=0.4
        )
        two = [
            numpy_helper.from_array(np.concatenate([numpy_helper.to_array(w)] * 2), w.name)
            for w in weights
        ]
        yield single(
            f"{name}_both",
            kind,
            plain,
            [(4, 2, 2, 3), (2, 2, 3)],
            13,
            two,
            hidden_size=3,
            direction="bidirectional",
        )
    weights = [
        weight("lstm", "w", 1, 12, 2),
        weight("lstm", "r", 1, 12, 3),
        weight("lstm", "b", 1, 24),
    ]
    yield single(
        "lstm_peepholes",
        "LSTM",
        [(4, 2, 2)],
        [(4, 1, 2, 3)],
        13,
        [*weights, "", "", "", weight("lstm", "p", 1, 9)],
        hidden_size=3,
    )
    yield single(
        "lstm_activations",
        "LSTM",
        [(4, 2, 2)],
        [(4, 1, 2, 3)],
        13,
        weights,
        hidden_size=3,
        activations=["HardSigmoid", "Relu", "Tanh"],
        activation_alpha=[0.25],
        activation_beta=[0.4],
    )
    gru = [weight("gru", "w", 1, 9, 2), weight("gru", "r", 1, 9, 3), weight("gru", "b", 1, 18)]
    yield single(
        "gru_linear_before_reset",
        "GRU",
        [(4, 2, 2)],
        [(4, 1, 2, 3)],
        13,
        gru,
        hidden_size=3,
        linear_before_reset=1,
    )


def cases():
    for group in (old_forms, windows, movements, recurrent):
        yield from group()
    yield from hand_integers.cases()
    yield from hand_storage.cases()
