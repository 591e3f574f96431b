// What one climb looks like on the wall, in inches: setgen/climbing/geometry.py and shape.py, climb by climb.
// holds: [{x, y, role}, …]. NaN where a climb has no such thing.

const distance = (one, other) => Math.hypot(one.x - other.x, one.y - other.y);
const least = (values) => (values.length ? Math.min(...values) : NaN);
const most = (values) => (values.length ? Math.max(...values) : NaN);
const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : NaN);

function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

// top: the height of the board's highest row.
export function geometry(holds, hasFeet, diagonal, top) {
  const of = (role) => holds.filter((hold) => hold.role === role);
  const [starts, finishes, feet] = [of("start"), of("finish"), of("foot")];
  const hands = holds.filter((hold) => hold.role !== "foot");
  const { reach, hops } = spanningTree(hands);
  const supports = hands
    .map((hand) => least(holds.filter((other) => other.y < hand.y).map((other) => distance(hand, other))))
    .filter((support) => !Number.isNaN(support));
  const middle = { x: mean(holds.map(({ x }) => x)), y: mean(holds.map(({ y }) => y)) };
  const between = (some) => some.flatMap((one, i) => some.slice(i + 1).map((other) => distance(one, other)));
  return {
    size: holds.length,
    start_distance: most(between(starts)),
    lowest_start: least(starts.map(({ y }) => y)),
    height_progress: most(finishes.map(({ y }) => y)) - most(starts.map(({ y }) => y)),
    largest_hop: starts.length ? least(finishes.map((finish) => reach.get(finish))) : NaN,
    foot_support: hasFeet ? most(supports) : NaN,
    mean_height: middle.y,
    spread: Math.sqrt(mean(holds.map((hold) => distance(hold, middle) ** 2))),
    hops,
    finish_distance: finishes.length ? Math.max(0, ...between(finishes)) : NaN,
    top_row: finishes.length ? holds.filter(({ y }) => y === top).length / holds.length : NaN,
    idle_foot: most(
      feet.map((foot) => Math.min(diagonal, ...hands.filter(({ y }) => y > foot.y).map((hand) => distance(foot, hand)))),
    ),
  };
}

// Prim's algorithm over the hand holds, grown from the starts, or the lowest hand hold where there is none. reach: hold →
// the largest edge on its way from there; hops: the edges.
function spanningTree(hands) {
  const starts = hands.filter((hold) => hold.role === "start");
  const lowest = hands.filter((hold) => hold.y === least(hands.map(({ y }) => y))).slice(0, 1);
  const reach = new Map((starts.length ? starts : lowest).map((hold) => [hold, 0]));
  const hops = [];
  while (reach.size < hands.length) {
    let best = { edge: Infinity };
    for (const hold of hands.filter((one) => !reach.has(one))) {
      for (const [inside, way] of reach) {
        const edge = distance(hold, inside);
        if (edge < best.edge) best = { edge, hold, way };
      }
    }
    reach.set(best.hold, Math.max(best.edge, best.way));
    hops.push(best.edge);
  }
  return { reach, hops };
}

// The numbers that the grader is told, in the order of SHAPE_FEATURES.
export function shapeFeatures(holds, shape) {
  const of = (role) => holds.filter((hold) => hold.role === role);
  const [starts, finishes, feet] = [of("start"), of("finish"), of("foot")];
  const [xs, ys] = [holds.map(({ x }) => x), holds.map(({ y }) => y)];
  const at = (some) => [mean(some.map(({ x }) => x)), mean(some.map(({ y }) => y))];
  const nearest = holds
    .map((one) => least(holds.filter((other) => other !== one).map((other) => distance(one, other))))
    .filter((apart) => !Number.isNaN(apart));
  return [
    ...[holds.length, starts.length, of("middle").length, finishes.length, feet.length],
    ...["start_distance", "lowest_start", "height_progress", "largest_hop", "foot_support"].map((name) => shape[name]),
    ...[shape.mean_height, shape.spread],
    ...[shape.hops.length, mean(shape.hops), deviation(shape.hops), least(shape.hops)],
    ...[mean(xs), deviation(xs), deviation(ys), least(xs), most(xs), least(ys), most(ys)],
    ...[...at(starts), ...at(finishes), at(finishes)[0] - at(starts)[0], ...at(feet)],
    ...[mean(nearest), least(nearest)],
  ];
}
