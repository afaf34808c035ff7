  // The table: search, filter, sort, open a row, save what is shown.
  const CHUNK = 100;
  const search = byId("search"), order = byId("order"), body = byId("rows");
  const chips = [...document.querySelectorAll(".chip")];
  const choices = [...document.querySelectorAll("select[data-field]")];
  const since = byId("since") || new Option(), amount = byId("amount") || document.createElement("select");

  const rows = data.rows.map((cells) => {
    const row = {};
    data.fields.forEach((name, place) => { row[name] = name in data.lists ? data.lists[name][cells[place]] : cells[place]; });
    row.timeline = row.timeline || "";
    row.reasons = [row.reason_1, row.reason_2, row.reason_3].filter(Boolean);
    const texts = [row.customer_id, row.name, row.email, row.phone, label(row.segment), label(row.risk_tier), row.change, label(row.action), label(row.owner), label(row.channel)];
    row.text = [...texts, ...row.reasons].filter(Boolean).join("\n").toLowerCase();
    return row;
  });
  const has = (field) => rows.some((row) => row[field] !== undefined && row[field] !== null && row[field] !== "");
  const known = Object.fromEntries(["expected_net_value", "action", "name", "change"].map((field) => [field, has(field)]));

  const number = (field) => (a, b) => (a[field] === null) - (b[field] === null) || a[field] - b[field];
  const words = (field) => (a, b) => (a[field] === "") - (b[field] === "") || collator.compare(label(a[field]), label(b[field]));
  const COLUMNS = [
    { key: "rank", label: say("place"), css: "rank num", sort: number("rank"), first: 1 },
    { key: "customer", label: say("customer"), css: "customer", sort: words(known.name ? "name" : "customer_id"), first: 1 },
    { key: "risk", label: say("risk"), css: "risk", sort: number("churn_probability"), first: -1 },
    { key: "value", label: say("money"), css: "money num", sort: number("value_at_risk"), first: -1, absent: !data.money },
    { key: "net", label: say("net"), css: "net num", sort: number("expected_net_value"), first: -1, absent: !known.expected_net_value },
    { key: "segment", label: say("kind"), css: "segment", sort: words("segment"), first: 1 },
    { key: "reason", label: say("why"), css: "reason", sort: words("reason_1"), first: 1 },
    { key: "action", label: say("todo"), css: "action", sort: words("action"), first: 1, absent: !known.action },
  ].filter((column) => !column.absent);

  let shown = rows, drawn = 0;
  const sorting = { key: "rank", direction: 1 };

  function customerCell(row) {
    const cell = make("td", "customer"), toggle = make("button", "toggle", row.name || row.customer_id);
    toggle.type = "button";
    toggle.setAttribute("aria-expanded", "false");
    toggle.setAttribute("aria-controls", `detail-${row.rank}`);
    cell.append(toggle);
    if (row.name) cell.append(make("span", "id", row.customer_id));
    cell.append(make("span", "sub", [row.reasons[0], label(row.action)].filter(Boolean).join(". ")));
    return cell;
  }

  function riskCell(row) {
    const cell = make("td", "risk"), line = make("span", "risk-line");
    line.append(make("b", "", percent(row.churn_probability)), make("span", `tier tier-${cssName(row.risk_tier)}`, label(row.risk_tier)));
    cell.append(line);
    return cell;
  }

  function reasonCell(row) {
    const cell = make("td", "reason");
    if (!row.reasons.length) cell.append(make("span", "none", say("small_signs")));
    row.reasons.forEach((reason, place) => cell.append(make("span", place ? "also" : "", reason)));
    if (row.change) cell.append(make("span", "change", row.change));
    return cell;
  }

  function actionCell(row) {
    const cell = make("td", "action");
    cell.append(make("span", "what", label(row.action)));
    const how = [];
    if (row.channel) how.push(say("by", { channel: label(row.channel) }));
    if (row.owner) how.push(say("for", { owner: label(row.owner) }));
    if (row.send_by) how.push(say("until", { day: shortDay(row.send_by) }));
    cell.append(make("span", "how", how.join(", ")));
    return cell;
  }

  const CELLS = {
    rank: (row) => make("td", "rank num", whole.format(row.rank)),
    customer: customerCell,
    risk: riskCell,
    value: (row) => make("td", "money num", money(row.value_at_risk)),
    net: (row) => make("td", "net num", money(row.expected_net_value)),
    segment: (row) => Object.assign(make("td", "segment", label(row.segment)), { title: meaning(row.segment) }),
    reason: reasonCell,
    action: actionCell,
  };

  function meter(row) {
    const bar = make("div", "meter"), fill = make("i", `fill-${cssName(row.risk_tier)}`), mark = make("u");
    fill.style.width = `${row.churn_probability * 100}%`;
    mark.style.left = `${data.base_rate * 100}%`;
    bar.setAttribute("aria-hidden", "true");
    bar.append(fill, mark);
    return bar;
  }

  function facts(row) {
    const list = make("dl");
    const add = (name, value) => value && list.append(make("dt", "", name), make("dd", "", value));
    if (data.money) {
      add(say("expected", { horizon: data.horizon }), money(row.expected_value));
      add(say("money"), money(row.value_at_risk));
    }
    if (known.expected_net_value) add(say("net"), money(row.expected_net_value));
    add(say("kind"), [label(row.segment), meaning(row.segment)].filter(Boolean).join(": "));
    add(say("todo"), label(row.action));
    add(say("channel"), label(row.channel));
    add(say("owner"), label(row.owner));
    add(say("send_by"), row.send_by && shortDay(row.send_by));
    ["email", "phone"].forEach((field) => add(say(field), row[field]));
    data.others.forEach((name) => {
      const risk = row[`churn_probability_${name}`];
      if (risk !== null) add(say("risk_other", { definition: name.replaceAll("_", " ") }), percent(risk));
    });
    return list;
  }

  function detailRow(row) {
    const line = make("tr", "detail"), cell = make("td"), layout = make("div", "detail-body");
    line.id = `detail-${row.rank}`;
    cell.colSpan = COLUMNS.length;
    const left = make("div"), right = make("div"), reasons = make("ol");
    left.append(make("h3", "", say("why")));
    row.reasons.forEach((reason) => reasons.append(make("li", "", reason)));
    left.append(row.reasons.length ? reasons : make("p", "none", say("no_reason")));
    if (row.change) left.append(make("h3", "", say("change")), make("p", "", row.change));
    const weeks = timeline(row);
    if (weeks) left.append(weeks);
    const times = (row.churn_probability / data.base_rate).toFixed(1);
    right.append(make("h3", "", say("risk")), meter(row));
    right.append(make("p", "meter-words", say("risk_words", { risk: percent(row.churn_probability), times, average: percent(data.base_rate) })));
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
    const left = shown.length - drawn;
    byId("more").hidden = left === 0;
    byId("more").textContent = say("more", { n: whole.format(Math.min(CHUNK, left)) });
  }

  function kept(row, words, tiers) {
    return (!tiers.size || tiers.has(row.risk_tier))
      && (since.value !== "new" || row.is_new === 1)
      && (!amount.value || (row.value_at_risk || 0) >= Number(amount.value))
      && choices.every((choice) => !choice.value || row[choice.dataset.field] === choice.value)
      && words.every((word) => row.text.includes(word));
  }

  function refresh() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const tiers = new Set(chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.tier));
    const column = COLUMNS.find((one) => one.key === sorting.key);
    shown = since.value === "left" ? [] : rows.filter((row) => kept(row, words, tiers));
    shown.sort((a, b) => sorting.direction * column.sort(a, b) || a.rank - b.rank);
    body.replaceChildren();
    drawn = 0;
    draw(CHUNK);
    tell();
    if (scatter) requestAnimationFrame(() => drawScatter(rows, shown));
  }

  // Who was on the last list and is not on this one; only their ids are known here.
  function gone() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return data.left.filter((customer) => words.every((word) => customer.toLowerCase().includes(word)));
  }

  // Round amounts near those that a half, a quarter and a tenth of the list reach.
  function steps() {
    const amounts = rows.map((row) => row.value_at_risk || 0).sort((a, b) => b - a);
    const round = (value) => { const unit = 10 ** Math.floor(Math.log10(value)); return Math.floor(value / unit) * unit; };
    const found = [0.5, 0.25, 0.1].map((share) => amounts[Math.floor(share * amounts.length)]).filter((value) => value > 0);
    return [...new Set(found.map(round))];
  }

  function tell() {
    const total = shown.reduce((sum, row) => sum + (row.value_at_risk || 0), 0), everyone = customersOf(rows.length);
    const which = shown.length === rows.length ? say("all", { customers: everyone }) : say("some", { shown: whole.format(shown.length), customers: everyone });
    byId("status").textContent = data.money ? say("with_money", { which, money: money(total) }) : which;
    const left = since.value === "left" ? gone() : [];
    byId("left").replaceChildren(...left.map((customer) => make("li", "", customer)));
    byId("left").hidden = since.value !== "left";
    if (since.value === "left") byId("status").textContent = say("left", { customers: customersOf(left.length) });
    byId("empty").hidden = shown.length > 0 || left.length > 0;
    byId("table").hidden = byId("download").hidden = shown.length === 0;
  }

  function sortBy(key, direction) {
    sorting.key = key;
    sorting.direction = direction;
    document.querySelectorAll("#head th").forEach((cell) => {
      cell.setAttribute("aria-sort", cell.dataset.key !== key ? "none" : direction > 0 ? "ascending" : "descending");
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

  // Opens a customer wherever they are in what is shown, and brings them into view.
  function show(row) {
    const at = shown.indexOf(row);
    if (at >= drawn) draw(Math.ceil((at + 1) / CHUNK) * CHUNK);
    const line = body.querySelector(`tr.row[data-at="${at}"]`), button = line.querySelector(".toggle");
    if (button.getAttribute("aria-expanded") === "false") toggle(line);
    line.scrollIntoView({ block: "center" });
    button.focus({ preventScroll: true });
  }

  function step(event) {
    if (!["ArrowDown", "ArrowUp"].includes(event.key) || !event.target.matches(".toggle")) return;
    const all = [...body.querySelectorAll(".toggle")];
    const next = all[all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) next.focus();
    event.preventDefault();
  }

  function clear() {
    search.value = "";
    [...choices, since, amount].forEach((choice) => { choice.value = ""; });
    chips.forEach((chip) => chip.setAttribute("aria-pressed", "false"));
    refresh();
    search.focus();
  }

  function download() {
    const file = `at_risk_${data.as_of}${shown.length < rows.length ? "_part" : ""}.csv`;
    save(csvOf(shown), file);
    byId("status").textContent = say("downloaded", { customers: customersOf(shown.length), file });
  }

  COLUMNS.forEach((column) => {
    const cell = make("th", column.css), button = make("button", "sort", column.label);
    cell.scope = "col";
    cell.dataset.key = column.key;
    cell.dataset.label = column.label;
    button.type = "button";
    button.addEventListener("click", () => sortBy(column.key, sorting.key === column.key ? -sorting.direction : column.first));
    order.append(new Option(column.label, column.key));
    cell.append(button);
    byId("head").append(cell);
  });
  choices.forEach((choice) => {
    const found = [...new Set(rows.map((row) => row[choice.dataset.field]).filter(Boolean))];
    found.sort((a, b) => collator.compare(label(a), label(b))).forEach((one) => choice.append(new Option(label(one), one)));
    choice.parentElement.hidden = !found.length;
    choice.addEventListener("change", refresh);
  });
  if (data.money) {
    steps().forEach((low) => amount.append(new Option(say("and_more", { low: money(low) }), low)));
    amount.parentElement.hidden = amount.options.length < 2;
  }
  [since, amount].forEach((choice) => choice.addEventListener("change", refresh));
  search.addEventListener("input", refresh);
  order.addEventListener("change", () => sortBy(order.value, COLUMNS.find((column) => column.key === order.value).first));
  chips.forEach((chip) => chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    refresh();
  }));
  body.addEventListener("click", (event) => {
    const line = event.target.closest("tr.row");
    if (line && (event.target.closest(".toggle") || !String(getSelection()))) toggle(line);
  });
  body.addEventListener("keydown", step);
  byId("clear").addEventListener("click", clear);
  byId("download").addEventListener("click", download);
  byId("more").addEventListener("click", () => {
    const next = drawn;
    draw(drawn + CHUNK);
    body.querySelector(`tr.row[data-at="${next}"] .toggle`).focus();
  });
  if (scatter) {
    scatter.addEventListener("pointermove", (event) => point(nearest(event, shown)));
    scatter.addEventListener("pointerleave", () => point(null));
    scatter.addEventListener("click", (event) => { const row = nearest(event, shown); if (row) show(row); });
  }
  addEventListener("beforeprint", () => { byId("pictures").open = true; draw(shown.length); });
  if (innerWidth < 680) byId("pictures").open = false;
  const age = Math.floor((Date.now() - new Date(`${data.as_of}T00:00:00`).getTime()) / DAY);
  if (age > 7) {
    byId("old").textContent = say("old", { days: whole.format(age) });
    byId("old").hidden = false;
  }
  sortBy("rank", 1);
