// An exported generator in the browser: the loop of setgen/runtime/generator.py over the same graphs.
//
//     sizes ← a draw each
//     arrays ← start(prompts, limits)            which draws the first hold too
//     until every climb is complete:
//         arrays ← step(arrays, limits)          appends the hold drawn last, and draws the next
//
// Network, rules and draws are in the graphs; what is here is bookkeeping of rows.

import * as ort from "../ort/ort.js";

const ROOT = new URL("../", import.meta.url);
ort.env.wasm.wasmPaths = { wasm: new URL("ort/ort.wasm", ROOT).href };
ort.env.wasm.numThreads = 1; // more need headers that plain web spaces do not send
ort.env.logLevel = "error";

const [SIZE, ORDER, FIRST] = [0, 1, 2]; // columns of the noise: see setgen/sets/noise.py
const ROOM = 16; // columns by which caches grow

export const int64 = (values, dims) => new ort.Tensor("int64", BigInt64Array.from(values, BigInt), dims);
export const bool = (values, dims) => new ort.Tensor("bool", Uint8Array.from(values, Number), dims);
export const float64 = (values, dims) => new ort.Tensor("float64", Float64Array.from(values), dims);
export const float32 = (values, dims) => new ort.Tensor("float32", Float32Array.from(values), dims);

// A network by name: named tensors in, named tensors out; whatever else it is given is left aside.
export async function network(folder, name) {
  const [graph, weights] = await Promise.all([bytes(`${folder}/${name}.onnx`), bytes(`${folder}/weights.bin`)]);
  const session = await oneByOne(() =>
    ort.InferenceSession.create(graph, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "basic", // more takes longer than it saves
      externalData: [{ path: "weights.bin", data: weights }],
    }),
  );
  const run = async (...given) => {
    const all = Object.assign({}, ...given);
    const known = Object.fromEntries(session.inputNames.map((one) => [one, all[one]]));
    const found = await oneByOne(() => session.run(known));
    return Object.fromEntries(Object.entries(found).map(([one, tensor]) => [one.replace(/^next\./, ""), tensor]));
  };
  run.inputs = session.inputNames;
  return run;
}

// One call of the runtime after the other: while a session is made it knows files of weights by their names alone, and
// those of two folders are alike; and it breaks where one session runs while another is made.
let before = Promise.resolve();

function oneByOne(action) {
  const mine = before.then(action);
  before = mine.catch(() => {});
  return mine;
}

const files = new Map();

function bytes(path) {
  if (!files.has(path)) files.set(path, loaded(path));
  return files.get(path);
}

// Networks of phones drop a request now and then: each file is asked for up to three times.
async function loaded(path, tries = 3) {
  try {
    const answer = await fetch(new URL(path, ROOT));
    if (!answer.ok) throw new Error(`${path} cannot be loaded (${answer.status}): export the page again.`);
    return new Uint8Array(await answer.arrayBuffer());
  } catch (error) {
    if (tries > 1) {
      await new Promise((later) => setTimeout(later, 500));
      return loaded(path, tries - 1);
    }
    throw error instanceof TypeError ? new Error(`${path} cannot be loaded: reload the page.`) : error;
  }
}

export class Sampler {
  // settings: settings.json of the export. space: {widest, labels} of the board.
  static async load(folder, settings, space) {
    const names = ["sizes", "start", "step"];
    const [sizes, start, step] = await Promise.all(names.map((name) => network(folder, name)));
    return Object.assign(new Sampler(), { settings, space, sizes, start, step });
  }

  // n climbs around one prompt: lists of [placement index, role index], given ones first.
  // prompt: {holds: [[placement, role], …], codes: {angle, grade}}. limits: tensors (see limits.js). size: holds of each
  // climb, 0 where it is the model's to say. noise: n rows of uniforms; null: fresh ones.
  async sample(prompt, n, limits, size = 0, temperature = 1, noise = null) {
    const { known, given, uniforms } = this.asked(prompt, n, limits, temperature, noise);
    const rows = (one) => Array(n).fill(one);
    const wanted = { wanted: int64(rows(size), [n]), uniform: float64(uniforms.map((row) => row[SIZE]), [n]) };
    const sized = await this.sizes(known, given, wanted);
    const possible = this.among(sized);
    if (!possible.length) throw new Error(`No climb keeps to these limits with the ${prompt.holds.length} holds given.`);
    if (size && !possible.includes(size)) {
      throw new Error(`${size} holds cannot be had: here a climb has ${possible[0]} to ${possible.at(-1)}.`);
    }
    const sizes = this.settings.draws_size ? Array.from(sized.size.data, Number) : rows(size);
    const order = uniforms.map((row) => (temperature > 0 ? Math.floor(row[ORDER] * this.settings.orders) : 0));
    return this.grow(prompt, known, sizes, order, given, uniforms);
  }

  // How many holds a climb around the prompt may have, rising.
  async possible(prompt, limits) {
    const { known, given } = this.asked(prompt, 1, limits, 1, null);
    return this.among(await this.sizes(known, given, { wanted: int64([0], [1]), uniform: float64([0.5], [1]) }));
  }

