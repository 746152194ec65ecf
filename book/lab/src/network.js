/**
 * A network of the course, computed by TensorFlow.js: what tools/lab_networks.py has written.
 *
 * @typedef {{shape: number[], type: "float16" | "int8", at: number}} Packed
 * @typedef {{op: string, from: number[], scale?: number, offset?: number, size?: number | number[],
 *   stride?: number, depthwise?: boolean, activation?: string | null, kernel?: Packed,
 *   bias?: Packed}} Operation
 * @typedef {{title: string, size: number, bytes: number, sha256: string, classes: string[],
 *   operations: Operation[]}} Header
 */
import * as tf from "@tensorflow/tfjs-core";

/** @param {number} half the 16 bits of a number; @returns {number} */
function fromHalf(half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * @param {ArrayBuffer} weights
 * @param {Packed} packed
 * @returns {Float32Array}
 */
export function unpack(weights, packed) {
  const length = packed.shape.reduce((a, b) => a * b, 1);
  const values = new Float32Array(length);
  if (packed.type === "float16") {
    const halves = new Uint16Array(weights, packed.at, length);
    for (let i = 0; i < length; i++) values[i] = fromHalf(halves[i]);
    return values;
  }
  const columns = packed.shape[1];
  const scale = new Float32Array(weights, packed.at, columns);
  const whole = new Int8Array(weights, packed.at + 4 * columns, length);
  for (let i = 0; i < length; i++) values[i] = whole[i] * scale[i % columns];
  return values;
}

/** @param {ArrayBuffer} bytes gzipped, or as a server has unpacked them already */
export async function gunzip(bytes) {
  const start = new Uint8Array(bytes, 0, 2);
  if (start[0] !== 0x1f || start[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

export class Network {
  /**
   * @param {Header} header
   * @param {ArrayBuffer} weights not gzipped any more
   */
  constructor(header, weights) {
    this.header = header;
    this.size = header.size;
    /** @param {Packed | undefined} packed */
    const tensor = (packed) =>
      packed && tf.tensor(unpack(weights, packed), /** @type {any} */ (packed.shape));
    this.steps = header.operations.map((operation) => ({
      ...operation,
      kernel: tensor(operation.kernel),
      bias: tensor(operation.bias),
    }));
  }

  /**
   * @param {tf.Tensor4D} pictures values from 0 to 255
   * @returns {tf.Tensor2D} logits
   */
  logits(pictures) {
    return tf.tidy(() => {
      /** @type {any[]} */
      const outputs = [];
      for (const step of this.steps) {
        const [x, other] = step.from.map((index) => (index < 0 ? pictures : outputs[index]));
        outputs.push(compute(step, x, other));
      }
      return outputs[outputs.length - 1];
    });
  }

  dispose() {
    for (const step of this.steps) {
      step.kernel?.dispose();
      step.bias?.dispose();
    }
  }
}

/**
 * @param {any} step
 * @param {any} x
 * @param {any} other
 * @returns {tf.Tensor}
 */
function compute(step, x, other) {
  const { bias, activation = "linear" } = step;
  switch (step.op) {
    case "rescale":
      return tf.add(tf.mul(x, step.scale), step.offset);
    case "resize":
      return tf.image.resizeBilinear(x, step.size, false, true);
    case "maxpool":
      return tf.maxPool(x, step.size, step.size, "valid");
    case "mean":
      return tf.mean(x, [1, 2]);
    case "flatten":
      return tf.reshape(x, [x.shape[0], -1]);
    case "add":
      return tf.add(x, other);
    case "dense":
      return tf.fused.matMul({
        a: x, b: step.kernel, transposeA: false, transposeB: false, bias,
        activation: activation ?? "linear",
      });
    case "conv": {
      const settings = {
        x, filter: step.kernel, strides: step.stride, pad: /** @type {"same"} */ ("same"), bias,
        activation: activation ?? "linear",
      };
      return step.depthwise ? tf.fused.depthwiseConv2d(settings) : tf.fused.conv2d(settings);
    }
    default:
      throw new Error(`operation ${step.op} is not known`);
  }
}
