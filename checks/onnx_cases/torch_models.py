"""Networks as PyTorch exports them, by tracing (opsets 11, 13, 17) and by capture (18 on)."""

import io
import logging
import warnings

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional

from .case import Case, random


class Function(nn.Module):
    """A network without parameters."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def conv_bn(inputs, outputs, kernel=3, stride=1, groups=1, activation=nn.ReLU6):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return layers + ([activation()] if activation else [])


class SqueezeExcite(nn.Module):
    """MobileNetV3's channel gate."""

    def __init__(self, channels):
        super().__init__()
        self.down = nn.Conv2d(channels, 4, 1)
        self.up = nn.Conv2d(4, channels, 1)

    def forward(self, x):
        gate = functional.adaptive_avg_pool2d(x, 1)
        gate = functional.hardsigmoid(self.up(functional.relu(self.down(gate))))
        return x * gate


class Residual(nn.Module):
    """The sum of a body and its input, or of a shortcut."""

    def __init__(self, body, shortcut=None, after=None):
        super().__init__()
        self.body, self.shortcut, self.after = (
            body,
            shortcut or nn.Identity(),
            after or nn.Identity(),
        )

    def forward(self, x):
        return self.after(self.body(x) + self.shortcut(x))


class Recurrent(nn.Module):
    """A recurrent layer and a classifier of its last step."""

    def __init__(self, layer, features):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(features, 3)

    def forward(self, x):
        steps, _ = self.layer(x)
        return self.head(steps[:, -1])


