"""Writing a small model as cofit model text."""

import zlib

import numpy as np

LIMITS = {
    "int4": (-8, 7),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
}

# A scale and zero point of each quantised type, for tensors whose quantisation is not the point.
USUAL = {"int8": (0.05, -3), "uint8": (0.05, 125), "int16": (0.0003, 0), "float32": (None, None)}


def number(value) -> str:
    """A float32 as the shortest text that reads back to the same bits."""
    text = np.format_float_positional(np.float32(value), unique=True, trim="0")
    if len(text) <= 24:
        return text
    return np.format_float_scientific(np.float32(value), unique=True, trim="0")


def quantisation(scale, zero, axis) -> str:
    """The part of a tensor statement that states scales and zero points."""
    if scale is None:
        return ""
    if np.ndim(scale) == 0:
        return f" scale={number(scale)} zero={int(zero or 0)}"
    scales = ",".join(number(s) for s in scale)
    zeros = ",".join(["0"] * len(scale)) if zero is None else ",".join(str(z) for z in zero)
    return f" axis={axis} scale=[{scales}] zero=[{zeros}]"


def attribute(value) -> str:
    """An attribute's value as text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(str(item) for item in value) + "]"
    return str(value)


class Model:
    """A model of one graph that grows statement by statement.

    `kind` is the operator that the case is about and `case` what is particular; together they name
    the file. `random` gives the same numbers at every run, and others for every case.
    """

    def __init__(self, kind: str, case: str):
        self.kind = kind
        self.case = case
        self.random = np.random.default_rng(zlib.crc32(f"{kind}_{case}".encode()))
        self.inputs = []
        self.tensors = []
        self.operators = []
        self.types = {}
        self.results = None
        # The text of further graphs.
        self.graphs = ""

    @property
    def name(self) -> str:
        """The file's name without ending."""
        return f"{self.kind}_{self.case}"

    def tensor(self, dtype, shape, scale=None, zero=None, axis=0, rest="") -> str:
        """A tensor that an operator writes; its label."""
        label = f"t{len(self.tensors)}"
        axes = ",".join(str(int(n)) for n in shape)
        statement = f'tensor {label} "{label}" {dtype}[{axes}]'
        self.tensors.append(statement + quantisation(scale, zero, axis) + rest)
        self.types[label] = (dtype, tuple(int(n) for n in shape), scale, zero)
        return label

    def usual(self, dtype, shape) -> str:
        """A tensor with the usual quantisation of its type."""
        scale, zero = USUAL.get(dtype, (None, None))
        return self.tensor(dtype, shape, scale, zero)

    def input(self, dtype, shape, scale=None, zero=None) -> str:
        """A graph input; without a scale it has the usual quantisation of its type."""
        if scale is None:
            label = self.usual(dtype, shape)
        else:
            label = self.tensor(dtype, shape, scale, zero)
        self.inputs.append(label)
        return label

    def like(self, label) -> str:
        """A tensor of the same type, shape and quantisation as another."""
        return self.tensor(*self.types[label])

    def variable(self, dtype, shape, scale=None, zero=None) -> str:
        """State."""
        return self.tensor(dtype, shape, scale, zero, rest=" variable")

    def const(self, dtype, values, scale=None, zero=None, axis=0) -> str:
        """A constant."""
        values = np.asarray(values)
        flat = values.reshape(-1)
        if dtype == "int4":
            # Two values a byte, the first in the low bits.
            nibbles = np.append(flat, [0] * (len(flat) % 2)).astype(np.int64) & 15
            data = "x" + bytes((nibbles[0::2] | nibbles[1::2] << 4).tolist()).hex()
        elif dtype == "float32":
            data = "[" + ",".join(number(v) for v in flat) + "]"
        elif dtype == "bool":
            data = "x" + bytes(int(v) for v in flat).hex()
        elif len(flat) > 8 and dtype in ("int8", "uint8"):
            data = "x" + bytes(int(v) & 255 for v in flat).hex()
        else:
            data = "[" + ",".join(str(int(v)) for v in flat) + "]"
        return self.tensor(dtype, values.shape, scale, zero, axis, rest=f" const {data}")

    def weights(self, dtype, shape, scale, axis=0) -> str:
        """Random weights over the whole symmetric range; floats around zero."""
        if dtype == "float32":
            return self.const(dtype, self.random.uniform(-1, 1, shape).astype(np.float32))
        high = LIMITS[dtype][1]
        zero = [0] * len(scale) if np.ndim(scale) else 0
        values = self.random.integers(-high, high, shape, endpoint=True)
        return self.const(dtype, values, scale, zero, axis)

    def op(self, kind, operands, results, **attributes):
        """An operator; its result's label, or the list of them."""
        listed = [results] if isinstance(results, str) else list(results)
        words = [f"{name}={attribute(value)}" for name, value in attributes.items()]
        call = f"{kind}({', '.join(operands)})"
        left = f"{', '.join(listed)} = " if listed else ""
        self.operators.append(" ".join([left + call, *words]))
        self.results = listed
        return results

    def unary(self, kind, operand, dtype=None, shape=None, scale=None, zero=None, **attributes):
        """An operator of one operand whose result is like it but for what is given."""
        own = self.types[operand]
        dtype = dtype or own[0]
        if scale is None and dtype == own[0]:
            scale, zero = own[2], own[3]
        result = self.tensor(dtype, own[1] if shape is None else shape, scale, zero)
        return self.op(kind, [operand], result, **attributes)

    def text(self, outputs=None) -> str:
        """The whole model; its outputs are the last operator's results unless others are given."""
        outputs = outputs or self.results
        lines = [f'model "{self.name}"', 'graph "main" {']
        if self.inputs:
            lines.append(f"  input {', '.join(self.inputs)}")
        lines.append(f"  output {', '.join(outputs)}")
        lines += [f"  {statement}" for statement in self.tensors + self.operators]
        return "\n".join([*lines, "}"]) + "\n" + self.graphs


def codes(model: Model, dtype: str, scale, zero, extra: int = 64) -> str:
    """A tensor `[1, n]` with every value of an 8-bit type, or the remarkable ones of a wider type,
    before `extra` values of a graph input."""
    low, high = LIMITS[dtype]
    if high - low < 256:
        values = np.arange(low, high + 1)
    else:
        powers = [1 << bit for bit in range(15)]
        values = np.array([low, low + 1, high, high - 1, 0, *powers, *[-p for p in powers]])
        values = np.concatenate([values, model.random.integers(low, high, 60)])
    known = model.const(dtype, values.reshape(1, -1), scale, zero)
    given = model.input(dtype, (1, extra), scale, zero)
    result = model.tensor(dtype, (1, len(values) + extra), scale, zero)
    return model.op("concatenation", [known, given], result, axis=1)
