// Runs the script of the session frame where there is nothing but JavaScript itself: no window, no cryptography, no
// TextEncoder. Reads {script, cookie, messages: [[data, origin]]} from standard input and prints the answers.

import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";

const asked = JSON.parse(readFileSync(0, "utf8"));
const answers = [];
let listener;
const context = createContext({
  window: { addEventListener: (kind, heard) => { listener = heard; } },
  document: { cookie: asked.cookie, body: { getAttribute: () => "state" } },
});
runInContext(readFileSync(asked.script, "utf8"), context);
for (const [data, origin] of asked.messages) {
  answers.push(null);
  const source = { postMessage: (answer, to) => { answers[answers.length - 1] = [answer, to]; } };
  listener({ data, origin, source: origin === "no source" ? null : source });
}
console.log(JSON.stringify(answers));
