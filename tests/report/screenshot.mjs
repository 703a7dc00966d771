// A picture of the beginning of a page. `node screenshot.mjs PAGE PICTURE`.

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { withChromium } from "./chromium.mjs";

const [file, picture] = process.argv.slice(2);
const [width, height] = [960, 660];

await withChromium(async (browser) => {
  const page = await browser.open(pathToFileURL(resolve(file)).href, { width, height });
  // The names of what was recorded at this moment would make another picture each time.
  await page.run(`for (const line of document.querySelectorAll(".top p.about")) line.hidden = true`);
  await page.call("Emulation.setScrollbarsHidden", { hidden: true });
  writeFileSync(picture, await page.screenshot());
});
