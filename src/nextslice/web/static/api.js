/**
 * The server's answers as typed values, pixels as the file has them. The only file that talks to
 * the network.
 *
 * @typedef {"queried" | "labelled" | "skipped"} SliceState
 * @typedef {object} Slice
 * @property {string} id @property {string} case @property {number} index
 * @property {number} position_mm @property {number | null} score @property {SliceState} state
 * @property {number} version 0: never answered @property {string | null} annotator of that version
 * @property {string | null} leased_to @property {number} slices how many the volume has
 * @property {number | null} agreement @property {[number, number]} shape rows, columns
 * @property {[number, number]} spacing mm per row, mm per column
 * @property {[string, string]} towards where rows, where columns count to: R, L, A, P, S or I
 *
 * @typedef {{epoch: number, epochs: number, step: number, steps: number, loss: number | null, seconds_left: number | null, stage: string}} Training
 * @typedef {{cycle: number, labelled: number, asked: number, answered: number, skipped: number, agreement: number | null, seconds: number}} Cycle
 *
 * @typedef {object} Overview
 * @property {string} project @property {string} title @property {string[]} classes
 * @property {number} cycle @property {"annotating" | "training" | "failed" | "exhausted"} phase
 * @property {string} error @property {Slice[]} slices @property {Training | null} progress
 * @property {number} labelled @property {Cycle[]} history
 *
 * @typedef {{values: Float32Array, height: number, width: number, meta: Record<string, any>}} Image
 * @typedef {{mask: Uint8Array, height: number, width: number, meta: Record<string, any>}} Mask
 * @typedef {{version: number, state: SliceState, agreement: number | null}} Saved
 */

const META = "X-Nextslice";
const CSRF = "X-Nextslice-Session";
const STORED = `nextslice.session.${location.port}`;
const MOST_AGAIN = 3;
const A_MOMENT = 300; // ms

/** The server said no, or did not answer (status 0). */
export class ApiError extends Error {
  /** @param {number} status @param {Record<string, any>} body */
  constructor(status, body) {
    super(body.problem ?? "The server gave an answer that the page does not understand.");
    this.status = status;
    this.body = body;
    /** @type {string} what to do, if the server says */
    this.remedy = body.remedy ?? "";
  }

  get offline() {
    return this.status === 0;
  }
}

/** @type {() => Promise<void>} asks the person for the link; set by session.js */
let renewSession = () => Promise.reject(new Error("no session"));

/** @param {() => Promise<void>} renew called when the server does not know this browser */
export function onUnknownSession(renew) {
  renewSession = renew;
}

/** Hear of another tab that was let in: it was for this one, too. @param {() => void} hear @param {AbortSignal} signal */
export function onOtherTab(hear, signal) {
  addEventListener("storage", (event) => event.key === STORED && event.newValue && hear(), { signal });
}

/** Exchange the link's token for this browser's own session. @param {string} token */
export async function exchange(token) {
  const answer = await raw("POST", "/api/session", { json: { token } });
  const { csrf } = await answer.json();
  localStorage.setItem(STORED, csrf);
}

/** @returns {Promise<Overview>} */
export async function getOverview() {
  return (await request("GET", "/api/overview")).json();
}

/** @param {string} id @param {number} offset slices away @returns {Promise<Image | null>} */
export async function getImage(id, offset) {
  return floats(await request("GET", `${at(id)}/image?offset=${offset}`));
}

/** @param {string} id @returns {Promise<Image | null>} */
export async function getUncertainty(id) {
  return floats(await request("GET", `${at(id)}/uncertainty`));
}

/** @param {string} id @returns {Promise<Mask | null>} */
export async function getProposal(id) {
  return bytes(await request("GET", `${at(id)}/proposal`));
}

/** The newest annotation. @param {string} id @returns {Promise<Mask | null>} */
export async function getAnnotation(id) {
  return bytes(await request("GET", `${at(id)}/annotation`));
}

/** The annotation of a neighbour. @param {string} id @param {number} offset @returns {Promise<Mask | null>} */
export async function getNeighbour(id, offset) {
  return bytes(await request("GET", `${at(id)}/neighbour?offset=${offset}`));
}

/** The annotation of the nearest slice that has one. @param {string} id @returns {Promise<Mask | null>} */
export async function getNearest(id) {
  return bytes(await request("GET", `${at(id)}/nearest`));
}

/**
 * @param {string} id
 * @param {Uint8Array} mask
 * @param {{annotator: string, base_version: number, key: string, seconds: number}} about
 * @returns {Promise<Saved>} once the mask is on the server's disk
 */
