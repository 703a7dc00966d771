// The page: the Verify button, packs that are dropped, keys that are pasted, and the search.

(() => {
  const byId = (id) => document.getElementById(id);
  const messages = JSON.parse(byId("words").textContent);
  const STEPS_SHOWN = 20;

  /** A text of the page's language, with values in its places. What a pack says stays text. */
  function say(code, values = {}) {
    const text = Object.hasOwn(messages, code) ? messages[code] : code;
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? "–"));
  }

  function element(name, className, ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  /** A value that a pack or a person gave: isolated, and not longer than can be read. */
  function isolated(value) {
    const text = String(value);
    return text.length > 300 ? `\u2068${text.slice(0, 300)}…\u2069` : `\u2068${text}\u2069`;
  }

  function faultLine({ seq = null, event_type: type = null, code, where = "" }) {
    const what = say(code, { where: isolated(where) });
    if (seq === null) return element("li", "", what);
    const link = element("a", "", say("at_event", { seq: isolated(seq), event_type: isolated(type) }));
    if (Number.isInteger(seq) && byId(`e${seq}`)) link.href = `#e${seq}`;
    return element("li", "", link, `: ${what}`);
  }

  const SIGNS = { passed: "✓", failed: "✕", not_checked: "?" };
  const TONES = { passed: "good", failed: "bad", not_checked: "unknown" };

  function stepLine(step, counts) {
    const sign = element("i", "", SIGNS[step.state]);
    sign.ariaHidden = "true";
    const name = say(`step_${step.name}`, { ...counts, count: step.count });
    const line = element("li", TONES[step.state], sign, element("b", "", name), `: ${say(`state_${step.state}`)}`);
    if (step.state !== "failed" && step.code) {
      line.append(` (${say(step.code, { where: isolated(step.where ?? "") })})`);
    }
    if (step.faults.length > 0) {
      line.append(element("ul", "", ...step.faults.slice(0, STEPS_SHOWN).map(faultLine)));
    }
    return line;
  }

  /** The verdict in one sentence: a pass without a signature says less than one with it. */
  function sentence({ verdict, steps }) {
    if (verdict === "failed") return ["bad", say("failed")];
    const isSigned = steps.some(({ name, state }) => name === "signature" && state === "passed");
    return isSigned ? ["good", say("passed")] : ["unknown", say("passed_unsigned")];
  }

  function draw(result, what, took) {
    const [tone, text] = sentence(result);
    const shown = [element("p", `answer ${tone}`, element("b", "", `${what}: `), text)];
    shown.push(element("ul", "steps", ...result.steps.map((step) => stepLine(step, result.counts))));
    const { set_aside: aside, unknown_writers: writers } = result.counts;
    if (aside > 0) shown.push(element("p", "finding", say("aside", { count: aside })));
    if (writers > 0) shown.push(element("p", "finding", say("unknown_writers", { count: writers })));
    shown.push(element("p", "about", say("took", { where: Math.round(took) })));
    byId("result").replaceChildren(...shown);
    byId("result").dataset.verdict = result.verdict;
  }

  const paint = () => new Promise((resolve) => setTimeout(resolve));

  /** Shows how far it is, and lets the browser draw that from time to time. */
  function progress() {
    const bar = byId("progress");
    let last = performance.now();
    bar.hidden = false;
    return async (done, all) => {
      if (performance.now() - last < 50) return;
      last = performance.now();
      bar.value = all === 0 ? 1 : done / all;
      await paint();
    };
  }

  /** What was found before says nothing of what is checked now. */
  function forget() {
    delete byId("result").dataset.verdict;
    byId("result").replaceChildren(element("p", "", say("running")));
  }

  /** The pack that the page carries: JSON, packed with gzip, in base64. */
  async function packOfPage() {
    const packed = new Blob([Uint8Array.from(atob(byId("pack").textContent), (letter) => letter.charCodeAt(0))]);
    return new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  /** `read` gives the text of a pack. */
  async function check(read, what) {
    const result = byId("result");
    forget();
    if (!globalThis.crypto?.subtle || !globalThis.DecompressionStream) {
      result.replaceChildren(element("p", "answer bad", say("no_subtle")));
      result.dataset.verdict = "unable";
      return;
    }
    byId("verify").disabled = true;
    const started = performance.now();
    await paint();
    try {
      const keys = byId("key").value.split("\n").filter((line) => line.trim() !== "");
      draw(await verifyPack(await read(), keys, progress()), what, performance.now() - started);
    } catch (error) {
      // Nothing that a pack holds should bring us here. If it does, it is no pass.
      result.replaceChildren(element("p", "answer bad", say("failed"), ` ${isolated(error)}`));
      result.dataset.verdict = "failed";
    } finally {
      byId("progress").hidden = true;
      byId("verify").disabled = false;
    }
  }

  async function checkFile(file) {
    if (!file) return;
    await check(() => file.text(), say("of_file", { where: isolated(file.name) }));
  }

  /** Hands the pack to the reader, for a page or a program that the reader trusts. */
  async function save() {
    const link = element("a", "");
    link.href = URL.createObjectURL(new Blob([await packOfPage()], { type: "application/json" }));
    link.download = "pack.json";
    link.click();
    // Some browsers read it only later.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  function search() {
    const wanted = byId("search").value.trim().toLowerCase();
    let found = 0;
    for (const row of document.querySelectorAll(".events > li")) {
      const isFound = wanted === "" || row.textContent.toLowerCase().includes(wanted);
      row.hidden = !isFound;
      found += isFound ? 1 : 0;
    }
    byId("found").textContent = wanted === "" ? "" : say("found", { count: found });
  }

  /** A link to an event opens it. */
  function open() {
    const target = /^#e\d+$/.test(location.hash) ? byId(location.hash.slice(1)) : null;
    const details = target?.querySelector("details");
    if (!details) return;
    target.hidden = false;
    details.open = true;
    target.scrollIntoView();
  }

  byId("tools").hidden = false;
  document.querySelector(".search").hidden = false;
  byId("verify").addEventListener("click", () => check(packOfPage, say("of_this_page")));
  byId("save").addEventListener("click", save);
  byId("file").addEventListener("change", ({ target }) => checkFile(target.files[0]));
  byId("search").addEventListener("input", search);
  // Anywhere on the page: a file that misses a small target would replace the page.
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    checkFile(event.dataTransfer?.files[0]);
  });
  addEventListener("hashchange", open);
  open();
})();
