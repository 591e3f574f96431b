// The page put together: what the controls do, and what is shown after every change.

import { features, get, latest, models, picture, post } from "./api.js";
import { BoardView, middle } from "./board.js";
import { Conditions } from "./conditions.js";
import * as designs from "./design.js";
import { Grades } from "./grades.js";
import { legend, shown } from "./legend.js";
import { mirrored, shifted } from "./moving.js";
import { Proposals } from "./proposals.js";
import { Saved } from "./saved.js";
import { copy, save } from "./sharing.js";
import { count, judgementWords, spans } from "./words.js";

const PROPOSALS = 8;
const BEST_OF = 8; // draws for each proposal that is shown
const ROLE_KEYS = { s: "start", m: "middle", h: "middle", f: "finish", t: "foot" };
const onPhone = window.matchMedia("(max-width: 55.99rem)"); // as in style.css
const $ = (id) => document.getElementById(id);

let board, view, grades, conditions, history, proposals, saved, knowsClimbs;
let heat = null;
const judge = latest("v1/validate");
const askNext = latest("v1/next");

function say(...parts) {
  $("status").replaceChildren(...parts);
}

function complain(error) {
  $("alert").textContent = error?.message ?? "";
  $("alert").hidden = !error;
}

// Run an action of the user's: what the one before said is taken away, and what goes wrong is shown.
async function act(action) {
  say("");
  complain(null);
  await follow(action);
}

// What follows of itself from an action says nothing unless it goes wrong.
async function follow(action) {
  try {
    await action();
  } catch (error) {
    say("");
    complain(error);
  }
}

function change(design, gesture) {
  history.change(design, gesture);
  show();
}

function show() {
  const design = history.now;
  view.show(design, heat);
  $("undo").disabled = !history.past.length;
  $("redo").disabled = !history.future.length;
  $("frames").value = designs.framesOf(design, board);
  conditions.show(design);
  window.history.replaceState(null, "", `#${designs.toFragment(design, board)}`);
  follow(showJudgement);
  if (heat) follow(showHeat);
}

async function showJudgement() {
  const design = history.now;
  if (!design.holds.size) {
    $("judgement").textContent = "No holds yet: click some, or let the model begin with “Complete”.";
    return;
  }
  const found = await judge({ holds: designs.framesOf(design, board), angle: design.angle });
  if (!found || history.now !== design) return;
  const words = found.climb ? judgementWords(found.climb, grades) : [[found.problem, "bad"]];
  $("judgement").replaceChildren(...spans([[count(design.holds.size, "hold"), ""], ...words]));
}

async function showHeat() {
  const design = history.now;
  const { angle, grade } = design;
  const found = await askNext({ holds: designs.framesOf(design, board), angle, grade, ...designs.limitsOf(design) });
  if (!found || !heat) return;
  heat = new Map(found.placements.map(({ id, ...next }) => [id, next]));
  view.show(history.now, heat);
  const best = found.top[0];
  say(best ? `Most likely next: ${view.name(best.id)}, ${shown(best.role)}.` : "Nothing may follow.");
}

function setRole(id, role) {
  change(designs.withHold(history.now, id, role, true));
  say(`${view.name(id)}: ${role === null ? "off" : shown(role)}.`);
}

function giveRole(id, role) {
  if (designs.hasRoom(history.now, board, id, role)) return setRole(id, role);
  const [, most] = board.limits[{ start: "starts", finish: "finishes" }[role]];
  return say(`A climb has at most ${count(most, `${shown(role)} hold`)}: take one off first.`);
}

function toggleLock(id) {
  const hold = history.now.holds.get(id);
  if (!hold) {
    say("Only a hold of the climb can be locked.");
    return;
  }
  change(designs.withHold(history.now, id, hold.role, !hold.locked));
  say(hold.locked ? "Unlocked." : "Locked.");
}

function toggleForbidden(id) {
  const forbidden = !history.now.forbidden.has(id);
  change(designs.withForbidden(history.now, id, forbidden));
  say(`${view.name(id)}: ${forbidden ? "forbidden" : "free"}.`);
}

// What a click on a hold does, by brush. A brush that would change nothing takes its role off again.
function useBrush(id) {
  const brush = document.querySelector("input[name=tool]:checked").value;
  const role = history.now.holds.get(id)?.role ?? null;
  if (brush === "lock") toggleLock(id);
  else if (brush === "forbid") toggleForbidden(id);
  else if (brush === "cycle") setRole(id, designs.nextRole(history.now, board, id));
  else if (brush === "erase") erase(id);
  else if (brush === role) setRole(id, null);
  else giveRole(id, brush);
}

function erase(id) {
  if (history.now.forbidden.has(id)) toggleForbidden(id);
  else if (history.now.holds.has(id)) setRole(id, null);
  else say("There is no hold of the climb to take off.");
}

function key(id, pressed) {
  let used = false;
  act(() => {
    used = useKey(id, pressed);
  });
  return used;
}

