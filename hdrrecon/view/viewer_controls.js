"use strict";
// Buttons, pointer, keys and the probe. Everything changes `state` and asks for a new picture.
let painter = null, bright = null, half = null, bitmap = null, asked = false;

function redraw() {
  if (asked || !painter) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; paint(); });
}
function paint() {
  const stage = $("stage").getBoundingClientRect(), canvas = painter.canvas;
  const [w, h] = [stage.width, stage.height].map(v => Math.max(1, Math.round(v * devicePixelRatio)));
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  if (state.extended) bright.paint();
  else painter.draw();
}

const fitted = () => { const s = $("stage").getBoundingClientRect(); return Math.min(s.width / facts.width, s.height / facts.height); };
function fit() { Object.assign(state, { zoom: fitted(), x: facts.width / 2, y: facts.height / 2 }); redraw(); }
function zoomBy(factor, px = null, py = null) {
  if (state.looking) state.fov = Math.min(120, Math.max(10, state.fov / factor));
  else {
    const s = $("stage").getBoundingClientRect(), zoom = Math.min(64, Math.max(Math.min(0.02, fitted()), state.zoom * factor));
    const [dx, dy] = px === null ? [0, 0] : [px - s.width / 2, py - s.height / 2];
    state.x += dx / state.zoom - dx / zoom; state.y += dy / state.zoom - dy / zoom; state.zoom = zoom;
  }
  redraw();
}

function expose(ev) {
  state.ev = Math.min(12, Math.max(-12, ev));
  $("exposure").value = state.ev;
  $("exposure-text").textContent = `${state.ev > 0 ? "+" : ""}${+state.ev.toFixed(1)} EV`;
  redraw();
}
function show(mode) {
  state.show = mode;
  ["picture", "false", "trust"].forEach((id, i) => $(id).setAttribute("aria-pressed", i === mode));
  legend(mode);
  redraw();
}
function legend(mode) {
  const place = $("legend"), canvas = place.querySelector("canvas"), scale = place.querySelector("div");
  place.hidden = mode === 0;
  if (mode === 0) return;
  const colors = mode === 1 ? facts.legend : Array.from({ length: 200 }, (_, i) => [255, 51, 217].map(v => Math.round(128 + 0.8 * (1 - i / 199) * (v - 128))));
  place.querySelector("h2").textContent = mode === 1 ? "Stops above the clip level" : "Confidence";
  canvas.width = colors.length;
  const context = canvas.getContext("2d");
  colors.forEach((c, i) => { context.fillStyle = `rgb(${c})`; context.fillRect(i, 0, 1, 1); });
  scale.replaceChildren(...(mode === 1 ? ["−10", "−5", "clip", "+5", "+10"] : ["invented", "measured"]).map(text => Object.assign(document.createElement("span"), { textContent: text })));
}
function wipe(at) {
  state.wipe = at === null ? null : Math.min(1, Math.max(0, at));
  for (const id of ["wipe", "before", "after"]) $(id).hidden = at === null;
  $("compare").setAttribute("aria-pressed", at !== null);
  if (at !== null) { $("wipe").style.left = `${100 * state.wipe}%`; $("wipe").setAttribute("aria-valuenow", Math.round(100 * state.wipe)); }
  redraw();
}
function lookAround(on) {
  state.looking = on;
  $("panorama").setAttribute("aria-pressed", on);
  for (const id of ["fit", "full"]) $(id).hidden = on;
  redraw();
}

// Image pixel under a point of the stage (CSS pixels), or null outside.
function pixelAt(px, py) {
  const s = $("stage").getBoundingClientRect();
  let x = state.x + (px - s.width / 2) / state.zoom, y = state.y + (py - s.height / 2) / state.zoom;
  if (state.looking) {
    const t = Math.tan(state.fov * Math.PI / 360), a = (2 * px - s.width) / s.height * t, b = -(2 * py - s.height) / s.height * t;
    const cos = Math.cos(state.pitch), sin = Math.sin(state.pitch), up = b * cos + sin, ahead = cos - b * sin;
    const turns = 0.5 + (Math.atan2(a, ahead) + state.yaw) / (2 * Math.PI);
    x = (turns - Math.floor(turns)) * facts.width;
    y = (0.5 - Math.asin(up / Math.hypot(a, up, ahead)) / Math.PI) * facts.height;
  }
  x = Math.floor(x); y = Math.floor(y);
  return x < 0 || y < 0 || x >= facts.width || y >= facts.height ? null : [x, y];
}
function probe(px, py) {
  const at = half && pixelAt(px, py), output = $("probe");
  if (!at) { output.textContent = "Point at the picture, or tap it."; delete output.dataset.rgb; return; }
  const i = 4 * (at[1] * facts.width + at[0]), rgb = [0, 1, 2].map(c => fromHalf(half[i + c]));
  const light = rgb.reduce((sum, v, c) => sum + v * WEIGHTS[c], 0), number = v => (Number.isFinite(v) ? +v.toPrecision(5) : v);
  const stops = Math.log2(light), lines = [`x ${at[0]}   y ${at[1]}`, ...rgb.map((v, c) => `${"RGB"[c]}  ${number(v)}`), `luminance  ${number(light)}`];
  if (Number.isFinite(stops)) lines.push(`${Math.abs(stops).toFixed(2)} stops ${stops < 0 ? "below" : "above"} clip`);
  if (facts.white_nits) lines.push(`${number(light * facts.white_nits)} cd/m² (1.0 = ${number(facts.white_nits)})`);
  if (facts.confidence) lines.push(`confidence  ${fromHalf(half[i + 3]).toFixed(2)}`);
  if (bitmap) lines.push(`photo  ${photoCodes(...at).join(" ")}`);
  if (facts.panorama) lines.push(`longitude ${((at[0] + 0.5) / facts.width * 360 - 180).toFixed(1)}°  latitude ${(90 - (at[1] + 0.5) / facts.height * 180).toFixed(1)}°`);
  output.textContent = lines.join("\n");
  output.dataset.rgb = rgb.join(" ");
}

