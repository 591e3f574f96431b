// The controls of what a climb should be: angle and grade, and the limits that fold away.

import { FEWEST_INCHES, MOST_INCHES, mostHolds, reachInches } from "./design.js";
import { limitsWords } from "./words.js";

const NAMES = ["angle", "grade", "feet", "most", "reach"];
const $ = (id) => document.getElementById(id);

export class Conditions {
  // change: called with {angle, grade, feet, most, reach} when the user has set one of them.
  constructor(board, change) {
    this.board = board;
    this.forbidden = new Set();
    $("angle").max = board.angles.length;
    $("grade").max = board.grades.length;
    [$("most").min, $("most").max] = board.limits.holds;
    [$("reach").min, $("reach").max] = [FEWEST_INCHES, MOST_INCHES + 1];
    for (const name of NAMES) {
      $(name).addEventListener("input", () => this.say());
      $(name).addEventListener("change", () => change(this.read()));
    }
  }

  unfold(design) {
    $("limits").open = design.feet !== "any" || design.most !== null || design.reach !== null;
  }

  show(design) {
    this.forbidden = design.forbidden;
    $("angle").value = this.board.angles.indexOf(design.angle) + 1;
    $("grade").value = this.board.grades.findIndex((one) => one.grade === design.grade) + 1;
    $("feet").value = design.feet;
    $("most").value = design.most ?? this.board.limits.holds[1];
    $("reach").value = design.reach ?? MOST_INCHES + 1;
    this.say();
  }

  read() {
    return {
      angle: this.board.angles[$("angle").value - 1] ?? null,
      grade: this.board.grades[$("grade").value - 1]?.grade ?? null,
      feet: $("feet").value,
      most: mostHolds($("most").value, this.board),
      reach: reachInches($("reach").value),
    };
  }

  // What the controls are at, also while one is being moved.
  say() {
    const { angle, grade, feet, most, reach } = this.read();
    const v = this.board.grades.find((one) => one.grade === grade)?.v_grade;
    for (const [name, text] of [
      ["angle", angle === null ? "any" : `${angle}°`],
      ["grade", grade === null ? "any" : `${grade}/${v}`],
      ["most", most === null ? "any" : String(most)],
      ["reach", reach === null ? "any" : `${reach} inches`],
    ]) {
      $(`${name}-text`).textContent = text;
      $(name).setAttribute("aria-valuetext", text);
    }
    $("limits-text").textContent = limitsWords({ forbidden: this.forbidden, feet, most, reach });
  }
}
