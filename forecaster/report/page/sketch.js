// A plain picture of a chart, there at once: it stands in for plotly's, which takes a second to wake.

const TIMES = [1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 345600, 604800, 1209600].map((seconds) => 1000 * seconds);
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600];
const MONTH = 2629746000; // milliseconds, its mean

const shape = (name, attributes, text = null) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  if (text !== null) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const round = (low, high, most) => {
  const rough = (high - low) / most || 1, unit = 10 ** Math.floor(Math.log10(rough));
  const every = unit * [1, 2, 5, 10].find((times) => times * unit >= rough);
  const ticks = [];
  for (let at = Math.ceil(low / every); at * every <= high; at += 1) ticks.push([at * every, show(at * every)]);
  return ticks;
};
const dates = (low, high, most) => {
  const ticks = [], rough = (high - low) / most, every = TIMES.find((time) => time >= rough);
  const tell = (at, options) => new Date(at).toLocaleString("en", { timeZone: "UTC", ...options });
  if (every && rough < MONTH / 2) {
    const options = every < 86400000 ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false } : { month: "short", day: "numeric" };
    for (let at = Math.ceil(low / every) * every; at <= high; at += every) ticks.push([at, tell(at, options)]);
    return ticks;
  }
  const months = MONTHS.find((count) => count * MONTH >= rough) || 1200, from = new Date(low);
  const options = months % 12 ? { month: "short", year: "numeric" } : { year: "numeric" };
  let month = Math.ceil((from.getUTCFullYear() * 12 + from.getUTCMonth()) / months) * months;
  for (; ticks.length < 50; month += months) {
    const at = new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    if (at > high) break;
    if (at >= low) ticks.push([at, tell(at, options)]);
  }
  return ticks;
};

