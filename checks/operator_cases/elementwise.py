"""Cases of element-wise operators."""

import numpy as np

from .text import USUAL, Model, codes

ACTIVATIONS = ("relu", "relu6", "relu_n1_to_1")
COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")
ROUNDINGS = ("floor", "ceil", "round")


def binary(
    kind, case, dtype, left, right, out, scales=None, constant=None, result=None, **attributes
):
    """One operator of two operands; `scales` are (scale, zero) of left, right and result."""
    model = Model(kind, case)
    usual = USUAL.get(dtype, (None, None))
    of_left, of_right, of_out = scales or (usual, usual, usual)
    a = model.input(dtype, left, *of_left)
    if constant is None:
        b = model.input(dtype, right, *of_right)
    else:
        b = model.const(dtype, np.reshape(constant, right), *of_right)
    if result:
        of_out = (None, None)
    model.op(kind, [a, b], model.tensor(result or dtype, out, *of_out), **attributes)
    return model


FULL, ROW = (2, 3, 4, 5), (1, 3, 1, 5)
OTHER_SCALES = {
    "int8": ((0.03, 5), (0.11, -20), (0.07, 11)),
    "uint8": ((0.03, 120), (0.11, 100), (0.07, 131)),
    "int16": ((0.0003, 0), (0.0011, 0), (0.0007, 0)),
    "int32": None,
    "float32": None,
}
FAR_SCALES = {
    "narrow": ((0.9, 7), (0.00001, -100), (0.004, 0)),
    "wide": ((0.004, 7), (0.02, -100), (3.0, 0)),
}


def arithmetic():
    for kind in ("add", "sub", "mul", "div", "squared_difference", "maximum", "minimum"):
        same = kind in ("maximum", "minimum")
        fused = kind in ("add", "sub", "mul", "div")
        wide = {"pot_scale_int16": False} if kind in ("add", "sub") else {}
        for dtype, scales in OTHER_SCALES.items():
            attributes = wide if dtype == "int16" else {}
            scales = None if same else scales
            # A quotient by zero is undefined, so a divisor is a constant without it.
            divisor = (
                np.arange(1, 121) * np.where(np.arange(120) % 3, 1, -1) if kind == "div" else None
            )
            if kind == "div" and dtype == "uint8":
                divisor = np.arange(1, 100 + 1).tolist() + np.arange(110, 130).tolist()
            row = None if divisor is None else divisor[:15]
            yield binary(kind, f"{dtype}", dtype, FULL, FULL, FULL, scales, divisor, **attributes)
            yield binary(
                kind, f"{dtype}_broadcast", dtype, FULL, ROW, FULL, scales, row, **attributes
            )
            if kind != "div":
                yield binary(
                    kind,
                    f"{dtype}_both_broadcast",
                    dtype,
                    (3, 1, 5),
                    (2, 1, 4, 1),
                    FULL,
                    scales,
                    **attributes,
                )
                yield binary(
                    kind, f"{dtype}_scalar", dtype, (1, 7), (), (1, 7), scales, [3], **attributes
                )
            if fused and dtype in ("int8", "float32"):
                for activation in ACTIVATIONS:
                    yield binary(
                        kind,
                        f"{dtype}_{activation}",
                        dtype,
                        (1, 120),
                        (1, 120),
                        (1, 120),
                        scales,
                        divisor,
                        activation=activation,
                    )
        if not same:
            for name, scales in FAR_SCALES.items():
                divisor = np.arange(1, 61) if kind == "div" else None
                yield binary(
                    kind, f"int8_{name}", "int8", (1, 60), (1, 60), (1, 60), scales, divisor
                )
    for kind in ("add", "sub"):
        powers = ((2.0**-12, 0), (2.0**-9, 0), (2.0**-10, 0))
        yield binary(kind, "int16_power_of_two", "int16", (2, 9), (2, 9), (2, 9), powers)
    unit = (1 / 256, -128)
    yield binary("mul", "int8_square_scales", "int8", (4, 8), (4, 8), (4, 8), (unit, unit, unit))
    # The product of the scales over the result's: 2^12, and 2^-24.
    large = ((2.0, 0), (2.0, 0), (2.0**-10, 0))
    small = ((2.0**-12, 0), (2.0**-10, 3), (4.0, 1))
    yield binary("mul", "int8_shift_left", "int8", (4, 8), (4, 8), (4, 8), large)
    yield binary("mul", "int8_shift_right_24", "int8", (4, 8), (4, 8), (4, 8), small)
    yield binary("mul", "int16_relu", "int16", (4, 8), (4, 8), (4, 8), activation="relu")
    for kind in ("add", "mul"):
        yield binary(kind, "int64", "int64", (2, 5), (2, 5), (2, 5))
    for kind in ("floor_div", "floor_mod"):
        divisor = [-3, -1, 2, 5, 7, 16]
        yield binary(kind, "int32", "int32", (4, 6), (1, 6), (4, 6), None, divisor)
        yield binary(kind, "int8", "int8", (4, 6), (1, 6), (4, 6), None, divisor)
        yield binary(
            kind, "float32", "float32", (4, 6), (1, 6), (4, 6), None, np.array(divisor) / 8
        )
    yield binary("pow", "float32", "float32", (4, 6), (1, 6), (4, 6), None, [0, 1, 2, 3, 4, 5])


