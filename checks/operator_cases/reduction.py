"""Cases of operators that look along axes: reductions, softmax, running sums, look-ups of extremes."""

import numpy as np

from .text import USUAL, Model

SHAPE = (2, 3, 4, 5)
# What reduces to what: case -> (axes, keep_dims, result's shape).
AXES = {
    "pixels": ([1, 2], False, (2, 5)),
    "pixels_keep": ([1, 2], True, (2, 1, 1, 5)),
    "channels": ([-1], False, (2, 3, 4)),
    "outer": ([0], True, (1, 3, 4, 5)),
    "first_last": ([0, 3], False, (3, 4)),
    "all": ([0, 1, 2, 3], False, ()),
}
OTHER = {"int8": (0.08, 6), "uint8": (0.08, 131), "int16": (0.0005, 0)}


def reductions():
    for kind in ("mean", "sum", "reduce_max", "reduce_min", "reduce_prod"):
        for dtype in ("int8", "uint8", "int16", "int32", "float32"):
            for case, (axes, keep, shape) in AXES.items():
                model = Model(kind, f"{dtype}_{case}")
                given = model.input(dtype, SHAPE)
                result = model.usual(dtype, shape)
                axis = model.const("int32", np.array(axes))
                model.op(kind, [given, axis], result, keep_dims=keep)
                yield model
            if dtype in OTHER and kind in ("mean", "sum", "reduce_max", "reduce_min"):
                for case in ("pixels", "channels"):
                    axes, keep, shape = AXES[case]
                    model = Model(kind, f"{dtype}_{case}_other_scale")
                    given = model.input(dtype, SHAPE)
                    result = model.tensor(dtype, shape, *OTHER[dtype])
                    axis = model.const("int32", np.array(axes))
                    model.op(kind, [given, axis], result, keep_dims=keep)
                    yield model


def normalisations():
    shapes = {
        "row": (1, 10),
        "rows": (3, 7),
        "rank_4": (2, 2, 3, 5),
        "rank_1": (9,),
        "rank_3": (2, 3, 4),
    }
    for case, shape in shapes.items():
        for number, (scale, zero, beta) in enumerate(
            ((0.05, -3, 1.0), (0.5, 10, 1.0), (0.001, 0, 1.0), (0.1, -128, 0.5))
        ):
            if number and case != "rows":
                continue
            for dtype, result, parameters in (
                ("int8", "int8", (1 / 256, -128)),
                ("uint8", "uint8", (1 / 256, 0)),
                ("int8", "int16", (1 / 65536, -32768)),
                ("int16", "int16", (1 / 32768, 0)),
                ("float32", "float32", (None, None)),
            ):
                if dtype == "float32" and number in (1, 2):
                    continue
                model = Model("softmax", f"{dtype}_{result}_{case}_{number}")
                own = {"int8": zero, "uint8": zero + 128, "int16": 0, "float32": None}[dtype]
                step = {"int16": scale / 100, "float32": None}.get(dtype, scale)
                given = model.input(dtype, shape, step, own)
                model.unary(
                    "softmax",
                    given,
                    dtype=result,
                    scale=parameters[0],
                    zero=parameters[1],
                    beta=beta,
                )
                yield model
        for dtype, parameters in (
            ("int8", (16 / 256, 127)),
            ("uint8", (16 / 256, 255)),
            ("float32", (None, None)),
        ):
            for scale in (0.05, 0.3):
                if dtype == "float32" and scale == 0.3:
                    continue
                model = Model("log_softmax", f"{dtype}_{case}_{str(scale).replace('.', '_')}")
                given = model.input(
                    dtype,
                    shape,
                    *((None, None) if dtype == "float32" else (scale, USUAL[dtype][1])),
                )
                model.unary("log_softmax", given, scale=parameters[0], zero=parameters[1])
                yield model
        for dtype, parameters in (
            ("int8", (1 / 128, 0)),
            ("uint8", (1 / 128, 128)),
            ("float32", (None, None)),
        ):
            model = Model("l2_normalization", f"{dtype}_{case}")
            given = model.input(dtype, shape)
            model.unary("l2_normalization", given, scale=parameters[0], zero=parameters[1])
            yield model


def extremes():
    for kind in ("arg_max", "arg_min"):
        for dtype in ("int8", "uint8", "int16", "int32", "float32"):
            for case, axis, shape in (("inner", -1, (2, 3, 4)), ("channel", 1, (2, 4, 5))):
                for output in ("int32", "int64"):
                    model = Model(kind, f"{dtype}_{case}_{output}")
                    given = model.input(dtype, SHAPE)
                    where = model.const("int32", np.array(axis))
                    attributes = {"output": "int32"} if output == "int32" else {}
                    model.op(kind, [given, where], model.tensor(output, shape), **attributes)
                    yield model


def sums():
    for dtype in ("int8", "int16", "int32", "float32"):
        for exclusive in (False, True):
            for reverse in (False, True):
                name = f"{dtype}{'_exclusive' if exclusive else ''}{'_reverse' if reverse else ''}"
                model = Model("cumsum", name)
                given = model.input(dtype, (2, 3, 5))
                axis = model.const("int32", np.array(-2 if reverse else 2))
                scale, zero = OTHER.get(dtype, (None, None))
                result = model.tensor(dtype, (2, 3, 5), scale, zero)
                model.op("cumsum", [given, axis], result, exclusive=exclusive, reverse=reverse)
                yield model


def cases():
    yield from reductions()
    yield from normalisations()
    yield from extremes()
    yield from sums()
