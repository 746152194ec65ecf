/** Drawing: pictures, outlines of segments, and signed maps. */
import { signedColour } from "./colours.js";

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} size
 * @param {(data: Uint8ClampedArray) => void} fill sets red, green and blue of each pixel
 */
function paint(canvas, size, fill) {
  if (canvas.width !== size) canvas.width = canvas.height = size;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = pen.createImageData(size, size);
  image.data.fill(255);
  fill(image.data);
  pen.putImageData(image, 0, 0);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{picture: Float32Array, hidden: Float32Array, labels: Int32Array, size: number}} setup
 * @param {Uint8Array} row which segments are shown
 */
export function drawMasked(canvas, { picture, hidden, labels, size }, row) {
  paint(canvas, size, (data) => {
    for (let i = 0; i < labels.length; i++) {
      const from = row[labels[i]] ? picture : hidden;
      for (let c = 0; c < 3; c++) data[4 * i + c] = from[3 * i + c];
    }
  });
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{picture: Float32Array, labels: Int32Array, size: number}} setup
 * @param {ArrayLike<number>} values of the segments
 * @param {number} scale the value of the strongest colour
 */
export function drawMap(canvas, { picture, labels, size }, values, scale) {
  const colours = Array.from(values, (value) => signedColour(scale ? value / scale : 0));
  paint(canvas, size, (data) => {
    for (let i = 0; i < labels.length; i++) {
      const grey = (picture[3 * i] + picture[3 * i + 1] + picture[3 * i + 2]) / 765;
      const colour = colours[labels[i]];
      for (let c = 0; c < 3; c++) data[4 * i + c] = colour[c] * (0.8 + 0.2 * grey);
    }
  });
}

/**
 * The outlines of segments as the path of an SVG, in pixels of the picture.
 *
 * @param {Int32Array} labels
 * @param {number} size
 * @param {number} [only] of one segment
 */
export function outline(labels, size, only) {
  const at = (/** @type {number} */ y, /** @type {number} */ x) => {
    if (y < 0 || x < 0 || y >= size || x >= size) return -1;
    return only === undefined ? labels[y * size + x] : Number(labels[y * size + x] === only);
  };
  const empty = only === undefined ? -1 : 0;
  const value = (/** @type {number} */ y, /** @type {number} */ x) => Math.max(at(y, x), empty);
  let path = "";
  for (let line = 0; line <= size; line++) {
    if (only === undefined && (line === 0 || line === size)) continue;
    for (const upright of [false, true]) {
      const differs = (/** @type {number} */ k) =>
        upright ? value(k, line - 1) !== value(k, line) : value(line - 1, k) !== value(line, k);
      for (let k = 0; k < size; k++) {
        if (!differs(k)) continue;
        const start = k;
        while (k + 1 < size && differs(k + 1)) k++;
        path += upright ? `M${line} ${start}v${k + 1 - start}` : `M${start} ${line}h${k + 1 - start}`;
      }
    }
  }
  return path;
}
