// The list of events: only the rows in view are there, however many events there are.

const ROW = 22;
const TALLEST = 8_000_000; // browsers draw no element that is much taller: from there rows are scaled

class EventList {
  constructor(run, list, space, on) {
    this.run = run;
    this.list = list;
    this.space = space;
    this.on = on;
    this.selected = -1;
    this.pool = [];
    this.show(null);
    list.addEventListener("scroll", () => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(list);
    list.addEventListener("click", event => {
      const row = event.target.closest(".row");
      if (row) on.select(Number(row.dataset.event));
    });
    list.addEventListener("dblclick", event => {
      const row = event.target.closest(".row");
      if (row) on.zoom(Number(row.dataset.event));
    });
  }

  get length() { return this.shown ? this.shown.length : this.run.length; }
  at(place) { return this.shown ? this.shown[place] : place; }

  // The place of event i among those shown, or of the first one after it.
  placeOf(i) { return this.shown ? firstAbove(this.length, k => this.shown[k], i - 1) : i; }

  // Only these events (places in the run, growing), or all.
  show(events) {
    this.shown = events;
    this.height = Math.min(this.length * ROW, TALLEST);
    this.space.style.height = `${this.height}px`;
    this.redraw();
  }

  #first() {
    const room = this.height - this.list.clientHeight;
    const scale = room > 0 ? (this.length * ROW - this.list.clientHeight) / room : 1;
    return this.list.scrollTop * scale / ROW;
  }

  reveal(i) {
    const place = this.placeOf(i);
    if (place >= this.length) return;
    const rows = Math.floor(this.list.clientHeight / ROW);
    const first = this.#first();
    if (place < first || place > first + rows - 1) {
      const wanted = Math.max(0, place - Math.floor(rows / 2));
      const room = this.height - this.list.clientHeight;
      const all = this.length * ROW - this.list.clientHeight;
      this.list.scrollTop = all > 0 ? wanted * ROW * room / all : 0;
    }
    this.redraw();
  }

  select(i) {
    this.selected = i;
    if (i >= 0) this.reveal(i);
  }

  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.#draw();
    });
  }

  #draw() {
    const start = this.#first();
    const first = Math.max(0, Math.floor(start));
    const count = Math.min(Math.ceil(this.list.clientHeight / ROW) + 2, this.length - first);
    while (this.pool.length < count) this.pool.push(this.#makeRow());
    const top = this.list.scrollTop - (start - first) * ROW;
    this.pool.forEach((row, k) => {
      row.box.hidden = k >= count;
      if (k < count) this.#fill(row, this.at(first + k), top + k * ROW);
    });
  }

  #makeRow() {
    const box = document.createElement("div");
    box.className = "row";
    box.setAttribute("role", "option");
    const parts = {};
    for (const name of ["number", "time", "who", "dot", "what"]) {
      parts[name] = document.createElement("span");
      parts[name].className = name;
      box.append(parts[name]);
    }
    this.list.append(box);
    return {box, ...parts};
  }

  #fill(row, i, top) {
    const {run} = this;
    const flags = run.flags[i];
    row.box.style.transform = `translateY(${top}px)`;
    row.box.dataset.event = i;
    row.box.classList.toggle("selected", i === this.selected);
    row.box.setAttribute("aria-selected", i === this.selected);
    row.box.classList.toggle("error", (flags & ERROR) !== 0);
    row.box.classList.toggle("fault", (flags & (FAULT | FAILURE)) !== 0);
    row.number.textContent = run.number[i];
    row.time.textContent = exactSeconds(run.startNs[i]);
    row.who.textContent = run.label(run.thread[i]);
    row.dot.style.background = `var(--cat-${run.categories[run.categoryOf(i)]})`;
    row.what.textContent = run.textOf(i).slice(0, 500);
  }
}
