// The timeline: a lane a thread, drawn on a canvas; and the overview above it.

const LANE = 22, GUTTER = 190, AXIS = 22, LABEL_MIN = 34;
const FONT = "11px system-ui, sans-serif";

// As much of a text as has room, in pixels.
function fit(context, text, room) {
  let start = text.slice(0, Math.ceil(room / 3)), shown = start;
  for (let turn = 0; turn < 6; turn++) {
    shown = start.length === text.length ? text : start + "\u2026";
    const width = context.measureText(shown).width;
    if (width <= room || start.length < 2) break;
    start = start.slice(0, Math.max(1, Math.min(start.length - 1, Math.floor(start.length * room / width))));
  }
  return shown;
}

class Timeline {
  constructor(run, elements, on) {
    this.run = run;
    this.on = on;
    Object.assign(this, elements); // lanes, space, canvas, overview, tip
    this.mode = "time";
    this.selected = -1;
    this.hits = null; // Uint8Array while a search is on
    this.view = {from: 0, to: 1};
    this.#colors();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#colors();
      this.redraw();
    });
    this.space.style.height = `${AXIS + LANE * run.order.length + 8}px`;
    new ResizeObserver(() => this.resize()).observe(this.lanes);
    this.lanes.addEventListener("scroll", () => this.redraw());
    this.#pointer();
    this.resize();
  }

  get axis() { return this.run.axes[this.mode]; }
  get width() { return Math.max(50, this.lanes.clientWidth - GUTTER); }
  x(value) { return GUTTER + (value - this.view.from) / (this.view.to - this.view.from) * this.width; }
  value(x) { return this.view.from + (x - GUTTER) / this.width * (this.view.to - this.view.from); }

  #colors() {
    const style = getComputedStyle(document.documentElement);
    const color = name => style.getPropertyValue(`--${name}`).trim();
    this.palette = this.run.categories.map(name => color(`cat-${name}`));
    this.color = {};
    for (const name of ["text", "quiet", "line", "back", "panel", "error", "fault", "accent", "slice-text"]) {
      this.color[name] = color(name);
    }
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    for (const [canvas, height] of [[this.canvas, this.lanes.clientHeight], [this.overview, 44]]) {
      const width = this.lanes.clientWidth;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    this.density = null;
    this.redraw();
  }

  setView(from, to) {
    const {from: low, to: high} = this.axis;
    const margin = (high - low) * 0.02;
    const least = this.mode === "time" ? 20 : 2;
    let span = Math.min(Math.max(to - from, least), high - low + 2 * margin);
    let start = from + (to - from - span) / 2;
    start = Math.min(Math.max(start, low - margin), high + margin - span);
    this.view = {from: start, to: start + span};
    this.redraw();
  }

  zoom(factor, atX = GUTTER + this.width / 2) {
    const at = this.value(atX);
    this.setView(at - (at - this.view.from) * factor, at + (this.view.to - at) * factor);
  }

  pan(part) {
    const step = (this.view.to - this.view.from) * part;
    this.setView(this.view.from + step, this.view.to + step);
  }

  showAll() { this.setView(-Infinity, Infinity); this.setView(this.axis.from, this.axis.to); }

  // What was before and after event i: some 60 events, or fewer where these are spread far apart
  // and the nearest ones stand close together.
  showAround(i) {
    const {end} = this.axis;
    const span = count => {
      const low = Math.max(0, i - Math.floor(count * 0.7));
      const high = Math.min(this.run.length - 1, i + Math.ceil(count * 0.3));
      return [Math.min(end[low], end[i]), Math.max(end[high], end[i])];
    };
    let [from, to] = span(60);
    const near = [15, 30].map(span).find(([a, b]) => (b - a) * 20 < to - from);
    if (near) [from, to] = near;
    const pad = Math.max((to - from) * 0.08, this.mode === "time" ? 500 : 1);
    this.setView(from - pad, to + pad);
    this.reveal(i);
  }

  showEvent(i) {
    const {begin, end} = this.axis;
    const pad = Math.max((end[i] - begin[i]) * 0.5, this.mode === "time" ? 200 : 1);
    this.setView(begin[i] - pad, end[i] + pad);
    this.reveal(i);
  }

  // Brings event i into view, moving as little as may be.
  reveal(i) {
    const {begin, end} = this.axis;
    const span = this.view.to - this.view.from;
    if (end[i] < this.view.from || begin[i] > this.view.to || (end[i] > this.view.to && begin[i] < this.view.from)) {
      const at = end[i];
      if (at < this.view.from || at > this.view.to) this.setView(at - span / 2, at + span / 2);
    }
    const top = AXIS + this.run.laneOf[this.run.thread[i]] * LANE;
    const {scrollTop, clientHeight} = this.lanes;
    if (top < scrollTop + AXIS) this.lanes.scrollTop = top - AXIS;
    else if (top + LANE > scrollTop + clientHeight) this.lanes.scrollTop = top + LANE - clientHeight + 4;
    this.redraw();
  }

  setMode(mode) {
    if (mode === this.mode) return;
    const {end} = this.axis;
    const n = this.run.length;
    const low = Math.min(firstAbove(n, k => end[k], this.view.from), n - 1);
    const high = Math.min(firstAbove(n, k => end[k], this.view.to), n - 1);
    const whole = this.view.from <= this.axis.from && this.view.to >= this.axis.to;
    this.mode = mode;
    this.density = null;
    if (whole) { this.showAll(); return; }
    const other = this.axis;
    this.setView(mode === "time" ? other.end[low] : low, mode === "time" ? other.end[high] : high + 1);
  }

  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      const began = performance.now();
      this.#draw();
      this.#drawOverview();
      this.frameMs = performance.now() - began;
    });
  }

  #context(canvas) {
    const context = canvas.getContext("2d");
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.font = FONT;
    context.textBaseline = "middle";
    return context;
  }

  #draw() {
    const c = this.#context(this.canvas);
    const height = this.lanes.clientHeight, scroll = this.lanes.scrollTop;
    const first = Math.max(0, Math.floor(scroll / LANE));
    const last = Math.min(this.run.order.length - 1, Math.floor((scroll + height - AXIS) / LANE));
    const ticks = this.#ticks();
    c.save();
    c.beginPath();
    c.rect(0, AXIS, GUTTER + this.width, height - AXIS);
    c.clip();
    c.fillStyle = this.color.line;
    for (const {x} of ticks) c.fillRect(Math.round(x), AXIS, 1, height);
    for (let lane = first; lane <= last; lane++) this.#drawLane(c, lane, AXIS + lane * LANE - scroll);
    this.#drawArrows(c, scroll);
    this.#drawSelection(c, scroll, height);
    c.restore();
    this.#drawGutter(c, first, last, scroll, height);
    this.#drawAxis(c, ticks);
  }

  #drawLane(c, lane, top) {
    const row = this.run.rows[this.run.order[lane]];
    const {begin, end} = this.axis;
    const list = row.events, n = list.length;
    const {from, to} = this.view;
    const scale = this.width / (to - from);
    c.save();
    c.beginPath();
    c.rect(GUTTER, top, this.width, LANE);
    c.clip();
    let k = firstAbove(n, at => end[list[at]], from);
    while (k < n) {
      const i = list[k];
      if (begin[i] > to) break;
      const x0 = GUTTER + (begin[i] - from) * scale, x1 = GUTTER + (end[i] - from) * scale;
      if (this.#isWide(i, scale)) {
        this.#drawSlice(c, i, x0, x1, top);
        k++;
        continue;
      }
      // All that ends within this pixel is one stroke; but a call that began long before stands
      // out: it can only be the next one, recorded after what happened during it.
      const pixel = Math.floor(x1);
      const edge = from + (pixel + 1 - GUTTER) / scale;
      let next = k + 1;
      if (next < n && end[list[next]] < edge) next = firstAbove(n, at => end[list[at]], edge, next);
      const call = row.nextCall[k];
      if (call < next && this.#isWide(list[call], scale)) next = call;
      this.#drawStroke(c, row, k, next, pixel, top);
      k = next;
    }
    c.restore();
  }

  #isWide(i, scale) {
    const {begin, end} = this.axis;
    return !(this.run.flags[i] & INSTANT) && (end[i] - begin[i]) * scale >= 2;
  }

  #dimmed(i) { return this.hits !== null && !this.hits[i]; }

  #drawSlice(c, i, x0, x1, top) {
    const left = Math.max(x0, GUTTER - 2), right = Math.min(x1, GUTTER + this.width + 2);
    const {flags} = this.run;
    c.globalAlpha = this.#dimmed(i) ? 0.15 : 1;
    c.fillStyle = this.palette[this.run.categoryOf(i)];
    c.fillRect(left, top + 3, Math.max(right - left - 0.5, 1), LANE - 6);
    if (flags[i] & (ERROR | FAULT | FAILURE)) {
      c.fillStyle = flags[i] & (FAULT | FAILURE) ? this.color.fault : this.color.error;
      c.fillRect(left, top + LANE - 5, Math.max(right - left - 0.5, 1), 3);
    }
    if (right - left > LABEL_MIN) {
      c.fillStyle = this.color["slice-text"];
      const room = right - left - 8;
      const text = room > 150 ? this.run.textOf(i) : this.run.names[this.run.name[i]];
      c.fillText(fit(c, text, room), left + 4, top + LANE / 2 - 0.5);
    }
    c.globalAlpha = 1;
  }

  #drawStroke(c, row, k, next, pixel, top) {
    const count = next - k;
    let shown = row.events[k], dim = this.#dimmed(shown);
    for (let at = k + 1; dim && at < Math.min(next, k + 400); at++) {
      if (!this.#dimmed(row.events[at])) { shown = row.events[at]; dim = false; }
    }
    const faults = row.faults[next] > row.faults[k], errors = row.errors[next] > row.errors[k];
    const inset = count > 8 ? 3 : count > 2 ? 4 : 5;
    c.globalAlpha = dim ? 0.15 : 1;
    c.fillStyle = this.palette[this.run.categoryOf(shown)];
    c.fillRect(pixel, top + inset, 1.4, LANE - 2 * inset);
    if (errors && !faults) {
      c.fillStyle = this.color.error;
      c.fillRect(pixel, top + LANE - 5, 1.4, 3);
    }
    if (faults) {
      c.fillStyle = this.color.fault;
      c.beginPath();
      c.moveTo(pixel + 0.7, top + 9);
      c.lineTo(pixel - 4, top + 1);
      c.lineTo(pixel + 5.4, top + 1);
      c.fill();
      c.fillRect(pixel, top + 2, 1.4, LANE - 4);
    }
    c.globalAlpha = 1;
  }

  #drawArrows(c, scroll) {
    const {run} = this;
    const {end} = this.axis;
    const n = run.length;
    const low = firstAbove(n, i => end[i], this.view.from), high = firstAbove(n, i => end[i], this.view.to);
    const total = run.arrowTo.length;
    const first = firstAbove(total, k => run.arrowTo[k], low - 1);
    const last = firstAbove(total, k => run.arrowTo[k], high);
    const chosen = new Set(run.arrowsAt.get(this.selected) || []);
    // Many of them would hide what is below: they fade, and then only the chosen event's are left.
    const alpha = Math.max(0.12, Math.min(0.55, 20 / (last - first)));
    if (last - first <= 300) for (let k = first; k < last; k++) this.#drawArrow(c, k, scroll, alpha);
    for (const k of chosen) this.#drawArrow(c, k, scroll, 1);
  }

  #drawArrow(c, k, scroll, alpha) {
    const {run} = this;
    const strong = alpha === 1;
    const {end} = this.axis;
    const from = run.arrowFrom[k], to = run.arrowTo[k];
    const x0 = this.x(end[from]), isWake = run.arrowKind[k] === 0;
    const x1 = isWake ? x0 : this.x(end[to]);
    const y = i => AXIS + run.laneOf[run.thread[i]] * LANE - scroll + LANE / 2;
    const y0 = y(from), y1 = y(to), down = Math.sign(y1 - y0) || 1;
    c.globalAlpha = alpha;
    c.strokeStyle = c.fillStyle = strong ? this.color.accent : this.color.quiet;
    c.lineWidth = strong ? 1.8 : 1;
    c.setLineDash(isWake ? [] : [4, 3]);
    c.beginPath();
    c.moveTo(x0, y0 + down * 8);
    c.lineTo(x1, y1 - down * 8);
    c.stroke();
    c.setLineDash([]);
    c.beginPath();
    c.moveTo(x1, y1 - down * 5);
    c.lineTo(x1 - 3.5, y1 - down * 11);
    c.lineTo(x1 + 3.5, y1 - down * 11);
    c.fill();
    c.globalAlpha = 1;
  }

  #drawSelection(c, scroll, height) {
    const {run} = this;
    const {begin, end} = this.axis;
    c.strokeStyle = this.color.fault;
    c.setLineDash([3, 3]);
    const x = Math.round(this.x(end[run.first_failure])) + 0.5;
    if (x > GUTTER) { c.beginPath(); c.moveTo(x, AXIS); c.lineTo(x, height); c.stroke(); }
    c.setLineDash([]);
    const i = this.selected;
    if (i < 0) return;
    const isPoint = run.flags[i] & INSTANT;
    const x1 = Math.min(this.x(end[i]), GUTTER + this.width + 4);
    const x0 = Math.max(isPoint ? x1 - 3 : this.x(begin[i]), GUTTER - 4);
    const top = AXIS + run.laneOf[run.thread[i]] * LANE - scroll;
    if (x1 < GUTTER || x0 > GUTTER + this.width) return;
    c.strokeStyle = this.color.accent;
    c.lineWidth = 2;
    c.strokeRect(x0 - 1, top + 1.5, Math.max(x1 - x0, 3) + 2, LANE - 3);
    c.lineWidth = 1;
  }

  #drawGutter(c, first, last, scroll, height) {
    const {run} = this;
    c.fillStyle = this.color.panel;
    c.fillRect(0, 0, GUTTER, height);
    c.fillStyle = this.color.line;
    c.fillRect(GUTTER - 1, 0, 1, height);
    c.save();
    c.beginPath();
    c.rect(0, AXIS, GUTTER - 4, height - AXIS);
    c.clip();
    const chosen = this.selected < 0 ? -1 : run.laneOf[run.thread[this.selected]];
    for (let lane = first; lane <= last; lane++) {
      const row = run.rows[run.order[lane]];
      const top = AXIS + lane * LANE - scroll;
      const before = lane ? run.rows[run.order[lane - 1]].process : null;
      if (row.process !== before) {
        c.fillStyle = this.color.line;
        c.fillRect(0, top, GUTTER, 1);
      }
      const isMain = row.thread.tid === row.process.pid;
      c.font = `${isMain ? "600 " : ""}${FONT}`;
      c.fillStyle = lane === chosen ? this.color.accent : isMain ? this.color.text : this.color.quiet;
      const label = isMain ? `${row.process.name} ${row.process.pid}` : row.thread.name;
      c.fillText(label.slice(0, 40), isMain ? 10 : 22, top + LANE / 2);
    }
    c.font = FONT;
    c.restore();
  }

  // Round steps, about one in 110 pixels.
  #ticks() {
    const {from, to} = this.view;
    const rough = (to - from) / this.width * 110;
    const power = 10 ** Math.floor(Math.log10(rough));
    let step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
    if (step < 1) step = 1;
    const digits = Math.max(0, 9 - Math.floor(Math.log10(step) + 1e-9));
    const ticks = [];
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
      if (at < 0) continue;
      const label = this.mode === "time" ? `${(at / 1e9).toFixed(Math.min(digits, 9))} s`
        : this.#numberAt(at);
      ticks.push({x: this.x(at), label});
    }
    return ticks;
  }

  #numberAt(at) {
    const {number, length} = this.run;
    return `#${at < length ? number[Math.round(at)] : number[length - 1] + Math.round(at) - length + 1}`;
  }

  #drawAxis(c, ticks) {
    c.fillStyle = this.color.panel;
    c.fillRect(0, 0, GUTTER + this.width, AXIS);
    c.fillStyle = this.color.line;
    c.fillRect(0, AXIS - 1, GUTTER + this.width, 1);
    c.fillStyle = this.color.quiet;
    c.fillText(this.mode === "time" ? "virtual time" : "events in order", 10, AXIS / 2);
    for (const {x, label} of ticks) {
      if (x < GUTTER) continue;
      c.fillText(label, x + 4, AXIS / 2);
      c.fillRect(Math.round(x), AXIS - 5, 1, 5);
    }
  }

  // How many events there are where, faults, and the part in view.
  #drawOverview() {
    const c = this.#context(this.overview);
    const {width, run} = this;
    const height = this.overview.clientHeight || 44;
    const {from, to, end} = this.axis;
    const place = value => GUTTER + (value - from) / (to - from) * width;
    if (!this.density) this.density = this.#countDensity(end, from, to);
    const most = Math.log1p(this.density.most);
    c.fillStyle = this.color.quiet;
    c.globalAlpha = 0.55;
    this.density.bins.forEach((count, bin) => {
      if (count) {
        const bar = 3 + Math.log1p(count) / most * (height - 16);
        c.fillRect(GUTTER + bin * 2, height - 3 - bar, 2, bar);
      }
    });
    c.globalAlpha = 1;
    c.fillStyle = this.color.fault;
    let drawn = -10;
    for (const i of run.marks) {
      const x = place(end[i]);
      if (x - drawn < 1) continue;
      drawn = x;
      c.beginPath();
      c.moveTo(x, 10);
      c.lineTo(x - 4, 2);
      c.lineTo(x + 4, 2);
      c.fill();
    }
    const left = Math.max(place(this.view.from), GUTTER), right = Math.min(place(this.view.to), GUTTER + width);
    c.fillStyle = this.color.accent;
    c.globalAlpha = 0.16;
    c.fillRect(left, 0, Math.max(right - left, 2), height);
    c.globalAlpha = 1;
    c.strokeStyle = this.color.accent;
    c.strokeRect(left + 0.5, 0.5, Math.max(right - left - 1, 2), height - 1);
    c.fillStyle = this.color.quiet;
    c.fillText("whole run", 10, height / 2);
  }

  #countDensity(end, from, to) {
    const bins = new Int32Array(Math.ceil(this.width / 2));
    const scale = bins.length / (to - from);
    for (let i = 0; i < this.run.length; i++) {
      bins[Math.min(bins.length - 1, Math.max(0, Math.floor((end[i] - from) * scale)))]++;
    }
    return {bins, most: bins.reduce((a, b) => Math.max(a, b), 1)};
  }

  // The event under a point of the canvas, or -1.
  eventAt(x, y) {
    if (x < GUTTER || y < AXIS) return -1;
    const lane = Math.floor((y - AXIS + this.lanes.scrollTop) / LANE);
    if (lane < 0 || lane >= this.run.order.length) return -1;
    const list = this.run.rows[this.run.order[lane]].events;
    const {begin, end} = this.axis;
    const at = this.value(x);
    const near = (this.view.to - this.view.from) / this.width * 4;
    const k = firstAbove(list.length, index => end[list[index]], at);
    let best = -1, distance = near;
    for (let index = Math.max(0, k - 3); index < Math.min(list.length, k + 4); index++) {
      const i = list[index];
      const away = at < begin[i] ? begin[i] - at : at > end[i] ? at - end[i] : 0;
      const bonus = this.run.flags[i] & (FAULT | FAILURE) ? near * 0.5 : 0;
      if (away - bonus < distance) { best = i; distance = away - bonus; }
    }
    return best;
  }

  #pointer() {
    const point = event => {
      const box = this.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    let drag = null;
    this.canvas.addEventListener("pointerdown", event => {
      if (event.button) return;
      drag = {x: event.clientX, view: {...this.view}, moved: false};
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", event => {
      if (!drag) { this.#showTip(event, this.eventAt(...point(event))); return; }
      const by = event.clientX - drag.x;
      if (Math.abs(by) > 3) drag.moved = true;
      if (!drag.moved) return;
      this.tip.hidden = true;
      const shift = by / this.width * (drag.view.to - drag.view.from);
      this.setView(drag.view.from - shift, drag.view.to - shift);
    });
    this.canvas.addEventListener("pointerup", event => {
      const wasClick = drag && !drag.moved;
      drag = null;
      const i = this.eventAt(...point(event));
      if (wasClick && i >= 0) this.on.select(i);
    });
    this.canvas.addEventListener("pointercancel", () => { drag = null; });
    this.canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.canvas.addEventListener("dblclick", event => {
      const i = this.eventAt(...point(event));
      if (i >= 0) this.showEvent(i); else this.zoom(0.5, point(event)[0]);
    });
    this.lanes.addEventListener("wheel", event => this.#wheel(event, point(event)[0]), {passive: false});
    const jump = event => {
      const x = event.clientX - this.overview.getBoundingClientRect().left;
      const {from, to} = this.axis;
      const at = from + (x - GUTTER) / this.width * (to - from);
      const half = (this.view.to - this.view.from) / 2;
      this.setView(at - half, at + half);
    };
    this.overview.addEventListener("pointerdown", event => {
      this.overview.setPointerCapture(event.pointerId);
      jump(event);
    });
    this.overview.addEventListener("pointermove", event => { if (event.buttons & 1) jump(event); });
  }

  // Ctrl or nothing to scroll: zoom. Shift or sideways: pan. Else the lanes scroll by themselves.
  #wheel(event, x) {
    const {scrollHeight, clientHeight} = this.lanes;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    const unit = event.deltaMode === 1 ? 20 : 1;
    if (event.ctrlKey || event.metaKey || (!event.shiftKey && !event.deltaX && scrollHeight <= clientHeight)) {
      this.zoom(Math.exp(Math.max(-240, Math.min(240, event.deltaY * unit)) * 0.003), Math.max(x, GUTTER));
    } else if (sideways) {
      this.pan(sideways * unit / this.width);
    } else {
      return;
    }
    event.preventDefault();
  }

  #showTip(event, i) {
    this.tip.hidden = i < 0;
    this.canvas.style.cursor = i < 0 ? "grab" : "pointer";
    if (i < 0) return;
    const {run} = this;
    const text = run.textOf(i);
    this.tip.textContent = `#${run.number[i]}  ${run.label(run.thread[i])}  ${roughDuration(Number(run.durationNs[i]))}\n`
      + (text.length > 300 ? text.slice(0, 300) + "\u2026" : text);
    const {clientWidth, clientHeight} = document.documentElement;
    this.tip.style.left = `${Math.min(event.clientX + 14, clientWidth - this.tip.offsetWidth - 8)}px`;
    this.tip.style.top = `${Math.min(event.clientY + 16, clientHeight - this.tip.offsetHeight - 8)}px`;
  }
}
