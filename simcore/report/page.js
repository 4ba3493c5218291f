"use strict";
(function () {
  const COLOURS = {
    light: {
      runs: "#c3cad1", sleeps: "#dde2e7", waits: "#f0a63c", joins: "#f6d7a4", stuck: "#c8641c", deadlock: "#d3222b", events: "#57616b",
      lock: "#9aa5b1", lock0: "#2f7ed8", lock1: "#2aa876", lock2: "#9b59c9", lock3: "#d6488e", lock4: "#12a0b4", lock5: "#8a9a1b",
      lock6: "#5b6ee1", lock7: "#a8692f",
      "flow-hand-off": "#0b57d0", "flow-wake": "#16803c", "flow-message": "#8a3ffc", "flow-start": "#6f7a85", "flow-join": "#a5662a",
      "flow-deadlock": "#d3222b", failure: "#d3222b",
      ink: "#1d2329", soft: "#66707a", grid: "#e6e4e0", card: "#ffffff", split: "#d3222b",
    },
    dark: {
      runs: "#58636e", sleeps: "#3a434c", waits: "#d9902b", joins: "#705126", stuck: "#c96a2b", deadlock: "#e0403a", events: "#b4bec8",
      lock: "#7c8792", lock0: "#5aa2f0", lock1: "#3fc48f", lock2: "#b98ae6", lock3: "#ee78b3", lock4: "#40c4d6", lock5: "#b7c645",
      lock6: "#8b9bff", lock7: "#c98e57",
      "flow-hand-off": "#8fc0ff", "flow-wake": "#6fd98b", "flow-message": "#c8a2ff", "flow-start": "#98a3ae", "flow-join": "#d9a066",
      "flow-deadlock": "#ff5a52", failure: "#ff5a52",
      ink: "#e4e8ec", soft: "#96a1ac", grid: "#2b323a", card: "#1c2127", split: "#ff7b72",
    },
  };
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const colours = () => COLOURS[scheme.matches ? "dark" : "light"];
  const FONT = getComputedStyle(document.body).fontFamily;
  const shown = new Map();

  /* Texts are shown as they are: never as HTML, never as TeX. */
  const plain = (text) => text.replaceAll("$$", "$\u200b$").replaceAll("\\[", "\\\u200b[").replaceAll("\\(", "\\\u200b(");

  function tooltip(source, { index }) {
    const c = colours();
    const box = document.createElement("div");
    box.className = "told";
    box.textContent = index === null || index === undefined ? "" : source.get("text")[index];
    Object.assign(box.style, { whiteSpace: "pre-line", font: `13px/1.45 ${FONT}`, color: c.ink, background: c.card, maxWidth: "640px",
      padding: "5px 9px", margin: "-6px", border: `1px solid ${c.soft}` });
    return box;
  }

  function layerOf(plot, layer) {
    const { role, kind, name, hidden, label, ...data } = layer;
    if (kind === "bars") {
      data.top = data.y.map((y, n) => y - data.half[n]);
      data.bottom = data.y.map((y, n) => y + data.half[n]);
    }
    const source = new Bokeh.ColumnDataSource({ data: { ...data, ...(label ? { label: label.map(plain) } : {}) } });
    const parts = [];
    if (kind === "bars") {
      parts.push(plot.quad({ left: { field: "left" }, right: { field: "right" }, top: { field: "top" }, bottom: { field: "bottom" }, source,
        line_color: null, fill_color: "#888" }));
      if (label) {
        parts.push(plot.text({ x: { field: "left" }, y: { field: "y" }, text: { field: "label" }, source, text_font_size: "11px", text_font: FONT,
          text_baseline: "middle", x_offset: 5, text_color: "#ffffff" }));
      }
    } else if (kind === "arrows") {
      parts.push(plot.segment({ x0: { field: "x0" }, y0: { field: "y0" }, x1: { field: "x1" }, y1: { field: "y1" }, source,
        line_color: "#888", line_width: role === "flow-deadlock" ? 2.5 : 1.2, line_dash: role === "flow-deadlock" ? "dashed" : "solid" }));
    } else {
      const cross = kind === "cross";
      parts.push(plot.scatter({ x: { field: "x" }, y: { field: "y" }, source, marker: cross ? "x" : "dash", angle: cross ? 0 : Math.PI / 2,
        size: cross ? 14 : 7, line_width: cross ? 4 : 1, fill_color: null, line_color: "#888" }));
    }
    const heads = [];
    if (kind === "arrows") {
      const head = new Bokeh.VeeHead({ size: role === "flow-deadlock" ? 11 : 7, line_color: "#888", fill_color: "#888" });
      const arrow = new Bokeh.Arrow({ source, x_start: { field: "x0" }, y_start: { field: "y0" }, x_end: { field: "x1" }, y_end: { field: "y1" },
        end: head, line_alpha: 0 });
      plot.add_layout(arrow);
      heads.push(arrow);
    }
    for (const part of parts) {  // pointing and clicking change no colours, and a click does not fade all the rest
      part.setv({ nonselection_glyph: part.glyph, selection_glyph: part.glyph, hover_glyph: part.glyph });
    }
    const entry = { role, kind, name, parts, heads, source };
    show(entry, !hidden);
    return entry;
  }

  function show(entry, visible) {
    entry.visible = visible;
    for (const part of [...entry.parts, ...entry.heads]) { part.visible = visible; }
  }

  function paint(chart) {
    const c = colours();
    for (const entry of chart.entries) {
      const colour = c[entry.role];
      const glyph = entry.parts[0].glyph;
      if (entry.kind === "bars") { glyph.fill_color = { value: colour }; } else { glyph.line_color = { value: colour }; }
      for (const arrow of entry.heads) { arrow.end.setv({ line_color: { value: colour }, fill_color: { value: colour } }); }
      entry.swatch.style.background = colour;
    }
    for (const axis of chart.axes) {
      axis.setv({ axis_line_color: null, major_tick_line_color: null, minor_tick_line_color: null, major_label_text_font: FONT });
    }
    chart.axes[0].major_label_text_color = c.soft;
    chart.axes[1].major_label_text_color = c.ink;
    chart.grid.grid_line_color = c.grid;
    for (const mark of chart.marks) { mark.setv(mark.text === undefined ? { line_color: c.split } : { text_color: c.split }); }
    chart.found.line_color = c.split;
  }

  function key(chart, place) {
    const box = document.createElement("div");
    box.className = "key";
    for (const entry of chart.entries) {
      const button = document.createElement("button");
      button.type = "button";
      entry.swatch = document.createElement("i");
      entry.swatch.className = entry.kind;
      button.append(entry.swatch, entry.name);
      button.setAttribute("aria-pressed", String(entry.visible));
      button.addEventListener("click", () => {
        show(entry, !entry.visible);
        button.setAttribute("aria-pressed", String(entry.visible));
      });
      box.append(button);
    }
    place.after(box);
  }

  async function draw(place, figure) {
    const [start, end] = figure.range;
    const range = new Bokeh.Range1d({ start, end, bounds: null });
    const zoom = new Bokeh.BoxZoomTool({ dimensions: "width" });
    const tools = [zoom, new Bokeh.PanTool({ dimensions: "width" }), new Bokeh.WheelZoomTool({ dimensions: "width" }),
      new Bokeh.ZoomInTool({ dimensions: "width" }), new Bokeh.ZoomOutTool({ dimensions: "width" }), new Bokeh.ResetTool(), new Bokeh.SaveTool()];
    const plot = new Bokeh.Plotting.Figure({ x_range: range, y_range: new Bokeh.Range1d({ start: figure.height, end: 0 }), tools: [],
      x_axis_location: "above", height: figure.height + 64, sizing_mode: "stretch_width", background_fill_color: null,
      border_fill_color: null, outline_line_color: null, toolbar_location: "above", min_border_right: 20 });
    plot.add_tools(...tools);
    plot.toolbar.logo = null;
    plot.toolbar.active_drag = zoom;
    plot.toolbar.active_scroll = null;
    const [xaxis] = plot.xaxes, [yaxis] = plot.yaxes;
    xaxis.formatter = new Bokeh.BasicTickFormatter({ use_scientific: false });
    xaxis.axis_label = null;
    yaxis.ticker = new Bokeh.FixedTicker({ ticks: figure.lanes.map((lane) => lane.y), minor_ticks: [] });
    yaxis.major_label_overrides = new Map(figure.lanes.map((lane) => [lane.y, new Bokeh.PlainText({ text: lane.name })]));
    xaxis.major_label_text_font_size = yaxis.major_label_text_font_size = "12.5px";
    for (const grid of plot.ygrids) { grid.visible = false; }
    for (const { top, bottom } of figure.processes) {
      plot.add_layout(new Bokeh.BoxAnnotation({ top, bottom, fill_color: "#808080", fill_alpha: bottom - top > 1 ? 0.14 : 0.3, line_color: null,
        level: "underlay" }));
    }
    const chart = { place, figure, plot, range, axes: [xaxis, yaxis], grid: plot.xgrids[0], marks: [] };
    chart.entries = figure.layers.map((layer) => layerOf(plot, layer));
    plot.add_tools(new Bokeh.HoverTool({ renderers: chart.entries.map((entry) => entry.parts[0]), tooltips: tooltip, point_policy: "follow_mouse",
      line_policy: "interp", attachment: "vertical" }));
    if (figure.split !== null) {
      chart.marks.push(new Bokeh.Span({ location: figure.split, dimension: "height", line_width: 2 }));
      chart.marks.push(new Bokeh.Label({ x: figure.split, y: 0, x_offset: 5, y_offset: -12, text: "they part here", text_font_size: "12px", text_font: FONT }));
    }
    chart.found = new Bokeh.Span({ location: start, dimension: "height", line_width: 1.5, line_dash: [3, 3], visible: false });
    for (const mark of [...chart.marks, chart.found]) { plot.add_layout(mark); }
    place.textContent = "";
    key(chart, place);
    paint(chart);
    shown.set(place.dataset.rows, chart);
    // The browser's own event: what counts as double is the reader's setting.
    place.addEventListener("dblclick", () => { range.setv({ start, end }); chart.found.visible = false; });
    const taps = chart.entries.filter((entry) => entry.source.get("text") && entry.source.data.get ? entry.source.data.get("position") : entry.source.data.position);
    plot.add_tools(new Bokeh.TapTool({ renderers: taps.map((entry) => entry.parts[0]) }));
    for (const entry of taps) {
      entry.source.selected.properties.indices.change.connect(() => {
        const [index] = entry.source.selected.indices;
        if (index !== undefined) { find(place, entry.source.get("position")[index]); }
      });
    }
    await Bokeh.Plotting.show(plot, place);
    place.dataset.drawn = "yes";
  }

  function mark(row) {
    for (const other of document.querySelectorAll("tr.found")) { other.classList.remove("found"); }
    row.classList.add("found");
  }

  function find(place, position) {
    const row = document.querySelector(`#${place.dataset.rows} tr[data-position="${position}"]`);
    if (!row) { return; }
    row.hidden = false;
    mark(row);
    const box = row.closest(".rows");
    box.scrollTop = row.offsetTop - box.clientHeight / 2;
  }

  function look(table, row) {
    const chart = shown.get(table.id);
    if (!chart) { return; }
    mark(row);
    const at = Number(row.dataset.ms);
    const [first, last] = chart.figure.range;
    const width = Math.min(chart.range.end - chart.range.start, (last - first) / 12);
    chart.range.setv({ start: at - width / 2, end: at + width / 2 });
    chart.found.setv({ location: at, visible: true });
    chart.place.scrollIntoView({ behavior: "smooth", block: "nearest" });
  }

  for (const table of document.querySelectorAll("table.events")) {
    table.tBodies[0].addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) { look(table, row); }
    });
    table.tBodies[0].addEventListener("keydown", (event) => {
      if (event.key === "Enter") { look(table, event.target.closest("tr")); }
    });
    const input = document.querySelector(`input[data-rows="${table.id}"]`);
    const told = document.querySelector(`span[data-rows="${table.id}"]`);
    const rows = [...table.tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row, number) => {
        row.hidden = !words.every((word) => texts[number].includes(word));
        count += row.hidden ? 0 : 1;
      });
      told.textContent = words.length ? `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows` : "";
    });
  }

  const figures = JSON.parse(document.getElementById("scenes").textContent);
  document.querySelectorAll(".timeline").forEach((place, number) => draw(place, figures[number]));
  scheme.addEventListener("change", () => { shown.forEach(paint); });
  window.simcoreCharts = shown;
})();