class Attention(nn.Module):
    """Attention of several heads, as one operator of PyTorch's or written out."""

    def __init__(self, width=16, heads=2, written_out=False):
        super().__init__()
        self.heads, self.written_out = heads, written_out
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        if self.written_out:
            weights = torch.softmax(q @ k.transpose(-2, -1) / (width // self.heads) ** 0.5, -1)
            found = weights @ v
        else:
            found = functional.scaled_dot_product_attention(q, k, v)
        return self.out(found.transpose(1, 2).reshape(batch, length, width))


class Encoder(nn.Module):
    """A transformer's encoder layer, normalised first."""

    def __init__(self, approximate, written_out, width=16):
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, written_out=written_out)
        self.feed = nn.Sequential(
            nn.Linear(width, 32), nn.GELU(approximate=approximate), nn.Linear(32, width)
        )

    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.feed(self.second(x))


class Tokens(nn.Module):
    """Embedded tokens, averaged and classified."""

    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(20, 8), nn.Linear(8, 3)

    def forward(self, tokens):
        return torch.log_softmax(self.head(self.table(tokens).mean(1)), -1)


def sequential(*layers):
    return nn.Sequential(*layers)


def networks():
    """Name -> (network, shapes of its inputs)."""
    image, line = (1, 3, 12, 12), (1, 6, 10)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)]
    encoder = nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", batch_first=True)
    return {
        "mobilenet_block": (
            sequential(
                *conv_bn(3, 8, stride=2),
                *conv_bn(8, 8, groups=8),
                *conv_bn(8, 8, 1, activation=None),
                *head,
            ),
            [image],
        ),
        "squeeze_excite": (
            sequential(
                *conv_bn(3, 8, stride=2, activation=nn.Hardswish),
                Residual(
                    sequential(
                        *conv_bn(8, 8, 5, groups=8, activation=nn.Hardswish), SqueezeExcite(8)
                    )
                ),
                *head,
                nn.Softmax(1),
            ),
            [image],
        ),
        "resnet_block": (
            sequential(
                *conv_bn(3, 4, activation=nn.ReLU),
                nn.MaxPool2d(3, 2, 1),
                Residual(
                    sequential(
                        *conv_bn(4, 8, 3, 2, activation=nn.ReLU), *conv_bn(8, 8, activation=None)
                    ),
                    sequential(*conv_bn(4, 8, 1, 2, activation=None)),
                    nn.ReLU(),
                ),
                *head,
            ),
            [image],
        ),
        "cnn_1d": (
            sequential(
                nn.Conv1d(6, 8, 3, padding=1),
                nn.BatchNorm1d(8),
                nn.ReLU(),
                nn.MaxPool1d(2),
                nn.Conv1d(8, 8, 3, dilation=2),
                nn.ELU(),
                nn.AvgPool1d(1),
                nn.Flatten(),
                nn.Linear(8, 3),
            ),
            [line],
        ),
        "autoencoder": (
            sequential(
                nn.Conv2d(1, 4, 3, 2, 1),
                nn.ReLU(),
                nn.Conv2d(4, 6, 3, 2, 1),
                nn.LeakyReLU(0.2),
                nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1),
                nn.ReLU(),
                nn.ConvTranspose2d(4, 1, 2, 2),
                nn.Sigmoid(),
            ),
            [(1, 1, 12, 12)],
        ),
        "lstm": (Recurrent(nn.LSTM(6, 5, batch_first=True), 5), [(2, 7, 6)]),
        "lstm_two_layers": (
            Recurrent(nn.LSTM(6, 5, num_layers=2, batch_first=True), 5),
            [(1, 7, 6)],
        ),
        "lstm_bidirectional": (
            Recurrent(nn.LSTM(6, 5, batch_first=True, bidirectional=True), 10),
            [(1, 7, 6)],
        ),
        "gru": (Recurrent(nn.GRU(6, 5, batch_first=True), 5), [(1, 7, 6)]),
        "rnn": (Recurrent(nn.RNN(6, 5, batch_first=True), 5), [(1, 7, 6)]),
        "transformer_layer": (encoder, [(1, 5, 16)]),
        "encoder_gelu": (Encoder("none", True), [(1, 5, 16)]),
        "encoder_gelu_tanh": (Encoder("tanh", False), [(2, 5, 16)]),
        "attention": (Attention(), [(2, 6, 16)]),
        "swish": (
            sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Conv2d(4, 2, 1), nn.Mish()),
            [image],
        ),
        "activations": (
            Function(
                lambda x: torch.cat(
                    [
                        functional.softplus(x),
                        functional.elu(x),
                        functional.hardtanh(x),
                        functional.selu(x),
                        functional.celu(x),
                        functional.softsign(x),
                        functional.relu6(x),
                        torch.tanh(x),
                        functional.log_softmax(x, 1),
                        functional.gelu(x),
                    ],
                    1,
                )
            ),
            [(2, 5)],
        ),
        "prelu": (sequential(nn.Conv2d(3, 4, 1), nn.PReLU(4), nn.PReLU()), [image]),
        "adaptive_pools": (
            Function(
                lambda x: torch.cat(
                    [
                        functional.adaptive_avg_pool2d(x, (2, 3)).flatten(1),
                        functional.adaptive_max_pool2d(x, 1).flatten(1),
                    ],
                    1,
                )
            ),
            [image],
        ),
        "pools": (
            Function(
                lambda x: (
                    functional.avg_pool2d(x, 3, 2, 1),
                    functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
                    functional.max_pool2d(x, 3, 2, ceil_mode=True),
                )
            ),
            [(1, 2, 10, 11)],
        ),
        "upsample_nearest": (nn.Upsample(scale_factor=2, mode="nearest"), [(1, 2, 3, 4)]),
        "upsample_bilinear": (nn.Upsample(size=(7, 9), mode="bilinear"), [(1, 2, 3, 4)]),
        "upsample_corners": (
            nn.Upsample(size=(7, 9), mode="bilinear", align_corners=True),
            [(1, 2, 3, 4)],
        ),
        "pixel_shuffle": (
            sequential(nn.Conv2d(2, 8, 3, padding=1), nn.PixelShuffle(2)),
            [(1, 2, 4, 5)],
        ),
        "pixel_unshuffle": (nn.PixelUnshuffle(2), [(1, 2, 4, 6)]),
        "norms": (
            sequential(nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4)),
            [(2, 4, 5, 5)],
        ),
        "layer_norm": (nn.LayerNorm([4, 6]), [(2, 4, 6)]),
        "reflect_pad": (
            sequential(nn.ReflectionPad2d((1, 2, 2, 1)), nn.Conv2d(2, 3, 3)),
            [(1, 2, 5, 6)],
        ),
        "pads": (
            Function(
                lambda x: functional.pad(
                    functional.pad(x, (1, 2), value=0.5), (0, 0, 2, 1), mode="replicate"
                )
            ),
            [(1, 2, 5, 6)],
        ),
        "chunk_split": (
            Function(lambda x: torch.cat([*x.chunk(3, 1), *x.split([1, 5], 1)][::-1], 1)),
            [(1, 6, 3)],
        ),
        "shuffle_channels": (
            Function(lambda x: x.view(1, 2, 3, 4, 4).transpose(1, 2).reshape(1, 6, 4, 4)),
            [(1, 6, 4, 4)],
        ),
        "einsum": (
            Function(lambda a, b: torch.einsum("bhid,bhjd->bhij", a, b)),
            [(1, 2, 3, 4), (1, 2, 5, 4)],
        ),
        "mlp": (
            sequential(nn.Flatten(), nn.Linear(24, 16), nn.Tanh(), nn.Dropout(), nn.Linear(16, 3)),
            [(2, 4, 6)],
        ),
        "view_permute": (
            Function(
                lambda x: (
                    x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, x.shape[1]).mean(1, keepdim=True)
                )
            ),
            [(1, 3, 4, 5)],
        ),
        "slices": (
            Function(
                lambda x: (
                    x[:, 1:-1, ::2],
                    x[:, -1],
                    x[..., None, :2],
                    torch.stack(x.unbind(1), -1),
                )
            ),
            [(2, 4, 6)],
        ),
        "reductions": (
            Function(
                lambda x: (
                    x.sum((1, 2)),
                    x.amax(-1),
                    x.amin(1, keepdim=True),
                    x.argmax(1),
                    x.norm(dim=-1),
                    x.var(1),
                )
            ),
            [(2, 4, 6)],
        ),
        "choices": (
            Function(
                lambda x, y: (
                    torch.where(x > y, x, y * 2),
                    torch.clamp(x, -0.5, 0.7),
                    torch.minimum(x, y),
                    x.topk(2).values,
                )
            ),
            [(2, 5), (2, 5)],
        ),
        "arithmetic": (
            Function(
                lambda x, y: (
                    (x - y) * 0.5 / (y.abs() + 1)
                    + x**2
                    + torch.sqrt(x.abs())
                    + torch.exp(-y)
                    + torch.sin(x)
                    + torch.floor(y)
                )
            ),
            [(2, 3, 4), (3, 1)],
        ),
        "grouped_convs": (
            sequential(
                nn.Conv2d(4, 8, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2),
                nn.ReLU(),
                nn.ConvTranspose2d(8, 4, 3, 2, groups=2),
            ),
            [(1, 4, 7, 8)],
        ),
        "dense_block": (
            Function(
                lambda x: torch.cat([x, torch.relu(x)], 1) @ torch.cat([x, -x], 1).transpose(1, 2)
            ),
            [(1, 3, 4)],
        ),
        "expand_repeat": (
            Function(lambda x: (x.expand(2, 3, 4), x.repeat(2, 1, 3), x.flip(2), x.cumsum(2))),
            [(1, 3, 4)],
        ),
    }


