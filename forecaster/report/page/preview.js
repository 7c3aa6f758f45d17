// A simple SVG preview of a chart, which is visible at once; plotly needs a second to load.

const TICK_INTERVALS = [1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 345600, 604800, 1209600].map((seconds) => 1000 * seconds); // milliseconds
const TICK_MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600];
const MEAN_MONTH = 2629746000; // milliseconds

const makeSvg = (name, attributes, text = null) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  if (text !== null) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const numberTicks = (low, high, maxTicks) => {
  const minimum = (high - low) / maxTicks || 1, unit = 10 ** Math.floor(Math.log10(minimum));
  const interval = unit * [1, 2, 5, 10].find((times) => times * unit >= minimum);
  const ticks = [];
  for (let at = Math.ceil(low / interval); at * interval <= high; at += 1) ticks.push([at * interval, format(at * interval || 0)]);
  return ticks;
};
const dateTicks = (low, high, maxTicks) => {
  const ticks = [], minimum = (high - low) / maxTicks, interval = TICK_INTERVALS.find((time) => time >= minimum);
  const formatDate = (at, options) => new Date(at).toLocaleString("en", { timeZone: "UTC", ...options });
  if (interval && minimum < MEAN_MONTH / 2) {
    const options = interval < 86400000 ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false } : { month: "short", day: "numeric" };
    for (let at = Math.ceil(low / interval) * interval; at <= high; at += interval) ticks.push([at, formatDate(at, options)]);
    return ticks;
  }
  const months = TICK_MONTHS.find((count) => count * MEAN_MONTH >= minimum) || 1200, first = new Date(low);
  const options = months % 12 ? { month: "short", year: "numeric" } : { year: "numeric" };
  let month = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months;
  for (; ticks.length < 50; month += months) {
    const at = new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    if (at > high) break;
    if (at >= low) ticks.push([at, formatDate(at, options)]);
  }
  return ticks;
};

