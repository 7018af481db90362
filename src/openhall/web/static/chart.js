// The day so far: people waiting, and windows that call.
"use strict";

(() => {
  const series = document.getElementById("series");
  if (series) {
    let plot = null;
    const draw = async () => {
      const response = await fetch(series.dataset.series);
      if (!response.ok || !window.uPlot) return;
      const day = await response.json();
      const data = [day.at_ms.map((ms) => ms / 1000), day.waiting, day.open_counters];
      if (plot) return plot.setData(data);
      const style = getComputedStyle(document.body);
      const colour = (name) => style.getPropertyValue(name).trim();
      const thin = { stroke: colour("--rule"), width: 1 };
      const axis = { stroke: colour("--ink-soft"), grid: thin, ticks: thin, font: `13px ${style.fontFamily}` };
      const whole = { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500], size: 44 };
      plot = new uPlot(
        {
          width: series.clientWidth,
          height: 240,
          tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), series.dataset.zone),
          series: [
            { label: series.dataset.time, value: "{HH}:{mm}" },
            { label: series.dataset.waiting, stroke: colour("--accent"), width: 2, fill: colour("--accent-faint") },
            { label: series.dataset.counters, stroke: colour("--warm"), width: 2, paths: uPlot.paths.stepped({ align: 1 }) },
          ],
          axes: [{ ...axis, values: "{HH}:{mm}", space: 70 }, whole],
          cursor: { points: { size: 7 } },
          scales: { y: { range: (_, low, high) => [0, Math.max(5, high * 1.1)] } },
        },
        data,
        series,
      );
      addEventListener("resize", () => plot.setSize({ width: series.clientWidth, height: 240 }));
    };
    draw();
    let drawing = null;
    document.addEventListener("hall-changed", () => {
      drawing ??= setTimeout(() => ((drawing = null), draw()), 3000);
    });
  }
})();
