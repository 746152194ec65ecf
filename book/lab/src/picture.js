/** Pictures of the reader's own: read, turned as the camera says, and made as small as the network's. */

const LARGEST = 60e6; // bytes of a file
const DRAWN = 1600; // pixels a side at which a picture is drawn before it is made small

/**
 * @param {Blob} file
 * @returns {Promise<ImageData>} at most DRAWN pixels a side
 */
export async function readPicture(file) {
  if (file.size > LARGEST) {
    throw new Error(
      `This file has ${Math.round(file.size / 1e6)} MB; the lab takes pictures up to ${LARGEST / 1e6} MB. ` +
        "Make it smaller first.",
    );
  }
  if (file.type && !file.type.startsWith("image/")) {
    throw new Error(`This is no picture but ${file.type}. Take a JPEG, PNG, WebP or GIF file.`);
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(
      "Your browser cannot read this file as a picture: it may be damaged, or of a kind that it does " +
        "not know. Take a JPEG, PNG, WebP or GIF file.",
    );
  }
  const scale = Math.min(1, DRAWN / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("Your browser gives the lab no canvas to draw on.");
  pen.fillStyle = "#fff"; // behind what is transparent
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return pen.getImageData(0, 0, width, height);
}

/**
 * Squeeze a picture to a square as Pillow's bilinear filter does.
 *
 * @param {{data: Uint8ClampedArray, width: number, height: number}} image four channels
 * @param {number} size
 * @returns {Float32Array} size * size * 3 whole numbers from 0 to 255
 */
export function squeezed(image, size) {
  const { data, width, height } = image;
  const columns = weights(width, size);
  const rows = weights(height, size);
  const narrow = new Float32Array(height * size * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < size; x++) {
      const { first, shares } = columns[x];
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        shares.forEach((share, k) => (sum += share * data[4 * (y * width + first + k) + c]));
        narrow[3 * (y * size + x) + c] = Math.round(sum);
      }
    }
  }
  const square = new Float32Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    const { first, shares } = rows[y];
    for (let i = 0; i < 3 * size; i++) {
      let sum = 0;
      shares.forEach((share, k) => (sum += share * narrow[3 * size * (first + k) + i]));
      square[3 * size * y + i] = Math.round(sum);
    }
  }
  return square;
}

/** Which pixels each new pixel is a mean of, and with which shares. */
function weights(/** @type {number} */ from, /** @type {number} */ to) {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = [];
    for (let k = first; k < end; k++) raw.push(Math.max(0, 1 - Math.abs(k - centre + 0.5) / reach));
    const total = raw.reduce((a, b) => a + b, 0);
    return { first, shares: raw.map((w) => w / total) };
  });
}

/**
 * Paint the label strip over with the row of pixels above it, as insectlib.data.cover_strip.
 *
 * @param {Float32Array} picture size * size * 3
 * @param {number} size
 * @returns {Float32Array}
 */
export function coverStrip(picture, size) {
  const covered = picture.slice();
  for (let i = 0; i < size * size; i++) {
    if (!inStrip(i, size)) continue;
    const above = (size - stripRows(size) - 1) * size + (i % size);
    for (let c = 0; c < 3; c++) covered[3 * i + c] = picture[3 * above + c];
  }
  return covered;
}

const stripRows = (/** @type {number} */ size) => Math.round(0.07 * size);

/** @param {number} i number of a pixel @param {number} size @returns {boolean} */
export function inStrip(i, size) {
  return Math.floor(i / size) >= size - stripRows(size) && i % size >= size - Math.round(0.4 * size);
}
