// What the bench's modules make of the cases in tests/lab/curve_shapes.json. A test calls this in a
// page, with the folder of the modules, the page's words and numbers, and the cases.
async ({ folder, config, cases }) => {
  const { ShapeAxis } = await import(`${folder}live-shapes.js`);
  const { describeShapes } = await import(`${folder}live-sentences.js`);
  const names = Object.keys(config.shapes);
  return cases.map(({ x, curves, label }) => {
    const values = curves.map((curve) => curve.map(Number));
    const shown = new ShapeAxis(x, config.thresholds).findShapes(values, names);
    const indices = names.map((name) => [
      name,
      shown[name].flatMap((isShown, i) => (isShown ? [i] : [])),
    ]);
    return {
      shown: Object.fromEntries(indices),
      sentence: describeShapes(x, values, label, config),
    };
  });
};
