// Prints orders.csv, the file that `npm start` encrypts by default: orders of a shop that does not exist, the same
// bytes on every run. To write it anew: node tools/sample.mjs > examples/orders.csv

const CITIES = [
  'Århus',
  'Bergen',
  'Göteborg',
  'Kraków',
  'Łódź',
  'Malmö',
  'Porto',
  'Tartu',
  'Ålesund',
  'Zürich',
];
const ARTICLES = [
  ['anchor, 12 kg', 8900],
  ['chain, galvanised, 10 m', 6450],
  ['mooring rope, 14 mm, 20 m', 3995],
  ['shackle, stainless', 1250],
  ['fender, white', 2790],
  ['cleat, 200 mm', 1890],
  ['boat hook, telescopic', 3475],
];
const STATES = ['paid', 'packed', 'sent', 'delivered', 'returned'];
const ORDERS = 4200;

// Marsaglia's xorshift with 32 bits: not random enough for anything but looking like orders.
let state = 0x5eed;
function below(limit) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

const money = (cents) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
const firstDay = Date.UTC(2026, 0, 1);

const lines = ['order,date,customer,city,article,quantity,price_eur,total_eur,state'];
for (let order = 1; order <= ORDERS; order += 1) {
  const date = new Date(firstDay + Math.floor((order * 300) / ORDERS) * 86_400_000)
    .toISOString()
    .slice(0, 10);
  const [article, price] = ARTICLES[below(ARTICLES.length)];
  const quantity = 1 + below(9);
  lines.push(
    [
      `HF-${String(order).padStart(6, '0')}`,
      date,
      `C${String(below(900)).padStart(4, '0')}`,
      CITIES[below(CITIES.length)],
      `"${article}"`,
      quantity,
      money(price),
      money(price * quantity),
      STATES[below(STATES.length)],
    ].join(','),
  );
}
process.stdout.write(`${lines.join('\n')}\n`);