function useKey(id, pressed) {
  const role = ROLE_KEYS[pressed.toLowerCase()];
  if (role && board.roles.some((one) => one.role === role)) giveRole(id, role);
  else if (pressed.toLowerCase() === "l") toggleLock(id);
  else if (pressed.toLowerCase() === "x") toggleForbidden(id);
  else if (pressed === "Delete" || pressed === "Backspace") setRole(id, null);
  else return false;
  return true;
}

// Ask for proposals: with everything kept (`complete`), or with what is locked kept and the rest drawn anew.
async function propose(redraw) {
  const design = history.now;
  const [holds, keep] = [designs.framesOf(design, board), designs.lockedIds(design)];
  const whole = designs.isWhole(design, board);
  const fixed = holds && keep.length === design.holds.size;
  if (redraw && fixed && whole) {
    throw new Error("Every hold is locked, so nothing can be drawn anew: unlock some with “Lock”, or press “Complete” to add holds.");
  }
  const { angle, grade } = design;
  const near = knowsClimbs ? { near: true } : {};
  const wanted = { angle, grade, n: PROPOSALS, best_of: BEST_OF, ...near, ...designs.limitsOf(design) };
  say("Asking the model …");
  let found;
  if (!holds) found = await post("v1/generate", wanted);
  else if (redraw && !fixed) found = await post("v1/edit", { ...wanted, holds, keep });
  else found = await post("v1/complete", { ...wanted, holds });
  proposals.show(found.climbs, "Proposals", design.holds);
  if (onPhone.matches) $("results").scrollIntoView({ block: "nearest" }); // on a desk they stand beside the board
  const added = !redraw && whole ? " The climb was whole already: they add holds to it." : "";
  say(`${count(found.climbs.length, "proposal")}: choose one.${added}`);
}

// The next grade up or down from what the grader says of the climb; of a part of a climb, from the one asked for.
async function shiftGrade(by) {
  let now = history.now.grade;
  if (history.now.holds.size) {
    const holds = designs.framesOf(history.now, board);
    now = (await post("v1/validate", { holds, angle: history.now.angle })).climb?.predicted?.grade ?? now;
  }
  const from = grades.place(now);
  if (from < 0) throw new Error("Choose a grade first: harder or easier than what?");
  const to = grades.steps[from + by];
  if (!to) throw new Error(by > 0 ? "There is no harder grade." : "There is no easier grade.");
  change({ ...history.now, grade: to });
  await propose(true);
}

// A link to this page, or whatever text of climbs the server can read: frames, hole names, links of boardsesh, app and
// MoonBoard JSON, LED messages.
async function importText() {
  const text = $("frames").value.trim();
  if (!text) throw new Error("There is nothing to import: paste a climb first.");
  const fragment = /#((?:.*&)?f=.*)$/.exec(text);
  if (/^https?:/.test(text) && fragment) return takeFragment(fragment[1]);
  const found = await post("v1/convert", { text });
  if (found.climbs.length === 1) return takeGiven(found.climbs[0]);
  proposals.show(found.climbs, "Climbs in the text", new Map(), true);
  return say(`${found.climbs.length} climbs are in the text: choose one.`);
}

// A climb of the user's: its holds are locked, and what it is said to be is asked for.
function takeGiven(climb) {
  const { angle, grade } = history.now;
  const conditions = { angle: climb.angle ?? angle, grade: climb.grade ?? grade };
  take({ ...designs.withClimb(history.now, climb, true), ...conditions });
  say(`${count(climb.holds.length, "hold")} imported.`);
}

// Take over the design of a link; what this board lacks is said.
function takeFragment(fragment) {
  const { design, problems } = designs.fromFragment(fragment, board);
  if (problems.length && !design.holds.size) {
    throw new Error(`This link is not for this board: ${problems.slice(0, 3).join(", ")}.`);
  }
  take(design);
  if (problems.length) sayMissing(problems);
  else say(`${count(design.holds.size, "hold")} imported.`);
}

function sayMissing(problems) {
  complain(new Error(`Not all of the link is on this board: ${problems.slice(0, 3).join(", ")}.`));
}

async function download() {
  const { angle, grade } = history.now;
  const query = { holds: designs.framesOf(history.now, board), angle, grade };
  const given = Object.entries(query).filter(([, value]) => value !== null);
  save(await picture(Object.fromEntries(given)), "climb.png");
  say("Picture saved.");
}

async function openInBoardsesh() {
  const { holds, angle } = history.now;
  if (!holds.size) throw new Error("There is nothing to open: the climb has no holds.");
  if (angle === null) throw new Error("Choose an angle first: boardsesh opens a climb at one.");
  const found = await post("v1/convert", { text: designs.framesOf(history.now, board), to: "links", angle });
  const link = Object.assign(document.createElement("a"), {
    href: found.text.trim(),
    target: "_blank",
    rel: "noopener",
    textContent: "boardsesh",
  });
  window.open(link.href, "_blank", "noopener");
  say("Opened in another tab. If none came: ", link);
}