  among({ possible }) {
    return [...possible.data.subarray(0, this.space.widest + 1).keys()].filter((count) => possible.data[count]);
  }

  asked(prompt, n, limits, temperature, noise) {
    const columns = FIRST + 2 * (this.space.widest + 1);
    const uniforms = noise ?? Array.from({ length: n }, () => Float64Array.from({ length: columns }, Math.random));
    const given = { ...limits, temperature: float64([temperature], []), repeats: bool([false], []) };
    const width = Math.max(1, prompt.holds.length);
    const rows = (one) => Array.from({ length: n }, () => one).flat();
    const padded = (values) => rows([...values, ...Array(width - values.length).fill(0)]);
    const known = {
      item: int64(padded(prompt.holds.map(([place]) => place)), [n, width]),
      label: int64(padded(prompt.holds.map(([, role]) => role)), [n, width]),
      present: bool(padded(prompt.holds.map(() => 1)), [n, width]),
    };
    for (const [name, code] of Object.entries(prompt.codes)) known[`of.${name}`] = int64(rows(code), [n]);

    return { known, given, uniforms };
  }

  async grow(prompt, known, sizes, order, given, uniforms) {
    const grown = sizes.map(() => [...prompt.holds]);
    const elements = this.space.placements * this.space.labels;
    let going = sizes.map((_, i) => i).filter((i) => !this.settings.draws_size || grown[i].length < sizes[i]);
    let arrays = { ...known, size: int64(sizes, [sizes.length]), order: int64(order, [sizes.length]) };
    arrays = rowsOf(arrays, going);
    let [run, column] = [this.start, 0];
    for (let draws = 0; going.length && draws <= this.space.widest; draws += 1) {
      const place = (i) => FIRST + (this.settings.noise === "column" ? grown[i].length : 2 * draws);
      const uniform = going.flatMap((i) => [uniforms[i][place(i)], uniforms[i][place(i) + 1]]);
      const found = await run(arrays, given, { uniform: float64(uniform, [going.length, 2]) });
      arrays = Object.fromEntries(Object.entries(arrays).filter(([name]) => this.step.inputs.includes(name)));
      column = this.keep(arrays, found, column);
      run = this.step;
      const stay = [];
      going.forEach((i, row) => {
        const element = Number(found.element.data[row]);
        if (found.new.data[row]) grown[i].push([Math.floor(element / this.space.labels), element % this.space.labels]);
        if (this.settings.draws_size ? grown[i].length < sizes[i] : element < elements) stay.push(row);
      });
      if (stay.length < going.length) arrays = rowsOf(arrays, stay);
      going = stay.map((row) => going[row]);
    }
    return grown;
  }

  // Take over what a call gave; new columns of caches go where the last ones end. Where they end now.
  keep(arrays, found, end) {
    for (const name of this.step.inputs) if (name in found) arrays[name] = found[name];
    let begin = end;
    for (const [name, axis] of Object.entries(this.settings.caches)) {
      begin = begin || found[name].dims[axis]; // the first call gives what it has read so far whole
      end = begin;
      const added = found[`new.${name}`];
      if (!added) continue;
      end = begin + added.dims[axis];
      arrays[name] = withColumns(arrays[name], axis, begin, added);
    }
    return end;
  }
}

// Some rows of every tensor, in their order.
function rowsOf(arrays, rows) {
  const some = (tensor) => {
    const width = tensor.dims.slice(1).reduce((a, b) => a * b, 1);
    const data = new tensor.data.constructor(rows.length * width);
    rows.forEach((row, i) => data.set(tensor.data.subarray(row * width, (row + 1) * width), i * width));
    return new ort.Tensor(tensor.type, data, [rows.length, ...tensor.dims.slice(1)]);
  };
  return Object.fromEntries(Object.entries(arrays).map(([name, tensor]) => [name, some(tensor)]));
}

// The cache with the columns `added` at `begin` along an axis, widened where it is too narrow.
function withColumns(cache, axis, begin, added) {
  const product = (sizes) => sizes.reduce((a, b) => a * b, 1);
  const [outer, inner] = [product(cache.dims.slice(0, axis)), product(cache.dims.slice(axis + 1))];
  const [old, more] = [cache.dims[axis], added.dims[axis]];
  const wide = begin + more > old ? old + Math.max(ROOM, more) : old;
  const data = wide === old ? cache.data : new cache.data.constructor(outer * wide * inner);
  for (let i = 0; i < outer; i += 1) {
    if (wide !== old) data.set(cache.data.subarray(i * old * inner, (i + 1) * old * inner), i * wide * inner);
    data.set(added.data.subarray(i * more * inner, (i + 1) * more * inner), (i * wide + begin) * inner);
  }
  return new ort.Tensor(cache.type, data, [...cache.dims.slice(0, axis), wide, ...cache.dims.slice(axis + 1)]);
}
