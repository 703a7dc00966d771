// How long a page takes in a browser: until it is open, until it is verified, and until its end is on the screen.
// `node speed.mjs FOLDER` prints a line for each page of the folder.

import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { withChromium } from "./chromium.mjs";

/** A page of 10,000 events takes a while. */
const roundsOf = (file) => (statSync(file).size > 10_000_000 ? 1 : 5);

/** The middle one of some times. */
const median = (times) => times.sort((one, other) => one - other)[times.length >> 1];

/** Until the page says what came of its check. */
const VERIFIED = `new Promise((resolve) => {
  const started = performance.now();
  const result = document.getElementById("result");
  const look = () => {
    if (result.dataset.verdict) resolve([result.dataset.verdict, performance.now() - started]);
    else setTimeout(look, 1);
  };
  document.getElementById("verify").click();
  look();
})`;

/** Until the end of the page is drawn, and again its beginning. */
const SCROLLED = `new Promise((resolve) => {
  const started = performance.now();
  const drawn = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
  scrollTo(0, document.documentElement.scrollHeight);
  drawn(() => {
    scrollTo(0, 0);
    drawn(() => resolve(performance.now() - started));
  });
})`;

const folder = process.argv[2];
const pages = readdirSync(folder).filter((name) => name.endsWith(".html"));
pages.sort((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10));
await withChromium(async (browser) => {
  for (const name of pages) {
    const [opened, verified, scrolled] = [[], [], []];
    const file = resolve(join(folder, name));
    for (let round = 0; round < roundsOf(file); round += 1) {
      const started = performance.now();
      const page = await browser.open(pathToFileURL(file).href);
      opened.push(performance.now() - started);
      scrolled.push(await page.run(SCROLLED));
      const [verdict, took] = await page.run(VERIFIED);
      if (verdict !== "passed") throw new Error(`${name}: ${verdict}`);
      verified.push(took);
      await page.close();
    }
    const [open, verify, scroll] = [opened, verified, scrolled].map((times) => `${median(times).toFixed(0)} ms`);
    console.log(`${name}: open in ${open}, verified in ${verify}, to its end and back in ${scroll}`);
  }
});