// an axis: numbers for values, its bounds, and what stands at its ticks
const scale = (axis, values, isZero, most) => {
  const { type } = axis, names = type === "category" ? [...new Set(values.flat())] : [];
  const convert = type === "category" ? (value) => names.indexOf(value) : type === "log" ? (value) => value === null ? NaN : Math.log10(value) : (value) => value === null ? NaN : toNumber(axis)(value);
  const numbers = values.map((column) => column.map(convert));
  let low = isZero ? 0 : Infinity, high = isZero ? 0 : -Infinity;
  for (const column of numbers) for (const value of column) if (Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  if (type === "category") { low -= 0.5; high += 0.5; }
  if (axis.range) [low, high] = axis.range.map(convert);
  else if (high > low && type !== "category") { const edge = 0.05 * (high - low); high += edge; low -= isZero && low === 0 ? 0 : edge; }
  if (!(high > low)) { low -= 1; high += 1; }
  const every = Math.ceil(names.length / most);
  const ticks = type === "date" ? dates(low, high, most) : type === "category" ? names.map((name, at) => [at, name]).filter((_, at) => at % every === 0) : axis.dtick ? round(low, high, (high - low) / axis.dtick) : round(low, high, most).map(([at, text]) => [at, type === "log" ? show(10 ** at) : text]);
  if (axis.autorange === "reversed") [low, high] = [high, low];
  return { numbers, low, high, ticks, title: axis.title ? axis.title.text : "" };
};

const sketch = (chart) => {
  const plot = find(".plot", figureOf(chart)), columns = columnsOf(chart), layout = layoutOf(chart, columns);
  const traces = tracesOf(chart).filter((trace) => trace.visible && trace.x.length && trace.y.length);
  if (!chart.columns) layout.yaxis.range = reach(traces, layout) || undefined;
  const bars = traces.filter((trace) => trace.type === "bar"), isLying = bars.some((trace) => trace.orientation === "h");
  const width = plot.clientWidth, height = layout.height;
  const x = scale(layout.xaxis, traces.map((trace) => trace.x), isLying, Math.max(2, Math.floor(width / 130)));
  const y = scale(layout.yaxis, traces.map((trace) => trace.y), layout.yaxis.rangemode === "tozero" || (bars.length > 0 && !isLying), layout.yaxis.type === "category" ? 100 : 6);
  const left = 20 + 7 * Math.max(0, ...y.ticks.map(([, text]) => String(text).length)) + (y.title ? 24 : 0), bottom = height - (x.title ? 52 : 30), right = width - 12, top = 8;
  const toX = (value) => left + (value - x.low) / (x.high - x.low) * (right - left), toY = (value) => bottom - (value - y.low) / (y.high - y.low) * (bottom - top);
  const ink = { fill: layout.font.color, "font-size": 12 }, grid = { stroke: color("line"), "stroke-width": 1 };
  const picture = shape("svg", { class: "sketch", "aria-hidden": "true", width: "100%", height, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  const inside = shape("svg", { x: left, y: top, width: Math.max(right - left, 0), height: bottom - top, viewBox: `${left} ${top} ${Math.max(right - left, 1)} ${bottom - top}`, preserveAspectRatio: "none" });
  for (const [at, text] of x.ticks) picture.append(shape("path", { ...grid, d: `M${toX(at)} ${top}V${bottom}` }), toX(at) > right - 18 ? "" : shape("text", { ...ink, x: toX(at), y: bottom + 17, "text-anchor": "middle" }, text));
  for (const [at, text] of y.ticks) picture.append(shape("path", { ...grid, d: `M${left} ${toY(at)}H${right}` }), shape("text", { ...ink, x: left - 6, y: toY(at) + 4, "text-anchor": "end" }, text));
  if (x.title) picture.append(shape("text", { ...ink, "font-size": 13, x: (left + right) / 2, y: height - 10, "text-anchor": "middle" }, x.title));
  if (y.title) picture.append(shape("text", { ...ink, "font-size": 13, transform: `translate(14 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.title));
  const pathOf = (place, isStair) => {
    let text = "", isOpen = false;
    x.numbers[place].forEach((at, row) => {
      const value = y.numbers[place][row];
      const isKnown = Number.isFinite(at) && Number.isFinite(value);
      if (isKnown) text += (isOpen ? (isStair ? `H${toX(at).toFixed(1)}L` : "L") : "M") + `${toX(at).toFixed(1)} ${toY(value).toFixed(1)}`;
      isOpen = isKnown;
    });
    return text;
  };
  traces.forEach((trace, place) => {
    if (trace.type !== "bar" && trace.type !== "scatter") return; // maps and sums wait for plotly
    if (trace.type === "bar") {
      const along = isLying ? y : x, thick = 0.8 * Math.abs((isLying ? bottom - top : right - left) / (along.high - along.low)) * Math.abs(along.numbers[place].length > 1 ? along.numbers[place][1] - along.numbers[place][0] : 1);
      x.numbers[place].forEach((at, row) => {
        const value = y.numbers[place][row];
        if (!Number.isFinite(at) || !Number.isFinite(value)) return;
        const [from, to] = isLying ? [toX(0), toX(at)] : [toY(0), toY(value)];
        const [start, length] = [Math.min(from, to), Math.abs(to - from)];
        inside.append(shape("rect", { fill: trace.marker.color, ...(isLying ? { x: start, width: length, y: toY(value) - thick / 2, height: thick } : { y: start, height: length, x: toX(at) - thick / 2, width: thick }) }));
      });
      return;
    }
    if (trace.fill === "tonexty") inside.append(shape("path", { fill: trace.fillcolor, d: pathOf(place - 1) + pathOf(place).split(/(?=[ML])/).reverse().map((part) => part.replace("M", "L")).join("") + "Z" }));
    else if (trace.fill === "toself") inside.append(shape("path", { fill: trace.fillcolor, d: pathOf(place) }));
    else if (trace.mode !== "markers") inside.append(shape("path", { fill: "none", stroke: trace.line.color, "stroke-width": trace.line.width, "stroke-dasharray": { dash: "9 5", dot: "3 3" }[trace.line.dash] || "none", d: pathOf(place, trace.line.shape === "hv") }));
    if (trace.marker) x.numbers[place].forEach((at, row) => Number.isFinite(at) && Number.isFinite(y.numbers[place][row]) && inside.append(shape("circle", { fill: trace.marker.color, cx: toX(at), cy: toY(y.numbers[place][row]), r: trace.marker.size / 2 })));
  });
  picture.append(inside);
  plot.replaceChildren(picture);
};
