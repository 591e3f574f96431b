// The board that is worked on: one button a hold, one tab stop for all of them, arrow keys between them.

import { shown } from "./legend.js";
import { at, body, cross, element, holdRadius, ring, spacing, wall, warmth } from "./shapes.js";

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const TARGET = 26; // pixels between neighbours that a thumb can tell apart
const [LEAST_ZOOM, MOST_ZOOM] = [2.3, 5];

export class BoardView {
  // pick(id): a hold was clicked, or Enter pressed on it. key(id, key): another key was pressed on it.
  // zoomed(on, touched): the picture has become larger, or as large as its place again.
  constructor(board, home, { pick, key, zoomed }) {
    Object.assign(this, { board, home, pick, key, zoomed });
    this.radius = holdRadius(board);
    this.places = new Map(board.placements.map((placement) => [placement.id, placement]));
    this.groups = new Map();
    this.picture = wall(board, { role: "group", "aria-label": `${board.name}, ${board.placements.length} holds` });
    // Heat lies under all holds and rings over them, so that no neighbour hides one.
    this.heat = element("g", { "aria-hidden": "true" });
    this.rings = element("g", { "aria-hidden": "true", class: "rings" });
    const holds = board.placements.map((placement) => this.hold(placement));
    this.picture.append(...gridLabels(board), this.heat, ...holds, this.rings);
    // What touched last is asked of the pointer: some browsers' clicks do not say it.
    this.picture.addEventListener("pointerdown", ({ pointerType }) => {
      this.pointer = pointerType;
    });
    this.picture.addEventListener("click", (event) => this.clicked(event));
    home.replaceChildren(this.picture);
    this.stop(board.placements[0].id);
  }

  hold(placement) {
    const group = element(
      "g",
      { class: "hold", role: "button", tabindex: "-1", transform: at(placement), "data-id": placement.id },
      element("title", {}, this.name(placement.id)),
      element("circle", { class: "hit", r: this.radius }),
      body(placement.hold_set, this.radius),
    );
    group.addEventListener("keydown", (event) => this.pressed(event, placement.id));
    this.groups.set(placement.id, group);
    return group;
  }

  name(id) {
    return this.places.get(id).name || `p${id}`;
  }

  // A click means the nearest hold. A touch where holds are too near one another zooms in there first.
  clicked(event) {
    const group = event.target.closest(".hold");
    if (event.detail === 0 && group) return this.chosen(Number(group.dataset.id)); // a screen reader's click
    const there = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.picture.getScreenCTM().inverse());
    if (this.pointer === "touch" && !this.isZoomed && this.pixelsApart < TARGET - 2) {
      return this.zoom(true, { x: there.x, y: -there.y }, true);
    }
    let best = null;
    for (const { id, x, y } of this.board.placements) {
      const distance = Math.hypot(x - there.x, -y - there.y);
      if (best === null || distance < best.distance) best = { id, distance };
    }
    return best.distance <= 3 * this.radius ? this.chosen(best.id) : undefined;
  }

  chosen(id) {
    this.stop(id);
    this.pick(id);
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

  get isZoomed() {
    return this.home.classList.contains("zoomed");
  }

  get pixelsApart() {
    return spacing(this.board) * this.picture.getScreenCTM().a;
  }

  // Neighbours far enough apart for a thumb, and `around` (inches) in the middle; or the whole board again. touched: the
  // user touched a hold, and not the button.
  zoom(on, around, touched = false) {
    if (on && !this.isZoomed) {
      const factor = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, TARGET / this.pixelsApart));
      this.picture.style.width = `${100 * factor}%`;
    } else if (!on) {
      this.picture.style.width = "";
    }
    this.home.classList.toggle("zoomed", on);
    this.zoomed(on, touched);
    if (on) this.centre(around);
  }

  // Keep a climb in view while zoomed in: in the middle where it fits, else on the whole board. ids: its holds.
  follow(ids) {
    if (!this.isZoomed || !ids.length) return;
    const { left, right } = this.board.extent;
    const scale = this.picture.clientWidth / (right - left);
    const [xs, ys] = [ids.map((id) => this.places.get(id).x), ids.map((id) => this.places.get(id).y)];
    const fits = (values, room) => (Math.max(...values) - Math.min(...values) + 4 * this.radius) * scale <= room;
    if (fits(xs, this.home.clientWidth) && fits(ys, this.home.clientHeight)) this.centre(middle(xs, ys));
    else this.zoom(false);
  }

  // Bring a place into the middle; of null the lower middle of the board, where climbs begin.
  centre(around) {
    const { left, right, bottom, top } = this.board.extent;
    const { x, y } = around ?? { x: (left + right) / 2, y: bottom + (top - bottom) / 4 };
    const scale = this.picture.clientWidth / (right - left);
    this.home.scrollLeft = (x - left) * scale - this.home.clientWidth / 2;
    this.home.scrollTop = (top - y) * scale - this.home.clientHeight / 2;
  }

  // heat: Map id → {probability, role}, or null.
  show(design, heat) {
    const most = heat ? Math.max(...[...heat.values()].map((one) => one.probability), 1e-9) : 1;
    this.heat.replaceChildren();
    this.rings.replaceChildren();
    for (const [id, group] of this.groups) {
      const placement = this.places.get(id);
      const hold = design.holds.get(id);
      const next = heat?.get(id) ?? { probability: 0, role: "middle" };
      if (hold) {
        const marks = ring(this.board, hold.role, this.radius, hold.locked);
        this.rings.append(element("g", { transform: at(placement) }, marks));
      } else if (design.forbidden.has(id)) {
        this.rings.append(element("g", { transform: at(placement) }, cross(this.radius)));
      } else if (next.probability > 0) {
        const opacity = Math.sqrt(next.probability / most).toFixed(3);
        this.heat.append(element("g", { transform: at(placement) }, warmth(this.board, next.role, this.radius, opacity)));
      }
      const unused = design.forbidden.has(id) ? "forbidden" : "not used";
      const said = hold ? `${shown(hold.role)}${hold.locked ? ", locked" : ""}` : unused;
      const free = heat && unused === "not used" && !hold;
      const chance = free ? `, ${(100 * next.probability).toFixed(1)} % next` : "";
      const role = free && next.probability > 0 ? `, ${shown(next.role)}` : "";
      group.setAttribute("aria-label", `${this.name(id)}: ${said}${chance}${role}`);
    }
  }
}

// The middle of a climb's holds, or null where it has none.
export function middle(xs, ys) {
  const between = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  return xs.length ? { x: between(xs), y: between(ys) } : null;
}

// Column letters below and row numbers beside boards whose holes are named by both, such as K18.
function gridLabels(board) {
  const [columns, rows] = [new Map(), new Map()];
  for (const { name, x, y } of board.placements) {
    const parts = /^([A-Z]+)(\d+)$/.exec(name);
    if (!parts) return [];
    for (const [places, key, value] of [[columns, parts[1], x], [rows, parts[2], y]]) {
      if (!places.has(key)) places.set(key, value);
      else if (Math.abs(places.get(key) - value) > 1) return []; // names that are no places
    }
  }
  const { left, bottom } = board.extent;
  const size = { class: "axis", "font-size": 0.8 * spacing(board) / 2, "aria-hidden": "true" };
  const text = (x, y, said) => element("text", { ...size, x, y: -y }, said);
  const aside = spacing(board) / 4;
  return [
    ...[...columns].map(([letters, x]) => text(x, bottom + aside, letters)),
    ...[...rows].map(([number, y]) => text(left + aside, y, number)),
  ];
}
