// Climbs kept on this device, as the fragments of their links; one list for each board.

import { holdRadius, thumbnail } from "./shapes.js";
import { count } from "./words.js";
import * as designs from "./design.js";

export class Saved {
  constructor(board, grades, { section, list, home, take, say }) {
    Object.assign(this, { board, grades, section, list, home, take, say, radius: holdRadius(board) });
    this.key = `setgen-saved:${board.name}`;
    this.show();
  }

  get fragments() {
    try {
      const found = JSON.parse(localStorage.getItem(this.key) ?? "[]");
      return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
    } catch {
      return [];
    }
  }

  keep(fragments) {
    try {
      localStorage.setItem(this.key, JSON.stringify(fragments));
    } catch {
      throw new Error("This browser keeps nothing for this page: copy the link instead.");
    }
    this.show();
  }

  save(design) {
    if (!design.holds.size) throw new Error("There is nothing to save: the climb has no holds.");
    const fragment = designs.toFragment(design, this.board);
    if (this.fragments.includes(fragment)) return this.say("It is saved already.");
    this.keep([fragment, ...this.fragments]);
    return this.say("Saved on this device.");
  }

  // Whoever removes one by keyboard goes on with the next, or where they are saved.
  remove(fragment, i) {
    this.keep(this.fragments.filter((other) => other !== fragment));
    this.say("Removed.");
    const left = this.list.querySelectorAll("li button:first-child");
    (left[Math.min(i, left.length - 1)] ?? this.home).focus();
  }

  show() {
    const all = this.fragments;
    this.section.hidden = !all.length;
    this.list.replaceChildren(...all.map((fragment, i) => this.one(fragment, i)));
  }

  one(fragment, i) {
    const { design } = designs.fromFragment(fragment, this.board);
    const places = new Map(this.board.placements.map((one) => [one.id, one]));
    const holds = [...design.holds].map(([id, { role }]) => ({ ...places.get(id), role }));
    const open = document.createElement("button");
    open.type = "button";
    const words = [
      count(holds.length, "hold"),
      design.grade ? this.grades.words(design.grade) : "",
      design.angle === null ? "" : `${design.angle}°`,
    ].filter(Boolean).join(" · ");
    open.append(thumbnail(this.board, holds, this.radius), `${i + 1}: ${words}`);
    open.addEventListener("click", () => this.take(design));
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove saved climb ${i + 1}, ${words}`);
    remove.addEventListener("click", () => this.remove(fragment, i));
    const item = document.createElement("li");
    item.append(open, remove);
    return item;
  }
}
