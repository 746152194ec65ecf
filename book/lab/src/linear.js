/** Small systems of linear equations. */

/**
 * Factor a symmetric matrix by Cholesky, in place of its lower triangle.
 *
 * @param {Float64Array} matrix n * n numbers
 * @param {number} n
 * @returns {boolean} whether it is positive definite
 */
export function factor(matrix, n) {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k] * matrix[j * n + k];
      if (i > j) matrix[i * n + j] = sum / matrix[j * n + j];
      else if (sum <= 1e-12) return false;
      else matrix[i * n + i] = Math.sqrt(sum);
    }
  }
  return true;
}

/**
 * Solve for one right-hand side.
 *
 * @param {Float64Array} triangle from `factor`
 * @param {number} n
 * @param {ArrayLike<number>} right
 * @returns {Float64Array}
 */
export function solve(triangle, n, right) {
  const x = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= triangle[i * n + k] * x[k];
    x[i] /= triangle[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= triangle[k * n + i] * x[k];
    x[i] /= triangle[i * n + i];
  }
  return x;
}
