// What the page asks of a server, done in the browser: same calls, same answers (setgen/serving/page/api.js).

import { element, holdRadius, thumbnail } from "./shapes.js";
import { limitsOf } from "../web/limits.js";
import { best, Judges } from "../web/judging.js";
import { Sampler } from "../web/sampling.js";

const ROOT = new URL("../", import.meta.url);

export const features = { next: false };

const data = fetch(new URL("data.json", ROOT)).then((answer) => answer.json());
const sampler = data.then(({ model, space }) => Sampler.load("model", model, space));
const judges = data.then((all) => Judges.load(all));
for (const promise of [sampler, judges]) promise.catch(() => {}); // said when they are needed
if ("serviceWorker" in navigator) navigator.serviceWorker.register(new URL("sw.js", ROOT)).catch(() => {});

export async function get(path) {
  const { board } = await data;
  return { "v1/board": board, "v1/model": { known: 0 } }[path];
}

export async function models() {
  return [];
}

export async function post(path, body) {
  return CALLS[path](body);
}

// A call whose answer is wanted only if it is not asked for again meanwhile.
export function latest(path) {
  let last = 0;
  return async (body) => {
    const mine = (last += 1);
    const found = await post(path, body);
    return mine === last ? found : null;
  };
}

const CALLS = {
  "v1/generate": (body) => draw(body, []),
  "v1/complete": async (body) => draw(body, await placed(body.holds)),
  "v1/edit": edit,
  "v1/validate": async ({ holds, angle }) => {
    const climb = await asClimb(await placed(holds), angle, null);
    return { readable: true, problem: null, climb: (await (await judges).judge([climb]))[0] };
  },
  "v1/convert": convert,
};

async function edit(body) {
  const holds = await placed(body.holds);
  const { board, space } = await data;
  const kept = holds.filter(([place]) => body.keep.includes(board.placements[place].id));
  const limits = limitsOf(board, space, body, kept);
  const possible = await (await sampler).possible({ holds: kept, codes: codes(space, body) }, limits);
  const away = (size) => Math.abs(size - holds.length);
  return draw(body, kept, possible.reduce((one, other) => (away(other) < away(one) ? other : one), possible[0] ?? 0));
}

async function draw(body, given, size = 0) {
  const { board, space } = await data;
  const limits = limitsOf(board, space, body, given);
  const prompt = { holds: given, codes: codes(space, body) };
  await new Promise((seen) => setTimeout(seen, 20)); // for what is being said, before the work begins
  const drawn = await (await sampler).sample(prompt, body.n * body.best_of, limits, size);
  const climbs = await Promise.all(drawn.map((holds) => asClimb(holds, body.angle, body.grade)));
  return { climbs: best(await (await judges).judge(climbs), body.n) };
}

// 0 where a condition is not given, else its place among the known values plus one.
function codes(space, { angle, grade }) {
  const difficulty = space.grades.find((one) => one.grade === grade)?.difficulty;
  return { angle: space.angles.indexOf(angle) + 1, grade: space.difficulties.indexOf(difficulty) + 1 };
}

async function asClimb(holds, angle, grade) {
  const { board, space } = await data;
  const inOrder = [...holds].sort(([a], [b]) => a - b);
  const number = Object.fromEntries(board.roles.map((role) => [role.role, role.id]));
  return {
    frames: inOrder.map(([place, role]) => `p${board.placements[place].id}r${number[space.roles[role]]}`).join(""),
    holds: inOrder.map(([place, role]) => ({ ...board.placements[place], role: space.roles[role] })),
    angle: angle ?? null,
    grade: grade ?? null,
    v_grade: space.grades.find((one) => one.grade === grade)?.v_grade ?? null,
  };
}

// [[placement index, role index], …] of a frames string. Raises an Error for what is not on the board.
async function placed(frames) {
  const { board, space } = await data;
  if (!/^(p\d+r\d+)*$/.test(frames)) throw new Error(`This is not a frames string: ${frames.slice(0, 60)}`);
  const found = new Map();
  for (const [whole, id, number] of frames.matchAll(/p(\d+)r(\d+)/g)) {
    const place = board.placements.findIndex((one) => one.id === Number(id));
    const role = board.roles.find((one) => one.id === Number(number));
    if (place < 0 || !role) throw new Error(`${whole} is no hold of this board.`);
    if (found.has(place)) throw new Error(`p${id} comes twice.`);
    found.set(place, space.roles.indexOf(role.role));
  }
  return [...found];
}

