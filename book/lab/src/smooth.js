/** Gaussian smoothing as scipy.ndimage does it, up to rounding. */

/**
 * @param {number} index any whole number
 * @param {number} length
 * @param {"reflect" | "nearest"} edge what lies beyond the border
 */
function inside(index, length, edge) {
  if (edge === "nearest") return Math.min(Math.max(index, 0), length - 1);
  const period = 2 * length;
  const i = ((index % period) + period) % period;
  return i < length ? i : period - 1 - i;
}

/**
 * @param {Float32Array} image height * width * channels numbers
 * @param {number} height
 * @param {number} width
 * @param {number} channels
 * @param {number} sigma standard deviation in pixels; 0 returns the image
 * @param {"reflect" | "nearest"} edge
 * @returns {Float32Array}
 */
export function smooth(image, height, width, channels, sigma, edge) {
  if (sigma <= 0) return image;
  const radius = Math.trunc(4 * sigma + 0.5);
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const total = kernel.reduce((a, b) => a + b);
  const weights = kernel.map((w) => w / total);
  /** @param {Float32Array} from @param {number} n @param {number} stride @param {number} lines */
  const along = (from, n, stride, lines) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      // of the pixels in one line, the first one
      const start = stride === channels ? line * width * channels : line * channels;
      for (let i = 0; i < n; i++) {
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let k = -radius; k <= radius; k++) {
            sum += weights[k + radius] * from[start + inside(i + k, n, edge) * stride + c];
          }
          to[start + i * stride + c] = sum;
        }
      }
    }
    return to;
  };
  const down = along(image, height, width * channels, width);
  return along(down, width, channels, height);
}