// Returns an axis: its values as numbers, its bounds and its ticks.
const makeAxis = (axis, values, hasZero, maxTicks) => {
  const { type } = axis, names = type === "category" ? [...new Set(values.flat())] : [];
  const convert = type === "category" ? (value) => names.indexOf(value) : type === "log" ? (value) => value === null ? NaN : Math.log10(value) : (value) => value === null ? NaN : toNumber(axis)(value);
  const numbers = values.map((column) => column.map(convert));
  let low = hasZero ? 0 : Infinity, high = hasZero ? 0 : -Infinity;
  for (const column of numbers) for (const value of column) if (Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  if (type === "category") { low -= 0.5; high += 0.5; }
  if (axis.range) [low, high] = axis.range.map(convert);
  else if (high > low && type !== "category") { const edge = 0.05 * (high - low); high += edge; low -= hasZero && low === 0 ? 0 : edge; }
  if (!(high > low)) { low -= 1; high += 1; }
  const stride = Math.ceil(names.length / maxTicks);
  const ticks = type === "date" ? dateTicks(low, high, maxTicks) : type === "category" ? names.map((name, at) => [at, name]).filter((_, at) => at % stride === 0) : axis.dtick ? numberTicks(low, high, (high - low) / axis.dtick) : numberTicks(low, high, maxTicks).map(([at, text]) => [at, type === "log" ? format(10 ** at) : text]);
  if (axis.autorange === "reversed") [low, high] = [high, low];
  return { numbers, low, high, ticks, title: axis.title ? axis.title.text : "" };
};

const drawPreview = (chart) => {
  const plot = find(".plot", figureOf(chart)), columns = columnsOf(chart), layout = layoutOf(chart, columns);
  const traces = tracesOf(chart).filter((trace) => trace.visible && trace.x.length && trace.y.length);
  if (!chart.columns) layout.yaxis.range = visibleRange(traces, layout) || undefined;
  const bars = traces.filter((trace) => trace.type === "bar"), isHorizontal = bars.some((trace) => trace.orientation === "h");
  const width = plot.clientWidth, height = layout.height;
  const x = makeAxis(layout.xaxis, traces.map((trace) => trace.x), isHorizontal, Math.max(2, Math.floor(width / 130)));
  const y = makeAxis(layout.yaxis, traces.map((trace) => trace.y), layout.yaxis.rangemode === "tozero" || (bars.length > 0 && !isHorizontal), layout.yaxis.type === "category" ? 100 : 6);
  const left = 20 + 7 * Math.max(0, ...y.ticks.map(([, text]) => String(text).length)) + (y.title ? 24 : 0), bottom = height - (x.title ? 52 : 30), right = width - 12, top = 8;
  const toX = (value) => left + (value - x.low) / (x.high - x.low) * (right - left), toY = (value) => bottom - (value - y.low) / (y.high - y.low) * (bottom - top);
  const textStyle = { fill: layout.font.color, "font-size": 12 }, gridStyle = { stroke: color("line"), "stroke-width": 1 };
  const picture = makeSvg("svg", { class: "preview", "aria-hidden": "true", width: "100%", height, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  const inside = makeSvg("svg", { x: left, y: top, width: Math.max(right - left, 0), height: bottom - top, viewBox: `${left} ${top} ${Math.max(right - left, 1)} ${bottom - top}`, preserveAspectRatio: "none" });
  for (const [at, text] of x.ticks) picture.append(makeSvg("path", { ...gridStyle, d: `M${toX(at)} ${top}V${bottom}` }), toX(at) > right - 18 ? "" : makeSvg("text", { ...textStyle, x: toX(at), y: bottom + 17, "text-anchor": "middle" }, text));
  for (const [at, text] of y.ticks) picture.append(makeSvg("path", { ...gridStyle, d: `M${left} ${toY(at)}H${right}` }), makeSvg("text", { ...textStyle, x: left - 6, y: toY(at) + 4, "text-anchor": "end" }, text));
  if (x.title) picture.append(makeSvg("text", { ...textStyle, "font-size": 13, x: (left + right) / 2, y: height - 10, "text-anchor": "middle" }, x.title));
  if (y.title) picture.append(makeSvg("text", { ...textStyle, "font-size": 13, transform: `translate(14 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.title));
  const pathOf = (place, isStep) => {
    let text = "", isOpen = false;
    x.numbers[place].forEach((at, row) => {
      const value = y.numbers[place][row];
      const isKnown = Number.isFinite(at) && Number.isFinite(value);
      if (isKnown) text += (isOpen ? (isStep ? `H${toX(at).toFixed(1)}L` : "L") : "M") + `${toX(at).toFixed(1)} ${toY(value).toFixed(1)}`;
      isOpen = isKnown;
    });
    return text;
  };
  traces.forEach((trace, place) => {
    if (trace.type !== "bar" && trace.type !== "scatter") return; // heat maps and waterfalls have no preview
    if (trace.type === "bar") {
      const along = isHorizontal ? y : x, thickness = 0.8 * Math.abs((isHorizontal ? bottom - top : right - left) / (along.high - along.low)) * Math.abs(along.numbers[place].length > 1 ? along.numbers[place][1] - along.numbers[place][0] : 1);
      x.numbers[place].forEach((at, row) => {
        const value = y.numbers[place][row];
        if (!Number.isFinite(at) || !Number.isFinite(value)) return;
        const [start, end] = isHorizontal ? [toX(0), toX(at)] : [toY(0), toY(value)];
        const first = Math.min(start, end), length = Math.abs(end - start);
        inside.append(makeSvg("rect", { fill: trace.marker.color, ...(isHorizontal ? { x: first, width: length, y: toY(value) - thickness / 2, height: thickness } : { y: first, height: length, x: toX(at) - thickness / 2, width: thickness }) }));
      });
      return;
    }
    if (trace.fill === "tonexty") inside.append(makeSvg("path", { fill: trace.fillcolor, d: pathOf(place - 1) + pathOf(place).split(/(?=[ML])/).reverse().map((part) => part.replace("M", "L")).join("") + "Z" }));
    else if (trace.fill === "toself") inside.append(makeSvg("path", { fill: trace.fillcolor, d: pathOf(place) }));
    else if (trace.mode !== "markers") inside.append(makeSvg("path", { fill: "none", stroke: trace.line.color, "stroke-width": trace.line.width, "stroke-dasharray": { dash: "9 5", dot: "3 3" }[trace.line.dash] || "none", d: pathOf(place, trace.line.shape === "hv") }));
    if (trace.marker) x.numbers[place].forEach((at, row) => Number.isFinite(at) && Number.isFinite(y.numbers[place][row]) && inside.append(makeSvg("circle", { fill: trace.marker.color, cx: toX(at), cy: toY(y.numbers[place][row]), r: trace.marker.size / 2 })));
  });
  picture.append(inside);
  plot.replaceChildren(picture);
};
