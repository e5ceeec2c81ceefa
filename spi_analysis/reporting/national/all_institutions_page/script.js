"use strict";
// Everything that is shown stands in the table; the script hides, orders and copies its rows, and knows no other figures.
const say = JSON.parse(document.getElementById("words").textContent);
const one = (id) => document.getElementById(id);
const form = one("ask"), query = one("q"), order = one("order"), body = document.querySelector("#table tbody");
const headings = [...document.querySelectorAll("#table thead th")].map((th) => th.textContent);
const selects = [...form.querySelectorAll("select[data-by]")];
const circles = [...document.querySelectorAll("#dots circle")];
const MOST = 4, PAGE = 50;
const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
const number = (text) => {
  const found = text.split(say.thousands).join("").replace(say.decimal, ".").replace("\u2212", "-").match(/[+-]?\d+(\.\d+)?/);
  return found ? Number(found[0]) : NaN;
};
const rows = [...body.rows].map((tr, i) => ({
  tr, at: i, id: tr.dataset.i, name: tr.cells[0].textContent,
  find: plain(tr.cells[0].textContent + " " + tr.cells[2].textContent),
  cells: [...tr.cells].map((cell) => cell.textContent),
}));
const withIndex = rows.filter((row) => !Number.isNaN(number(row.cells[say.index])));
withIndex.forEach((row, i) => { row.dot = circles[i]; });
let picked = [], shown = rows, most = PAGE, province = "";

// The state is the address: a link keeps what was asked.
function readAddress() {
  const state = new URLSearchParams(location.hash.slice(1));
  query.value = state.get("q") || "";
  for (const select of selects) select.value = state.get(select.dataset.by) || "";
  province = state.get("p") || "";
  order.value = state.get("sort") || "0";
  if (!order.value) order.value = "0";
  picked = (state.get("pick") || "").split(",").map((id) => rows.find((row) => row.id === id)).filter(Boolean).slice(0, MOST);
}
function writeAddress() {
  const state = new URLSearchParams();
  if (query.value) state.set("q", query.value);
  for (const select of selects) if (select.value) state.set(select.dataset.by, select.value);
  if (province) state.set("p", province);
  if (order.value !== "0") state.set("sort", order.value);
  if (picked.length) state.set("pick", picked.map((row) => row.id).join(","));
  history.replaceState(null, "", "#" + state);
}

function quantile(sorted, share) {
  const place = (sorted.length - 1) * share, low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}
const written = (x, decimals) => x.toLocaleString(document.documentElement.lang, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function update() {
  const wanted = plain(query.value).split(/\s+/).filter(Boolean);
  shown = rows.filter((row) =>
    wanted.every((word) => row.find.includes(word)) &&
    (!province || row.tr.dataset.p === province) &&
    selects.every((select) => !select.value || row.tr.dataset[select.dataset.by] === select.value));
  const column = Math.abs(Number(order.value)) - 1, down = Number(order.value) < 0;
  if (column >= 0) {
    const isText = say.text.includes(column);
    const key = new Map(shown.map((row) => [row, isText ? row.cells[column] : number(row.cells[column])]));
    shown.sort((a, b) => {
      const x = key.get(a), y = key.get(b);
      if (isText) return (down ? -1 : 1) * x.localeCompare(y) || a.at - b.at;
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a.at - b.at;
      return (down ? y - x : x - y) || a.at - b.at;
    });
  }
  for (const row of rows) row.tr.hidden = true;
  const first = document.createDocumentFragment();
  shown.slice(0, most).forEach((row) => { row.tr.hidden = false; first.append(row.tr); });
  body.prepend(first);
  const visible = new Set(shown);
  for (const row of withIndex) row.dot.setAttribute("class", picked.includes(row) ? "on" : visible.has(row) ? "" : "off");
  tell(column);
  one("more").hidden = shown.length <= most;
  document.querySelectorAll("#table thead th").forEach((th, i) => {
    th.setAttribute("aria-sort", i !== column ? "none" : down ? "descending" : "ascending");
  });
  document.querySelectorAll(".map button").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.parentNode.dataset.p === province));
  });
  writeAddress();
}

