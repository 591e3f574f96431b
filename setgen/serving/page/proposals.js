// Climbs to choose from, the best of many draws first: each a button with a small board, its grade and what is to be
// said of it. Beside the board on a desk; on a phone a row to swipe through.

import { holdRadius, thumbnail } from "./shapes.js";
import { changeWords, count, judgementWords, nearWords, spans } from "./words.js";

export class Proposals {
  constructor(board, grades, { section, title, list, take }) {
    Object.assign(this, { board, grades, section, title, list, take, radius: holdRadius(board) });
  }

  // before: the holds that the proposals were made from, Map id → {role}. given: they are climbs of the user's, whose
  // grades were not asked for.
  show(climbs, title, before = new Map(), given = false) {
    this.given = given;
    this.section.hidden = false;
    this.title.textContent = title;
    this.list.replaceChildren(...climbs.map((climb, i) => this.one(climb, i, before)));
    this.list.scrollLeft = 0;
  }

  one(climb, i, before) {
    const button = document.createElement("button");
    button.type = "button";
    const title = document.createElement("span");
    const graded = this.given ? this.grades.known(climb) : this.grades.graded(climb);
    title.textContent = `${i + 1}: ${graded} · ${count(climb.holds.length, "hold")}`;
    const said = document.createElement("small");
    said.append(...spans(judgementWords({ ...climb, predicted: null }, this.grades)));
    const more = [changeWords(before, climb), nearWords(climb, this.grades)].filter(Boolean);
    if (more.length) said.append(` · ${more.join(" · ")}`);
    button.append(thumbnail(this.board, climb.holds, this.radius), title, said);
    button.addEventListener("click", () => this.take(climb, i + 1, this.given));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}