function toggleHeat() {
  heat = heat ? null : new Map();
  $("heat").setAttribute("aria-pressed", String(heat !== null));
  if (heat) return showHeat();
  view.show(history.now, heat);
  return say("");
}

function toggleZoom() {
  const places = [...history.now.holds.keys()].map((id) => view.places.get(id));
  view.zoom(!view.isZoomed, middle(places.map(({ x }) => x), places.map(({ y }) => y)));
}

function move(changed) {
  change(changed);
  view.follow([...changed.holds.keys()]);
}

// A whole design in place of this one, and the wall in view.
function take(design) {
  move(design);
  $("wall").scrollIntoView({ block: "start" });
}

function brushes() {
  const words = [
    ["cycle", "Set role"],
    ...board.roles.map(({ role }) => [role, shown(role)[0].toUpperCase() + shown(role).slice(1)]),
    ["erase", "Erase"],
    ["lock", "Lock"],
    ["forbid", "Forbid"],
  ];
  return words.map(([value, word]) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "tool", value });
    input.checked = value === "cycle";
    const span = document.createElement("span");
    span.textContent = word;
    label.append(input, " ", span);
    return label;
  });
}

async function showModels() {
  const all = await models();
  $("models-label").hidden = all.length < 2;
  $("models").replaceChildren(...all.map(({ name, path, here }) => new Option(name, path, here, here)));
  $("models").addEventListener("change", () => window.location.assign($("models").value));
}

function wire() {
  const step = (move) => () => {
    history[move]();
    show();
  };
  const actions = {
    undo: step("undo"),
    redo: step("redo"),
    clear: () => change(designs.cleared(history.now)),
    heat: toggleHeat,
    zoom: toggleZoom,
    complete: () => propose(false),
    again: () => propose(true),
    harder: () => shiftGrade(1),
    easier: () => shiftGrade(-1),
    import: importText,
    save: () => saved.save(history.now),
    boardsesh: openInBoardsesh,
    mirror: () => move(mirrored(history.now, board)),
    copy: async () => {
      await copy(designs.framesOf(history.now, board));
      say("Frames string copied.");
    },
    link: async () => {
      await copy(window.location.href);
      say("Link copied.");
    },
    download,
  };
  for (const direction of ["left", "right", "up", "down"]) {
    actions[direction] = () => move(shifted(history.now, board, direction));
  }
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", () => act(action));
  $("frames").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    act(importText);
  });
  $("scale").addEventListener("change", () => {
    grades.use($("scale").value);
    saved.show();
    act(show);
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("textarea, input[type=password]")) return;
    const wanted = event.key.toLowerCase();
    if (wanted === "z" && !event.shiftKey) act(step("undo"));
    else if (wanted === "y" || (wanted === "z" && event.shiftKey)) act(step("redo"));
    else return;
    event.preventDefault();
  });
  window.addEventListener("hashchange", () => act(() => takeFragment(window.location.hash)));
}

async function start() {
  board = await get("v1/board");
  grades = new Grades(board);
  $("scale").value = grades.scale;
  $("board-name").textContent = board.name + (board.synthetic && !/synthetic/i.test(board.name) ? " (synthetic)" : "");
  $("brushes").replaceChildren(...brushes());
  $("boardsesh").hidden = !board.sites.includes("boardsesh");
  $("heat").hidden = !features.next;
  $("mirror").hidden = board.placements.every((one) => one.mirror === null);
  conditions = new Conditions(board, grades, (wanted, gesture) =>
    act(() => change({ ...history.now, ...wanted }, gesture)),
  );
  view = new BoardView(board, $("board"), {
    pick: (id) => act(() => useBrush(id)),
    key,
    zoomed: (on, touched) => {
      $("zoom").setAttribute("aria-pressed", String(on));
      if (touched) act(() => say("Zoomed in: touch the hold again. “Zoom” shows the whole board."));
    },
  });
  proposals = new Proposals(board, grades, {
    section: $("results"),
    title: $("results-title"),
    list: $("proposals"),
    take: (climb, number, given) =>
      act(() => {
        if (given) return takeGiven(climb);
        take(designs.withClimb(history.now, climb));
        return say(`Proposal ${number} taken.`);
      }),
  });
  saved = new Saved(board, grades, {
    section: $("saved"),
    list: $("saved-climbs"),
    home: $("save"),
    take: (design) => act(() => take(design)),
    say,
  });
  const { design, problems } = designs.fromFragment(window.location.hash, board);
  history = new designs.History(design);
  conditions.unfold(design);
  $("legend").replaceChildren(...legend(board));
  wire();
  show();
  if (problems.length) sayMissing(problems);
  await showModels();
  knowsClimbs = (await get("v1/model")).known > 0;
}

act(start);
