"""Blender: light the world with an ordinary photo. Run in Blender's Text Editor, then: World properties > Light from
Photo.

Blender's Python is not yours, so hdrrecon runs as a program of its own. Say below where it is installed. Tried in
Blender 5.0.1: the pixels Blender sees are those of the EXR, exactly.
"""

PYTHON = "python3"  # the interpreter in which you ran: pip install hdrrecon
SUN = "auto"  # or "off", or "ELEVATION,AZIMUTH" in degrees if you know better: azimuth 0 is the middle of the picture

import subprocess
from pathlib import Path

import bpy
from bpy_extras.io_utils import ImportHelper


def reconstruct(photo: Path) -> Path:
    """PHOTO.exr beside the photo; raises RuntimeError with what hdrrecon said."""
    target = photo.with_suffix(".exr")
    command = [
        PYTHON,
        "-m",
        "hdrrecon",
        "run",
        str(photo),
        "-o",
        str(target),
        "--float",
        "--overwrite",
        "--sun",
        SUN,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"{PYTHON} -m hdrrecon does not run; correct PYTHON in this script")
    return target


def light_world(world, exr: Path) -> None:
    """Environment Texture -> Background -> World Output."""
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    nodes.clear()
    texture = nodes.new("ShaderNodeTexEnvironment")
    texture.image = bpy.data.images.load(str(exr), check_existing=False)
    texture.image.colorspace_settings.name = "Linear Rec.709"
    background, output = nodes.new("ShaderNodeBackground"), nodes.new("ShaderNodeOutputWorld")
    links.new(texture.outputs["Color"], background.inputs["Color"])
    links.new(background.outputs["Background"], output.inputs["Surface"])


class LightFromPhoto(bpy.types.Operator, ImportHelper):
    """Reconstruct the light of a 2:1 panorama and use it as the world"""

    bl_idname, bl_label = "world.light_from_photo", "Light from Photo"

    def execute(self, context):
        try:
            exr = reconstruct(Path(self.filepath))
            context.scene.world = context.scene.world or bpy.data.worlds.new("World")
            light_world(context.scene.world, exr)
        except (RuntimeError, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def button(panel, context):
    panel.layout.operator(LightFromPhoto.bl_idname)


def register():
    bpy.utils.register_class(LightFromPhoto)
    bpy.types.WORLD_PT_context_world.append(button)


if __name__ == "__main__":
    register()
