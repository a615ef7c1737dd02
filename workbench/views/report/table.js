// Sorts, filters and pages the episode table. Without JavaScript the table simply shows every row.
(() => {
  const table = document.getElementById("episodes");
  if (!table) return;
  const body = table.tBodies[0], size = 25;
  const all = Array.from(body.rows);
  const status = document.getElementById("page-status");
  const [previous, next] = ["previous", "next"].map((id) => document.getElementById(id));
  let rows = all, page = 0, outcome = "all", words = "";
  const show = () => {
    const last = Math.max(0, Math.ceil(rows.length / size) - 1);
    page = Math.min(Math.max(page, 0), last);
    body.replaceChildren(...rows.slice(page * size, (page + 1) * size));
    status.textContent = rows.length
      ? `${page * size + 1}–${Math.min(rows.length, (page + 1) * size)} of ${rows.length}` : "none";
    previous.disabled = page === 0;
    next.disabled = page === last;
  };
  const select = () => {
    rows = all.filter((row) => (outcome === "all" || row.dataset.outcome === outcome) &&
      (row.textContent + row.dataset.factors).toLowerCase().includes(words));
    page = 0;
    show();
  };
  const value = (row, column, numeric) => {
    const text = row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
    return numeric ? (text === "" ? NaN : Number(text)) : text;
  };
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th[data-kind]");
    if (!head) return;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numeric = head.dataset.kind === "number", sign = down ? -1 : 1, column = head.cellIndex;
    all.sort((a, b) => {
      const x = value(a, column, numeric), y = value(b, column, numeric);
      if (numeric && (isNaN(x) || isNaN(y))) return isNaN(x) - isNaN(y); // what is missing comes last either way
      return sign * (numeric ? x - y : x.localeCompare(y));
    });
    select();
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr.openable");
    if (!row || event.target.closest("a")) return;
    if (row.nextSibling && row.nextSibling.className === "factors") return row.nextSibling.remove();
    const opened = document.createElement("tr"), cell = opened.insertCell(), text = document.createElement("pre");
    opened.className = "factors";
    cell.colSpan = row.cells.length;
    text.textContent = row.dataset.factors;
    cell.append(text);
    row.after(opened);
  });
  for (const button of document.querySelectorAll("button[data-outcome]")) {
    button.addEventListener("click", () => {
      outcome = button.dataset.outcome;
      for (const other of document.querySelectorAll("button[data-outcome]"))
        other.setAttribute("aria-pressed", other === button);
      select();
    });
  }
  document.getElementById("search").addEventListener("input", (event) => {
    words = event.target.value.toLowerCase();
    select();
  });
  previous.addEventListener("click", () => { page -= 1; show(); });
  next.addEventListener("click", () => { page += 1; show(); });
  document.getElementById("controls").hidden = false;
  show();
})();
