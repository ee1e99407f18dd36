"""A pipeline by the name of its model, and the device and response that a user named."""

from __future__ import annotations

from hdrrecon.options import UsageError


def build_pipeline(name: str):
    """The `HDRPipeline` of a shipped model, or of a classic operator ("classic:NAME"), on the CPU.

    Raises:
        UsageError: naming the models, or the operators, there are.
    """
    from copy import deepcopy

    from hdrrecon import zoo
    from hdrrecon.pipeline.classic import PREFIX

    if name.startswith(PREFIX):
        from hdrrecon.pipeline.classic_pipeline import ClassicPipeline

        return ClassicPipeline(name.removeprefix(PREFIX))
    from hdrrecon.pipeline.pipeline import HDRPipeline

    model = zoo.model_info(name)

    # Copied: moving a cached network to another device would move it for everyone.
    def stage(weights):
        return deepcopy(zoo.load(weights)) if weights else None

    linearize, restore, refine = stage(model.linearize), stage(model.restore), stage(model.refine)
    if restore is None and refine is not None:
        restore = refine.own_restorer()  # a DKPN that stands alone brings what comes before it
    return HDRPipeline(linearize, restore, refine, stage("light-budget") if restore else None)


def pick_device(device: str):
    """The torch device of a name; "auto" is CUDA, else MPS, else CPU.

    Raises:
        UsageError: none of torch's names, or a GPU that torch does not see.
    """
    import torch

    if str(device) != "auto":
        try:
            place = torch.device(device)
        except RuntimeError as error:
            raise UsageError(f"no device {str(device)!r}: {error}") from error
        # torch itself says so late, and with an AssertionError
        if place.type == "cuda" and not torch.cuda.is_available():
            raise UsageError(
                f'no device {str(place)!r}: torch {torch.__version__} sees no CUDA GPU here; use "auto" or "cpu"'
            )
        return place
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
