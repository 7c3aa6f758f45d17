// Draws the charts, lets a reader choose a series, and sorts the table. Texts of the data become text nodes only.
"use strict";
(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const find = (selector, within = document) => within.querySelector(selector);
  const ROWS = 20, NUMBERS = 500, MATCHES = 500;
  const PRINTED = 680, PRINTED_HEIGHT = 250; // px, the width of a sheet between its margins
  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const mobile = matchMedia("(pointer: coarse)");
  let current = page.series[0] || null;

  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== null) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const show = (value) => value === null || value === undefined ? "-" : typeof value === "number" ? number.format(value) : String(value);

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

  const draw = (chart) => {
    const figure = figureOf(chart), plot = find(".plot", figure), columns = columnsOf(chart);
    const traces = resolve(chart.traces, columns).map((trace) => ({ ...trace, visible: !hidden.get(chart.key).has(trace.legendgroup) }));
    const layout = layoutOf(chart, columns);
    if (!chart.columns) layout.yaxis.range = reach(traces, layout) || undefined;
    Plotly.react(plot, traces, layout, { displayModeBar: false, responsive: true, doubleClick: "reset", scrollZoom: false });
    if (!chart.columns && !plot.dataset.drawn) {
      plot.on("plotly_relayout", (change) => { if (Object.keys(change).some((key) => key.startsWith("xaxis"))) fit(plot); });
    }
    drawLegend(chart, figure, traces);
    if (!chart.columns && current) {
      const of = find(".of", figure);
      if (of) of.textContent = ": " + current.name;
      const seen = current.seen[chart.key];
      if (seen !== undefined) find(".seen", figure).textContent = seen;
    }
    if (find(".numbers", figure).open) listNumbers(chart, figure);
    plot.dataset.drawn = chart.columns ? "yes" : current ? current.name : "";
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
        draw(chart);
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
    if (what === "all") return Plotly.relayout(plot, { "xaxis.autorange": true, "yaxis.autorange": true });
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
      if (button) move(chart, find(".plot", figure), button.dataset.do);
    });
    find(".numbers", figure).addEventListener("toggle", (event) => { if (event.target.open) listNumbers(chart, figure); });
  }

  // the picker
  const choose = document.getElementById("choose"), search = document.getElementById("find");
  const pick = (each) => {
    if (!each || each === current) return;
    current = each;
    if (choose) choose.value = String(page.series.indexOf(each));
    if (window.Plotly) page.charts.filter((chart) => !chart.columns).forEach(draw);
    stepButtons();
  };
  const stepButtons = () => {
    if (!choose) return;
    document.getElementById("before").disabled = choose.selectedIndex <= 0;
    document.getElementById("after").disabled = choose.selectedIndex >= choose.length - 1;
  };
  const offer = (text) => {
    const wanted = text.trim().toLowerCase();
    const matching = page.series.filter((each) => each.name.toLowerCase().includes(wanted));
    const groups = new Map();
    matching.slice(0, MATCHES).forEach((each) => groups.set(each.group, [...(groups.get(each.group) || []), each]));
    choose.replaceChildren(...[...groups].flatMap(([group, members]) => {
      const options = members.map((each) => make("option", each.name, { value: String(page.series.indexOf(each)) }));
      if (!group) return options;
      const within = make("optgroup", null, { label: group });
      within.append(...options);
      return [within];
    }));
    choose.value = String(page.series.indexOf(current));
    document.getElementById("found").textContent = wanted ? `${matching.length.toLocaleString("en")} of ${page.series.length.toLocaleString("en")} drawn series match${matching.length ? "" : "; the table of all series may have it"}` : find("#choose").dataset.note || "";
    stepButtons();
    return matching;
  };
  if (choose) {
    choose.addEventListener("change", () => pick(page.series[Number(choose.value)]));
    search.addEventListener("input", () => {
      const matching = offer(search.value);
      if (search.value.trim() && matching.length && !matching.includes(current)) pick(matching[0]);
    });
    search.addEventListener("keydown", (event) => { if (event.key === "Enter") choose.focus(); });
    for (const [id, by] of [["before", -1], ["after", 1]]) {
      document.getElementById(id).addEventListener("click", () => {
        choose.selectedIndex = Math.min(Math.max(choose.selectedIndex + by, 0), choose.length - 1);
        pick(page.series[Number(choose.value)]);
      });
    }
    offer("");
  }

  // the table of all series: sorted, searched, a leaf at a time
  if (page.listing) {
    const titles = Object.keys(page.listing.columns), columns = titles.map((title) => page.listing.columns[title]);
    const names = columns[0], listing = document.getElementById("listing"), filter = document.getElementById("filter");
    const drawn = new Map(page.series.map((each) => [each.name, each]));
    let by = Math.max(titles.indexOf(page.listing.order), 0), isRising = page.listing.order === null, first = 0, rows = [];
    const head = find("thead tr", listing), body = find("tbody", listing);
    const isNumber = columns.map((column) => column.some((value) => typeof value === "number"));
    titles.forEach((title, place) => {
      const button = make("button", title, { type: "button" }), cell = make("th", null, { scope: "col" });
      button.addEventListener("click", () => {
        isRising = place === by ? !isRising : !isNumber[place];
        by = place;
        arrange();
      });
      cell.append(button);
      head.append(cell);
    });
    if (drawn.size > 1) head.append(make("td", ""));
    const arrange = () => {
      const wanted = filter.value.trim().toLowerCase(), column = columns[by], sign = isRising ? 1 : -1;
      rows = names.map((_, row) => row).filter((row) => String(names[row]).toLowerCase().includes(wanted));
      if (page.listing.order !== null || by || !isRising) rows.sort((one, other) => {
        const a = column[one], b = column[other];
        if (a === null || b === null) return (a === null) - (b === null); // what is missing comes last, either way
        return sign * (typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
      });
      first = 0;
      [...head.children].forEach((cell, place) => {
        if (place === by) cell.setAttribute("aria-sort", isRising ? "ascending" : "descending");
        else cell.removeAttribute("aria-sort");
        if (place < titles.length) cell.firstChild.textContent = titles[place] + (place === by ? (isRising ? " \u2191" : " \u2193") : "");
      });
      leaf();
    };
    const leaf = () => {
      body.replaceChildren(...rows.slice(first, first + ROWS).map((row) => {
        const line = make("tr", null);
        columns.forEach((column, place) => line.append(make(place ? "td" : "th", show(column[row]), place ? {} : { scope: "row" })));
        if (drawn.size > 1) {
          const cell = make("td", null), each = drawn.get(String(names[row]));
          if (each) {
            const button = make("button", "Show", { type: "button", "aria-label": "Show the charts of " + each.name });
            button.addEventListener("click", () => {
              search.value = "";
              offer("");
              pick(each);
              find(".picker").scrollIntoView();
              choose.focus({ preventScroll: true });
            });
            cell.append(button);
          }
          line.append(cell);
        }
        return line;
      }));
      const last = Math.min(first + ROWS, rows.length);
      document.getElementById("filtered").textContent = rows.length ? `Rows ${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : "No name matches";
      document.getElementById("earlier").disabled = first === 0;
      document.getElementById("later").disabled = last >= rows.length;
      find(".leaf", listing).hidden = rows.length <= ROWS;
    };
    document.getElementById("earlier").addEventListener("click", () => { first -= ROWS; leaf(); });
    document.getElementById("later").addEventListener("click", () => { first += ROWS; leaf(); });
    filter.addEventListener("input", arrange);
    arrange();
  }

  // one chart after another, so that the page answers in between
  const waiting = [...page.charts];
  const drawNext = () => {
    const chart = waiting.shift();
    if (!chart) { root.dataset.ready = "yes"; return; }
    draw(chart);
    setTimeout(drawNext);
  };
  addEventListener("DOMContentLoaded", drawNext); // plotly stands last: tables and picker need not wait for it

  const drawAll = () => { if (window.Plotly) page.charts.forEach(draw); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("beforeprint", () => { waiting.length = 0; root.classList.add("printing"); drawAll(); });
  addEventListener("afterprint", () => { root.classList.remove("printing"); drawAll(); });
})();
