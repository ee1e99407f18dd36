"""ComfyUI nodes: copy this folder to ComfyUI/custom_nodes/hdrrecon and `pip install hdrrecon` in ComfyUI's environment.

IMAGE is (B, H, W, 3) float. "Photo to HDR" takes code values in [0, 1] and returns linear light that goes on above 1
(1.0 = where the photo clips); "Save EXR" writes it to ComfyUI's output folder.
"""

from pathlib import Path

import torch

import hdrrecon

_RECONSTRUCTORS = {}


class PhotoToHDR:
    CATEGORY, FUNCTION, RETURN_TYPES, RETURN_NAMES = (
        "image/hdr",
        "reconstruct",
        ("IMAGE", "MASK"),
        ("light", "confidence"),
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "image": ("IMAGE",),
                "model": (hdrrecon.list_models(),),
                "response": (["estimate", "srgb", "camera"], {"tooltip": "camera curve; srgb for renderings"}),
                "highlights": (["median", "energy"], {"tooltip": "energy to light scenes"}),
            }
        }

    def reconstruct(self, image, model, response, highlights="median"):
        if model not in _RECONSTRUCTORS:
            _RECONSTRUCTORS[model] = hdrrecon.Reconstructor(model)
        code = image[..., :3].movedim(-1, 1).clamp(0, 1)  # nodes before this one may overshoot
        result = _RECONSTRUCTORS[model](code, response=response, highlights=highlights, details=True)
        return result.radiance.movedim(1, -1), result.confidence


class SaveEXR:
    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "image/hdr", "save", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "light": ("IMAGE",),
                "filename_prefix": ("STRING", {"default": "hdr"}),
                "latlong": ("BOOLEAN", {"default": False}),
            }
        }

    def save(self, light, filename_prefix, latlong):
        import folder_paths  # of ComfyUI

        folder, name, counter, *_ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory()
        )
        for i, one in enumerate(light.cpu().float()):
            target = Path(folder) / f"{name}_{counter + i:05}_.exr"
            hdrrecon.write(target, torch.nan_to_num(one).numpy(), dtype="float", envmap="latlong" if latlong else None)
        return {}


NODE_CLASS_MAPPINGS = {"hdrreconPhotoToHDR": PhotoToHDR, "hdrreconSaveEXR": SaveEXR}
NODE_DISPLAY_NAME_MAPPINGS = {"hdrreconPhotoToHDR": "Photo to HDR", "hdrreconSaveEXR": "Save EXR"}
