"""Cases of convolutions, dense layers and pools."""

import numpy as np

from .text import Model

# Type of input and result -> (weights, bias, scale and zero point of input and of result).
FORMS = {
    "int8": ("int8", "int32", (0.05, -3), (0.09, 4)),
    "int8x4": ("int4", "int32", (0.05, -3), (0.07, 4)),
    "int16": ("int8", "int64", (0.0003, 0), (0.0009, 0)),
    "int16_bias32": ("int8", "int32", (0.0003, 0), (0.0009, 0)),
    "uint8": ("uint8", "int32", (0.05, 125), (0.09, 131)),
    "float32": ("float32", "float32", (None, None), (None, None)),
}


def element(form: str) -> str:
    """Type of a form's input and result."""
    return {"int8x4": "int8", "int16_bias32": "int16"}.get(form, form)


def span(length: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    """Output positions along one axis."""
    reach = (kernel - 1) * dilation + 1
    return -(-length // stride) if padding == "same" else -(-(length - reach + 1) // stride)


def parameters(
    model,
    form,
    shape,
    channels,
    axis,
    per_axis=True,
    bias=True,
    weight_scale=None,
    input_scale=None,
):
    """Labels of weights and, if there is one, bias."""
    weights_type, bias_type, (usual_scale, _), _ = FORMS[form]
    input_scale = input_scale or usual_scale
    if form == "float32":
        scale = None
    elif weight_scale is not None:
        scale = weight_scale
    elif per_axis and weights_type != "uint8":
        scale = model.random.uniform(0.002, 0.02, channels).astype(np.float32)
        if weights_type == "int4":
            scale = scale * 8
    else:
        scale = 0.01
    if weights_type == "uint8":
        values = model.random.integers(0, 256, shape)
        labels = [model.const("uint8", values, scale, 120)]
    else:
        labels = [model.weights(weights_type, shape, scale, axis)]
    if not bias:
        return labels
    if form == "float32":
        labels.append(model.const("float32", model.random.uniform(-1, 1, channels)))
    else:
        values = model.random.integers(-2000, 2000, channels)
        scales = np.float32(input_scale) * np.asarray(scale, np.float32)
        labels.append(
            model.const(bias_type, values, scales, [0] * channels if np.ndim(scale) else 0)
        )
    return labels


def sides(attributes: dict) -> dict:
    """Attributes as text, without those that have their default."""
    text = {}
    for name in ("stride", "dilation", "filter"):
        if attributes.get(name, (1, 1)) != (1, 1):
            text[name] = "{}x{}".format(*attributes[name])
    if attributes.get("padding", "same") != "same":
        text["padding"] = attributes["padding"]
    if attributes.get("activation"):
        text["activation"] = attributes["activation"]
    return text


def window_case(
    kind,
    case,
    form,
    height=7,
    width=6,
    channels=3,
    filters=4,
    kernel=(3, 3),
    batch=1,
    groups=1,
    multiplier=1,
    per_axis=True,
    bias=True,
    weight_scale=None,
    input_parameters=None,
    output_parameters=None,
    **attributes,
):
    """A conv2d or depthwise_conv2d."""
    model = Model(kind, case)
    _, _, of_input, of_output = FORMS[form]
    given = model.input(
        element(form), (batch, height, width, channels), *(input_parameters or of_input)
    )
    stride, dilation = attributes.get("stride", (1, 1)), attributes.get("dilation", (1, 1))
    padding = attributes.get("padding", "same")
    extra = {}
    if kind == "conv2d":
        shape, axis = (filters, *kernel, channels // groups), 0
    else:
        filters = channels * multiplier
        shape, axis = (1, *kernel, filters), 3
        if multiplier != 1:
            extra["multiplier"] = multiplier
    operands = parameters(
        model,
        form,
        shape,
        filters,
        axis,
        per_axis,
        bias,
        weight_scale,
        (input_parameters or of_input)[0],
    )
    rows = span(height, kernel[0], stride[0], dilation[0], padding)
    columns = span(width, kernel[1], stride[1], dilation[1], padding)
    result = model.tensor(
        element(form), (batch, rows, columns, filters), *(output_parameters or of_output)
    )
    model.op(kind, [given, *operands], result, **sides(attributes), **extra)
    return model


def convolutions():
    for kind in ("conv2d", "depthwise_conv2d"):
        for form in FORMS:
            yield window_case(kind, f"{form}_same", form)
            yield window_case(
                kind, f"{form}_valid_stride", form, padding="valid", stride=(2, 3), batch=2
            )
            yield window_case(
                kind, f"{form}_dilated", form, dilation=(2, 1), kernel=(3, 2), height=9, channels=2
            )
            yield window_case(
                kind, f"{form}_no_bias", form, bias=False, kernel=(2, 5), stride=(2, 2)
            )
            yield window_case(
                kind, f"{form}_point", form, kernel=(1, 1), channels=5, activation="relu"
            )
            yield window_case(
                kind, f"{form}_odd", form, height=5, width=9, kernel=(4, 2), stride=(3, 2)
            )
            if kind == "depthwise_conv2d":
                for multiplier in (2, 3):
                    yield window_case(
                        kind,
                        f"{form}_times_{multiplier}",
                        form,
                        multiplier=multiplier,
                        stride=(2, 1),
                    )
                yield window_case(kind, f"{form}_single", form, channels=1, multiplier=4)
        for form in ("int8", "int16", "float32"):
            for activation in ("relu6", "relu_n1_to_1"):
                yield window_case(kind, f"{form}_{activation}", form, activation=activation)
            yield window_case(kind, f"{form}_per_tensor", form, per_axis=False)
        # Per-channel scales whose multipliers run from 2^6 to 2^-34.
        steep = (2.0 ** np.array([6, 0, -7, -15, -20, -24, -29, -34])).astype(
            np.float32
        ) * np.float32(0.7)
        for form, one in (("int8", ((1.0, 0), (1.0, -1))), ("int16", ((1.0, 0), (1.0, 0)))):
            yield window_case(
                kind,
                f"{form}_steep",
                form,
                height=3,
                width=4,
                channels=2 if kind == "conv2d" else 8,
                filters=8,
                weight_scale=steep,
                input_parameters=one[0],
                output_parameters=one[1],
            )
        yield window_case(
            kind,
            "int8_extreme_zero_points",
            "int8",
            input_parameters=(0.02, 127),
            output_parameters=(0.05, -128),
        )
    for form in ("int8", "int16", "float32"):
        yield window_case("conv2d", f"{form}_groups", form, channels=6, filters=4, groups=2)


def dense_case(
    case,
    form,
    rows=(3,),
    depth=11,
    outputs=5,
    per_axis=False,
    bias=True,
    weight_scale=None,
    zero=None,
    given_parameters=None,
    result_parameters=None,
    **attributes,
):
    model = Model("fully_connected", case)
    _, _, of_input, of_output = FORMS[form]
    given = model.input(element(form), (*rows, depth), *(given_parameters or of_input))
    operands = parameters(
        model,
        form,
        (outputs, depth),
        outputs,
        0,
        per_axis,
        bias,
        weight_scale,
        (given_parameters or of_input)[0],
    )
    if zero is not None:
        model.tensors[int(operands[0][1:])] = model.tensors[int(operands[0][1:])].replace(
            "zero=0", f"zero={zero}"
        )
    shape = (*rows, outputs) if attributes.get("keep_axes") else (int(np.prod(rows)), outputs)
    result = model.tensor(element(form), shape, *(result_parameters or of_output))
    model.op("fully_connected", [given, *operands], result, **attributes)
    return model


def dense():
    for form in FORMS:
        yield dense_case(form, form)
        yield dense_case(f"{form}_no_bias", form, bias=False, activation="relu")
        yield dense_case(f"{form}_keep_axes", form, rows=(2, 3), keep_axes=True)
        yield dense_case(f"{form}_flattens", form, rows=(2, 3))
        if form not in ("uint8", "float32"):
            yield dense_case(f"{form}_per_axis", form, per_axis=True)
    yield dense_case("int8_weights_zero_point", "int8", zero=9)
    yield dense_case("int8_relu6", "int8", activation="relu6")
    yield dense_case("int8_relu_n1_to_1", "int8", activation="relu_n1_to_1")
    yield dense_case("int8_batch_1", "int8", rows=(1,), depth=40, outputs=9)
    yield dense_case("int8x4_odd", "int8x4", rows=(1,), depth=7, outputs=3)
    one = {"given_parameters": (1.0, 3), "result_parameters": (1.0, -5)}
    for name, scale in (
        ("shift_left", 40.0),
        ("shift_right_22", 2.0**-22),
        ("shift_right_33", 2.0**-33),
    ):
        yield dense_case(f"int8_{name}", "int8", weight_scale=scale, **one)
    model = Model("fully_connected", "int8_weights_from_graph")
    given, weights = model.input("int8", (2, 6)), model.input("int8", (4, 6), 0.02, 0)
    model.op("fully_connected", [given, weights], model.tensor("int8", (2, 4), 0.1, 7))
    yield model


def transpose_case(
    case,
    form,
    stride,
    padding,
    kernel=(3, 3),
    bias=False,
    given_shape=False,
    height=3,
    width=4,
    batch=1,
    **attributes,
):
    model = Model("transpose_conv2d", case)
    _, _, of_input, of_output = FORMS[form]
    channels, filters = 3, 2
    extents = [
        length * s if padding == "same" else (length - 1) * s + k
        for length, s, k in zip((height, width), stride, kernel)
    ]
    shape = (batch, *extents, filters)
    if given_shape:
        stated = model.tensor("int32", (4,))
        model.inputs.append(stated)
    else:
        stated = model.const("int32", np.array(shape))
    operands = parameters(model, form, (filters, *kernel, channels), filters, 0, bias=bias)
    given = model.input(element(form), (batch, height, width, channels), *of_input)
    result = model.tensor(element(form), shape, *of_output)
    model.op(
        "transpose_conv2d",
        [stated, operands[0], given, *operands[1:]],
        result,
        **sides({"stride": stride, "padding": padding, **attributes}),
    )
    return model


def transposed():
    for form in ("int8", "int8x4", "int16", "int16_bias32", "uint8", "float32"):
        for bias in (False, True):
            suffix = "_bias" if bias else ""
            yield transpose_case(f"{form}_same{suffix}", form, (2, 2), "same", bias=bias)
            yield transpose_case(
                f"{form}_valid{suffix}", form, (2, 1), "valid", bias=bias, kernel=(2, 3), batch=2
            )
        yield transpose_case(f"{form}_stride_1", form, (1, 1), "same", bias=True)
        yield transpose_case(f"{form}_shape_from_graph", form, (2, 2), "same", given_shape=True)
        yield transpose_case(f"{form}_relu", form, (2, 2), "same", bias=True, activation="relu")


def products():
    for dtype, scales in (
        ("int8", ((0.05, -3), (0.02, 7), (0.1, 5))),
        ("int16", ((0.0003, 0), (0.0002, 0), (0.001, 0))),
        ("uint8", ((0.05, 125), (0.02, 131), (0.1, 120))),
        ("float32", ((None, None),) * 3),
    ):
        for case, left, right, out, attributes in (
            ("plain", (2, 3, 4), (2, 4, 5), (2, 3, 5), {}),
            ("adj_x", (2, 4, 3), (2, 4, 5), (2, 3, 5), {"adj_x": True}),
            ("adj_y", (2, 3, 4), (2, 5, 4), (2, 3, 5), {"adj_y": True}),
            ("adj_both", (4, 3), (5, 4), (3, 5), {"adj_x": True, "adj_y": True}),
            ("broadcast", (2, 1, 3, 4), (3, 4, 5), (2, 3, 3, 5), {}),
        ):
            for constant in (False, True):
                model = Model("batch_mat_mul", f"{dtype}_{case}{'_constant' if constant else ''}")
                a = model.input(dtype, left, *scales[0])
                if constant:
                    # Rounded to the type's own range, with a zero point.
                    if dtype == "float32":
                        b = model.weights(dtype, right, None)
                    else:
                        limits = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}[
                            dtype
                        ]
                        b = model.const(
                            dtype, model.random.integers(*limits, right, endpoint=True), *scales[1]
                        )
                else:
                    b = model.input(dtype, right, *scales[1])
                model.op(
                    "batch_mat_mul", [a, b], model.tensor(dtype, out, *scales[2]), **attributes
                )
                yield model


def pools():
    for kind in ("average_pool2d", "max_pool2d"):
        for dtype in ("int8", "uint8", "int16", "float32"):
            for case, attributes in (
                ("same", {"filter": (2, 2), "stride": (2, 2)}),
                ("same_odd", {"filter": (3, 2), "stride": (1, 3)}),
                ("valid", {"filter": (3, 3), "stride": (2, 1), "padding": "valid", "batch": 2}),
                ("whole", {"filter": (7, 5), "stride": (7, 5), "padding": "valid"}),
                ("relu", {"filter": (2, 2), "stride": (1, 1), "activation": "relu"}),
                ("relu6", {"filter": (2, 2), "stride": (1, 1), "activation": "relu6"}),
            ):
                attributes = dict(attributes)
                batch = attributes.pop("batch", 1)
                padding = attributes.get("padding", "same")
                model = Model(kind, f"{dtype}_{case}")
                given = model.input(dtype, (batch, 7, 5, 3))
                rows, columns = (
                    span(length, kernel, stride, 1, padding)
                    for length, kernel, stride in zip(
                        (7, 5), attributes["filter"], attributes["stride"]
                    )
                )
                model.unary(kind, given, shape=(batch, rows, columns, 3), **sides(attributes))
                yield model


def misreads_bias(name: str) -> bool:
    """Whether TFLM takes the case's 32-bit bias for a 64-bit one: its int16 depthwise and transposed
    kernels read past the tensor's end then, and what they compute is no reference."""
    kinds = ("depthwise_conv2d_int16_bias32", "transpose_conv2d_int16_bias32")
    has_none = ("_no_bias", "_same", "_valid", "_shape_from_graph")
    if name.startswith(kinds[0]):
        return not name.endswith("_no_bias")
    return name.startswith(kinds[1]) and not name.endswith(has_none)


def cases():
    for case in (*convolutions(), *dense(), *transposed()):
        if not misreads_bias(case.name):
            yield case
    yield from products()
    yield from pools()
