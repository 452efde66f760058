// A soak as a picture: what the process held over time, curves one below another.

const WIDTH = 900;
const HEIGHT = 130;
const LEFT = 90;
const TOP = 30;
/** Points of a curve. */
const MOST_POINTS = 700;

const CURVES = [
  ['memory', 'memory, MiB', (sample) => sample.memory / (1 << 20), '#2563eb'],
  ['descriptors', 'open descriptors', (sample) => sample.descriptors, '#059669'],
  ['threads', 'threads', (sample) => sample.threads, '#d97706'],
  ['connections', 'connections of browsers', (sample) => sample.connections, '#7c3aed'],
  ['users', 'users online', (sample) => sample.users, '#db2777'],
];

/** An SVG of the samples. */
export function plot(samples) {
  const end = samples.at(-1).seconds;
  const step = Math.ceil(samples.length / MOST_POINTS);
  const shown = samples.filter((_, index) => index % step === 0 || index === samples.length - 1);
  const parts = CURVES.map(([, title, value, colour], row) => {
    const most = Math.max(...samples.map(value)) * 1.1;
    const bottom = (row + 1) * (HEIGHT + TOP);
    const points = shown.map((sample) => {
      const x = LEFT + (sample.seconds / end) * (WIDTH - LEFT - 20);
      return `${x.toFixed(1)},${(bottom - (value(sample) / most) * HEIGHT).toFixed(1)}`;
    });
    return [
      `<text x="${LEFT}" y="${bottom - HEIGHT - 8}" font-weight="bold">${title}</text>`,
      `<text x="${LEFT - 8}" y="${bottom - HEIGHT / 1.1 + 4}" text-anchor="end">${(most / 1.1).toFixed(0)}</text>`,
      `<text x="${LEFT - 8}" y="${bottom}" text-anchor="end">0</text>`,
      `<path d="M${LEFT},${bottom - HEIGHT}V${bottom}H${WIDTH - 20}" fill="none" stroke="#9ca3af"/>`,
      `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.2"/>`,
    ].join('\n');
  });
  const height = CURVES.length * (HEIGHT + TOP) + 40;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    ...parts,
    `<text x="${WIDTH - 20}" y="${height - 18}" text-anchor="end">${(end / 60).toFixed(1)} minutes</text>`,
    '</svg>\n',
  ].join('\n');
}
