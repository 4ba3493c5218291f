"use strict";
(function () {
  const COLOURS = {
    light: {
      runs: "#c3cad1", sleeps: "#e3e6ea", waits: "#f0a63c", joins: "#f6d7a4", stuck: "#d4762a", deadlock: "#d3222b", events: "#57616b",
      lock: "#9aa5b1", lock0: "#2f7ed8", lock1: "#2aa876", lock2: "#9b59c9", lock3: "#d6488e", lock4: "#12a0b4", lock5: "#8a9a1b",
      lock6: "#5b6ee1", lock7: "#a8692f",
      "flow-hand-off": "#0b57d0", "flow-wake": "#16803c", "flow-message": "#8a3ffc", "flow-start": "#6f7a85", "flow-join": "#a5662a",
      "flow-deadlock": "#d3222b", failure: "#d3222b",
      ink: "#1d2329", soft: "#66707a", grid: "#e6e4e0", card: "#ffffff", split: "#d3222b",
    },
    dark: {
      runs: "#58636e", sleeps: "#343c45", waits: "#d9902b", joins: "#705126", stuck: "#e0803a", deadlock: "#ff5a52", events: "#b4bec8",
      lock: "#7c8792", lock0: "#5aa2f0", lock1: "#3fc48f", lock2: "#b98ae6", lock3: "#ee78b3", lock4: "#40c4d6", lock5: "#b7c645",
      lock6: "#8b9bff", lock7: "#c98e57",
      "flow-hand-off": "#8fc0ff", "flow-wake": "#6fd98b", "flow-message": "#c8a2ff", "flow-start": "#98a3ae", "flow-join": "#d9a066",
      "flow-deadlock": "#ff5a52", failure: "#ff5a52",
      ink: "#e4e8ec", soft: "#96a1ac", grid: "#2b323a", card: "#1c2127", split: "#ff7b72",
    },
  };
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const colours = () => COLOURS[scheme.matches ? "dark" : "light"];
  const shown = [];

  function coloured(trace) {
    const colour = colours()[trace.role];
    const marker = { ...trace.marker, color: colour };
    marker.line = { ...(trace.marker.line || {}), color: colour };
    return trace.type === "scatter" ? { ...trace, marker, line: { ...(trace.line || {}), color: colour } } : { ...trace, marker };
  }

  function dressed(layout, height, legend) {
    const c = colours();
    const shapes = layout.shapes.map((shape) => shape.role === "split" ? { ...shape, line: { ...shape.line, color: c.split } } : shape);
    return {
      ...layout, shapes,
      annotations: layout.annotations.map((one) => ({ ...one, font: { color: c.split } })),
      height: height + 110 + legend,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: c.ink, size: 12.5, family: getComputedStyle(document.body).fontFamily },
      hoverlabel: { align: "left", bgcolor: c.card, bordercolor: c.soft, font: { color: c.ink, size: 13, family: getComputedStyle(document.body).fontFamily } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: c.soft, activecolor: c.ink },
      xaxis: { ...layout.xaxis, gridcolor: c.grid, tickfont: { color: c.soft } },
    };
  }

  const config = { responsive: true, displaylogo: false, doubleClick: "reset", showTips: false,
    modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]] };

  function legendRoom(traces) { return 30 + 20 * Math.ceil(traces.length / 4); }

  function draw(place, figure) {
    const legend = legendRoom(figure.traces);
    place.textContent = "";
    const layout = dressed(figure.layout, figure.height, legend);
    layout.margin = { ...layout.margin, b: legend + 24 };
    Plotly.newPlot(place, figure.traces.map(coloured), layout, config).then(() => { place.dataset.drawn = "yes"; });
    shown.push({ place, figure, legend });
    place.on("plotly_click", (event) => {
      const position = event.points[0] && event.points[0].customdata;
      if (position !== undefined) { find(place, position); }
    });
  }

  function find(place, position) {
    const row = document.querySelector(`#${place.dataset.rows} tr[data-position="${position}"]`);
    if (!row) { return; }
    for (const other of document.querySelectorAll("tr.found")) { other.classList.remove("found"); }
    row.hidden = false;
    row.classList.add("found");
    const box = row.closest(".rows");
    box.scrollTop = row.offsetTop - box.clientHeight / 2;
  }

  function look(table, row) {
    const one = shown.find((entry) => entry.place.dataset.rows === table.id);
    if (!one) { return; }
    for (const other of document.querySelectorAll("tr.found")) { other.classList.remove("found"); }
    row.classList.add("found");
    const at = Number(row.dataset.ms);
    const [first, last] = one.figure.layout.xaxis.range;
    const now = one.place.layout.xaxis.range;
    const width = Math.min(now[1] - now[0], (last - first) / 12);
    const mark = { type: "line", x0: at, x1: at, yref: "paper", y0: 0, y1: 1, line: { width: 1.5, dash: "dot", color: colours().split } };
    Plotly.relayout(one.place, { "xaxis.range": [at - width / 2, at + width / 2], shapes: [...dressed(one.figure.layout, 0, 0).shapes, mark] });
    one.place.scrollIntoView({ behavior: "smooth", block: "nearest" });
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
  scheme.addEventListener("change", () => {
    for (const { place, figure, legend } of shown) {
      const layout = dressed(figure.layout, figure.height, legend);
      layout.margin = { ...layout.margin, b: legend + 24 };
      layout.xaxis.range = place.layout.xaxis.range;
      const traces = figure.traces.map((trace, index) => ({ ...coloured(trace), visible: place.data[index].visible }));
      Plotly.react(place, traces, layout, config);
    }
  });
})();
