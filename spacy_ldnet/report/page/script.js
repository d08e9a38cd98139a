"use strict";
// Charts: each specification stands beside its place.
const drawn = [];
for (const spec of document.querySelectorAll("script.spec")) {
  const place = spec.parentElement.querySelector(".chart");
  drawn.push(vegaEmbed(place, JSON.parse(spec.textContent), { renderer: "svg", actions: false }));
}
Promise.all(drawn).then(() => document.documentElement.setAttribute("data-drawn", drawn.length));

// Tables: a click on a header sorts, a second one turns the order round.
function compare(one, two) {
  if (one === "" || two === "") return (one === "") - (two === "");
  const both = [Number(one), Number(two)];
  return both.some(Number.isNaN) ? one.localeCompare(two) : both[0] - both[1];
}
function sortBy(header) {
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of header.parentElement.children) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = header.closest("table").tBodies[0];
  const value = (row) => row.cells[header.cellIndex].dataset.value;
  const rows = [...body.rows].sort((a, b) => {
    // What has no value stays last in both orders.
    const known = value(a) !== "" && value(b) !== "";
    return known && down ? compare(value(b), value(a)) : compare(value(a), value(b));
  });
  body.append(...rows);
}
for (const button of document.querySelectorAll("table.sortable thead button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}
