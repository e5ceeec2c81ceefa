"use strict";
// Everything that is shown stands in the table; the script hides, orders and copies its rows, and knows no other figures.
const say = JSON.parse(document.getElementById("words").textContent);
const one = (id) => document.getElementById(id);
const form = one("ask"), query = one("q"), order = one("order"), body = document.querySelector("#table tbody");
const headings = [...document.querySelectorAll("#table thead th")].map((th) => th.textContent);
// A filter is a list to choose one from, or boxes of which several may be ticked.
const filters = [...form.querySelectorAll("[data-by]")].map((part) => {
  const boxes = [...part.querySelectorAll("input")], by = part.dataset.by;
  return boxes.length
    ? { by, get: () => boxes.filter((box) => box.checked).map((box) => box.value), set: (values) => { for (const box of boxes) box.checked = values.includes(box.value); } }
    : { by, get: () => (part.value ? [part.value] : []), set: ([value]) => { part.value = value || ""; if (part.selectedIndex < 0) part.value = ""; } };
});
const provinces = form.querySelector("select[data-by=p]");
// Filled below, where there is a choice of provinces: code, name, number of institutions, place in the alphabet, button.
const places = [];
const circles = [...document.querySelectorAll("#dots circle")];
// A row costs the browser as much as all else that an answer takes: a page holds more than a screen, but not much more.
const MOST = 4, PAGE = 25;
const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
const number = (text) => {
  const found = text.split(say.thousands).join("").replace(say.decimal, ".").replace("\u2212", "-").match(/[+-]?\d+(\.\d+)?/);
  return found ? Number(found[0]) : NaN;
};
// The code of an institution stands in the address of its report; without one beside the name, and else the name serves.
const codeOf = (tr) => tr.dataset.i ?? tr.querySelector("a")?.getAttribute("href").split("/")[0] ?? tr.cells[0].textContent.trim();
const rows = [...body.rows].map((tr, i) => {
  const cells = [...tr.cells].map((cell) => cell.textContent.trim());
  return { tr, at: i, id: codeOf(tr), name: cells[0], find: plain(cells[0] + " " + cells[2]), cells, marks: { ...tr.dataset }, index: number(cells[say.index]) };
});
const withIndex = rows.filter((row) => !Number.isNaN(row.index));
withIndex.forEach((row, i) => { row.dot = circles[i]; });
// On the page stand the rows ``laid``; ``most`` of those that are ``shown`` are wanted there.
let picked = [], shown = rows, most = PAGE, laid = rows, later = 0;

// The state is the address: a link keeps what was asked.
function readAddress() {
  const state = new URLSearchParams(location.hash.slice(1));
  query.value = state.get("q") || "";
  for (const filter of filters) filter.set((state.get(filter.by) || "").split(","));
  order.value = state.get("sort") || "0";
  if (!order.value) order.value = "0";
  picked = (state.get("pick") || "").split(",").map((id) => rows.find((row) => row.id === id)).filter(Boolean).slice(0, MOST);
}
function writeAddress() {
  const state = new URLSearchParams();
  if (query.value) state.set("q", query.value);
  for (const filter of filters) if (filter.get().length) state.set(filter.by, filter.get().join(","));
  if (order.value !== "0") state.set("sort", order.value);
  if (picked.length) state.set("pick", picked.map((row) => row.id).join(","));
  if (location.hash.slice(1) !== String(state)) history.replaceState(null, "", "#" + state);
}

function quantile(sorted, share) {
  const place = (sorted.length - 1) * share, low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}
