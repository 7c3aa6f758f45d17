// What the scripts of a page share: its data, and elements made of text nodes only, whatever the data holds.
const page = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const find = (selector, within = document) => within.querySelector(selector);
const ROWS = 20, NUMBERS = 500, MATCHES = 500;
const NEAR = "300px 0px"; // how far from the screen a chart is drawn
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
