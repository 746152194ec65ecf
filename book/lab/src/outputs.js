/**
 * What a coalition earns, from the network's logits.
 *
 * @typedef {{kind: "logit" | "difference" | "probability", target: number, other: number}} Output
 */

/** @param {ArrayLike<number>} logits @returns {number[]} */
export function softmax(logits) {
  const top = Math.max(...Array.from(logits));
  const powers = Array.from(logits, (z) => Math.exp(z - top));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

/** @param {Output} output @param {ArrayLike<number>} logits @returns {number} */
export function earned(output, logits) {
  if (output.kind === "probability") return softmax(logits)[output.target];
  if (output.kind === "logit") return logits[output.target];
  return logits[output.target] - logits[output.other];
}
