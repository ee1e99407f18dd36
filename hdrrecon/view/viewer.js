"use strict";
// Light arrives as half floats (see packing.py), is drawn by one fragment shader, and is probed on the CPU.
const $ = id => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const state = { ev: 0, tone: 0, show: 0, wipe: null, zoom: 1, x: 0, y: 0, looking: false, yaw: 0, pitch: 0, fov: 75, extended: false };
const WEIGHTS = [0.2126, 0.7152, 0.0722];

const SHADER = `#version 300 es
precision highp float; precision highp int; precision highp sampler2D;
uniform sampler2D light, photo, legend, inverse;
uniform vec2 canvas, origin, scale;   // origin, scale: image coordinates (0 to 1) of the top left corner, per canvas pixel
uniform vec3 look;                    // yaw, pitch in radians, tangent of half the vertical field of view
uniform float ev, wipe, lod, white;   // wipe: canvas pixel left of which the photo shows; white: for Reinhard
uniform int tone, show;
uniform bool panorama, extended;
out vec4 color;
const float PI = 3.14159265358979;
vec3 encode(vec3 v) { vec3 a = abs(v); return sign(v) * mix(1.055 * pow(a, vec3(1. / 2.4)) - .055, 12.92 * a, lessThanEqual(a, vec3(.0031308))); }
vec3 known(vec3 v) { return vec3(isnan(v.r) ? 0. : v.r, isnan(v.g) ? 0. : v.g, isnan(v.b) ? 0. : v.b); }
float luminance(vec3 v) { return dot(v, vec3(.2126, .7152, .0722)); }
vec3 developed(vec3 v) {
  if (extended) return v;
  v = clamp(v, 0., 65504.);
  if (tone == 1) { float y = luminance(v); v *= (1. + y / (white * white)) / (1. + y); }
  if (tone == 2) { v = .6 * min(v, 1e4); v = v * (2.51 * v + .03) / (v * (2.43 * v + .59) + .14); }
  return clamp(v, 0., 1.);
}
void main() {
  vec2 at = vec2(gl_FragCoord.x, extended ? gl_FragCoord.y : canvas.y - gl_FragCoord.y),  // WebGPU counts rows downwards
     uv = origin + at * scale;
  if (panorama) {
    vec2 p = (2. * at - canvas) / canvas.y * look.z;
    vec3 d = normalize(vec3(p.x, -p.y, 1.));
    d = vec3(d.x, d.y * cos(look.y) + d.z * sin(look.y), d.z * cos(look.y) - d.y * sin(look.y));
    uv = vec2(.5 + (atan(d.x, d.z) + look.x) / (2. * PI), .5 - asin(clamp(d.y, -1., 1.)) / PI);
  } else if (any(lessThan(uv, vec2(0))) || any(greaterThanEqual(uv, vec2(1)))) { color = vec4(.06, .065, .08, 1); return; }
  vec4 here = textureLod(light, uv, lod);
  vec3 v = here.rgb;
  if (at.x < wipe) {
    vec3 code = textureLod(photo, uv, lod).rgb * (255. / 256.) + .5 / 256.;
    v = vec3(texture(inverse, vec2(code.r, .5)).r, texture(inverse, vec2(code.g, .5)).g, texture(inverse, vec2(code.b, .5)).b);
    here.a = 1.;
  }
  if (show == 1) {
    float stops = log2(max(luminance(known(v)), exp2(-20.)));
    bool broken = any(isnan(v)) || any(isinf(v));
    color = vec4(broken ? vec3(0, 1, 0) : texture(legend, vec2((stops + 10.) / 20., .5)).rgb, 1);
    return;
  }
  vec3 shown = encode(developed(known(v) * exp2(ev)));
  if (show == 2) shown = mix(shown, vec3(1., .2, .85), .8 * (1. - here.a));
  color = vec4(shown, 1);
}`;

const fromHalf = h => {
  const e = h >> 10 & 31, m = h & 1023, sign = h >> 15 ? -1 : 1;
  return e === 31 ? (m ? NaN : sign * Infinity) : sign * (e ? 2 ** (e - 15) * (1 + m / 1024) : 2 ** -14 * (m / 1024));
};
const ONE = 0x3c00;

