"""The page: written by Python, judged by a browser."""

import os
import time

import numpy as np
import pytest
from PIL import Image

import hdrrecon
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.view.falsecolor import false_color
from hdrrecon.view.packing import packed_size
from hdrrecon.view.tonemap import tonemap
from hdrrecon.view.viewer import write_viewer
from tests.browser import Browser


@pytest.fixture(scope="module")
def browser():
    with Browser(1000, 640) as browser:
        yield browser


@pytest.fixture
def page(tmp_path, small_hdr, small_photo):
    """A page with everything on it."""
    confidence = np.where(small_hdr.max(axis=2) >= 1, 0.25, 1).astype(np.float32)
    return write_viewer(
        tmp_path / "sun.html",
        small_hdr,
        photo=small_photo,
        confidence=confidence,
        response=ResponseCurve.gamma(2),
        white_nits=203,
    )


def open_plain(browser, path):
    """Open a page and bring it to the photo's own exposure."""
    browser.open(path)
    browser.run("expose(0), wipe(null), $('hint').hidden = true")


def shown(browser) -> np.ndarray:
    """The image as it is on the screen: (96, 128, 3), from the middles of its enlarged pixels."""
    stage = browser.run("(s => [s.left, s.top, s.width, s.height])($('stage').getBoundingClientRect())")
    zoom = browser.run("state.zoom")
    y, x = (np.arange(n) for n in (96, 128))
    rows = np.rint(stage[1] + stage[3] / 2 + (y + 0.5 - 48) * zoom - 0.5).astype(int)
    columns = np.rint(stage[0] + stage[2] / 2 + (x + 0.5 - 64) * zoom - 0.5).astype(int)
    return browser.picture()[rows[:, None], columns]


def hover(browser, x, y):
    place = browser.run(
        f"(s => [s.left + s.width / 2 + ({x} + .5 - state.x) * state.zoom, "
        f"s.top + s.height / 2 + ({y} + .5 - state.y) * state.zoom])($('stage').getBoundingClientRect())"
    )
    browser.mouse("mouseMoved", *place)
    return browser.run("$('probe').dataset.rgb"), browser.run("$('probe').textContent")


def slide(browser, ev):
    browser.run(f"$('exposure').value = {ev}; $('exposure').dispatchEvent(new Event('input'))")


def test_it_renders_and_fetches_nothing(browser, page, small_hdr):
    open_plain(browser, page)
    assert np.abs(shown(browser).astype(int) - tonemap(small_hdr, "clip")).max() <= 1
    assert [a for a in browser.addresses() if not a.startswith(("file:", "data:"))] == [] and browser.errors() == []
    assert browser.run("document.title") == "sun" and "gamma 2" in browser.run("$('curve').textContent")


def test_the_slider_exposes(browser, page, small_hdr):
    open_plain(browser, page)
    for ev in (-6, 3, -2):
        slide(browser, ev)
        assert np.abs(shown(browser).astype(int) - tonemap(small_hdr, "clip", ev)).max() <= 1
    assert browser.run("$('exposure-text').textContent") == "-2 EV"
    browser.run("$('reset').click()")
    assert np.abs(shown(browser).astype(int) - tonemap(small_hdr, "clip")).max() <= 1


def test_tone_curves_are_those_of_the_library(browser, page, small_hdr):
    open_plain(browser, page)
    for index, method in ((1, "reinhard"), (2, "filmic")):
        browser.run(f"$('tone').value = {index}; $('tone').dispatchEvent(new Event('change'))")
        assert np.abs(shown(browser).astype(int) - tonemap(small_hdr, method)).max() <= 2


def test_the_probe_reads_what_is_in_the_file(browser, tmp_path, small_hdr):
    from hdrrecon.io.exr_extras import read_extras, response_attribute

    confidence = np.random.default_rng(0).random((96, 128)).astype(np.float32)
    hdrrecon.write(
        tmp_path / "x.exr", small_hdr, confidence=confidence, attributes=response_attribute(ResponseCurve.gamma(2))
    )
    light, extras = hdrrecon.read(tmp_path / "x.exr"), read_extras(tmp_path / "x.exr")
    assert np.abs(extras.response.inverse - ResponseCurve.gamma(2).inverse).max() < 1e-4 and extras.white_nits == 203
    open_plain(
        browser, write_viewer(tmp_path / "x.html", light, confidence=extras.confidence, white_nits=extras.white_nits)
    )
    for x, y in [(90, 20), (0, 0), (127, 95), (25, 75)]:
        rgb, text = hover(browser, x, y)
        assert [float(v) for v in rgb.split()] == light[y, x].tolist() and f"x {x}   y {y}" in text
        assert (
            float(text.split("confidence  ")[1].split()[0]) == pytest.approx(confidence[y, x], abs=0.008)
            and "cd/m²" in text
        )
    browser.run("$('out').click()")
    browser.mouse("mouseMoved", 5, 400)  # beside the image
    assert browser.run("$('probe').textContent") == "Point at the picture, or tap it."


