// @ts-check
// A setting beside a phase map, in words.

import { knobValueText, lowerLabel } from "./map-axis.js";
import { gettext, ngettext } from "./translation.js";

/** @import { MapAxis } from "./map-axis.js" */
/** @import { PhaseMap } from "./phase-maps.js" */
/** @import { Knobs, KnobSpec } from "./types" */

/**
 * The setting and the count of its cell, as a sentence.
 *
 * @param {PhaseMap} map
 * @param {number[]} values of the two knobs
 * @param {string} shape
 */
export function describeCell({ x, y, n, counts }, [across, up], shape) {
  const setting = `${x.spec.label} ${x.valueText(across)}, ${lowerLabel(y.spec.label)} ${y.valueText(up)}`;
  const positions = [x.position(across), y.position(up)];
  if (Math.min(...positions) < 0 || Math.max(...positions) > 1) {
    return gettext("%(setting)s: outside this map.", { setting });
  }
  const [column, row] = [x.cellAt(positions[0]), y.cellAt(positions[1])];
  const count = counts[row][column];
  if (count === null) return gettext("%(setting)s: this cell is not trained yet.", { setting });
  const middles = [];
  if (!isClose(x.values[column], across)) middles.push(axisValueText(x, x.values[column]));
  if (!isClose(y.values[row], up)) middles.push(axisValueText(y, y.values[row]));
  if (!middles.length) {
    return ngettext(
      "%(setting)s: %(num)s of %(n)s replicas shows %(shape)s.",
      "%(setting)s: %(num)s of %(n)s replicas show %(shape)s.",
      count,
      { setting, n, shape },
    );
  }
  const [first, second] = middles;
  const middle = second ? gettext("%(first)s and %(second)s", { first, second }) : first;
  return ngettext(
    "%(setting)s: in this cell, trained at %(middle)s, %(num)s of %(n)s replicas shows %(shape)s.",
    "%(setting)s: in this cell, trained at %(middle)s, %(num)s of %(n)s replicas show %(shape)s.",
    count,
    { setting, middle, n, shape },
  );
}

/**
 * @param {MapAxis} axis
 * @param {number} value
 */
function axisValueText(axis, value) {
  return `${lowerLabel(axis.spec.label)} ${axis.valueText(value)}`;
}

/**
 * Says where a map holds its other knobs and the learner's setting does not.
 *
 * @param {KnobSpec[]} specs
 * @param {Knobs} setting the map's
 * @param {Knobs} knobs the learner's
 */
export function describeOthers(specs, setting, knobs) {
  const differences = specs.map((spec) => {
    const [mapValue, ownValue] = [setting[spec.name], knobs[spec.name]];
    return gettext("%(knob)s at %(value)s; yours is %(own)s", {
      knob: lowerLabel(spec.label),
      value: knobValueText(spec, mapValue),
      own: knobValueText(spec, ownValue),
    });
  });
  const list = differences.reduce((others, last) =>
    gettext("%(others)s, and %(last)s", { others, last }),
  );
  return gettext("But this map holds %(list)s. Its counts are not those of your setting.", {
    list,
  });
}

/**
 * Whether two values of a knob are the same but for how they were written.
 *
 * @param {number} a
 * @param {number} b
 */
export function isClose(a, b) {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}
