// The climb in hand: which holds, in which role, locked or not; angle and grade; and the limits that proposals
// must keep to: forbidden holds, feet, most holds, reach. A design is never changed, a change makes a new one, so that
// undo is a list of them.

export const FEET = ["any", "marked", "none"];
export const [FEWEST_INCHES, MOST_INCHES] = [16, 60]; // of reach

// A hold that gets a role is not forbidden any more.
export function withHold(design, id, role, locked) {
  const holds = new Map(design.holds);
  if (role === null) holds.delete(id);
  else holds.set(id, { role, locked });
  return { ...design, holds, forbidden: without(design.forbidden, role === null ? [] : [id]) };
}

// A hold that is forbidden is not in the climb.
export function withForbidden(design, id, forbidden) {
  if (!forbidden) return { ...design, forbidden: without(design.forbidden, [id]) };
  return { ...withHold(design, id, null), forbidden: new Set(design.forbidden).add(id) };
}

export function cleared(design) {
  return { ...design, holds: new Map(), forbidden: new Set() };
}

function without(set, ids) {
  const left = new Set(set);
  for (const id of ids) left.delete(id);
  return left;
}

// The limits as requests have them.
export function limitsOf({ forbidden, feet, most, reach }) {
  return {
    ...(forbidden.size ? { forbid: [...forbidden].map((id) => `p${id}`).join(",") } : {}),
    ...(feet === "any" ? {} : { feet }),
    ...(most === null ? {} : { max_holds: most }),
    ...(reach === null ? {} : { reach }),
  };
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
  return { ...design, holds: new Map(holds), forbidden: without(design.forbidden, climb.holds.map(({ id }) => id)) };
}

export function framesOf(design, board) {
  const number = Object.fromEntries(board.roles.map((role) => [role.role, role.id]));
  const ids = [...design.holds.keys()].sort((a, b) => a - b);
  return ids.map((id) => `p${id}r${number[design.holds.get(id).role]}`).join("");
}

export function lockedIds(design) {
  return [...design.holds].filter(([, hold]) => hold.locked).map(([id]) => id);
}

// A climb that could stand: starts, finishes and holds enough.
export function isWhole(design, board) {
  const have = (role) => [...design.holds.values()].filter((hold) => hold.role === role).length;
  const { holds, starts, finishes } = board.limits;
  return design.holds.size >= holds[0] && have("start") >= starts[0] && have("finish") >= finishes[0];
}

// The design as a URL fragment.
export function toFragment(design, board) {
  const parts = {
    f: framesOf(design, board),
    a: design.angle,
    g: design.grade,
    l: lockedIds(design).join("."),
    x: [...design.forbidden].sort((a, b) => a - b).join("."),
    feet: design.feet === "any" ? null : design.feet,
    most: design.most,
    reach: design.reach,
  };
  const given = Object.entries(parts).filter(([, value]) => value !== null && value !== "");
  return new URLSearchParams(given).toString();
}

// {design, problems} of a fragment: what this board does not have is left out, and named in `problems`.
export function fromFragment(fragment, board) {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  const known = new Set(board.placements.map((placement) => placement.id));
  const role = Object.fromEntries(board.roles.map((one) => [one.id, one.role]));
  const numbers = (name) => (parts.get(name) ?? "").split(".").filter(Boolean).map(Number);
  const locked = new Set(numbers("l"));
  const [holds, problems] = [new Map(), []];
  const frames = parts.get("f") ?? "";
  if (frames.replace(/p\d+r\d+/g, "")) problems.push("part of the climb cannot be read");
  for (const [whole, id, number] of frames.matchAll(/p(\d+)r(\d+)/g)) {
    if (known.has(Number(id)) && role[number]) {
      holds.set(Number(id), { role: role[number], locked: locked.has(Number(id)) });
    } else problems.push(`${whole} is no hold of this board`);
  }
  const given = (name, value, what) => {
    if (value === null && parts.has(name)) problems.push(`this board has no ${what(parts.get(name))}`);
    return value;
  };
  const angle = given("a", board.angles.find((one) => String(one) === parts.get("a")) ?? null, (a) => `angle of ${a}°`);
  const grade = board.grades.find((one) => one.grade === parts.get("g"))?.grade ?? null;
  given("g", grade, (g) => `grade ${g}`);
  const forbidden = new Set(numbers("x").filter((id) => known.has(id) && !holds.has(id)));
  const feet = FEET.find((one) => one === parts.get("feet")) ?? "any";
  const [most, reach] = [mostHolds(parts.get("most"), board), reachInches(parts.get("reach"))];
  return { design: { holds, angle, grade, forbidden, feet, most, reach }, problems };
}

// A number of holds that a climb can have at most, or null: as many as the board allows.
export function mostHolds(text, board) {
  const [fewest, most] = board.limits.holds;
  return wholeWithin(text, fewest, most - 1);
}

// How near holds should be to others, in inches, or null: as far as the model likes.
export function reachInches(text) {
  return wholeWithin(text, FEWEST_INCHES, MOST_INCHES);
}

function wholeWithin(text, least, most) {
  const number = /^\d{1,4}$/.test(text ?? "") ? Number(text) : NaN;
  return number >= least && number <= most ? number : null;
}

// gesture: changes that belong to one movement of the hand, such as a slider being moved, are undone as one.
export class History {
  constructor(design) {
    this.past = [];
    this.now = design;
    this.future = [];
    this.gesture = null;
  }

  change(design, gesture = null) {
    if (gesture === null || gesture !== this.gesture) this.past.push(this.now);
    this.now = design;
    this.future = [];
    this.gesture = gesture;
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.now);
    this.now = this.past.pop();
    this.gesture = null;
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.now);
    this.now = this.future.pop();
    this.gesture = null;
  }
}
