"""What EXIF may say about a photo, and how much that weighs."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from hdrrecon.camera.basis import FAMILIES, compress
from hdrrecon.camera.exif_prior import family_prior, log_odds
from hdrrecon.estimate import estimate_response
from hdrrecon.networks.linearize.crf_net import CrfConfig, CrfNet
from hdrrecon.networks.linearize.linearization_net import LinearizationConfig, LinearizationNet
from hdrrecon.networks.linearize.response_net import ResponseNet
from hdrrecon.pipeline.pipeline import HDRPipeline
from tests.conftest import as_code, needs_weights

NETWORKS = {
    "response": ResponseNet,
    "linearization": lambda: LinearizationNet(LinearizationConfig(crop_px=32, crops=2)),
    "crf": lambda: CrfNet(CrfConfig(patch_px=64, patches=4, candidates=8)),
}
CAMERA = {"camera": 0.9, "srgb": 0.05, "dorf": 0.05}
SRGB = {"camera": 0.05, "srgb": 0.9, "dorf": 0.05}


def exif(comment=None, **tags) -> bytes:
    block = Image.Exif()
    for name, value in tags.items():
        block[{"make": 0x010F, "model": 0x0110, "software": 0x0131, "processed_by": 0x000B}[name]] = value
    if comment:
        block.get_ifd(0x8769)[0x9286] = comment
    return block.tobytes()


CANON = {"make": "Canon", "model": "Canon EOS R6"}


@pytest.mark.parametrize(
    "block, want",
    [
        (None, None),
        (b"", None),
        (b"nonsense", None),
        (exif(), None),
        (exif(**CANON), CAMERA),
        (exif(make="Canon"), None),
        (exif(make=" ", model="\0"), None),
        (exif(**CANON, software="Firmware Version 1.0.1"), CAMERA),
        (exif(make="Apple", model="iPhone 13", software="17.4.1"), CAMERA),
        (exif(make="Google", model="Pixel 7", software="HDR+ 1.0.540104767zd"), CAMERA),
        (exif(make="NIKON CORPORATION", model="NIKON D750", software="Ver.1.10"), CAMERA),
        (exif(**CANON, software="Adobe Photoshop Lightroom 6.0 (Windows)"), None),
        (exif(**CANON, software="GIMP 2.10.30"), None),
        (exif(**CANON, processed_by="digiKam-7.8"), None),
        (exif(software="Blender 4.1"), SRGB),
        (exif(software="gnome-screenshot"), SRGB),
        (exif(software="paint.net 5"), None),
        (exif(comment=b"ASCII\0\0\0Screenshot"), SRGB),
        (exif(**CANON, comment=b"ASCII\0\0\0A Blender render on my screen"), CAMERA),
    ],
)
def test_what_exif_says(block, want):
    got = family_prior(block)
    assert got == want
    assert got is None or (tuple(got) == FAMILIES and sum(got.values()) == pytest.approx(1))


@pytest.mark.filterwarnings("ignore")  # of Pillow, about what it meets
@settings(max_examples=200, deadline=None)
@given(st.integers(0, 200), st.binary(min_size=1, max_size=12), st.booleans())
def test_damaged_exif_is_no_error(at, junk, cut):
    whole = exif(**CANON, software="Ver 1", comment=b"ASCII\0\0\0hello")
    damaged = whole[:at] + junk + (b"" if cut else whole[at + len(junk) :])
    assert family_prior(damaged) in (None, CAMERA, SRGB)
    assert family_prior(junk) is None


def test_log_odds():
    assert log_odds(None) == [0, 0, 0] and log_odds(dict.fromkeys(FAMILIES, 1 / 3)) == pytest.approx([0, 0, 0])
    for wrong in (
        {"camera": 1.0},
        {"camera": 1.0, "srgb": 0.0, "dorf": 0.0},
        {"camera": 0.9, "srgb": 0.9, "dorf": 0.1},
    ):
        with pytest.raises(ValueError, match="summing to 1"):
            log_odds(wrong)


@pytest.mark.parametrize("network", NETWORKS)
def test_likelihoods_are_multiplied_and_none_changes_nothing(small_photo, network):
    net, code = wild(NETWORKS[network]()), as_code(small_photo)
    plain, same, told = (net.estimate(code, *prior) for prior in ((), (None,), (CAMERA,)))
    assert all(torch.equal(plain[name], same[name]) for name in plain)
    if network != "linearization":  # there it is done crop by crop
        want = plain["families"] * torch.tensor([CAMERA[f] for f in FAMILIES])
        torch.testing.assert_close(told["families"], want / want.sum())
    assert told["families"][0] > plain["families"][0] and told["families"].sum() == pytest.approx(1)
    assert torch.equal(told["inverse"], plain["inverse"]) == (network == "crf"), "CRF-net's curve knows no families"


def test_curve_is_the_mean_weighted_anew(small_photo):
    net, code = ResponseNet().eval(), as_code(small_photo)  # untrained: the family means, equally likely
    got = net.estimate(code, SRGB)["inverse"]
    want = torch.tensor([SRGB[f] for f in FAMILIES]) @ net.family_means
    torch.testing.assert_close(compress(got), want, atol=1e-4, rtol=0)
    curve = HDRPipeline(net, None).estimate_response(code, SRGB)
    assert curve.facts["prior"] == SRGB and curve.facts["families"] == pytest.approx(SRGB)
    assert "prior" not in HDRPipeline(net, None).estimate_response(code).facts


def test_files_bring_it_and_it_can_be_left_out(small_photo, tmp_path):
    path, network = tmp_path / "photo.jpg", ResponseNet()
    Image.fromarray(small_photo).save(path, exif=exif(**CANON))
    told, plain = estimate_response(path, network=network), estimate_response(path, network=network, exif=False)
    assert told.facts["prior"] == CAMERA and "prior" not in plain.facts
    assert estimate_response(Image.open(path), network=network).facts["prior"] == CAMERA
    assert "prior" not in estimate_response(small_photo, network=network).facts
    buffer = io.BytesIO()
    Image.fromarray(small_photo).save(buffer, "PNG")
    (tmp_path / "bare.png").write_bytes(buffer.getvalue())
    assert "prior" not in estimate_response(tmp_path / "bare.png", network=network).facts


def test_command_line(small_photo, tmp_path):
    needs_weights()
    from hdrrecon.cli.main import app

    path = tmp_path / "photo.jpg"
    Image.fromarray(small_photo).save(path, exif=exif(**CANON))

    def call(*words):
        return CliRunner().invoke(app, [*words, str(path)])

    assert "EXIF says: camera 90 %" in call("response", "--device", "cpu").output
    without = call("response", "--no-exif", "--device", "cpu")
    assert without.exit_code == 0 and "EXIF" not in without.output
    assert "says camera 90 %, srgb 5 %, dorf 5 %" in call("info").output


def wild(net):
    """Random heads, so that photos and families differ."""
    torch.manual_seed(0)
    for name, p in net.named_parameters():
        if name.startswith(("head", "curves", "families")):
            torch.nn.init.normal_(p, std=0.05)
    return net.eval()
