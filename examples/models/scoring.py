"""Running a .tflite file over test data, and scoring what comes out. Does not load TensorFlow."""

from pathlib import Path

import numpy as np

import catalogue
import datasets


def score(task: catalogue.Task, outputs: np.ndarray, test: datasets.Split) -> float:
    """Accuracy of a classifier, or area under the ROC curve of an anomaly detector.

    `outputs` are real numbers [n, outputs]. Label 0 is the healthy state of an anomaly detector; a
    sample's anomaly score is the mean squared difference between output and input.
    """
    if task is catalogue.Task.CLASSIFICATION:
        return float(np.mean(outputs.argmax(axis=1) == test.labels))
    errors = np.mean((outputs - test.inputs()) ** 2, axis=1)
    healthy, abnormal = errors[test.labels == 0], errors[test.labels != 0]
    difference = abnormal[:, np.newaxis] - healthy[np.newaxis, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def quantise(values: np.ndarray, detail: dict) -> np.ndarray:
    """Real inputs [n, ...] as the model's input tensor wants them, each with a batch of 1."""
    if detail["dtype"] == np.float32:
        return values.astype(np.float32)
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    codes = np.rint(values / scale) + zero_point
    return np.clip(codes, limits.min, limits.max).astype(detail["dtype"])


def dequantise(values: np.ndarray, detail: dict) -> np.ndarray:
    """The model's outputs as real numbers."""
    if detail["dtype"] == np.float32:
        return values
    scale, zero_point = detail["quantization"]
    return (values.astype(np.float32) - zero_point) * scale


def litert(path: Path):
    """LiteRT's interpreter with the reference kernels, which are the same on every processor."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    return interpreter


def run_litert(path: Path, test: datasets.Split) -> np.ndarray:
    """LiteRT's outputs for every test sample, as real numbers [n, outputs]."""
    interpreter = litert(path)
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for sample in quantise(test.inputs(), source):
        interpreter.set_tensor(source["index"], sample[np.newaxis])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"])[0])
    return dequantise(np.stack(outputs), target)


def run_tflm(path: Path, test: datasets.Split) -> np.ndarray:
    """The same under TensorFlow Lite for Microcontrollers."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(str(path))
    source = tflm_detail(interpreter.get_input_details(0))
    target = tflm_detail(interpreter.get_output_details(0))
    outputs = []
    for sample in quantise(test.inputs(), source):
        interpreter.set_input(sample[np.newaxis], 0)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)[0]))
    return dequantise(np.stack(outputs), target)


def tflm_detail(detail: dict) -> dict:
    """TFLM's description of a tensor in LiteRT's form, with one scale and zero point."""
    parameters = detail["quantization_parameters"]
    pair = (0.0, 0)
    if len(parameters["scales"]) > 0:
        pair = (parameters["scales"][0], parameters["zero_points"][0])
    return {"dtype": np.dtype(detail["dtype"]).type, "quantization": pair}


def describe(path: Path) -> dict:
    """Facts of a file as LiteRT sees it: shapes, operators in order, parameters, MACs.

    Parameters are the weights and biases of convolutions and dense layers; MACs count the same
    operators, padding included.
    """
    interpreter = litert(path)
    tensors = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    operators, parameters, macs = [], 0, 0
    for operator in interpreter._get_ops_details():
        kind = operator["op_name"]
        operators.append(kind)
        if kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        _, weights, *bias = operator["inputs"]
        shape = [int(n) for n in tensors[weights]["shape"]]
        parameters += int(np.prod(shape))
        parameters += sum(int(np.prod(tensors[i]["shape"])) for i in bias if i >= 0)
        elements = int(np.prod(tensors[operator["outputs"][0]]["shape"]))
        # Weights are [out, height, width, in], [1, height, width, out] and [out, in].
        each = shape[1] * shape[2] if kind == "DEPTHWISE_CONV_2D" else int(np.prod(shape[1:]))
        macs += elements * each

    def form(details: list[dict]) -> str:
        shape = "x".join(str(int(n)) for n in details[0]["shape"])
        return f"{shape}:{np.dtype(details[0]['dtype']).name}"

    return {
        "input": form(interpreter.get_input_details()),
        "output": form(interpreter.get_output_details()),
        "operators": " ".join(operators),
        "parameters": parameters,
        "macs": macs,
    }
