  // The rows that are shown as a CSV file, cell by cell as at_risk.csv beside the page: BOM, CRLF, formulas defused.
  function csvCell(text) {
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function csvText(name, value) {
    if (value === null || value === "") return "";
    const kind = data.kinds[name];
    if (kind === "money") return value.toFixed(2);
    if (kind === "chance") return value.toFixed(6);
    if (kind !== "text") return String(value);
    const bare = value.replace(/^[ ']+/, "");
    return data.formulas.some((start) => bare.startsWith(start)) ? `'${value}` : value;
  }

  function csvOf(list) {
    const names = Object.keys(data.kinds);
    const line = (cells) => cells.map(csvCell).join(",") + "\r\n";
    return "\ufeff" + line(names) + list.map((row) => line(names.map((name) => csvText(name, row[name])))).join("");
  }

  function save(text, file) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

