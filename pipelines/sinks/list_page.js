"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const CHUNK = 100;
  const byId = (id) => document.getElementById(id);
  const search = byId("search"), segment = byId("segment"), order = byId("order"), body = byId("rows");
  const chips = [...document.querySelectorAll(".chip")];
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  const currency = (digits) => new Intl.NumberFormat("en", {
    style: "currency", currency: data.currency, minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
  const large = currency(0), small = currency(data.currency === "JPY" ? 0 : 2);
  const money = (value) => (Math.abs(value) >= 100 ? large : small).format(value);
  const percent = (share) => {
    const digits = (share > 0 && share < 0.02) || (share > 0.99 && share < 1) ? 1 : 0;
    return `${(share * 100).toFixed(digits)}%`;
  };
  const cssName = (tier) => tier.replaceAll(" ", "-");

  const COLUMNS = [
    { key: "rank", label: "Place", css: "rank num", sort: (a, b) => a.rank - b.rank, first: 1 },
    { key: "id", label: "Customer", css: "customer", sort: (a, b) => collator.compare(a.id, b.id), first: 1 },
    { key: "risk", label: "Risk of leaving", css: "risk", sort: (a, b) => a.risk - b.risk, first: -1 },
    { key: "value", label: "Money at risk", css: "money num", sort: (a, b) => a.value - b.value, first: -1, money: true },
    { key: "segment", label: "Kind of customer", css: "segment", sort: (a, b) => collator.compare(a.segment, b.segment), first: 1 },
    { key: "reason", label: "What stands out", css: "reason" },
  ].filter((column) => data.money || !column.money);

  const rows = data.rows.map((cells) => {
    const row = Object.fromEntries(data.fields.map((name, place) => [name, cells[place]]));
    row.reasons = [row.reason_1, row.reason_2, row.reason_3].filter(Boolean);
    row.text = [row.id, row.segment, row.tier, ...row.reasons].join("\n").toLowerCase();
    return row;
  });

  let shown = rows, drawn = 0;
  const sorting = { key: "rank", direction: 1 };

  function make(tag, css, text) {
    const node = document.createElement(tag);
    if (css) node.className = css;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function customerCell(row, number) {
    const cell = make("td", "customer"), toggle = make("button", "toggle", row.id);
    toggle.type = "button";
    toggle.setAttribute("aria-expanded", "false");
    toggle.setAttribute("aria-controls", `detail-${number}`);
    cell.append(toggle, make("span", "sub", row.reasons[0] || ""));
    return cell;
  }

  function riskCell(row) {
    const cell = make("td", "risk"), line = make("span", "risk-line");
    line.append(make("b", "", percent(row.risk)), make("span", `tier tier-${cssName(row.tier)}`, row.tier));
    cell.append(line);
    return cell;
  }

  function reasonCell(row) {
    const cell = make("td", "reason");
    if (!row.reasons.length) cell.append(make("span", "none", "Many small signs together"));
    row.reasons.forEach((reason, place) => cell.append(make("span", place ? "also" : "", reason)));
    return cell;
  }

  const CELLS = {
    rank: (row) => make("td", "rank num", whole.format(row.rank)),
    id: (row) => customerCell(row, row.rank),
    risk: riskCell,
    value: (row) => make("td", "money num", money(row.value)),
    segment: (row) => make("td", "segment", row.segment),
    reason: reasonCell,
  };

  function meter(row) {
    const bar = make("div", "meter"), fill = make("i", `fill-${cssName(row.tier)}`), mark = make("u");
    fill.style.width = `${row.risk * 100}%`;
    mark.style.left = `${data.base_rate * 100}%`;
    bar.setAttribute("aria-hidden", "true");
    bar.append(fill, mark);
    return bar;
  }

  function facts(row) {
    const list = make("dl");
    const add = (name, value) => list.append(make("dt", "", name), make("dd", "", value));
    if (data.money) {
      add(`Expected in ${data.horizon} if they stay`, money(row.expected));
      add("Money at risk", money(row.value));
    }
    add("Kind of customer", row.segment);
    data.others.forEach((name) => row[name] !== null && add(`Risk by ${name.replaceAll("_", " ")}`, percent(row[name])));
    return list;
  }

  function detailRow(row) {
    const line = make("tr", "detail"), cell = make("td"), layout = make("div", "detail-body");
    line.id = `detail-${row.rank}`;
    cell.colSpan = COLUMNS.length;
    const left = make("div"), right = make("div"), reasons = make("ol");
    left.append(make("h3", "", "What stands out"));
    row.reasons.forEach((reason) => reasons.append(make("li", "", reason)));
    left.append(row.reasons.length ? reasons : make("p", "none", "No single number stands out. Many small signs add up."));
    const times = row.risk / data.base_rate;
    right.append(make("h3", "", "Risk of leaving"), meter(row));
    right.append(make("p", "meter-words", `${percent(row.risk)}: ${times.toFixed(1)} times the average of ${percent(data.base_rate)} (the mark)`));
    right.append(facts(row));
    layout.append(left, right);
    cell.append(layout);
    line.append(cell);
    return line;
  }

  function draw(upTo) {
    const part = document.createDocumentFragment();
    for (; drawn < Math.min(upTo, shown.length); drawn += 1) {
      const row = shown[drawn], line = make("tr", "row");
      line.dataset.at = drawn;
      COLUMNS.forEach((column) => line.append(CELLS[column.key](row)));
      part.append(line);
    }
    body.append(part);
    byId("more").hidden = drawn >= shown.length;
  }

  function refresh() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const tiers = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.tier));
    shown = rows.filter((row) =>
      (!tiers.size || tiers.has(row.tier)) && (!segment.value || row.segment === segment.value) && words.every((word) => row.text.includes(word)));
    const column = COLUMNS.find((one) => one.key === sorting.key);
    shown.sort((a, b) => sorting.direction * column.sort(a, b) || a.rank - b.rank);
    body.replaceChildren();
    drawn = 0;
    draw(CHUNK);
    const total = shown.reduce((sum, row) => sum + (row.value || 0), 0);
    const which = shown.length === rows.length ? `All ${whole.format(rows.length)} customers` : `${whole.format(shown.length)} of ${whole.format(rows.length)} customers`;
    byId("status").textContent = which + (data.money ? `, ${money(total)} at risk` : "");
    byId("empty").hidden = shown.length > 0;
    byId("table").hidden = shown.length === 0;
  }

  function sortBy(key, direction) {
    sorting.key = key;
    sorting.direction = direction;
    document.querySelectorAll("#head th").forEach((cell) => {
      if (cell.dataset.key === key) cell.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    });
    order.value = key;
    refresh();
  }

  function toggle(line) {
    const button = line.querySelector(".toggle"), open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    line.classList.toggle("open", !open);
    if (open) line.nextElementSibling.remove();
    else line.after(detailRow(shown[Number(line.dataset.at)]));
  }

  COLUMNS.forEach((column) => {
    const cell = make("th", column.css), label = make(column.sort ? "button" : "span", column.sort ? "sort" : "", column.label);
    cell.scope = "col";
    cell.dataset.key = column.key;
    if (column.sort) {
      label.type = "button";
      label.addEventListener("click", () => sortBy(column.key, sorting.key === column.key ? -sorting.direction : column.first));
      order.append(new Option(column.label, column.key));
    }
    cell.append(label);
    byId("head").append(cell);
  });
  [...new Set(rows.map((row) => row.segment))].sort(collator.compare).forEach((name) => segment.append(new Option(name, name)));

  search.addEventListener("input", refresh);
  segment.addEventListener("change", refresh);
  order.addEventListener("change", () => sortBy(order.value, COLUMNS.find((column) => column.key === order.value).first));
  chips.forEach((chip) => chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    refresh();
  }));
  body.addEventListener("click", (event) => {
    const line = event.target.closest("tr.row");
    if (line && (event.target.closest(".toggle") || !String(getSelection()))) toggle(line);
  });
  byId("clear").addEventListener("click", () => {
    search.value = segment.value = "";
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "false"));
    refresh();
    search.focus();
  });
  byId("more").addEventListener("click", () => draw(drawn + CHUNK));
  new IntersectionObserver((seen) => seen[0].isIntersecting && draw(drawn + CHUNK), { rootMargin: "600px" }).observe(byId("more"));
  addEventListener("beforeprint", () => draw(shown.length));
  sortBy("rank", 1);
})();