def test_zoom_and_drag_keep_the_probe_right(browser, page, small_hdr):
    open_plain(browser, page)
    for kind in ("in", "in", "full", "in"):
        browser.run(f"$('{kind}').click()")
    browser.drag((400, 330), (385, 320))
    browser.mouse("mouseWheel", 390, 330, deltaX=0, deltaY=-200)
    x, y = browser.run("[Math.floor(state.x), Math.floor(state.y)]")
    rgb, _ = hover(browser, x, y)
    assert [float(v) for v in rgb.split()] == small_hdr.astype(np.float16)[y, x].tolist() and (x, y) != (64, 48)


def test_false_colour(browser, page, small_hdr):
    open_plain(browser, page)
    browser.run("$('false').click()")
    expected = false_color(small_hdr, legend=False)
    off = np.abs(shown(browser).astype(int) - expected).max(axis=2)
    assert np.percentile(off, 99) <= 12 and "clip" in browser.run("$('legend').textContent"), "200 colours for 20 stops"
    slide(browser, 4)
    assert np.percentile(np.abs(shown(browser).astype(int) - expected).max(axis=2), 99) <= 12, (
        "stops do not depend on the exposure"
    )


def test_confidence(browser, page, small_hdr):
    open_plain(browser, page)
    plain = shown(browser)
    browser.run("$('trust').click()")
    changed = (shown(browser) != plain).any(axis=2)
    assert np.array_equal(changed, small_hdr.max(axis=2) >= 1) and "invented" in browser.run("$('legend').textContent")


def test_before_and_after(browser, page, small_hdr, small_photo):
    open_plain(browser, page)
    browser.run("$('compare').click()")
    slide(browser, -3)
    picture, after = shown(browser), tonemap(small_hdr, "clip", -3)
    before = tonemap(ResponseCurve.gamma(2).linearize(small_photo / 255), "clip", -3)
    assert np.abs(picture[:, :60].astype(int) - before[:, :60]).mean() < 2, (
        "left: the photo through the response, exposed"
    )
    assert np.abs(picture[8:40, 68:].astype(int) - after[8:40, 68:]).max() <= 1
    stage = browser.run("(s => [s.left + s.width / 2, s.top + 100])($('stage').getBoundingClientRect())")
    browser.drag(tuple(stage), (stage[0] - 300, stage[1]))
    assert browser.run("+$('wipe').getAttribute('aria-valuenow')") < 25
    assert "photo" in hover(browser, 100, 10)[1]


def panorama():
    """(64, 128, 3): red grows with longitude, green with latitude."""
    y, x = np.mgrid[0:64, 0:128].astype(np.float32)
    return np.stack([(x + 0.5) / 128, 1 - (y + 0.5) / 64, np.full_like(x, 0.5)], -1)


def test_looking_around(browser, tmp_path):
    open_plain(browser, write_viewer(tmp_path / "p.html", panorama()))
    browser.run("$('panorama').click()")
    stage = browser.run("(s => [s.left, s.top, s.width, s.height])($('stage').getBoundingClientRect())")
    middle = (stage[0] + stage[2] / 2, stage[1] + stage[3] / 2)

    def seen(x, y):
        """Longitude and latitude drawn there, and those the probe says."""
        code = browser.picture()[int(y), int(x)] / 255
        light = np.where(code > 0.04045, ((code + 0.055) / 1.055) ** 2.4, code / 12.92)
        browser.mouse("mouseMoved", x, y)
        said = browser.run("$('probe').textContent").split("longitude ")[1]
        return (
            light[0] * 360 - 180,
            light[1] * 180 - 90,
            float(said.split("°")[0]),
            float(said.split("latitude ")[1][:-1]),
        )

    assert np.abs(seen(*middle)).max() < 4
    upper_right = (middle[0] + 180, middle[1] - 200)
    lon, lat, said_lon, said_lat = seen(*upper_right)
    assert lon > 15 and lat > 20 and abs(lon - said_lon) < 4 and abs(lat - said_lat) < 4, "picture and probe agree"
    browser.drag(middle, (middle[0] - 300, middle[1] + 100))
    lon, lat, said_lon, said_lat = seen(*middle)
    assert lon == pytest.approx(300 * 75 / stage[3], abs=4) and lat == pytest.approx(100 * 75 / stage[3], abs=4)
    assert abs(lon - said_lon) < 4 and abs(lat - said_lat) < 4


