"""Cases of operators that move, choose and resample elements."""

import numpy as np

from .text import USUAL, Model

TYPES = ("int8", "uint8", "int16", "int32", "float32")
SOME = ("int8", "int16", "float32")


def moved(kind, case, dtype, input_shape, constants, out, first=False, **attributes):
    """An operator of one input and int32 constants."""
    model = Model(kind, f"{dtype}_{case}")
    given = model.input(dtype, input_shape)
    others = [model.const("int32", np.array(values)) for values in constants]
    operands = [*others, given] if first else [given, *others]
    outs = out if isinstance(out, list) else [out]
    results = [model.usual(dtype, one) for one in outs]
    model.op(kind, operands, results, **attributes)
    return model


def borders():
    border = [[0, 0], [1, 2], [0, 3], [1, 0]]
    for dtype in TYPES + ("int64", "bool"):
        yield moved("pad", "zero", dtype, (1, 3, 4, 2), [border], (1, 6, 7, 3))
        yield moved("pad", "rank_2", dtype, (3, 4), [[[2, 0], [0, 1]]], (5, 5))
        value = {"float32": -1.5, "bool": 1}.get(dtype, 7)
        model = Model("pad", f"{dtype}_value")
        given = model.input(dtype, (1, 3, 4, 2))
        around = model.const("int32", np.array(border))
        scale, zero = USUAL.get(dtype, (None, None))
        filled = model.const(dtype, np.array(value), scale, zero)
        model.op("pad", [given, around, filled], model.usual(dtype, (1, 6, 7, 3)))
        yield model
    for dtype in SOME:
        for mode in ("reflect", "symmetric"):
            attributes = {"mode": "symmetric"} if mode == "symmetric" else {}
            yield moved(
                "mirror_pad",
                mode,
                dtype,
                (1, 3, 4, 2),
                [[[0, 0], [1, 2], [3, 2], [0, 1]]],
                (1, 6, 9, 3),
                **attributes,
            )


def joins():
    for dtype in TYPES + ("bool", "int64"):
        for case, axis, left, right, out in (
            ("inner", -1, (2, 3, 4), (2, 3, 2), (2, 3, 6)),
            ("outer", 0, (2, 3), (1, 3), (3, 3)),
            ("middle", 1, (2, 3, 4), (2, 1, 4), (2, 4, 4)),
        ):
            model = Model("concatenation", f"{dtype}_{case}")
            a, b = model.input(dtype, left), model.input(dtype, right)
            model.op("concatenation", [a, b], model.usual(dtype, out), axis=axis)
            yield model
        for case, axis, out in (("first", 0, (2, 3, 4)), ("last", -1, (3, 4, 2))):
            model = Model("pack", f"{dtype}_{case}")
            a, b = model.input(dtype, (3, 4)), model.input(dtype, (3, 4))
            model.op("pack", [a, b], model.usual(dtype, out), axis=axis, values_count=2)
            yield model
    model = Model("concatenation", "int8_four_with_constant")
    parts = [model.input("int8", (1, 2, n)) for n in (1, 2, 3)]
    parts.append(model.const("int8", [[[1, -2], [3, 4]]], *USUAL["int8"]))
    model.op("concatenation", parts, model.usual("int8", (1, 2, 8)), axis=2)
    yield model
    for dtype, left, right, out in (
        ("int8", (0.1, -10), (0.02, 5), (0.1, 0)),
        ("uint8", (0.1, 110), (0.02, 125), (0.1, 128)),
        ("int16", (0.001, 0), (0.0002, 0), (0.001, 0)),
    ):
        model = Model("concatenation", f"{dtype}_scales_differ")
        a, b = model.input(dtype, (2, 9), *left), model.input(dtype, (2, 9), *right)
        model.op("concatenation", [a, b], model.tensor(dtype, (2, 18), *out), axis=1)
        yield model


