/**
 * Work that the server does not have yet, kept in this browser (IndexedDB), so that a crash,
 * a reload or a server that is gone loses nothing.
 *
 * @typedef {object} Sending a request whose answer has not come; sent again with the same key
 * @property {string} key @property {Uint8Array} mask @property {number} base_version
 * @property {number} seconds
 *
 * @typedef {object} Draft
 * @property {string} place project and slice
 * @property {Uint8Array} mask
 * @property {number} base_version the version that was drawn upon
 * @property {number} seconds spent and not saved yet
 * @property {number} changed when, in ms since 1970
 * @property {Sending | null} sending
 */

const NAME = "nextslice";
const STORE = "drafts";

/** @type {Promise<IDBDatabase> | null} */
let opened = null;

/** @param {string} project @param {string} slice @returns {string} */
export function placeOf(project, slice) {
  return `${project}/${slice}`;
}

/** @param {string} place @returns {Promise<Draft | null>} */
export async function readDraft(place) {
  return (await inStore("readonly", (store) => store.get(place))) ?? null;
}

/** @param {Draft} draft */
export async function writeDraft(draft) {
  await inStore("readwrite", (store) => store.put(draft));
}

/** @param {string} place */
export async function dropDraft(place) {
  await inStore("readwrite", (store) => store.delete(place));
}

/** Slices of a project that have drafts. @param {string} project @returns {Promise<Set<string>>} */
export async function draftedSlices(project) {
  const start = placeOf(project, "");
  const range = IDBKeyRange.bound(start, `${start}\uffff`);
  const keys = await inStore("readonly", (store) => store.getAllKeys(range));
  return new Set(keys.map((key) => String(key).slice(start.length)));
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>} once it is done for good
 */
async function inStore(mode, work) {
  opened ??= open();
  const transaction = (await opened).transaction(STORE, mode);
  const request = work(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "place" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => {
      opened = null;
      reject(request.error);
    };
  });
}
