// A finger scrolls the page; only a mouse drags to zoom and hovers for buttons.
const TOUCH = window.matchMedia("(hover: none)").matches;

const CONFIG = {
  displaylogo: false,
  displayModeBar: TOUCH ? false : "hover",
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]],
};

// Narrower than this, legends stand in two columns, or in one if a name is long and they are few, or very long.
const NARROW = 480;
const LONG = 15;
const VERY_LONG = 22;
const FEW = 6;

function fitted({ data, layout }, plot, choice) {
  const width = plot.clientWidth;
  // The revision keeps a reader's zoom and hidden lines while the window changes, and drops them with the series.
  const fit = { ...layout, width, height: plot.clientHeight, uirevision: choice, dragmode: TOUCH ? false : "zoom" };
  if (width < NARROW && layout.legend) {
    const names = data.filter((trace) => trace.name && trace.showlegend !== false).map((trace) => trace.name);
    const longest = Math.max(0, ...names.map((name) => name.replace(/<[^>]*>/g, "").length));
    const single = longest > (names.length <= FEW ? LONG : VERY_LONG);
    // Below the whole figure, not the axes alone: long labels of an axis would leave a legend no room.
    const place = { xref: "container", x: 0.02, xanchor: "left", font: { size: 11 } };
    fit.legend = { ...layout.legend, ...place, entrywidth: (single ? 0.8 : 0.36) * width, entrywidthmode: "pixels" };
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
  const scopes = [chooser.closest("section, .evidence"), document.getElementById(chooser.dataset.follows)];
  const choose = () => {
    const choice = Number(chooser.value);
    for (const scope of scopes.filter(Boolean)) {
      scope.querySelectorAll(".plot").forEach((plot) => draw(plot, choice));
      scope.querySelectorAll("[data-choice]").forEach((part) => {
        part.hidden = Number(part.dataset.choice) !== choice;
      });
    }
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

async function drawAll() {
  const plots = Array.from(document.querySelectorAll(".plot"));
  for (const plot of plots) {
    plot.drawings = await drawingsOf(plot.nextElementSibling);
    draw(plot, 0);
    offerSaving(plot);
  }
  document.querySelectorAll("select.switch").forEach(follow);
  const observer = new ResizeObserver((entries) => entries.forEach((entry) => refit(entry.target)));
  plots.forEach((plot) => observer.observe(plot));
  window.addEventListener("beforeprint", () => plots.forEach(refit));
  window.addEventListener("afterprint", () => plots.forEach(refit));
}

loadLibrary().then(drawAll).catch((error) => {
  document.getElementById("no-drawing").hidden = false;
  throw error;
});
