// What the server says of a climb, and what limits say, in a line.

// [[text, class], …] of a judged climb.
export function judgementWords(climb, grades) {
  if (climb.partial) return [[`to be completed: ${climb.breaks.join(", ")}`, ""]]; // a part of a climb is not judged
  const words = [[climb.legal ? "legal" : `not legal: ${climb.breaks.join(", ")}`, climb.legal ? "good" : "bad"]];
  if (climb.sensible !== null) {
    words.push([climb.sensible ? "sensible" : `unusual: ${climb.unusual.join(", ")}`, climb.sensible ? "good" : "bad"]);
  }
  if (climb.predicted) {
    const { angle } = climb.predicted;
    const where = angle === null ? "" : ` at ${angle}°`;
    words.push([`about ${grades.words(climb.predicted.grade)}${where} (${grades.range(climb.predicted)})`, ""]);
  }
  return words;
}

// What a proposal has that the climb before it had not, and the other way round.
export function changeWords(before, climb) {
  if (!before.size) return "";
  const same = climb.holds.filter(({ id, role }) => before.get(id)?.role === role).length;
  const [added, gone] = [climb.holds.length - same, before.size - same];
  return [added ? `${added} new` : "", gone ? `${gone} gone` : ""].filter(Boolean).join(", ") || "as it was";
}

// Whether a known climb is near, where the server knows some.
export function nearWords({ near }, grades) {
  if (!near) return "";
  const { angle, grade } = near.known[0];
  const where = [grade ? grades.words(grade) : "", angle === null ? "" : `at ${angle}°`].filter(Boolean).join(" ");
  const which = `${near.mirrored ? "the mirror image of " : ""}a known climb${where ? ` (${where})` : ""}`;
  if (near.similarity === 1) return which;
  return near.similarity >= 0.5 ? `${Math.round(100 * near.similarity)} % as ${which}` : "no known climb is near";
}

// What is laid down, to be seen while its controls are folded away.
export function limitsWords({ forbidden, feet, most, reach }) {
  const words = [
    forbidden.size ? `${forbidden.size} forbidden` : "",
    { any: "", marked: "marked feet", none: "no marked feet" }[feet],
    most === null ? "" : `${most} holds at most`,
    reach === null ? "" : `reach ${reach} inches`,
  ].filter(Boolean);
  return words.length ? `: ${words.join(", ")}` : "";
}

export function count(number, thing) {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

export function spans(words) {
  return words.flatMap(([text, style], i) => {
    const span = document.createElement("span");
    span.textContent = text;
    if (style) span.className = style;
    return i ? [" · ", span] : [span];
  });
}
