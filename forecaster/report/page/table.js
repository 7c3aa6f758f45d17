// The table of all series, which the reader can sort, search and page through.

if (page.listing) {
  const titles = Object.keys(page.listing.columns), columns = titles.map((title) => page.listing.columns[title]);
  const names = columns[0], listing = document.getElementById("listing"), filter = document.getElementById("filter");
  const seriesByName = new Map(page.series.map((series) => [series.name, series]));
  const hasPicker = seriesByName.size > 1;
  let sortColumn = Math.max(titles.indexOf(page.listing.order), 0), isAscending = page.listing.order === null;
  let firstRow = 0, rows = []; // rows: the numbers of the matching rows, in order
  const head = find("thead tr", listing), body = find("tbody", listing);
  const isNumeric = columns.map((column) => column.some((value) => typeof value === "number"));
  titles.forEach((title, place) => {
    const button = make("button", title, { type: "button" }), cell = make("th", null, { scope: "col" });
    button.addEventListener("click", () => {
      isAscending = place === sortColumn ? !isAscending : !isNumeric[place];
      sortColumn = place;
      arrange();
    });
    cell.append(button);
    head.append(cell);
  });
  if (hasPicker) head.append(make("td", ""));
  const compareRows = (one, other) => {
    const a = columns[sortColumn][one], b = columns[sortColumn][other];
    if (a === null || b === null) return (a === null) - (b === null); // missing values come last in both directions
    return (isAscending ? 1 : -1) * (typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  };
  const arrange = () => {
    const query = filter.value.trim().toLowerCase();
    rows = names.map((_, row) => row).filter((row) => String(names[row]).toLowerCase().includes(query));
    if (page.listing.order !== null || sortColumn || !isAscending) rows.sort(compareRows);
    firstRow = 0;
    [...head.children].forEach((cell, place) => {
      const isSorted = place === sortColumn;
      if (isSorted) cell.setAttribute("aria-sort", isAscending ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
      if (place < titles.length) cell.firstChild.textContent = titles[place] + (isSorted ? (isAscending ? " \u2191" : " \u2193") : "");
    });
    showRows();
  };
  const makeShowCell = (series) => {
    const cell = make("td", null);
    if (!series) return cell;
    const button = make("button", "Show", { type: "button", "aria-label": "Show the charts of " + series.name });
    button.addEventListener("click", () => {
      search.value = "";
      offerMatches("");
      choose(series);
      find(".picker").scrollIntoView();
      picker.focus({ preventScroll: true });
    });
    cell.append(button);
    return cell;
  };
  const showRows = () => {
    body.replaceChildren(...rows.slice(firstRow, firstRow + TABLE_ROWS).map((row) => {
      const line = make("tr", null);
      columns.forEach((column, place) => line.append(make(place ? "td" : "th", format(column[row]), place ? {} : { scope: "row" })));
      if (hasPicker) line.append(makeShowCell(seriesByName.get(String(names[row]))));
      return line;
    }));
    const last = Math.min(firstRow + TABLE_ROWS, rows.length);
    document.getElementById("range").textContent = rows.length ? `Rows ${formatCount(firstRow + 1)} to ${formatCount(last)} of ${formatCount(rows.length)}` : "No name matches";
    document.getElementById("previous-rows").disabled = firstRow === 0;
    document.getElementById("next-rows").disabled = last >= rows.length;
    find(".row-pages", listing).hidden = rows.length <= TABLE_ROWS;
  };
  document.getElementById("previous-rows").addEventListener("click", () => { firstRow -= TABLE_ROWS; showRows(); });
  document.getElementById("next-rows").addEventListener("click", () => { firstRow += TABLE_ROWS; showRows(); });
  filter.addEventListener("input", arrange);
  arrange();
}
