// Draws each chart with plotly when it comes near the screen. Legends, sentences and numbers do not need plotly.

// Colours are custom properties of the page, so that they follow the colour scheme.
const addOpacity = (value, opacity) => {
  const part = (at) => parseInt(value.slice(at, at + 2), 16);
  return `rgba(${part(1)}, ${part(3)}, ${part(5)}, ${opacity})`;
};
const color = (name, opacity) => {
  const value = getComputedStyle(root).getPropertyValue("--" + name).trim();
  return opacity === undefined ? value : addOpacity(value, opacity);
};
const resolve = (value, columns) => {
  if (Array.isArray(value)) return value.map((item) => resolve(item, columns));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, columns)]));
  if (typeof value !== "string") return value;
  if (value[0] === "@") return columns[value.slice(1)] || [];
  if (value[0] === "$") return color(...value.slice(1).split("/"));
  return value;
};
const columnsOf = (chart) => chart.columns || (current ? current.columns : {});

const layoutOf = (chart, columns) => {
  const axis = { gridcolor: color("line"), zerolinecolor: color("line"), linecolor: color("quiet"), automargin: true, tickfont: { size: 12 }, hoverformat: "" }, axisTitle = { standoff: 10, font: { size: 13 } };
  const layout = resolve(chart.layout, columns);
  const merged = { ...layout };
  for (const key of Object.keys(layout)) {
    if (!/^[xy]axis\d?$/.test(key)) continue;
    const isX = key[0] === "x";
    merged[key] = { ...axis, fixedrange: !isX || layout[key].type === "category", ...layout[key], ...(layout[key].title ? { title: { ...axisTitle, ...layout[key].title } } : {}) };
    if (layout[key].type === "linear" && !layout[key].hoverformat) merged[key].hoverformat = ",.4~r";
    if (Array.isArray(layout[key].range) && (!layout[key].range.length || layout[key].range.includes(null))) delete merged[key].range;
  }
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: color("ink") },
    paper_bgcolor: color("paper"), plot_bgcolor: color("paper"),
    margin: { l: 8, r: 12, t: 8, b: 8 }, showlegend: false, hovermode: "x unified",
    hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("ink") } },
    dragmode: coarsePointer.matches ? false : "zoom", autosize: true, ...merged,
    ...(root.classList.contains("printing") ? { width: PRINT_WIDTH, height: Math.min(layout.height, PRINT_HEIGHT) } : {}),
  };
};

const figureOf = (chart) => document.getElementById("chart-" + chart.key);
const hiddenGroups = new Map(page.charts.map((chart) => [chart.key, new Set()])); // what the reader hid by the legend

const tracesOf = (chart) => resolve(chart.traces, columnsOf(chart)).map((trace) => ({ ...trace, visible: !hiddenGroups.get(chart.key).has(trace.legendgroup) }));

// The page contains plotly as text and runs it before the first chart is drawn, so that everything else is ready sooner.
const loadPlotly = () => {
  if (!window.Plotly) root.append(make("script", document.getElementById("plotly").textContent));
};

// Updates the texts of a chart, whether it is drawn or not.
const updateTexts = (chart) => {
  const figure = figureOf(chart);
  updateLegend(chart, figure, tracesOf(chart));
  if (!chart.columns && current) {
    const name = find(".of", figure);
    if (name) name.textContent = ": " + current.name;
    find(".summary", figure).textContent = current.summaries[chart.key] ?? "This chart has no data for this series.";
  }
  if (find(".numbers", figure).open) listNumbers(chart, figure);
};

const draw = (chart) => {
  loadPlotly();
  const plot = find(".plot", figureOf(chart)), columns = columnsOf(chart), traces = tracesOf(chart);
  const layout = layoutOf(chart, columns);
  if (!chart.columns) layout.yaxis.range = visibleRange(traces, layout) || undefined;
  find(".preview", plot)?.remove();
  Plotly.react(plot, traces, layout, { displayModeBar: false, responsive: true, doubleClick: "reset", scrollZoom: false });
  if (!chart.columns && !isDrawn(chart)) {
    plot.on("plotly_relayout", (change) => { if (Object.keys(change).some((key) => key.startsWith("xaxis"))) fitYAxis(plot); });
  }
  plot.dataset.drawn = chart.columns ? "yes" : current ? current.name : "";
};
const isDrawn = (chart) => find(".plot", figureOf(chart)).dataset.drawn !== undefined;
const refresh = (chart) => {
  updateTexts(chart);
  isDrawn(chart) ? draw(chart) : drawPreview(chart);
};

const updateLegend = (chart, figure, traces) => {
  const list = find(".legend", figure), entries = traces.filter((trace) => trace.meta && trace.legendgroup && (trace.y || []).length);
  const active = document.activeElement && list.contains(document.activeElement) ? document.activeElement.textContent : null;
  list.replaceChildren(...(entries.length < 2 ? [] : entries).map((trace) => {
    const [kind, opacity] = String(trace.meta).split("/");
    const tint = kind === "band" ? addOpacity(trace.line.color, opacity) : (trace.line || trace.marker).color;
    const mark = make("span", "", { class: "mark " + kind, "aria-hidden": "true" });
    mark.style[kind === "line" || kind === "dash" ? "borderTopColor" : "backgroundColor"] = tint;
    const button = make("button", null, { type: "button", "aria-pressed": String(!hiddenGroups.get(chart.key).has(trace.legendgroup)) });
    button.append(mark, make("span", trace.legendgroup));
    button.addEventListener("click", () => {
      const groups = hiddenGroups.get(chart.key);
      if (!groups.delete(trace.legendgroup)) groups.add(trace.legendgroup);
      refresh(chart);
    });
    const item = make("li", null);
    item.append(button);
    return item;
  }));
  if (active) [...list.querySelectorAll("button")].find((button) => button.textContent === active)?.focus();
};

