// What is to be said of climbs without a server: legal or not, sensible or not, how hard; and the best of several draws.

import { geometry, shapeFeatures } from "./geometry.js";
import { bool, float32, int64, network } from "./sampling.js";

const ALIKE = 0.6; // two climbs that share so much of their holds and roles (Jaccard) are one idea
const TAIL = 0.01; // share of real climbs beyond each threshold of the soft rules

export class Judges {
  // data: data.json of the export. grader: settings of its exported grader, or null.
  static async load(data) {
    const grader = data.grader === null ? null : { ...data.grader, run: await network("grader", "grader") };
    return Object.assign(new Judges(), { board: data.board, space: data.space, rules: data.rules, grader });
  }

  // climbs: [{holds: [{id, x, y, role}, …], angle, grade}, …] → the same with what is said of each, as the server has it.
  async judge(climbs) {
    const { left, right, bottom, top } = this.board.extent;
    const diagonal = Math.hypot(right - left, top - bottom);
    const hasFeet = this.board.roles.some(({ role }) => role === "foot");
    const highest = Math.max(...this.board.placements.map(({ y }) => y));
    const shapes = climbs.map(({ holds }) => geometry(holds, hasFeet, diagonal, highest));
    const graded = this.grader === null ? climbs.map(() => null) : await this.grades(climbs, shapes);
    return climbs.map((climb, i) => {
      const broken = this.broken(climb.holds);
      const whole = !broken.some(({ few }) => few);
      const unusual = whole && this.rules !== null ? this.unusual(shapes[i]) : [];
      const predicted = whole ? graded[i] : null;
      const asked = this.board.grades.find((one) => one.grade === climb.grade);
      return {
        ...climb,
        legal: !broken.length,
        breaks: broken.map(({ rule }) => rule),
        partial: !whole && broken.every(({ few }) => few),
        sensible: whole && this.rules !== null ? !unusual.length : null,
        unusual,
        predicted,
        grade_difference: predicted && asked ? predicted.difficulty - asked.difficulty : null,
        near: null,
      };
    });
  }

  // The hard rules that a climb breaks: setgen/sets/bounds.py. few: more holds may mend it.
  broken(holds) {
    const { limits } = this.board;
    const found = [];
    const check = (count, [fewest, most], thing) => {
      if (count < fewest) found.push({ rule: `too few ${thing}`, few: true });
      if (count > most) found.push({ rule: `too many ${thing}`, few: false });
    };
    check(holds.length, limits.holds, "holds");
    for (const [role, bounds] of [["start", limits.starts], ["finish", limits.finishes]]) {
      check(holds.filter((hold) => hold.role === role).length, bounds, role === "start" ? "starts" : "finishes");
    }
    return found;
  }

  unusual(shape) {
    const breaks = ({ feature, tail, threshold, undefined: share }) => {
      const value = shape[feature];
      if (Number.isNaN(value)) return share < TAIL;
      return tail === "high" ? value > threshold : value < threshold;
    };
    return this.rules.filter(breaks).map(({ name }) => name);
  }

  async grades(climbs, shapes) {
    const { angle: scale, shape_mean: means, shape_deviation: deviations, run } = this.grader;
    const index = new Map(this.board.placements.map(({ id }, i) => [id, i]));
    const length = Math.max(1, ...climbs.map(({ holds }) => holds.length));
    const element = climbs.flatMap(({ holds }) => {
      const own = holds.map(({ id, role }) => index.get(id) * this.space.labels + this.space.roles.indexOf(role));
      return [...own, ...Array(length - own.length).fill(0)];
    });
    const present = climbs.flatMap(({ holds }) => [...Array(length).keys()].map((i) => i < holds.length));
    const angle = climbs.flatMap(({ angle: degrees }) => {
      if (scale[1] <= 0) return [0, 1]; // trained at one angle, so that it knows no other
      return degrees === null ? [0, 0] : [(degrees - scale[0]) / scale[1], 1];
    });
    const shape = climbs.flatMap(({ holds }, i) =>
      shapeFeatures(holds, shapes[i]).map((value, j) => {
        const standard = (Math.fround(value) - means[j]) / deviations[j];
        return Number.isNaN(standard) ? 0 : Math.min(6, Math.max(-6, standard));
      }),
    );
    const found = await run({
      element: int64(element, [climbs.length, length]),
      present: bool(present, [climbs.length, length]),
      angle: float32(angle, [climbs.length, 2]),
      shape: float32(shape, [climbs.length, means.length]),
    });
    return climbs.map((climb, i) => this.grade(found.difficulty.data[i], found.raw_spread.data[i], climb));
  }

  // Grades are cut from the line by thresholds: setgen/runtime/grader.py.
  grade(difficulty, rawSpread, climb) {
    if (!climb.holds.length) return null;
    const { grades, thresholds, temperature } = this.grader;
    const spread = (Math.log1p(Math.exp(-Math.abs(rawSpread))) + Math.max(rawSpread, 0) + 0.05) * temperature;
    const below = [...thresholds.map((threshold) => 1 / (1 + Math.exp((difficulty - threshold) / spread))), 1];
    const chances = below.map((value, i) => value - (i ? below[i - 1] : 0));
    const quantile = (q) => Math.min(below.filter((value) => value < q - 1e-12).length, grades.length - 1);
    // Never one grade alone: setgen/climbing/grading/grading.py.
    let [lowest, highest] = [quantile(0.1), quantile(0.9)];
    if (lowest === highest) {
      if ((chances[lowest - 1] ?? -1) > (chances[highest + 1] ?? -1)) lowest -= 1;
      else highest += 1;
    }
    return {
      angle: climb.angle,
      ...this.named(grades[quantile(0.5)]),
      difficulty: grades.reduce((sum, one, i) => sum + one * chances[i], 0),
      lowest: this.named(grades[lowest]).grade,
      highest: this.named(grades[highest]).grade,
    };
  }

  named(difficulty) {
    const { grade, v_grade } = this.space.grades.find((one) => one.difficulty === difficulty);
    return { grade, v_grade };
  }
}

// The best n of judged climbs, the best first: setgen/climbing/choosing.py.
export function best(climbs, n) {
  const far = (climb) => Math.abs(climb.grade_difference ?? 0);
  const good = (climb) => climb.sensible !== false;
  const nearer = (a, b) => good(climbs[b]) - good(climbs[a]) || far(climbs[a]) - far(climbs[b]);
  const order = climbs.map((climb, i) => i).sort(nearer); // stable: level ones as they were drawn
  const sets = climbs.map(({ holds }) => new Set(holds.map(({ id, role }) => `${id}${role}`)));
  const chosen = [];
  for (const wanted of [true, false]) {
    const group = order.filter((i) => good(climbs[i]) === wanted);
    for (const alike of [ALIKE, 1]) {
      for (const i of group) {
        if (chosen.length < n && chosen.every((other) => similarity(sets[i], sets[other]) < alike)) chosen.push(i);
      }
    }
  }
  return chosen.sort(nearer).map((i) => climbs[i]);
}

function similarity(one, other) {
  const shared = [...one].filter((hold) => other.has(hold)).length;
  const all = one.size + other.size - shared;
  return all ? shared / all : 1;
}
