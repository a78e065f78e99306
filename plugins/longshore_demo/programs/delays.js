// Find the carrier whose flights from one airport left latest on average, and how late they all left.
//   in:  AIRPORT, FILE (from count.sh)
//   out: one JSON object
const { appendFileSync, readFileSync } = require("node:fs");

const { AIRPORT: airport, FILE: file, LONGSHORE_OUTPUTS: outputs } = process.env;
let late = 0;
let departed = 0;
const carriers = new Map();

for (const line of readFileSync(file, "utf8").trimEnd().split("\n").slice(1)) {
  const fields = line.split(",");
  if (fields[5] === "" || fields[5] === "NA") continue;
  const [delay, carrier] = [Number(fields[5]), fields[9]];
  const sums = carriers.get(carrier) ?? { late: 0, departed: 0 };
  sums.late += delay;
  sums.departed += 1;
  carriers.set(carrier, sums);
  late += delay;
  departed += 1;
}

const means = [...carriers].map(([carrier, sums]) => [sums.late / sums.departed, carrier]);
const [worst, carrier] = means.sort(([a, x], [b, y]) => b - a || (x < y ? -1 : 1))[0];
const rounded = (minutes) => Number(minutes.toFixed(2));

const found = {
  airport,
  minutes_late: rounded(late / departed),
  worst_carrier: carrier,
  its_minutes_late: rounded(worst),
};
appendFileSync(outputs, JSON.stringify(found) + "\n");
console.log(`${airport}: ${(late / departed).toFixed(1)} minutes late on average, ${carrier} worst with ${worst.toFixed(1)}`);
