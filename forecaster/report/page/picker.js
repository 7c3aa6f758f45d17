// The picker, with which the reader chooses the series that the charts show.

const picker = document.getElementById("choose"), search = document.getElementById("search");
const choose = (series) => {
  if (!series || series === current) return;
  current = series;
  if (picker) picker.value = String(page.series.indexOf(series));
  page.charts.filter((chart) => !chart.columns).forEach(refresh);
  updateStepButtons();
};
const updateStepButtons = () => {
  if (!picker) return;
  document.getElementById("previous").disabled = picker.selectedIndex <= 0;
  document.getElementById("next").disabled = picker.selectedIndex >= picker.length - 1;
};
const describeMatches = (query, count) => {
  if (!query) return picker.dataset.note || "";
  const text = `${formatCount(count)} of the ${formatCount(page.series.length)} series with charts match`;
  return count ? text : `${text}; look in the table of all series`;
};
const offerMatches = (text) => {
  const query = text.trim().toLowerCase();
  const matches = page.series.filter((series) => series.name.toLowerCase().includes(query));
  const groups = new Map();
  matches.slice(0, MAX_OPTIONS).forEach((series) => groups.set(series.group, [...(groups.get(series.group) || []), series]));
  picker.replaceChildren(...[...groups].flatMap(([label, members]) => {
    const options = members.map((series) => make("option", series.name, { value: String(page.series.indexOf(series)) }));
    if (!label) return options;
    const group = make("optgroup", null, { label });
    group.append(...options);
    return [group];
  }));
  picker.value = String(page.series.indexOf(current));
  document.getElementById("matches").textContent = describeMatches(query, matches.length);
  updateStepButtons();
  return matches;
};
if (picker) {
  picker.addEventListener("change", () => choose(page.series[Number(picker.value)]));
  search.addEventListener("input", () => {
    const matches = offerMatches(search.value);
    if (search.value.trim() && matches.length && !matches.includes(current)) choose(matches[0]);
  });
  search.addEventListener("keydown", (event) => { if (event.key === "Enter") picker.focus(); });
  for (const [id, step] of [["previous", -1], ["next", 1]]) {
    document.getElementById(id).addEventListener("click", () => {
      picker.selectedIndex = Math.min(Math.max(picker.selectedIndex + step, 0), picker.length - 1);
      choose(page.series[Number(picker.value)]);
    });
  }
  offerMatches("");
}

startDrawing();
