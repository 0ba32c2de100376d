"""Building graphs by hand."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .case import Case, normal

# The first version of the file format that knows an operator set.
IR_VERSIONS = {7: 3, 9: 4, 11: 6, 13: 7, 17: 8, 18: 8, 21: 10}

node = helper.make_node


def weight(case: str, name: str, *shape) -> TensorProto:
    """A random float constant."""
    return numpy_helper.from_array(normal(f"{case} {name}", *shape) * np.float32(0.5), name)


def constant(name: str, values, dtype=np.int64) -> TensorProto:
    """A constant of given values."""
    return numpy_helper.from_array(np.array(values, dtype), name)


def value(name, shape, dtype=TensorProto.FLOAT):
    """The statement of an input or output."""
    return helper.make_tensor_value_info(name, dtype, shape)


def graph_of(
    nodes, inputs, outputs, weights=(), opset=13, types=None, domains=(), functions=(), ir=None
):
    """A model; `inputs` and `outputs` are shapes by name, float where `types` says nothing else."""
    types = types or {}
    ends = [
        [value(name, shape, types.get(name, TensorProto.FLOAT)) for name, shape in side.items()]
        for side in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "main", *ends, list(weights))
    opsets = [
        helper.make_opsetid("", opset),
        *(helper.make_opsetid(domain, 1) for domain in domains),
    ]
    return helper.make_model(
        graph,
        opset_imports=opsets,
        functions=list(functions),
        ir_version=ir or IR_VERSIONS.get(opset, 8),
        producer_name="",
    )


def single(
    name,
    kind,
    shapes,
    outputs,
    opset=13,
    weights=(),
    dtypes=None,
    results=None,
    after=(),
    **attributes,
):
    """One operator on float inputs `x`, `y`, .. and the given constants; outputs `o`, `o1`, .."""
    inputs = dict(zip("xyzuvw", shapes))
    ends = {f"o{i or ''}": shape for i, shape in enumerate(outputs)}
    operands = [*inputs, *(w if isinstance(w, str) else w.name for w in weights), *after]
    constants = [w for w in weights if not isinstance(w, str)]
    types = dict(zip(ends, results or []))
    model = graph_of(
        [node(kind, operands, list(ends), **attributes)], inputs, ends, constants, opset, types
    )
    return Case(
        f"hand_{name}",
        model,
        {key: normal(f"{name} {key}", *shape) for key, shape in inputs.items()},
    )
