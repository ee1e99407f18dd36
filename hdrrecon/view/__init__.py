"""HDR light for eyes and ordinary screens: tone mapping, exposure strips, false colour. Everything returns uint8 sRGB."""
from hdrrecon.view.falsecolor import false_color
from hdrrecon.view.picture import write_picture
from hdrrecon.view.strip import exposure_strip
from hdrrecon.view.tonemap import tonemap

__all__ = ["exposure_strip", "false_color", "tonemap", "write_picture"]
