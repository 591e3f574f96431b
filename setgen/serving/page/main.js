// The page put together: what the controls do, and what is shown after every change.

import { get, latest, picture, post } from "./api.js";
import { BoardView } from "./board.js";
import { Conditions } from "./conditions.js";
import * as designs from "./design.js";
import { legend } from "./legend.js";
import { Proposals } from "./proposals.js";
import { copy, save } from "./sharing.js";
import { judgementWords, spans } from "./words.js";

const PROPOSALS = 8;
const BEST_OF = 8; // draws for each proposal that is shown
const ROLE_KEYS = { s: "start", m: "middle", f: "finish", t: "foot" };
const $ = (id) => document.getElementById(id);

let board, view, conditions, history, proposals;
let heat = null;
const judge = latest("v1/validate");
const askNext = latest("v1/next");

function say(text) {
  $("status").textContent = text;
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

function change(design) {
  history.change(design);
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
  const count = design.holds.size === 1 ? "1 hold" : `${design.holds.size} holds`;
  const words = found.climb ? judgementWords(found.climb) : [[found.problem, "bad"]];
  $("judgement").replaceChildren(...spans([[count, ""], ...words]));
}

async function showHeat() {
  const design = history.now;
  const { angle, grade } = design;
  const found = await askNext({ holds: designs.framesOf(design, board), angle, grade, ...designs.limitsOf(design) });
  if (!found || !heat) return;
  heat = new Map(found.placements.map((one) => [one.id, one.probability]));
  view.show(history.now, heat);
  const best = found.top[0];
  say(best ? `Most likely next: ${view.places.get(best.id).name}, ${best.role}.` : "Nothing may follow.");
}

function setRole(id, role) {
  change(designs.withHold(history.now, id, role, true));
  const name = view.places.get(id).name || `p${id}`;
  say(`${name}: ${role ?? "off"}.`);
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
  say(`${view.places.get(id).name || `p${id}`}: ${forbidden ? "forbidden" : "free"}.`);
}

function pick(id) {
  act(() => useTool(id));
}

function useTool(id) {
  const tool = document.querySelector("input[name=tool]:checked").value;
  if (tool === "lock") toggleLock(id);
  else if (tool === "forbid") toggleForbidden(id);
  else setRole(id, designs.nextRole(history.now, board, id));
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
  if (role && board.roles.some((one) => one.role === role)) {
    if (designs.hasRoom(history.now, board, id, role)) setRole(id, role);
    else say(`There are ${role} holds enough.`);
  } else if (pressed.toLowerCase() === "l") toggleLock(id);
  else if (pressed.toLowerCase() === "x") toggleForbidden(id);
  else if (pressed === "Delete" || pressed === "Backspace") setRole(id, null);
  else return false;
  return true;
}

// Ask for proposals: with everything kept (`complete`), or with what is locked kept and the rest drawn anew.
async function propose(redraw) {
  const { angle, grade } = history.now;
  const holds = designs.framesOf(history.now, board);
  const wanted = { angle, grade, n: PROPOSALS, best_of: BEST_OF, ...designs.limitsOf(history.now) };
  say("Asking the model …");
  let found;
  if (!holds) found = await post("v1/generate", wanted);
  else if (redraw) found = await post("v1/edit", { ...wanted, holds, keep: designs.lockedIds(history.now) });
  else found = await post("v1/complete", { ...wanted, holds });
  proposals.show(found.climbs);
  $("results").scrollIntoView({ block: "nearest" });
  say(`${found.climbs.length} proposals: choose one below.`);
}

// The next grade up or down from what the grader says of the climb; of a part of a climb, from the one asked for.
async function shiftGrade(by) {
  let now = history.now.grade;
  if (history.now.holds.size) {
    const holds = designs.framesOf(history.now, board);
    now = (await post("v1/validate", { holds, angle: history.now.angle })).climb?.predicted?.grade ?? now;
  }
  const from = board.grades.findIndex((one) => one.grade === now);
  if (from < 0) throw new Error("Choose a grade first: harder or easier than what?");
  const to = board.grades[from + by];
  if (!to) throw new Error(by > 0 ? "There is no harder grade." : "There is no easier grade.");
  change({ ...history.now, grade: to.grade });
  await propose(true);
}

async function importFrames() {
  const found = await post("v1/validate", { holds: $("frames").value.trim() });
  if (!found.readable) throw new Error(`This cannot be read: ${found.problem}`);
  change(designs.withClimb(history.now, found.climb, true));
  say(`${found.climb.holds.length} holds imported.`);
}

async function download() {
  const { angle, grade } = history.now;
  const query = { holds: designs.framesOf(history.now, board), angle, grade };
  const given = Object.entries(query).filter(([, value]) => value !== null);
  save(await picture(Object.fromEntries(given)), "climb.png");
  say("Picture saved.");
}

function toggleHeat() {
  heat = heat ? null : new Map();
  $("heat").setAttribute("aria-pressed", String(heat !== null));
  if (heat) return showHeat();
  view.show(history.now, heat);
  return say("");
}

// Small boards on small screens: twice the size, to be scrolled, with the middle in view.
function toggleZoom() {
  const zoomed = $("board").classList.toggle("zoomed");
  $("zoom").setAttribute("aria-pressed", String(zoomed));
  const { scrollWidth, clientWidth } = $("board");
  $("board").scrollLeft = (scrollWidth - clientWidth) / 2;
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
    import: importFrames,
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
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", () => act(action));
  $("frames").addEventListener("keydown", (event) => {
    if (event.key === "Enter") act(importFrames);
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input[type=text], input[type=password]")) return;
    const wanted = event.key.toLowerCase();
    if (wanted === "z" && !event.shiftKey) act(step("undo"));
    else if (wanted === "y" || (wanted === "z" && event.shiftKey)) act(step("redo"));
    else return;
    event.preventDefault();
  });
  window.addEventListener("hashchange", () => act(() => change(designs.fromFragment(window.location.hash, board))));
}

async function start() {
  board = await get("v1/board");
  $("board-name").textContent = board.name + (board.synthetic && !/synthetic/i.test(board.name) ? " (synthetic)" : "");
  conditions = new Conditions(board, (wanted) => act(() => change({ ...history.now, ...wanted })));
  view = new BoardView(board, $("board"), { pick, key });
  proposals = new Proposals(board, {
    section: $("results"),
    list: $("proposals"),
    take: (climb, number) => {
      change(designs.withClimb(history.now, climb));
      say(`Proposal ${number} taken.`);
      $("wall").scrollIntoView({ block: "start" });
    },
  });
  const design = designs.fromFragment(window.location.hash, board);
  history = new designs.History(design);
  conditions.unfold(design);
  $("legend").replaceChildren(...legend(board));
  wire();
  show();
}

act(start);