export async function putAnnotation(id, mask, about) {
  const headers = {
    "X-Annotator": encodeURIComponent(about.annotator),
    "X-Base-Version": String(about.base_version),
    "X-Key": about.key,
    "X-Seconds": String(about.seconds),
  };
  return (await request("PUT", `${at(id)}/annotation`, { bytes: mask, headers })).json();
}

/** @param {string} id @param {{annotator: string, base_version: number, key: string, reason: string}} about @returns {Promise<Saved>} */
export async function postSkip(id, about) {
  return (await request("POST", `${at(id)}/skip`, { json: about })).json();
}

/** @param {string} id @param {{annotator: string, base_version: number, key: string}} about @returns {Promise<Saved>} */
export async function postWithdraw(id, about) {
  return (await request("POST", `${at(id)}/withdraw`, { json: about })).json();
}

/** @param {string} id @param {string} annotator @returns {Promise<{held_by: string | null}>} somebody else, or null */
export async function postLease(id, annotator) {
  return (await request("POST", `${at(id)}/lease`, { json: { annotator } })).json();
}

/** Also sent while the page goes away. @param {string} id @param {string} annotator */
export async function postRelease(id, annotator) {
  await request("POST", `${at(id)}/release`, { json: { annotator }, keepalive: true });
}

/** Train on what is annotated, then ask for the next slices. @param {number} cycle the one that ends */
export async function postFinish(cycle) {
  await request("POST", "/api/query/finish", { json: { cycle } });
}

/** @param {string} id */
function at(id) {
  return `/api/slices/${encodeURIComponent(id)}`;
}

/**
 * @typedef {{json?: unknown, bytes?: Uint8Array, headers?: Record<string, string>, keepalive?: boolean}} Extras
 * @param {string} method @param {string} path @param {Extras} [extras]
 */
async function request(method, path, extras = {}) {
  for (let asked = false, again = 0; ; again++) {
    const shown = secret();
    try {
      return await raw(method, path, extras);
    } catch (error) {
      if (!(error instanceof ApiError) || !isUnknown(error)) throw error;
      if (extras.keepalive || asked || again >= MOST_AGAIN) throw error;
      // Another tab may have been let in anew: the browser has its cookie before we see its secret.
      if (error.status === 403) await new Promise((resolve) => setTimeout(resolve, A_MOMENT));
      if (secret() !== shown) continue;
      await renewSession();
      asked = true;
    }
  }
}

/** Whether what is missing is the link: a request of another site gets no such advice. @param {ApiError} error */
function isUnknown(error) {
  return error.status === 401 || (error.status === 403 && error.remedy !== "");
}

function secret() {
  return localStorage.getItem(STORED) ?? "";
}

/** @param {string} method @param {string} path @param {Extras} extras */
async function raw(method, path, { json, bytes: content, headers = {}, keepalive = false }) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(path, {
      method,
      keepalive,
      cache: "no-store",
      credentials: "same-origin",
      headers: {
        ...headers,
        [CSRF]: secret(),
        ...(json === undefined ? {} : { "Content-Type": "application/json" }),
        ...(content === undefined ? {} : { "Content-Type": "application/octet-stream" }),
      },
      body: /** @type {BodyInit | undefined} */ (
        json === undefined ? content : JSON.stringify(json)
      ),
    });
  } catch {
    throw new ApiError(0, { problem: "The server does not answer." });
  }
  if (answer.ok) return answer;
  throw new ApiError(answer.status, await answer.json().catch(() => ({})));
}

/** @param {Response} answer @returns {Promise<Image | null>} */
async function floats(answer) {
  if (answer.status === 204) return null;
  const { meta, height, width } = described(answer);
  const view = new DataView(await answer.arrayBuffer());
  const values = new Float32Array(height * width);
  for (let k = 0; k < values.length; k++) values[k] = view.getFloat32(4 * k, true);
  return { values, height, width, meta };
}

/** @param {Response} answer @returns {Promise<Mask | null>} */
async function bytes(answer) {
  if (answer.status === 204) return null;
  const { meta, height, width } = described(answer);
  const mask = new Uint8Array(await answer.arrayBuffer());
  if (mask.length !== height * width) throw new ApiError(answer.status, {});
  return { mask, height, width, meta };
}

/** @param {Response} answer */
function described(answer) {
  const meta = JSON.parse(answer.headers.get(META) ?? "{}");
  const [height, width] = meta.shape;
  return { meta, height, width };
}
