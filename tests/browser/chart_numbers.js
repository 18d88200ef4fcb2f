// What the bench's modules make of the cases in tests/web/chart_numbers.json. A test calls this in a
// page, with the folder of the modules and the cases, and compares what it gives with the file.
async ({ folder, cases }) => {
  const load = (name) => import(`${folder}${name}`);
  const { Scale, fitFrame, fitScale, scaleTicks } = await load("scales.js");
  const { tickText, formatPercent, formatPlainNumber } = await load("number-text.js");
  const { thinPoints, smoothCurve } = await load("line-geometry.js");
  const { axisNameBox, placeLabel } = await load("label-placement.js");
  const { lineData, bandData, findEnd, findExit } = await load("chart-geometry.js");
  const { Chart } = await load("chart.js");
  const { MapAxis } = await load("map-axis.js");
  const { borderData, cellData, colourStep } = await load("map-picture.js");

  const scales = ([x, y]) => ({ x: new Scale(...x), y: new Scale(...y) });
  // The values with the numbers that JSON does not have.
  const numbers = (values) => values.map((value) => (typeof value === "string" ? Number(value) : value));
  const toPoints = (numbers) =>
    numbers.flatMap((number, i) => (i % 2 ? [[numbers[i - 1], number]] : []));
  const toBox = ([x, y, halfWidth, halfHeight]) => ({ x, y, halfWidth, halfHeight });
  const fromBox = ({ x, y, halfWidth, halfHeight }) => [x, y, halfWidth, halfHeight];
  const results = {
    positions: ({ scale, values }) => values.map((value) => new Scale(...scale).position(value)),
    fits: ({ values, scale }) => {
      const { low, high, name } = fitScale(values, scale);
      return [low, high, name];
    },
    frames: ({ lines, scale }) => {
      const fitted = fitFrame(lines, scale);
      return fitted && [fitted.low, fitted.high, fitted.name];
    },
    ticks: ({ scale }) =>
      scaleTicks(new Scale(...scale)).map(([position, value]) => [position, ...tickText(value)]),
    tick_texts: ({ value }) => tickText(value),
    plain_numbers: ({ value }) => formatPlainNumber(Number(value)),
    percents: ({ share }) => formatPercent(share),
    thinned: ({ points }) => toPoints(thinPoints(points.flat())),
    smoothed: ({ points, steps }) => smoothCurve(points, steps),
    lines: ({ x, y, scales: ends }) => lineData(scales(ends), x, numbers(y)),
    exits: ({ x, y, scales: ends }) => {
      const gone = findExit(scales(ends), x, numbers(y));
      const end = findEnd(scales(ends), x, numbers(y));
      return [gone && [gone.edge, gone.point, gone.across], end && [end.point, end.place]];
    },
    bands: ({ scales: ends, ...curve }) => bandData(scales(ends), curve),
    axis_names: ({ text, size }) => fromBox(axisNameBox(text, size)),
    labels: ({ text, line, others, taken, size }) =>
      fromBox(placeLabel(text, line, others, taken.map(toBox), size)),
    map_axes: ({ values, scale, integer, names, positions }) => {
      const axis = new MapAxis({ scale, integer, choices: names, low: values[0] }, values);
      const inside = (position) => (position >= 0 && position <= 1 ? position : null);
      return {
        positions: positions.map(([value]) => inside(axis.position(value))),
        ticks: axis.listTicks(),
      };
    },
    colour_steps: ({ count, n }) => colourStep(count, n),
    map_cells: ({ counts, n }) => ({
      cells: Object.fromEntries(cellData(counts, n)),
      border: borderData(counts, n),
    }),
    charts: ({ axes, curves, described, log }) => {
      const chart = new Chart(document.createElement("div"), "c", axes, () => {});
      const series = curves.map((curve) => ({ title: "", name: "", low: [], high: [], ...curve }));
      chart.draw({
        curves: series,
        described,
        log,
        live: false,
        xRange: null,
        title: "",
        description: "",
      });
      return chart.plot.outerHTML;
    },
  };
  return Object.fromEntries(
    Object.entries(cases).map(([section, list]) => [section, list.map(results[section])]),
  );
};
