"""CRNN in plain PyTorch, as one would write it by hand: of `crnn_small_en`, `crnn_mv3_en` and `crnn_r34_en`."""

import torch
from torch import nn
from torch.nn import functional

from keras_textrec.backbones.mobilenet_v3 import UNITS


def conv_bn(inputs: int, outputs: int, kernel: int, stride=1, activation=None, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), *([activation()] if activation else []))


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride, is_first: bool):
        super().__init__()
        self.body = nn.Sequential(conv_bn(inputs, outputs, 3, stride, nn.ReLU), conv_bn(outputs, outputs, 3))
        pool = nn.AvgPool2d(stride, stride) if stride != (1, 1) else nn.Identity()
        self.short = nn.Sequential(pool, conv_bn(inputs, outputs, 1)) if is_first else nn.Identity()

    def forward(self, x):
        return functional.relu(self.short(x) + self.body(x))


def resnet_vd(depths, widths, stem_widths) -> nn.Sequential:
    parts, inputs = [], 3
    for width in stem_widths:
        parts.append(conv_bn(inputs, width, 3, 1, nn.ReLU))
        inputs = width
    parts.append(nn.MaxPool2d(3, 2, 1))
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        for block in range(depth):
            stride = (2, 1) if stage and not block else (1, 1)
            parts.append(BasicBlock(inputs, width, stride, block == 0))
            inputs = width
    return nn.Sequential(*parts, nn.MaxPool2d(2))


class Excite(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        gate = self.expand(functional.relu(self.reduce(x.mean((2, 3), keepdim=True))))
        return x * (0.2 * gate + 0.5).clamp(0, 1)


class Unit(nn.Module):
    def __init__(self, inputs: int, kernel: int, expanded: int, outputs: int, excited: bool, activation, stride):
        super().__init__()
        excite = [Excite(expanded)] if excited else []
        self.body = nn.Sequential(
            conv_bn(inputs, expanded, 1, 1, activation),
            conv_bn(expanded, expanded, kernel, stride, activation, expanded),
            *excite,
            conv_bn(expanded, outputs, 1),
        )
        self.adds = stride == (1, 1) and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def mobilenet_v3() -> nn.Sequential:
    """Large, of half the width."""

    def half(channels: int) -> int:
        rounded = max(8, int(channels / 2 + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.45 * channels else rounded

    parts, inputs = [conv_bn(3, half(16), 3, 2, nn.Hardswish)], half(16)
    for number, (kernel, expanded, outputs, excited, activation) in enumerate(UNITS["large"]):
        stride = (2, 1) if number in (1, 3, 12) else (1, 1)
        kind = nn.Hardswish if activation == "hard_silu" else nn.ReLU
        parts.append(Unit(inputs, kernel, half(expanded), half(outputs), excited, kind, stride))
        inputs = half(outputs)
    return nn.Sequential(*parts, conv_bn(inputs, half(960), 1, 1, nn.Hardswish), nn.MaxPool2d(2))


class CRNN(nn.Module):
    """Float (B, 3, 32, W) -> logits (W / 4, B, classes)."""

    def __init__(self, backbone: nn.Module, channels: int, hidden: int, classes: int):
        super().__init__()
        self.backbone = backbone
        self.lstm = nn.LSTM(channels, hidden, 2, bidirectional=True)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, x):
        return self.head(self.lstm(self.backbone(x).squeeze(2).permute(2, 0, 1))[0])


SMALL, LARGE = (32, 64, 128, 256), (64, 128, 256, 512)
NETWORKS = {
    "crnn_small_en": lambda classes: CRNN(resnet_vd((1, 1, 1, 1), SMALL, (16, 16, 32)), 256, 128, classes),
    "crnn_mv3_en": lambda classes: CRNN(mobilenet_v3(), 480, 96, classes),
    "crnn_r34_en": lambda classes: CRNN(resnet_vd((3, 4, 6, 3), LARGE, (32, 32, 64)), 512, 256, classes),
}


def ctc_step(network: nn.Module, optimizer: torch.optim.Optimizer, image, labels) -> float:
    """One step of training on NumPy arrays: images (B, H, W, 3), ids (B, M) padded with -1; the loss.

    The view of the images is in the memory format `channels_last`, in which these networks are quicker.
    """
    logits = network(torch.from_numpy(image).permute(0, 3, 1, 2))
    labels = torch.from_numpy(labels).long()
    lengths = (labels >= 0).sum(1)
    steps = torch.full_like(lengths, len(logits))
    loss = functional.ctc_loss(logits.log_softmax(-1), labels.clamp(min=0), steps, lengths, zero_infinity=True)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