def parts():
    for dtype in TYPES:
        yield moved(
            "split", "inner", dtype, (2, 3, 6), [-1], [(2, 3, 2)] * 3, first=True, num_splits=3
        )
        yield moved("split", "outer", dtype, (4, 3), [0], [(2, 3)] * 2, first=True, num_splits=2)
        yield moved(
            "split_v",
            "inner",
            dtype,
            (2, 3, 6),
            [[1, 3, 2], -1],
            [(2, 3, 1), (2, 3, 3), (2, 3, 2)],
            num_splits=3,
        )
        yield moved("split_v", "rest", dtype, (5, 2), [[2, -1], 0], [(2, 2), (3, 2)], num_splits=2)
        yield moved("unpack", "first", dtype, (3, 2, 4), [], [(2, 4)] * 3, num=3)
        yield moved("unpack", "last", dtype, (3, 4, 2), [], [(3, 4)] * 2, axis=-1, num=2)
    for dtype in TYPES + ("bool",):
        yield moved("slice", "rank_3", dtype, (3, 4, 5), [[1, 0, 2], [2, -1, 2]], (2, 4, 2))
        yield moved(
            "slice",
            "rank_5",
            dtype,
            (2, 2, 3, 2, 4),
            [[0, 1, 1, 0, 1], [2, 1, 2, 2, 3]],
            (2, 1, 2, 2, 3),
        )
        for case, begin, end, by, out, attributes in (
            ("plain", [0, 1, 1], [2, 3, 5], [1, 1, 2], (2, 2, 2), {}),
            ("masks", [1, 9, 0], [2, 0, 3], [1, 1, 1], (1, 4, 5), {"begin_mask": 2, "end_mask": 6}),
            ("backwards", [-1, 3, 4], [-9, 0, 0], [-1, -2, -1], (3, 2, 4), {}),
            (
                "backwards_masks",
                [0, 0, 0],
                [0, 0, 0],
                [-1, -1, -3],
                (3, 4, 2),
                {"begin_mask": 7, "end_mask": 7},
            ),
            ("shrink", [1, -1, 0], [2, 4, 5], [1, 1, 1], (5,), {"shrink_axis_mask": 3}),
        ):
            yield moved(
                "strided_slice", case, dtype, (3, 4, 5), [begin, end, by], out, **attributes
            )
    yield moved(
        "strided_slice",
        "offset",
        "int8",
        (3, 4, 5),
        [[1, 1, 0], [2, 3, 4], [1, 1, 2]],
        (2, 3, 2),
        offset=True,
    )
    yield moved(
        "strided_slice",
        "new_axis",
        "int8",
        (3, 4),
        [[0, 1, 0], [0, 3, 4], [1, 1, 1]],
        (1, 2, 4),
        new_axis_mask=1,
    )
    yield moved(
        "strided_slice",
        "ellipsis",
        "int8",
        (3, 4, 5),
        [[0, 1], [0, 3], [1, 1]],
        (3, 4, 2),
        ellipsis_mask=1,
    )


def orders():
    for dtype in TYPES + ("bool",):
        for case, shape, order in (
            ("rank_2", (3, 5), [1, 0]),
            ("rank_3", (2, 3, 4), [2, 0, 1]),
            ("rank_4", (2, 3, 4, 5), [0, 3, 1, 2]),
            ("rank_5", (2, 1, 3, 2, 2), [4, 2, 0, 1, 3]),
        ):
            yield moved("transpose", case, dtype, shape, [order], tuple(shape[i] for i in order))
        yield moved("reshape", "operand", dtype, (2, 3, 4), [[4, -1]], (4, 6))
        yield moved("reshape", "attribute", dtype, (2, 3, 4), [], (6, 4), shape=[6, 4])
        yield moved("squeeze", "all", dtype, (1, 3, 1, 2), [], (3, 2))
        yield moved("squeeze", "some", dtype, (1, 3, 1, 2), [], (1, 3, 2), axes=[-2])
        yield moved("expand_dims", "first", dtype, (3, 2), [0], (1, 3, 2))
        yield moved("expand_dims", "last", dtype, (3, 2), [-1], (3, 2, 1))
        yield moved("tile", "twice", dtype, (2, 3), [[2, 3]], (4, 9))
        yield moved("broadcast_to", "rank_3", dtype, (3, 1), [[2, 3, 4]], (2, 3, 4))
        yield moved("broadcast_to", "rank_5", dtype, (1, 2), [[2, 1, 2, 3, 2]], (2, 1, 2, 3, 2))
        yield moved("reverse", "axis", dtype, (2, 3, 4), [[1]], (2, 3, 4))
    for dtype in SOME + ("int32", "int64", "bool"):
        model = Model("fill", dtype)
        value = model.input(dtype, ())
        shape = model.const("int32", np.array([2, 3]))
        model.op("fill", [shape, value], model.usual(dtype, (2, 3)))
        yield model
    for dtype in SOME:
        model = Model("shape", dtype)
        given = model.input(dtype, (2, 3, 4))
        model.op("shape", [given], model.tensor("int32", (3,)))
        yield model


