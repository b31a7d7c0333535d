// The small label beside the pointer. Text goes in as text, never as HTML.

const tip = document.getElementById("tip");

export function percent(score) {
  return `${Math.round(100 * score)} %`;
}

/** Show a garment's label at a place of the window. */
export function showTip(garment, x, y) {
  const name = document.createElement("b");
  name.textContent = garment.name;
  const rest = document.createElement("span");
  rest.textContent = ` ${percent(garment.score)}`;
  const attributes = document.createElement("span");
  attributes.textContent = (garment.attributes || []).join(", ");
  tip.replaceChildren(name, rest, ...(attributes.textContent ? [document.createElement("br"), attributes] : []));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 16 + width > innerWidth ? x - 16 - width : x + 16;
  const top = y + 16 + height > innerHeight ? y - 16 - height : y + 16;
  tip.style.left = `${Math.max(6, left)}px`;
  tip.style.top = `${Math.max(6, top)}px`;
}

export function hideTip() {
  tip.hidden = true;
}
