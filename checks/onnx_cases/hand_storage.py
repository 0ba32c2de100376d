"""Graphs by hand: where constants are kept, how shapes are written, graphs within graphs."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .case import Case, normal
from .graph import constant, graph_of, node, value, weight


def cases():
    data = normal("external", 4, 3)
    for present in (True, False):
        name = f"hand_external_{'present' if present else 'absent'}"
        tensor = numpy_helper.from_array(data, "w")
        raw = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, text in (
            ("location", f"{name}.data"),
            ("offset", "16"),
            ("length", str(len(raw))),
        ):
            tensor.external_data.add(key=key, value=text)
        model = graph_of(
            [node("MatMul", ["x", "w"], ["o"])], {"x": (2, 4)}, {"o": (2, 3)}, [tensor]
        )
        files = {f"{name}.data": bytes(16) + raw} if present else {}
        yield Case(name, model, {"x": normal(name, 2, 4)}, files, runs=present)
    listed = helper.make_tensor("w", TensorProto.FLOAT, [4, 3], data.reshape(-1).tolist())
    yield Case(
        "hand_float_data",
        graph_of([node("MatMul", ["x", "w"], ["o"])], {"x": (2, 4)}, {"o": (2, 3)}, [listed]),
        {"x": normal("listed", 2, 4)},
    )
    half = numpy_helper.from_array(data.astype(np.float16), "h")
    model = graph_of(
        [node("Cast", ["h"], ["w"], to=TensorProto.FLOAT), node("MatMul", ["x", "w"], ["o"])],
        {"x": (2, 4)},
        {"o": (2, 3)},
        [half],
    )
    yield Case("hand_half_weights", model, {"x": normal("half", 2, 4)})
    given = node("Constant", [], ["w"], value=numpy_helper.from_array(data))
    model = graph_of(
        [given, node("Identity", ["w"], ["v"]), node("MatMul", ["x", "v"], ["o"])],
        {"x": (2, 4)},
        {"o": (2, 3)},
    )
    yield Case("hand_constant_node", model, {"x": normal("constant", 2, 4)})
    fill = node(
        "ConstantOfShape", ["s"], ["c"], value=numpy_helper.from_array(np.array([0.25], np.float32))
    )
    model = graph_of(
        [fill, node("Add", ["x", "c"], ["o"])],
        {"x": (2, 4)},
        {"o": (2, 4)},
        [constant("s", [2, 4])],
    )
    yield Case("hand_constant_of_shape", model, {"x": normal("fill", 2, 4)})
    # A batch of any size, whose length the graph itself computes with.
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n", "axes"], ["n1"]),
        node("Concat", ["n1", "rest"], ["to"], axis=0),
        node("Reshape", ["x", "to"], ["o"]),
    ]
    weights = [constant("zero", 0), constant("axes", [0]), constant("rest", [-1])]
    model = graph_of(nodes, {"x": ("batch", 3, 4)}, {"o": ("batch", 12)}, weights)
    yield Case("hand_symbolic_batch", model, {"x": normal("symbolic", 2, 3, 4)})
    model = graph_of(
        [node("Conv", ["x", "w"], ["o"])],
        {"x": ("n", 2, "height", "width")},
        {"o": None},
        [weight("symbolic", "w", 3, 2, 3, 3)],
    )
    yield Case("hand_symbolic_image", model, {"x": normal("symbolic image", 1, 2, 6, 5)})
    # Equal names of sizes are equal sizes.
    model = graph_of(
        [node("Add", ["x", "y"], ["o"])], {"x": ("n", 4), "y": ("n", 4)}, {"o": ("n", 4)}
    )
    yield Case(
        "hand_symbolic_equal", model, {"x": normal("equal x", 3, 4), "y": normal("equal y", 3, 4)}
    )
    body = [node("Mul", ["a", "b"], ["c"]), node("Tanh", ["c"], ["d"])]
    function = helper.make_function(
        "own", "Gate", ["a", "b"], ["d"], body, [helper.make_opsetid("", 13)]
    )
    model = graph_of(
        [
            node("Gate", ["x", "y"], ["t"], domain="own"),
            node("Gate", ["t", "y"], ["o"], domain="own"),
        ],
        {"x": (2, 3), "y": (2, 3)},
        {"o": (2, 3)},
        domains=["own"],
        functions=[function],
    )
    yield Case("hand_local_function", model, {"x": normal("f x", 2, 3), "y": normal("f y", 2, 3)})
    branches = {
        f"{name}_branch": helper.make_graph(
            [node(kind, ["x"], ["r"])], name, [], [value("r", [2, 3])]
        )
        for name, kind in (("then", "Relu"), ("else", "Neg"))
    }
    model = graph_of(
        [node("If", ["c"], ["o"], **branches)],
        {"x": (2, 3)},
        {"o": (2, 3)},
        [constant("c", True, bool)],
    )
    yield Case("hand_if_constant", model, {"x": normal("if", 2, 3)})
    model = graph_of(
        [node("Frobnicate", ["x"], ["o"], domain="own")],
        {"x": (2, 3)},
        {"o": (2, 3)},
        domains=["own"],
    )
    yield Case("hand_unknown_operator", model, {"x": normal("unknown", 2, 3)}, runs=False)
