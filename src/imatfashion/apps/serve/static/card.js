// A photo's card: the picture with its regions, and beside it the list of garments; the two light up together.

import { element, svg } from "./dom.js";
import { hideTip, percent, showTip } from "./tip.js";

/** Garments below this share of the photo are listed apart: a doubtful model leaves many such specks. */
const SMALL = 0.002;

function spoken(garment) {
  return [`${garment.name}, ${percent(garment.score)}`, ...(garment.attributes || [])].join(", ");
}

export class Card {
  /** A card that waits; `preview` is an address of the photo, `onRemove` is called when it is closed. */
  constructor(name, preview, onRemove) {
    this.root = document.getElementById("card").content.cloneNode(true).firstElementChild;
    this.pinned = -1;
    this.parts = [];
    this.find("h3").textContent = name;
    this.find("h3").title = name;
    this.find(".photo").addEventListener("error", (event) => event.target.remove());
    this.find(".photo").src = preview;
    this.find(".remove").setAttribute("aria-label", `Remove ${name}`);
    this.find(".remove").addEventListener("click", () => { hideTip(); this.root.remove(); onRemove(); });
    this.find(".toggle").addEventListener("click", () => this.togglePlain());
    this.root.addEventListener("keydown", (event) => { if (event.key === "Escape") { this.pin(-1); hideTip(); } });
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  say(facts) {
    this.find(".facts").textContent = facts;
  }

  fail(sentence) {
    this.root.setAttribute("aria-busy", "false");
    this.root.classList.add("failed");
    this.say("no result");
    const failure = element("p", "failure", sentence);
    failure.setAttribute("role", "alert");
    this.find(".list").replaceWith(failure);
  }

  show(found) {
    this.root.setAttribute("aria-busy", "false");
    const count = found.garments.length;
    this.say(`${found.width} × ${found.height} pixels · ${count} garment${count === 1 ? "" : "s"}`);
    const picture = svg("svg", { class: "regions", viewBox: `0 0 ${found.width} ${found.height}`, role: "group" });
    picture.setAttribute("aria-label", `${found.name} with its garments`);
    picture.append(svg("image", { href: found.picture, width: found.width, height: found.height, preserveAspectRatio: "none" }));
    // The largest garment comes first, so that smaller ones lie over it and can be reached.
    this.parts = found.garments.map((garment, index) => [this.region(garment, index), this.line(garment, index)]);
    picture.append(...this.parts.map(([region]) => region));
    picture.addEventListener("click", (event) => { if (event.target.tagName !== "path") this.pin(-1); });
    this.find(".stage").replaceChildren(picture);
    this.list(found.garments);
    if (!count) this.find(".list").replaceWith(element("p", "note", "No garment was found in this photo."));
    this.find(".toggle").hidden = !count;
  }

  list(garments) {
    const small = garments.map((garment) => garment.share < SMALL);
    this.parts.forEach(([, line], index) => this.find(small[index] ? ".small" : ".garments").append(line));
    const count = small.filter(Boolean).length;
    const all = count === garments.length ? "" : "smaller ";
    this.find("summary").textContent = `${count} ${all}region${count === 1 ? "" : "s"}, each below ${100 * SMALL} % of the photo`;
    this.find("details").hidden = !count;
    this.find("details").open = count === garments.length;
  }

  region(garment, index) {
    const path = svg("path", { d: garment.path, tabindex: "0", role: "button", "aria-pressed": "false", "aria-label": spoken(garment) });
    path.style.setProperty("--c", garment.colour);
    this.react(path, index);
    path.addEventListener("pointermove", (event) => showTip(garment, event.clientX, event.clientY));
    path.addEventListener("pointerleave", hideTip);
    path.addEventListener("focus", () => { const box = path.getBoundingClientRect(); showTip(garment, box.right - 12, box.top); });
    path.addEventListener("blur", hideTip);
    path.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.pin(index); }
    });
    return path;
  }

  line(garment, index) {
    const button = element("button");
    button.type = "button";
    button.style.setProperty("--c", garment.colour);
    button.setAttribute("aria-pressed", "false");
    const score = element("span", "score", percent(garment.score));
    const meter = element("i");
    meter.style.setProperty("--w", `${100 * garment.score}%`);
    score.prepend(meter);
    score.title = "Confidence: the mean probability of the class over the region";
    button.append(element("span", "swatch"), element("span", "name", garment.name), score);
    if (garment.attributes && garment.attributes.length) {
      const chips = element("span", "chips");
      chips.append(...garment.attributes.map((attribute) => element("span", "", attribute)));
      button.append(chips);
    }
    this.react(button, index);
    const item = element("li");
    item.append(button);
    return item;
  }

  react(node, index) {
    node.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") this.light(index); });
    node.addEventListener("pointerleave", () => this.light(this.pinned));
    node.addEventListener("focus", () => this.light(index));
    node.addEventListener("blur", () => this.light(this.pinned));
    node.addEventListener("click", () => this.pin(index));
  }

  /** Keep a garment lit; the same one again, or -1, lets it go. */
  pin(index) {
    this.pinned = this.pinned === index ? -1 : index;
    this.parts.flatMap(([region, line], at) => [[region, at], [line.firstElementChild, at]])
      .forEach(([node, at]) => node.setAttribute("aria-pressed", String(at === this.pinned)));
    this.light(this.pinned);
    if (this.pinned >= 0) this.reveal(this.parts[this.pinned][1]);
  }

  /** Bring a garment's line into the list's window, without moving the page. */
  reveal(line) {
    const details = line.closest("details");
    if (details) details.open = true;
    const list = this.find(".list");
    const [seen, here] = [list.getBoundingClientRect(), line.getBoundingClientRect()];
    if (here.top < seen.top || here.bottom > seen.bottom) list.scrollTop += here.top - seen.top - seen.height / 3;
  }

  light(index) {
    this.root.classList.toggle("some", index >= 0);
    this.parts.forEach(([region, line], at) => {
      region.classList.toggle("on", at === index);
      line.firstElementChild.classList.toggle("on", at === index);
    });
  }

  togglePlain() {
    const plain = this.root.classList.toggle("plain");
    this.find(".toggle").setAttribute("aria-pressed", String(plain));
  }
}
