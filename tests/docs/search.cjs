// Runs the search of built pages as a browser does: node search.cjs FOLDER < queries.json
// Prints, for each query, the pages found, the best first.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const folder = process.argv[2];
const nothing = () => ({ children: [], removeChild() {} });
const context = vm.createContext({
  document: {
    documentElement: { dataset: { content_root: "" } },
    getElementById: nothing,
    addEventListener() {},
    readyState: "loading",
  },
  location: { search: "" },
  addEventListener() {},
  localStorage: { setItem() {}, getItem: () => null },
  URLSearchParams,
});
context.window = context;
const scripts = [
  "_static/documentation_options.js",
  "_static/doctools.js",
  "_static/sphinx_highlight.js",
  "_static/searchtools.js",
  "_static/language_data.js",
  "searchindex.js",
];
const sources = scripts.map((name) => path.join(folder, name));
const source = sources.map((name) => fs.readFileSync(name, "utf-8")).join("\n;\n");
const search = vm.runInContext(
  `${source};
  (query) => Search._performSearch(...Search._parseQuery(query)).reverse().map((found) => found[0])`,
  context,
);
const queries = JSON.parse(fs.readFileSync(0, "utf-8"));
const found = queries.map((query) => [...new Set(search(query))]);
process.stdout.write(JSON.stringify(found));
