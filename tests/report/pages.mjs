// Pages of the report in a real browser. `node pages.mjs CASES.json`, where the cases are
// `{ pages: [file…], signed: { page, pack, key, other_key }, hostile: { page, marks: [text…] } }`.
// Prints how many checks it made. All pages share one browser.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

import { withChromium } from "./chromium.mjs";
import { FORGERIES, forged } from "./forgeries.mjs";

const { pages, signed, hostile } = JSON.parse(readFileSync(process.argv[2], "utf8"));
let count = 0;

/** Until the page says what came of a check: its verdict, the tone of its answer, and all that it says. */
const RESULT = `new Promise((resolve) => {
  const result = document.getElementById("result");
  const look = () => {
    if (!result.dataset.verdict) return setTimeout(look, 5);
    const answer = result.querySelector(".answer");
    const links = [...result.querySelectorAll(".steps a")].map((link) => link.getAttribute("href"));
    return resolve({ verdict: result.dataset.verdict, tone: answer.className, text: result.innerText, links });
  };
  look();
})`;

function press(page) {
  return page.run(`document.getElementById("verify").click(); ${RESULT}`);
}

/** Drops a text as a file on the page, with this key in the field. */
function drop(page, text, key) {
  return page.run(`(() => {
    document.getElementById("key").value = ${JSON.stringify(key)};
    const files = new DataTransfer();
    files.items.add(new File([${JSON.stringify(text)}], "dropped.json"));
    dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
    return ${RESULT};
  })()`);
}

/** No request but the one for the page itself, and no error. */
function assertQuiet(page, url) {
  assert.deepEqual(page.requests, [url]);
  assert.deepEqual(page.errors, []);
}

async function everyPageVerifies(browser) {
  for (const file of pages) {
    const url = pathToFileURL(file).href;
    const page = await browser.open(url);
    const { verdict, tone, text } = await press(page);
    assert.equal(verdict, "passed", `${file}: ${text}`);
    assert.match(tone, /unknown/, "without a key, a pass is no more than consistency");
    assert.doesNotMatch(await page.run("document.body.innerText"), /\{\d\}|undefined|null,/, file);
    assert.equal(await page.run('document.querySelectorAll("title *").length'), 0, "a title is text only");
    for (const width of [390, 1280]) {
      await page.size(width, 844);
      assert.ok(await page.run("document.documentElement.scrollWidth <= innerWidth"), `${file} is too wide at ${width}`);
    }
    assertQuiet(page, url);
    await page.close();
    count += 1;
  }
}

async function changesAreNamed(browser) {
  const url = pathToFileURL(signed.page).href;
  const page = await browser.open(url);
  const text = readFileSync(signed.pack, "utf8");
  const intact = await drop(page, text, signed.key);
  assert.deepEqual([intact.verdict, intact.tone], ["passed", "answer good"], intact.text);
  assert.match(intact.text, /dropped\.json/);
  for (const forgery of FORGERIES) {
    const { verdict, tone, text: said, links } = await drop(page, forged(text, forgery), signed.key);
    assert.deepEqual([verdict, tone], ["failed", "answer bad"], `${forgery.name}: ${said}`);
    if (forgery.seq) assert.ok(links.includes(`#e${forgery.seq(JSON.parse(text))}`), `${forgery.name}: ${links}`);
    count += 1;
  }
  for (const [key, tone] of [[signed.other_key, "answer bad"], ["nonsense", "answer bad"], ["", "answer unknown"]]) {
    assert.equal((await drop(page, text, key)).tone, tone, key);
    count += 1;
  }
  assertQuiet(page, url);
  await page.close();
}

/** The page's own data is what is checked, and not what it was made of. */
async function aChangedPageFails(browser) {
  const file = `${signed.page}.changed.html`;
  const html = readFileSync(signed.page, "utf8");
  const changed = html.replace(/(<script id="pack"[^>]*>)([^<]*)/, (_, tag, packed) => {
    const pack = gunzipSync(Buffer.from(packed, "base64")).toString();
    assert.deepEqual(JSON.parse(pack), JSON.parse(readFileSync(signed.pack, "utf8")), "the page carries the pack");
    const [, hash] = /"chain_hash":"([0-9a-f]+)"/.exec(pack);
    return tag + gzipSync(pack.replace(hash, hash.replace(/./, (digit) => (digit === "0" ? "1" : "0")))).toString("base64");
  });
  assert.notEqual(changed, html);
  writeFileSync(file, changed);
  const page = await browser.open(pathToFileURL(file).href);
  assert.equal((await press(page)).verdict, "failed");
  await page.close();
  count += 1;
}

async function hostileValuesStayText(browser) {
  const url = pathToFileURL(hostile.page).href;
  const page = await browser.open(url);
  const { verdict, text } = await press(page);
  assert.equal(verdict, "passed", text);
  assert.equal(await page.run("typeof globalThis.pwned"), "undefined");
  const strange = "img, iframe, object, embed, form, base, link, [onerror], [onload], [onclick], [style], main script";
  assert.equal(await page.run(`document.querySelectorAll(${JSON.stringify(strange)}).length`), 0);
  const [shown, links] = await page.run("[document.body.textContent, [...document.links].map(({ href }) => href)]");
  for (const mark of hostile.marks) assert.ok(shown.includes(mark), mark);
  assert.ok(links.every((href) => href.startsWith(`${url}#`)), "every link stays on the page");
  assertQuiet(page, url);
  // The search, and a link to an event.
  const hidden = await page.run(`(() => {
    const search = document.getElementById("search");
    search.value = "no such text";
    search.dispatchEvent(new Event("input"));
    return [...document.querySelectorAll(".events > li")].every((row) => row.hidden);
  })()`);
  assert.ok(hidden, "the search hides what does not match");
  const opens = `new Promise((resolve) => {
    addEventListener("hashchange", () => setTimeout(() => resolve(document.querySelector("#e1 details").open)));
    document.querySelector('a[href="#e1"]').click();
  })`;
  assert.ok(await page.run(opens), "a link opens its event");
  await page.close();
  count += 3;
}

async function withoutScriptItTellsAll(browser) {
  const url = pathToFileURL(signed.page).href;
  const page = await browser.open(url, { script: false });
  const { root } = await page.call("DOM.getDocument", { depth: 0 });
  const { nodeId } = await page.call("DOM.querySelector", { nodeId: root.nodeId, selector: "#tools[hidden]" });
  assert.ok(nodeId > 0, "no button that does nothing");
  const { nodeIds } = await page.call("DOM.querySelectorAll", { nodeId: root.nodeId, selector: "noscript p, .events pre" });
  assert.ok(nodeIds.length > 10, "events can be read, and the page says what the button needs");
  assertQuiet(page, url);
  await page.close();
  count += 1;
}

await withChromium(async (browser) => {
  await everyPageVerifies(browser);
  await changesAreNamed(browser);
  await aChangedPageFails(browser);
  await hostileValuesStayText(browser);
  await withoutScriptItTellsAll(browser);
});
console.log(count);
