"""HDR light for eyes: tone mapping, strips, false colour (uint8 sRGB); a page, brackets, a light report."""

from hdrrecon.view.bracket import bracket, write_bracket
from hdrrecon.view.falsecolor import false_color
from hdrrecon.view.histogram import histogram
from hdrrecon.view.light_report import light_report
from hdrrecon.view.picture import write_picture
from hdrrecon.view.strip import exposure_strip
from hdrrecon.view.tonemap import tonemap
from hdrrecon.view.viewer import write_viewer

__all__ = [
    "bracket",
    "exposure_strip",
    "false_color",
    "histogram",
    "light_report",
    "tonemap",
    "write_bracket",
    "write_picture",
    "write_viewer",
]
