// Draws each [data-chart] from the table beside it: what is drawn is what is written there. It has no data of its own.
"use strict";

(() => {
  const english = document.documentElement.lang === "en";
  const colours = getComputedStyle(document.documentElement);
  const colour = (name) => colours.getPropertyValue(name).trim();
  const INK = { soft: colour("--yl-soft"), line: colour("--yl-line"), blue: colour("--yl-blue"), seal: colour("--yl-seal") };
  const FONT = { fontFamily: colour("--yl-sans"), color: colour("--yl-ink"), fontSize: 12 };
  // Pixels: a chart with one line of legend, each further line, a legend's mark and what lies between two of them.
  const [HEIGHT, LINE, MARK, GAP] = [288, 24, 30, 10];

  const figure = (cell) => (/^-?[0-9.]+$/.test(cell.textContent.trim()) ? Number(cell.textContent) : null);

  const read = (table) => {
    const rows = [...table.tBodies[0].rows];
    const column = (head, place) => ({
      name: head.textContent.trim(),
      part: head.dataset.part,
      values: rows.map((row) => figure(row.cells[place + 1])),
    });
    return {
      months: rows.map((row) => row.cells[0].dataset.label),
      running: rows.map((row) => "running" in row.cells[0].dataset),
      columns: [...table.tHead.rows[0].cells].slice(1).map(column),
    };
  };

  // The month that still runs is drawn paler: its figure will grow.
  const bars = (data, column, more) => ({
    type: "bar",
    name: column.name,
    data: column.values.map((value, place) => (data.running[place] ? { value, itemStyle: { opacity: 0.5 } } : value)),
    barMaxWidth: 26,
    ...more,
  });

  const line = (column, more) => ({ type: "line", name: column.name, data: column.values, symbol: "none", ...more });

  // What was usual, as an area from the lower quartile to the upper: the second line stands on the first.
  const band = (data, name) => {
    const [low, high] = ["low", "high"].map((part) => data.columns.find((column) => column.part === part));
    const middle = data.columns.find((column) => column.part === "median");
    if (!low || !high || !middle || low.values.every((value) => value === null)) return [];
    const spread = { name, values: high.values.map((value, place) => (value === null ? null : value - low.values[place])) };
    const unseen = { lineStyle: { opacity: 0 }, stack: "band", silent: true, z: 1 };
    return [
      line({ name: "", values: low.values }, unseen),
      line(spread, { ...unseen, areaStyle: { color: INK.soft, opacity: 0.22 }, itemStyle: { color: INK.soft } }),
      line(middle, { lineStyle: { type: "dashed", color: INK.seal, width: 2 }, itemStyle: { color: INK.seal }, z: 4 }),
    ];
  };

  const series = (kind, data, name) => {
    const values = data.columns.filter((column) => column.part === "value");
    if (kind === "stack") return values.map((column) => bars(data, column, { stack: "all" }));
    const own = { itemStyle: { color: INK.blue }, z: 3 };
    if (kind === "line") {
      return [...band(data, name), line(values[0], { ...own, symbol: "circle", symbolSize: 7, lineStyle: { width: 2 } })];
    }
    return [bars(data, values[0], { ...own, z: 2 }), ...band(data, name)];
  };

  const told = (data) => (points) => {
    const place = points[0].dataIndex;
    const figures = data.columns.filter((column) => column.part && column.values[place] !== null);
    const shown = figures.length > 6 ? figures.filter((column) => column.values[place] !== 0) : figures;
    return [data.months[place], ...shown.map((column) => `${column.name}  ${column.values[place]}`)].join("\n");
  };

  const option = (kind, data, name, description) => {
    const drawn = series(kind, data, name);
    const whole = data.columns.every((column) => column.part !== "value" || column.values.every(Number.isInteger));
    return {
      animation: false,
      textStyle: FONT,
      aria: { enabled: true, label: { description }, decal: { show: true } },
      grid: { left: 8, right: 12, top: 16, containLabel: true },
      legend: { bottom: 0, itemGap: GAP, data: drawn.map((one) => one.name).filter(Boolean), textStyle: FONT },
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, textStyle: FONT, formatter: told(data) },
      xAxis: { type: "category", data: data.months, axisLabel: FONT, axisLine: { lineStyle: { color: INK.soft } } },
      yAxis: { type: "value", min: 0, minInterval: whole ? 1 : 0, axisLabel: FONT, splitLine: { lineStyle: { color: INK.line } } },
      series: drawn,
    };
  };

  // How many lines the legend takes: a mark before each name, a Han character as wide as its letters are high.
  const linesOf = (names, width) => {
    let lines = 1;
    let used = 0;
    for (const name of names) {
      const wide = MARK + GAP + [...name].reduce((sum, letter) => sum + (letter > "\u2e7f" ? 1 : 0.6) * FONT.fontSize, 0);
      if (used && used + wide > width) {
        lines += 1;
        used = 0;
      }
      used += wide;
    }
    return lines;
  };

  // The chart keeps its height whatever the legend takes below it.
  const fit = (chart, area) => {
    const lines = linesOf(chart.getOption().legend[0].data, area.clientWidth);
    area.style.height = `${HEIGHT + (lines - 1) * LINE}px`;
    chart.setOption({ grid: { bottom: 32 + lines * LINE } });
    chart.resize();
  };

  const draw = (figureBox) => {
    const area = figureBox.querySelector("[data-chart-area]");
    const table = figureBox.querySelector("table");
    if (!area || !table || window.echarts.getInstanceByDom(area)) return;
    const data = read(table);
    const chart = window.echarts.init(area, null, { renderer: "svg", locale: english ? "EN" : "ZH" });
    chart.setOption(option(figureBox.dataset.chart, data, figureBox.dataset.band, area.dataset.description));
    new ResizeObserver(() => fit(chart, area)).observe(area);
    figureBox.querySelector("details").open = false;
  };

  document.querySelectorAll("[data-chart]").forEach(draw);
})();