async function inflate(id) {
  const text = $(id).textContent.trim();
  $(id).remove();
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
}

// Undo packing.py: RGB and confidence as half floats, (H, W, 4).
function unpack(bytes, width, height, shift, trusted) {
  const n = width * height, out = new Uint16Array(4 * n);
  for (let y = 0, i = 0; y < height; y++) {
    let r = 0, g = 0, b = 0, c = 0;
    for (let x = 0; x < width; x++, i++) {
      let z = bytes[i] << 8 | bytes[n + i];
      const dg = z >>> 1 ^ -(z & 1);
      z = bytes[2 * n + i] << 8 | bytes[3 * n + i];
      const dr = z >>> 1 ^ -(z & 1);
      z = bytes[4 * n + i] << 8 | bytes[5 * n + i];
      const db = z >>> 1 ^ -(z & 1);
      g = g + dg & 0xffff; r = r + dr + dg & 0xffff; b = b + db + dg & 0xffff;
      out[4 * i] = r << shift; out[4 * i + 1] = g << shift; out[4 * i + 2] = b << shift;
      if (trusted) { c = c + bytes[6 * n + i] & 0xff; out[4 * i + 3] = HALF_OF_BYTE[c]; } else out[4 * i + 3] = ONE;
    }
  }
  return out;
}
const HALF_OF_BYTE = Uint16Array.from({ length: 256 }, (_, code) => {
  if (!code) return 0;
  const e = Math.floor(Math.log2(code / 255));
  return Math.round((e + 15) * 1024 + (code / 255 / 2 ** e - 1) * 1024);
});

// For textures smaller than the image: means over blocks, as floats.
function reduced(half, width, height, factor) {
  const w = Math.ceil(width / factor), h = Math.ceil(height / factor), out = new Float32Array(4 * w * h), count = new Float32Array(w * h);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) {
    const o = Math.floor(y / factor) * w + Math.floor(x / factor);
    count[o]++;
    for (let c = 0; c < 4; c++) out[4 * o + c] += fromHalf(half[4 * i + c]);
  }
  for (let o = 0; o < out.length; o++) out[o] /= count[o >> 2];
  return { pixels: out, width: w, height: h };
}

