// The climb in hand: which holds, in which role, locked or not; angle and grade. A design is never changed,
// a change makes a new one, so that undo is a list of them.

export function withHold(design, id, role, locked) {
  const holds = new Map(design.holds);
  if (role === null) holds.delete(id);
  else holds.set(id, { role, locked });
  return { ...design, holds };
}

// The role that a click gives: the next one of the board's that the climb has room for, then none.
export function nextRole(design, board, id) {
  const now = design.holds.get(id)?.role ?? null;
  const roles = board.roles.map((role) => role.role);
  for (const role of roles.slice(now === null ? 0 : roles.indexOf(now) + 1)) {
    if (hasRoom(design, board, id, role)) return role;
  }
  return null;
}

export function hasRoom(design, board, id, role) {
  const limit = { start: board.limits.starts, finish: board.limits.finishes }[role];
  const others = [...design.holds].filter(([other, hold]) => other !== id && hold.role === role).length;
  return !limit || others < limit[1];
}

// A climb of the server's in place of the holds; those that were locked in the same role stay so.
export function withClimb(design, climb, lockAll = false) {
  const locked = (id, role) => design.holds.get(id)?.role === role && design.holds.get(id).locked;
  const holds = climb.holds.map(({ id, role }) => [id, { role, locked: lockAll || Boolean(locked(id, role)) }]);
  return { ...design, holds: new Map(holds) };
}

export function framesOf(design, board) {
  const number = Object.fromEntries(board.roles.map((role) => [role.role, role.id]));
  const ids = [...design.holds.keys()].sort((a, b) => a - b);
  return ids.map((id) => `p${id}r${number[design.holds.get(id).role]}`).join("");
}

export function lockedIds(design) {
  return [...design.holds].filter(([, hold]) => hold.locked).map(([id]) => id);
}

// The design as a URL fragment, and back; what is not of this board is left out.
export function toFragment(design, board) {
  const parts = { f: framesOf(design, board), a: design.angle, g: design.grade, l: lockedIds(design).join(".") };
  const given = Object.entries(parts).filter(([, value]) => value !== null && value !== "");
  return new URLSearchParams(given).toString();
}

export function fromFragment(fragment, board) {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  const known = new Set(board.placements.map((placement) => placement.id));
  const role = Object.fromEntries(board.roles.map((one) => [one.id, one.role]));
  const locked = new Set((parts.get("l") ?? "").split(".").map(Number));
  const holds = new Map();
  for (const [, id, number] of (parts.get("f") ?? "").matchAll(/p(\d+)r(\d+)/g)) {
    if (known.has(Number(id)) && role[number]) {
      holds.set(Number(id), { role: role[number], locked: locked.has(Number(id)) });
    }
  }
  const angle = board.angles.find((one) => String(one) === parts.get("a")) ?? null;
  const grade = board.grades.find((one) => one.grade === parts.get("g"))?.grade ?? null;
  return { holds, angle, grade };
}

export class History {
  constructor(design) {
    this.past = [];
    this.now = design;
    this.future = [];
  }

  change(design) {
    this.past.push(this.now);
    this.now = design;
    this.future = [];
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.now);
    this.now = this.past.pop();
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.now);
    this.now = this.future.pop();
  }
}
