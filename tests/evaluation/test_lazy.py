import subprocess
import sys


def test_help_waits_for_nothing_heavy():
    code = "import sys, hdrrecon.cli.evaluate; print(sorted({'numpy', 'torch', 'cv2', 'kornia'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