def choices():
    for dtype in SOME + ("uint8", "int32", "bool"):
        for case, shape, indices, out, attributes in (
            ("outer", (4, 3), [3, 0, 3, 1, 2], (5, 3), {}),
            ("inner", (2, 3, 4), [[1, 3], [0, 0]], (2, 3, 2, 2), {"axis": -1}),
            ("batch", (2, 3, 4), [[1, 2], [0, 0]], (2, 2, 4), {"axis": 1, "batch_dims": 1}),
        ):
            yield moved("gather", case, dtype, shape, [indices], out, **attributes)
        yield moved("gather_nd", "elements", dtype, (3, 4), [[[0, 1], [2, 3], [1, 1]]], (3,))
        yield moved("gather_nd", "slices", dtype, (3, 4, 2), [[[[2]], [[0]]]], (2, 1, 4, 2))
    model = Model("gather", "int8_indices_from_graph")
    given, indices = model.input("int8", (16, 2)), model.input("int32", (5,))
    model.op("gather", [given, indices], model.usual("int8", (5, 2)))
    yield model


def blocks():
    for dtype in SOME + ("uint8",):
        yield moved(
            "space_to_batch_nd",
            "pixels",
            dtype,
            (1, 3, 4, 2),
            [[2, 2], [[0, 1], [1, 1]]],
            (4, 2, 3, 2),
        )
        # TFLM fills an int8 border with memory that it does not initialise.
        yield moved(
            "space_to_batch_nd",
            "no_border",
            dtype,
            (1, 4, 6, 2),
            [[2, 3], [[0, 0], [0, 0]]],
            (6, 2, 2, 2),
        )
        yield moved("space_to_batch_nd", "line", dtype, (2, 5, 3), [[3], [[0, 1]]], (6, 2, 3))
        yield moved(
            "batch_to_space_nd",
            "pixels",
            dtype,
            (4, 2, 3, 2),
            [[2, 2], [[0, 1], [1, 0]]],
            (1, 3, 5, 2),
        )
        yield moved("batch_to_space_nd", "line", dtype, (6, 2, 3), [[3], [[0, 1]]], (2, 5, 3))
        yield moved(
            "depth_to_space", "block_2", dtype, (2, 2, 3, 8), [], (2, 4, 6, 2), block_size=2
        )
        yield moved(
            "space_to_depth", "block_2", dtype, (2, 4, 6, 2), [], (2, 2, 3, 8), block_size=2
        )


def sizes():
    for kind in ("resize_bilinear", "resize_nearest_neighbor"):
        for dtype in SOME + ("uint8",):
            for grid, attributes in (
                ("corner", {}),
                ("align", {"align_corners": True}),
                ("half_pixel", {"half_pixel_centers": True}),
            ):
                for case, (rows, columns) in (("up", (6, 9)), ("down", (2, 2)), ("odd", (5, 3))):
                    yield moved(
                        kind,
                        f"{grid}_{case}",
                        dtype,
                        (1, 3, 4, 2),
                        [[rows, columns]],
                        (1, rows, columns, 2),
                        **attributes,
                    )


def cases():
    for group in (borders, joins, parts, orders, choices, blocks, sizes):
        yield from group()