def comparisons():
    for kind in COMPARISONS:
        for dtype in ("int8", "uint8", "int16", "int32", "float32"):
            yield binary(kind, dtype, dtype, FULL, ROW, FULL, OTHER_SCALES[dtype], result="bool")
        same = (0.05, -3)
        yield binary(
            kind, "int8_same", "int8", (4, 60), (4, 60), (4, 60), (same, same, None), result="bool"
        )
    for kind in ("equal", "not_equal"):
        yield binary(kind, "bool", "bool", (4, 6), (1, 6), (4, 6), result="bool")
    for kind in ("logical_and", "logical_or"):
        yield binary(kind, "bool", "bool", (4, 6), (4, 6), (4, 6))
        yield binary(kind, "bool_broadcast", "bool", (4, 6), (1, 6), (4, 6))
    model = Model("logical_not", "bool")
    model.unary("logical_not", model.input("bool", (4, 6)))
    yield model
    for dtype in ("int8", "int16", "int32", "float32"):
        for case, condition in (("", (3, 4)), ("_broadcast", (3, 1))):
            model = Model("select", f"{dtype}{case}")
            chooses = model.input("bool", condition)
            left, right = model.input(dtype, (3, 4)), model.input(dtype, (3, 4))
            model.op("select", [chooses, left, right], model.like(left))
            yield model


# Kind -> (scale, zero) of the int8, the uint8 and the int16 result where they do not depend on the input's.
FIXED = {
    "logistic": ((1 / 256, -128), (1 / 256, 0), (1 / 32768, 0)),
    "tanh": ((1 / 128, 0), (1 / 128, 128), (1 / 32768, 0)),
}
FREE = {
    "hard_swish": {},
    "relu": {},
    "relu6": {},
    "relu_n1_to_1": {},
    "leaky_relu": {"alpha": 0.3},
    "elu": {},
    "gelu": {},
    "abs": {},
    "neg": {},
    "exp": {},
    "square": {},
    "sin": {},
}
POSITIVE = ("sqrt", "rsqrt", "log")


def real_input(model, width=60, factor=8.0):
    """A float tensor between -factor and factor."""
    given = model.input("float32", (2, width))
    by = model.const("float32", np.array(factor))
    return model.op("mul", [given, by], model.like(given))


def positive_input(model):
    """A float tensor between 0.1 and 16.1."""
    real = real_input(model, factor=4.0)
    square = model.op("mul", [real, real], model.like(real))
    offset = model.const("float32", np.array(0.1))
    return model.op("add", [square, offset], model.like(real))


def unary():
    for kind, results in FIXED.items():
        for dtype, place, scales in (
            ("int8", 0, ((0.05, -3), (0.25, 10), (0.002, 0))),
            ("uint8", 1, ((0.05, 125),)),
            ("int16", 2, ((0.0003, 0), (2.0**-12, 0), (0.001, 0))),
        ):
            for number, (scale, zero) in enumerate(scales):
                model = Model(kind, f"{dtype}_{number}")
                model.unary(
                    kind,
                    codes(model, dtype, scale, zero),
                    scale=results[place][0],
                    zero=results[place][1],
                )
                yield model
        model = Model(kind, "float32")
        model.unary(kind, real_input(model))
        yield model
    for kind, attributes in FREE.items():
        for dtype in ("int8", "uint8", "int16"):
            for case, (scale, zero) in (("same", USUAL[dtype]), ("other", OTHER_SCALES[dtype][2])):
                model = Model(kind, f"{dtype}_{case}")
                found = codes(model, dtype, *USUAL[dtype])
                model.unary(kind, found, scale=scale, zero=zero, **attributes)
                yield model
        model = Model(kind, "float32")
        model.unary(kind, real_input(model), **attributes)
        yield model
    for kind in ROUNDINGS + ("cos", "sign"):
        model = Model(kind, "float32")
        model.unary(kind, real_input(model))
        yield model
    for kind in POSITIVE:
        model = Model(kind, "float32")
        model.unary(kind, positive_input(model))
        yield model
        for dtype, zero in (("int8", -128), ("int16", 0)):
            model = Model(kind, dtype)
            found = codes(model, dtype, USUAL[dtype][0], zero)
            # A root of a negative number is undefined.
            positive = model.op("relu", [found], model.like(found)) if dtype == "int16" else found
            model.unary(
                kind, positive, scale=USUAL[dtype][0] * 2, zero=zero + (3 if dtype == "int8" else 0)
            )
            yield model
    yield from leaky()
    yield from gates()


