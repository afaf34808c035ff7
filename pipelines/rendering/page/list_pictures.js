  // What the list is, in words and numbers of its language; and the pictures that follow what is shown.
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const locale = data.language === "en" ? "en-GB" : data.language;
  const collator = new Intl.Collator(data.language, { numeric: true, sensitivity: "base" });
  const whole = new Intl.NumberFormat(data.language, { maximumFractionDigits: 0 });
  const currency = (digits) => new Intl.NumberFormat(data.language, {
    style: "currency", currency: data.currency, currencyDisplay: "narrowSymbol",
    minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
  const large = currency(0), small = currency(data.currency === "JPY" ? 0 : 2);
  const dayFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
  const shortDay = (iso) => dayFormat.format(instant(iso)).replaceAll(" ", "\u00a0");
  const monthFormat = new Intl.DateTimeFormat(locale, { month: "short", timeZone: "UTC" });

  const say = (key, values = {}) => data.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const label = (token) => data.labels[token] || token || "";
  const meaning = (segment) => data.meanings[segment] || "";
  const money = (value) => (value === null ? "" : (Math.abs(value) >= 100 ? large : small).format(value));
  const percent = (share) => {
    const digits = (share > 0 && share < 0.02) || (share > 0.99 && share < 1) ? 1 : 0;
    return `${(share * 100).toFixed(digits)}%`;
  };
  const countOf = (number, one, many) => say(number === 1 ? one : many, { n: whole.format(number) });
  const customersOf = (number) => countOf(number, "customers_one", "customers");
  const instant = (iso) => Date.parse(`${iso}T00:00:00Z`);
  const cssName = (tier) => tier.replaceAll(" ", "-");
  const DAY = 86400000;

  function make(tag, css, text) {
    const node = document.createElement(tag);
    if (css) node.className = css;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function shape(tag, attributes, text) {
    const node = document.createElementNS(document.querySelector("svg").namespaceURI, tag);
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    if (text !== undefined) node.textContent = text;
    return node;
  }

  const PLOT = { left: 44, top: 10, width: 466, height: 262 };
  const TIERS = ["low", "medium", "high", "very high"];
  const scatter = byId("scatter");

  // Money is drawn by its square root, or the many small sums would lie upon each other.
  function scatterScales(rows) {
    const most = Math.max(1, ...rows.map((row) => row.expected_value || 0));
    const highest = Math.max(0.1, ...rows.map((row) => row.churn_probability));
    const ceiling = Math.min(1, Math.ceil(highest * 10) / 10);
    return {
      most, ceiling,
      x: (value) => PLOT.left + PLOT.width * Math.sqrt(Math.max(0, value) / most),
      y: (risk) => PLOT.top + PLOT.height * (1 - risk / ceiling),
    };
  }

  function nice(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return [5, 2, 1].map((one) => one * power).find((one) => one <= value * 1.0001);
  }

  function drawFrame(scales) {
    const step = scales.ceiling > 0.5 ? 0.2 : 0.1;
    for (let risk = 0; risk <= scales.ceiling + 1e-9; risk += step) {
      const y = scales.y(risk);
      scatter.append(shape("line", { class: "grid", x1: PLOT.left, x2: PLOT.left + PLOT.width, y1: y, y2: y }));
      scatter.append(shape("text", { class: "end", x: PLOT.left - 6, y, dy: "0.32em" }, percent(risk)));
    }
    const bottom = PLOT.top + PLOT.height + 16;
    const ticks = [...new Set([1, 0.5, 0.2, 0.05].map((share) => nice(scales.most * share)))];
    ticks.forEach((value) => scatter.append(shape("text", { class: "centre", x: scales.x(value), y: bottom }, large.format(value))));
    scatter.append(shape("text", { class: "centre", x: PLOT.left + PLOT.width / 2, y: bottom + 20 }, say("scatter_across")));
  }

  function dots(rows, scales) {
    return rows.map((row) => `M${scales.x(row.expected_value).toFixed(1)} ${scales.y(row.churn_probability).toFixed(1)}h0`).join("");
  }

  let scales;
  function drawScatter(rows, shown) {
    if (!scatter) return;
    scales = scales || scatterScales(rows);
    scatter.replaceChildren();
    drawFrame(scales);
    if (shown.length < rows.length) scatter.append(shape("path", { class: "dots faint", d: dots(rows, scales) }));
    TIERS.forEach((tier) => {
      const some = shown.filter((row) => row.risk_tier === tier);
      if (some.length) scatter.append(shape("path", { class: `dots line-${cssName(tier)}`, d: dots(some, scales) }));
    });
    const told = say("scatter", { shown: customersOf(shown.length) });
    scatter.setAttribute("aria-label", told);
    byId("scatter-told").textContent = told;
  }

  // The customer whose dot lies nearest to a place of the picture, within a finger's width.
  function nearest(event, shown) {
    const box = scatter.getBoundingClientRect(), zoom = 520 / box.width;
    const x = (event.clientX - box.left) * zoom, y = (event.clientY - box.top) * zoom;
    const away = (row) => (scales.x(row.expected_value) - x) ** 2 + (scales.y(row.churn_probability) - y) ** 2;
    const best = shown.reduce((one, row) => (!one || away(row) < away(one) ? row : one), null);
    return best && away(best) < 14 ** 2 ? best : null;
  }

  function point(row) {
    scatter.querySelectorAll(".pointed").forEach((node) => node.remove());
    scatter.style.cursor = row ? "pointer" : "";
    if (!row) return;
    const x = scales.x(row.expected_value), y = scales.y(row.churn_probability), left = x > PLOT.left + PLOT.width / 2;
    const group = shape("g", { class: "pointed" });
    group.append(shape("circle", { class: "ring", cx: x, cy: y, r: 6 }));
    const words = say("dot", { customer: row.name || row.customer_id, risk: percent(row.churn_probability), money: money(row.expected_value) });
    group.append(shape("text", { class: left ? "end halo" : "halo", x: x + (left ? -11 : 11), y: y + 4 }, words));
    scatter.append(group);
  }

  // A customer's weeks as bars, with the first week of each month marked below.
  function timeline(row) {
    const counts = [...row.timeline].map((digit) => parseInt(digit, 36));
    if (!counts.length) return null;
    const wide = 9, high = 44, most = Math.max(3, ...counts), end = instant(data.as_of);
    const active = counts.filter(Boolean).length, total = counts.reduce((sum, one) => sum + one, 0);
    const silent = counts.length - 1 - counts.findLastIndex((one) => one > 0);
    const weeksOf = (number) => countOf(number, "weeks_one", "weeks");
    const inAll = whole.format(total) + (row.timeline.includes("z") ? "+" : "");
    const told = total
      ? `${say("timeline_told", { n: inAll, weeks: weeksOf(active) })} ${silent ? say("timeline_silent", { weeks: weeksOf(silent) }) : say("timeline_lately")}`
      : say("timeline_none", { weeks: whole.format(counts.length) });
    const title = say("timeline", { doing: data.words.doing, weeks: whole.format(counts.length) });
    const picture = shape("svg", { class: "timeline", viewBox: `0 0 ${counts.length * wide} 62`, role: "img", "aria-label": `${title}. ${told}` });
    counts.forEach((count, place) => {
      const tall = count ? Math.max(4, (high * count) / most) : 1.5, start = end - (counts.length - place) * 7 * DAY;
      picture.append(shape("rect", { class: count ? "ink" : "ground", x: place * wide + 1, y: high - tall, width: wide - 2, height: tall, rx: 1 }));
      const month = new Date(start).getUTCMonth();
      if (place && month % 2 === 0 && month !== new Date(start - 7 * DAY).getUTCMonth() && place < counts.length - 2) {
        picture.append(shape("text", { x: place * wide, y: 58 }, monthFormat.format(start)));
      }
    });
    const part = make("div", "weeks");
    part.append(make("h3", "", title), picture, make("p", "weeks-told", told));
    return part;
  }

