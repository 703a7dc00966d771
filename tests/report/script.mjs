// The verifier of the report's page, as it is embedded there, in a context of its own.

import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import vm from "node:vm";

/** In the order in which src/report/script.rs embeds them; page.js, which draws, comes after them. */
const FILES = ["canonical", "digest", "view", "event", "note", "pack"];

/** What the scripts define, by name. `without` are algorithms that this browser does not know. */
export function verifier(names, { without = [] } = {}) {
  const subtle = {
    digest: (...given) => webcrypto.subtle.digest(...given),
    verify: (...given) => webcrypto.subtle.verify(...given),
    importKey: (format, bytes, algorithm, ...rest) => {
      if (without.includes(algorithm.name)) throw new DOMException("unknown", "NotSupportedError");
      return webcrypto.subtle.importKey(format, bytes, algorithm, ...rest);
    },
  };
  const context = vm.createContext({ TextEncoder, atob, btoa, crypto: { subtle } });
  for (const file of FILES) {
    const url = new URL(`../../src/report/script/${file}.js`, import.meta.url);
    vm.runInContext(readFileSync(url, "utf8"), context, { filename: `${file}.js` });
  }
  return vm.runInContext(`({ ${names.join(", ")} })`, context);
}