def leaky():
    for alpha in (0.1, -0.5, 1.5):
        for dtype in ("int8", "int16"):
            model = Model(
                "leaky_relu", f"{dtype}_alpha_{str(alpha).replace('.', '_').replace('-', 'minus_')}"
            )
            found = codes(model, dtype, *USUAL[dtype])
            model.unary("leaky_relu", found, scale=USUAL[dtype][0] * 0.7, zero=0, alpha=alpha)
            yield model
    for dtype, weights in (
        ("int8", (0.01, 4)),
        ("uint8", (0.01, 120)),
        ("int16", (0.0001, 0)),
        ("float32", (None, None)),
    ):
        for case, slopes in (("channel", (1, 1, 4)), ("whole", (3, 5, 4)), ("scalar", (1, 1, 1))):
            model = Model("prelu", f"{dtype}_{case}")
            given = model.input(dtype, (2, 3, 5, 4))
            count = int(np.prod(slopes))
            values = (
                model.random.uniform(-1, 1, count)
                if dtype == "float32"
                else model.random.integers(0, 120, count)
            )
            alpha = model.const(dtype, values.reshape(slopes), *weights)
            scale = USUAL[dtype][0]
            model.unary("prelu", given, scale=scale and scale * 1.3, zero=USUAL[dtype][1])
            model.operators[-1] = model.operators[-1].replace(f"({given})", f"({given}, {alpha})")
            yield model


def gates():
    """Integer hard_swish over inputs of several magnitudes, and the clipping of relu's requantisation."""
    for number, (scale, zero, out, out_zero) in enumerate(
        ((0.1, 0, 0.05, -120), (0.01, -128, 0.003, -10), (0.0005, 3, 0.0004, 3), (1.0, 20, 0.5, 0))
    ):
        model = Model("hard_swish", f"int8_scales_{number}")
        model.unary("hard_swish", codes(model, "int8", scale, zero), scale=out, zero=out_zero)
        yield model
    for number, (scale, zero, out, out_zero) in enumerate(
        ((0.1, 0, 0.001, -120), (1e-7, 5, 0.5, -10), (0.5, -128, 0.02, 0))
    ):
        for kind in ("relu", "relu6"):
            model = Model(kind, f"int8_scales_{number}")
            model.unary(kind, codes(model, "int8", scale, zero), scale=out, zero=out_zero)
            yield model


def conversions():
    """Every pair of types that QUANTIZE, DEQUANTIZE and CAST may have."""
    quantised = {
        "int8": (0.05, -3),
        "uint8": (0.04, 120),
        "int16": (0.0003, 0),
        "int32": (0.001, 0),
    }
    for source in ("float32", *quantised):
        for target, (scale, zero) in quantised.items():
            model = Model("quantize", f"{source}_{target}")
            if source == "float32":
                found = real_input(model)
            elif source == "int32":
                found = model.input(source, (4, 16), *quantised[source])
            else:
                found = codes(model, source, *quantised[source])
            model.unary("quantize", found, dtype=target, scale=scale * 1.1, zero=zero)
            yield model
    for source, parameters in quantised.items():
        model = Model("dequantize", source)
        found = (
            model.input(source, (4, 16), *parameters)
            if source == "int32"
            else codes(model, source, *parameters)
        )
        model.unary("dequantize", found, dtype="float32")
        yield model
    for number, (scale, zero, out, out_zero) in enumerate(
        (
            (1.0, 0, 0.01, 5),
            (0.5, -128, 0.5, -127),
            (2.0**-12, 3, 2.0**12, 1),
            (1e-6, 0, 1e4, 7),
            (0.7, 127, 0.0031, -128),
        )
    ):
        model = Model("quantize", f"int8_int8_scales_{number}")
        model.unary("quantize", codes(model, "int8", scale, zero), scale=out, zero=out_zero)
        yield model
        model = Model("quantize", f"int16_int8_scales_{number}")
        model.unary(
            "quantize",
            codes(model, "int16", scale / 256, 0),
            dtype="int8",
            scale=out,
            zero=out_zero,
        )
        yield model
    types = ("int8", "uint8", "int16", "int32", "int64", "float32", "bool")
    for source in types:
        for target in types:
            if source == target:
                continue
            # A float outside the target's range has no defined value.
            model = Model("cast", f"{source}_{target}")
            if source == "float32":
                found = real_input(model, factor=100.0)
                if target == "uint8":
                    found = model.op("relu", [found], model.like(found))
            else:
                found = model.tensor(source, (2, 40))
                model.inputs.append(found)
            model.op("cast", [found], model.tensor(target, model.types[found][1]))
            yield model


def cases():
    yield from arithmetic()
    yield from comparisons()
    yield from unary()
    yield from conversions()
