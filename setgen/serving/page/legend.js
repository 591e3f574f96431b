// What the shapes mean: roles, hold sets, the lock, the cross.

import { body, cross, element, ring } from "./shapes.js";

function item(shape, scale, text) {
  const made = document.createElement("li");
  const group = element("g", { transform: `scale(${scale})` }, shape);
  made.append(element("svg", { viewBox: "-1.3 -1.3 2.6 2.6", "aria-hidden": "true" }, group), text);
  return made;
}

// What climbers call a role.
export function shown(role) {
  return role === "middle" ? "hand" : role;
}

export function legend(board) {
  return [
    ...board.roles.map((role) => item(ring(board, role.role, 6), 1 / 6, shown(role.role))),
    ...board.hold_sets.map((name, i) => item(body(i, 6), 1 / 5, name)),
    item(element("circle", { class: "lock", r: 2 }), 1 / 6, "locked"),
    item(cross(6), 1 / 6, "forbidden"),
  ];
}
