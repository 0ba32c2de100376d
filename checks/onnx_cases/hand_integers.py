"""Graphs by hand: operators on integers, and scales in every form."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .case import Case, normal, random
from .graph import constant, graph_of, node


def cases():
    generator = random("hand quantised")

    def integers(name, shape, dtype):
        limits = np.iinfo(dtype)
        return numpy_helper.from_array(
            generator.integers(limits.min, limits.max, shape, dtype, endpoint=True), name
        )

    def scale(name, *values):
        return constant(name, values if len(values) > 1 else values[0], np.float32)

    for kind in (np.int8, np.uint8):
        name = np.dtype(kind).name
        tensor = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        zero = 3 if kind is np.int8 else 130
        base = [scale("xs", 0.05), constant("xz", zero, kind)]
        given = node("QuantizeLinear", ["x", "xs", "xz"], ["q"])
        back = node("DequantizeLinear", ["p", "os", "oz"], ["o"])
        out = [scale("os", 0.1), constant("oz", zero - 7, kind)]
        shape = {"x": (1, 3, 5, 5)}
        conv = node(
            "QLinearConv",
            ["q", "xs", "xz", "w", "ws", "wz", "os", "oz", "b"],
            ["p"],
            pads=[1, 1, 1, 1],
        )
        weights = [
            *base,
            *out,
            integers("w", (4, 3, 3, 3), np.int8),
            scale("ws", 0.01, 0.02, 0.005, 0.015),
            constant("wz", [0] * 4, np.int8),
            constant("b", [100, -200, 0, 50], np.int32),
        ]
        model = graph_of([given, conv, back], shape, {"o": (1, 4, 5, 5)}, weights)
        yield Case(f"hand_qlinear_conv_{name}", model, {"x": normal(name, 1, 3, 5, 5)})
        matmul = node("QLinearMatMul", ["q", "xs", "xz", "w", "ws", "wz", "os", "oz"], ["p"])
        weights = [
            *base,
            *out,
            integers("w", (6, 4), kind),
            scale("ws", 0.01),
            constant("wz", zero, kind),
        ]
        model = graph_of([given, matmul, back], {"x": (3, 6)}, {"o": (3, 4)}, weights)
        yield Case(f"hand_qlinear_matmul_{name}", model, {"x": normal(name, 3, 6)})
        for operator in ("QLinearAdd", "QLinearMul"):
            add = node(
                operator,
                ["q", "xs", "xz", "w", "ws", "wz", "os", "oz"],
                ["p"],
                domain="com.microsoft",
            )
            weights = [
                *base,
                *out,
                integers("w", (1, 6), kind),
                scale("ws", 0.03),
                constant("wz", zero, kind),
            ]
            model = graph_of(
                [given, add, back], {"x": (3, 6)}, {"o": (3, 6)}, weights, domains=["com.microsoft"]
            )
            yield Case(f"hand_{operator.lower()}_{name}", model, {"x": normal(name, 3, 6)})
        model = graph_of(
            [
                given,
                node("DequantizeLinear", ["q", "xs", "xz"], ["d"]),
                node("Relu", ["d"], ["r"]),
                node("QuantizeLinear", ["r", "xs", "xz"], ["o"]),
            ],
            {"x": (2, 5)},
            {"o": (2, 5)},
            base,
            types={"o": tensor},
        )
        yield Case(f"hand_qdq_relu_{name}", model, {"x": normal(name, 2, 5)})
    # Whole integer products, a range found at run time, and scales of slices.
    model = graph_of(
        [
            node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
            node("MatMulInteger", ["q", "w", "z", "wz"], ["i"]),
            node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
            node("Mul", ["s", "ws"], ["t"]),
            node("Mul", ["f", "t"], ["o"]),
        ],
        {"x": (3, 6)},
        {"o": (3, 4)},
        [integers("w", (6, 4), np.int8), scale("ws", 0.01), constant("wz", 0, np.int8)],
    )
    yield Case("hand_dynamic_quantize", model, {"x": normal("dynamic", 3, 6)})
    model = graph_of(
        [
            node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            node("ConvInteger", ["q", "w", "z"], ["o"]),
        ],
        {"x": (1, 2, 4, 4)},
        {"o": (1, 3, 3, 3)},
        [scale("s", 0.02), constant("z", 120, np.uint8), integers("w", (3, 2, 2, 2), np.uint8)],
        types={"o": TensorProto.INT32},
    )
    yield Case("hand_conv_integer", model, {"x": normal("conv integer", 1, 2, 4, 4)})
    model = graph_of(
        [
            node("DequantizeLinear", ["w", "s", "z"], ["d"], axis=1),
            node("MatMul", ["x", "d"], ["o"]),
        ],
        {"x": (2, 4)},
        {"o": (2, 3)},
        [
            integers("w", (4, 3), np.int8),
            scale("s", 0.1, 0.2, 0.05),
            constant("z", [1, -2, 0], np.int8),
        ],
    )
    yield Case("hand_dequantize_axis_1", model, {"x": normal("axis", 2, 4)})
    packed = helper.make_tensor("w", TensorProto.INT4, [4, 3], generator.integers(-8, 8, 12))
    model = graph_of(
        [node("DequantizeLinear", ["w", "s"], ["d"], axis=1), node("MatMul", ["x", "d"], ["o"])],
        {"x": (2, 4)},
        {"o": (2, 3)},
        [packed, scale("s", 0.1, 0.2, 0.05)],
        opset=21,
    )
    yield Case("hand_dequantize_int4", model, {"x": normal("int4", 2, 4)})
