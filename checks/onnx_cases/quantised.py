"""A small network through onnxruntime's static quantisation, in both forms."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from .case import Case, normal, random
from .graph import graph_of, node, weight


class Samples(CalibrationDataReader):
    """Seeded inputs."""

    def __init__(self, shape):
        generator = random("calibration")
        self.values = iter(
            [{"x": generator.standard_normal(shape).astype(np.float32)} for _ in range(8)]
        )

    def get_next(self):
        return next(self.values, None)


def network() -> onnx.ModelProto:
    """Convolutions dense, depthwise and pointwise, a sum, a pool and a classifier."""
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1], group=8),
        node("Clip", ["c2", "zero", "six"], ["r2"]),
        node("Conv", ["r2", "w3", "b3"], ["c3"]),
        node("Add", ["c3", "r1"], ["s"]),
        node("MaxPool", ["s"], ["m"], kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", ["m"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "w4", "b4"], ["l"], transB=1),
        node("Softmax", ["l"], ["y"], axis=1),
    ]
    weights = [
        weight("quantised", "w1", 8, 3, 3, 3),
        weight("quantised", "b1", 8),
        weight("quantised", "w2", 8, 1, 3, 3),
        weight("quantised", "b2", 8),
        weight("quantised", "w3", 8, 8, 1, 1),
        weight("quantised", "b3", 8),
        weight("quantised", "w4", 4, 8),
        weight("quantised", "b4", 4),
        onnx.numpy_helper.from_array(np.float32(0), "zero"),
        onnx.numpy_helper.from_array(np.float32(6), "six"),
    ]
    return graph_of(nodes, {"x": (1, 3, 12, 12)}, {"y": (1, 4)}, weights, opset=17)


FORMS = {
    "qdq_int8_per_channel": (QuantFormat.QDQ, QuantType.QInt8, QuantType.QInt8, True),
    "qdq_uint8": (QuantFormat.QDQ, QuantType.QUInt8, QuantType.QUInt8, False),
    "qdq_uint8_int8_per_channel": (QuantFormat.QDQ, QuantType.QUInt8, QuantType.QInt8, True),
    "qdq_int16_int8": (QuantFormat.QDQ, QuantType.QInt16, QuantType.QInt8, False),
    "qoperator_int8_per_channel": (QuantFormat.QOperator, QuantType.QInt8, QuantType.QInt8, True),
    "qoperator_uint8": (QuantFormat.QOperator, QuantType.QUInt8, QuantType.QUInt8, False),
}


def cases():
    shape = (1, 3, 12, 12)
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory) / "float.onnx", Path(directory) / "quantised.onnx"
        onnx.save(network(), source)
        for name, (form, activations, weights, per_channel) in FORMS.items():
            # Symmetric activations have a zero point of 0, and relu is then not absorbed.
            for symmetric in (False, True) if name == "qdq_int8_per_channel" else (False,):
                quantize_static(
                    source,
                    target,
                    Samples(shape),
                    quant_format=form,
                    activation_type=activations,
                    weight_type=weights,
                    per_channel=per_channel,
                    extra_options={"ActivationSymmetric": symmetric, "WeightSymmetric": True},
                )
                own = f"quantised_{name}{'_symmetric' if symmetric else ''}"
                yield Case(own, onnx.load(target), {"x": normal(own, *shape)})
