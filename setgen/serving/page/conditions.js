// The controls of what a climb should be: angle and grade, and the limits that fold away.

import { FEWEST_INCHES, MOST_INCHES, mostHolds, reachInches } from "./design.js";
import { limitsWords } from "./words.js";

const NAMES = ["angle", "grade", "feet", "most", "reach"];
const $ = (id) => document.getElementById(id);

export class Conditions {
  // change: called with {angle, grade, feet, most, reach} and the gesture when the user has set one of them. A slider
  // that is moved step by step while it has the focus is one gesture.
  constructor(board, grades, change) {
    Object.assign(this, { board, grades });
    $("angle").max = board.angles.length;
    $("grade").max = grades.steps.length;
    [$("most").min, $("most").max] = board.limits.holds;
    [$("reach").min, $("reach").max] = [FEWEST_INCHES, MOST_INCHES + 1];
    let gesture = {};
    for (const name of NAMES) {
      $(name).addEventListener("input", () => this.say());
      $(name).addEventListener("change", () => change(this.read(name), gesture));
      for (const event of ["focus", "pointerdown"]) {
        $(name).addEventListener(event, () => {
          gesture = {};
        });
      }
    }
  }

  unfold(design) {
    $("limits").open = design.feet !== "any" || design.most !== null || design.reach !== null;
  }

  show(design) {
    this.design = design;
    $("grade").max = this.grades.steps.length;
    $("angle").value = this.board.angles.indexOf(design.angle) + 1;
    $("grade").value = this.grades.place(design.grade) + 1;
    $("feet").value = design.feet;
    $("most").value = design.most ?? this.board.limits.holds[1];
    $("reach").value = design.reach ?? MOST_INCHES + 1;
    this.say();
  }

  // moved: the control that the user has set; a grade that was not touched stays what it was, whatever the scale.
  read(moved = null) {
    const grade = this.grades.steps[$("grade").value - 1] ?? null;
    return {
      angle: this.board.angles[$("angle").value - 1] ?? null,
      grade: moved === "grade" || this.grades.place(this.design.grade) + 1 !== Number($("grade").value) ? grade : this.design.grade,
      feet: $("feet").value,
      most: mostHolds($("most").value, this.board),
      reach: reachInches($("reach").value),
    };
  }

  // What the controls are at, also while one is being moved.
  say() {
    const { angle, grade, feet, most, reach } = this.read();
    for (const [name, text] of [
      ["angle", angle === null ? "any" : `${angle}°`],
      ["grade", grade === null ? "any" : this.grades.words(grade)],
      ["most", most === null ? "any" : String(most)],
      ["reach", reach === null ? "any" : `${reach} inches`],
    ]) {
      $(`${name}-text`).textContent = text;
      $(name).setAttribute("aria-valuetext", text);
    }
    $("limits-text").textContent = limitsWords({ forbidden: this.design.forbidden, feet, most, reach });
  }
}
