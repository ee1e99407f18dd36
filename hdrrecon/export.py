"""A model's networks as files that run without this library: ONNX, or `torch.export` (.pt2).

A photo's cost lies in a few networks that see it at a bounded size, and in plain arithmetic on its pixels. The networks
are exported, each of its own, for images of any size; the arithmetic is the recipe that `write_export` puts beside them
as JSON:

    response    statistics (1, S)                                   -> inverse (1, 1024), family_logits (1, 3)
    look        code, linear, over, under, depth (1, C, h, w)       -> deep (1, F, h/2, w/2)
    answer      code, linear (1, 3, n, 1), deep (1, F, n, 1)        -> median, energy, above, below, shadow (1, C, n, 1)
    refine      code, linear, radiance (1, 3, h, w)                 -> correction (1, 3, h, w)

h and w are the working size, filled up to multiples of the network's `multiple_of`; n is any number of pixels. Any
network that is a stage (`hdrrecon.networks.stages`) can be exported.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.export import Dim

from hdrrecon.io.atomic import atomic_write
from hdrrecon.networks.linearize.response_statistics import SIZE
from hdrrecon.networks.restore.features import CHANNELS, Seen
from hdrrecon.networks.restore.restored_light import RestoredLight
from hdrrecon.networks.stages import Linearizer, Refiner, Restorer

Format = Literal["onnx", "pt2"]
RECIPE = (
    "code: the photo's values in [0, 1], RGB. Response: give 'response' the statistics of "
    "hdrrecon.networks.linearize.response_statistics; "
    "linear = inverse, at 1024 evenly spaced codes, interpolated linearly; the library "
    "trusts it less for photos of few levels (hdrrecon.camera.evidence). Or take any inverse response you know.",
    "Masks: over = clip((255 code - 240) / 10, 0, 1) per channel, with hdrrecon.camera.masks as the authority; "
    "under likewise; "
    "depth = -log2(clip(linear, 2**-10, 1)) / 10.",
    "Seen: area means of code, linear, over, under and depth at the working size (longest side working_px, never "
    "enlarged), edges "
    "repeated to multiples of multiple_of; 'look' gives deep, cut to half the working size, rounded up.",
    "Enlarge deep bilinearly (pixel centres, no aligned corners) to the photo's size and give 'answer' the "
    "clipped and crushed "
    "pixels; light = linear * 2**(over * median) + under * shadow there, linear elsewhere ('energy' instead of "
    "'median' "
    "for other highlights).",
    "Refine, if there: area means of code, linear and light at its working size; light * 2**(max(over, under) * "
    "correction, enlarged), "
    "never below linear.",
)


@dataclass(frozen=True)
class Part:
    """One graph: a module of positional inputs, an example of each, names of inputs and outputs.

    `axes`: for each input, which of its axes may have any size, and as what: {axis: Dim}."""

    name: str
    module: nn.Module
    inputs: dict[str, Tensor]
    axes: dict[str, dict[int, Dim]]
    outputs: tuple[str, ...]
    multiple_of: int = 1

    def facts(self) -> dict:
        """For the recipe: axes of every input (a number, or a name where it is free), and the outputs."""

        def free(name, axis, size):
            return getattr(self.axes.get(name, {}).get(axis, size), "__name__", str(size))

        def show(name, value):
            return [free(name, axis, size) for axis, size in enumerate(value.shape)]

        return {
            "inputs": {name: show(name, value) for name, value in self.inputs.items()},
            "outputs": list(self.outputs),
            "multiple_of": self.multiple_of,
        }


class Calls(nn.Module):
    """A method of a network, or any function of tensors around one, as a module of its own that returns a tuple."""

    def __init__(self, network: nn.Module, method: Callable[..., tuple[Tensor, ...]]):
        super().__init__()
        self.network, self.method = network, method

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self.method(self.network, *inputs)


def pipeline_parts(pipeline: nn.Module) -> list[Part]:
    """All parts of an `HDRPipeline`, in the order in which they are needed."""
    return [*response_parts(pipeline.linearize), *restore_parts(pipeline.restore), *refine_parts(pipeline.refine)]


def response_parts(network: Linearizer | None) -> list[Part]:
    """The stage that estimates a response, from statistics of a photo.

    Raises:
        ValueError: a network that is shown crops or patches: choosing them is no graph.
    """
    if network is None:
        return []
    if not network.takes_statistics:
        raise ValueError(
            f"{type(network).__name__} looks at pieces of a photo that it chooses itself, which no graph can do; "
            "export a model whose response comes from statistics, for example full"
        )

    def call(net, statistics):
        return tuple(net(statistics)[name] for name in ("inverse", "family_logits"))

    return [
        Part("response", Calls(network, call), {"statistics": torch.rand(1, SIZE)}, {}, ("inverse", "family_logits"))
    ]


def restore_parts(network: Restorer | None) -> list[Part]:
    """`look` at the whole photo and `answer` pixel by pixel."""
    if network is None:
        return []
    step = network.multiple_of
    size = example_size(step)
    look = Calls(network, lambda net, *maps: (net.look_at(Seen(*maps)),))
    maps = {name: torch.rand(1, c, *size) for name, c in zip(Seen._fields, CHANNELS)}
    with torch.no_grad():
        features = look(*maps.values())[0].shape[1]
    answer = Calls(network, lambda net, code, linear, deep: tuple(net.answer(code, linear, deep)))
    pixels = {
        "code": torch.rand(1, 3, 40, 1),
        "linear": torch.rand(1, 3, 40, 1),
        "deep": torch.rand(1, features, 40, 1),
    }
    count = Dim("pixels", min=2)
    return [
        Part("look", look, maps, plane_axes(maps, step), ("deep",), step),
        Part("answer", answer, pixels, {name: {2: count} for name in pixels}, RestoredLight._fields),
    ]


def refine_parts(network: Refiner | None) -> list[Part]:
    """The correction of restored light, in stops."""
    if network is None:
        return []
    step = network.multiple_of
    images = {name: torch.rand(1, 3, *example_size(step)) for name in ("code", "linear", "radiance")}

    def call(net, *images):
        return (net.correct(*images),)

    return [Part("refine", Calls(network, call), images, plane_axes(images, step), ("correction",), step)]


def example_size(step: int) -> tuple[int, int]:
    """Height and width to trace with: different, and multiples of `step` of at least 3 and 4."""
    return 3 * step if step > 8 else 24, 4 * step if step > 8 else 32


def plane_axes(images: dict[str, Tensor], step: int) -> dict[str, dict[int, Dim]]:
    """The same free height and width, in steps, for all images."""
    rows, columns = (Dim(name, min=2, max=65536) for name in ("rows", "columns"))
    return {name: {2: step * rows, 3: step * columns} if step > 1 else {2: rows, 3: columns} for name in images}


def exported(part: Part):
    """The part as a `torch.export.ExportedProgram`."""
    dynamic = tuple(part.axes.get(name) for name in part.inputs)
    with torch.no_grad():
        return torch.export.export(part.module.eval(), tuple(part.inputs.values()), dynamic_shapes=(dynamic,))


def write_part(part: Part, path: Path, format: Format) -> Path:
    """Write one graph; it appears under its name when it is whole.

    Raises:
        ModuleNotFoundError: ONNX without `hdrrecon[export]`.
    """
    program = exported(part)
    with atomic_write(path) as temporary:
        if format == "pt2":
            torch.export.save(program, temporary)
        else:
            need_onnx()
            graph = torch.onnx.export(
                program, dynamo=True, input_names=list(part.inputs), output_names=list(part.outputs), verbose=False
            )
            with_names_of_its_own(graph.model.graph)
            graph.save(temporary, external_data=False)
    return path


def with_names_of_its_own(graph) -> None:
    """Rename values inside an ONNX graph that have the name of an input or output: exporting calls what `nn.Linear`
    makes 'linear'."""
    outer = [*graph.inputs, *graph.outputs]
    taken = {value.name for value in outer}
    for node in graph:
        for value in node.outputs:
            if value.name in taken and not any(value is other for other in outer):
                value.name = f"{value.name}_inside"


def write_export(
    pipeline: nn.Module, folder: Path, format: Format = "onnx", *, about: dict | None = None
) -> list[Path]:
    """Every part of a pipeline, and `recipe.json`: what goes in, what comes out, and the arithmetic in between.

    Args:
        about: what else the recipe should say, for example the model's name and licence.

    Raises:
        ModuleNotFoundError, ValueError: see `write_part`, `response_parts`.
    """
    if format == "onnx":
        need_onnx()
    parts = pipeline_parts(pipeline.cpu().eval())
    paths = [write_part(part, folder / f"{part.name}.{format}", format) for part in parts]
    stages = {"look": pipeline.restore, "refine": pipeline.refine}
    working = {name: net.config.working_px for name, net in stages.items() if net is not None}
    recipe = dict(
        about or {}, parts={part.name: part.facts() for part in parts}, working_px=working, recipe=list(RECIPE)
    )
    with atomic_write(folder / "recipe.json") as temporary:
        temporary.write_text(json.dumps(recipe, indent=1))
    return [*paths, folder / "recipe.json"]


def need_onnx() -> None:
    """Raise with one sentence if an ONNX package is missing."""
    from hdrrecon.io.optional import need

    for module in ("onnx", "onnxscript", "onnxruntime"):
        need(module, "export", "exporting to ONNX")
