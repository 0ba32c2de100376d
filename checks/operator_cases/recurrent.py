"""Cases of operators with state: filters over time, long short-term memories, variables."""

import numpy as np

from .text import USUAL, Model, quantisation


def svdf(
    case,
    dtype,
    state="int16",
    batch=1,
    size=6,
    units=4,
    rank=2,
    memory=5,
    bias=True,
    scales=(0.05, 0.01, 0.02, 0.08, 0.1),
    zero=-3,
    **attributes,
):
    """`scales` are those of input, features, state, time weights and result."""
    model = Model("svdf", case)
    filters = units * rank
    if dtype == "float32":
        given = model.input(dtype, (batch, size))
        features = model.weights(dtype, (filters, size), None)
        time = model.weights(dtype, (filters, memory), None)
        added = model.weights(dtype, (units,), None) if bias else "_"
        kept = model.variable(dtype, (batch, filters * memory))
        result = model.tensor(dtype, (batch, units))
    else:
        of_input, of_features, of_state, of_time, of_result = scales
        given = model.input(dtype, (batch, size), of_input, zero)
        features = model.weights("int8", (filters, size), of_features)
        time = model.weights(
            state, (filters, memory), of_time if state == "int8" else of_time / 256
        )
        values = model.random.integers(-2000, 2000, units)
        scale = np.float32(of_state) * np.float32(of_time if state == "int8" else of_time / 256)
        added = model.const("int32", values, scale, 0) if bias else "_"
        kept = model.variable(state, (batch, filters * memory), of_state, 0)
        result = model.tensor("int8", (batch, units), of_result, 5)
    model.op("svdf", [given, features, time, added, kept], result, rank=rank, **attributes)
    return model


def filters():
    for state in ("int16", "int8"):
        yield svdf(f"int8_{state}", "int8", state)
        yield svdf(f"int8_{state}_relu", "int8", state, activation="relu")
        yield svdf(f"int8_{state}_batch", "int8", state, batch=2, rank=1)
        yield svdf(f"int8_{state}_no_bias", "int8", state, bias=False)
        yield svdf(
            f"int8_{state}_saturates", "int8", state, scales=(0.5, 0.1, 0.002, 0.5, 0.01), zero=17
        )
    yield svdf("float32", "float32")
    yield svdf("float32_batch_relu", "float32", batch=2, activation="relu")
    yield svdf("float32_no_bias", "float32", bias=False)


GATE_SCALE = 2.0**-12


def lstm(
    case,
    dtype,
    batch=1,
    time=4,
    size=3,
    cells=4,
    time_major=False,
    clip=10.0,
    cell=2.0**-11,
    hidden=(0.0078125, 0),
):
    """A memory without peepholes, projection and layer normalisation, which TFLM does not know."""
    model = Model("unidirectional_sequence_lstm", case)
    shape = (time, batch) if time_major else (batch, time)
    of_input = {"int8": (0.02, 4), "int16": (0.0001, 0), "float32": (None, None)}[dtype]
    given = model.input(dtype, (*shape, size), *of_input)
    weights_type = "float32" if dtype == "float32" else "int8"
    weights = []
    input_scales = []
    for width in (size, cells):
        for _ in range(4):
            scale = None if dtype == "float32" else np.float32(model.random.uniform(0.004, 0.012))
            input_scales.append(scale)
            weights.append(model.weights(weights_type, (cells, width), scale))
    biases = []
    for gate in range(4):
        if dtype == "float32":
            biases.append(model.weights(dtype, (cells,), None))
        else:
            scale = np.float32(of_input[0]) * input_scales[gate]
            values = model.random.integers(-3000, 3000, cells)
            biases.append(model.const("int32" if dtype == "int8" else "int64", values, scale, 0))
    if dtype == "float32":
        last = model.variable(dtype, (batch, cells))
        state = model.variable(dtype, (batch, cells))
        result = model.tensor(dtype, (*shape, cells))
        attributes = {}
    else:
        scale, zero = hidden if dtype == "int8" else (hidden[0] / 256, 0)
        last = model.variable(dtype, (batch, cells), scale, zero)
        state = model.variable("int16", (batch, cells), cell, 0)
        result = model.tensor(dtype, (*shape, cells), scale, zero)
        # TFLM takes 2^-12 for all gates; LiteRT reads it from these.
        gates = [model.tensor("int16", (0,), GATE_SCALE, 0) for _ in range(4)]
        gates.append(model.tensor(dtype, (0,), scale, zero))
        attributes = {"intermediates": gates}
    none = ["_"]
    operands = [given, *weights, *none * 3, *biases, *none * 2, last, state, *none * 4]
    if clip:
        attributes["cell_clip"] = clip
    if time_major:
        attributes["time_major"] = True
    model.op("unidirectional_sequence_lstm", operands, result, **attributes)
    return model


def memories():
    for dtype in ("int8", "int16", "float32"):
        yield lstm(dtype, dtype)
        yield lstm(f"{dtype}_batch", dtype, batch=2, cells=3)
        yield lstm(f"{dtype}_time_major", dtype, batch=2, time_major=True)
        yield lstm(f"{dtype}_no_clip", dtype, clip=0.0)
        yield lstm(f"{dtype}_small_clip", dtype, clip=0.25)
    yield lstm("int8_hidden_zero_point", "int8", hidden=(0.006, -9))
    yield lstm("int8_fine_cell", "int8", cell=2.0**-15)
    yield lstm("int8_coarse_cell", "int8", cell=2.0**-8)


def accumulators():
    """A sum of all inputs so far, in a variable that an initialisation graph sets."""
    for dtype, start in (("int8", "[1,-2,3,100]"), ("float32", "[1.0,-2.0,3.0,0.5]")):
        model = Model("variable", dtype)
        given = model.input(dtype, (4,))
        handle = model.tensor("int32", ())
        before, after = model.like(given), model.like(given)
        model.op("call_once", [], [], graph="g1")
        model.op("var_handle", [], handle, shared_name='"sum"')
        model.op("read_variable", [handle], before)
        model.op("add", [given, before], after)
        model.op("assign_variable", [handle, after], [])
        model.results = [after]
        scale, zero = USUAL[dtype]
        model.graphs = f"""graph "initialise" {{
  tensor t0 "handle" int32[]
  tensor t1 "start" {dtype}[4]{quantisation(scale, zero, 0)} const {start}
  t0 = var_handle() shared_name="sum"
  assign_variable(t0, t1)
}}
"""
        yield model


def cases():
    yield from filters()
    yield from memories()
    yield from accumulators()
