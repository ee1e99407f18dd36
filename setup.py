"""Takes weights/, which stands at the top of the checkout, into the wheel as hdrrecon/weights. All else is in
setup.cfg."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithWeights(build_py):
    """An editable install needs no copy: `zoo.weights_path` also looks beside the package."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "hdrrecon" / "weights"
        target.mkdir(parents=True, exist_ok=True)
        for source in sorted(Path("weights").iterdir()):
            if source.suffix in (".safetensors", ".md"):
                self.copy_file(str(source), str(target / source.name))


setup(cmdclass={"build_py": BuildWithWeights})
