// Repeats a sealed draw from the published files; no library, no network. Works in a browser and in node.
"use strict";

const ROUND = [];
const START = [];
for (let candidate = 2; ROUND.length < 64; candidate++) {
  let prime = true;
  for (let factor = 2; factor * factor <= candidate; factor++) prime = prime && candidate % factor !== 0;
  if (!prime) continue;
  if (START.length < 8) START.push(fraction(Math.sqrt(candidate)));
  ROUND.push(fraction(Math.cbrt(candidate)));
}

// The first 32 bits of the part behind the point.
function fraction(number) {
  return ((number - Math.floor(number)) * 4294967296) | 0;
}

// SHA-256 (FIPS 180-4) of bytes, as 64 hexadecimal digits.
function sha256(bytes) {
  const length = ((bytes.length + 8) >> 6) + 1 << 6;
  const padded = new Uint8Array(length);
  padded.set(bytes);
  padded[bytes.length] = 128;
  const view = new DataView(padded.buffer);
  view.setUint32(length - 8, Math.floor(bytes.length / 536870912));
  view.setUint32(length - 4, (bytes.length << 3) >>> 0);
  const turn = (word, by) => (word >>> by) | (word << (32 - by));
  const state = START.slice();
  const words = new Int32Array(64);
  for (let block = 0; block < length; block += 64) {
    for (let i = 0; i < 16; i++) words[i] = view.getInt32(block + 4 * i);
    for (let i = 16; i < 64; i++) {
      const a = words[i - 15], b = words[i - 2];
      words[i] = words[i - 16] + words[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i] + words[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] = (state[i] + word) | 0; });
  }
  return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

// What differs between the draw that the frame and the value give and the published one; nothing if all is well.
function verifyDraw(frameBytes, sealText, drawText) {
  const utf8 = new TextEncoder();
  const seal = JSON.parse(sealText);
  const lines = new TextDecoder().decode(frameBytes).split("\n").filter(Boolean).map((line) => line.split("|"));
  const draws = new Map(lines.slice(2).filter((line) => line.length === 3).map((line) => [line[1], Number(line[2])]));
  const rows = lines.slice(2).filter((line) => line.length === 4);
  const frame = new Map(rows.map(([code, ...rest]) => [code, rest]));
  const wrong = [];
  if (sha256(frameBytes) !== seal.frame) wrong.push("frame.txt is not what was sealed");
  if (frame.size !== rows.length) wrong.push("a code stands twice in frame.txt");
  const clean = [seal.value, lines[1][1]].map((part) => part.normalize("NFC").trim());
  const tickets = new Map(), groups = new Map(), drawn = new Set();
  for (const [code, [stratum, , weight]] of frame) {
    const ticket = sha256(utf8.encode([...clean, code].join("|")));
    const number = (parseInt(ticket.slice(0, 13), 16) + 0.5) / 4503599627370496;
    const group = draws.has("*") ? "*" : stratum;
    tickets.set(code, ticket);
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push([number / (1 - number) / Number(weight), ticket, code]);
  }
  for (const [name, group] of groups) {
    group.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1));
    group.slice(0, draws.get(name)).forEach((one) => drawn.add(one[2]));
    // Equal weights have equal chances, and the chances add up to the number drawn.
    const pairs = group.map((one) => frame.get(one[2]).slice(1));
    const chances = new Map(pairs.map(([chance, weight]) => [weight, chance]));
    const sum = pairs.reduce((total, [chance]) => total + Number(chance), 0);
    const exact = pairs.every(([chance, weight]) => chances.get(weight) === chance);
    if (!exact || !(Math.abs(sum - draws.get(name)) < 1e-6)) wrong.push(`frame.txt: the chances of ${name} are not those of its draws`);
  }
  const [heading, ...published] = drawText.split(/\r?\n/).filter(Boolean).map((line) => line.split(","));
  const codes = new Set(published.map((cells) => cells[heading.indexOf("org_code")]));
  const once = published.length === frame.size && codes.size === frame.size && [...codes].every((code) => frame.has(code));
  if (!once) wrong.push("draw.csv lacks or repeats an organisation");
  for (const cells of published) {
    const row = Object.fromEntries(heading.map((name, i) => [name, cells[i]]));
    const [stratum, chance, weight] = frame.get(row.org_code) || ["", NaN, NaN];
    const same = row.stratum === stratum && row.ticket === tickets.get(row.org_code)
      && (row.drawn === "true") === drawn.has(row.org_code) && Number(row.weight) === Number(weight)
      && Math.abs(Number(row.inclusion_probability) - Number(chance)) < 1e-11;
    if (!same) wrong.push(`${row.org_code}: draw.csv differs from the draw`);
  }
  return `${tickets.size} tickets, ${drawn.size} drawn with ${seal.value}: ${wrong.join("; ") || "as published"}`;
}

if (typeof module !== "undefined") module.exports = { verifyDraw, sha256 };
