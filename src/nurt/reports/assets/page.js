"use strict";

// The script that draws is packed: deflated, then four bytes as five digits of base 85.
function bytesOf(text, signs) {
  const values = new Uint8Array(128);
  for (let digit = 0; digit < signs.length; digit += 1) {
    values[signs.charCodeAt(digit)] = digit;
  }
  const bytes = new Uint8Array(Math.ceil(text.length / 5) * 4);
  for (let read = 0, written = 0; read < text.length; read += 5) {
    let number = 0;
    for (let place = read; place < read + 5; place += 1) {
      // A last group that is short counts as filled with the highest digit.
      number = number * 85 + (place < text.length ? values[text.charCodeAt(place)] : 84);
    }
    for (let shift = 24; shift >= 0; shift -= 8, written += 1) {
      bytes[written] = number >>> shift;
    }
  }
  return bytes.subarray(0, Math.floor((text.length * 4) / 5));
}

async function loadLibrary() {
  const element = document.getElementById("library");
  const bytes = bytesOf(element.textContent, element.dataset.signs);
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  // As text of an element, which the policy of the page allows; evaluating a string it does not.
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);
  element.remove();
}

// A finger scrolls the page; only a mouse drags to zoom and hovers for buttons.
const TOUCH = window.matchMedia("(hover: none)").matches;

const CONFIG = {
  displaylogo: false,
  displayModeBar: TOUCH ? false : "hover",
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
};

// Narrower than this, legends stand in two columns, or in one if a name is long and they are few.
const NARROW = 480;
const LONG = 15;
const FEW = 6;

function fitted({ data, layout }, plot, choice) {
  const width = plot.clientWidth;
  // The revision keeps a reader's zoom and hidden lines while the window changes, and drops them with the series.
  const fit = { ...layout, width, height: plot.clientHeight, uirevision: choice, dragmode: TOUCH ? false : "zoom" };
  if (width < NARROW && layout.legend) {
    const names = data.filter((trace) => trace.name && trace.showlegend !== false).map((trace) => trace.name);
    const single = names.length <= FEW && names.some((name) => name.length > LONG);
    fit.legend = { ...layout.legend, entrywidth: single ? 1 : 0.5, entrywidthmode: "fraction", font: { size: 11 } };
  }
  return fit;
}

function draw(plot, choice) {
  const { data, layout } = plot.drawings[Math.min(choice, plot.drawings.length - 1)];
  plot.choice = choice;
  plot.drawnWidth = plot.clientWidth;
  Plotly.react(plot, data, fitted({ data, layout }, plot, choice), CONFIG);
}

function follow(chooser) {
  const section = chooser.closest("section");
  const choose = () => {
    const choice = Number(chooser.value);
    section.querySelectorAll(".plot").forEach((plot) => draw(plot, choice));
    section.querySelectorAll("[data-choice]").forEach((part) => {
      part.hidden = Number(part.dataset.choice) !== choice;
    });
  };
  chooser.addEventListener("change", choose);
  // A browser that restores a form after reloading restores the choice, not the figures.
  choose();
}

// Plotly's own resizing waits a while before it draws, too long for paper. Watching the boxes rather than the window
// also sees the print layout.
function refit(plot) {
  if (plot.clientWidth > 0 && Math.abs(plot.clientWidth - plot.drawnWidth) > 1) {
    draw(plot, plot.choice);
  }
}

function drawAll() {
  const plots = Array.from(document.querySelectorAll(".plot"));
  for (const plot of plots) {
    plot.drawings = JSON.parse(plot.nextElementSibling.textContent);
    draw(plot, 0);
  }
  document.querySelectorAll("select.switch").forEach(follow);
  const observer = new ResizeObserver((entries) => entries.forEach((entry) => refit(entry.target)));
  plots.forEach((plot) => observer.observe(plot));
  window.addEventListener("beforeprint", () => plots.forEach(refit));
  window.addEventListener("afterprint", () => plots.forEach(refit));
}

loadLibrary().then(drawAll, () => {
  document.getElementById("no-drawing").hidden = false;
});
