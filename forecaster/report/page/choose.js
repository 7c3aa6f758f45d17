// Lets a reader choose a series.

const choose = document.getElementById("choose"), search = document.getElementById("find");
const pick = (each) => {
  if (!each || each === current) return;
  current = each;
  if (choose) choose.value = String(page.series.indexOf(each));
  page.charts.filter((chart) => !chart.columns).forEach(renew);
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

begin();