const listNumbers = (chart, figure) => {
  const columns = columnsOf(chart), titles = Object.keys(chart.numbers).filter((title) => (columns[chart.numbers[title]] || []).length);
  const length = Math.max(0, ...titles.map((title) => columns[chart.numbers[title]].length));
  const table = make("table", null), headRow = make("tr", null), body = make("tbody", null), head = make("thead", null);
  titles.forEach((title) => headRow.append(make("th", title, { scope: "col" })));
  head.append(headRow);
  const first = Math.max(0, length - MAX_NUMBER_ROWS);
  for (let row = first; row < length; row += 1) {
    const line = make("tr", null);
    titles.forEach((title, place) => line.append(make(place ? "td" : "th", format(columns[chart.numbers[title]][row]), place ? {} : { scope: "row" })));
    body.append(line);
  }
  if (first) table.append(make("caption", `The last ${MAX_NUMBER_ROWS} of ${formatCount(length)} rows`));
  table.append(head, body);
  find(".wide", find(".numbers", figure)).replaceChildren(table);
};

// The y axis follows the values in view.
const toNumber = (axis) => (value) => axis.type === "date" ? Date.parse(String(value).replace(" ", "T").replace(/(\.\d{3})\d*$/, "$1") + (String(value).length > 10 ? "Z" : "")) : Number(value);
const visibleRange = (traces, { xaxis, yaxis }) => {
  if (!xaxis.range || !["date", "linear"].includes(xaxis.type) || yaxis.type !== "linear") return null;
  const convert = toNumber(xaxis), [low, high] = xaxis.range.map(convert);
  let lowest = Infinity, highest = -Infinity;
  for (const trace of traces) {
    if (trace.visible === false) continue;
    trace.x.forEach((x, place) => {
      const y = trace.y[place];
      if (y === null || x === null) return;
      const at = convert(x);
      if (at >= low && at <= high) { lowest = Math.min(lowest, y); highest = Math.max(highest, y); }
    });
  }
  const margin = 0.06 * (highest - lowest) || Math.abs(highest) || 1;
  return lowest > highest ? null : [lowest - margin, highest + margin];
};
const fitYAxis = (plot) => {
  const range = visibleRange(plot.data, plot.layout);
  if (range) Plotly.relayout(plot, { "yaxis.range": range });
};

// Zoom and move by buttons, in the units of the axis.
const changeView = (chart, plot, action) => {
  if (action === "save") return Plotly.downloadImage(plot, { format: "png", scale: 2, filename: "forecast-" + chart.key });
  if (action === "all") return Plotly.relayout(plot, { "xaxis.autorange": chart.layout.xaxis.autorange || true, "yaxis.autorange": true });
  const axis = plot.layout.xaxis, isDate = axis.type === "date";
  const [low, high] = axis.range.map(toNumber(axis)), width = high - low;
  const [lowShift, highShift] = { in: [0.25, -0.25], out: [-0.5, 0.5], left: [-0.5, -0.5], right: [0.5, 0.5] }[action];
  const range = [low + lowShift * width, high + highShift * width].map((value) => isDate ? new Date(value).toISOString().slice(0, 23) : value);
  return Plotly.relayout(plot, { "xaxis.range": range });
};

for (const chart of page.charts) {
  const figure = figureOf(chart), tools = find(".tools", figure), hasFixedAxis = chart.layout.xaxis.type === "category" || chart.layout.yaxis.type === "category";
  if (hasFixedAxis) tools.querySelectorAll("button:not([data-do=save])").forEach((button) => button.remove());
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (!isDrawn(chart)) draw(chart);
    changeView(chart, find(".plot", figure), button.dataset.do);
  });
  find(".numbers", figure).addEventListener("toggle", (event) => { if (event.target.open) listNumbers(chart, figure); });
}

// Charts are drawn one after another, so that the page responds in between.
const queue = [];
let isDrawing = false;
const drawNext = () => {
  const chart = queue.shift();
  isDrawing = chart !== undefined;
  if (!isDrawing) { root.dataset.ready = "yes"; return; }
  if (!isDrawn(chart)) draw(chart);
  setTimeout(drawNext);
};
const observer = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    observer.unobserve(entry.target);
    queue.push(page.charts.find((chart) => figureOf(chart) === entry.target));
  });
  if (isDrawing) return;
  isDrawing = true;
  setTimeout(drawNext);
}, { rootMargin: DRAWING_MARGIN });
const startDrawing = () => {
  for (const chart of page.charts) {
    find(".plot", figureOf(chart)).style.minHeight = chart.layout.height + "px"; // keeps the length of the page
    refresh(chart);
    observer.observe(figureOf(chart));
  }
  if (!page.charts.length) root.dataset.ready = "yes";
};

const prepareForPrint = (isPrinting) => {
  queue.length = 0;
  root.classList.toggle("printing", isPrinting);
  page.charts.forEach((chart) => { updateTexts(chart); draw(chart); });
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.charts.forEach(refresh));
addEventListener("beforeprint", () => prepareForPrint(true));
addEventListener("afterprint", () => prepareForPrint(false));
