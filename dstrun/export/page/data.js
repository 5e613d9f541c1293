// The run: unpacked, and indexed for drawing and searching.

const ERROR = 1, FAILURE = 2, INSTANT = 4, FAULT = 8, SIGNAL = 16;

async function unpack(text) {
  const binary = atob(text);
  const packed = new Uint8Array(binary.length);
  for (let i = 0; i < packed.length; i++) packed[i] = binary.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

function columnsOf(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const types = {I: Uint32Array, q: BigInt64Array, B: Uint8Array};
  const columns = {};
  let at = 4 + size;
  for (const [name, code, length] of header.columns) {
    columns[name] = new types[code](buffer, at, length);
    at += Math.ceil(columns[name].byteLength / 8) * 8;
  }
  return {header, columns};
}

// The first place in 0..length whose key is greater than a value; keys grow.
function firstAbove(length, key, value, low = 0) {
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (key(middle) > value) high = middle; else low = middle + 1;
  }
  return low;
}

function prefixSums(list, test) {
  const sums = new Int32Array(list.length + 1);
  for (let k = 0; k < list.length; k++) sums[k + 1] = sums[k] + (test(list[k]) ? 1 : 0);
  return sums;
}

// For each place of a list, the first place from there on that holds a call.
function nextCalls(list, isCall) {
  const next = new Int32Array(list.length + 1);
  next[list.length] = list.length;
  for (let k = list.length - 1; k >= 0; k--) next[k] = isCall(list[k]) ? k : next[k + 1];
  return next;
}

// Everything about the run. Event i is the i-th of those that are in the page.
class Run {
  constructor({header, columns}) {
    Object.assign(this, header);
    this.length = columns.flags.length;
    this.flags = columns.flags;
    this.thread = columns.thread;
    this.name = columns.name;
    this.text = columns.text;
    this.number = columns.number;
    this.startNs = columns.start;
    this.durationNs = columns.duration;
    for (let i = 1; i < this.length; i++) {
      this.number[i] += this.number[i - 1];
      this.startNs[i] += this.startNs[i - 1];
    }
    this.#axes();
    this.#rows();
    this.#arrows(columns);
  }

  // Where each event begins and ends on either axis: virtual time, or one step an event.
  #axes() {
    const n = this.length;
    const time = {begin: new Float64Array(n), end: new Float64Array(n)};
    const events = {begin: new Float64Array(n), end: new Float64Array(n)};
    const latest = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      time.begin[i] = Number(this.startNs[i]);
      time.end[i] = time.begin[i] + Number(this.durationNs[i]);
      latest[i] = i ? Math.max(latest[i - 1], time.end[i]) : time.end[i];
      const before = firstAbove(i, k => latest[k], time.begin[i]);
      events.begin[i] = this.flags[i] & INSTANT ? i : Math.min(before, i);
      events.end[i] = i + 1;
    }
    time.from = n ? Math.min(time.begin[0], ...time.begin.subarray(0, 64)) : 0;
    time.to = n ? Math.max(latest[n - 1], time.from + 1) : 1;
    events.from = 0;
    events.to = Math.max(n, 1);
    this.axes = {time, events};
  }

  #rows() {
    const counts = new Int32Array(this.threads.length);
    for (let i = 0; i < this.length; i++) counts[this.thread[i]]++;
    this.rows = this.threads.map((thread, row) => ({
      thread, process: this.processes[thread.process], events: new Int32Array(counts[row]),
    }));
    counts.fill(0);
    for (let i = 0; i < this.length; i++) {
      const row = this.thread[i];
      this.rows[row].events[counts[row]++] = i;
    }
    for (const row of this.rows) {
      row.errors = prefixSums(row.events, i => this.flags[i] & ERROR);
      row.nextCall = nextCalls(row.events, i => !(this.flags[i] & INSTANT));
      row.faults = prefixSums(row.events, i => this.flags[i] & (FAULT | FAILURE));
    }
    // Threads of a process stand together, in the order in which they came.
    const order = this.threads.map((_, row) => row);
    order.sort((a, b) => this.threads[a].process - this.threads[b].process || a - b);
    this.order = order;
    this.laneOf = new Int32Array(order.length);
    order.forEach((row, lane) => { this.laneOf[row] = lane; });
    this.marks = [];
    for (let i = 0; i < this.length; i++) if (this.flags[i] & (FAULT | FAILURE)) this.marks.push(i);
  }

  // Who woke whom and what went where: sorted by the event that they end at.
  #arrows(columns) {
    this.arrowFrom = columns.arrow_from;
    this.arrowTo = columns.arrow_to;
    this.arrowKind = columns.arrow_kind;
    this.arrowsAt = new Map();
    for (let k = 0; k < this.arrowTo.length; k++) {
      for (const i of [this.arrowFrom[k], this.arrowTo[k]]) {
        const known = this.arrowsAt.get(i);
        if (known) known.push(k); else this.arrowsAt.set(i, [k]);
      }
    }
  }

  label(row) {
    const {thread, process} = this.rows[row];
    return thread.tid === process.pid ? `${process.name} ${process.pid}`
      : `${process.name} ${process.pid}/${thread.tid}`;
  }

  textOf(i) { return this.texts[this.text[i]]; }
  categoryOf(i) { return this.category_of[this.name[i]]; }
}

// A time as show prints it: seconds with all nine digits. Takes a BigInt.
function exactSeconds(ns) {
  return `${ns / 1000000000n}.${String(ns % 1000000000n).padStart(9, "0")}`;
}

function roughDuration(ns) {
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${+(ns / 1e3).toPrecision(3)} us`;
  if (ns < 1e9) return `${+(ns / 1e6).toPrecision(3)} ms`;
  return `${+(ns / 1e9).toPrecision(6)} s`;
}

// A search: words that must all hold. Gives a test of an event, or throws what is wrong.
function compileSearch(run, query) {
  const tests = [];
  for (const match of query.matchAll(/(-?)(\/(?:[^/\\]|\\.)+\/|"[^"]*"|\S+)/g)) {
    const test = compileWord(run, match[2]);
    tests.push(match[1] ? i => !test(i) : test);
  }
  return i => tests.every(test => test(i));
}

function compileWord(run, word) {
  const [, key, value] = word.match(/^(pid|tid|call|is):(.+)$/) || [];
  if (key === "pid") return i => String(run.rows[run.thread[i]].process.pid) === value;
  if (key === "tid") return i => String(run.rows[run.thread[i]].thread.tid) === value;
  if (key === "call") {
    const wanted = run.names.map(name => name === value);
    return i => wanted[run.name[i]];
  }
  if (key === "is") {
    const bit = {error: ERROR, fault: FAULT, failure: FAILURE, signal: SIGNAL}[value];
    if (!bit) throw new Error(`is:${value} is none of is:error, is:fault, is:failure, is:signal`);
    return i => (run.flags[i] & bit) !== 0;
  }
  return textTest(run, word);
}

// Texts are tested once each, however many events have them.
function textTest(run, word) {
  let holds;
  if (word.length > 2 && word.startsWith("/") && word.endsWith("/")) {
    const pattern = new RegExp(word.slice(1, -1), "i");
    holds = text => pattern.test(text);
  } else {
    const wanted = word.replace(/^"(.*)"$/, "$1").toLowerCase();
    holds = text => text.toLowerCase().includes(wanted);
  }
  const texts = Uint8Array.from(run.texts, text => holds(text) ? 1 : 0);
  const rows = run.rows.map((row, at) => holds(run.label(at)) || holds(row.thread.name));
  return i => texts[run.text[i]] === 1 || rows[run.thread[i]];
}