function tell(column) {
  const values = shown.map((row) => number(row.cells[say.index])).filter((x) => !Number.isNaN(x)).sort((a, b) => a - b);
  const parts = [fill(say.count, { n: written(shown.length, 0), all: written(rows.length, 0) })];
  if (values.length >= say.least) {
    parts.push(fill(say.quartiles, { median: written(quantile(values, 0.5), 2), low: written(quantile(values, 0.25), 2), high: written(quantile(values, 0.75), 2) }));
  }
  if (say.ordered.includes(column)) {
    const alike = shown.map((row) => Number(row.tr.dataset.a)).filter((x) => !Number.isNaN(x)).sort((a, b) => a - b);
    parts.push(alike.length ? fill(say.alike, { k: written(quantile(alike, 0.5), 0) }) : say.unordered);
  }
  one("said").textContent = parts.join(" ");
}

function compare() {
  const table = document.querySelector("#compare table");
  table.replaceChildren();
  one("compare").hidden = picked.length === 0;
  headings.forEach((heading, i) => {
    const tr = table.insertRow(), th = document.createElement("th");
    th.scope = "row"; th.textContent = heading; tr.append(th);
    for (const row of picked) {
      const cell = i ? tr.insertCell() : tr.appendChild(document.createElement("th"));
      if (!i) cell.scope = "col";
      cell.textContent = row.cells[i];
    }
  });
  for (const row of rows) {
    row.tr.classList.toggle("picked", picked.includes(row));
    row.box.checked = picked.includes(row);
    row.box.disabled = picked.length >= MOST && !picked.includes(row);
  }
}
function pick(row) {
  if (picked.includes(row)) picked = picked.filter((other) => other !== row);
  else if (picked.length < MOST) picked.push(row);
  compare(); update();
}

