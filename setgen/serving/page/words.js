// What the server says of a climb, and what limits say, in a line.

export function gradeWords(grade) {
  return grade ? `${grade.grade}/${grade.v_grade}` : "grade unknown";
}

// How hard a climb is, and what was asked for: never the one in place of the other.
export function gradedWords(climb) {
  const asked = climb.grade === null ? "" : `asked ${gradeWords(climb)}`;
  if (!climb.predicted) return asked || "grade unknown";
  return `about ${gradeWords(climb.predicted)}${asked ? ` (${asked})` : ""}`;
}

// [[text, class], …] of a judged climb.
export function judgementWords(climb) {
  if (climb.breaks.length && climb.breaks.every((rule) => rule.startsWith("too few"))) {
    return [[`to be completed: ${climb.breaks.join(", ")}`, ""]]; // nothing else is said of a part of a climb
  }
  const words = [[climb.legal ? "legal" : `not legal: ${climb.breaks.join(", ")}`, climb.legal ? "good" : "bad"]];
  if (climb.sensible !== null) {
    words.push([climb.sensible ? "sensible" : `unusual: ${climb.unusual.join(", ")}`, climb.sensible ? "good" : "bad"]);
  }
  if (climb.predicted) {
    const { angle, lowest, highest } = climb.predicted;
    const where = angle === null ? "" : ` at ${angle}°`;
    words.push([`about ${gradeWords(climb.predicted)}${where} (${lowest} to ${highest})`, ""]);
  }
  return words;
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

export function spans(words) {
  return words.flatMap(([text, style], i) => {
    const span = document.createElement("span");
    span.textContent = text;
    if (style) span.className = style;
    return i ? [" · ", span] : [span];
  });
}
