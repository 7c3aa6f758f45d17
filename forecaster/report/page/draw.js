// Draws the charts as they come near the screen; legends, sentences and numbers stand without them.

// colours are custom properties of the page, so that they follow its scheme
const faint = (value, opacity) => {
  const part = (at) => parseInt(value.slice(at, at + 2), 16);
  return `rgba(${part(1)}, ${part(3)}, ${part(5)}, ${opacity})`;
};
const color = (name, opacity) => {
  const value = getComputedStyle(root).getPropertyValue("--" + name).trim();
  return opacity === undefined ? value : faint(value, opacity);
};
const resolve = (value, columns) => {
  if (Array.isArray(value)) return value.map((each) => resolve(each, columns));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each, columns)]));
  if (typeof value !== "string") return value;
  if (value[0] === "@") return columns[value.slice(1)] || [];
  if (value[0] === "$") return color(...value.slice(1).split("/"));
  return value;
};
const columnsOf = (chart) => chart.columns || (current ? current.columns : {});

const layoutOf = (chart, columns) => {
  const axis = { gridcolor: color("line"), zerolinecolor: color("line"), linecolor: color("quiet"), automargin: true, tickfont: { size: 12 }, hoverformat: "" }, standing = { standoff: 10, font: { size: 13 } };
  const own = resolve(chart.layout, columns);
  const merged = { ...own };
  for (const key of Object.keys(own)) {
    if (!/^[xy]axis\d?$/.test(key)) continue;
    const isX = key[0] === "x";
    merged[key] = { ...axis, fixedrange: !isX || own[key].type === "category", ...own[key], ...(own[key].title ? { title: { ...standing, ...own[key].title } } : {}) };
    if (own[key].type === "linear" && !own[key].hoverformat) merged[key].hoverformat = ",.4~r";
    if (Array.isArray(own[key].range) && (!own[key].range.length || own[key].range.includes(null))) delete merged[key].range;
  }
  return {
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: color("ink") },
    paper_bgcolor: color("paper"), plot_bgcolor: color("paper"),
    margin: { l: 8, r: 12, t: 8, b: 8 }, showlegend: false, hovermode: "x unified",
    hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("ink") } },
    dragmode: mobile.matches ? false : "zoom", autosize: true, ...merged,
    ...(root.classList.contains("printing") ? { width: PRINTED, height: Math.min(own.height, PRINTED_HEIGHT) } : {}),
  };
};

const figureOf = (chart) => document.getElementById("chart-" + chart.key);
const hidden = new Map(page.charts.map((chart) => [chart.key, new Set()]));

const tracesOf = (chart) => resolve(chart.traces, columnsOf(chart)).map((trace) => ({ ...trace, visible: !hidden.get(chart.key).has(trace.legendgroup) }));

// plotly stands in the page as text and is run where the first chart is drawn: all else is at hand before
const wake = () => {
  if (!window.Plotly) root.append(make("script", document.getElementById("plotly").textContent));
};

// what is told of a chart, whether it is drawn or not
const tell = (chart) => {
  const figure = figureOf(chart);
  drawLegend(chart, figure, tracesOf(chart));
  if (!chart.columns && current) {
    const of = find(".of", figure);
    if (of) of.textContent = ": " + current.name;
    find(".seen", figure).textContent = current.seen[chart.key] ?? "There is nothing to draw of this series here.";
  }
  if (find(".numbers", figure).open) listNumbers(chart, figure);
};

const draw = (chart) => {
  wake();
  const plot = find(".plot", figureOf(chart)), columns = columnsOf(chart), traces = tracesOf(chart);
  const layout = layoutOf(chart, columns);
  if (!chart.columns) layout.yaxis.range = reach(traces, layout) || undefined;
  find(".sketch", plot)?.remove();
  Plotly.react(plot, traces, layout, { displayModeBar: false, responsive: true, doubleClick: "reset", scrollZoom: false });
  if (!chart.columns && !isDrawn(chart)) {
    plot.on("plotly_relayout", (change) => { if (Object.keys(change).some((key) => key.startsWith("xaxis"))) fit(plot); });
  }
  plot.dataset.drawn = chart.columns ? "yes" : current ? current.name : "";
};
const isDrawn = (chart) => find(".plot", figureOf(chart)).dataset.drawn !== undefined;
const renew = (chart) => {
  tell(chart);
  isDrawn(chart) ? draw(chart) : sketch(chart);
};

