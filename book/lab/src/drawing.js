/**
 * A specimen that the reader draws: what tools/lab_drawing.py has written, put together as chosen.
 *
 * @typedef {import("./address.js").Settings} Settings
 * @typedef {{parts: string[], insects: Record<string, string[]>, grounds: Record<string, string>,
 *   labels: Record<string, string>}} Drawing
 */
import { PARTS } from "./address.js";

/**
 * @param {Settings} settings
 * @param {Drawing} drawing
 * @param {number} size
 * @returns {string} an SVG document
 */
export function specimen({ kind, ind, turn, length, ground, label, without }, drawing, size) {
  const page = new DOMParser().parseFromString(drawing.insects[kind][ind - 1], "image/svg+xml");
  const svg = page.documentElement;
  svg.setAttribute("width", String(size));
  svg.setAttribute("height", String(size));
  /** @param {string} part */
  const groups = (part) => [...svg.querySelectorAll(`[data-player="${drawing.parts.indexOf(part)}"]`)];
  const angle = (turn * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)].map((v) => (v * length) / 200);
  // the scale of the unit square to the document's comes first in what stands there
  const frame = /** @type {Element} */ (svg.querySelector("g[filter] > g"));
  const [scale] = /** @type {string} */ (frame.getAttribute("transform")).split(" matrix");
  frame.setAttribute("transform", `${scale} matrix(${cos} ${sin} ${-sin} ${cos} 0.5 0.5)`);
  for (const image of svg.querySelectorAll("image")) image.setAttribute("href", drawing.grounds[ground]);
  const [strip] = groups("strip");
  strip.innerHTML = label === "none" ? "" : drawing.labels[label];
  for (const part of PARTS) {
    if (without.split(" ").includes(part)) for (const group of groups(part)) group.remove();
  }
  return new XMLSerializer().serializeToString(page);
}

/**
 * @param {string} svg
 * @param {number} size
 * @returns {Promise<ImageData>}
 */
export async function pixelsOf(svg, size) {
  const image = new Image(size, size);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = new OffscreenCanvas(size, size);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("Your browser gives the lab no canvas to draw on.");
  pen.drawImage(image, 0, 0, size, size);
  return pen.getImageData(0, 0, size, size);
}
