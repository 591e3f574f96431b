// The board that is worked on: one button a hold, one tab stop for all of them, arrow keys between them.

import { at, body, cross, element, holdRadius, ring, wall } from "./shapes.js";

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class BoardView {
  // pick(id): a hold was clicked, or Enter pressed on it. key(id, key): another key was pressed on it.
  constructor(board, home, { pick, key }) {
    this.board = board;
    this.radius = holdRadius(board);
    this.places = new Map(board.placements.map((placement) => [placement.id, placement]));
    this.groups = new Map();
    this.pick = pick;
    this.key = key;
    const picture = wall(board, { role: "group", "aria-label": `${board.name}, ${board.placements.length} holds` });
    // Heat lies under all holds and rings over them, so that no neighbour hides one.
    this.heat = element("g", { "aria-hidden": "true" });
    this.rings = element("g", { "aria-hidden": "true", class: "rings" });
    picture.append(this.heat, ...board.placements.map((placement) => this.hold(placement)), this.rings);
    home.replaceChildren(picture);
    this.stop(board.placements[0].id);
  }

  hold(placement) {
    const group = element(
      "g",
      { class: "hold", role: "button", tabindex: "-1", transform: at(placement), "data-id": placement.id },
      element("circle", { class: "hit", r: this.radius }),
      body(placement.hold_set, this.radius),
    );
    group.addEventListener("click", () => {
      this.stop(placement.id);
      this.pick(placement.id);
    });
    group.addEventListener("keydown", (event) => this.pressed(event, placement.id));
    this.groups.set(placement.id, group);
    return group;
  }

  pressed(event, id) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") this.pick(id);
    else if (DIRECTIONS[event.key]) this.move(id, DIRECTIONS[event.key]);
    else if (!this.key(id, event.key)) return;
    event.preventDefault();
  }

  // To the nearest hold in a direction; what lies off to the side counts as further away.
  move(id, [right, up]) {
    const here = this.places.get(id);
    let best = null;
    for (const there of this.board.placements) {
      const along = (there.x - here.x) * right + (there.y - here.y) * up;
      const aside = Math.abs((there.x - here.x) * up) + Math.abs((there.y - here.y) * right);
      const distance = along + 2.5 * aside;
      if (along > 0 && (best === null || distance < best.distance)) best = { there, distance };
    }
    if (best === null) return;
    this.stop(best.there.id);
    this.groups.get(best.there.id).focus();
  }

  // The one hold that Tab reaches.
  stop(id) {
    if (this.stopped !== undefined) this.groups.get(this.stopped).setAttribute("tabindex", "-1");
    this.groups.get(id).setAttribute("tabindex", "0");
    this.stopped = id;
  }

  // heat: Map id → probability, or null.
  show(design, heat) {
    const most = heat ? Math.max(...heat.values(), 1e-9) : 1;
    this.heat.replaceChildren();
    this.rings.replaceChildren();
    for (const [id, group] of this.groups) {
      const placement = this.places.get(id);
      const hold = design.holds.get(id);
      const chance = heat?.get(id) ?? 0;
      if (hold) {
        const marks = ring(this.board, hold.role, this.radius, hold.locked);
        this.rings.append(element("g", { transform: at(placement) }, marks));
      } else if (design.forbidden.has(id)) {
        this.rings.append(element("g", { transform: at(placement) }, cross(this.radius)));
      } else if (chance > 0) {
        const opacity = Math.sqrt(chance / most).toFixed(3);
        const spot = { class: "warm", r: this.radius, transform: at(placement), opacity };
        this.heat.append(element("circle", spot));
      }
      const unused = design.forbidden.has(id) ? "forbidden" : "not used";
      const said = hold ? `${hold.role}${hold.locked ? ", locked" : ""}` : unused;
      const next = heat && unused === "not used" && !hold ? `, ${(100 * chance).toFixed(1)} % next` : "";
      group.setAttribute("aria-label", `${placement.name || `p${id}`}: ${said}${next}`);
    }
  }
}
