/** Some workers, each with a copy of the network: questions go to whichever is free. */

export class Caller {
  /** @param {string} address of the worker's script */
  constructor(address) {
    this.worker = new Worker(address);
    /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    this.next = 0;
    this.worker.onmessage = ({ data }) => {
      const asked = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.error) asked?.reject(new Error(data.error));
      else asked?.resolve(data.result);
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message));
      this.waiting.clear();
    };
  }

  /** @param {string} task @param {object} given @returns {Promise<any>} */
  call(task, given) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, task, given });
    });
  }
}

export class Pool {
  /** @param {string} folder address of the lab's files @param {number} n number of workers */
  constructor(folder, n) {
    this.folder = folder;
    this.callers = Array.from({ length: n }, () => new Caller(`${folder}worker.js`));
    this.started = Promise.all(this.callers.map((c) => c.call("start", { wasm: folder })));
  }

  /** @param {string} task @param {object} given @returns {Promise<any>} of one worker */
  async one(task, given) {
    return this.callers[0].call(task, given);
  }

  /** @param {string} task @param {object} given */
  async all(task, given) {
    await this.started;
    await Promise.all(this.callers.map((caller) => caller.call(task, given)));
  }

  /**
   * Ask about coalitions, in batches, and tell as soon as more of them are answered.
   *
   * @param {Uint8Array[]} rows
   * @param {() => number} batch how many at once
   * @param {(index: number, logits: Float32Array) => void} answered called for each row, in any order
   * @param {() => boolean | Promise<boolean>} goOn asked before each batch
   */
  async ask(rows, batch, answered, goOn) {
    let next = 0;
    const work = async (/** @type {Caller} */ caller) => {
      while (next < rows.length && (await goOn()) && next < rows.length) {
        const start = next;
        const some = rows.slice(start, start + batch());
        next += some.length;
        const players = some[0].length;
        const flat = new Uint8Array(some.length * players);
        some.forEach((row, i) => flat.set(row, i * players));
        const logits = await caller.call("ask", { rows: flat, players });
        const k = logits.length / some.length;
        some.forEach((_, i) => answered(start + i, logits.subarray(i * k, (i + 1) * k)));
      }
    };
    await Promise.all(this.callers.map(work));
  }
}
