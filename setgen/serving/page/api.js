// Calls of the server. What goes wrong is an Error whose message can be shown as it is.

const KEY = "setgen-api-key";
const ROOT = new URL("../", import.meta.url); // a proxy may show the server below a path

// What there is to ask, which an exported page has less of.
export const features = { next: true };

async function answer(path, options) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key ? { "X-API-Key": key } : {}) };
  let response;
  try {
    response = await fetch(new URL(path, ROOT), { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached.");
  }
  if (response.status === 401) {
    // Meanwhile another call may have been told the right key, or a better one.
    if (sessionStorage.getItem(KEY) === key) await askForKey();
    return answer(path, options);
  }
  if (!response.ok) throw new Error(await problem(response));
  return response;
}

async function problem(response) {
  try {
    const said = (await response.json()).detail;
    const later = response.headers.get("Retry-After");
    return later ? `${said}; try again in ${later} s.` : said;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

// Calls that are refused at once wait for the same dialog.
let asking = null;

function askForKey() {
  asking ??= dialogForKey().finally(() => {
    asking = null;
  });
  return asking;
}

function dialogForKey() {
  const dialog = document.getElementById("key-dialog");
  const field = document.getElementById("key");
  return new Promise((resolve, reject) => {
    const closed = () => {
      if (dialog.returnValue !== "ok") return reject(new Error("This server asks for an API key."));
      sessionStorage.setItem(KEY, field.value);
      field.value = "";
      dialog.returnValue = "";
      return resolve();
    };
    dialog.addEventListener("close", closed, { once: true });
    if (!dialog.open) dialog.showModal();
  });
}

export async function get(path) {
  return (await answer(path, {})).json();
}

// The boards and models of this server: [{name, path, here}, …].
export async function models() {
  const found = await get("v1/models");
  return found.models.map(({ name, path, here }) => ({ name, here, path: new URL(path, ROOT).href }));
}

export async function picture(query) {
  return (await answer(`v1/draw.png?${new URLSearchParams(query)}`, {})).blob();
}

export async function post(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return (await answer(path, { method: "POST", headers, body: JSON.stringify(body), signal })).json();
}

// A call whose answer is wanted only if it is not asked for again meanwhile: the older one is hung up on,
// which frees its work on the server.
export function latest(path) {
  let running = new AbortController();
  return async (body) => {
    running.abort();
    const mine = (running = new AbortController());
    try {
      const found = await post(path, body, mine.signal);
      return mine.signal.aborted ? null : found;
    } catch (error) {
      if (mine.signal.aborted) return null;
      throw error;
    }
  };
}