// Files of what is shown, made here: nothing is sent anywhere.
function take(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name; link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
const table = () => [headings, ...shown.map((row) => row.cells)];
// A cell that a spreadsheet would run as a formula is text.
const neutral = (text) => (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text.replace(say.decimal, "."))) ? "'" + text : text);
const csv = () => "\ufeff" + table().map((cells) => cells.map((text) => '"' + neutral(text).replaceAll('"', '""') + '"').join(";")).join("\r\n");
const xml = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
function sheet() {
  const cell = (text, head, i) => {
    const exact = !head && !say.text.includes(i) && /^[+\u2212-]?[\d.,]+$/.test(text);
    return exact ? `<c><v>${number(text)}</v></c>` : `<c t="inlineStr"><is><t>${xml(text)}</t></is></c>`;
  };
  const lines = table().map((cells, r) => `<row>${cells.map((text, i) => cell(text, r === 0, i)).join("")}</row>`);
  return `<worksheet xmlns="${say.spreadsheet}/main"><sheetData>${lines.join("")}</sheetData></worksheet>`;
}
function xlsx() {
  const head = '<?xml version="1.0" encoding="UTF-8"?>', main = say.spreadsheet, office = say.office, pack = say.packages;
  const kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.";
  return zip({
    "[Content_Types].xml": `${head}<Types xmlns="${pack}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${kind}sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${kind}worksheet+xml"/></Types>`,
    "_rels/.rels": `${head}<Relationships xmlns="${pack}/relationships"><Relationship Id="r1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    "xl/workbook.xml": `${head}<workbook xmlns="${main}/main" xmlns:r="${office}"><sheets><sheet name="1" sheetId="1" r:id="r1"/></sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `${head}<Relationships xmlns="${pack}/relationships"><Relationship Id="r1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
    "xl/worksheets/sheet1.xml": head + sheet(),
  });
}
function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}
// A zip archive whose members are stored as they are (PKWARE, APPNOTE 6.3, 4.3).
function zip(files) {
  const parts = [], entries = [];
  let at = 0;
  const fields = (list) => {
    const view = new DataView(new ArrayBuffer(list.reduce((n, [size]) => n + size, 0)));
    let i = 0;
    for (const [size, value] of list) { size === 2 ? view.setUint16(i, value, true) : view.setUint32(i, value, true); i += size; }
    return new Uint8Array(view.buffer);
  };
  for (const [name, text] of Object.entries(files)) {
    const label = new TextEncoder().encode(name), bytes = new TextEncoder().encode(text);
    const shared = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 33], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, label.length], [2, 0]];
    entries.push(fields([[4, 0x02014b50], [2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]]), label);
    const local = fields([[4, 0x04034b50], ...shared]);
    parts.push(local, label, bytes);
    at += local.length + label.length + bytes.length;
  }
  const size = entries.reduce((n, part) => n + part.length, 0), count = Object.keys(files).length;
  return new Blob([...parts, ...entries, fields([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, at], [2, 0]])]);
}
function png() {
  const svg = one("dots"), copy = svg.cloneNode(true), box = svg.viewBox.baseVal, from = svg.querySelectorAll("*");
  copy.setAttribute("xmlns", svg.namespaceURI);
  copy.querySelectorAll("*").forEach((node, i) => {
    const style = getComputedStyle(from[i]);
    for (const name of ["fill", "stroke", "font-size", "font-family", "r"]) node.style.setProperty(name, style.getPropertyValue(name));
  });
  const image = new Image(), canvas = document.createElement("canvas");
  image.onload = () => {
    canvas.width = box.width * 2; canvas.height = (box.height + 40) * 2;
    const pen = canvas.getContext("2d");
    pen.fillStyle = getComputedStyle(document.body).backgroundColor; pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = getComputedStyle(document.body).color; pen.font = "22px sans-serif";
    pen.fillText(document.title + ": " + shown.length, 16, 28);
    pen.drawImage(image, 0, 44, box.width * 2, box.height * 2);
    canvas.toBlob((blob) => take(say.file + ".png", "image/png", blob));
  };
  copy.setAttribute("width", box.width * 2); copy.setAttribute("height", box.height * 2);
  image.src = "data:image/svg+xml," + encodeURIComponent(new XMLSerializer().serializeToString(copy));
}

rows.forEach((row) => {
  row.box = Object.assign(document.createElement("input"), { type: "checkbox", className: "pick" });
  row.box.setAttribute("aria-label", fill(say.pick, { name: row.name }));
  row.box.addEventListener("change", () => pick(row));
  row.tr.cells[0].prepend(row.box);
  if (row.dot) row.dot.addEventListener("click", () => pick(row));
});
document.querySelectorAll("#table thead th").forEach((th, i) => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: th.textContent });
  button.addEventListener("click", () => {
    const down = say.text.includes(i) ? "" : "-", next = down + (i + 1), other = down ? i + 1 : -(i + 1);
    order.value = order.value === next ? String(other) : next;
    update();
  });
  th.replaceChildren(button);
});
order.append(new Option(say.roster, "0"));
headings.forEach((heading, i) => {
  const [up, down] = say.text.includes(i) ? [say.az, say.za] : [say.rising, say.falling];
  order.append(new Option(`${heading}: ${down}`, -(i + 1)), new Option(`${heading}: ${up}`, i + 1));
});
document.querySelectorAll(".map li").forEach((tile) => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: tile.textContent, title: tile.title });
  button.setAttribute("aria-label", tile.title);
  tile.removeAttribute("title");
  button.addEventListener("click", () => { province = province === tile.dataset.p ? "" : tile.dataset.p; most = PAGE; update(); });
  tile.replaceChildren(button);
});
// On a telephone the list comes first.
one("pictures").open = matchMedia("(min-width: 40rem)").matches;
form.hidden = one("take").hidden = false;
one("more").textContent = say.more;
one("more").addEventListener("click", () => { most = Infinity; update(); });
form.addEventListener("input", () => { most = PAGE; update(); });
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => { picked = []; province = ""; most = PAGE; compare(); update(); }));
one("take").addEventListener("click", (event) => {
  const make = { csv: () => take(say.file + ".csv", "text/csv", csv()), xlsx: () => take(say.file + ".xlsx", "application/zip", xlsx()), png };
  (make[event.target.dataset.as] || (() => {}))();
});
addEventListener("hashchange", () => { readAddress(); compare(); update(); });
readAddress(); compare(); update();
