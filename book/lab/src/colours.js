/** The course's signed colours: those of insectlib/visualise/style.py. */
const STOPS = [
  "005692", "0079bb", "509cd8", "96c0ea", "ccdff5", "f6f6f6",
  "ffd4bf", "faa880", "e57840", "bd5115", "88380b",
].map((hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));

/** @param {number} share from -1 to 1 @returns {number[]} red, green, blue */
export function signedColour(share) {
  const place = ((Math.min(Math.max(share, -1), 1) + 1) / 2) * (STOPS.length - 1);
  const below = Math.min(Math.floor(place), STOPS.length - 2);
  const part = place - below;
  return STOPS[below].map((low, c) => low + part * (STOPS[below + 1][c] - low));
}

/** For a bar of colours in a style sheet. */
export const GRADIENT = `linear-gradient(to right, ${STOPS.map((c) => `rgb(${c})`).join(", ")})`;

/** Of the classes, as in the chapters' figures. */
export const CLASS_COLOURS = ["#117733", "#aa4499", "#999933", "#44aa99", "#332288"];
