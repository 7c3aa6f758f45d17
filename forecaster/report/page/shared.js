// Shared by the other scripts: the data of the page, and helpers that insert the data's text as text, never as markup.

const page = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const find = (selector, within = document) => within.querySelector(selector);
const TABLE_ROWS = 20; // rows of the table of all series that are shown at a time
const MAX_NUMBER_ROWS = 500; // rows of a chart's table of numbers
const MAX_OPTIONS = 500; // series that the picker offers at a time
const DRAWING_MARGIN = "300px 0px"; // a chart is drawn when it comes this close to the screen
const PRINT_WIDTH = 680, PRINT_HEIGHT = 250; // px; the width is that of a sheet between its margins
const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const coarsePointer = matchMedia("(pointer: coarse)");
let current = page.series[0] || null; // the chosen series

const make = (tag, text, attributes = {}) => {
  const element = document.createElement(tag);
  if (text !== null) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const formatCount = (count) => count.toLocaleString("en");
const format = (value) => value === null || value === undefined ? "-" : typeof value === "number" ? number.format(value) : String(value);