# Exported by tracing at every opset; the others at 17 alone.
EVERY_OPSET = (
    "mobilenet_block",
    "squeeze_excite",
    "lstm",
    "upsample_bilinear",
    "slices",
    "chunk_split",
    "encoder_gelu",
    "pads",
)

# The tracing exporter does not know what these are made of.
CAPTURED_ONLY = ("transformer_layer",)

# Exported with a symbolic batch too.
SYMBOLIC = ("mobilenet_block", "squeeze_excite", "lstm", "encoder_gelu", "mlp", "upsample_nearest")


def settle(network, name):
    """Parameters and running statistics from the name, and no training behaviour."""
    generator = random(f"torch {name}")
    with torch.no_grad():
        for key, value in sorted(network.state_dict().items()):
            if not value.is_floating_point():
                continue
            drawn = generator.standard_normal(tuple(value.shape)).astype(np.float32)
            if key.endswith("running_var"):
                drawn = np.abs(drawn) + 0.5
            elif value.ndim > 1:
                drawn /= np.sqrt(np.prod(value.shape[1:]))
            value.copy_(torch.from_numpy(np.asarray(drawn)))
    return network.eval()


def export(network, arguments, opset, dynamo, symbolic):
    """The exporter's model, with a batch of any size where it is symbolic."""
    names = [f"input_{i}" for i in range(len(arguments))] if len(arguments) > 1 else ["input"]
    stream = io.BytesIO()
    if dynamo:
        program = torch.onnx.export(
            network,
            arguments,
            input_names=names,
            opset_version=opset,
            dynamo=True,
            verbose=False,
            external_data=False,
            dynamic_shapes=({0: torch.export.Dim("batch")},) if symbolic else None,
        )
        return program.model_proto
    torch.onnx.export(
        network,
        arguments,
        stream,
        input_names=names,
        opset_version=opset,
        dynamo=False,
        dynamic_axes={"input": {0: "batch"}} if symbolic else None,
    )
    return onnx.load_from_string(stream.getvalue())


def cases():
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.backends.mha.set_fastpath_enabled(False)
    made = networks()
    made["tokens"] = (Tokens(), [(2, 5)])
    for name, (network, shapes) in made.items():
        network = settle(network, name)
        generator = random(name)
        values = [
            generator.integers(0, 20, shape)
            if name == "tokens"
            else generator.standard_normal(shape).astype(np.float32)
            for shape in shapes
        ]
        traced = (11, 13, 17) if name in EVERY_OPSET else (17,)
        forms = [(18, True)]
        if name not in CAPTURED_ONLY:
            forms += [(opset, False) for opset in traced]
        if name in ("encoder_gelu", "attention", "layer_norm", "norms"):
            forms.append((23, True))
        forms = [(opset, dynamo, False) for opset, dynamo in forms]
        if name in SYMBOLIC:
            forms += [(17, False, True), (18, True, True)]
        for opset, dynamo, symbolic in forms:
            own = f"torch_{name}_{'dynamo' if dynamo else 'script'}_{opset}"
            own += "_symbolic" if symbolic else ""
            # A batch of one would be taken for a constant.
            arguments = tuple(
                torch.from_numpy(np.repeat(value, 2, 0) if symbolic else value) for value in values
            )
            try:
                model = export(network, arguments, opset, dynamo, symbolic)
            except Exception as error:  # the exporter's own, of many kinds
                print(f"{own}: the exporter refuses: {str(error).splitlines()[0][:200]}")
                continue
            names = [given.name for given in model.graph.input]
            yield Case(own, model, dict(zip(names, values)))
