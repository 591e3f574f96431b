// Grades as the user reads them: Font with V beside it, or V alone, in which case steps are whole V grades.

const KEY = "setgen-grades";

export class Grades {
  constructor(board) {
    this.board = board;
    this.scale = "font";
    try {
      if (localStorage.getItem(KEY) === "v") this.scale = "v";
    } catch {
      // A browser that keeps nothing: Font, until it is chosen again.
    }
  }

  use(scale) {
    this.scale = scale;
    try {
      localStorage.setItem(KEY, scale);
    } catch {
      // As above: it holds until the page is closed.
    }
  }

  // Grades in Font that can be chosen, the easiest first; of a V grade the lowest.
  get steps() {
    const all = this.board.grades;
    const kept = this.scale === "v" ? all.filter((one, i) => !i || one.v_grade !== all[i - 1].v_grade) : all;
    return kept.map((one) => one.grade);
  }

  // The place of a Font grade among the steps; −1 for null.
  place(grade) {
    const found = this.board.grades.find((one) => one.grade === grade);
    if (this.scale === "font" || !found) return this.steps.indexOf(grade);
    return this.steps.findIndex((step) => this.v(step) === found.v_grade);
  }

  v(grade) {
    return this.board.grades.find((one) => one.grade === grade)?.v_grade;
  }

  words(grade) {
    if (!grade) return "grade unknown";
    return this.scale === "v" ? this.v(grade) : `${grade}/${this.v(grade)}`;
  }

  // How hard a climb is, and what was asked for: never the one in place of the other.
  graded(climb) {
    const asked = climb.grade === null ? "" : `asked ${this.words(climb.grade)}`;
    if (!climb.predicted) return asked || "grade unknown";
    return `about ${this.words(climb.predicted.grade)}${asked ? ` (${asked})` : ""}`;
  }

  // How hard a climb of somebody's is: what it is said to be, and what the grader says.
  known(climb) {
    const said = climb.grade === null ? "" : this.words(climb.grade);
    const judged = climb.predicted ? `judged ${this.words(climb.predicted.grade)}` : "";
    return [said, judged].filter(Boolean).join(", ") || "grade unknown";
  }

  range({ lowest, highest }) {
    const [low, high] = this.scale === "v" ? [this.v(lowest), this.v(highest)] : [lowest, highest];
    return low === high ? low : `${low} to ${high}`;
  }
}
