"use strict";
// Draw the page's JSON figures lazily, in the colours of the style sheet, and redraw them when the
// colour scheme changes.
(() => {
  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // Replace "@blue" by the style sheet's --blue, only in properties named "color".
  const coloured = (value, key = "") => {
    if (Array.isArray(value)) return value.map((item) => coloured(item));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, k)]));
    }
    return key === "color" && value.startsWith("@") ? colour(value.slice(1)) : value;
  };

  const axis = () => ({
    gridcolor: colour("line"),
    linecolor: colour("line"),
    zeroline: false,
    tickfont: { color: colour("soft") },
    fixedrange: matchMedia("(pointer: coarse)").matches, // touch scrolls the page
  });

  const themed = (layout) => {
    const result = {
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("ink") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 56, r: 14, t: 24, b: 50 },
      showlegend: false,
      hoverlabel: { bgcolor: colour("ink"), font: { color: colour("card") } },
      ...coloured(layout),
    };
    for (const key of Object.keys(result).filter((name) => /^[xy]axis\d*$/.test(name))) {
      result[key] = { ...axis(), ...result[key] };
    }
    return result;
  };

  const figureOf = (plot) => JSON.parse(document.getElementById(plot.dataset.figure).textContent);
  const draw = (plot) => {
    const figure = figureOf(plot);
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", figure.label);
    const config = { displayModeBar: false, responsive: true, showTips: false };
    Plotly.react(plot, coloured(figure.data), themed(figure.layout), config);
    plot.classList.add("drawn");
  };

  const plots = [...document.querySelectorAll(".plot")];
  const seen = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      seen.unobserve(target);
      draw(target);
    }
  }, { rootMargin: "600px" });
  for (const plot of plots) {
    plot.style.minHeight = `${figureOf(plot).layout.height}px`; // no layout shift
    seen.observe(plot);
  }

  const redraw = () => plots.filter((plot) => plot.matches(".drawn")).forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  for (const select of document.querySelectorAll("select[data-plot]")) {
    const plot = document.getElementById(select.dataset.plot);
    select.closest("label").hidden = false;
    select.addEventListener("change", () => {
      plot.dataset.figure = select.value;
      draw(plot);
    });
  }
})();
