// The page: the summary, search, the chosen event, keys.

const $ = id => document.getElementById(id);

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function copyText(text, button) {
  const done = () => {
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1200);
  };
  if (navigator.clipboard) { navigator.clipboard.writeText(text).then(done, () => {}); return; }
  const area = element("textarea", text);
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  done();
}

class Page {
  constructor(run) {
    this.run = run;
    this.selected = -1;
    this.hits = null;
    this.#summary();
    this.#legend();
    this.#splitter();
    const on = {select: i => this.select(i), zoom: i => this.timeline.showEvent(i)};
    this.timeline = new Timeline(run, {
      lanes: $("lanes"), space: $("lanes-space"), canvas: $("timeline"), overview: $("overview"), tip: $("tip"),
    }, on);
    this.list = new EventList(run, $("list"), $("list-space"), on);
    this.#controls();
    this.#keys();
    this.setMode("time");
    this.toFailure();
  }

  #summary() {
    const {summary, run} = {summary: this.run.summary, run: this.run};
    $("command").textContent = summary.command || summary.trace;
    $("outcome").textContent = summary.outcome;
    $("outcome").classList.add(summary.succeeded ? "good" : "bad");
    const events = summary.events === summary.events_of ? String(summary.events)
      : `${summary.events} of ${summary.events_of}`;
    const facts = {
      seed: summary.seed,
      events,
      "virtual time": roughDuration(summary.virtual_ns),
      processes: run.processes.length,
      threads: run.threads.length,
      "faults injected": summary.faults,
      strategy: summary.strategy,
      hash: summary.hash,
      dstrun: summary.version,
    };
    for (const [name, value] of Object.entries(facts)) {
      if (value === "") continue;
      const pair = element("div");
      pair.append(element("dt", name), element("dd", String(value)));
      $("facts").append(pair);
    }
    $("reproduce").textContent = summary.reproduce;
    $("copy").addEventListener("click", () => copyText(summary.reproduce, $("copy")));
    const notes = [summary.message, ...summary.warnings].filter(Boolean);
    $("warnings").hidden = !notes.length;
    $("warnings").textContent = notes.join("\n");
  }

  #legend() {
    const words = {sync: "waits and locks", time: "clocks and sleep", net: "network", file: "files"};
    for (const name of this.run.categories) {
      const dot = element("span", undefined, "dot");
      dot.style.background = `var(--cat-${name})`;
      const entry = element("span");
      entry.append(dot, ` ${words[name] || name}`);
      $("legend").append(entry);
    }
  }

  #controls() {
    const search = $("search");
    let timer = 0;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.search(), this.run.length > 200000 ? 200 : 60);
    });
    search.addEventListener("keydown", event => {
      if (event.key === "Enter") { this.search(); this.nextHit(event.shiftKey ? -1 : 1); }
      else if (event.key === "Escape") { search.value = ""; this.search(); search.blur(); }
    });
    for (const button of document.querySelectorAll("[data-term]")) {
      button.addEventListener("click", () => this.#toggleTerm(button.dataset.term));
    }
    $("axis-time").addEventListener("click", () => this.setMode("time"));
    $("axis-events").addEventListener("click", () => this.setMode("events"));
    $("zoom-in").addEventListener("click", () => this.timeline.zoom(0.5));
    $("zoom-out").addEventListener("click", () => this.timeline.zoom(2));
    $("zoom-all").addEventListener("click", () => this.timeline.showAll());
    $("to-failure").addEventListener("click", () => this.toFailure());
    $("help-open").addEventListener("click", () => $("help").showModal());
  }

  #toggleTerm(term) {
    const words = $("search").value.split(/\s+/).filter(Boolean);
    const without = words.filter(word => word !== term);
    if (without.length === words.length) without.push(term);
    $("search").value = without.join(" ");
    this.search();
  }

  // Runs what the search field says: the list shows the hits alone, the timeline dims the rest.
  search() {
    const query = $("search").value.trim();
    for (const button of document.querySelectorAll("[data-term]")) {
      button.setAttribute("aria-pressed", query.split(/\s+/).includes(button.dataset.term));
    }
    if (query === this.query) return;
    this.query = query;
    const status = $("hits");
    status.classList.remove("wrong");
    if (!query) {
      this.#setHits(null, null);
      status.textContent = "";
      return;
    }
    let test;
    try {
      test = compileSearch(this.run, query);
    } catch (error) {
      status.textContent = error.message;
      status.classList.add("wrong");
      return;
    }
    const mask = new Uint8Array(this.run.length);
    const found = [];
    for (let i = 0; i < mask.length; i++) if (test(i)) { mask[i] = 1; found.push(i); }
    this.#setHits(mask, Int32Array.from(found));
    status.textContent = found.length === 1 ? "1 event" : `${found.length} events`;
  }

  #setHits(mask, found) {
    this.timeline.hits = mask;
    this.hits = found;
    this.list.show(found);
    if (this.selected >= 0) this.list.reveal(this.selected);
    this.timeline.redraw();
  }

  nextHit(step) {
    if (!this.hits || !this.hits.length) return;
    let place = firstAbove(this.hits.length, k => this.hits[k], step > 0 ? this.selected : this.selected - 1);
    if (step < 0) place -= 1;
    this.select(this.hits[(place + this.hits.length) % this.hits.length]);
  }

  select(i) {
    this.selected = i;
    this.timeline.selected = i;
    this.timeline.reveal(i);
    this.list.select(i);
    this.#details(i);
  }

  toFailure() {
    const i = this.run.first_failure;
    this.timeline.showAround(i);
    this.select(i);
  }

  nextMark(step) {
    const {marks} = this.run;
    if (!marks.length) return;
    let place = firstAbove(marks.length, k => marks[k], step > 0 ? this.selected : this.selected - 1);
    if (step < 0) place -= 1;
    this.select(marks[(place + marks.length) % marks.length]);
  }

  step(by, sameThread) {
    if (this.selected < 0) return;
    if (sameThread) {
      const {events} = this.run.rows[this.run.thread[this.selected]];
      const place = firstAbove(events.length, k => events[k], this.selected) - 1 + by;
      if (place >= 0 && place < events.length) this.select(events[place]);
      return;
    }
    const here = this.list.placeOf(this.selected);
    const isShown = here < this.list.length && this.list.at(here) === this.selected;
    const place = isShown || by < 0 ? here + by : here;
    if (place >= 0 && place < this.list.length) this.select(this.list.at(place));
  }

  setMode(mode) {
    this.timeline.setMode(mode);
    $("axis-time").setAttribute("aria-pressed", mode === "time");
    $("axis-events").setAttribute("aria-pressed", mode === "events");
    if (this.selected >= 0) this.timeline.reveal(this.selected);
  }

  #details(i) {
    const {run} = this;
    const {thread, process} = run.rows[run.thread[i]];
    const flags = run.flags[i];
    const box = $("details");
    box.replaceChildren();
    const tags = [[FAILURE, "failure"], [FAULT, "fault"], [ERROR, "error"], [SIGNAL, "signal"]]
      .filter(([bit]) => flags & bit).map(([, name]) => name);
    const head = element("h2", `Event ${run.number[i]}`);
    for (const tag of tags) head.append(element("span", tag, `tag ${tag}`));
    box.append(head, element("pre", run.textOf(i)));
    const facts = [
      ["began", `${exactSeconds(run.startNs[i])} s`],
      ["ended", `${exactSeconds(run.startNs[i] + run.durationNs[i])} s`],
      ["took", roughDuration(Number(run.durationNs[i]))],
      ["process", `${process.name} ${process.pid}`],
      ["thread", `${thread.name} (${thread.tid})`],
      ["command", process.command],
    ];
    const table = element("dl");
    for (const [name, value] of facts) {
      if (value) table.append(element("dt", name), element("dd", value));
    }
    box.append(table, this.#links(i), this.#commands(i));
  }

  // The events that this one woke or was woken by, sent to or received from.
  #links(i) {
    const list = element("ul", undefined, "links");
    const words = [["woke", "woken by"], ["received in", "sent by"]];
    for (const k of this.run.arrowsAt.get(i) || []) {
      const isFrom = this.run.arrowFrom[k] === i;
      const other = isFrom ? this.run.arrowTo[k] : this.run.arrowFrom[k];
      const word = words[this.run.arrowKind[k]][isFrom ? 0 : 1];
      const button = element("button", `#${this.run.number[other]} ${this.run.label(this.run.thread[other])}: ${this.run.textOf(other).slice(0, 80)}`);
      button.addEventListener("click", () => this.select(other));
      const item = element("li", `${word} `);
      item.append(button);
      list.append(item);
    }
    return list;
  }

  #commands(i) {
    const box = element("div", undefined, "commands");
    for (const command of this.run.summary.commands || []) {
      const text = command.replace("@", String(this.run.number[i]));
      const button = element("button", "Copy");
      button.addEventListener("click", () => copyText(text, button));
      const line = element("div");
      line.append(element("code", text), button);
      box.append(line);
    }
    return box;
  }

  #keys() {
    const actions = {
      "/": () => $("search").focus(),
      "?": () => $("help").showModal(),
      w: () => this.timeline.zoom(0.6), "+": () => this.timeline.zoom(0.6), "=": () => this.timeline.zoom(0.6),
      s: () => this.timeline.zoom(1 / 0.6), "-": () => this.timeline.zoom(1 / 0.6),
      a: () => this.timeline.pan(-0.2), d: () => this.timeline.pan(0.2),
      ArrowLeft: () => this.step(-1, true), ArrowRight: () => this.step(1, true),
      ArrowUp: () => this.step(-1, false), ArrowDown: () => this.step(1, false),
      f: () => this.toFailure(), n: () => this.nextMark(1), p: () => this.nextMark(-1),
      z: () => this.selected >= 0 && this.timeline.showEvent(this.selected),
      0: () => this.timeline.showAll(),
      t: () => this.setMode(this.timeline.mode === "time" ? "events" : "time"),
      Escape: () => { $("search").value = ""; this.search(); },
    };
    document.addEventListener("keydown", event => {
      const target = event.target;
      if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
      if (target.tagName === "INPUT") return;
      const action = actions[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    });
  }

  #splitter() {
    const bar = $("splitter"), main = document.querySelector("main");
    const needed = AXIS + LANE * (this.run.order.length + 1);
    main.style.setProperty("--lanes", `min(45%, ${Math.max(needed, 120)}px)`);
    bar.addEventListener("pointerdown", event => {
      bar.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    bar.addEventListener("pointermove", event => {
      if (!(event.buttons & 1)) return;
      const box = main.getBoundingClientRect();
      const part = (event.clientY - box.top - 44) / box.height;
      main.style.setProperty("--lanes", `${Math.min(0.8, Math.max(0.1, part)) * 100}%`);
    });
  }
}

async function open() {
  const began = performance.now();
  const data = $("data");
  try {
    const run = new Run(columnsOf(await unpack(data.textContent)));
    data.remove();
    const page = new Page(run);
    page.loadMs = performance.now() - began;
    window.dstrun = page;
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    $("warnings").hidden = false;
    $("warnings").textContent = `The page could not be opened: ${error.message}`
      + (typeof DecompressionStream === "undefined" ? " (this browser is too old: it cannot unpack gzip)" : "");
    throw error;
  }
}

open();
