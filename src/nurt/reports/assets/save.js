// Saving a figure: its drawing by plotly, its numbers from the data it is drawn from. What stands in a row and under
// which heading is what the function figure_csv of nurt.reports writes.

const GRIDS = new Set(["heatmap", "contour", "surface"]);

// Text without the tags and entities that plotly reads in every label; indices and powers keep a sign.
function plainText(text) {
  const holder = document.createElement("template");
  holder.innerHTML = String(text).replace(/<sub>/g, "_").replace(/<sup>/g, "^").replace(/<br\s*\/?>/g, " ");
  return holder.content.textContent.replace(/[\t\r\n]+/g, " ").trim();
}

function cellText(value) {
  if (value === null || value === undefined) {
    return "";
  }
  if (typeof value === "number") {
    return Number.isFinite(value) ? String(value) : "";
  }
  return guarded(plainText(value));
}

// A spreadsheet takes these for the beginning of a formula.
function guarded(text) {
  return /^[=+\-@]/.test(text) ? `'${text}` : text;
}

function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function axisTitle(trace, layout, axis) {
  const spatial = trace.type === "surface" || trace.type === "scatter3d";
  let found;
  if (spatial) {
    found = layout[trace.scene || "scene"]?.[`${axis}axis`]?.title?.text;
  } else if (axis !== "z") {
    found = layout[`${axis}axis${(trace[`${axis}axis`] || axis).slice(1)}`]?.title?.text;
  }
  if (axis === "z" && !found) {
    found = trace.colorbar?.title?.text;
  }
  return plainText(found || "");
}

// Values where logarithms are drawn.
function valueOf(place, scale) {
  if (scale === undefined || place === null) {
    return place;
  }
  return scale === "log10" ? 10 ** place : Math.sign(place) * scale * (10 ** Math.abs(place) - 1);
}

// In single precision, digits after the seventh tell nothing.
function valuesOf(places, scale) {
  const single = places instanceof Float32Array;
  return Array.from(places, (place) => {
    const value = valueOf(place, scale);
    return single && Number.isFinite(value) ? Number(value.toPrecision(7)) : value;
  });
}

function pointColumns(trace, scales) {
  const given = new Map();
  for (const axis of ["x", "y", "z"]) {
    if (trace[axis]) {
      given.set(axis, valuesOf(trace[axis], scales[axis]));
    }
  }
  // Points without a partner are not drawn.
  const count = given.size ? Math.min(...Array.from(given.values(), (values) => values.length)) : 0;
  const columns = new Map();
  for (const axis of count ? ["x", "y", "z"] : []) {
    if (given.has(axis)) {
      columns.set(axis, given.get(axis).slice(0, count));
    } else if (axis !== "z") {
      const [start, step] = [trace[`${axis}0`] ?? 0, trace[`d${axis}`] ?? 1];
      columns.set(axis, Array.from({ length: count }, (_, place) => start + step * place));
    }
  }
  for (const axis of count ? ["x", "y"] : []) {
    const bars = trace[`error_${axis}`];
    if (bars?.array) {
      columns.set(`${axis}+`, Array.from(bars.array).slice(0, count));
      columns.set(`${axis}−`, Array.from(bars.arrayminus ?? bars.array).slice(0, count));
    }
  }
  return columns;
}

function gridColumns(trace, scales) {
  const heights = Array.from(trace.z ?? [], (row) => valuesOf(row, scales.z));
  const [rows, count] = [heights.length, heights[0]?.length ?? 0];
  if (!rows || !count) {
    return new Map();
  }
  const places = (axis, size) => {
    const given = trace[axis] ? valuesOf(trace[axis]) : Array.from({ length: size }, (_, place) => place);
    const edges = typeof given[0] === "number" && given.length === size + 1;
    return edges ? given.slice(1).map((right, place) => (given[place] + right) / 2) : given;
  };
  const [x, y] = [places("x", count), places("y", rows)];
  const at = (values, row, column, index) => (values[row]?.length !== undefined && typeof values[row] !== "string"
    ? values[row][column] : values[index]);
  const columns = new Map([["x", []], ["y", []], ["z", []]]);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < count; column += 1) {
      columns.get("x").push(at(x, row, column, column));
      columns.get("y").push(at(y, row, column, row));
      columns.get("z").push(heights[row][column]);
    }
  }
  return columns;
}

