// How holds look: a shape for each hold set, a ring with its own outline and letter for each role.

const SVG = "http://www.w3.org/2000/svg";
const LETTERS = { start: "S", middle: "H", finish: "F" };
const FALLBACK = { start: "#00dd00", middle: "#00ccff", finish: "#ff00ff", foot: "#ffa500" };
// Outlines with radius 1 around the origin.
const OUTLINES = {
  circle: null,
  square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  diamond: [[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]],
  triangle: [[0, -1.1], [1.05, 0.8], [-1.05, 0.8]],
};
const OF_SET = [["circle", 0.6], ["diamond", 0.42], ["triangle", 0.5], ["square", 0.45]];
const OF_ROLE = { start: "square", middle: "circle", finish: "diamond", foot: "triangle" };

export function element(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function outline(shape, radius, attributes) {
  if (!OUTLINES[shape]) return element("circle", { r: radius, ...attributes });
  const points = OUTLINES[shape].map(([x, y]) => `${x * radius},${y * radius}`).join(" ");
  return element("polygon", { points, ...attributes });
}

export function body(holdSet, radius) {
  const [shape, size] = OF_SET[holdSet % OF_SET.length];
  return outline(shape, radius * size, { class: "body" });
}

export function ring(board, role, radius, locked = false) {
  const color = colorOf(board, role);
  const shape = OF_ROLE[role];
  const parts = [
    outline(shape, radius * 0.85, { class: "edge" }),
    outline(shape, radius * 0.85, { class: "ring", stroke: color }),
  ];
  if (LETTERS[role]) {
    const letter = element("text", { class: "letter", "font-size": radius * 0.9 });
    letter.textContent = LETTERS[role];
    parts.push(letter);
  }
  if (locked) parts.push(element("circle", { class: "lock", cx: radius * 0.8, cy: -radius * 0.8, r: radius * 0.34 }));
  return element("g", {}, ...parts);
}

// What may come next, in the shape and colour of its likeliest role; opacity says how likely.
export function warmth(board, role, radius, opacity) {
  return outline(OF_ROLE[role], radius, { class: "warm", fill: colorOf(board, role), opacity });
}

function colorOf(board, role) {
  return board.roles.find((one) => one.role === role)?.color ?? FALLBACK[role];
}

// Forbidden: a cross, which no role has.
export function cross(radius) {
  const arm = radius * 0.7;
  const d = `M${-arm} ${-arm}L${arm} ${arm}M${-arm} ${arm}L${arm} ${-arm}`;
  return element("g", {}, element("path", { class: "cross-edge", d }), element("path", { class: "cross", d }));
}

// How far apart neighbours are in inches: the lower decile of nearest distances.
export function spacing(board) {
  const nearest = board.placements.map((one) =>
    Math.min(...board.placements.filter((o) => o !== one).map((o) => Math.hypot(o.x - one.x, o.y - one.y))),
  );
  nearest.sort((a, b) => a - b);
  return Math.max(1, nearest[Math.floor(nearest.length / 10)]);
}

// Half of that, so that rings hardly touch.
export function holdRadius(board) {
  return 0.48 * spacing(board);
}

export function wall(board, attributes) {
  const { left, right, bottom, top } = board.extent;
  return element("svg", { viewBox: `${left} ${-top} ${right - left} ${top - bottom}`, ...attributes });
}

export function at(placement) {
  return `translate(${placement.x} ${-placement.y})`;
}

// A climb as a small picture, which says nothing to a screen reader: its button does. holds: [{x, y, role}, …].
export function thumbnail(board, holds, radius) {
  const picture = wall(board, { "aria-hidden": "true" });
  for (const placement of board.placements) {
    picture.append(element("g", { transform: at(placement) }, body(placement.hold_set, radius)));
  }
  for (const hold of holds) {
    picture.append(element("g", { transform: at(hold) }, ring(board, hold.role, radius * 1.15)));
  }
  return picture;
}
