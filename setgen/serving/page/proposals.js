// Climbs to choose from, the best of many draws first: each a button with a small board, its grade and what is to be said of it.

import { holdRadius, thumbnail } from "./shapes.js";
import { gradedWords, judgementWords, spans } from "./words.js";

export class Proposals {
  constructor(board, { section, list, take }) {
    Object.assign(this, { board, section, list, take, radius: holdRadius(board) });
  }

  show(climbs) {
    this.section.hidden = false;
    this.list.replaceChildren(...climbs.map((climb, i) => this.one(climb, i)));
  }

  one(climb, i) {
    const button = document.createElement("button");
    button.type = "button";
    const title = document.createElement("span");
    title.textContent = `${i + 1}: ${gradedWords(climb)} · ${climb.holds.length} holds`;
    const judgement = document.createElement("small");
    judgement.append(...spans(judgementWords({ ...climb, predicted: null })));
    button.append(thumbnail(this.board, climb, this.radius), title, judgement);
    button.addEventListener("click", () => this.take(climb, i + 1));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}