function drawCurve() {
  if (!facts.response) return;
  const line = samples => samples.map((v, i) => `${(10 + 200 * i / (samples.length - 1)).toFixed(1)},${(210 - 200 * v).toFixed(1)}`).join(" ");
  const colors = facts.response.inverse.length === 3 ? ["#ff7b6b", "#7fd48a", "#7aa8ff"] : ["#ffd36b"];
  const curves = facts.response.inverse.map((samples, i) => `<polyline points="${line(samples)}" fill="none" stroke="${colors[i]}" stroke-width="2"/>`).join("");
  $("curve").insertAdjacentHTML("beforeend", `<svg viewBox="0 0 220 226" role="img" aria-label="Light over code value"><rect x="10" y="10" width="200" height="200" fill="none" stroke="#3a3d42"/>
    <polyline points="${line(facts.srgb)}" fill="none" stroke="#9aa0a8" stroke-dasharray="4 4"/>${curves}
    <text x="10" y="223" fill="#9aa0a8" font-size="11">code value → light; dashed: sRGB</text></svg>`);
  const name = Object.assign(document.createElement("p"), { className: "soft", textContent: facts.response.name });
  $("curve").append(name);
  $("curve").hidden = false;
}

// The page opens where restored light can be seen, and says so until something is touched.
function hint(text) {
  const place = $("hint");
  place.textContent = text;
  place.hidden = false;
  for (const kind of ["pointerdown", "keydown", "wheel"]) addEventListener(kind, () => { place.hidden = true; }, { once: true });
}

