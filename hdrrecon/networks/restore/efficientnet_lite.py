"""EfficientNet-Lite0 as a trunk of multi-scale features.

Shapes are NCHW, the input is code values in [0, 1]. The network is the published one without its classifier: inverted
residual blocks (expand 1 x 1, depthwise, project 1 x 1) with ReLU6 and no squeeze-and-excitation. There are no batch
normalisations: in a trained network they are affine and belong into the convolutions (`train.imagenet` folds them),
so training, evaluation and any batch size give the same features.

Sources: Tan & Le, "EfficientNet", ICML 2019, table 1, https://arxiv.org/abs/1905.11946; the Lite variants drop
squeeze-and-excitation, take ReLU6 for swish and keep stem and head at their width.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

STEM_WIDTH = 32


@dataclass(frozen=True)
class Stage:
    """`repeats` blocks that end in `width` channels; the first of them has the stride."""

    repeats: int
    width: int
    kernel: int
    stride: int
    expansion: int = 6


STAGES = (
    Stage(1, 16, 3, 1, 1),
    Stage(2, 24, 3, 2),
    Stage(2, 40, 5, 2),
    Stage(3, 80, 3, 2),
    Stage(3, 112, 5, 1),
    Stage(4, 192, 5, 2),
    Stage(1, 320, 3, 1),
)


@dataclass(frozen=True)
class EfficientNetConfig:
    """`stages`: how many of the seven are kept; 1, 2, 3, 5 and 7 end the strides 2, 4, 8, 16 and 32."""

    stages: int = 7

    def __post_init__(self):
        if not 1 <= self.stages <= len(STAGES):
            raise ValueError(f"EfficientNet-Lite0 has 1 to {len(STAGES)} stages, got stages={self.stages}")

    @property
    def ends(self) -> list[int]:
        """Index of the last stage at each stride: the next one has a stride, or was left out."""
        return [i for i in range(self.stages) if i + 1 == self.stages or STAGES[i + 1].stride > 1]


class SamePaddedConv2d(nn.Conv2d):
    """Convolution whose output has ceil(input / stride) pixels; of an odd padding, bottom and right get the larger
    part.

    The weights were trained with this padding. `padding=1` would shift each stride of 2 by one pixel.
    """

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        if stride == 1:
            return F.conv2d(x, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        tall, wide = (kernel - stride + -n % stride for n in x.shape[-2:])
        x = F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))
        return F.conv2d(x, self.weight, self.bias, stride, 0, 1, self.groups)


class InvertedResidual(nn.Module):
    """Expand, filter each channel by itself, project; added to the input where shapes allow."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = c_in * expansion
        self.expand = nn.Conv2d(c_in, wide, 1) if expansion > 1 else None
        self.depthwise = SamePaddedConv2d(wide, wide, kernel, stride, groups=wide)
        self.project = nn.Conv2d(wide, c_out, 1)
        self.adds = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """Code values -> one feature map for each stride 2, 4, 8, 16, 32 that the kept stages reach.

    Args:
        config: see `EfficientNetConfig`.

    Attributes:
        channels: of the features, finest first.
    """

    Config = EfficientNetConfig

    def __init__(self, config: EfficientNetConfig = EfficientNetConfig()):
        super().__init__()
        self.config = config
        self.channels = [STAGES[i].width for i in config.ends]
        self.stem = SamePaddedConv2d(3, STEM_WIDTH, 3, 2)
        self.stages = nn.ModuleList()
        c_in = STEM_WIDTH
        for stage in STAGES[: config.stages]:
            blocks = nn.Sequential()
            for i in range(stage.repeats):
                blocks.append(
                    InvertedResidual(c_in, stage.width, stage.kernel, stage.stride if i == 0 else 1, stage.expansion)
                )
                c_in = stage.width
            self.stages.append(blocks)

    def forward(self, code: Tensor) -> list[Tensor]:
        """code (N, 3, H, W) in [0, 1] -> features (N, C, ceil(H / s), ceil(W / s)), finest first, channels as
        `channels`.

        Features are the blocks' linear outputs: of either sign and not limited.
        """
        x = F.relu6(self.stem((code * 255 - 127) / 128))
        features = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in self.config.ends:
                features.append(x)
        return features