const language = document.documentElement.lang, alphabet = new Intl.Collator(language);
const format = [0, 2].map((decimals) => new Intl.NumberFormat(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
const count = (n) => format[0].format(n), figure = (x) => format[1].format(x);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// What a column is sorted by: a number, a place on its scale, or its words; in the order of the rows, read once.
const keys = {};
function sortKeys(column) {
  const scale = say.scales[column];
  const keyOf = scale ? (text) => { const at = scale.indexOf(text); return at < 0 ? NaN : at; } : say.text.includes(column) ? (text) => text : number;
  return (keys[column] ??= rows.map((row) => keyOf(row.cells[column])));
}
function compareKeys(x, y, down) {
  if (typeof x === "string") return (down ? -1 : 1) * alphabet.compare(x, y);
  return Number.isNaN(x) || Number.isNaN(y) ? Number.isNaN(x) - Number.isNaN(y) : down ? y - x : x - y;
}
function update() {
  const wanted = plain(query.value).split(/\s+/).filter(Boolean);
  const asked = filters.map(({ by, get }) => ({ by, values: get() })).filter(({ values }) => values.length);
  const fits = (row, { by, values }) => values.includes(row.marks[by] ?? say.none);
  const anywhere = rows.filter((row) =>
    wanted.every((word) => row.find.includes(word)) && asked.every((filter) => filter.by === "p" || fits(row, filter)));
  shown = anywhere.filter((row) => asked.every((filter) => fits(row, filter)));
  const column = Math.abs(Number(order.value)) - 1, down = Number(order.value) < 0;
  if (column >= 0) {
    const key = sortKeys(column);
    shown.sort((a, b) => compareKeys(key[a.at], key[b.at], down) || a.at - b.at);
  }
  // The first of the list stay where they are; else the list begins anew, with one page.
  const stays = laid.length <= most && laid.every((row, i) => row === shown[i]);
  layOut(stays ? Math.max(PAGE, laid.length) : PAGE);
  markDots();
  tell(column);
  one("more").hidden = shown.length <= most;
  document.querySelectorAll("#table thead th").forEach((th, i) => {
    change(th, "aria-sort", i !== column ? "none" : down ? "descending" : "ascending");
  });
  countByProvince(anywhere);
  writeAddress();
  clearTimeout(later);
  layOutRest();
}
// Only what changes is touched: each touch costs the browser a look at it.
function change(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function layOut(upTo) {
  const listed = shown.slice(0, Math.min(upTo, most)), onPage = new Set(listed);
  for (const row of laid) if (!onPage.has(row)) row.tr.hidden = true;
  let next = body.firstElementChild;
  for (const { tr } of listed) {
    if (tr === next) next = next.nextElementSibling;
    else body.insertBefore(tr, next);
    if (tr.hidden) tr.hidden = false;
  }
  laid = listed;
}
// All rows a page at a time, so that the browser answers in between.
function layOutRest() {
  if (laid.length >= Math.min(most, shown.length)) return;
  later = setTimeout(() => { layOut(laid.length + PAGE); layOutRest(); });
}
function markDots() {
  const found = new Set(shown);
  for (const row of withIndex) change(row.dot, "class", picked.includes(row) ? "on" : found.has(row) ? "" : "off");
}

// Map and lists show the same: how many of what is asked for lie in every province, and which one is chosen.
function countsOf(found) {
  const counts = {};
  for (const row of found) {
    const code = row.marks.p ?? say.none;
    counts[code] = (counts[code] || 0) + 1;
  }
  return counts;
}
function countByProvince(found) {
  const counts = countsOf(found);
  for (const option of provinces ? provinces.options : []) {
    if (option.value) write(option, `${option.dataset.name} (${counts[option.value] || 0})`);
  }
  for (const button of document.querySelectorAll(".map button")) {
    const { p, title } = button.parentNode.dataset, n = counts[p] || 0;
    write(button.querySelector("b"), String(n));
    for (const name of ["title", "aria-label"]) change(button, name, fill(say.tile, { title, n }));
    change(button, "aria-pressed", String(provinces.value === p));
  }
  listPlaces(counts);
}
function listPlaces(counts) {
  const listed = places.map((place) => ({ ...place, n: counts[place.code] || 0 })).sort((a, b) => b.n - a.n || a.at - b.at);
  for (const { button, code, name, all, n } of listed) {
    write(button, fill(say.place, { name, n, all }));
    change(button, "aria-pressed", String(provinces.value === code));
  }
  const list = document.querySelector("#where ul");
  // What keeps its place keeps the keyboard's focus.
  if (listed.some(({ item }, i) => list.children[i] !== item)) list.append(...listed.map(({ item }) => item));
  const most = listed.slice(0, say.first).filter(({ n }) => n).map(({ button }) => button.textContent);
  write(document.querySelector("#where summary"), fill(say.where, { most: most.join("; ") || say.missing }));
}
function choose(code) {
  provinces.value = provinces.value === code ? "" : code;
  askAgain();
}
function askAgain() {
  most = PAGE;
  update();
}

function tell(column) {
  const values = shown.map((row) => row.index).filter((x) => !Number.isNaN(x)).sort((a, b) => a - b);
  const parts = [fill(say.count, { n: count(shown.length), all: count(rows.length) })];
  if (values.length >= say.least) {
    parts.push(fill(say.quartiles, { median: figure(quantile(values, 0.5)), low: figure(quantile(values, 0.25)), high: figure(quantile(values, 0.75)) }));
  }
  if (say.ordered.includes(column)) {
    const alike = shown.map((row) => Number(row.marks.a)).filter((x) => !Number.isNaN(x)).sort((a, b) => a - b);
    parts.push(alike.length ? fill(say.alike, { k: count(quantile(alike, 0.5)) }) : say.unordered);
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
// In a file an interval is two columns, what is missing is empty, and every row says why, from where and on what terms.
const figuresIn = (text) => text.match(/[+\u2212-]?\d[\d.,]*/g) || ["", ""];
function fileRow(cells, interval, last) {
  return [...cells.flatMap((text, i) => (say.intervals[i] ? interval(text, i) : [text])), ...last];
}
function table() {
  const head = fileRow(headings, (_, i) => say.intervals[i], [say.why, ...say.about.map(([heading]) => heading)]);
  return [head, ...shown.map(({ cells }) => {
    const index = cells[say.index], why = Number.isNaN(number(index)) ? index : "";
    const known = cells.map((text, i) => (text === say.missing || (why && i === say.index) ? "" : text));
    return fileRow(known, figuresIn, [why, ...say.about.map(([, text]) => text)]);
  })];
}
// A cell that a spreadsheet would run as a formula is text.
const neutral = (text) => (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text.replace(say.decimal, "."))) ? "'" + text : text);
const csv = () => "\ufeff" + table().map((cells) => cells.map((text) => '"' + neutral(text).replaceAll('"', '""') + '"').join(";")).join("\r\n");
const xml = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
// Numbers of the table are numbers in a workbook; of text columns, words that begin with a digit stay words.
function sheet(lines) {
  const texts = new Set(say.text.map((i) => headings[i]));
  const cell = (text, name) => {
    const exact = name && !texts.has(name) && /^[+\u2212-]?[\d.,]+$/.test(text);
    return exact ? `<c><v>${number(text)}</v></c>` : `<c t="inlineStr"><is><t>${xml(text)}</t></is></c>`;
  };
  const rows = lines.map((cells, r) => `<row>${cells.map((text, i) => cell(text, r ? lines[0][i] : "")).join("")}</row>`);
  return `<worksheet xmlns="${say.spreadsheet}/main"><sheetData>${rows.join("")}</sheetData></worksheet>`;
}
function xlsx() {
  const head = '<?xml version="1.0" encoding="UTF-8"?>', main = say.spreadsheet, office = say.office, pack = say.packages;
  const kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.";
  const notes = [...document.querySelectorAll("#notes li")].map((note) => [note.textContent]);
  const sheets = { [say.data]: table(), [say.notes]: [...notes, ...say.about] }, names = Object.keys(sheets);
  const each = (write) => names.map((name, i) => write(i + 1, name)).join("");
  return zip({
    "[Content_Types].xml": `${head}<Types xmlns="${pack}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${kind}sheet.main+xml"/>${each((i) => `<Override PartName="/xl/worksheets/sheet${i}.xml" ContentType="${kind}worksheet+xml"/>`)}</Types>`,
    "_rels/.rels": `${head}<Relationships xmlns="${pack}/relationships"><Relationship Id="r1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    "xl/workbook.xml": `${head}<workbook xmlns="${main}/main" xmlns:r="${office}"><sheets>${each((i, name) => `<sheet name="${xml(name)}" sheetId="${i}" r:id="r${i}"/>`)}</sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `${head}<Relationships xmlns="${pack}/relationships">${each((i) => `<Relationship Id="r${i}" Type="${office}/worksheet" Target="worksheets/sheet${i}.xml"/>`)}</Relationships>`,
    ...Object.fromEntries(names.map((name, i) => [`xl/worksheets/sheet${i + 1}.xml`, head + sheet(sheets[name])])),
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
  // The browser need not keep what is ticked, which the address does: for 640 boxes it would at every change of that.
  row.box = Object.assign(document.createElement("input"), { type: "checkbox", className: "pick", autocomplete: "off" });
  row.box.setAttribute("aria-label", fill(say.pick, { name: row.name }));
  row.box.addEventListener("change", () => pick(row));
  row.tr.cells[0].prepend(row.box);
  if (row.dot) row.dot.addEventListener("click", () => pick(row));
});
document.querySelectorAll("#table thead th").forEach((th, i) => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: th.textContent });
  button.addEventListener("click", () => {
    const [[first], [second]] = say.orders[i];
    order.value = order.value === first ? second : first;
    update();
  });
  th.replaceChildren(button);
});
order.append(new Option(say.roster, "0"));
for (const [code, words] of say.orders.flat()) order.append(new Option(words, code));
for (const option of provinces ? provinces.options : []) option.dataset.name = option.textContent;
for (const tile of provinces ? document.querySelectorAll(".map li") : []) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.append(...tile.childNodes);
  tile.dataset.title = tile.title;
  tile.removeAttribute("title");
  button.addEventListener("click", () => choose(tile.dataset.p));
  tile.replaceChildren(button);
}
const everywhere = countsOf(rows);
for (const { value: code, dataset: { name } } of provinces ? [...provinces.options].filter(({ value }) => value && value !== say.none) : []) {
  const item = document.createElement("li"), button = Object.assign(document.createElement("button"), { type: "button" });
  button.addEventListener("click", () => choose(code));
  item.append(button);
  places.push({ code, name, item, button, all: everywhere[code] || 0, at: places.length });
}
one("where").hidden = !places.length;
// On a telephone the list comes first.
one("pictures").open = matchMedia("(min-width: 40rem)").matches;
form.hidden = one("take").hidden = false;
one("more").textContent = say.more;
one("more").addEventListener("click", () => { most = Infinity; update(); });
form.addEventListener("input", askAgain);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => { picked = []; compare(); askAgain(); }));
one("take").addEventListener("click", (event) => {
  const make = { csv: () => take(say.file + ".csv", "text/csv", csv()), xlsx: () => take(say.file + ".xlsx", "application/zip", xlsx()), png };
  (make[event.target.dataset.as] || (() => {}))();
});
addEventListener("hashchange", () => { readAddress(); compare(); update(); });
readAddress(); compare(); update();
