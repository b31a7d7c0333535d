// The page: photos come in, wait for their turn one by one, and become cards; rows go out as files.

import { Card } from "./card.js";
import * as server from "./server.js";

const byId = (id) => document.getElementById(id);
const most = Number(document.body.dataset.photos);
const largest = Number(document.body.dataset.bytes);
const tools = [...document.querySelectorAll("[data-download]")];
let entries = [];
let working = false;

function alertOf(sentence) {
  const line = document.createElement("p");
  line.append(sentence);
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", "Close this message");
  close.addEventListener("click", () => line.remove());
  line.append(close);
  byId("alerts").replaceChildren(line);
}

/** The name, with a number where another photo has it already: rows are told apart by it. */
function unused(name) {
  const taken = new Set(entries.map((entry) => entry.name));
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let candidate = name;
  for (let number = 2; taken.has(candidate); number += 1) candidate = `${stem} (${number})${ending}`;
  return candidate;
}

function add(name, file) {
  const preview = URL.createObjectURL(file);
  const entry = { name: unused(name), file, state: "waiting", preview };
  entry.card = new Card(entry.name, preview, () => { entry.state = "removed"; leave(entry); });
  entries.push(entry);
  byId("results").hidden = false;
  byId("cards").append(entry.card.root);
  return entry;
}

function leave(entry) {
  URL.revokeObjectURL(entry.preview);
  entries = entries.filter((other) => other !== entry);
  refresh();
}

function take(files) {
  byId("alerts").replaceChildren();
  const room = most - entries.length;
  if (files.length > room) alertOf(`The page holds ${most} photos; ${files.length - room} were left out. Clear it to go on.`);
  const added = [...files].slice(0, room).map((file) => add(file.name || "photo", file));
  if (added.length) added[0].card.root.scrollIntoView({ block: "nearest", behavior: "smooth" });
  work();
}

async function work() {
  refresh();
  if (working) return;
  working = true;
  for (let entry; (entry = entries.find(({ state }) => state === "waiting")); refresh()) await predictOne(entry);
  working = false;
  refresh();
}

/** The photo's bytes, read now: a file may have been moved since it was chosen. */
async function bytesOf(entry) {
  try {
    return await entry.file.arrayBuffer();
  } catch {
    throw new Error(`${entry.name} cannot be read any more; choose it again`);
  }
}

async function predictOne(entry) {
  entry.state = "busy";
  entry.card.say("looking for garments …");
  refresh();
  try {
    // A larger photo is told here, without sending it; the server would say the same.
    if (entry.file.size > largest) throw new Error(`${entry.name} is larger than ${largest / 1e6} MB; send a smaller one`);
    const found = await server.predict(entry.name, await bytesOf(entry));
    if (entry.state === "removed") return;
    entry.name = found.name;
    entry.row = found.row;
    entry.card.show(found);
    entry.state = "done";
  } catch (error) {
    if (entry.state === "removed") return;
    entry.card.fail(error.message);
    entry.state = "failed";
  }
}

function refresh() {
  const count = (state) => entries.filter((entry) => entry.state === state).length;
  const [done, failed, todo] = [count("done"), count("failed"), count("waiting") + count("busy")];
  const faults = failed ? `, and ${failed} without a result` : "";
  byId("status").textContent = todo ? `Photo ${done + failed + 1} of ${entries.length} …` : `${done} photo${done === 1 ? "" : "s"}${faults}`;
  byId("results").hidden = !entries.length;
  document.body.dataset.state = todo ? "busy" : "idle";
  tools.forEach((tool) => { tool.disabled = todo > 0 || !done; });
}

async function rowsFor(file) {
  const done = entries.filter((entry) => entry.state === "done");
  if (file === "submission.csv") {
    // Rows of the grid are asked for only now: most visitors want to look.
    for (const entry of done) entry.gridRow ??= (await server.predict(entry.name, await bytesOf(entry), true)).row;
    return done.map((entry) => entry.gridRow);
  }
  return done.map((entry) => entry.row);
}

async function save(tool) {
  tools.forEach((other) => { other.disabled = true; });
  byId("status").textContent = "Writing the rows …";
  try {
    const blob = await server.download(tool.dataset.download, await rowsFor(tool.dataset.download));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = tool.dataset.download;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    alertOf(error.message);
  }
  refresh();
}

async function tryExample(button) {
  try {
    take([new File([await server.example(button.dataset.example)], button.dataset.name)]);
  } catch (error) {
    alertOf(error.message);
  }
}

byId("files").addEventListener("change", (event) => { take(event.target.files); event.target.value = ""; });
byId("clear").addEventListener("click", () => entries.slice().forEach((entry) => entry.card.find(".remove").click()));
tools.forEach((tool) => tool.addEventListener("click", () => save(tool)));
document.querySelectorAll("[data-example]").forEach((button) => button.addEventListener("click", () => tryExample(button)));
addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("over"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("over"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  take(event.dataTransfer.files);
});
addEventListener("paste", (event) => { if (event.clipboardData.files.length) take(event.clipboardData.files); });
document.body.dataset.state = "idle";