def test_the_seam_of_a_panorama_does_not_show(browser, tmp_path):
    light = np.full((256, 512, 3), 0.2, np.float32)
    open_plain(browser, write_viewer(tmp_path / "p.html", light))
    browser.run("$('panorama').click(); state.yaw = Math.PI; state.fov = 120; redraw()")
    assert np.ptp(browser.picture()[100:, 20:700].reshape(-1, 3), axis=0).max() <= 1
    assert browser.run("$('panorama').hidden") is False


def test_panoramas_too_large_for_the_page_still_look_around(browser, tmp_path):
    light = np.random.default_rng(0).random((500, 1000, 3)).astype(np.float32)
    open_plain(browser, write_viewer(tmp_path / "p.html", light, max_mb=1))
    width, height = browser.run("[facts.width, facts.height]")
    assert width != 2 * height < 1000, "rounded"
    assert browser.run("$('panorama').hidden") is False
    browser.run("$('panorama').click()")
    assert browser.run("state.looking") is True and browser.errors() == []


def test_only_panoramas_look_around(browser, page):
    open_plain(browser, page)
    assert browser.run("$('panorama').hidden") is True


def with_patch(browser, source, page):
    script = browser("Page.addScriptToEvaluateOnNewDocument", source=source)["identifier"]
    try:
        open_plain(browser, page)
    finally:
        browser("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def test_an_image_beyond_the_texture_limit_is_shown_smaller(browser, page, small_hdr):
    limit = """const kind = WebGL2RenderingContext.prototype, old = kind.getParameter;
      kind.getParameter = function (p) { return p === this.MAX_TEXTURE_SIZE ? 50 : old.call(this, p); };"""
    with_patch(browser, limit, page)
    assert "1/3 of its size" in browser.run("$('notes').textContent")
    rgb, _ = hover(browser, 91, 20)
    assert [float(v) for v in rgb.split()] == small_hdr.astype(np.float16)[20, 91].tolist()
    sky, expected = shown(browser)[3:9, 3:9].astype(int), tonemap(small_hdr, "clip")[3:9, 3:9]
    assert np.abs(sky - expected).max() <= 3
    browser.run("$('compare').click()")
    assert browser.errors() == []


def test_light_above_white_reaches_an_hdr_screen(browser, page, small_hdr):
    """With a stand-in for WebGPU, which headless browsers lack: what would be sent to the screen is caught."""
    stand_in = """const old = matchMedia;
      window.matchMedia = q => (q.includes("dynamic-range") ? { matches: true } : old(q));
      const context = {
        configure(c) { this.c = c; }, getConfiguration() { return this.c; }, getCurrentTexture: () => ({})
      };
      const get = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, o) {
        return kind === "webgpu" ? context : get.call(this, kind, o);
      };
      window.GPUTextureUsage = { RENDER_ATTACHMENT: 1, COPY_DST: 2, COPY_SRC: 4 };
      const queue = { writeTexture(target, pixels, layout, size) { window.sent = { pixels, size }; } };
      const device = { lost: new Promise(() => {}), queue };
      const adapter = { requestDevice: async () => device };
      Object.defineProperty(navigator, "gpu", { value: { requestAdapter: async () => adapter } });"""
    with_patch(browser, stand_in, page)
    browser.run("$('hdr').click()")
    browser.wait("Boolean(window.sent)")
    x, y = browser.run(
        "(s => [s.width / 2 + 26.5 * state.zoom, s.height / 2 - 27.5 * state.zoom].map(Math.floor))"
        "($('stage').getBoundingClientRect())"
    )
    sent = browser.run(f"[0, 1, 2].map(c => fromHalf(sent.pixels[4 * ({y} * sent.size[0] + {x}) + c]))")
    expected = 1.055 * small_hdr[20, 90] ** (1 / 2.4) - 0.055  # sRGB goes on beyond 1
    assert sent == pytest.approx(expected.tolist(), rel=2e-3) and min(sent) > 5
    browser.run("$('hdr').click()")
    assert np.abs(shown(browser).astype(int) - tonemap(small_hdr, "clip")).max() <= 1


def test_a_lost_graphics_context_comes_back(browser, page, small_hdr):
    open_plain(browser, page)
    browser.run(
        "window.loser = painter.gl.getExtension('WEBGL_lose_context'); loser.loseContext(); window.first = painter"
    )
    time.sleep(0.1)
    browser.run("loser.restoreContext()")
    browser.wait("painter !== first")
    assert np.abs(shown(browser).astype(int) - tonemap(small_hdr, "clip")).max() <= 1


def test_no_webgl_is_said(browser, page):
    source = """const kind = HTMLCanvasElement.prototype, get = kind.getContext;
      kind.getContext = function (k, o) { return k === 'webgl2' ? null : get.call(this, k, o); };"""
    script = browser("Page.addScriptToEvaluateOnNewDocument", source=source)["identifier"]
    browser.open(page, until="document.getElementById('message')?.textContent.includes('WebGL2')")
    browser("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def test_four_megapixels_are_small_and_quick(browser, tmp_path):
    """A photo-like picture: smooth light, edges, and the noise of 8-bit codes."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:1632, 0:2448].astype(np.float32)
    stops = 2 * np.sin(x / 300) + 2 * np.cos(y / 200 + x / 900) + (np.sin(x / 40) * np.sin(y / 55) > 0.6) - 2
    light = (
        (2.0**stops)[..., None]
        * np.float32([1, 0.9, 0.75])
        * (1 + 0.02 * rng.standard_normal((1632, 2448, 3), np.float32))
    )
    page = write_viewer(tmp_path / "big.html", light, photo=tonemap(light, "clip"), confidence=np.clip(stops - 1, 0, 1))
    assert page.stat().st_size < 20e6
    milliseconds = []
    for _ in range(3):
        browser.open(page, seconds=60)
        milliseconds.append(browser.run("+document.documentElement.dataset.firstPictureMs"))
    if os.getloadavg()[0] < os.cpu_count():  # what a busy machine needs says nothing about the page
        assert min(milliseconds) < 2000


def test_names_cannot_break_out(browser, tmp_path, small_hdr):
    name = '</script><script>window.broken = 1</script>%LIGHT%<b>"'
    page = write_viewer(
        tmp_path / "x.html", small_hdr, title=name, response=ResponseCurve(ResponseCurve.srgb().inverse, name)
    )
    open_plain(browser, page)
    assert browser.run("document.title") == name and browser.run("window.broken") is None
    assert name in browser.run("$('curve').textContent")


def test_light_that_is_too_large_for_the_page(browser, tmp_path):
    light = np.random.default_rng(0).random((700, 900, 3)).astype(np.float32)
    page = write_viewer(
        tmp_path / "x.html", light, confidence=np.ones((700, 900)), photo=(light * 255).astype(np.uint8), max_mb=1
    )
    assert page.stat().st_size < 1e6
    open_plain(browser, page)
    assert "Shrunk from 900 x 700" in browser.run("$('notes').textContent")
    page = write_viewer(tmp_path / "y.html", light, max_mb=packed_size(light) / 1e6)
    assert page.stat().st_size < packed_size(light) and "rounded to 0.2 %" in page.read_text()


def test_broken_light_is_drawn(browser, tmp_path):
    light = np.full((8, 8, 3), 0.5, np.float32)
    light[0, 0], light[1, 1], light[2, 2] = np.nan, np.inf, 1e9
    open_plain(browser, write_viewer(tmp_path / "x.html", light))
    assert "3 values are beyond" in browser.run("$('notes').textContent") and browser.errors() == []
    assert hover(browser, 0, 0)[0] == "NaN NaN NaN" and hover(browser, 1, 1)[0] == "Infinity Infinity Infinity"


def test_the_photo_may_be_a_file(tmp_path, small_hdr, small_photo):
    Image.fromarray(small_photo).save(tmp_path / "p.jpg")
    Image.fromarray(small_photo).save(tmp_path / "p.png")
    import base64

    own = base64.b64encode((tmp_path / "p.jpg").read_bytes()).decode()  # it holds nothing but the picture
    assert own in write_viewer(tmp_path / "a.html", small_hdr, photo=tmp_path / "p.jpg").read_text(), (
        "a JPEG goes in as it is"
    )
    assert "data:image/jpeg" in write_viewer(tmp_path / "b.html", small_hdr, photo=tmp_path / "p.png").read_text()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("x.txt", np.ones((4, 4, 3))), "extension .html"),
        (("x.html", np.ones((4, 4, 3), np.uint8)), "uint8"),
        (("x.html", np.ones((4, 4))), r"\(H, W, 3\)"),
        (("x.html", np.ones((4, 4, 3)), {"confidence": np.ones((3, 4))}), "confidence of shape"),
        (("x.html", np.ones((4, 4, 3)), {"photo": np.ones((4, 8, 3), np.uint8)}), "do not show the same"),
        (("x.html", np.ones((4, 4, 3)), {"photo": np.ones((4, 4, 3))}), "uint8, got float64"),
        (("x.html", np.ones((4, 4, 3)), {"max_mb": 0.1}), "at least 0.5"),
    ],
)
def test_what_cannot_be_shown(tmp_path, arguments, words):
    name, light, options = (*arguments, {})[:3]
    with pytest.raises(ValueError, match=words):
        write_viewer(tmp_path / name, light, **options)
    assert not list(tmp_path.iterdir())


def test_an_image_longer_than_any_texture_is_shrunk(tmp_path):
    page = write_viewer(tmp_path / "x.html", np.full((8, 20_000, 3), 0.5, np.float32))
    assert "Shrunk from 20000 x 8 to 16384 x 7" in page.read_text()


def test_it_opens_where_restored_light_shows_and_says_so(browser, page, tmp_path, small_hdr):
    """All but the brightest thousandth below white, the photo beside; nothing of it where nothing is above white."""
    browser.open(page)
    stops = browser.run("state.ev")
    assert -6 <= stops <= -1 and browser.run("state.wipe") == 0.5
    assert f"{-stops} stop" in browser.run("$('hint').textContent") and not browser.run("$('hint').hidden")
    browser.run("dispatchEvent(new KeyboardEvent('keydown', {key: '0'}))")
    assert browser.run("state.ev") == 0 and browser.run("$('hint').hidden")
    browser.open(write_viewer(tmp_path / "dark.html", np.minimum(small_hdr, 0.9)))
    assert browser.run("state.ev") == 0 and browser.run("state.wipe") is None and browser.run("$('hint').hidden")


def test_two_fingers_zoom(browser, page):
    browser.open(page)
    before = browser.run("state.zoom")
    finger = (
        "(kind, id, x) => $('stage').dispatchEvent(new PointerEvent(kind, {pointerId: id, clientX: x, clientY: "
        "300, bubbles: true}))"
    )
    browser.run("$('stage').setPointerCapture = () => {}")
    browser.run(
        f"(f => {{ f('pointerdown', 7, 300); f('pointerdown', 8, 400); f('pointermove', 8, 500); f('pointerup', "
        f"8, 500); f('pointerup', 7, 300); }})({finger})"
    )
    assert browser.run("state.zoom") == pytest.approx(2 * before)


def test_nothing_empty_stands_on_the_page_and_it_fits_a_phone(page):
    with Browser(390, 844) as phone:
        phone.open(page)
        assert phone.run("document.documentElement.scrollWidth") <= 390
        empty = (
            "[...document.querySelectorAll('aside section:not([hidden])')].filter(s => s.textContent.trim() === "
            "'').length"
        )
        assert phone.run(empty) == 0 and phone.run("$('probe').textContent") != ""


def test_a_page_that_is_handed_on_does_not_say_where_the_photo_was_taken(tmp_path, small_hdr, small_photo):
    import base64
    import re

    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 30.0)
    Image.fromarray(small_photo).save(tmp_path / "p.jpg", exif=exif, comment=b"at home")
    text = write_viewer(tmp_path / "a.html", small_hdr, photo=tmp_path / "p.jpg").read_text()
    embedded = base64.b64decode(re.search(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", text)[1])
    assert embedded[:2] == b"\xff\xd8" and b"Maker" not in embedded and b"Exif" not in embedded
    assert b"at home" not in embedded


@pytest.mark.parametrize("white", [float("nan"), float("inf"), 0.0, -5.0])
def test_a_white_that_is_none_does_not_break_the_page(tmp_path, small_hdr, white):
    import re

    text = write_viewer(tmp_path / "a.html", small_hdr, white_nits=white).read_text()
    assert "NaN" not in re.search(r"\{\"width\".*?\n", text)[0] and '"white_nits": null' in text