async function convert({ text, to, angle }) {
  const { link } = await data;
  const [frames, at] = await read(text.trim());
  const { board } = await data;
  if (at !== null && !board.angles.includes(at)) throw new Error(`This board has no angle of ${at}°: it has ${board.angles.join(", ")}.`);
  const climb = await asClimb(await placed(frames), angle ?? at, null);
  const query = new URLSearchParams({ forkFrames: frames, forkName: "setgen" });
  const written = to === "links" ? `${link}/${angle}/create?${query}` : frames;
  return { climbs: await (await judges).judge([climb]), text: `${written}\n`, note: null };
}

// [frames string, angle or null] of a frames string, hole names or a boardsesh link.
async function read(text) {
  const { link } = await data;
  if (/^https?:/.test(text)) {
    const address = URL.parse?.(text) ?? linkOf(text);
    const frames = address.searchParams.get("forkFrames");
    if (frames === null) throw new Error("This link carries no climb: boardsesh's editor has links that do (…/create?forkFrames=…).");
    const board = (link ?? "").split("/").slice(3, 5).join("/");
    if (!address.pathname.startsWith(`/${board}/`)) throw new Error("This link is of another board, or another layout of it.");
    const angle = /\/(-?\d+)\/create\/?$/.exec(address.pathname);
    return [frames, angle ? Number(angle[1]) : null];
  }
  if (/^(p\d+r\d+)+$/.test(text)) return [text, null];
  return [await named(text), null];
}

// Names of the same roles: setgen/climbing/roles.py.
const SYNONYMS = { hand: "middle", hands: "middle", top: "finish", end: "finish", feet: "foot" };

function linkOf(text) {
  try {
    return new URL(text);
  } catch {
    throw new Error("This is no link.");
  }
}

// The frames string of hole names: G5:start, G16, G104:finish; of Kilter's too, which have a comma: 28,21:start,30,21.
async function named(text) {
  const { board } = await data;
  const places = new Map(board.placements.map((one) => [one.name.toLowerCase(), one]));
  const found = [];
  for (const chunk of text.split(/[;\s]+/)) {
    let parts = chunk.split(",").filter(Boolean);
    while (parts.length) {
      const two = parts.slice(0, 2).join(",").toLowerCase().split(":");
      const n = parts.length > 1 && !parts[0].includes(":") && places.has(two[0]) ? 2 : 1;
      const word = parts.slice(0, n).join(",");
      const [name, role = "middle"] = word.toLowerCase().split(":");
      const place = places.get(name);
      const kind = board.roles.find((one) => one.role === (SYNONYMS[role] ?? role));
      if (!place || !kind) {
        throw new Error(`“${word.slice(0, 40)}” is no hold of this board. This page reads frames strings, hole names and boardsesh links; other texts need a server: setgen serve.`);
      }
      found.push(`p${place.id}r${kind.id}`);
      parts = parts.slice(n);
    }
  }
  return found.join("");
}

// The climb as a PNG, white behind it. Angle and grade are not written on it.
export async function picture({ holds }) {
  const { board } = await data;
  const climb = await asClimb(await placed(holds), null, null);
  const drawn = thumbnail(board, climb.holds, holdRadius(board));
  const { left, right, bottom, top } = board.extent;
  const [width, height] = [1200, Math.round((1200 * (top - bottom)) / (right - left))];
  drawn.setAttribute("width", width);
  drawn.setAttribute("height", height);
  drawn.append(element("style", {}, ".body{fill:#c3c3c6;stroke:#6e6e74;stroke-width:.35}.ring{fill:#fff;stroke-width:1.5}.edge{fill:none;stroke:#111;stroke-width:2.3}.letter{fill:#111;text-anchor:middle;dominant-baseline:central;font-weight:700;font-family:sans-serif}"));
  const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(drawn)], { type: "image/svg+xml" }));
  const image = new Image(width, height);
  image.src = url;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const brush = canvas.getContext("2d");
  brush.fillStyle = "#fff";
  brush.fillRect(0, 0, width, height);
  brush.drawImage(image, 0, 0, width, height);
  URL.revokeObjectURL(url);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