const drawLegend = (chart, figure, traces) => {
  const list = find(".legend", figure), told = traces.filter((trace) => trace.meta && trace.legendgroup && (trace.y || []).length);
  const active = document.activeElement && list.contains(document.activeElement) ? document.activeElement.textContent : null;
  list.replaceChildren(...(told.length < 2 ? [] : told).map((trace) => {
    const [kind, opacity] = String(trace.meta).split("/");
    const tint = kind === "band" ? faint(trace.line.color, opacity) : (trace.line || trace.marker).color;
    const mark = make("span", "", { class: "mark " + kind, "aria-hidden": "true" });
    mark.style[kind === "line" || kind === "dash" ? "borderTopColor" : "backgroundColor"] = tint;
    const button = make("button", null, { type: "button", "aria-pressed": String(!hidden.get(chart.key).has(trace.legendgroup)) });
    button.append(mark, make("span", trace.legendgroup));
    button.addEventListener("click", () => {
      const set = hidden.get(chart.key);
      if (!set.delete(trace.legendgroup)) set.add(trace.legendgroup);
      renew(chart);
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
  const table = make("table", null), head = make("tr", null), body = make("tbody", null), top = make("thead", null);
  titles.forEach((title) => head.append(make("th", title, { scope: "col" })));
  top.append(head);
  const first = Math.max(0, length - NUMBERS);
  for (let row = first; row < length; row += 1) {
    const line = make("tr", null);
    titles.forEach((title, place) => line.append(make(place ? "td" : "th", show(columns[chart.numbers[title]][row]), place ? {} : { scope: "row" })));
    body.append(line);
  }
  if (first) table.append(make("caption", `The last ${NUMBERS} of ${length.toLocaleString("en")} rows`));
  table.append(top, body);
  find(".wide", find(".numbers", figure)).replaceChildren(table);
};

// the y axis follows what is in view
const toNumber = (axis) => (value) => axis.type === "date" ? Date.parse(String(value).replace(" ", "T").replace(/(\.\d{3})\d*$/, "$1") + (String(value).length > 10 ? "Z" : "")) : Number(value);
const reach = (traces, { xaxis, yaxis }) => {
  if (!xaxis.range || !["date", "linear"].includes(xaxis.type) || yaxis.type !== "linear") return null;
  const convert = toNumber(xaxis), [low, high] = xaxis.range.map(convert);
  let least = Infinity, most = -Infinity;
  for (const trace of traces) {
    if (trace.visible === false) continue;
    trace.x.forEach((x, place) => {
      const y = trace.y[place];
      if (y === null || x === null) return;
      const at = convert(x);
      if (at >= low && at <= high) { least = Math.min(least, y); most = Math.max(most, y); }
    });
  }
  const margin = 0.06 * (most - least) || Math.abs(most) || 1;
  return least > most ? null : [least - margin, most + margin];
};
const fit = (plot) => {
  const range = reach(plot.data, plot.layout);
  if (range) Plotly.relayout(plot, { "yaxis.range": range });
};

// zoom and move by buttons, in whatever the axis counts
const move = (chart, plot, what) => {
  if (what === "save") return Plotly.downloadImage(plot, { format: "png", scale: 2, filename: "forecast-" + chart.key });
  if (what === "all") return Plotly.relayout(plot, { "xaxis.autorange": chart.layout.xaxis.autorange || true, "yaxis.autorange": true });
  const axis = plot.layout.xaxis, isDate = axis.type === "date";
  const [low, high] = axis.range.map(toNumber(axis)), width = high - low;
  const [left, right] = { in: [0.25, -0.25], out: [-0.5, 0.5], back: [-0.5, -0.5], on: [0.5, 0.5] }[what];
  const range = [low + left * width, high + right * width].map((value) => isDate ? new Date(value).toISOString().slice(0, 23) : value);
  return Plotly.relayout(plot, { "xaxis.range": range });
};

for (const chart of page.charts) {
  const figure = figureOf(chart), tools = find(".tools", figure), isFixed = chart.layout.xaxis.type === "category" || chart.layout.yaxis.type === "category";
  if (isFixed) tools.querySelectorAll("button:not([data-do=save])").forEach((button) => button.remove());
  tools.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (!isDrawn(chart)) draw(chart);
    move(chart, find(".plot", figure), button.dataset.do);
  });
  find(".numbers", figure).addEventListener("toggle", (event) => { if (event.target.open) listNumbers(chart, figure); });
}

// one chart after another, so that the page answers in between; the nearest first
const waiting = [];
let isBusy = false;
const drawNext = () => {
  const chart = waiting.shift();
  isBusy = chart !== undefined;
  if (!isBusy) { root.dataset.ready = "yes"; return; }
  if (!isDrawn(chart)) draw(chart);
  setTimeout(drawNext);
};
const near = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    near.unobserve(entry.target);
    waiting.push(page.charts.find((chart) => figureOf(chart) === entry.target));
  });
  if (isBusy) return;
  isBusy = true;
  setTimeout(drawNext);
}, { rootMargin: NEAR });
const begin = () => {
  for (const chart of page.charts) {
    find(".plot", figureOf(chart)).style.minHeight = chart.layout.height + "px"; // the page keeps its length
    renew(chart);
    near.observe(figureOf(chart));
  }
  if (!page.charts.length) root.dataset.ready = "yes";
};

const print = (isPrinting) => {
  waiting.length = 0;
  root.classList.toggle("printing", isPrinting);
  page.charts.forEach((chart) => { tell(chart); draw(chart); });
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.charts.forEach(renew));
addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));
