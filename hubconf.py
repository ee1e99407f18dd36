"""torch.hub: `rebuild = torch.hub.load(FOLDER_OR_REPOSITORY, "hdrrecon", source=...)`; light = rebuild(image)."""

dependencies = ["torch", "numpy", "cv2", "scipy", "safetensors", "kornia"]


def hdrrecon(model: str = "full", device: str = "auto"):
    """An `hdrrecon.Reconstructor`; as an `nn.Module` it is `.module`. The weights lie in the repository."""
    from hdrrecon import Reconstructor

    return Reconstructor(model, device)
