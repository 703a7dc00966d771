// Drives a headless Chromium over a pipe: the DevTools protocol, without a package and without a port.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];

/** Starts a browser, hands it to `use`, and ends it whatever happens. */
export async function withChromium(use) {
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  const browser = await start(profile);
  try {
    return await use(browser);
  } finally {
    browser.end();
    await browser.ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function start(profile) {
  const options = ["--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-dev-shm-usage",
    "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"];
  // As root, Chromium refuses to start with its sandbox.
  if (process.getuid() === 0) options.unshift("--no-sandbox");
  for (const program of PROGRAMS) {
    const child = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const started = await new Promise((resolve) => {
      child.once("spawn", () => resolve(true));
      child.once("error", () => resolve(false));
    });
    if (started) return new Browser(child);
  }
  throw new Error("Chromium is missing: ./scripts/test installs it");
}

class Browser {
  constructor(child) {
    this.child = child;
    this.calls = new Map();
    this.listeners = new Set();
    this.last = 0;
    this.ended = new Promise((resolve) => child.once("exit", resolve));
    let rest = Buffer.alloc(0);
    child.stdio[4].on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        this.heard(JSON.parse(rest.subarray(0, end).toString()));
        rest = rest.subarray(end + 1);
      }
    });
    child.stdio[3].on("error", () => {});
  }

  heard(message) {
    const call = this.calls.get(message.id);
    if (!call) {
      for (const listener of this.listeners) listener(message);
      return;
    }
    this.calls.delete(message.id);
    if (message.error) call.reject(new Error(`${call.method}: ${message.error.message}`));
    else call.resolve(message.result);
  }

  call(method, params = {}, sessionId = undefined) {
    const id = (this.last += 1);
    const answer = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${method}: no answer in a minute`)), 60_000);
      const settle = (how) => (value) => {
        clearTimeout(late);
        how(value);
      };
      this.calls.set(id, { method, resolve: settle(resolve), reject: settle(reject) });
    });
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return answer;
  }

  /** Opens a page in a tab of its own. */
  async open(url, { width = 1280, height = 900, scheme = "light", script = true } = {}) {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    for (const domain of ["Page", "Network", "Runtime", "Log"]) await page.call(`${domain}.enable`);
    await page.size(width, height);
    await page.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    await page.call("Emulation.setScriptExecutionDisabled", { value: !script });
    await page.load(url);
    return page;
  }

  end() {
    this.child.kill("SIGKILL");
  }
}

class Page {
  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId, requests: [], errors: [] });
    this.listener = ({ method, params, sessionId: from }) => {
      if (from !== sessionId) return;
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
      if (method === "Runtime.exceptionThrown") this.errors.push(params.exceptionDetails.text);
      if (method === "Log.entryAdded" && params.entry.level === "error") this.errors.push(params.entry.text);
      if (method === "Page.loadEventFired") this.loaded?.();
    };
    browser.listeners.add(this.listener);
  }

  call(method, params) {
    return this.browser.call(method, params, this.sessionId);
  }

  async load(url) {
    const loaded = new Promise((resolve) => { this.loaded = resolve; });
    await this.call("Page.navigate", { url });
    await loaded;
  }

  async size(width, height) {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.call("Emulation.setDeviceMetricsOverride", metrics);
  }

  /** The value of an expression, which may be a promise. */
  async run(expression) {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails: details } = await this.call("Runtime.evaluate", params);
    if (details) throw new Error(details.exception?.description ?? details.text);
    return result.value;
  }

  async screenshot(options = {}) {
    const { data } = await this.call("Page.captureScreenshot", { format: "png", ...options });
    return Buffer.from(data, "base64");
  }

  async pdf() {
    const { data } = await this.call("Page.printToPDF", { printBackground: true, preferCSSPageSize: true });
    return Buffer.from(data, "base64");
  }

  async close() {
    this.browser.listeners.delete(this.listener);
    await this.browser.call("Target.closeTarget", { targetId: this.targetId });
  }
}
