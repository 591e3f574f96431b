// The whole climb elsewhere on the board: its mirror image, or shifted by the least step that lands on holds.

const DIRECTIONS = { left: [-1, 0], right: [1, 0], up: [0, 1], down: [0, -1] };
const NEAR = 0.5; // inches within which a hold is where it should be

export function mirrored(design, board) {
  if (!design.holds.size) throw new Error("There is nothing to mirror: the climb has no holds.");
  const image = new Map(board.placements.map(({ id, mirror }) => [id, mirror]));
  return moved(design, (id) => image.get(id), "has no mirror image on this board");
}

export function shifted(design, board, direction) {
  if (!design.holds.size) throw new Error("There is nothing to shift: the climb has no holds.");
  const [right, up] = DIRECTIONS[direction];
  const places = new Map(board.placements.map((one) => [one.id, one]));
  const [first] = design.holds.keys();
  const from = places.get(first);
  const steps = board.placements
    .map((there) => ({ along: (there.x - from.x) * right + (there.y - from.y) * up, aside: Math.abs((there.x - from.x) * up) + Math.abs((there.y - from.y) * right) }))
    .filter(({ along, aside }) => along > NEAR && aside <= NEAR)
    .map(({ along }) => along)
    .sort((a, b) => a - b);
  const target = (id, step) => {
    const { x, y } = places.get(id);
    return board.placements.find(
      (there) => Math.abs(there.x - x - step * right) <= NEAR && Math.abs(there.y - y - step * up) <= NEAR,
    )?.id;
  };
  for (const step of steps) {
    if ([...design.holds.keys()].every((id) => target(id, step) !== undefined)) {
      return moved(design, (id) => target(id, step), "");
    }
  }
  throw new Error(`The climb cannot be shifted ${direction}: some hold would lie beside every hold of the board.`);
}

function moved(design, where, problem) {
  const holds = new Map();
  for (const [id, hold] of design.holds) {
    const there = where(id);
    if (there === null || there === undefined) throw new Error(`Hold p${id} ${problem}.`);
    holds.set(there, hold);
  }
  const forbidden = new Set([...design.forbidden].filter((id) => !holds.has(id)));
  return { ...design, holds, forbidden };
}