function connect() {
  const stage = $("stage"), fingers = new Map();
  let held = null, spread = null;
  // Two fingers: their middle and their distance, in CSS pixels of the stage.
  const pinch = () => { const [a, b] = [...fingers.values()]; return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, far: Math.hypot(a[0] - b[0], a[1] - b[1]) }; };
  $("exposure").addEventListener("input", e => expose(+e.target.value));
  $("reset").onclick = () => expose(0);
  $("tone").addEventListener("change", e => { state.tone = +e.target.value; redraw(); });
  ["picture", "false", "trust"].forEach((id, i) => { $(id).onclick = () => show(state.show === i ? 0 : i); });
  $("compare").onclick = () => wipe(state.wipe === null ? 0.5 : null);
  $("panorama").onclick = () => lookAround(!state.looking);
  $("fit").onclick = fit;
  $("full").onclick = () => { state.zoom = 1 / devicePixelRatio; redraw(); };
  $("in").onclick = () => zoomBy(1.5);
  $("out").onclick = () => zoomBy(1 / 1.5);
  $("hdr").onclick = () => {
    state.extended = !state.extended;
    $("hdr").setAttribute("aria-pressed", state.extended);
    bright.canvas.hidden = !state.extended;
    redraw();
  };
  const inStage = e => { const s = stage.getBoundingClientRect(); return [e.clientX - s.left, e.clientY - s.top]; };
  stage.addEventListener("pointerdown", e => { 
    if (e.target === $("wipe")) return;
    fingers.set(e.pointerId, inStage(e));
    stage.setPointerCapture(e.pointerId);
    held = fingers.size === 1 ? inStage(e) : null;
    spread = fingers.size === 2 ? pinch() : null;
    probe(...inStage(e));
  });
  stage.addEventListener("pointermove", e => {
    const [px, py] = inStage(e);
    if (fingers.has(e.pointerId)) fingers.set(e.pointerId, [px, py]);
    if (spread && fingers.size === 2) {
      const now = pinch();
      if (!state.looking) { state.x -= (now.x - spread.x) / state.zoom; state.y -= (now.y - spread.y) / state.zoom; }
      zoomBy(now.far / Math.max(spread.far, 1), now.x, now.y);
      spread = now;
      return;
    }
    if (held) {
      const [dx, dy] = [px - held[0], py - held[1]];
      held = [px, py];
      if (state.looking) {
        const perPixel = state.fov * Math.PI / 180 / stage.clientHeight;
        state.yaw -= dx * perPixel; state.pitch = Math.min(1.57, Math.max(-1.57, state.pitch + dy * perPixel));
      } else { state.x -= dx / state.zoom; state.y -= dy / state.zoom; }
      redraw();
    }
    probe(px, py);
  });
  for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, e => { fingers.delete(e.pointerId); held = spread = null; });
  stage.addEventListener("wheel", e => { e.preventDefault(); zoomBy(Math.exp(-e.deltaY / 400), ...inStage(e)); }, { passive: false });
  const handle = $("wipe");
  handle.addEventListener("pointerdown", e => { handle.setPointerCapture(e.pointerId); e.stopPropagation(); });
  handle.addEventListener("pointermove", e => { if (handle.hasPointerCapture(e.pointerId)) wipe(inStage(e)[0] / stage.clientWidth); });
  handle.addEventListener("keydown", e => { const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[e.key]; if (step) { wipe(state.wipe + step); e.preventDefault(); } });
  const keys = { 0: "reset", f: "false", c: "trust", b: "compare", p: "panorama" };
  addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.tagName === "SELECT") return;
    const id = keys[e.key];
    if (id && !$(id).hidden) $(id).click();
  });
  // A driver that crashes takes the textures with it, not the light.
  painter.canvas.addEventListener("webglcontextlost", e => e.preventDefault());
  painter.canvas.addEventListener("webglcontextrestored", () => {
    if (state.extended) $("hdr").click();
    painter = new Painter($("canvas"), half);
    if (bitmap) painter.usePhoto(bitmap);
    if (bright) bright.painter = painter;
    redraw();
  });
  let wasFitted = true;
  new ResizeObserver(() => { if (wasFitted) fit(); redraw(); }).observe(stage);
  for (const kind of ["wheel", "pointerdown"]) stage.addEventListener(kind, () => { wasFitted = false; });
  for (const id of ["full", "in", "out"]) $(id).addEventListener("click", () => { wasFitted = false; });
  $("fit").addEventListener("click", () => { wasFitted = true; });
}

const board = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
function photoCodes(x, y) {
  board.drawImage(bitmap, Math.floor((x + 0.5) / facts.width * bitmap.width), Math.floor((y + 0.5) / facts.height * bitmap.height), 1, 1, 0, 0, 1, 1);
  return [...board.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}
async function usePhoto() {
  const source = $("photo").textContent.trim();
  $("photo").remove();
  if (!source) return;
  const image = new Image();
  image.src = source;
  await image.decode();
  bitmap = await createImageBitmap(image);
  painter.usePhoto(bitmap);
  $("before").textContent = facts.response ? "photo, linearised" : "photo, through sRGB";
  $("compare").hidden = false;
}

async function start() {
  if (!("DecompressionStream" in window)) throw new Error("This browser is too old to unpack the light (no DecompressionStream). Chrome 80, Firefox 113 and Safari 16.4 can.");
  half = unpack(await inflate("light"), facts.width, facts.height, facts.shift, facts.confidence);
  painter = new Painter($("canvas"), half);
  facts.notes.forEach(note);
  if (painter.factor > 1) note(`Shown at 1/${painter.factor} of its size, the most that this device can draw. Values under the pointer are those of the full image.`);
  $("trust").hidden = !facts.confidence;
  $("panorama").hidden = !facts.panorama;
  drawCurve();
  connect();
  fit();
  paint();
  painter.gl.finish();
  $("message").remove();
  document.documentElement.dataset.firstPictureMs = Math.round(performance.now());
  await usePhoto();
  if (facts.start_stops < 0) {
    expose(facts.start_stops);
    if (bitmap) wipe(0.5);
    hint(`Opened ${-facts.start_stops} ${facts.start_stops === -1 ? "stop" : "stops"} darker, so that restored light shows. 0 EV: as the photo was.`);
  }
  if (matchMedia("(dynamic-range: high)").matches) bright = await BrightScreen.open(painter).catch(() => null);
  if (bright) {
    bright.canvas.hidden = true; $("hdr").hidden = false;
    bright.device.lost.then(() => { if (state.extended) $("hdr").click(); $("hdr").hidden = true; });
  }
  document.documentElement.dataset.ready = "yes";
}
start().catch(error => { const place = $("message"); if (place) place.textContent = error.message; else note(error.message); });
