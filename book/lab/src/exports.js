/** What a reader takes along: the map, the values, and the same experiment in Python. */

/** @param {string} name @param {Blob} blob */
export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} side in pixels
 * @returns {Promise<Blob>} a PNG with hard edges between the segments
 */
export function enlarged(canvas, side = 768) {
  const large = document.createElement("canvas");
  large.width = large.height = side;
  const pen = /** @type {CanvasRenderingContext2D} */ (large.getContext("2d"));
  pen.imageSmoothingEnabled = false;
  pen.drawImage(canvas, 0, 0, side, side);
  return new Promise((resolve) => large.toBlob((blob) => resolve(/** @type {Blob} */ (blob)), "image/png"));
}

/**
 * @param {import("./experiment.js").Setup} setup
 * @returns {Promise<Blob>} the picture as the network gets it, as a PNG
 */
export function pictureFile({ picture, size }) {
  const canvas = new OffscreenCanvas(size, size);
  const image = new ImageData(size, size);
  image.data.forEach((_, i) => (image.data[i] = i % 4 === 3 ? 255 : picture[3 * (i >> 2) + (i % 4)]));
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/**
 * @param {import("./experiment.js").Setup} setup
 * @param {import("./experiment.js").Result} result
 */
export function table(setup, { values, errors }) {
  const pixels = new Int32Array(values.length);
  for (const label of setup.labels) pixels[label]++;
  const lines = ["segment,pixels,value,half_width_95"];
  values.forEach((value, i) => lines.push(`${i},${pixels[i]},${value},${errors ? errors[i] : ""}`));
  return lines.join("\n") + "\n";
}

/**
 * @param {import("./address.js").Settings} settings
 * @param {import("./experiment.js").Manifest} manifest
 * @param {string} target class
 * @param {string} other class
 * @param {number} budget
 * @returns {string} a cell that makes the same with insectlib
 */
export function pythonCell(settings, manifest, target, other, budget) {
  const { dataset, profile } = manifest;
  const courses = { cnn: "course_cnn", small: "course_small_cnn", lite0: "course_transfer" };
  const course = courses[/** @type {keyof courses} */ (settings.net)];
  const explainer = settings.est === "permutation" ? "permutation_shap" : "kernel_shap";
  const { size } = manifest.networks[settings.net];
  const masks = /** @type {Record<string, string>} */ ({
    grey: "np.full_like(picture, 128)",
    white: "np.full_like(picture, 255)",
    black: "np.zeros_like(picture)",
    mean: "mean_colour(picture)",
    blur: "blurred(picture)",
    picture: `load_picture("other.png", ${size})`,
  });
  const helper = { mean: "mean_colour", blur: "blurred" }[settings.base];
  const lines = ["import numpy as np", "", `from insectlib.course import ${course}`];
  const data = settings.strip === "covered" ? "cover_strip, load_picture" : "load_picture";
  lines.push(`from insectlib.data import ${data}`);
  const names = ["superpixels", ...(helper ? [helper] : [])];
  if (settings.est !== "leave-one-out") names.push(explainer);
  lines.push(`from insectlib.explain import ${names.sort().join(", ")}`);
  if (settings.est === "leave-one-out") lines.push("from insectlib.models import model_outputs");
  const files = /** @type {Record<string, string>} */ ({ own: "my picture.jpg", drawn: "picture.png" });
  const file = files[settings.pic] ?? `${settings.pic}.png`;
  lines.push("", `network = ${course}("${dataset}", "${profile}").model`);
  lines.push(`picture = load_picture("${file}", ${size})`);
  if (settings.strip === "covered") lines.push("picture = cover_strip(picture[None])[0]");
  if (settings.cut === "slic") lines.push(`segments = superpixels(picture, n_segments=${settings.n})`);
  else {
    const cells = Math.min(size, Math.max(1, Math.round(Math.sqrt(settings.n))));
    lines.push(
      `at = np.arange(${size}) * ${cells} // ${size}`,
      `segments = at[:, None] * ${cells} + at  # ${cells} by ${cells} squares`,
    );
  }
  lines.push(`baseline = ${masks[settings.base]}`);
  const classes = manifest.networks[settings.net].classes;
  const index = classes.indexOf(target);
  const score =
    settings.out === "difference" ? `[:, ${index}] - scores[:, ${classes.indexOf(other)}]` : `[:, ${index}]`;
  if (settings.est === "leave-one-out") {
    const unit = settings.out === "probability" ? "probabilities" : "logits";
    lines.push(
      "k = segments.max() + 1",
      "shown = np.vstack([np.ones(k), 1 - np.eye(k)]).astype(bool)",
      "pictures = np.where(shown[:, segments, None], picture, baseline).astype(np.float32)",
      `scores = model_outputs(network, pictures, "${unit}")`,
      `scores = scores${score}`,
      "values = scores[0] - scores[1:]",
    );
    return lines.join("\n") + "\n";
  }
  let model = "network";
  let asked = `target="${target}", class_names=${JSON.stringify(classes)}`;
  if (settings.out === "difference") {
    model = "difference";
    asked = 'output="scores"';
    lines.push(
      "",
      "def difference(pictures):",
      "    scores = network.predict(pictures, verbose=0)",
      `    return (scores${score})[:, None]`,
      "",
    );
  } else if (settings.out === "probability") asked += ', output="probabilities"';
  if (settings.est === "kernel-ten") asked += ', l1_reg="num_features(10)"';
  lines.push(
    `explanation = ${explainer}(`,
    `    ${model}, picture, baseline, segments=segments, budget=${budget}, seed=${settings.seed},`,
    `    ${asked},`,
    ")",
  );
  return lines.join("\n") + "\n";
}
