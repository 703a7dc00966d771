// Whether pages can be used by everybody: axe-core in Chromium, light and dark, wide and narrow, folded and unfolded; and
// whether their HTML is valid. `node accessible.mjs FOLDER FILE…`, where FOLDER has the packages of package.json.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { withChromium } from "./chromium.mjs";

const [folder, ...files] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { HtmlValidate } = await import(pathToFileURL(require.resolve("html-validate")).href);
const validator = new HtmlValidate({ extends: ["html-validate:standard"], rules: {
  // The policy forbids styles on elements; a page on a disk has no other way to have a style and a script of its own.
  "require-csp-nonce": "off",
  "require-sri": "off",
} });
let count = 0;

async function found(page) {
  await page.run(axe);
  const { violations } = await page.run("axe.run(document, { resultTypes: ['violations'] })");
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => html + failureSummary).join("; ")}`);
}

await withChromium(async (browser) => {
  for (const file of files) {
    const report = await validator.validateString(readFileSync(file, "utf8"));
    const errors = report.results.flatMap(({ messages }) => messages.map(({ ruleId, message, line, column }) => `${ruleId}: ${message} (${line}:${column})`));
    assert.deepEqual(errors.slice(0, 10), [], file);
    for (const scheme of ["light", "dark"]) {
      const page = await browser.open(pathToFileURL(file).href, { scheme });
      await page.run(`document.getElementById("verify").click();
        for (const details of document.querySelectorAll("details")) details.open = true;
        new Promise((resolve) => setTimeout(resolve, 500))`);
      for (const width of [390, 1280]) {
        await page.size(width, 844);
        assert.deepEqual(await found(page), [], `${file}, ${scheme}, ${width} px`);
        count += 1;
      }
      await page.close();
    }
  }
});
console.log(count);