class Painter {
  constructor(canvas, half) {
    const gl = this.gl = canvas.getContext("webgl2", { alpha: false, antialias: false, powerPreference: "high-performance" });
    if (!gl) throw new Error("This browser offers no WebGL2, which the picture needs. Try another browser, or switch hardware acceleration on.");
    this.canvas = canvas;
    const program = this.program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, "#version 300 es\nvoid main() { gl_Position = vec4(vec2(gl_VertexID << 1 & 2, gl_VertexID & 2) * 2. - 1., 0, 1); }"], [gl.FRAGMENT_SHADER, SHADER]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source); gl.compileShader(shader); gl.attachShader(program, shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) throw new Error(gl.getShaderInfoLog(shader));
    }
    gl.linkProgram(program); gl.useProgram(program);
    this.places = new Map();
    this.mipmaps = Boolean(gl.getExtension("EXT_color_buffer_float") || gl.getExtension("EXT_color_buffer_half_float"));
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    const { width, height } = facts, limit = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    this.factor = Math.ceil(Math.max(width, height) / limit);
    this.texture(0, "light");
    if (this.factor > 1) {
      const small = reduced(half, width, height, this.factor);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, small.width, small.height, 0, gl.RGBA, gl.FLOAT, small.pixels);
    } else gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, width, height, 0, gl.RGBA, gl.HALF_FLOAT, half);
    if (gl.getError()) throw new Error(`The graphics memory does not hold ${width} x ${height} pixels. Write a smaller page with --max-mb.`);
    if (this.mipmaps) gl.generateMipmap(gl.TEXTURE_2D);
    this.texture(1, "photo");
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    this.texture(2, "legend");
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, facts.legend.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, Uint8Array.from(facts.legend.flatMap(c => [...c, 255])));
    this.texture(3, "inverse");
    const curves = facts.response ? facts.response.inverse : [facts.srgb];
    const table = Float32Array.from({ length: 4 * curves[0].length }, (_, i) => (curves[i % 4] || curves[0])[i >> 2]);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, curves[0].length, 1, 0, gl.RGBA, gl.FLOAT, table);
  }
  texture(unit, name) {
    const gl = this.gl, texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit); gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, name === "light" || name === "photo" ? gl.REPEAT : gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, name === "light" && this.mipmaps ? gl.LINEAR_MIPMAP_LINEAR : gl.LINEAR);
    gl.uniform1i(this.place(name), unit);
  }
  usePhoto(image) {
    const gl = this.gl, limit = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    let source = image;
    if (Math.max(image.width, image.height) > limit) {
      const shrink = limit / Math.max(image.width, image.height);
      source = Object.assign(document.createElement("canvas"), { width: Math.floor(image.width * shrink), height: Math.floor(image.height * shrink) });
      source.getContext("2d").drawImage(image, 0, 0, source.width, source.height);
    }
    gl.activeTexture(gl.TEXTURE1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, source);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  }
  place(name) {
    if (!this.places.has(name)) this.places.set(name, this.gl.getUniformLocation(this.program, name));
    return this.places.get(name);
  }
  draw() {
    const gl = this.gl, { width: w, height: h } = this.canvas, ratio = devicePixelRatio;
    gl.viewport(0, 0, w, h);
    const zoom = state.zoom * ratio;
    gl.uniform2f(this.place("canvas"), w, h);
    gl.uniform2f(this.place("scale"), 1 / (zoom * facts.width), 1 / (zoom * facts.height));
    gl.uniform2f(this.place("origin"), (state.x - w / 2 / zoom) / facts.width, (state.y - h / 2 / zoom) / facts.height);
    const half = Math.tan(state.fov * Math.PI / 360);
    gl.uniform3f(this.place("look"), state.yaw, state.pitch, half);
    gl.uniform1f(this.place("ev"), state.ev);
    gl.uniform1f(this.place("wipe"), state.wipe === null ? -1 : state.wipe * w);
    gl.uniform1f(this.place("white"), Math.max(1, facts.bright * 2 ** state.ev));
    // Texels per canvas pixel decide how far to blur; computed here, since the seam of a panorama has no derivative.
    const texels = (state.looking ? facts.width / (2 * Math.PI) * 2 * half / h : 1 / zoom) / this.factor;
    gl.uniform1f(this.place("lod"), Math.max(0, Math.log2(texels)));
    gl.activeTexture(gl.TEXTURE0);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, !state.looking && zoom >= 2 ? gl.NEAREST : gl.LINEAR);
    gl.uniform1i(this.place("tone"), state.tone); gl.uniform1i(this.place("show"), state.show);
    gl.uniform1i(this.place("panorama"), state.looking); gl.uniform1i(this.place("extended"), state.extended);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

// Canvases of WebGL end at white; one of WebGPU may go beyond, so the picture is drawn into half floats and carried there.
class BrightScreen {
  static async open(painter) {
    const adapter = navigator.gpu && await navigator.gpu.requestAdapter();
    if (!adapter || !painter.gl.getExtension("EXT_color_buffer_float")) return null;
    const screen = Object.assign(new BrightScreen(), { painter, device: await adapter.requestDevice(), canvas: document.createElement("canvas") });
    screen.context = screen.canvas.getContext("webgpu");
    screen.context.configure({ device: screen.device, format: "rgba16float", toneMapping: { mode: "extended" },
      usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC });
    const made = screen.context.getConfiguration && screen.context.getConfiguration();
    if (!made || !made.toneMapping || made.toneMapping.mode !== "extended") return null;
    painter.canvas.after(screen.canvas);
    return screen;
  }
  paint() {
    const { painter: { gl, canvas: { width, height } } } = this;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const target = gl.createRenderbuffer(), frame = gl.createFramebuffer(), pixels = new Uint16Array(4 * width * height);
    gl.bindRenderbuffer(gl.RENDERBUFFER, target);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.RGBA16F, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, target);
    this.painter.draw();
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.HALF_FLOAT, pixels);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.deleteFramebuffer(frame); gl.deleteRenderbuffer(target);
    this.device.queue.writeTexture({ texture: this.context.getCurrentTexture() }, pixels, { bytesPerRow: 8 * width }, [width, height]);
  }
}

function note(text) { const p = document.createElement("p"); p.className = "soft"; p.textContent = text; $("notes").append(p); $("notes").hidden = false; }
