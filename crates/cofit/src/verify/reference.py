"""Runs a model in another interpreter and writes every tensor that it gives away.

    python reference.py REFERENCE MODEL INPUTS OUTPUTS

REFERENCE is `tflite-micro`, `litert` or `onnxruntime`. INPUTS holds `0.npy`, `1.npy`, ... in the order
of the model's inputs; OUTPUTS receives one .npy a tensor. The last line of standard output is JSON:
`{"version": .., "tensors": [[key, file], ..]}`, where the key is the tensor's index in a .tflite file
or its name in an ONNX file, or `{"missing": ..}` where the package is not installed, or
`{"refused": ..}` where the interpreter does not take the model.
"""

import json
import os
import sys


def answer(**fields):
    sys.stdout.flush()
    print(json.dumps(fields), flush=True)
    # Interpreters may crash while they are torn down; the answer stands.
    os._exit(0)


def last_line(error):
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


def inputs(folder):
    import numpy as np

    return [np.load(os.path.join(folder, f"{at}.npy")) for at in range(len(os.listdir(folder)))]


def save(folder, tensors):
    import numpy as np

    saved = []
    for at, (key, values) in enumerate(tensors):
        name = f"{at}.npy"
        np.save(os.path.join(folder, name), np.ascontiguousarray(values))
        saved.append([key, name])
    return saved


def written_tensors(model):
    """Indices of the tensors that operators of the main graph write."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(model, 0).Subgraphs(0)
    written = []
    for at in range(graph.OperatorsLength()):
        operator = graph.Operators(at)
        if operator.OutputsLength():
            written += [int(index) for index in operator.OutputsAsNumpy()]
    return written


def run_tflite_micro(path, given, folder):
    from importlib.metadata import version

    from tflite_micro import runtime

    model = open(path, "rb").read()
    try:
        interpreter = runtime.Interpreter.from_bytes(
            model,
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
            arena_size=len(model) + (256 << 20),
        )
        for at, values in enumerate(given):
            interpreter.set_input(values, at)
        interpreter.invoke()
    except Exception as error:
        answer(refused=last_line(error))
    try:
        indices = written_tensors(model)
        tensors = [(index, interpreter.GetTensor(index, 0)["tensor_data"]) for index in indices]
    except ImportError:
        # The schema comes with LiteRT; without it only the outputs can be named.
        answer(missing="ai-edge-litert")
    answer(version=version("tflite-micro"), tensors=save(folder, tensors))


def run_litert(path, given, folder):
    from importlib.metadata import version

    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    model = open(path, "rb").read()
    try:
        interpreter = Interpreter(
            model_content=model,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
            num_threads=1,
        )
        interpreter.allocate_tensors()
        for details, values in zip(interpreter.get_input_details(), given):
            interpreter.set_tensor(details["index"], values)
        interpreter.invoke()
    except Exception as error:
        answer(refused=last_line(error))
    tensors = []
    for index in written_tensors(model):
        try:
            tensors.append((index, interpreter.get_tensor(index)))
        except ValueError:
            # A tensor that the interpreter folded away holds nothing.
            continue
    answer(version=version("ai-edge-litert"), tensors=save(folder, tensors))


def run_onnxruntime(path, given, folder):
    import onnx
    import onnxruntime

    try:
        # Every value becomes an output, so that layers can be compared one by one.
        model = onnx.load(path, load_external_data=True)
        known = {output.name for output in model.graph.output}
        for node in model.graph.node:
            for name in node.output:
                if name and name not in known:
                    known.add(name)
                    model.graph.output.append(onnx.ValueInfoProto(name=name))
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        feed = {one.name: values for one, values in zip(session.get_inputs(), given)}
        names = [output.name for output in session.get_outputs()]
        results = session.run(names, feed)
    except Exception as error:
        answer(refused=last_line(error))
    tensors = [(name, values) for name, values in zip(names, results) if hasattr(values, "dtype")]
    answer(version=onnxruntime.__version__, tensors=save(folder, tensors))


def main():
    reference, path, given, folder = sys.argv[1:5]
    run = {
        "tflite-micro": run_tflite_micro,
        "litert": run_litert,
        "onnxruntime": run_onnxruntime,
    }[reference]
    try:
        run(path, inputs(given), folder)
    except ImportError as error:
        answer(missing=error.name or str(error))


main()
