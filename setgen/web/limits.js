// What a climber lays down, as the tensors that an exported model takes: setgen/sets/limits.py for one board.

import { bool, float32, int64 } from "./sampling.js";

// wanted: {forbid, feet, max_holds, reach} as the page asks for them. given: [[placement, role], …], which stay.
// Raises an Error for what contradicts itself.
export function limitsOf(board, space, wanted, given) {
  const [n, labels] = [board.placements.length, space.labels];
  const foot = space.roles.indexOf("foot");
  const bounds = space.bounds.map(([low, high]) => [low, high]);
  if (wanted.feet === "none") bounds[foot] = [0, 0];
  if (wanted.feet === "marked") bounds[foot][0] = Math.max(1, bounds[foot][0]);
  if (wanted.feet === "marked" && !bounds[foot][1]) throw new Error("Feet cannot be marked: this board has no foot holds.");
  const forbidden = new Set((wanted.forbid ?? "").split(",").filter(Boolean).map((one) => Number(one.slice(1))));
  for (const [place, role] of given) {
    const name = board.placements[place].name || `p${board.placements[place].id}`;
    if (forbidden.has(board.placements[place].id)) throw new Error(`${name} is given, and forbidden: choose one.`);
    if (role === foot && wanted.feet === "none") throw new Error(`${name} is given as a foot hold, and feet are none: choose one.`);
  }
  const elements = board.placements.flatMap(({ id }) => bounds.map(([, high]) => high > 0 && !forbidden.has(id)));
  const near = new Float32Array(n * n);
  if (wanted.reach) {
    board.placements.forEach((one, i) => {
      board.placements.forEach((other, j) => {
        near[i * n + j] = Math.hypot(one.x - other.x, one.y - other.y) <= wanted.reach ? 1 : 0;
      });
    });
  }
  // A hand hold is to lie near a hand hold, a foot hold near any; one whose role is open serves everybody.
  const every = [...Array(labels).keys()];
  const anchors = every.flatMap((r) => [...every.map((s) => s !== foot || r === foot), true]);
  return {
    labels: int64([...bounds.map(([low]) => low), ...bounds.map(([, high]) => high)], [2, labels]),
    sizes: int64([space.sizes[0], Math.min(space.sizes[1], wanted.max_holds ?? Infinity)], [2]),
    elements: bool(elements, [n, labels]),
    near: float32(near, [n, n]),
    anchors: bool(anchors, [labels, labels + 1]),
    reach: bool([Boolean(wanted.reach)], []),
  };
}
