// The table of all series: sorted, searched, a leaf at a time.

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