function tracesOf({ data, layout }) {
  const found = [];
  data.forEach((trace, index) => {
    if (trace.meta?.decoration) {
      return;
    }
    const scales = trace.meta?.scale ?? {};
    const type = trace.type ?? "scatter";
    const columns = GRIDS.has(type) ? gridColumns(trace, scales) : pointColumns(trace, scales);
    const cells = new Map();
    for (const [key, values] of columns) {
      cells.set(key, values.map(cellText));
    }
    const titles = Object.fromEntries(["x", "y", "z"].map((axis) => [axis, axisTitle(trace, layout, axis)]));
    const one = { name: trace.name ? plainText(trace.name) : `${type} ${index + 1}`, titles, cells };
    // A line in a casing is two traces of the same points.
    const key = JSON.stringify([one.name, Array.from(cells)]);
    if (cells.size && !found.some((other) => other.key === key)) {
      found.push({ ...one, key });
    }
  });
  return found;
}

function overTheSamePlaces(traces) {
  const lines = traces.every(({ cells }) => cells.size === 2 && cells.has("x") && cells.has("y"));
  const names = new Set(traces.map((one) => one.name));
  const places = new Set(lines ? traces.map(({ cells }) => JSON.stringify(cells.get("x"))) : []);
  return traces.length > 1 && places.size === 1 && names.size === traces.length;
}

function heading(traces, key) {
  const axis = key[0];
  const titles = new Set(traces.filter(({ cells }) => cells.has(key)).map((one) => one.titles[axis]));
  titles.delete("");
  return (titles.size === 1 ? Array.from(titles)[0] : axis) + (key.length > 1 ? `, ${key.slice(1)}` : "");
}

function figureCsv(drawing, series) {
  const traces = tracesOf(drawing);
  const rows = [];
  if (overTheSamePlaces(traces)) {
    const named = traces.map(({ name, titles }) => (titles.y ? `${name} – ${titles.y}` : name));
    rows.push([traces[0].titles.x || "x", ...named].map(guarded));
    traces[0].cells.get("x").forEach((place, row) => rows.push([place, ...traces.map(({ cells }) => cells.get("y")[row])]));
  } else {
    const keys = Array.from(new Set(traces.flatMap(({ cells }) => Array.from(cells.keys()))))
      .sort((one, other) => "xyz".indexOf(one[0]) - "xyz".indexOf(other[0]) || (one < other ? -1 : 1));
    const several = traces.length > 1;
    rows.push([...(several ? [series] : []), ...keys.map((key) => guarded(heading(traces, key)))]);
    for (const { name, cells } of traces) {
      for (let row = 0; row < Array.from(cells.values())[0].length; row += 1) {
        rows.push([...(several ? [guarded(name)] : []), ...keys.map((key) => cells.get(key)?.[row] ?? "")]);
      }
    }
  }
  return rows.map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function fileName(...titles) {
  const words = titles.map(plainText).join(" ").replace(/ł/g, "l").replace(/Ł/g, "L").normalize("NFKD")
    .replace(/[^\x00-\x7f]/g, "").match(/[A-Za-z0-9]+/g) ?? ["figure"];
  return words.join("-").toLowerCase().slice(0, 90);
}

function save(plot, format) {
  const drawing = plot.drawings[Math.min(plot.choice, plot.drawings.length - 1)];
  const title = plot.closest("figure").firstElementChild.innerHTML;
  const filename = fileName(document.title, title);
  if (format === "csv") {
    const link = document.createElement("a");
    const text = figureCsv(drawing, document.getElementById("main").dataset.series);
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = `${filename}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    return;
  }
  // As it stands on the screen, with the title that the page has beside it.
  const [top, width, height] = [36, plot.clientWidth, plot.clientHeight];
  const margin = { ...plot.layout.margin, t: plot.layout.margin.t + top };
  const layout = {
    ...plot.layout, margin, height: height + top, paper_bgcolor: "#FFFFFF",
    title: { text: title, x: 0, xref: "paper", y: 1, yref: "container", yanchor: "top", pad: { t: 8 }, font: { size: 16 } },
  };
  Plotly.downloadImage({ data: plot.data, layout }, {
    format, filename, width, height: height + top, scale: format === "png" ? 2 : 1,
  });
}

function offerSaving(plot) {
  const { save: words, rounded } = document.getElementById("main").dataset;
  const box = plot.closest("figure").querySelector(".export");
  const coarse = plot.drawings.some(({ data }) => data.some((trace) => trace.rounded));
  for (const button of box.querySelectorAll("button")) {
    const name = button.dataset.format.toUpperCase();
    const told = words.replace("{format}", name) + (name === "CSV" && coarse ? ` (${rounded})` : "");
    button.title = told;
    button.setAttribute("aria-label", told);
    button.addEventListener("click", () => save(plot, button.dataset.format));
  }
  box.hidden = false;
}
